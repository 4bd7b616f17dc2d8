package account

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// hasher computes hashes one after the other: each takes 19 MiB for some tens of
// milliseconds, and a small server has not much more than one of those to spare.
type hasher struct {
	cost Cost
	// turn is held while a hash is computed; queue by the strangers whose turn may
	// be next. So who is known waits for one stranger at most, however many come.
	turn, queue chan struct{}
	waiting     atomic.Int32
}

// mostWaiting is how many strangers wait for their turn; the rest is sent away
// at once. The last of them waits a few seconds.
const mostWaiting = 16

func newHasher(c Cost) *hasher {
	return &hasher{cost: c, turn: make(chan struct{}, 1), queue: make(chan struct{}, 1)}
}

// do runs compute in its turn. It returns a Slower where too many wait already.
func (h *hasher) do(ctx context.Context, known bool, compute func()) error {
	if !known {
		defer h.waiting.Add(-1)
		if h.waiting.Add(1) > mostWaiting {
			return &Slower{After: 5 * time.Second}
		}
		if err := take(ctx, h.queue); err != nil {
			return err
		}
		defer give(h.queue)
	}
	if err := take(ctx, h.turn); err != nil {
		return err
	}
	defer give(h.turn)
	compute()
	if h.cost.Memory >= defaultCost.Memory {
		debug.FreeOSMemory() // else the next one comes before the collector, and memory doubles
	}
	return nil
}

func take(ctx context.Context, c chan struct{}) error {
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func give(c chan struct{}) { <-c }

// make hashes a new password.
func (h *hasher) make(ctx context.Context, password string) (string, error) {
	var made hashed
	err := h.do(ctx, true, func() { made = newHashed(password, h.cost) })
	return made.String(), err
}

// renewed hashes a password that was just found to match a hash of another cost;
// "" where the cost is today's. It is known that the password is right.
func (h *hasher) renewed(ctx context.Context, kept hashed, password string) (string, error) {
	if kept.cost == h.cost {
		return "", nil
	}
	return h.make(ctx, password)
}

// nobody is what a password is held against where no user has the name. It takes
// as long as one of today's cost: whoever has an older hash, which takes another
// time, can be told from nobody until the next sign-in renews it.
func (h *hasher) nobody() hashed {
	return hashed{h.cost, make([]byte, saltBytes), make([]byte, hashBytes)}
}
