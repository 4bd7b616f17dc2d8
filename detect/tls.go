package detect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"

	"github.com/portvigil/portvigil"
)

// nameOfTLS is the service's name where TLS was spoken and nothing inside it
// was recognised.
const nameOfTLS = "tls"

// maxNames is how many names of a certificate are kept: public CAs allow 100.
const maxNames = 100

// tlsPorts are usual for TLS around protocols that have no file here yet:
// Docker, LDAPS, DNS over TLS, SIP, Kubernetes, IRC, etcd.
var tlsPorts = []uint16{636, 853, 2376, 2379, 3269, 5061, 5986, 6443, 6514, 6697, 8883, 10250, 16993}

// askTLS offers TLS on the connection and explores what is inside.
//
//	ContentType 1 (20..24)  ProtocolVersion 2 (03 00..03 04)  length 2  …
//	(a record, RFC 8446 section 5.1)
func (v *visit) askTLS(ctx context.Context, w *wire) (f finding, next string, reuse bool) {
	inner, shown, heard, err := v.handshake(ctx, w)
	if err != nil {
		if looksLikeTLS(heard) {
			f = finding{named(nameOfTLS, "tls: a record in answer to the ClientHello"), true, heard}
			f.service.TLS, f.service.Certificate = true, shown
			v.tell(StepRule, stepTLS, nil, f.rule)
			return f, "", false
		}
		// Some other protocol answered to the ClientHello, or greeted before it.
		f = finding{answer: heard}
		if p, r, known := v.read(heard); known {
			f.reading, f.known = r, true
			v.tell(StepRule, stepTLS, nil, r.rule+" says "+r.service.Label())
			if p.request != nil {
				next = p.name
			} else if p.further != nil {
				next = stepListen // anew, on a connection that is not spoilt
			}
		}
		return f, next, false
	}
	f = v.explore(ctx, transport{secure: true, open: v.dialTLS}, inner)
	if !f.known {
		f.reading, f.known = named(nameOfTLS, "tls: the handshake was completed"), true
	}
	f.service.TLS, f.service.Certificate = true, shown
	return f, "", false
}

// dialTLS opens another connection and completes the handshake on it.
func (v *visit) dialTLS(ctx context.Context) (*wire, error) {
	w, err := v.dial(ctx)
	if err != nil {
		return nil, err
	}
	inner, _, _, err := v.handshake(ctx, w)
	if err != nil {
		_ = w.Close() // the handshake's error says more
		return nil, err
	}
	return inner, nil
}

// handshake completes TLS on the connection, whatever is shown: certificates are
// reported, not trusted. It returns the connection inside, and, also where the
// handshake failed, the certificate and the first bytes that came.
func (v *visit) handshake(ctx context.Context, w *wire) (*wire, *portvigil.Certificate, []byte, error) {
	var shown *portvigil.Certificate
	recorded := &recorder{wire: w}
	conn := tls.Client(recorded, v.tlsConfig(func(c *portvigil.Certificate) { shown = c }))
	v.tell(StepNote, stepTLS, nil, "ClientHello sent")
	ctx, cancel := context.WithDeadline(ctx, v.clip(v.patience(stepTLS, false).first))
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		v.tell(StepEnded, stepTLS, recorded.head, err.Error())
		return nil, shown, recorded.head, err
	}
	v.tell(StepNote, stepTLS, nil, tls.VersionName(conn.ConnectionState().Version)+" spoken")
	if err := conn.SetDeadline(v.deadline); err != nil {
		return nil, shown, recorded.head, err
	}
	return &wire{Conn: conn, v: v, again: v.dialTLS, probe: stepTLS, left: maxReceived}, shown, recorded.head, nil
}

// tlsConfig accepts everything that a server may still speak.
func (v *visit) tlsConfig(show func(*portvigil.Certificate)) *tls.Config {
	c := &tls.Config{
		ServerName:         v.serverName,
		InsecureSkipVerify: true,             // reported, not trusted
		MinVersion:         tls.VersionTLS10, // old servers are what people need to see
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			show(leaf(raw))
			return nil
		},
	}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		c.CipherSuites = append(c.CipherSuites, s.ID)
	}
	// A mail server may refuse a hello that offers nothing but HTTP (RFC 7301
	// section 3.2), so it is not offered where another protocol is usual.
	if !v.greeter(v.endpoint.Port(), true) {
		c.NextProtos = []string{"http/1.1"}
	}
	return c
}

// recorder keeps the first bytes that came, for when they are no TLS.
type recorder struct {
	*wire
	head []byte
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.wire.Read(p)
	r.head = append(r.head, p[:min(n, maxBanner-len(r.head))]...)
	return n, err
}

// looksLikeTLS reports whether the bytes begin with a record of a handshake or
// an alert, of SSL 3.0 to TLS 1.3.
func looksLikeTLS(b []byte) bool {
	return len(b) >= 5 && (b[0] == 0x15 || b[0] == 0x16) && b[1] == 3 && b[2] <= 4 &&
		int(b[3])<<8|int(b[4]) <= 1<<14+2048
}

// wantsTLS reports whether a web server said that it was asked without TLS.
// nginx: "The plain HTTP request was sent to HTTPS port"; Apache httpd:
// "speaking plain HTTP to an SSL-enabled server port"; Go: "Client sent an HTTP
// request to an HTTPS server."
func wantsTLS(answer []byte, r reading) bool {
	if r.service.Name != stepHTTP {
		return false
	}
	lower := bytes.ToLower(answer[:min(len(answer), maxBanner)])
	return bytes.Contains(lower, []byte(" 400 ")) && (bytes.Contains(lower, []byte("https ")) ||
		bytes.Contains(lower, []byte("ssl-enabled")))
}

// leaf returns what the first certificate says; nil where there is none that
// can be read.
func leaf(raw [][]byte) *portvigil.Certificate {
	if len(raw) == 0 {
		return nil
	}
	c, err := x509.ParseCertificate(raw[0])
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(c.Raw)
	out := &portvigil.Certificate{
		SHA256:     hex.EncodeToString(sum[:]),
		Subject:    line(c.Subject.String(), maxSubject),
		Issuer:     line(c.Issuer.String(), maxSubject),
		NotBefore:  c.NotBefore.UTC(),
		NotAfter:   c.NotAfter.UTC(),
		SelfSigned: bytes.Equal(c.RawSubject, c.RawIssuer) && selfSigned(c),
	}
	for _, name := range c.DNSNames[:min(len(c.DNSNames), maxNames)] {
		out.Names = append(out.Names, line(name, 253))
	}
	for _, ip := range c.IPAddresses[:min(len(c.IPAddresses), maxNames-len(out.Names))] {
		out.Names = append(out.Names, ip.String())
	}
	return out
}

// selfSigned reports whether the certificate's own key made its signature.
// Algorithms that Go no longer checks (SHA-1, MD5) count by their names being
// equal alone, which is all that can be seen.
func selfSigned(c *x509.Certificate) bool {
	err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
	if err == nil {
		return true
	}
	var insecure x509.InsecureAlgorithmError
	return errors.As(err, &insecure)
}
