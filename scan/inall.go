package scan

import (
	"sync"
	"time"
)

// inAll is the ceiling that looks side by side share, whatever their methods: an even
// pace, and no second with more. Times are since the first of them began.
type inAll struct {
	mu   sync.Mutex
	pace *pace
}

// newInAll allows so many SYN a second in all; 0 is no ceiling, and nil.
func newInAll(ceiling int) *inAll {
	if ceiling == 0 {
		return nil
	}
	return &inAll{pace: newPace(ceiling, 1)}
}

// wait returns 0 if a probe of any look may leave now, else how long until one may.
func (a *inAll) wait(now time.Duration) time.Duration {
	if a == nil {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pace.wait(now, 0)
}

func (a *inAll) sent(now time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pace.sent(now)
}

func (a *inAll) left(now time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pace.left(now)
}
