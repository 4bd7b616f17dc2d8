package scan

import (
	"time"

	"golang.org/x/sys/unix"

	portvigil "github.com/portvigil/portvigil"
)

// sentUnit is how exactly it is kept when a port was asked last.
const sentUnit = 100 * time.Microsecond

// synLook is a look at one address by SYN packets.
type synLook struct {
	*engine
	syn     *synEngine
	outlet  *outlet
	hop     *hop
	to      destination // through the kernel's IP
	segment segment
	cookie  cookie
	began   time.Duration // since the sweep did
	due     time.Duration // when it wants its turn, since the sweep began
	place   int           // in the heap of turns

	nextDoor int
	slots    slots
	inFlight map[uint32]int // slot by source index and port
	lastSent []uint32       // of each port by its number, in units of sentUnit, from 1; 0: never
	lastFrom []uint16       // of each port: the source index, and one more, of the probe that was answered last
	results  []result
}

// newLook prepares a look. The error has CodeUnavailable where there is no way to the
// address.
func (s *synEngine) newLook(e *engine) (*synLook, error) {
	to, err := s.routes.to(e.address)
	if err != nil {
		return nil, err
	}
	o, err := s.outlet(to.source)
	if err != nil {
		return nil, err
	}
	e.look.Method = portvigil.MethodSYN
	e.conductor.measure()
	key, ports := s.sweep.options.Key, e.conductor.table.total()
	if key == (Key{}) {
		key = NewKey()
	}
	return &synLook{engine: e, syn: s, outlet: o, hop: s.hop(to), to: destinationOf(e.address), segment: newSegment(to.source, e.address),
		cookie: key.cookie(e.address), began: e.began.Sub(s.clock), due: s.now(), inFlight: map[uint32]int{},
		lastSent: make([]uint32, ports), lastFrom: make([]uint16, ports)}, nil
}

// turn gives up probes whose time is over, records what is known, and sends what may
// leave. It reports whether the look is done. Times are since the look began.
func (l *synLook) turn(now time.Duration) (done bool) {
	l.syn.seek(l.hop, l.began+now)
	expiry := l.expire(min(now, l.syn.heard-l.began))
	l.flush()
	limit := sendBatch
	if l.exact {
		limit = 1
	}
	n, wait, done := l.conductor.next(now, l.syn.buf[:limit])
	if done {
		return true
	}
	if n > 0 {
		l.send(l.syn.buf[:n])
		wait = 0
	}
	if !l.hop.known {
		wait = min(wait, l.hop.every)
	}
	l.due = l.began + now + min(wait, expiry, longestWait)
	return false
}

// send makes the probes' packets and hands them over.
func (l *synLook) send(probes []probe) {
	packets, from := l.outlet.packets, &l.syn.from
	for i, p := range probes {
		from[i] = l.sourceOf(p)
		source := l.outlet.ports[from[i]]
		packets.put(i, &l.segment, source, p.port, l.cookie.of(source, p.port))
	}
	sent, errno := packets.send(len(probes), l.hop, &l.to)
	if l.exact {
		l.conductor.left(l.now())
	}
	for i, p := range probes {
		switch {
		case i < sent:
			key := flightKey(from[i], p.port)
			if slot, flies := l.inFlight[key]; flies { // one answer cannot be told from the other: the older has none
				older := l.slots.all[slot].probe
				l.forget(slot)
				l.result(older, answer{kind: answerNone})
			}
			l.inFlight[key] = l.slots.add(p, from[i])
			l.sent(p)
		case errno == 0, strains(errno):
			l.result(p, answer{kind: answerStrain})
		default:
			l.result(p, answer{kind: answerUnreachable}) // the own kernel: no route, the link is down
		}
	}
}

// sent keeps when a port of the look was asked last. Of a reference that lies outside
// it is not kept: what comes late of that changes nothing.
func (l *synLook) sent(p probe) {
	if t := l.conductor.table; t.ports.Contains(p.port) {
		l.lastSent[t.index(p.port)] = uint32(p.sent/sentUnit) + 1
	}
}

