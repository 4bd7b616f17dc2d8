package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// selfSigned returns a certificate for localhost and 127.0.0.1, and its key.
func selfSigned(t *testing.T, name string, ends time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"*.example.org", "localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: ends.Add(-365 * 24 * time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// pairFiles writes what a renewal writes; nil leaves a file as it is.
func pairFiles(t *testing.T, dir string, cert, key []byte) serveOptions {
	t.Helper()
	o := serveOptions{tlsCert: filepath.Join(dir, "cert.pem"), tlsKey: filepath.Join(dir, "key.pem")}
	for path, text := range map[string][]byte{o.tlsCert: cert, o.tlsKey: key} {
		if text == nil {
			continue
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func TestCertificateFollowsItsFiles(t *testing.T) {
	t.Parallel()
	dir, far := t.TempDir(), time.Now().Add(90*24*time.Hour)
	oldCert, oldKey := selfSigned(t, "old", far)
	newCert, newKey := selfSigned(t, "new", far)
	var text bytes.Buffer
	c, err := openCertificate(pairFiles(t, dir, oldCert, oldKey), slog.New(slog.NewTextHandler(&text, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name      string
		cert, key []byte
		uses      string
		refused   bool
		says      string
	}{
		{"nothing changed", nil, nil, "old", false, ""},
		{"the certificate is there before its key", newCert, nil, "old", true, "the one before stays in use"},
		{"nothing changed again, and nothing is said twice", nil, nil, "old", true, ""},
		{"a file is half-written", newCert[:len(newCert)/2], nil, "old", true, "stays in use"},
		{"a file is empty", []byte{}, nil, "old", true, ""},
		{"both are there", newCert, newKey, "new", false, "taken over"},
		{"the former pair is put back", oldCert, oldKey, "old", false, "taken over"},
	} {
		text.Reset()
		pairFiles(t, dir, step.cert, step.key)
		c.look()
		_, refused := c.state()
		if got := c.current.Leaf.Subject.CommonName; got != step.uses || refused != step.refused {
			t.Errorf("%s: %s is in use, refused %v", step.name, got, refused)
		}
		if said := text.String(); !strings.Contains(said, step.says) || step.says == "" && strings.Contains(said, "taken over") {
			t.Errorf("%s: it says %q", step.name, said)
		}
		if step.name == "nothing changed again, and nothing is said twice" && text.Len() > 0 {
			t.Errorf("it is said again: %s", &text)
		}
		if strings.Contains(text.String(), "PRIVATE") {
			t.Errorf("%s: the log has the key", step.name)
		}
	}
	if err := os.Remove(c.keyFile); err != nil {
		t.Fatal(err)
	}
	c.look()
	if _, refused := c.state(); !refused || c.current.Leaf.Subject.CommonName != "old" {
		t.Error("a key that has gone is not said")
	}
}

func TestCertificateIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t, "a", time.Now().Add(time.Hour))
	_, other := selfSigned(t, "b", time.Now().Add(time.Hour))
	for name, pair := range map[string][2][]byte{"no files": {nil, nil}, "another's key": {cert, other}, "no PEM": {[]byte("x"), key}, "only a key": {key, key}} {
		_, err := openCertificate(pairFiles(t, t.TempDir(), pair[0], pair[1]), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "PEM") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCertificateThatEndsSoonIsWarnedOfDaily(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var text bytes.Buffer
	cert, key := selfSigned(t, "a", now.Add(20*24*time.Hour))
	o := pairFiles(t, t.TempDir(), cert, key)
	c := &certificate{certFile: o.tlsCert, keyFile: o.tlsKey, log: slog.New(slog.NewTextHandler(&text, nil)), now: func() time.Time { return now }}
	for _, step := range []struct {
		after time.Duration
		warns bool
	}{{0, false}, {5 * 24 * time.Hour, false}, {25 * time.Hour, true}, {time.Hour, false}, {23 * time.Hour, true}} {
		now = now.Add(step.after)
		text.Reset()
		c.look()
		if warns := strings.Contains(text.String(), "renew it"); warns != step.warns {
			t.Errorf("after %s more it warns: %v", step.after, warns)
		}
	}
}

func TestCertificateSpeaksTLSAsItShould(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t, "a", time.Now().Add(time.Hour))
	c, err := openCertificate(pairFiles(t, t.TempDir(), cert, key), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if base := baseURL(l.Addr(), c); !strings.HasPrefix(base, "https://localhost:") {
		t.Errorf("links lead to %s", base)
	}
	done := make(chan error, 1)
	go func() {
		done <- serveHTTP(t.Context(), c.listener(l), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Proto)
		}))
	}()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	for version, taken := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, MinVersion: version, MaxVersion: version})
		if (err == nil) != taken {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			conn.Close()
		}
	}
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	answer, err := client.Get("https://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if proto, err := io.ReadAll(answer.Body); string(proto) != "HTTP/2.0" || err != nil {
		t.Errorf("it speaks %s, %v", proto, err)
	}
}
