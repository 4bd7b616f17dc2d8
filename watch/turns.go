package watch

import "sync"

// turns makes sure that one host is looked at by one look at a time, so that
// two cannot add up to more than is polite. Nobody waits in line: who finds a
// host taken comes back later, so that many looks at one slow host hold up no
// look at another. The zero value is ready.
type turns struct {
	mu    sync.Mutex
	taken map[string]bool // by host id; guarded by mu
}

// take returns the way to give the host back, or false where it is taken.
func (t *turns) take(host string) (giveBack func(), free bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken[host] {
		return nil, false
	}
	if t.taken == nil {
		t.taken = map[string]bool{}
	}
	t.taken[host] = true
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.taken, host)
	}, true
}
