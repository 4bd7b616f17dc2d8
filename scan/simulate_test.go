package scan

import (
	"container/heap"
	"net/netip"
	"slices"
	"testing"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

// wayThere answers a probe that leaves at a time; rtt of answerNone is ignored.
type wayThere func(now time.Duration, port uint16) (a answer, rtt time.Duration)

// simulation runs a conductor against a network in time of its own, as an engine
// would: probes that nothing answers expire.
type simulation struct {
	conductor *conductor
	sent      []time.Duration
	probes    int
	now       time.Duration
}

func simulate(t *testing.T, ports *portvigil.PortSet, rate Rate, references []uint16, net wayThere) *simulation {
	t.Helper()
	return resume(t, newSimulation(ports, rate, references, 7), net)
}

// simulateMeasured is simulate for an engine that measures the loss.
func simulateMeasured(t *testing.T, ports *portvigil.PortSet, rate Rate, references []uint16, net wayThere) *simulation {
	t.Helper()
	s := newSimulation(ports, rate, references, 7)
	s.conductor.measure()
	return resume(t, s, net)
}

type simulator func(*testing.T, *portvigil.PortSet, Rate, []uint16, wayThere) *simulation

func newSimulation(ports *portvigil.PortSet, rate Rate, references []uint16, seed uint64) *simulation {
	return &simulation{conductor: newConductor(newPlan(newRoster(ports, nil), seed), newPace(rate.ceiling(0), 4096), newTable(newRoster(ports, nil), false), references)}
}

func resume(t *testing.T, s *simulation, net wayThere) *simulation {
	t.Helper()
	var flying flight
	var buf [1]probe
	for limit := 30 * time.Minute; s.now < limit; {
		for len(flying) > 0 && flying[0].at <= s.now {
			s.conductor.record([]result{heap.Pop(&flying).(result)})
		}
		n, wait, done := s.conductor.next(s.now, buf[:])
		if done {
			return s
		}
		if n == 1 {
			s.sent = append(s.sent, s.now)
			a, rtt := net(s.now, buf[0].port)
			if a.kind == answerNone {
				if rtt = s.conductor.timeout(); buf[0].patient {
					rtt = patient
				}
			}
			heap.Push(&flying, result{buf[0], a, s.now + rtt})
			continue
		}
		next := s.now + min(max(wait, 100*time.Microsecond), longestStep)
		if len(flying) > 0 {
			next = min(next, flying[0].at)
		}
		s.now = next
	}
	t.Fatalf("the look did not end: %d probes", len(s.sent))
	return nil
}

// flight is a heap of what is on its way, the next to arrive first.
type flight []result

func (f flight) Len() int           { return len(f) }
func (f flight) Less(i, j int) bool { return f[i].at < f[j].at }
func (f flight) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *flight) Push(x any)        { *f = append(*f, x.(result)) }
func (f *flight) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	*f = (*f)[:last]
	return x
}

const longestStep = 20 * time.Millisecond

func (s *simulation) look(ports *portvigil.PortSet) *portvigil.Look {
	look := &portvigil.Look{Ports: ports}
	s.conductor.fill(look)
	return look
}

