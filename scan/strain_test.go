package scan

import (
	"math/rand/v2"
	"testing"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

// closedHost is one with thirty doors among closed ports.
func closedHost(seed uint64) *madeUp {
	n := &madeUp{random: rand.New(rand.NewPCG(seed, 3)), state: map[uint16]answerKind{}, other: answerClosed, rtt: 300 * time.Microsecond}
	for i := range uint16(30) {
		n.state[1+60*i] = answerOpen
	}
	return n
}

// TestALimiterIsFoundAndKeptTo: once it is known how many answers a second there are, no
// more is asked than that and a little, and nothing is waited for in vain.
func TestALimiterIsFoundAndKeptTo(t *testing.T) {
	t.Parallel()
	const ports = 65535
	for _, c := range []struct {
		name   string
		limit  float64
		resets bool
		rate   Rate
	}{
		{"of resets", 200, true, Rate{}},
		{"of resets, unlimited", 200, true, Rate{Unlimited: true}},
		{"of all answers", 1000, false, Rate{}},
		{"of all answers, unlimited", 1000, false, Rate{Unlimited: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(3) {
				n := closedHost(seed)
				n.limit, n.resets = c.limit, c.resets
				s := newSimulation(firstPorts(ports), c.rate, nil, seed)
				s.conductor.measure()
				live(s, n)
				look := s.look(firstPorts(ports))
				least := time.Duration(ports / c.limit * float64(time.Second))
				if !look.Complete || look.Count(portvigil.StateOpen) != 30 || look.Count(portvigil.StateClosed) != ports-30 {
					t.Errorf("seed %d: complete %v, %d open, %d closed; notes %q", seed, look.Complete, look.Count(portvigil.StateOpen), look.Count(portvigil.StateClosed), look.Notes)
				}
				if s.conductor.pace.lowest == 0 {
					t.Errorf("seed %d: no limiter was found", seed)
				}
				if s.now > least*5/4 || look.Probes > ports*3/2 {
					t.Errorf("seed %d: %v and %d probes, the least are %v and %d", seed, s.now, look.Probes, least, ports)
				}
			}
		})
	}
}

// TestLossIsNoLimiter: a way that loses as much of few as of many is not taken for one
// that a slower look would fare better on.
func TestLossIsNoLimiter(t *testing.T) {
	t.Parallel()
	const looks = 40
	for _, rate := range []Rate{{}, {Unlimited: true}} {
		limited := 0
		for seed := range uint64(looks) {
			n := closedHost(seed)
			n.loss = 0.02 + 0.03*float64(seed%3) // of each direction
			s := newSimulation(firstPorts(20000), rate, nil, seed)
			s.conductor.measure()
			live(s, n)
			if s.conductor.strain.limited {
				limited++
			}
		}
		if limited > 2 {
			t.Errorf("at the rate %s a limiter is found in %d of %d looks along ways that have none", rate, limited, looks)
		}
	}
}
