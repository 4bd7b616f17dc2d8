package lab

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
)

// Forward listens on a port of one host's loopback and leads to the same port of
// another's, as `ssh -L` does: how people reach pages that are served to the
// machine itself.
func Forward(t testing.TB, from, to *Host, port uint16) {
	t.Helper()
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port).String()
	// Not t.Context, which ends before what uses the way has closed its connections:
	// a page that listens to a stream would tell of a broken line.
	ctx, cancel := context.WithCancel(context.Background())
	var passing sync.WaitGroup
	t.Cleanup(func() { // after the listener has closed
		cancel()
		passing.Wait()
	})
	l := from.ListenTCP(t, address)
	serve(t, l, func(l net.Listener) error {
		for {
			near, err := l.Accept()
			if err != nil {
				return err
			}
			passing.Go(func() {
				defer near.Close()
				far, err := to.Dial(ctx, "tcp", address)
				if err != nil {
					return // to the other end that is a hang-up, as through ssh
				}
				defer far.Close()
				pass(ctx, near.(*net.TCPConn), far.(*net.TCPConn))
			})
		}
	}, l.Close)
}

// pass carries bytes both ways until both ends have said all, or ctx ends. What
// one end does not take any more is lost, as on any broken line.
func pass(ctx context.Context, a, b *net.TCPConn) {
	stop := context.AfterFunc(ctx, func() {
		_ = a.Close()
		_ = b.Close()
	})
	defer stop()
	var both sync.WaitGroup
	oneWay := func(to, from *net.TCPConn) {
		_, _ = io.Copy(to, from)
		_ = to.CloseWrite()
	}
	both.Go(func() { oneWay(a, b) })
	both.Go(func() { oneWay(b, a) })
	both.Wait()
}
