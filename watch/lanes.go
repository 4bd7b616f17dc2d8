package watch

import (
	"sync"
	"time"

	"github.com/portvigil/portvigil"
)

// lanes bounds how many messages are on their way over one channel, so that one
// whose receiver hangs does not take every worker from the others. Nobody waits in
// line: who finds them taken comes back later. The zero value is ready.
type lanes struct {
	mu    sync.Mutex
	taken map[string]int // by channel id; guarded by mu
}

const (
	// channelLanes is a part of what the store works at the same time.
	channelLanes = 8
	// lanesBusy is how long until a message finds that many on their way again. A
	// channel that fails is tried with one message at a time, and more rarely.
	lanesBusy    = time.Second
	failingLanes = 1
	failingBusy  = 10 * time.Second
)

// enter takes a lane of the channel and returns the way to give it back, or
// how long until it is worth another try.
func (l *lanes) enter(c portvigil.ChannelRow) (leave func(), busy time.Duration) {
	most, busy := channelLanes, lanesBusy
	if !c.FailingSince.IsZero() {
		most, busy = failingLanes, failingBusy
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken[c.ID] >= most {
		return nil, busy
	}
	if l.taken == nil {
		l.taken = map[string]int{}
	}
	l.taken[c.ID]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.taken[c.ID]--; l.taken[c.ID] == 0 {
			delete(l.taken, c.ID)
		}
	}, 0
}
