package scan

import (
	"math"
	"time"
)

const (
	// surely is the logarithm of the odds that decide: a thousand to one.
	surely = 6.9
	// freshBlock is how many questions measure the loss once it seems high: those that
	// made it seem so are not believed. Where a limiter is known, fewer do.
	freshBlock, freshKnown = 60, 20
	// hardly is the loss that nobody slows down for, and tooMuch so much more than
	// usual that it is worth a trial. Where a limiter is known, less is.
	hardly, tooMuch           = 0.1, 0.2
	hardlyKnown, tooMuchKnown = 0.02, 0.13
	// outOfWay is a loss that is no limiter's, but an outage or a ban.
	outOfWay = 0.97
	// leastThrough is the least share of its rate that one cut leaves.
	leastThrough = 1.0 / 32
)

// strain tells losses that come of the look's own rate, as a limiter's, from those
// that a slower look would have too. Much loss slows the look down to half of what
// came through: a limiter then has nothing more to do, while the way's own loss stays.
// Evidence is added up question by question (Wald's sequential test, 1945; Page's
// cumulative sum, 1954), so that what is plain is decided soon.
//
//	watching ──evidence──> measuring ──too much──> on trial ──less is lost──> watching,
//	    ▲                      │                      │                      limited
//	    └─── it was chance ────┘                      │
//	    └─── as much is lost: the way's own, the rate is given back
type strain struct {
	kind     role // that is measured or on trial
	phase    phase
	evidence [roles]float64
	usual    [roles]float64 // the way's own loss
	fresh    tally
	before   float64       // the loss that led to the trial
	since    time.Duration // questions sent later count
	limited  bool          // a limiter was found
}

type phase uint8

const (
	watching phase = iota
	measuring
	onTrial
)

// order is what the pace is to do, and share the share of the rate that it is about.
type order struct {
	do    react
	share float64
}

type react uint8

const (
	reactNone react = iota
	reactCut        // slow down to the share of the present rate, for as long as something is out of order
	reactTry        // slow down to it and stay there, to see whether that helps
	reactHold       // slow down to it, as is known to help
	reactKeep       // the share of the rate before the cut is the right one
	reactUndo       // it did not help
)

// judge takes what became of a question of the sample.
func (s *strain) judge(r role, sent time.Duration, lost bool, now time.Duration) order {
	if sent < s.since || s.phase != watching && r != s.kind {
		return order{}
	}
	switch s.phase {
	case watching:
		low := s.usual[r] + s.hardly()
		s.evidence[r] = max(0, s.evidence[r]+odds(lost, low, low+s.tooMuch()))
		if s.evidence[r] > surely {
			s.kind = r
			s.enter(measuring, now)
		}
	case measuring:
		if s.fresh.add(lost); s.fresh.asked >= s.block() {
			return s.measured(now)
		}
	case onTrial:
		s.fresh.add(lost)
		s.evidence[r] += odds(lost, max(s.before/8, hardlyKnown), s.before)
		switch {
		case s.evidence[r] > surely:
			s.usual[r] = max(s.usual[r], s.before, s.fresh.share())
			s.enter(watching, now)
			return order{do: reactUndo}
		case s.evidence[r] < -surely:
			s.limited = true
			s.enter(watching, now)
			return order{reactKeep, 1 - s.before}
		}
	}
	return order{}
}

// measured decides what the loss that was measured anew is worth.
func (s *strain) measured(now time.Duration) order {
	lost := s.fresh.share()
	switch {
	case lost < s.usual[s.kind]+s.hardly()+s.tooMuch()/2:
		s.enter(watching, now)
		return order{}
	case lost > outOfWay:
		s.enter(watching, now)
		return order{reactCut, leastThrough}
	case s.limited:
		s.enter(watching, now)
		return order{reactHold, 1 - lost}
	}
	s.before = lost
	s.enter(onTrial, now)
	return order{reactTry, max((1-lost)/2, leastThrough)}
}

func (s *strain) block() int {
	if s.limited {
		return freshKnown
	}
	return freshBlock
}

func (s *strain) enter(p phase, now time.Duration) {
	s.phase, s.since, s.fresh, s.evidence = p, now, tally{}, [roles]float64{}
}

func (s *strain) hardly() float64 {
	if s.limited {
		return hardlyKnown
	}
	return hardly
}

func (s *strain) tooMuch() float64 {
	if s.limited {
		return tooMuchKnown
	}
	return tooMuch
}

// odds is how much a question speaks for a loss that is high and against one that is
// low: the logarithm of how much more likely what became of it is.
func odds(lost bool, low, high float64) float64 {
	low, high = min(low, 0.98), min(high, 0.99)
	if lost {
		return math.Log(high / low)
	}
	return math.Log((1 - high) / (1 - low))
}
