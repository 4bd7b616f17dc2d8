package account

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestHasherComputesOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(cheap)
		var now, most, done, sentAway atomic.Int32
		one := func() {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second) // of the test's own clock
			now.Add(-1)
		}
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				var slower *Slower
				switch err := h.do(t.Context(), i%10 == 0, one); {
				case err == nil:
					done.Add(1)
				case errors.As(err, &slower):
					sentAway.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most.Load() != 1 {
			t.Errorf("%d were computed at a time", most.Load())
		}
		if done.Load() != 10+mostWaiting || sentAway.Load() != 90-mostWaiting {
			t.Errorf("%d were computed, %d sent away; want %d and %d", done.Load(), sentAway.Load(), 10+mostWaiting, 90-mostWaiting)
		}
	})
}

func TestHasherLetsWhoIsKnownWaitForOneStrangerAtMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(cheap)
		var all sync.WaitGroup
		for range mostWaiting {
			all.Go(func() { _ = h.do(t.Context(), false, func() { time.Sleep(time.Second) }) })
		}
		synctest.Wait()
		began := time.Now()
		if err := h.do(t.Context(), true, func() {}); err != nil {
			t.Error(err)
		}
		// Whoever begins to wait for the turn is the next: the stranger in the queue
		// waits for it only when the one before has given back both.
		if waited := time.Since(began); waited > 2*time.Second {
			t.Errorf("it waited %s", waited)
		}
		all.Wait()
	})
}

func TestHasherForgetsWhoLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(cheap)
		release := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() { _ = h.do(t.Context(), false, func() { <-release }) })
		synctest.Wait()
		for _, known := range []bool{true, false} {
			ctx, leave := context.WithCancel(t.Context())
			all.Go(func() {
				if err := h.do(ctx, known, func() { t.Error("it was computed for who had left") }); !errors.Is(err, context.Canceled) {
					t.Errorf("who left is told %v", err)
				}
			})
			synctest.Wait()
			leave()
		}
		synctest.Wait()
		close(release)
		all.Wait()
		if err := h.do(t.Context(), false, func() {}); err != nil || h.waiting.Load() != 0 {
			t.Errorf("the next one: %v; %d wait", err, h.waiting.Load())
		}
	})
}
