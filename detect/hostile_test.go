package detect

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// forever writes the same bytes until the other side has had enough.
func forever(text string, pause time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		for {
			if _, err := c.Write([]byte(text)); err != nil {
				return
			}
			if pause > 0 {
				<-time.After(pause) // of the bubble's clock
			}
		}
	}
}

func after(head string, then func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := c.Write([]byte(head)); err == nil {
			then(c)
		}
	}
}

func TestHostilePeersAreBoundedInTimeAndSize(t *testing.T) {
	t.Parallel()
	flood := strings.Repeat("A", 64<<10)
	for _, c := range []struct {
		name  string
		serve func(net.Conn)
	}{
		{"an endless stream", forever(flood, 0)},
		{"an endless line of HTTP headers", after("HTTP/1.1 200 OK\r\n", forever("X: "+flood+"\r\n", 0))},
		{"one byte at a time", forever("\x00", 200*time.Millisecond)},
		{"one byte of HTTP at a time", after("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", forever("<", 100*time.Millisecond))},
		{"an endless body", after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", forever("ffffffffffffffff\r\n<title>", 0))},
		{"a handshake of garbage", after("\x16\x03\x03\x40\x00", forever(flood, 0))},
		{"an SSH server that floods the key exchange", after("SSH-2.0-OpenSSH_9.2p1\r\n", forever(flood, 0))},
		{"an SSH server that falls silent", says("SSH-2.0-OpenSSH_9.2p1\r\n")},
		{"nothing at all", drain},
		{"a peer that leaves at once", func(net.Conn) {}},
		{"TLS that falls silent inside", overTLS(t, drain)},
		{"an echo", func(c net.Conn) {
			b := make([]byte, 4096)
			for {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				if _, err := c.Write(b[:n]); err != nil {
					return
				}
			}
		}},
		{"an endless greeting in lines", forever("220-hello\r\n", 0)},
		{"a huge bulk of Redis", after("$99999999\r\n# Server\r\n", forever(flood, 0))},
		{"a MySQL packet that never ends", after("\xff\x03\x00\x00\x0a", forever("8", 50*time.Millisecond))},
	} {
		// In a bubble time stands still while anybody has work to do, so that the
		// bound is exact; a goroutine left behind fails the test.
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &piped{serve: c.serve}
				defer p.all.Wait()
				began := time.Now()
				ep := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), oddPort)
				s, err := Identify(t.Context(), ep, "", Options{Dial: p.dial})
				if err != nil {
					t.Fatal(err)
				}
				lawful(t, *s)
				if d := time.Since(began); d > defaultTimeout {
					t.Errorf("took %s", d)
				}
				if !s.Connected || len(s.Banner) > maxBanner || p.dialled.Load() > 4 {
					t.Errorf("connected %v, %d bytes of banner, %d connections", s.Connected, len(s.Banner), p.dialled.Load())
				}
			})
		})
	}
}
