package scan

import (
	"container/heap"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

var openPorts = flag.Int("open-ports", 60_000, "how many open ports the looks of TestWhatACompleteLookMisses have to find, in all")

// madeUp is a made-up way to a made-up host, which remembers what was sent.
type madeUp struct {
	random *rand.Rand
	state  map[uint16]answerKind // what a port answers; answerNone where nothing does
	other  answerKind            // what the others answer

	rtt, jitter time.Duration
	loss        float64 // of each direction, at random
	badLoss     float64 // of each direction while the way is bad; 0: it never is
	good, bad   time.Duration
	bads        bool
	turns       time.Duration // when the way next turns good or bad

	limit  float64 // answers a second; 0: any number
	resets bool    // resets alone are limited
	tokens float64
	last   time.Duration

	banAfter int // SYN to closed ports in a second, after which nothing is answered for 20 s; 0: never
	asked    []time.Duration
	banned   time.Duration
}

// makeNetwork makes one up, and says what it is.
func makeNetwork(random *rand.Rand, ports int) *madeUp {
	n := &madeUp{random: random, state: map[uint16]answerKind{}}
	pick := func(of ...float64) float64 { return of[random.IntN(len(of))] }
	open := max(1, int(float64(ports)*pick(0.002, 0.02, 0.2, 0.5)))
	for len(n.state) < open {
		n.state[uint16(1+random.IntN(ports))] = answerOpen
	}
	n.other = []answerKind{answerNone, answerClosed}[random.IntN(2)]
	if mixed := pick(0, 0, 0.1, 0.5); mixed > 0 {
		for port := 1; port <= ports; port++ {
			if _, known := n.state[uint16(port)]; !known && random.Float64() < mixed {
				n.state[uint16(port)] = answerClosed + answerNone - n.other
			}
		}
	}
	n.rtt = time.Duration(math.Exp(random.Float64()*math.Log(1000)) * float64(200*time.Microsecond))
	n.jitter = time.Duration(random.Float64() * float64(n.rtt) / 2)
	switch random.IntN(4) {
	case 0: // none is lost
	case 1:
		n.loss = pick(0.0003, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3)
	default:
		n.loss = pick(0, 0.001, 0.01)
		share := pick(0.001, 0.01, 0.05, 0.1, 0.3)
		n.badLoss = pick(0.3, 0.7, 1)
		n.bad = time.Duration(math.Exp(random.Float64()*math.Log(500)) * float64(4*time.Millisecond))
		n.good = time.Duration(float64(n.bad) * (1 - share) / share)
	}
	switch random.IntN(6) {
	case 0:
		n.limit = pick(100, 300, 1000, 3000)
		n.resets = random.IntN(2) == 0
	case 1:
		n.banAfter = int(pick(50, 200, 1000))
	}
	return n
}

// lossy is the share of questions and answers that it loses, both together.
func (n *madeUp) lossy() float64 {
	bad := 0.0
	if n.badLoss > 0 {
		bad = n.badLoss * float64(n.bad) / float64(n.good+n.bad)
	}
	one := n.loss + bad - n.loss*bad
	return 1 - (1-one)*(1-one)
}

func (n *madeUp) lost(now time.Duration) bool {
	loss := n.loss
	if n.badLoss > 0 {
		for now >= n.turns {
			mean := n.bad
			if n.bads {
				mean = n.good
			}
			n.bads = !n.bads
			n.turns += time.Duration(n.random.ExpFloat64() * float64(mean))
		}
		if n.bads {
			loss = max(loss, n.badLoss)
		}
	}
	return n.random.Float64() < loss
}

// answer is what comes back for a SYN that leaves now.
func (n *madeUp) answer(now time.Duration, port uint16) (answer, time.Duration) {
	is, known := n.state[port]
	if !known {
		is = n.other
	}
	if n.lost(now) || now < n.banned {
		return answer{}, 0
	}
	if n.banAfter > 0 && is == answerClosed {
		for len(n.asked) > 0 && n.asked[0] < now-time.Second {
			n.asked = n.asked[1:]
		}
		if n.asked = append(n.asked, now); len(n.asked) > n.banAfter {
			n.banned = now + 20*time.Second
			return answer{}, 0
		}
	}
	if n.limit > 0 && (!n.resets || is == answerClosed) {
		n.tokens = min(n.limit/10, n.tokens+(now-n.last).Seconds()*n.limit)
		n.last = now
		if n.tokens < 1 {
			return answer{}, 0
		}
		n.tokens--
	}
	if is == answerNone || n.lost(now) {
		return answer{}, 0
	}
	return answer{kind: is}, n.rtt + time.Duration(n.random.Float64()*float64(n.jitter))
}

// live runs a look against a network as the engines would: with SYN an answer that comes
// after its probe was given up is heard late.
func live(s *simulation, net *madeUp) {
	type late struct {
		port uint16
		a    answer
		sent time.Duration
	}
	var flying flight
	var lates []late
	var lateAt []time.Duration
	var buf [8]probe
	for {
		for len(flying) > 0 && flying[0].at <= s.now {
			s.conductor.record([]result{heap.Pop(&flying).(result)})
		}
		for len(lates) > 0 && lateAt[0] <= s.now {
			s.conductor.hearLate(s.now, lates[0].port, lates[0].a, s.now-lates[0].sent)
			lates, lateAt = lates[1:], lateAt[1:]
		}
		k, wait, done := s.conductor.next(s.now, buf[:])
		if done {
			return
		}
		timeout := s.conductor.timeout()
		for _, p := range buf[:k] {
			s.probes++
			most := timeout
			if p.patient {
				most = patient
			}
			a, rtt := net.answer(s.now, p.port)
			if a.kind != answerNone && rtt > most {
				if at := s.now + rtt; s.conductor.measured {
					i, _ := slices.BinarySearch(lateAt, at)
					lateAt, lates = slices.Insert(lateAt, i, at), slices.Insert(lates, i, late{p.port, a, s.now})
				}
				a = answer{}
			}
			if a.kind == answerNone {
				rtt = most
			}
			heap.Push(&flying, result{p, a, s.now + rtt})
		}
		if k > 0 {
			s.now += 20 * time.Microsecond
			continue
		}
		next := s.now + min(max(wait, 100*time.Microsecond), longestStep)
		if len(flying) > 0 {
			next = min(next, flying[0].at)
		}
		s.now = max(next, s.now+time.Microsecond)
	}
}

func TestWhatACompleteLookMisses(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	var looks, complete, open, missed, wrong, looksOfLittleLoss, completeOfLittleLoss int
	why := map[string]int{}
	var each []float64 // probes for a port that is silent, in the looks of little loss that ended complete
	for open < *openPorts {
		ports := int(math.Exp(random.Float64()*math.Log(100)) * 30)
		net := makeNetwork(random, ports)
		set := firstPorts(ports)
		s := newSimulation(set, Rate{Unlimited: random.IntN(2) == 0}, nil, random.Uint64())
		s.conductor.measure()
		live(s, net)
		look := s.look(set)
		looks++
		little := net.lossy() <= 0.2 && net.limit == 0 && net.banAfter == 0
		if little {
			looksOfLittleLoss++
		}
		for _, is := range net.state {
			if is == answerOpen {
				open++
			}
		}
		if !look.Complete {
			if len(look.Notes) == 0 {
				t.Errorf("seed %d: look %d is not complete and does not say why", seed, looks)
				continue
			}
			why[portvigil.NoteCode(look.Notes[0])]++
			if little {
				why["of little loss: "+portvigil.NoteCode(look.Notes[0])]++
			}
			continue
		}
		complete++
		if little {
			completeOfLittleLoss++
			each = append(each, float64(look.Probes)/float64(ports))
		}
		m, w := net.compare(s, ports)
		if m > 0 {
			t.Logf("seed %d: look %d missed %d; stated %g, loss %+v; %s", seed, looks, m, *look.MissProbability, *look.Loss, net)
		}
		missed, wrong = missed+m, wrong+w
	}
	slices.Sort(each)
	t.Logf("seed %d: %d looks with %d open ports, %d complete; missed %d, wrong %d; of %d with little loss %d complete (%.2f %%), with %.1f probes a port, %.1f of 95 %%",
		seed, looks, open, complete, missed, wrong, looksOfLittleLoss, completeOfLittleLoss, 100*float64(completeOfLittleLoss)/float64(looksOfLittleLoss), each[len(each)/2], each[len(each)*95/100])
	t.Logf("not complete: %v", why)
	if most := max(1, int(mostMissed*float64(open))); missed > most {
		t.Errorf("%d open ports of %d were missed in looks called complete, want at most %d", missed, open, most)
	}
	if most := max(1, int(mostMissed*float64(open))); wrong > most {
		t.Errorf("%d ports have a wrong state in looks called complete, want at most %d", wrong, most)
	}
	if completeOfLittleLoss*100 < looksOfLittleLoss*95 {
		t.Errorf("%d of %d looks with little loss are complete, want 95 %%", completeOfLittleLoss, looksOfLittleLoss)
	}
}

// compare counts the ports that a look has wrong: open ones that it missed, and others.
func (n *madeUp) compare(s *simulation, ports int) (missed, wrong int) {
	for port := 1; port <= ports; port++ {
		is, known := n.state[uint16(port)]
		if !known {
			is = n.other
		}
		switch got := s.conductor.table.of(uint16(port)).answer; {
		case got == is:
		case is == answerOpen:
			missed++
		default:
			wrong++
		}
	}
	return missed, wrong
}

// TestWhatAConnectLookGetsWrong: it states no probability, and has hardly a port wrong.
func TestWhatAConnectLookGetsWrong(t *testing.T) {
	t.Parallel()
	const looks = 250
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	complete, bad := 0, 0
	for range looks {
		ports := int(math.Exp(random.Float64()*math.Log(100)) * 30)
		net := makeNetwork(random, ports)
		s := newSimulation(firstPorts(ports), Rate{}, nil, random.Uint64())
		live(s, net)
		if !s.conductor.complete() {
			continue
		}
		complete++
		if missed, wrong := net.compare(s, ports); missed+wrong > 0 {
			bad++
			t.Logf("seed %d: missed %d and has %d others wrong: %s", seed, missed, wrong, net)
		}
	}
	t.Logf("seed %d: %d of %d looks complete, %d of them with a port wrong", seed, complete, looks, bad)
	if complete < looks/2 || bad*25 > complete {
		t.Errorf("%d of %d looks are complete, and %d of them wrong somewhere", complete, looks, bad)
	}
}

func (n *madeUp) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "other %d, rtt %v+%v, loss %g", n.other, n.rtt, n.jitter, n.loss)
	if n.badLoss > 0 {
		fmt.Fprintf(&b, ", bad %g for %v after %v", n.badLoss, n.bad, n.good)
	}
	fmt.Fprintf(&b, ", limit %g (resets alone: %v), ban after %d", n.limit, n.resets, n.banAfter)
	return b.String()
}
