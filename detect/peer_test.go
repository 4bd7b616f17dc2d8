package detect

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// quick are options for peers on loopback: nobody needs to be listened to for
// long, and a machine that is busy with other tests may take its time.
func quick() Options {
	return Options{Timeout: 30 * time.Second, BannerWait: time.Second}
}

// peer is a server on loopback that runs serve for every connection.
type peer struct {
	endpoint netip.AddrPort
	mu       sync.Mutex
	received []string // the first bytes of each connection that sent any; guarded by mu
	accepted int      // guarded by mu
}

func startPeer(t *testing.T, serve func(net.Conn)) *peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{endpoint: l.Addr().(*net.TCPAddr).AddrPort()}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.accepted++
			p.mu.Unlock()
			all.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				serve(&overheard{Conn: c, p: p})
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return p
}

// overheard notes the first bytes that the peer receives.
type overheard struct {
	net.Conn
	p    *peer
	once sync.Once
}

func (o *overheard) Read(b []byte) (int, error) {
	n, err := o.Conn.Read(b)
	if n > 0 {
		o.once.Do(func() {
			o.p.mu.Lock()
			defer o.p.mu.Unlock()
			o.p.received = append(o.p.received, string(b[:n]))
		})
	}
	return n, err
}

// heard returns what the peer received and how many connections it accepted.
func (p *peer) heard() ([]string, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.received...), p.accepted
}

// drain reads until the other side leaves.
func drain(c net.Conn) {
	b := make([]byte, 4096)
	for {
		if _, err := c.Read(b); err != nil {
			return
		}
	}
}

// says greets and waits.
func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Write([]byte(text)) // a peer that left hears nothing
		drain(c)
	}
}

// answers reads one request of HTTP and answers by its path.
func answers(byPath map[string]string) func(net.Conn) {
	return func(c net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		_, _ = c.Write([]byte(byPath[r.URL.Path])) // as above
	}
}

// overTLS wraps serve.
func overTLS(t *testing.T, serve func(net.Conn)) func(net.Conn) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop\x1b[31m.example"}, DNSNames: []string{"shop.example"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Unix(1700000000, 0), NotAfter: time.Unix(1900000000, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
	return func(c net.Conn) {
		inner := tls.Server(c, config)
		if inner.HandshakeContext(context.Background()) == nil {
			serve(inner)
			_ = inner.Close() // the connection itself ends with the peer
		}
	}
}
