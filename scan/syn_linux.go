package scan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	portvigil "github.com/portvigil/portvigil"
)

const (
	// sources is how many ports probes come from, all but the first for doors. Each
	// try of a port comes from another one: to the target it is a connection of its
	// own, whatever became of the one before, and its answer tells which try it is to.
	sources    = 64
	doorSource = 8
	// seekEvery and seekAgain are how often the kernel is asked for the hop's
	// link-layer address until it is known, and afterwards, as it may change.
	seekEvery = 2 * time.Millisecond
	seekAgain = time.Second
	// sentUnit is how exactly it is kept when a port was asked last.
	sentUnit = 100 * time.Microsecond
)

// synEngine is a look by SYN packets of its own: one loop that sends and hears.
type synEngine struct {
	*engine
	segment segment
	cookie  cookie
	routes  *routes
	route   route
	packets *packets

	held     [sources]int    // sockets that keep the ports from everybody else
	ports    [sources]uint16 // where probes come from
	indexOf  map[uint16]int  // into ports
	nextDoor int

	direct bool // past the kernel's IP
	failed bool // nobody answers for the hop
	sought time.Duration

	slots    slots
	inFlight map[uint32]int // slot by source index and port
	lastSent []uint32       // of each port, in units of sentUnit, from 1; 0: never
	buf      [sendBatch]probe
	from     [sendBatch]int // the source of each
	results  []result
	reported time.Duration
}

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

// runSyn looks by SYN packets. The error has CodeForbidden without CAP_NET_RAW,
// and CodeUnavailable where there is no way to the address.
func (e *engine) runSyn(ctx context.Context) error {
	s, err := newSynEngine(e)
	if err != nil {
		return err
	}
	defer s.close()
	s.loop(ctx)
	return nil
}

func newSynEngine(e *engine) (_ *synEngine, err error) {
	s := &synEngine{engine: e, cookie: newCookie(), indexOf: map[uint16]int{}, inFlight: map[uint32]int{},
		lastSent: make([]uint32, 1<<16), reported: -progressEvery}
	for i := range s.held {
		s.held[i] = -1
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.routes, err = openRoutes(); err != nil {
		return nil, unavailable(err)
	}
	if s.route, err = s.routes.to(e.address); err != nil {
		return nil, err
	}
	frames := manyFrames
	if e.exact {
		frames = fewFrames
	}
	if s.packets, err = openPackets(s.route, e.address, frames); err != nil {
		return nil, unavailable(err)
	}
	for i := range s.held {
		if s.held[i], s.ports[i], err = hold(s.route.source); err != nil {
			return nil, unavailable(fmt.Errorf("take a port to send from: %w", err))
		}
		s.indexOf[s.ports[i]] = i
	}
	s.segment = newSegment(s.route.source, e.address)
	e.conductor.measure()
	return s, nil
}

func unavailable(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return portvigil.Errorf(portvigil.CodeForbidden, "SYN packets of its own: %v", err).
			WithHint("run as root or with CAP_NET_RAW, or use --method connect")
	}
	return portvigil.Errorf(portvigil.CodeUnavailable, "%v", err)
}

// hold binds a port and never uses it: nobody else gets it meanwhile, and the
// kernel answers a SYN-ACK to it with a reset, so that nothing stays half-open.
func hold(source netip.Addr) (fd int, port uint16, err error) {
	fd, err = unix.Socket(int(familyOf(source)), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, 0, err
	}
	var address unix.Sockaddr = &unix.SockaddrInet4{Addr: as4(source)}
	if source.Is6() {
		address = &unix.SockaddrInet6{Addr: source.As16()}
	}
	if err = unix.Bind(fd, address); err == nil {
		address, err = unix.Getsockname(fd)
	}
	if err != nil {
		shut(fd)
		return -1, 0, err
	}
	switch a := address.(type) {
	case *unix.SockaddrInet4:
		return fd, uint16(a.Port), nil
	case *unix.SockaddrInet6:
		return fd, uint16(a.Port), nil
	}
	shut(fd)
	return -1, 0, net.UnknownNetworkError("of a bound socket")
}

func as4(a netip.Addr) (four [4]byte) {
	if a.Is4() {
		return a.As4()
	}
	return four
}

func (s *synEngine) close() {
	for _, fd := range s.held {
		if fd >= 0 {
			shut(fd)
		}
	}
	if s.packets != nil {
		s.packets.close()
	}
	if s.routes != nil {
		s.routes.close()
	}
}

// loop sends and hears until the look is done. What has come in is taken before
// probes are given up, and those before new ones leave.
func (s *synEngine) loop(ctx context.Context) {
	limit := sendBatch
	if s.exact {
		limit = 1
	}
	for ctx.Err() == nil {
		s.hear()
		now := s.now()
		s.seek(now)
		expiry := s.expire(now)
		s.flush()
		n, wait, done := s.conductor.next(now, s.buf[:limit])
		if done {
			return
		}
		if n > 0 {
			s.send(s.buf[:n])
			wait = 0
		}
		if !s.direct {
			wait = min(wait, seekEvery)
		}
		s.packets.wait(min(wait, expiry, longestWait))
		s.report(now)
	}
}

