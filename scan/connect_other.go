//go:build !linux

package scan

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

// dialers is how many handshakes run at once: a goroutine each, which is simple
// and slower than the Linux engine.
const dialers = 128

func maxInFlight() int { return dialers }

// MaySYN tells that this system is not one where SYN packets can be sent.
func MaySYN() error {
	return portvigil.Errorf(portvigil.CodeUnavailable, "SYN packets of its own are only sent on Linux").WithHint("use --method connect")
}

func (s *sweep) runSyn(context.Context) error { return MaySYN() }

// runConnect lets dialers work until the look is done or ctx ends. Systems other than
// Linux have no error queue: a refusal counts as a reset, also where a firewall
// rejected with an ICMP that the system turns into a refusal.
func (e *engine) runConnect(ctx context.Context) error {
	var dialing sync.WaitGroup
	var sending sync.Mutex // the ceiling is exact only one by one
	for range dialers {
		dialing.Go(func() { e.dialAll(ctx, &sending) })
	}
	dialing.Wait()
	return nil
}

func (e *engine) dialAll(ctx context.Context, sending *sync.Mutex) {
	var buf [1]probe
	for ctx.Err() == nil {
		sending.Lock()
		n, wait, done := e.conductor.next(e.now(), buf[:])
		sending.Unlock()
		switch {
		case done:
			return
		case n == 0:
			pause(ctx, min(max(wait, time.Millisecond), 20*time.Millisecond))
		default:
			a := e.dial(ctx, buf[0])
			if ctx.Err() == nil {
				e.conductor.record([]result{{buf[0], a, e.now()}})
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (e *engine) dial(ctx context.Context, p probe) answer {
	timeout := e.conductor.timeout()
	if p.patient {
		timeout = patient
	}
	dialer := net.Dialer{Timeout: timeout, KeepAlive: -1}
	conn, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(e.address, p.port).String())
	if err == nil {
		defer conn.Close()
		if conn.LocalAddr().String() == conn.RemoteAddr().String() {
			return answer{kind: answerStrain} // connected to itself
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset leaves no TIME_WAIT behind
		}
		return answer{kind: answerOpen}
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return answer{kind: answerClosed}
	case errors.Is(err, syscall.ECONNRESET):
		return answer{kind: answerOpen}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTDOWN),
		errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EACCES):
		return answer{kind: answerUnreachable}
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE),
		errors.Is(err, syscall.ENOBUFS):
		return answer{kind: answerStrain}
	}
	return answer{kind: answerNone}
}
