package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
)

// stopWithin is how long a request that was cancelled may take until it is
// answered; who takes longer is stuck.
const stopWithin = 10 * time.Second

// asker is the core's side of a pipe, for one life of the process behind it.
type asker struct {
	pipe *pipe
	gone chan struct{} // closed when nothing is answered any more
	why  error         // valid once gone is closed

	mu   sync.Mutex
	last uint64            // the newest request; guarded by mu
	open map[uint64]*asked // guarded by mu
}

// asked is one request that has no answer yet.
type asked struct {
	progress func(portvigil.LookProgress) // nil: nobody wants to know
	build    portvigil.LookBuilder        // of the goroutine that reads
	done     chan answered                // takes one
}

// answered is how a request ended.
type answered struct {
	look      *portvigil.Look
	addresses []netip.Addr
	err       error
}

// goneError tells that the process on the other side of a pipe went away, or was given up.
type goneError struct{ why error }

func (e *goneError) Error() string { return "the process that looks went away: " + e.why.Error() }
func (e *goneError) Unwrap() error { return e.why }

// newAsker takes over the connection. Whoever made it calls run.
func newAsker(p *pipe) *asker {
	return &asker{pipe: p, gone: make(chan struct{}), open: map[uint64]*asked{}}
}

// run reads answers until the pipe ends, and says why it did.
func (a *asker) run() error {
	var err error
	for err == nil {
		var m message
		if m, err = a.pipe.read(); err == nil {
			err = a.take(m)
		}
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("it ended")
	}
	a.why = &goneError{err}
	close(a.gone)
	// With its pipe closed, the process behind it ends if it can.
	return errors.Join(err, a.pipe.close())
}

// take hands an answer to who asked. What answers nothing is an error.
func (a *asker) take(m message) error {
	a.mu.Lock()
	q := a.open[m.Request]
	a.mu.Unlock()
	if q == nil {
		return fmt.Errorf("an answer to request %d, which is not open", m.Request)
	}
	switch m.Type {
	case sayProgress:
		if q.progress != nil {
			q.progress(*m.Progress)
		}
		return nil
	case sayRecord:
		look, err := q.build.Add(m.Record)
		if err != nil || look == nil {
			return err
		}
		a.finish(m.Request, q, answered{look: look})
	case sayAddresses:
		a.finish(m.Request, q, answered{addresses: m.Addresses})
	case sayFailed:
		a.finish(m.Request, q, answered{err: m.Failure.err()})
	default:
		return fmt.Errorf("a message of type %s as an answer", m.Type)
	}
	return nil
}

func (a *asker) finish(request uint64, q *asked, result answered) {
	a.mu.Lock()
	delete(a.open, request)
	a.mu.Unlock()
	q.done <- result
}

// ask sends a request and waits for its answer. After within it is cancelled,
// and what was found by then is the answer; when ctx ends nobody waits for it.
// The error is a *goneError where the process went away first.
func (a *asker) ask(ctx context.Context, within time.Duration, m message, progress func(portvigil.LookProgress)) (answered, error) {
	q := &asked{progress: progress, done: make(chan answered, 1)}
	a.mu.Lock()
	a.last++
	m.Request = a.last
	a.open[m.Request] = q
	a.mu.Unlock()
	if err := a.pipe.write(m); err != nil {
		return answered{}, a.lost(err)
	}
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case result := <-q.done:
		return result, result.err
	case <-a.gone:
		return answered{}, a.why
	case <-ctx.Done():
		a.forget(m.Request)
		return answered{}, ctx.Err()
	case <-late.C:
		result, err := a.stop(m.Request, q)
		if gone := (*goneError)(nil); err != nil && !errors.As(err, &gone) {
			err = portvigil.Errorf(portvigil.CodeUnavailable, "there was no answer within %v", within)
		}
		return result, err
	}
}

// forget cancels a request whose answer nobody wants any more. It has to come
// all the same: it is how the process shows that it is not stuck.
func (a *asker) forget(request uint64) {
	if err := a.pipe.write(message{Type: cancelWanted, Request: request}); err != nil {
		_ = a.lost(err)
		return
	}
	time.AfterFunc(stopWithin, func() {
		a.mu.Lock()
		_, open := a.open[request]
		a.mu.Unlock()
		if open {
			_ = a.lost(errStuck)
		}
	})
}

// errStuck tells of a process that does not do what it is told.
var errStuck = fmt.Errorf("it did not stop within %v", stopWithin)

// stop cancels a request and gives its answer a moment. It returns when that
// has come, or the pipe has ended, which stop sees to.
func (a *asker) stop(request uint64, q *asked) (answered, error) {
	if err := a.pipe.write(message{Type: cancelWanted, Request: request}); err != nil {
		return answered{}, a.lost(err)
	}
	stuck := time.NewTimer(stopWithin)
	defer stuck.Stop()
	select {
	case result := <-q.done:
		return result, result.err
	case <-a.gone:
		return answered{}, a.why
	case <-stuck.C:
		return answered{}, a.lost(errStuck)
	}
}

// lost gives the process up, and returns when run has noticed.
func (a *asker) lost(err error) error {
	_ = a.pipe.close() // run says why the pipe ended
	<-a.gone
	return &goneError{err}
}

// over reports whether nothing is answered any more.
func (a *asker) over() bool {
	select {
	case <-a.gone:
		return true
	default:
		return false
	}
}
