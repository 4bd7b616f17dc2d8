package scan

import (
	"container/heap"
	"context"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	portvigil "github.com/portvigil/portvigil"
)

// synEngine does looks by SYN packets of its own: one loop that sends and hears for
// all of them.
type synEngine struct {
	sweep   *sweep
	routes  *routes
	outlets map[netip.Addr]*outlet // by the address that they send from
	hops    map[hopKey]*hop
	looks   map[netip.Addr]*synLook // under way
	last    *synLook                // that something was heard for
	due     turns
	over    bool // there are no more targets
	clock   time.Time
	heard   time.Duration // all that had come in until then was heard
	buf     [sendBatch]probe
	from    [sendBatch]int // the source of each
}

// turnsAtOnce bounds how many looks get a turn before what came in is heard again.
const turnsAtOnce = 64

// mostUnknown bounds the looks at neighbours that the kernel has not found (yet): its
// table of neighbours holds 1,024 (gc_thresh3, arp(7)), for everybody on the machine.
const mostUnknown = 256

// MaySYN tells why this process cannot look by SYN packets of its own, and nil
// where it can. The error has CodeForbidden without CAP_NET_RAW.
func MaySYN() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return unavailable(fmt.Errorf("open a packet socket: %w", err))
	}
	shut(fd)
	return nil
}

// mayRaw is a first look at what MaySYN tells: closing a packet socket takes tens of
// milliseconds, in which the kernel waits for its readers.
func mayRaw() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return unavailable(fmt.Errorf("open a raw socket: %w", err))
	}
	shut(fd)
	return nil
}

// runSyn does the sweep's looks by SYN packets. The error has CodeForbidden without
// CAP_NET_RAW; no look was begun then.
func (s *sweep) runSyn(ctx context.Context) error {
	if err := mayRaw(); err != nil {
		return err
	}
	routes, err := openRoutes()
	if err != nil {
		return unavailable(err)
	}
	e := &synEngine{sweep: s, routes: routes, outlets: map[netip.Addr]*outlet{}, hops: map[hopKey]*hop{}, looks: map[netip.Addr]*synLook{}, clock: s.began}
	defer e.close()
	e.loop(ctx)
	return nil
}

func (s *synEngine) close() {
	for _, o := range s.outlets {
		o.close()
	}
	s.routes.close()
}

// now is the time since the sweep began.
func (s *synEngine) now() time.Duration { return time.Since(s.clock) }

// loop sends and hears until all looks are done. What has come in is taken before
// probes are given up, and those before new ones leave. When ctx ends, the looks under
// way end as they are.
func (s *synEngine) loop(ctx context.Context) {
	for ctx.Err() == nil {
		s.hear()
		wait := s.serve(ctx)
		if wait > 0 && s.mayAdmit() && s.admit(ctx) {
			continue
		}
		if s.over && len(s.looks) == 0 && s.sweep.waiting == nil {
			return
		}
		s.wait(wait)
	}
	for _, l := range s.looks {
		s.end(ctx, l)
	}
}

// mayAdmit reports whether there is room for another look.
func (s *synEngine) mayAdmit() bool {
	if s.over || len(s.looks) >= s.sweep.most || s.sweep.inAll.wait(s.now()) > 0 {
		return false
	}
	unknown := 0
	for _, l := range s.looks {
		if l.hop.route.ethernet && !l.hop.known {
			unknown++
		}
	}
	return unknown < mostUnknown
}

// admit begins another look, and reports whether there is something new: that look, or
// that there are no more.
func (s *synEngine) admit(ctx context.Context) bool {
	e, more := s.sweep.next(ctx)
	if s.over = !more; e == nil {
		return s.over
	}
	l, err := s.newLook(e)
	switch {
	case err == nil:
		s.looks[l.address] = l
		heap.Push(&s.due, l)
	case s.sweep.options.Method == SYN || portvigil.ErrorCode(err) == portvigil.CodeOutOfScope:
		s.sweep.ended(ctx, e, err)
	default:
		s.sweep.putAside(ctx, e) // nothing was sent; connecting tells in its own way what is wrong
	}
	return true
}

// serve gives looks that are due a turn, and returns how long it is until the next is.
func (s *synEngine) serve(ctx context.Context) time.Duration {
	for range turnsAtOnce {
		if len(s.due) == 0 {
			return longestWait
		}
		now := s.now()
		l := s.due[0]
		if l.due > now {
			return min(l.due-now, longestWait)
		}
		if room := s.sweep.inAll.wait(now); room > 0 {
			return min(room, longestWait)
		}
		if l.turn(now - l.began) {
			s.end(ctx, l)
			continue
		}
		heap.Fix(&s.due, l.place)
	}
	return 0
}

// end ends a look.
func (s *synEngine) end(ctx context.Context, l *synLook) {
	delete(s.looks, l.address)
	heap.Remove(&s.due, l.place)
	if s.last == l {
		s.last = nil
	}
	s.sweep.ended(ctx, l.engine, nil)
}

// hear takes everything that has come in.
func (s *synEngine) hear() {
	s.heard = s.now()
	for _, o := range s.outlets {
		now, heard := s.now(), 0
		for packet := o.packets.next(); packet != nil && heard < o.packets.frames; packet = o.packets.next() { // not for ever in a flood
			r, ok := parseReply(packet, o.source)
			o.packets.done()
			if ok {
				s.take(now, o, &r)
			}
			if heard++; heard%hearAtOnce == 0 {
				now = s.now()
			}
		}
	}
}

// take hands a reply to the look that it belongs to, which is due then.
func (s *synEngine) take(now time.Duration, o *outlet, r *reply) {
	l := s.last
	if l == nil || l.address != r.target {
		if l = s.looks[r.target]; l == nil {
			return
		}
		s.last = l
	}
	if l.outlet == o && l.take(now-l.began, r) && l.due > now {
		l.due = now
		heap.Fix(&s.due, l.place)
	}
}

// wait returns when a packet has come in, or after the time.
func (s *synEngine) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	var polls [4]unix.PollFd
	some := polls[:0]
	for _, o := range s.outlets {
		some = append(some, unix.PollFd{Fd: int32(o.packets.in), Events: unix.POLLIN})
	}
	timeout := unix.NsecToTimespec(int64(d))
	_, _ = unix.Ppoll(some, &timeout, nil) // EINTR: the loop comes back
}

// turns is a heap of looks, the next that is due first.
type turns []*synLook

func (t turns) Len() int           { return len(t) }
func (t turns) Less(i, j int) bool { return t[i].due < t[j].due }
func (t turns) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].place, t[j].place = i, j
}

// Push and Pop are heap.Interface's.
func (t *turns) Push(x any) {
	l, _ := x.(*synLook)
	l.place = len(*t)
	*t = append(*t, l)
}

func (t *turns) Pop() any {
	last := len(*t) - 1
	l := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	return l
}