// seek keeps the hop's link-layer address up to date. Until the kernel knows it,
// probes go through the kernel, which then asks for it.
func (s *synEngine) seek(now time.Duration) {
	every := seekEvery
	if s.direct || !s.route.ethernet {
		every = seekAgain
	}
	if s.sought > 0 && now-s.sought < every {
		return
	}
	s.sought = max(now, 1)
	if !s.route.ethernet {
		return
	}
	address, state := s.routes.neighbour(s.route)
	s.direct, s.failed = state == neighbourKnown, state == neighbourFailed
	if s.direct {
		s.packets.toHop(address)
	} else {
		s.packets.throughKernel()
	}
}

// send makes the probes' packets and hands them over.
func (s *synEngine) send(probes []probe) {
	for i, p := range probes {
		s.from[i] = s.sourceOf(p)
		source := s.ports[s.from[i]]
		s.packets.put(i, &s.segment, source, p.port, s.cookie.of(source, p.port))
	}
	sent, errno := s.packets.send(len(probes))
	if s.exact {
		s.conductor.left(s.now())
	}
	for i, p := range probes {
		switch {
		case i < sent:
			key := flightKey(s.from[i], p.port)
			if slot, flies := s.inFlight[key]; flies { // one answer cannot be told from the other
				older := s.slots.all[slot].probe
				s.forget(slot)
				s.result(older, answer{kind: answerStrain})
			}
			s.inFlight[key] = s.slots.add(p, s.from[i])
			s.lastSent[p.port] = uint32(p.sent/sentUnit) + 1
		case errno == 0, strains(errno):
			s.result(p, answer{kind: answerStrain})
		default:
			s.result(p, answer{kind: answerUnreachable}) // the own kernel: no route, the link is down
		}
	}
}

// sourceOf is the index of the port that a probe comes from: one from which none to
// the same port is on its way.
func (s *synEngine) sourceOf(p probe) int {
	if p.role == roleOrdinary {
		return int(p.try-1) % doorSource
	}
	for range sources - doorSource {
		s.nextDoor++
		source := doorSource + s.nextDoor%(sources-doorSource)
		if _, flies := s.inFlight[flightKey(source, p.port)]; !flies {
			return source
		}
	}
	return doorSource + s.nextDoor%(sources-doorSource)
}

func flightKey(source int, port uint16) uint32 { return uint32(source)<<16 | uint32(port) }

// strains reports whether an error is the own machine's trouble of the moment.
func strains(errno unix.Errno) bool {
	switch errno {
	case unix.ENOBUFS, unix.EAGAIN, unix.ENOMEM, unix.EINTR:
		return true
	}
	return false
}

// hear takes everything that has come in.
func (s *synEngine) hear() {
	now := s.now()
	for packet := s.packets.next(); packet != nil; packet = s.packets.next() {
		r, ok := parseReply(packet, s.route.source, s.address)
		s.packets.done()
		if ok {
			s.take(now, &r)
		}
		if len(s.results) >= hearAtOnce {
			s.flush()
			now = s.now()
		}
	}
}

// take believes a reply that knows the sequence number of a probe.
func (s *synEngine) take(now time.Duration, r *reply) {
	source, ours := s.indexOf[r.source]
	if !ours || r.sequence != s.cookie.of(r.source, r.port) {
		return
	}
	key := flightKey(source, r.port)
	slot, flies := s.inFlight[key]
	if !flies {
		if last := s.lastSent[r.port]; last > 0 {
			s.conductor.hearLate(now, r.port, r.answer(), now-time.Duration(last-1)*sentUnit)
		}
		return
	}
	p := s.slots.all[slot].probe
	s.forget(slot)
	s.results = append(s.results, result{p, r.answer(), now})
}

func (s *synEngine) forget(slot int) {
	it := &s.slots.all[slot]
	delete(s.inFlight, flightKey(it.key, it.probe.port))
	s.slots.remove(slot)
}

// expire gives up probes whose time is over and returns how long the next has.
func (s *synEngine) expire(now time.Duration) time.Duration {
	timeouts := [lists]time.Duration{s.conductor.timeout(), patient}
	next := longestWait
	for list, timeout := range timeouts {
		for i := s.slots.oldest(list); i >= 0; i = s.slots.oldest(list) {
			p := s.slots.all[i].probe
			if left := p.sent + timeout - now; left > 0 && !s.failed {
				next = min(next, left)
				break
			}
			s.forget(i)
			kind := answerNone
			if s.failed {
				kind = answerUnreachable // the kernel found no neighbour, as it tells those who connect
			}
			s.result(p, answer{kind: kind})
		}
	}
	return next
}

func (s *synEngine) result(p probe, a answer) {
	s.results = append(s.results, result{p, a, s.now()})
}

func (s *synEngine) flush() {
	if len(s.results) > 0 {
		s.conductor.record(s.results)
		s.results = s.results[:0]
	}
}

func (s *synEngine) report(now time.Duration) {
	if s.progress != nil && now-s.reported >= progressEvery {
		s.reported = now
		s.progress(s.conductor.progress(now))
	}
}
