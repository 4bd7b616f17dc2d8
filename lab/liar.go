package lab

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"html"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// Liar opens a door on a TCP port of the host that says the text in all places
// where a web server behind TLS can: in the names of its certificate and of who
// issued it, in a header, and as the title of its page.
//
// It greets whoever says nothing with an alert of TLS, and inside TLS sends its page
// unasked: a scanner that listens first has nothing to wait for.
func (h *Host) Liar(t testing.TB, port uint16, text string) {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{certificateOf(t, text)}}
	page := "HTTP/1.1 200 OK\r\nServer: " + text + "\r\n\r\n<title>" + html.EscapeString(text) + "</title>\n"
	var speaking sync.WaitGroup
	t.Cleanup(speaking.Wait) // after the listener has closed
	l := h.ListenTCP(t, h.Addr(port))
	serve(t, l, func(l net.Listener) error {
		for {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			speaking.Go(func() { lie(c, config, page) })
		}
	}, l.Close)
}

// What a liar waits for: the first byte of who speaks first, and all the rest.
const (
	firstByteWithin = 100 * time.Millisecond
	lieWithin       = 10 * time.Second
)

// lie speaks to one caller. Whoever hangs up hears no more.
func lie(c net.Conn, config *tls.Config, page string) {
	defer c.Close()
	first := make([]byte, 1)
	_ = c.SetDeadline(time.Now().Add(firstByteWithin))
	if _, err := io.ReadFull(c, first); err != nil {
		// Alert, fatal, handshake_failure (RFC 8446, section 6).
		_ = c.SetDeadline(time.Now().Add(lieWithin))
		_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40})
		return
	}
	_ = c.SetDeadline(time.Now().Add(lieWithin))
	s := tls.Server(begun{c, io.MultiReader(bytes.NewReader(first), c)}, config)
	if _, err := io.WriteString(s, page); err == nil && s.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, s) // until it has heard all: a reset would take it back
	}
}

// begun is a connection of which some bytes have been read.
type begun struct {
	net.Conn
	all io.Reader
}

// Read reads what was read already, and then the rest.
func (b begun) Read(p []byte) (int, error) { return b.all.Read(p) }

// longestName is what of a text stands in a certificate: all that has to fit into
// one message of the handshake.
const longestName = 4000

// certificateOf returns a certificate whose names are the text, issued by "by " and
// the text. A text that is no UTF-8 stands in it as a string of another kind.
func certificateOf(t testing.TB, text string) tls.Certificate {
	t.Helper()
	text = text[:min(len(text), longestName)]
	tag := asn1.TagUTF8String
	if !utf8.ValidString(text) {
		tag = asn1.TagT61String
	}
	name := func(text string) []byte {
		commonName := asn1.ObjectIdentifier{2, 5, 4, 3}
		raw, err := asn1.Marshal(pkix.RDNSequence{{{Type: commonName, Value: asn1.RawValue{Tag: tag, Bytes: []byte(text)}}}})
		if err != nil {
			t.Fatalf("write %.40q as a name: %v", text, err)
		}
		return raw
	}
	ascii := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return -1
		}
		return r
	}, text)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatalf("make a key: %v", err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), RawSubject: name(text), NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), DNSNames: []string{ascii}}
	der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{RawSubject: name("by " + text)}, public, private)
	if err != nil {
		t.Fatalf("make the certificate of %.40q: %v", text, err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}
