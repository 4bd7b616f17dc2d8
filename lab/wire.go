package lab

import (
	"math/rand/v2"
	"time"

	"github.com/portvigil/portvigil"
)

// direction is where a frame on a wire is going.
type direction uint8

const (
	toTarget direction = iota
	toScanner
)

// fate is one thing that becomes of a frame: these bytes go on, or back, after a while.
type fate struct {
	bytes []byte
	to    direction
	after time.Duration
}

// wire decides what becomes of frames between a scanner and a target. It has neither
// clock nor socket: the forwarder that asks it passes the time since it began, and does
// what it says. Nothing appended to fates is a loss. One goroutine asks at a time.
type wire interface {
	carry(now time.Duration, f frame, to direction, fates []fate) []fate
}

// onward is what a good wire does with every frame.
func onward(f frame, to direction, fates []fate) []fate {
	return append(fates, fate{bytes: f.bytes, to: to})
}

// cable carries everything.
type cable struct{}

func (cable) carry(_ time.Duration, f frame, to direction, fates []fate) []fate {
	return onward(f, to, fates)
}

// bursty loses frames in bursts, each way by itself: the model of Gilbert and Elliott
// (1960, 1963) with nothing lost in its good state and everything in its bad one.
//
//	good ──1 of (burst × (1-share)/share) frames──> bad, all is lost
//	  ▲                                              │
//	  └──────────────1 of burst frames───────────────┘
//
// No loss lasts longer than longestBurst: where a look asks now and then, twenty frames
// are seconds, for which no burst of a real path waits.
type bursty struct {
	random *rand.Rand
	share  float64 // of frames that are lost, over a long time
	burst  float64 // mean length of a loss, in frames
	bad    [2]bool
	since  [2]time.Duration // that it is
}

const longestBurst = 100 * time.Millisecond

func (w *bursty) carry(now time.Duration, f frame, to direction, fates []fate) []fate {
	if !f.touchable() {
		return onward(f, to, fates)
	}
	turn := 1 / w.burst
	if !w.bad[to] {
		turn *= w.share / (1 - w.share)
	}
	if w.random.Float64() < turn {
		w.bad[to], w.since[to] = !w.bad[to], now
	}
	if w.bad[to] && now-w.since[to] < longestBurst {
		return fates
	}
	w.bad[to] = false
	return onward(f, to, fates)
}

// slow holds every frame for a while, and some longer than others, so that they
// overtake each other.
type slow struct {
	random *rand.Rand
	least  time.Duration
	jitter time.Duration // at most so much more
}

func (w *slow) carry(_ time.Duration, f frame, to direction, fates []fate) []fate {
	if !f.touchable() {
		return onward(f, to, fates)
	}
	after := w.least + time.Duration(w.random.Int64N(int64(w.jitter)+1))
	return append(fates, fate{bytes: f.bytes, to: to, after: after})
}

// straggling has a share of the answers come late, and only those.
type straggling struct {
	random *rand.Rand
	share  float64
	late   time.Duration
}

func (w *straggling) carry(_ time.Duration, f frame, to direction, fates []fate) []fate {
	if f.touchable() && to == toScanner && w.random.Float64() < w.share {
		return append(fates, fate{bytes: f.bytes, to: to, after: w.late})
	}
	return onward(f, to, fates)
}

// doubling has a share of the answers come twice, the second time a little later.
type doubling struct {
	random *rand.Rand
	share  float64
	later  time.Duration // at most
}

func (w *doubling) carry(_ time.Duration, f frame, to direction, fates []fate) []fate {
	fates = onward(f, to, fates)
	if f.touchable() && to == toScanner && w.random.Float64() < w.share {
		fates = append(fates, fate{bytes: f.bytes, to: to, after: time.Duration(w.random.Int64N(int64(w.later) + 1))})
	}
	return fates
}

// severed is cut when so many SYN have passed, and mended after a while; never where
// that is zero. Address resolution does not get through either.
type severed struct {
	after int
	lasts time.Duration

	passed int
	cut    time.Duration
}

func (w *severed) carry(now time.Duration, f frame, to direction, fates []fate) []fate {
	if to == toTarget && f.syn() {
		if w.passed++; w.passed == w.after {
			w.cut = now
		}
	}
	if w.passed >= w.after && (w.lasts == 0 || now < w.cut+w.lasts) {
		return fates
	}
	return onward(f, to, fates)
}

// tarpit takes every connection itself, offers a window of a few bytes, and never says
// anything again. Nothing of TCP reaches the target.
type tarpit struct{ window uint16 }

func (w tarpit) carry(_ time.Duration, f frame, to direction, fates []fate) []fate {
	switch {
	case f.syn() && to == toTarget:
		return append(fates, fate{bytes: f.synAck(w.window), to: toScanner})
	case f.tcp():
		return fates
	}
	return onward(f, to, fates)
}

// beyondScope answers for doors of the target by an ICMPv6 error that no packet filter
// of Linux has a word for: beyond scope of source address (RFC 4443 section 3.1).
type beyondScope struct{ doors portvigil.PortRange }

func (w beyondScope) carry(_ time.Duration, f frame, to direction, fates []fate) []fate {
	if to == toTarget && f.six && f.syn() && w.doors.Contains(f.door()) {
		return append(fates, fate{bytes: f.unreachable(2), to: toScanner})
	}
	return onward(f, to, fates)
}
