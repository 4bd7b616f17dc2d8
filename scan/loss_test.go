package scan

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestTheBoundOfALossIsTheExactOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tally tally
		want  float64
	}{
		{tally{asked: 0, lost: 0}, 1},
		{tally{asked: 7, lost: 7}, 1},
		{tally{asked: 2995, lost: 0}, 1 - math.Pow(0.05, 1.0/2995)},
		{tally{asked: 2, lost: 1}, math.Sqrt(0.95)},
	} {
		if got := c.tally.bound(); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%+v: %g, want %g", c.tally, got, c.want)
		}
	}
	// With the bound as the true share, so few losses or fewer have a chance of 5 %.
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 400).Draw(t, "asked")
		lost := rapid.IntRange(0, n-1).Draw(t, "lost")
		p, chance := tally{asked: n, lost: lost}.bound(), 0.0
		for k := range lost + 1 {
			choose, _ := math.Lgamma(float64(n + 1))
			out, _ := math.Lgamma(float64(k + 1))
			rest, _ := math.Lgamma(float64(n - k + 1))
			chance += math.Exp(choose - out - rest + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
		}
		if math.Abs(chance-(1-confidence)) > 1e-6 {
			t.Fatalf("%d of %d lost: bound %g, at which so few have a chance of %g", lost, n, p, chance)
		}
	})
}

func TestTheFewestProbesAreChosen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		doubt          doubt
		probes, silent int
		least          int // passes
		passes         int
		from, to       int // questions
	}{
		{"a firewall that drops everything, and no loss", doubt{missed: 1}, 65535, 65535, 1, 2, 2990, 3100},
		{"few silent ports", doubt{missed: 1}, 1000, 20, 1, 5, 40, 60},
		{"a second pass after one without a loss", doubt{missed: 1e-3}, 65535, 65535, 1, 1, 2990, 3100},
		{"a tenth is lost", doubt{missed: 1, share: 0.1}, 65535, 65535, 1, 7, 200, 300},
		{"three passes at least", doubt{missed: 1}, 65535, 65535, 3, 3, 295, 310},
		{"nothing is in doubt", doubt{missed: 1e-7}, 500, 500, 1, 1, 0, 0},
		{"no number of questions helps", doubt{missed: 1, share: 0.6}, 500, 500, 1, mostPasses, 0, 0},
	} {
		questions, passes := cheapest([]doubt{c.doubt}, mostMissed, c.probes, c.silent, c.least, mostPasses)
		if passes != c.passes || questions[0] < c.from || questions[0] > c.to {
			t.Errorf("%s: %d questions in each of %d passes, want %d to %d in %d", c.name, questions[0], passes, c.from, c.to, c.passes)
		}
	}
}

func TestASampleAsksAsOftenAsItIsTo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newSimulation(firstPorts(1), Rate{}, nil, rapid.Uint64().Draw(t, "seed")).conductor.samples[roleOpen]
		sent := rapid.IntRange(0, 100).Draw(t, "sent before")
		probes := sent + rapid.IntRange(1, 2000).Draw(t, "probes")
		questions := rapid.IntRange(0, 4000).Draw(t, "questions")
		s.spread(questions, sent, probes)
		asked := 0
		for ; sent <= probes; sent++ {
			for s.due(sent) {
				asked++
			}
		}
		if asked < questions || asked > questions+1 {
			t.Fatalf("asked %d of %d questions", asked, questions)
		}
	})
}
