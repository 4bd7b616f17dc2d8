package watch

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
)

// How many looks from outside are made at a time. A look asks a host for at most
// 2,500 ports a second, so two at a network are 5,000 packets a second there, and
// with two more that somebody waits for 10,000: some 5 Mbit/s, which a small
// uplink bears. Many more would also fill the connection table of a firewall on
// the way, which keeps an unanswered try for two minutes.
const (
	regularLooks   = 8 // of the schedule, and first ones
	urgentLooks    = 4 // that somebody waits for; of their own, so that they never wait for regular ones
	regularAtANet  = 2
	urgentAtANet   = 2
	networkBitsIP4 = 24
	networkBitsIP6 = 64
)

// line is where looks wait that are due, until they may begin.
//
//	due ──> line ──> at a host:    one look at a time
//	                 at a network: 2 regular ones, 2 urgent ones
//	                 in all:       8 regular ones, 4 urgent ones
//
// A look that may not begin holds up none that may. Of those that may begin, the
// most urgent goes first, and of these the one that has been due for the longest.
// So what has become overdue while no server ran is made up for in that order,
// as fast as these bounds allow. The zero value is ready.
type line struct {
	mu      sync.Mutex
	running []*turn // guarded by mu
	waiting []*turn // the first to go first; none of them may begin. Guarded by mu
}

// turn is one look's place in the line.
type turn struct {
	id       string // of the request
	host     string // its id
	rank     rank
	due      time.Time
	outside  bool           // one from inside counts for its host alone
	networks []netip.Prefix // that the look goes to
	begin    chan struct{}  // closed when its turn has come
}

// rank orders those who wait, the first before the others.
type rank int

const (
	rankConfirming rank = iota // a verdict waits for it
	rankAsked                  // a person waits for it
	rankFirst                  // nothing is known of the host yet
	rankRegular
)

func (r rank) urgent() bool { return r <= rankAsked }

// turnFor is the place of a host's request.
func turnFor(r portvigil.LookRequest, h portvigil.Host) *turn {
	t := &turn{id: r.ID, host: h.ID, due: r.Due, outside: r.View == portvigil.Outside, begin: make(chan struct{})}
	switch {
	case r.Reason == reasonAsked:
		t.rank = rankAsked
	case r.Reason != reasonFirst && r.Reason != reasonSchedule:
		t.rank = rankConfirming
	case r.Urgent:
		t.rank = rankAsked // somebody joined it
	case r.Reason == reasonFirst:
		t.rank = rankFirst
	default:
		t.rank = rankRegular
	}
	if t.outside {
		for _, a := range h.Addresses {
			if n := networkOf(a.Address); !slices.Contains(t.networks, n) {
				t.networks = append(t.networks, n)
			}
		}
	}
	return t
}

// networkOf is what addresses share that are likely to share their way: a /24 of
// IPv4, a /64 of IPv6.
func networkOf(a netip.Addr) netip.Prefix {
	bits := networkBitsIP4
	if a = a.Unmap(); a.Is6() {
		bits = networkBitsIP6
	}
	return netip.PrefixFrom(a.WithZone(""), bits).Masked()
}

// enter waits until the look may begin, and returns how to leave; an error where
// ctx ends first. Where it has to wait, kept is told why.
func (l *line) enter(ctx context.Context, t *turn, kept func(why string)) (leave func(), err error) {
	if why := l.join(t); why != "" {
		kept(why)
	}
	select {
	case <-t.begin:
		return func() { l.leave(t) }, nil
	case <-ctx.Done():
		l.leave(t) // its turn may have come meanwhile
		return nil, ctx.Err()
	}
}

// join lets the look begin, or has it wait and returns why.
func (l *line) join(t *turn) (why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if why = l.obstacle(t); why == "" {
		l.begin(t)
		return ""
	}
	at, _ := slices.BinarySearchFunc(l.waiting, t, func(a, b *turn) int {
		if a.rank != b.rank {
			return int(a.rank - b.rank)
		}
		if d := a.due.Compare(b.due); d != 0 {
			return d
		}
		return -1 // who came first goes first
	})
	l.waiting = slices.Insert(l.waiting, at, t)
	return why
}

// begin is called with mu held.
func (l *line) begin(t *turn) {
	l.running = append(l.running, t)
	close(t.begin)
}

func (l *line) leave(t *turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone := func(o *turn) bool { return o == t }
	l.waiting = slices.DeleteFunc(l.waiting, gone)
	l.running = slices.DeleteFunc(l.running, gone)
	l.waiting = slices.DeleteFunc(l.waiting, func(next *turn) bool {
		if l.obstacle(next) != "" {
			return false
		}
		l.begin(next)
		return true
	})
}

// obstacle says why the look may not begin, "" where it may. The caller holds mu.
func (l *line) obstacle(t *turn) string {
	looks, most, mostAtANet := 0, regularLooks, regularAtANet
	if t.rank.urgent() {
		most, mostAtANet = urgentLooks, urgentAtANet
	}
	at := make([]int, len(t.networks)) // looks at each of them
	for _, o := range l.running {
		if o.host == t.host {
			return "another look at the host is under way"
		}
		if !o.outside || o.rank.urgent() != t.rank.urgent() {
			continue
		}
		looks++
		for i, n := range t.networks {
			if slices.Contains(o.networks, n) {
				at[i]++
			}
		}
	}
	if t.outside && looks >= most {
		return fmt.Sprintf("%d other looks are under way", looks)
	}
	for i, n := range t.networks {
		if at[i] >= mostAtANet {
			return fmt.Sprintf("%d other looks at %s are under way", at[i], n)
		}
	}
	return ""
}

// kept says why a look at the host that is due has not begun, "" where none waits.
func (l *line) kept(host string) string {
	return l.keptWhere(func(t *turn) bool { return t.host == host })
}

// keptRequest says it of one request.
func (l *line) keptRequest(id string) string {
	return l.keptWhere(func(t *turn) bool { return t.id == id })
}

func (l *line) keptWhere(wanted func(*turn) bool) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.ContainsFunc(l.running, wanted) {
		return ""
	}
	if at := slices.IndexFunc(l.waiting, wanted); at >= 0 {
		return l.obstacle(l.waiting[at])
	}
	return ""
}
