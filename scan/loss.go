package scan

import (
	"math"
	"math/bits"

	"gonum.org/v1/gonum/mathext"
)

const (
	// mostMissed is the probability that a given open port was missed, above which
	// no look is complete (RULES section 1).
	mostMissed = 1e-6
	// mostWrong is how many ports may be taken for silent that are not, in a look in which
	// late answers go unheard, so that what is measured is no bound.
	mostWrong = 0.01
	// confidence is that of every upper bound of a loss.
	confidence = 0.95
	// passWorth is how many probes the time between two passes is worth.
	passWorth = 100
	// mostPasses bounds how often a port is asked, beside the first pass over the
	// likely ones: 16 times come below mostMissed where 40 % of all is lost.
	mostPasses = 16
)

// tally counts questions to doors that are known to answer, and how many of them
// stayed unanswered.
type tally struct{ asked, lost int }

func (t *tally) add(lost bool) {
	t.asked++
	if lost {
		t.lost++
	}
}

// bound is the upper confidence limit of the share of probes that is lost, from 0
// to 1: the exact one of Clopper and Pearson (Biometrika 26, 1934). Exact it is as
// the questions are a random sample of the probes, however the losses cluster.
func (t tally) bound() float64 {
	if t.lost >= t.asked {
		return 1
	}
	return mathext.InvRegIncBeta(float64(t.lost+1), float64(t.asked-t.lost), confidence)
}

// share is the most likely share that is lost, 0 to 1.
func (t tally) share() float64 {
	if t.asked == 0 {
		return 0
	}
	return float64(t.lost) / float64(t.asked)
}

// questionsFor is how many questions are likely to show that the loss is below
// most where it is the share: 0 for none, and false where no number would.
func questionsFor(most, share float64) (int, bool) {
	const enough = 1 << 17
	if most >= 1 {
		return 0, true
	}
	if share >= most*0.95 {
		return 0, false
	}
	shows := func(n int) bool { return tally{asked: n, lost: int(math.Ceil(share * float64(n)))}.bound() <= most }
	high := 1
	for !shows(high) {
		if high *= 2; high > enough {
			return 0, false
		}
	}
	low := high / 2
	for high-low > max(1, low/64) {
		if mid := (low + high) / 2; shows(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high, true
}

// doubt is what is known of one kind of door before a pass: how likely it is that
// a port of the kind was silent in all passes that its silence counts in, and the
// share of probes that is lost at present.
type doubt struct{ missed, share float64 }

// cheapest tells how many questions the doors of each kind are asked in the next
// pass, of so many probes, and how many passes there are to be with it, over the
// silent ports, so that all together take the fewest probes until no more than most
// is in doubt.
func cheapest(doubts []doubt, most float64, probes, silent, leastPasses, passesLeft int) (best []int, passesNow int) {
	best, passesNow = make([]int, len(doubts)), passesLeft
	least := math.MaxInt
	for passes := leastPasses; passes <= passesLeft; passes++ {
		cost := probes + (passes-1)*(silent+passWorth)
		if cost > least {
			break
		}
		questions, possible := make([]int, len(doubts)), true
		for i, d := range doubts {
			if d.missed <= most {
				continue
			}
			n, ok := questionsFor(math.Pow(most/d.missed, 1/float64(passes)), d.share)
			questions[i], possible = n, possible && ok
			cost += passes * n
		}
		if possible && cost < least {
			best, passesNow, least = questions, passes, cost
		}
	}
	return best, passesNow
}

// passes is a set of passes, from the first over all ports on: one bit each.
type passes uint16

func (p passes) with(pass int) passes    { return p | 1<<(pass-1) }
func (p passes) without(pass int) passes { return p &^ (1 << (pass - 1)) }
func (p passes) contains(pass int) bool  { return p&(1<<(pass-1)) != 0 }
func (p passes) count() int              { return bits.OnesCount16(uint16(p)) }

// ledger is what is measured of the loss: for each kind of door and each pass.
type ledger [roles][mostPasses + 1]tally

// missed bounds the probability that a port which is of a kind was silent in all
// those passes.
func (l *ledger) missed(r role, in passes) float64 {
	p := 1.0
	for pass := 1; pass <= mostPasses; pass++ {
		if in.contains(pass) {
			p *= l[r][pass].bound()
		}
	}
	return p
}

// all is what is measured of a kind in all passes.
func (l *ledger) all(r role) (t tally) {
	for _, pass := range l[r] {
		t.asked, t.lost = t.asked+pass.asked, t.lost+pass.lost
	}
	return t
}