// mostInASecond is the most probes that left in any window of one second.
func (s *simulation) mostInASecond() (most int) {
	from := 0
	for i, at := range s.sent {
		for s.sent[from] <= at-time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

const rtt = 2 * time.Millisecond

func dropping(open ...uint16) wayThere {
	return func(_ time.Duration, port uint16) (answer, time.Duration) {
		if slices.Contains(open, port) {
			return answer{kind: answerOpen}, rtt
		}
		return answer{}, 0
	}
}

func closedBut(open ...uint16) wayThere {
	return func(_ time.Duration, port uint16) (answer, time.Duration) {
		if slices.Contains(open, port) {
			return answer{kind: answerOpen}, rtt
		}
		return answer{kind: answerClosed}, rtt
	}
}

func firstPorts(n int) *portvigil.PortSet {
	s := new(portvigil.PortSet)
	s.AddRange(portvigil.PortRange{First: 1, Last: uint16(n)})
	return s
}

func TestLooksEndAsTheRulesSay(t *testing.T) {
	t.Parallel()
	cutAfter := func(cut time.Duration, net wayThere) wayThere {
		return func(now time.Duration, port uint16) (answer, time.Duration) {
			if now > cut {
				return answer{}, 0
			}
			return net(now, port)
		}
	}
	after := func(start time.Duration, net wayThere) wayThere {
		return func(now time.Duration, port uint16) (answer, time.Duration) {
			if now < start {
				return answer{}, 0
			}
			return net(now, port)
		}
	}
	onceASecond := func(a answer) wayThere {
		next := time.Duration(0)
		return func(now time.Duration, _ uint16) (answer, time.Duration) {
			if now < next {
				return answer{}, 0
			}
			next = now + time.Second
			return a, rtt
		}
	}
	always := func(a answer) wayThere {
		return func(time.Duration, uint16) (answer, time.Duration) { return a, rtt }
	}
	reject := icmpError{kind: icmpUnreachable, code: icmpAdminProhibited, fromTarget: true}.answer()
	type looked struct {
		name       string
		ports      int
		references []uint16
		net        wayThere
		complete   bool
		code       string // of the first note
		within     time.Duration
		open       int
		state      portvigil.PortState
	}
	cases := func() []looked { // as some networks remember
		return []looked{
			{name: "everything answers", ports: 65535, net: closedBut(22, 54321), complete: true, within: 30 * time.Second, open: 2, state: portvigil.StateClosed},
			{name: "a dropping firewall with doors", ports: 65535, net: dropping(22, 54321), complete: true, within: 2 * time.Minute, open: 2, state: portvigil.StateFiltered},
			{name: "a host that never answers", ports: 65535, net: dropping(), code: "no-answer", within: 45 * time.Second, state: portvigil.StateFiltered},
			{name: "a way that comes up after the first pass", ports: 40, net: after(time.Second, closedBut(22, 35)), complete: true, within: 6 * time.Second, open: 2, state: portvigil.StateClosed},
			{name: "a way to a rejecting firewall that comes up late", ports: 60, net: after(time.Second, always(reject)), complete: true, within: 6 * time.Second, state: portvigil.StateFiltered},
			{name: "a rejecting firewall that sends one error a second", ports: 60, net: onceASecond(reject), code: "icmp-limited", within: time.Minute, state: portvigil.StateFiltered},
			{name: "a reference outside of the ports vouches", ports: 300, references: []uint16{40000}, net: dropping(40000), complete: true, within: 10 * time.Second, state: portvigil.StateFiltered},
			{name: "a reference that should answer is silent", ports: 65535, references: []uint16{443}, net: dropping(), code: "dead-path", within: 30 * time.Second, state: portvigil.StateFiltered},
			{name: "a path that is cut among closed ports", ports: 65535, net: cutAfter(5*time.Second, closedBut(22)), code: "dead-path", within: 35 * time.Second, open: 1, state: portvigil.StateFiltered},
			{name: "a path that is cut before a dropping firewall", ports: 65535, net: cutAfter(5*time.Second, dropping(22)), code: "dead-path", within: 35 * time.Second, open: 1, state: portvigil.StateFiltered},
			{name: "no route", ports: 65535, net: always(answer{kind: answerUnreachable}), code: "dead-path", within: 5 * time.Second, state: portvigil.StateFiltered},
			{name: "no route, and few ports", ports: 5, net: always(answer{kind: answerUnreachable}), code: "dead-path", within: 5 * time.Second, state: portvigil.StateFiltered},
			{name: "a firewall that rejects every port", ports: 3000, net: always(reject), complete: true, within: 5 * time.Second, state: portvigil.StateFiltered},
			{name: "every port is open", ports: 2000, net: always(answer{kind: answerOpen}), complete: true, code: "answers-everywhere", within: 5 * time.Second, open: 2000, state: portvigil.StateFiltered},
		}
	}
	check := func(c looked, simulate simulator) func(t *testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			ports := firstPorts(c.ports)
			s := simulate(t, ports, Rate{}, c.references, c.net)
			look := s.look(ports)
			if look.Complete != c.complete || look.DefaultState != c.state || look.Count(portvigil.StateOpen) != c.open {
				t.Errorf("complete %v, default %s, %d open; notes %q", look.Complete, look.DefaultState, look.Count(portvigil.StateOpen), look.Notes)
			}
			code := ""
			if len(look.Notes) > 0 {
				code = portvigil.NoteCode(look.Notes[0])
			}
			if code != c.code {
				t.Errorf("notes %q, want the code %q first", look.Notes, c.code)
			}
			if s.now > c.within {
				t.Errorf("took %v, want at most %v", s.now, c.within)
			}
			if most := s.mostInASecond(); most > autoRate {
				t.Errorf("%d probes in one second", most)
			}
		}
	}
	for _, c := range cases() {
		t.Run("by connecting, "+c.name, check(c, simulate))
	}
	for _, c := range cases() {
		t.Run("by SYN, "+c.name, check(c, simulateMeasured))
	}
}

func TestAHostThatLimitsItsAnswersIsLookedAtSlower(t *testing.T) {
	t.Parallel()
	ports := firstPorts(3000)
	tokens, last := 200.0, time.Duration(0)
	s := simulate(t, ports, Rate{}, nil, func(now time.Duration, port uint16) (answer, time.Duration) {
		tokens, last = min(200, tokens+(now-last).Seconds()*200), now
		if tokens < 1 {
			return answer{}, 0
		}
		tokens--
		if port == 2999 {
			return answer{kind: answerOpen}, rtt
		}
		return answer{kind: answerClosed}, rtt
	})
	look := s.look(ports)
	if !look.Complete || look.Count(portvigil.StateClosed) != 2999 || look.Count(portvigil.StateOpen) != 1 {
		t.Errorf("complete %v, %d closed, %d open, notes %q", look.Complete, look.Count(portvigil.StateClosed), look.Count(portvigil.StateOpen), look.Notes)
	}
	if len(look.Notes) == 0 || portvigil.NoteCode(look.Notes[0]) != "rate-limited" {
		t.Errorf("notes %q", look.Notes)
	}
}

func TestSilenceDuringAnOutageIsNotBelieved(t *testing.T) {
	t.Parallel()
	ports := firstPorts(20000)
	s := simulate(t, ports, Rate{}, nil, func(now time.Duration, port uint16) (answer, time.Duration) {
		if now > 3*time.Second && now < 8*time.Second {
			return answer{}, 0
		}
		return dropping(22, 15000, 19999)(now, port)
	})
	look := s.look(ports)
	if !look.Complete || look.Count(portvigil.StateOpen) != 3 {
		t.Errorf("complete %v, %d open, notes %q", look.Complete, look.Count(portvigil.StateOpen), look.Notes)
	}
	if short := slices.IndexFunc(slices.Collect(ports.All()), func(p uint16) bool {
		return s.conductor.table.of(p).answer == answerNone && s.conductor.table.of(p).sends < triesNeeded
	}); short >= 0 {
		t.Errorf("a silent port was tried less than %d times", triesNeeded)
	}
}

func TestDoorsThatBeginToRejectMeanABan(t *testing.T) {
	t.Parallel()
	ports := firstPorts(65535)
	s := simulate(t, ports, Rate{}, nil, func(now time.Duration, port uint16) (answer, time.Duration) {
		if now > 4*time.Second {
			if port != 22 && port != 80 {
				return answer{}, 0
			}
			return icmpError{kind: icmpUnreachable, code: icmpPortUnreachable, fromTarget: true}.answer(), rtt
		}
		return dropping(22, 80)(now, port)
	})
	look := s.look(ports)
	if look.Complete || len(look.Notes) == 0 || portvigil.NoteCode(look.Notes[0]) != "blocked" {
		t.Errorf("complete %v, notes %q", look.Complete, look.Notes)
	}
	if s.now > 34*time.Second {
		t.Errorf("ended at %v", s.now)
	}
}

func TestTroubleOfTheOwnMachineIsNoState(t *testing.T) {
	t.Parallel()
	ports := firstPorts(500)
	n := 0
	s := simulate(t, ports, Rate{}, nil, func(now time.Duration, port uint16) (answer, time.Duration) {
		if n++; n%3 == 0 {
			return answer{kind: answerStrain}, 0
		}
		return closedBut(22)(now, port)
	})
	look := s.look(ports)
	if !look.Complete || look.Count(portvigil.StateClosed) != 499 {
		t.Errorf("complete %v, %d closed, notes %q", look.Complete, look.Count(portvigil.StateClosed), look.Notes)
	}
}

func at(address string) Target {
	return Target{Host: "target", Address: netip.MustParseAddr(address)}
}