// sourceOf is the index of the port that a probe comes from: one from which none to
// the same port is on its way, where there is one.
func (l *synLook) sourceOf(p probe) int {
	if p.role == roleOrdinary {
		return int(p.try-1) % trySources
	}
	source := 0
	for range nextSources {
		l.nextDoor++
		source = trySources + l.nextDoor%(len(l.outlet.ports)-trySources)
		if _, flies := l.inFlight[flightKey(source, p.port)]; !flies {
			return source
		}
	}
	// Those that were used longest ago are not free yet: there are too few.
	if len(l.outlet.ports) < mostSources && l.outlet.more() == nil {
		return len(l.outlet.ports) - 1
	}
	return source
}

// nextSources is how many ports are tried before another one is taken.
const nextSources = 4

func flightKey(source int, port uint16) uint32 { return uint32(source)<<16 | uint32(port) }

// strains reports whether an error is the own machine's trouble of the moment.
func strains(errno unix.Errno) bool {
	switch errno {
	case unix.ENOBUFS, unix.EAGAIN, unix.ENOMEM, unix.EINTR:
		return true
	}
	return false
}

// take believes a reply that knows the sequence number of a probe, and reports whether
// it did.
func (l *synLook) take(now time.Duration, r *reply) bool {
	source, ours := l.outlet.indexOf[r.source]
	if !ours || r.sequence != l.cookie.of(r.source, r.port) {
		return false
	}
	slot, flies := l.inFlight[flightKey(source, r.port)]
	if !flies {
		return l.takeLate(now, source, r)
	}
	p := l.slots.all[slot].probe
	l.forget(slot)
	if t := l.conductor.table; t.ports.Contains(r.port) {
		l.lastFrom[t.index(r.port)] = uint16(source + 1)
	}
	l.results = append(l.results, result{p, r.answer(), now})
	if len(l.results) >= hearAtOnce {
		l.flush()
	}
	return true
}

// takeLate takes a reply to a probe that was given up, or has been answered.
func (l *synLook) takeLate(now time.Duration, source int, r *reply) bool {
	t := l.conductor.table
	if !t.ports.Contains(r.port) {
		return false
	}
	i := t.index(r.port)
	last := l.lastSent[i]
	if last == 0 {
		return false
	}
	took := now - time.Duration(last-1)*sentUnit
	if l.lastFrom[i] == uint16(source+1) {
		// From the ports of doors one may be asked again and again, and which question it
		// is an answer to is not told.
		if source < trySources && t.of(r.port).sends <= trySources {
			l.conductor.hearAgain(took)
		}
		return false
	}
	l.lastFrom[i] = uint16(source + 1)
	l.conductor.hearLate(now, r.port, r.answer(), took)
	return true
}

func (l *synLook) forget(slot int) {
	it := &l.slots.all[slot]
	delete(l.inFlight, flightKey(it.key, it.probe.port))
	l.slots.remove(slot)
}

// expire gives up probes whose time was over when what came in was heard last: a machine
// that keeps this process waiting makes no answer late. It returns how long the next has.
func (l *synLook) expire(now time.Duration) time.Duration {
	timeouts := [lists]time.Duration{l.conductor.timeout(), patient}
	next := longestWait
	for list, timeout := range timeouts {
		for i := l.slots.oldest(list); i >= 0; i = l.slots.oldest(list) {
			p := l.slots.all[i].probe
			if left := p.sent + timeout - now; left > 0 && !l.hop.failed {
				next = min(next, left)
				break
			}
			l.forget(i)
			kind := answerNone
			if l.hop.failed {
				kind = answerUnreachable // the kernel found no neighbour, as it tells those who connect
			}
			l.result(p, answer{kind: kind})
		}
	}
	return next
}

func (l *synLook) result(p probe, a answer) {
	l.results = append(l.results, result{p, a, l.now()})
}

func (l *synLook) flush() {
	if len(l.results) > 0 {
		l.conductor.record(l.results)
		l.results = l.results[:0]
	}
}
