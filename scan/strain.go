package scan

import "time"

const (
	// strainBlock is how many questions tell whether a look is too fast, trialBlock
	// how many whether it is no more.
	strainBlock = 20
	trialBlock  = 40
	// tooMuch is how much more than usual may be lost; less where a limiter is known.
	tooMuch      = 0.3
	tooMuchKnown = 0.1
	// leastThrough is the least share of its rate that one cut leaves.
	leastThrough = 1.0 / 16
)

// strain tells losses that come of the look's own rate, as a limiter's, from those
// that a slower look would have too. Much loss slows the look down to what came
// through. Where that mends it a limiter is found; where it does not, the loss is the
// way's own, and the look goes on as before.
//
//	watching ──much loss──> on trial ──more comes through──> watching, limited
//	    ▲                      │
//	    └── as much as before: the way's own; the rate is given back
type strain struct {
	usual   float64 // the way's own loss
	trial   bool
	before  float64       // the share that came through before the trial
	hoped   float64       // the share that comes through in it where a limiter is the cause
	since   time.Duration // questions sent later count
	blocks  [roles]tally
	limited bool // a limiter was found
}

// react is what the pace is to do.
type react uint8

const (
	reactNone react = iota
	reactCut        // slow down to the share that came through
	reactKeep       // the slower rate is the right one
	reactUndo       // it did not help
)

// judge takes what became of a question of the sample, and says what to do: through
// is the share of the rate to go on with.
func (s *strain) judge(r role, sent time.Duration, lost bool, now time.Duration) (do react, through float64) {
	if sent < s.since {
		return reactNone, 1
	}
	b := &s.blocks[r]
	b.add(lost)
	most := strainBlock
	if s.trial {
		most = trialBlock
	}
	if b.asked < most {
		return reactNone, 1
	}
	came := 1 - b.share()
	*b = tally{}
	switch {
	case s.trial && came < (s.before+s.hoped)/2:
		s.usual = max(s.usual, 1-came)
		s.begin(now, false)
		return reactUndo, 1
	case s.trial:
		s.limited = true
		s.begin(now, false)
		return reactKeep, 1
	}
	margin := tooMuch
	if s.limited {
		margin = tooMuchKnown
	}
	if came > 1-s.usual-margin {
		return reactNone, 1
	}
	through = max(came, leastThrough)
	s.before, s.hoped = came, min(came/through, 1)
	s.begin(now, true)
	return reactCut, through
}

// begin counts anew.
func (s *strain) begin(now time.Duration, trial bool) {
	s.trial, s.since, s.blocks = trial, now, [roles]tally{}
}
