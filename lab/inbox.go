package lab

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// inbox keeps what a server received, for tests that wait for it. Its zero value
// is empty and ready.
type inbox[T any] struct {
	mu    sync.Mutex    // guards what follows
	items []T           // in the order of arrival
	more  chan struct{} // closed by the next arrival; nil while nobody waits
}

func (i *inbox[T]) add(item T) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.items = append(i.items, item)
	if i.more != nil {
		close(i.more)
		i.more = nil
	}
}

func (i *inbox[T]) all() []T {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.items)
}

// next returns what is there, and a channel that closes when there is more.
func (i *inbox[T]) next() ([]T, <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.more == nil {
		i.more = make(chan struct{})
	}
	return slices.Clone(i.items), i.more
}

func (i *inbox[T]) wait(t testing.TB, what string, n int, within time.Duration) []T {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for {
		items, more := i.next()
		if len(items) >= n {
			return items
		}
		select {
		case <-more:
		case <-deadline.C:
			t.Fatalf("%d of the %d wanted arrived within %v (%s)", len(items), n, within, what)
		}
	}
}
