package detect

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"golang.org/x/crypto/ssh"
)

func identify(t *testing.T, p *peer, o Options) *portvigil.Service {
	t.Helper()
	s, err := Identify(context.Background(), p.endpoint, "", o)
	if err != nil {
		t.Fatalf("identify: %v", err)
	}
	if !s.Connected {
		t.Error("a completed connection is not told")
	}
	lawful(t, *s)
	return s
}

func TestAWebServerIsKnownByItsPage(t *testing.T) {
	t.Parallel()
	p := startPeer(t, answers(map[string]string{"/": "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Length: 17\r\n\r\n<title>Hi</title>"}))
	o := quick()
	o.UserAgent = "Test/1\r\nX-Evil: 1"
	s := identify(t, p, o)
	if s.Label() != "nginx 1.22.1" || s.Title != "Hi" || s.TLS || !strings.HasPrefix(string(s.Banner), "HTTP/1.1 200") {
		t.Errorf("service %+v", s)
	}
	got, connections := p.heard()
	if connections != 1 || len(got) != 1 || !strings.Contains(got[0], "\r\nUser-Agent: Test/1X-Evil: 1\r\n") {
		t.Errorf("%d connections heard %q", connections, got)
	}
}

func TestAnExporterWithoutAVersionIsAskedForItsMetrics(t *testing.T) {
	t.Parallel()
	p := startPeer(t, answers(map[string]string{
		"/": oldNode,
		"/metrics": ok + strings.Repeat("node_cpu_seconds_total{cpu=\"0\"} 1\n", 5000) +
			"node_exporter_build_info{branch=\"HEAD\",revision=\"abc\",version=\"1.3.1\"} 1\n",
	}))
	if s := identify(t, p, quick()); s.Label() != "Prometheus node exporter 1.3.1" || s.Confidence != sureByStructure {
		t.Errorf("service %+v", s)
	}
}

func TestTLSIsFoundBehindASilentPort(t *testing.T) {
	t.Parallel()
	p := startPeer(t, overTLS(t, answers(map[string]string{"/": "HTTP/1.1 200 OK\r\nServer: Caddy\r\nContent-Length: 0\r\n\r\n"})))
	s := identify(t, p, quick())
	if s.Label() != "Caddy" || !s.TLS || s.Certificate == nil {
		t.Fatalf("service %+v", s)
	}
	c := s.Certificate
	if !c.SelfSigned || c.Subject != "CN=shop[31m.example" || strings.Join(c.Names, " ") != "shop.example 127.0.0.1" || len(c.SHA256) != 64 || c.NotAfter.Unix() != 1900000000 {
		t.Errorf("certificate %+v", c)
	}
}

func TestAGreetingInsideTLSIsHeard(t *testing.T) {
	t.Parallel()
	p := startPeer(t, overTLS(t, says("* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n")))
	if s := identify(t, p, quick()); s.Label() != "Dovecot" || s.Name != "imap" || !s.TLS {
		t.Errorf("service %+v", s)
	}
}

func TestAWebServerThatWantsTLSGetsIt(t *testing.T) {
	t.Parallel()
	secure := overTLS(t, answers(map[string]string{"/": "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\r\n<title>In</title>"}))
	p := startPeer(t, func(c net.Conn) {
		first := make([]byte, 1)
		if _, err := c.Read(first); err != nil {
			return
		}
		if first[0] == 0x16 {
			secure(&replay{Conn: c, head: first})
			return
		}
		_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\nServer: nginx/1.22.1\r\n\r\n<title>400 The plain HTTP request was sent to HTTPS port</title>"))
	})
	if s := identify(t, p, quick()); s.Title != "In" || !s.TLS {
		t.Errorf("service %+v", s)
	}
}

// replay gives bytes back to a reader.
type replay struct {
	net.Conn
	head []byte
}

