package watch

import (
	"sync"

	"github.com/portvigil/portvigil"
)

// broadcast passes the progress of running looks to whoever waits for them.
// Nobody who listens slowly holds up a look: he misses steps, and gets the newest.
type broadcast struct {
	mu        sync.Mutex
	listeners map[string][]*listener // by request; guarded by mu
	// last is the newest step of each request that a worker is at; guarded by mu.
	last map[string]portvigil.LookProgress
}

type listener struct {
	updates chan portvigil.LookProgress
	done    chan struct{} // buffered by one: the end cannot be missed
}

// join returns the updates of a request, its end, and the way to leave.
func (b *broadcast) join(request string) (updates <-chan portvigil.LookProgress, done <-chan struct{}, leave func()) {
	l := &listener{make(chan portvigil.LookProgress, 1), make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listeners == nil {
		b.listeners = map[string][]*listener{}
	}
	b.listeners[request] = append(b.listeners[request], l)
	return l.updates, l.done, func() { b.leave(request, l) }
}

func (b *broadcast) leave(request string, gone *listener) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rest []*listener
	for _, l := range b.listeners[request] {
		if l != gone {
			rest = append(rest, l)
		}
	}
	if b.listeners[request] = rest; len(rest) == 0 {
		delete(b.listeners, request)
	}
}

func (b *broadcast) send(request string, p portvigil.LookProgress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last == nil {
		b.last = map[string]portvigil.LookProgress{}
	}
	b.last[request] = p
	for _, l := range b.listeners[request] {
		select {
		case <-l.updates: // an older step that nobody took
		default:
		}
		l.updates <- p // there is room: only we send, under the lock
	}
}

func (b *broadcast) finish(request string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.listeners[request] {
		select {
		case l.done <- struct{}{}:
		default:
		}
	}
}

// newest returns the newest step of a request, nil where none is known.
func (b *broadcast) newest(request string) *portvigil.LookProgress {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, known := b.last[request]; known {
		return &p
	}
	return nil
}

// forget drops what newest returns.
func (b *broadcast) forget(request string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.last, request)
}
