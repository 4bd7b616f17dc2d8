package watch

import (
	"context"
	"errors"
	"sync"
)

// joint makes one answer for all who ask while the one before is being made: every
// page that is open asks when something is written. Who asks gets an answer that was
// begun after they asked, and so knows of all that was written before. The zero value
// is ready.
type joint[T any] struct {
	mu sync.Mutex
	// made is the answer that is being made, and next the one that was not begun; nil
	// for none. Guarded by mu.
	made, next *answer[T]
}

// answer is what some wait for. Nobody changes it once it is done.
type answer[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// errLeft tells that who was to make an answer did not come to its end.
var errLeft = errors.New("who was to answer has left")

// ask returns what the first of those who ask together makes of it.
func (t *joint[T]) ask(ctx context.Context, makes func() (T, error)) (T, error) {
	for {
		a, before, mine := t.join()
		if mine {
			t.answer(ctx, a, before, makes)
			return a.value, a.err
		}
		select {
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		case <-a.done:
		}
		if left := errors.Is(a.err, context.Canceled) || errors.Is(a.err, context.DeadlineExceeded) || errors.Is(a.err, errLeft); !left || ctx.Err() != nil {
			return a.value, a.err
		}
	}
}

// join returns the answer that comes next, the one before that is being made, nil for
// none, and whether the caller has to make it.
func (t *joint[T]) join() (a, before *answer[T], mine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine = t.next == nil; mine {
		t.next = &answer[T]{done: make(chan struct{}), err: errLeft}
	}
	return t.next, t.made, mine
}

// answer makes it when the one before is done.
func (t *joint[T]) answer(ctx context.Context, a, before *answer[T], makes func() (T, error)) {
	defer close(a.done)
	if before != nil {
		select {
		case <-before.done:
		case <-ctx.Done():
			a.err = ctx.Err()
			t.mu.Lock()
			defer t.mu.Unlock()
			t.next = nil
			return
		}
	}
	t.mu.Lock()
	t.made, t.next = a, nil // who asks from now on may know of more than this one will
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.made = nil // it is as large as what it answers
	}()
	a.value, a.err = makes()
}
