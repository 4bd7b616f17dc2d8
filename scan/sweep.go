package scan

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

// Sweep is a look at each of many addresses. They are begun in a pseudo-random order
// and run interleaved, so that no network gets all of its probes at once: another is
// begun whenever there is room in the rate in all. What is kept in memory goes by how
// many are under way, whatever the number of targets.
type Sweep struct {
	Targets *Targets
	// Ports of each address. Its UDP ports are looked at after its TCP ports, so that
	// both together stay below what a host is asked at most.
	Ports   portvigil.PortSpec
	Options Options // of each look, but for its ports; Rate is that of all together
	Seed    uint64  // of the order; equal seeds give equal orders
	// Found takes the looks at a target, one for each protocol, or the error for which
	// there is none. It is called by several goroutines at once, and may do more with
	// the looks, which a checkpoint keeps then; while many are in it none is begun.
	Found func(Target, []*portvigil.Look, error)
	// Progress, where set, is called at most four times a second, from one goroutine.
	Progress func(SweepProgress)
	// Checkpoint, where set, keeps what is known, and knows what was before.
	Checkpoint *Checkpoint
}

// SweepProgress is how far a sweep has come.
type SweepProgress struct {
	Progress
	Targets     uint64 // in all, those that are left out included
	Done, Under uint64 // targets that are done with, and looks that are under way
}

const (
	// mostUnder bounds how many looks by SYN packets are under way at once, and
	// underBytes what their tables take.
	mostUnder  = 1024
	underBytes = 64 << 20
	// lookBytes is what a look takes beside its table, about.
	lookBytes = 12 << 10
	// leastAside and mostAside bound how many looks there are at once that need a
	// thread and descriptors of their own: by connecting, or by datagrams.
	leastAside, mostAside = 8, 64
	asidePorts            = 1 << 13 // that those together ask, about
	// mostFinding bounds how many looks that have ended are with Found before no
	// further one is begun.
	mostFinding = 64
	// mostAnswers bounds the datagrams whose answers are awaited.
	mostAnswers = 1 << 16
	// skipAtOnce bounds how many targets that are left out are passed over at a time.
	skipAtOnce = 4096
)

// Run looks at all targets. When ctx ends, those under way are told as they are,
// incomplete, and the others not at all. An error is one that keeps every look from
// taking place, with the codes of Look.
func (w Sweep) Run(ctx context.Context) error {
	o := w.Options
	o.Ports, o.Proto = w.Ports.TCP, portvigil.TCP
	if o.Ports.Len() == 0 {
		o.Ports, o.Proto = w.Ports.UDP, portvigil.UDP
	}
	s, err := newSweep(o, w.Targets.Len())
	if err != nil {
		return err
	}
	if o.Proto == portvigil.TCP && w.Ports.UDP.Len() > 0 {
		s.then = newRoster(w.Ports.UDP, nil)
	}
	s.seed = w.Seed
	order := newPermutation(w.Targets.Len(), w.Seed)
	next := w.Checkpoint.positions()
	s.take = func() (*engine, bool) {
		for range skipAtOnce {
			position, more := next(w.Targets.Len())
			if !more {
				return nil, false
			}
			if target, ok := w.Targets.At(order.at(position)); ok {
				e := s.engine(target, position)
				w.Checkpoint.begun(e)
				return e, true
			}
			s.done.Add(1)
		}
		return nil, true
	}
	s.found = func(e *engine, looks []*portvigil.Look, err error) {
		w.Found(e.target, looks, err)
		if ctx.Err() == nil {
			w.Checkpoint.ended(e, looks)
		}
	}
	if w.Progress != nil {
		s.options.Progress = func(p Progress) {
			w.Progress(SweepProgress{Progress: p, Targets: w.Targets.Len(), Done: s.done.Load(), Under: uint64(s.under())})
		}
	}
	s.afterwards = w.Checkpoint.goesOn
	s.done.Add(w.Checkpoint.doneBefore())
	return s.run(ctx)
}

// sweep is looks under way, one or many.
type sweep struct {
	options Options
	roster  *roster
	then    *roster // UDP ports that are looked at afterwards; nil: none
	// afterwards is called with such a look before it begins.
	afterwards func(*engine)
	ceiling    int // of a host
	inAll      *inAll
	began      time.Time
	seed       uint64
	total      uint64 // targets
	most       int    // looks by SYN packets at once
	// take makes the next look; nil where none is to be had just now. False is the end.
	take  func() (e *engine, more bool)
	found func(*engine, []*portvigil.Look, error)

	aside   chan struct{} // a slot for each look that has a goroutine of its own
	waiting *engine       // for such a slot
	asides  sync.WaitGroup
	finding atomic.Int64 // looks that are with found
	done    atomic.Uint64

	mu     sync.Mutex // guards what follows
	active map[*engine]struct{}
	opened int // ports, in looks that have ended
}

func newSweep(o Options, targets uint64) (*sweep, error) {
	if o.Ports.Len() == 0 {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "no port to look at")
	}
	s := &sweep{options: o, roster: newRoster(o.Ports, o.First), ceiling: o.HostRate.ceiling(o.Rate), inAll: newInAll(o.Rate),
		began: time.Now(), seed: rand.Uint64(), total: targets, active: map[*engine]struct{}{}, afterwards: func(*engine) {}}
	s.most = min(max(underBytes/(s.roster.total()*int(knownBytes)+lookBytes), 1), mostUnder)
	s.aside = make(chan struct{}, min(max(asidePorts/s.roster.total(), leastAside), mostAside))
	return s, nil
}

