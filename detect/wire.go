package detect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// maxReceived is how much is read of one connection in all: a long chain of
// certificates and a page of metrics fit, an endless stream ends here.
const maxReceived = 512 << 10

// errFlood ends a connection whose peer does not stop.
var errFlood = fmt.Errorf("more than %d KiB received", maxReceived>>10)

// wire is one connection to the endpoint, bare or inside TLS. Unlike a net.Conn
// it ends with its visit's context, counts what it reads, and can take back
// bytes that somebody read too early.
type wire struct {
	net.Conn
	v       *visit
	release func() bool // stops watching the context; nil inside TLS
	// again opens another connection that speaks the same layer.
	again   func(context.Context) (*wire, error)
	probe   string // who uses it now, for Step
	pending []byte // read before, to be read again
	left    int    // bytes that may still be received
}

// dial opens a bare connection to the endpoint.
func (v *visit) dial(ctx context.Context) (*wire, error) {
	conn, err := v.o.Dial(ctx, "tcp", v.endpoint.String())
	if err != nil {
		return nil, err
	}
	// The visit's deadline bounds every read and write that sets no shorter one.
	if err := conn.SetDeadline(v.deadline); err != nil {
		_ = conn.Close() // it is of no use, and the first error says why
		return nil, err
	}
	v.tell(StepConnected, "", nil, "")
	release := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return &wire{Conn: conn, v: v, release: release, again: v.dial, left: maxReceived}, nil
}

// Close ends the connection.
func (w *wire) Close() error {
	if w.release != nil {
		w.release()
	}
	return w.Conn.Close()
}

// Read reads what was taken back first, then from the peer.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.pending) > 0 {
		n := copy(p, w.pending)
		w.pending = w.pending[n:]
		return n, nil
	}
	if w.left <= 0 {
		return 0, errFlood
	}
	n, err := w.Conn.Read(p[:min(len(p), w.left)])
	w.left -= n
	return n, err
}

// unread gives bytes back, for a reader that wants to begin at the beginning.
func (w *wire) unread(b []byte) { w.pending = append(append([]byte(nil), b...), w.pending...) }

// say sends the bytes.
func (w *wire) say(b []byte) error {
	w.v.tell(StepSent, w.probe, b, "")
	_, err := w.Conn.Write(b)
	if err != nil {
		w.v.tell(StepEnded, w.probe, nil, err.Error())
	}
	return err
}

// hearing bounds what is listened to.
type hearing struct {
	first time.Duration // until the first byte
	rest  time.Duration // from the first byte to the last
	limit int           // bytes
	whole func([]byte) bool
}

// hear reads an answer: until it is whole, too long, too late, or the stream
// ends. It reports whether the connection is still of use.
func (w *wire) hear(h hearing) (answer []byte, alive bool) {
	until := w.v.clip(h.first)
	buffer := make([]byte, 4<<10)
	for len(answer) < h.limit {
		if err := w.SetReadDeadline(until); err != nil {
			return answer, false
		}
		n, err := w.Read(buffer[:min(len(buffer), h.limit-len(answer))])
		if n > 0 {
			if len(answer) == 0 {
				until = w.v.clip(h.rest)
			}
			w.v.tell(StepReceived, w.probe, buffer[:n], "")
			answer = append(answer, buffer[:n]...)
			if h.whole(answer) {
				return answer, true
			}
		}
		if err != nil {
			var timeout net.Error
			quiet := errors.As(err, &timeout) && timeout.Timeout()
			if !quiet || len(answer) > 0 {
				w.v.tell(StepEnded, w.probe, nil, err.Error())
			}
			return answer, quiet
		}
	}
	return answer, true
}
