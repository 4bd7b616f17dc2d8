package watch

import (
	"context"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
)

// lanes bounds how many messages are on their way over one channel, so that one
// whose receiver hangs does not take every worker from the others. A few more wait
// in line, so that a moment in which all is slow costs a message that moment and no
// more; who finds the line full, or waits too long, comes back later. The zero value
// is ready.
type lanes struct {
	mu sync.Mutex
	of map[string]*road // by channel id; guarded by mu
}

// road is one channel's lanes.
type road struct {
	taken chan struct{} // a mark for each message on its way; who waits for room is served in turn
	users int           // messages on their way and in line; guarded by lanes.mu
}

const (
	// channelLanes and channelLine are how many messages are on their way, and how
	// many wait in line: together a part of what the store works at the same time.
	channelLanes = 8
	channelLine  = 56
	// lineLasts is how long a message waits in line: longer than what is slow for a
	// moment, and little of the minute that it has.
	lineLasts = 5 * time.Second
	// lanesBusy is how long until a message that found no room comes again. A channel
	// that fails is tried with one message at a time, and more rarely.
	lanesBusy    = time.Second
	failingLanes = 1
	failingBusy  = 10 * time.Second
)

// enter takes a lane of the channel, waiting for one if it has to, and returns the way
// to give it back; or how long until it is worth another try.
func (l *lanes) enter(ctx context.Context, c portvigil.ChannelRow) (leave func(), waited bool, busy time.Duration) {
	most, busy := channelLanes+channelLine, lanesBusy
	if !c.FailingSince.IsZero() {
		most, busy = failingLanes, failingBusy
	}
	r := l.join(c.ID, most)
	if r == nil {
		return nil, false, busy
	}
	leave = func() { <-r.taken; l.part(c.ID, r) }
	select {
	case r.taken <- struct{}{}:
		return leave, false, 0
	default:
	}
	over := time.NewTimer(lineLasts)
	defer over.Stop()
	select {
	case r.taken <- struct{}{}:
		return leave, true, 0
	case <-over.C:
	case <-ctx.Done():
	}
	l.part(c.ID, r)
	return nil, true, lanesBusy
}

// join counts one more user of the channel's road; nil where it has that many.
func (l *lanes) join(id string, most int) *road {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.of[id]
	if r == nil {
		r = &road{taken: make(chan struct{}, channelLanes)}
		if l.of == nil {
			l.of = map[string]*road{}
		}
		l.of[id] = r
	}
	if r.users >= most {
		return nil
	}
	r.users++
	return r
}

func (l *lanes) part(id string, r *road) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.users--; r.users == 0 {
		delete(l.of, id)
	}
}
