package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
)

// How often the files are looked at, and how long before its end a certificate
// is warned of: those of Let's Encrypt are renewed 30 days before theirs.
const (
	certificateEvery = 10 * time.Second
	certificateWarn  = 14 * 24 * time.Hour
)

// certificate is the server's own, as the two files have it. When they change it
// follows; while they do not fit together, as between the two writes of a
// renewal, the one before stays.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	now               func() time.Time

	mu      sync.Mutex
	current *tls.Certificate // guarded by mu
	text    []byte           // both files, of current or of what was refused last
	trouble error            // why what the files have now is not in use
	warned  time.Time        // when its end was warned of last
}

// openCertificate reads the files; nil where TLS was not asked for.
func openCertificate(o serveOptions, log *slog.Logger) (*certificate, error) {
	if o.tlsCert == "" {
		return nil, nil
	}
	c := &certificate{certFile: o.tlsCert, keyFile: o.tlsKey, log: log, now: time.Now}
	c.look()
	if c.trouble != nil {
		return nil, c.trouble
	}
	return c, nil
}

// look reads both files, and takes what they have where it is new and good.
func (c *certificate) look() {
	cert, err := readNamed("--tls-cert", c.certFile, "name a file in PEM")
	key, err2 := readNamed("--tls-key", c.keyFile, "name a file in PEM")
	err = errors.Join(err, err2)
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.warn()
	text := bytes.Join([][]byte{cert, key}, []byte{0})
	if err == nil && bytes.Equal(text, c.text) {
		return
	}
	var pair tls.Certificate
	if err == nil {
		c.text = text
		if pair, err = tls.X509KeyPair(cert, key); err != nil {
			err = portvigil.Errorf(portvigil.CodeInvalid, "%s and %s are no certificate with its key: %v", c.certFile, c.keyFile, err).
				WithHint("write both as PEM, the certificate first and then those that signed it")
		}
	}
	if err != nil {
		if c.current != nil && (c.trouble == nil || c.trouble.Error() != err.Error()) {
			c.log.Error("certificate not taken over; the one before stays in use", "err", err)
		}
		c.trouble = err
		return
	}
	if c.current != nil {
		c.log.Info("certificate taken over", "ends", pair.Leaf.NotAfter)
	}
	c.current, c.trouble, c.warned = &pair, nil, time.Time{}
}

// warn tells once a day that the certificate ends soon; the caller holds mu.
func (c *certificate) warn() {
	if c.current == nil || c.current.Leaf.NotAfter.Sub(c.now()) > certificateWarn || c.now().Sub(c.warned) < 24*time.Hour {
		return
	}
	c.warned = c.now()
	c.log.Warn("the server's certificate ends; renew it", "ends", c.current.Leaf.NotAfter, "file", c.certFile)
}

// watch follows the files until ctx ends.
func (c *certificate) watch(ctx context.Context) error {
	tick := time.NewTicker(certificateEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			c.look()
		}
	}
}

// state is when the certificate ends, and whether newer files were refused.
func (c *certificate) state() (ends time.Time, refused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current.Leaf.NotAfter, c.trouble != nil
}

// listener speaks TLS on what l accepts: 1.2 and newer (RFC 9325), and HTTP/2.
func (c *certificate) listener(l net.Listener) net.Listener {
	return tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.current, nil
		}})
}

// baseURL is how links lead to the pages: with TLS by a name that stands in the
// certificate.
func baseURL(address net.Addr, c *certificate) string {
	if c == nil {
		return "http://" + address.String()
	}
	_, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return "https://" + address.String()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return "https://" + net.JoinHostPort(nameIn(c.current.Leaf), port)
}

// nameIn is a name that the certificate is for; where it has none that can be
// written, this machine's.
func nameIn(leaf *x509.Certificate) string {
	for _, name := range leaf.DNSNames {
		if !strings.HasPrefix(name, "*") {
			return name
		}
	}
	if len(leaf.IPAddresses) > 0 {
		return leaf.IPAddresses[0].String()
	}
	return localName()
}

// checkTLS refuses half of a pair, and paths that depend on where the server is.
func (o *serveOptions) checkTLS() error {
	if (o.tlsCert == "") != (o.tlsKey == "") {
		return portvigil.Errorf(portvigil.CodeInvalid, "TLS takes a certificate and its key").WithHint("give --tls-cert FILE and --tls-key FILE")
	}
	for _, path := range []string{o.tlsCert, o.tlsKey} {
		if err := checkWhole(path); err != nil {
			return err
		}
	}
	return nil
}

// tlsFolders are where the files are, and where links in their place lead to:
// they are replaced while the server runs.
func (o *serveOptions) tlsFolders() []string {
	var folders []string
	for _, path := range []string{o.tlsCert, o.tlsKey} {
		if path == "" {
			continue
		}
		folders = append(folders, filepath.Dir(path))
		if target, err := filepath.EvalSymlinks(path); err == nil && target != path {
			folders = append(folders, filepath.Dir(target))
		}
	}
	return folders
}

// openToAll says why an address that others reach is not taken.
func (o *serveOptions) openToAll() error {
	if o.behindProxy || o.tlsCert != "" {
		return nil
	}
	return portvigil.Errorf(portvigil.CodeInvalid, "--listen %s could be read on its way without TLS", o.listen).
		WithHint("give --tls-cert and --tls-key, or listen on 127.0.0.1 and use ssh -L, or put a TLS proxy in front and add --behind-proxy")
}