// engine prepares a look at one target.
func (s *sweep) engine(target Target, number uint64) *engine {
	e := &engine{target: target, number: number, address: target.Address.Unmap(), began: time.Now(), look: newLook(target, s.options), exact: s.ceiling > 0 || s.inAll != nil}
	if s.options.Proto == portvigil.UDP {
		e.datagrams = newDatagrams(s.plan(s.roster, number), s.pace(e, mostAnswers), e.address.Is6())
		return e
	}
	side := min(s.total, uint64(cap(s.aside)))
	pace := s.pace(e, max(maxInFlight()/int(side), leastWindow))
	e.conductor = newConductor(s.plan(s.roster, number), pace, newTable(s.roster, e.address.Is6()), s.options.References)
	e.workers = 1
	if s.total == 1 {
		e.workers = workersFor(s.ceiling, s.roster.total())
	}
	return e
}

func (s *sweep) plan(r *roster, number uint64) *plan { return newPlan(r, scattered(s.seed+number)) }

// pace is that of a look with at most so many probes in flight.
func (s *sweep) pace(e *engine, most int) *pace {
	p := newPace(s.ceiling, most)
	p.inAll, p.began = s.inAll, e.began.Sub(s.began)
	return p
}

// after prepares a look at the UDP ports of a target whose TCP ports are done with.
func (s *sweep) after(e *engine) *engine {
	o := s.options
	o.Ports, o.Proto = s.then.ports, portvigil.UDP
	u := &engine{target: e.target, number: e.number, address: e.address, began: time.Now(), look: newLook(e.target, o), exact: e.exact}
	u.datagrams = newDatagrams(s.plan(s.then, e.number), s.pace(u, mostAnswers), u.address.Is6())
	return u
}

// run looks until there are no more targets or ctx ends.
func (s *sweep) run(ctx context.Context) error {
	stop := s.report()
	defer stop()
	defer s.asides.Wait()
	if s.options.Proto != portvigil.UDP && s.options.Method != Connect {
		err := s.runSyn(ctx)
		if err == nil || s.options.Method == SYN {
			return err
		}
		// Whatever kept it, nothing was sent yet; connecting tells in its own way what is wrong.
	}
	for ctx.Err() == nil {
		select {
		case s.aside <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		e, more := s.take()
		if !more {
			<-s.aside
			return nil
		}
		if e == nil {
			<-s.aside
			continue
		}
		s.goAside(ctx, e)
	}
	return nil
}

// next is the next look by SYN packets, nil where none is to be begun just now. Looks
// that cannot be done so are put aside.
func (s *sweep) next(ctx context.Context) (e *engine, more bool) {
	if s.waiting != nil {
		s.putAside(ctx, s.waiting)
		return nil, true
	}
	if s.finding.Load() >= mostFinding {
		return nil, true
	}
	if e, more = s.take(); e == nil {
		return nil, more
	}
	if s.options.Method != SYN && e.look.OwnAddress {
		s.putAside(ctx, e)
		return nil, true
	}
	s.begun(e)
	return e, true
}

// putAside has a look done by connecting, at once or when there is a slot for it.
func (s *sweep) putAside(ctx context.Context, e *engine) {
	s.waiting = e
	select {
	case s.aside <- struct{}{}:
		s.waiting = nil
		s.goAside(ctx, e)
	default:
	}
}

// goAside does a look in a goroutine of its own, whose slot is taken.
func (s *sweep) goAside(ctx context.Context, e *engine) {
	s.begun(e)
	s.asides.Go(func() {
		var err error
		if e.datagrams != nil {
			err = e.runUDP(ctx, e.datagrams)
		} else {
			e.look.Method = portvigil.MethodConnect
			err = e.runConnect(ctx)
		}
		<-s.aside
		s.tell(ctx, e, err)
	})
}

func (s *sweep) begun(e *engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active[e] = struct{}{}
}

func (s *sweep) under() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.active)
}

// ended has a look by SYN packets told; whoever takes it does not hold up the others.
func (s *sweep) ended(ctx context.Context, e *engine, err error) {
	s.finding.Add(1)
	s.asides.Go(func() {
		defer s.finding.Add(-1)
		s.tell(ctx, e, err)
	})
}

// tell has a look told that has ended, or could not be done, once that at the UDP ports
// of the same target has, too.
func (s *sweep) tell(ctx context.Context, e *engine, err error) {
	var looks []*portvigil.Look
	if err == nil {
		e.close(context.Cause(ctx))
		looks = append(looks, e.look)
	}
	if err == nil && s.then != nil && ctx.Err() == nil {
		select {
		case s.aside <- struct{}{}:
			u := s.after(e)
			s.afterwards(u)
			if err = u.runUDP(ctx, u.datagrams); err == nil {
				u.close(context.Cause(ctx))
				looks = append(looks, u.look)
			}
			<-s.aside
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	delete(s.active, e)
	s.done.Add(1)
	for _, look := range looks {
		s.opened += look.Count(portvigil.StateOpen)
	}
	s.mu.Unlock()
	s.found(e, looks, err)
}

// report calls for progress until it is stopped.
func (s *sweep) report() (stop func()) {
	if s.options.Progress == nil {
		return func() {}
	}
	over := make(chan struct{})
	var reporting sync.WaitGroup
	reporting.Go(func() {
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-over:
				return
			case <-ticker.C:
				s.options.Progress(s.progress())
			}
		}
	})
	return func() { close(over); reporting.Wait() }
}

// progress adds up how far all looks are.
func (s *sweep) progress() (all Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := float64(s.done.Load())
	for e := range s.active {
		p := e.progress()
		done += p.Share
		all.Rate += p.Rate
		all.Open += p.Open
		all.Loss = max(all.Loss, p.Loss) // of the worst way
		all.Limit += p.Limit
	}
	all.Open += s.opened
	all.Share = done / float64(max(s.total, 1))
	return all
}