func (r *replay) Read(b []byte) (int, error) {
	if len(r.head) > 0 {
		n := copy(b, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	return r.Conn.Read(b)
}

func TestRedisIsFoundAtAnOddPort(t *testing.T) {
	t.Parallel()
	p := startPeer(t, func(c net.Conn) {
		b := make([]byte, 1024)
		n, err := c.Read(b)
		switch {
		case err != nil:
		case strings.HasPrefix(string(b[:n]), "INFO server\r\n"):
			says(bulk("# Server\r\nredis_version:7.0.15\r\n"))(c)
		default:
			says("-ERR wrong number of arguments for 'get' command\r\n")(c)
		}
	})
	if s := identify(t, p, quick()); s.Label() != "Redis 7.0.15" {
		t.Errorf("service %+v", s)
	}
}

func TestTheHostKeyIsTheOneThatIsProved(t *testing.T) {
	t.Parallel()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true, ServerVersion: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"}
	config.AddHostKey(signer)
	loggedIn := make(chan bool, 8)
	p := startPeer(t, func(c net.Conn) {
		_, _, _, err := ssh.NewServerConn(c, config)
		loggedIn <- err == nil
	})
	// However late the greeting comes on a busy machine, it is waited for: what
	// is asked instead spoils the key exchange.
	s := identify(t, p, Options{Timeout: time.Minute, BannerWait: 20 * time.Second})
	if want := ssh.FingerprintSHA256(signer.PublicKey()); s.HostKey != want || s.Label() != "OpenSSH 9.2p1" {
		t.Errorf("host key %q of %s, want %q", s.HostKey, s.Label(), want)
	}
	if _, connections := p.heard(); connections != 1 || <-loggedIn {
		t.Errorf("%d connections, or somebody logged in", connections)
	}
}

func TestNothingIsSentToMySQL(t *testing.T) {
	t.Parallel()
	p := startPeer(t, says(handshake("5.5.5-10.11.6-MariaDB-0+deb12u1")))
	if s := identify(t, p, quick()); s.Label() != "MariaDB 10.11.6" {
		t.Errorf("service %+v", s)
	}
	if got, connections := p.heard(); connections != 1 || len(got) != 0 {
		t.Errorf("%d connections heard %q", connections, got)
	}
}

func TestAnUnknownGreetingIsKeptAndNothingIsGuessed(t *testing.T) {
	t.Parallel()
	const hostile = "\x1b]0;owned\x07<script>alert(1)</script>\x00\r\n"
	p := startPeer(t, says(hostile))
	s := identify(t, p, quick())
	if s.Label() != "unknown service" || string(s.Banner) != hostile || s.Confidence != 0 {
		t.Errorf("service %+v", s)
	}
	if got, _ := p.heard(); len(got) != 0 {
		t.Errorf("sent %q after a greeting", got)
	}
}

func TestAClosedPortIsAnError(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ep := l.Addr().(*net.TCPAddr).AddrPort()
	l.Close()
	if s, err := Identify(context.Background(), ep, "", quick()); err == nil || s != nil {
		t.Errorf("got %+v, %v", s, err)
	}
}

// Whoever sends anything to a printer's raw port wastes its paper.
func TestNothingIsSentToWhatMayBeAPrinter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		look   *portvigil.Look
		silent bool
	}{
		{"the look saw LPD open", &portvigil.Look{Ports: portvigil.PortsOf(515, 631, 9100), DefaultState: portvigil.StateClosed,
			Observations: []portvigil.Observation{{Port: 515, State: portvigil.StateOpen}, {Port: 9100, State: portvigil.StateOpen}}}, true},
		{"no look covered it, and IPP answers", nil, true},
		{"the look saw neither", &portvigil.Look{Ports: portvigil.PortsOf(515, 631, 9100), DefaultState: portvigil.StateClosed,
			Observations: []portvigil.Observation{{Port: 9100, State: portvigil.StateOpen}}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t, answers(map[string]string{"/": nodeOf150}))
			o := quick()
			o.Look = c.look
			// The raw port and IPP are the peer; nobody listens on LPD.
			o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if strings.HasSuffix(addr, ":515") {
					return nil, context.DeadlineExceeded
				}
				return new(net.Dialer).DialContext(ctx, network, p.endpoint.String())
			}
			s, err := Identify(context.Background(), netip.AddrPortFrom(p.endpoint.Addr(), 9100), "", o)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := p.heard(); (len(got) == 0) != c.silent || (s.Product == "") != c.silent || !s.Connected {
				t.Errorf("sent %q, service %+v", got, s)
			}
		})
	}
}

func TestEveryByteIsExplained(t *testing.T) {
	t.Parallel()
	p := startPeer(t, answers(map[string]string{"/": "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Length: 0\r\n\r\n"}))
	o := quick()
	var kinds []string
	o.Explain = func(s Step) { kinds = append(kinds, string(s.Kind)) }
	identify(t, p, o)
	if got := strings.Join(kinds, " "); got != "connected sent received rule" {
		t.Errorf("steps: %s", got)
	}
}

func TestACancelledContextEndsAtOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	p := startPeer(t, func(c net.Conn) {
		cancel()
		drain(c)
	})
	// Without an end to the context this would take two hours.
	o := Options{Timeout: 2 * time.Hour, BannerWait: time.Hour}
	if s, err := Identify(ctx, p.endpoint, "", o); err == nil && !s.Connected {
		t.Errorf("service %+v", s)
	}
}
