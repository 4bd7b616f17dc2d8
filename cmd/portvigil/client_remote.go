package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
)

// tokenVariable holds the token for --server where there is no --token-file.
const tokenVariable = "PORTVIGIL_TOKEN"

// reaches gives a command the flags by which it talks to a server elsewhere.
func (a *app) reaches(c *cobra.Command) {
	f := c.PersistentFlags()
	f.StringVar(&a.server, "server", "", "talk to the server at this URL, https://HOST[:PORT], with a token from "+tokenVariable+" or --token-file")
	f.StringVar(&a.tokenFile, "token-file", "", "file that holds the token for --server")
	f.StringVar(&a.caFile, "ca-file", "", "file of certificates (PEM) that sign the one of --server, beside those of the system")
}

// remoteClient talks to a server elsewhere. It follows no redirect: the token is
// for that server alone.
func (a *app) remoteClient() *client {
	base, err := remoteBase(a.server)
	if err != nil {
		return &client{err: err}
	}
	token, err := a.token()
	if err != nil {
		return &client{err: err}
	}
	roots, err := a.roots()
	if err != nil {
		return &client{err: err}
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DisableKeepAlives: true,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
	return &client{base: base, token: token, unreachable: func(err error) error { return noServer(base, err) },
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// remoteBase checks the URL: a token goes over TLS, or stays on the machine.
func remoteBase(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return "", portvigil.Errorf(portvigil.CodeInvalid, "--server is no address of a server").WithHint("write it as https://portvigil.example.org:7979")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", portvigil.Errorf(portvigil.CodeInvalid, "--server %s: the token could be read on its way", portvigil.Printable(text)).
			WithHint("use https://, or ssh -L and http://127.0.0.1:PORT")
	}
	return u.Scheme + "://" + u.Host, nil
}

func (a *app) token() (string, error) {
	if a.tokenFile != "" {
		secret, err := a.secretFrom(a.tokenFile)
		return checkToken(secret.Reveal(), err)
	}
	if token := strings.TrimSpace(a.getenv(tokenVariable)); token != "" {
		return checkToken(token, nil)
	}
	return "", portvigil.Errorf(portvigil.CodeInvalid, "--server needs a token").
		WithHint("make one there, portvigil tokens add NAME --scope write, and put it into %s or a file for --token-file", tokenVariable)
}

// checkToken refuses what no header can hold, without repeating it.
func checkToken(token string, err error) (string, error) {
	if err == nil && strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		err = portvigil.Errorf(portvigil.CodeInvalid, "what was given as the token is none").WithHint("a token is one word that begins with pv_")
	}
	return token, err
}

// roots are whose certificates are believed; nil for the system's.
func (a *app) roots() (*x509.CertPool, error) {
	if a.caFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(a.caFile)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", a.caFile, unwrapPath(err))
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without any
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "%s holds no certificate", a.caFile).WithHint("it has to be PEM, as in -----BEGIN CERTIFICATE-----")
	}
	return pool, nil
}

// noServer says why a server elsewhere did not answer.
func noServer(base string, err error) error {
	var wrong *tls.CertificateVerificationError
	var name x509.HostnameError
	var old x509.CertificateInvalidError
	var dns *net.DNSError
	switch {
	case errors.As(err, &name):
		return portvigil.Errorf(portvigil.CodeUnavailable, "the certificate of %s is for another name: %v", base, name).
			WithHint("use a name that stands in it")
	case errors.As(err, &old) && old.Reason == x509.Expired:
		return portvigil.Errorf(portvigil.CodeUnavailable, "the certificate of %s does not hold now: %v", base, old).
			WithHint("renew it, and look at both clocks")
	case errors.As(err, &wrong):
		return portvigil.Errorf(portvigil.CodeUnavailable, "the certificate of %s is not trusted here: %v", base, wrong.Err).
			WithHint("name the one that signed it with --ca-file")
	case errors.Is(err, http.ErrSchemeMismatch), errors.Is(err, io.EOF):
		return portvigil.Errorf(portvigil.CodeUnavailable, "what answers at %s speaks no TLS", base).
			WithHint("start the server there with --tls-cert and --tls-key, or put a proxy in front")
	case errors.As(err, &dns):
		return portvigil.Errorf(portvigil.CodeUnavailable, "%s leads nowhere: %v", base, dns).WithHint("look at the name in --server")
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ETIMEDOUT):
		return portvigil.Errorf(portvigil.CodeUnavailable, "nothing answers at %s: %v", base, err).
			WithHint("is it running, does it --listen there, and does a firewall let you through?")
	}
	return portvigil.Errorf(portvigil.CodeUnavailable, "%s was not reached: %v", base, err)
}
