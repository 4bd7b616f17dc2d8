package scan

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNoSecondHoldsMoreThanTheCeiling(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ceiling := rapid.IntRange(1, 6000).Draw(t, "ceiling")
		p := newPace(ceiling, 1<<20)
		p.window = 1 << 20
		var left []time.Duration
		now, pauses := time.Duration(0), rapid.SliceOfN(rapid.IntRange(0, 300), 1, 20).Draw(t, "kept waiting, ms")
		for i := 0; now < 4*time.Second && i < 1<<16; i++ {
			if wait := p.wait(now, 0); wait > 0 {
				now += wait
				continue
			}
			if i%97 == 0 { // the machine does something else between deciding and sending
				now += time.Duration(pauses[i/97%len(pauses)]) * time.Millisecond
			}
			left = append(left, now)
			p.sent(now)
			p.left(now)
		}
		from := 0
		for i, at := range left {
			for left[from] <= at-time.Second {
				from++
			}
			if i-from+1 > ceiling {
				t.Fatalf("%d SYN in the second before %v, the ceiling is %d", i-from+1, at, ceiling)
			}
		}
	})
}

func TestAnUndisturbedLookComesNearItsCeiling(t *testing.T) {
	t.Parallel()
	p := newPace(autoRate, 1<<20)
	p.window = 1 << 20
	n := 0
	for now := time.Duration(0); now < 10*time.Second; now += 100 * time.Microsecond {
		if p.wait(now, 0) == 0 {
			p.sent(now)
			n++
		}
	}
	if n < 10*autoRate*9/10 {
		t.Errorf("%d SYN in ten seconds", n)
	}
}

func TestALookCatchesUpWhatTheMachineKeptItFrom(t *testing.T) {
	t.Parallel()
	p := newPace(autoRate, 1<<20)
	p.window = 1 << 20
	n := 0
	for now := time.Duration(0); now < 10*time.Second; now += time.Millisecond {
		if now%time.Second == 0 {
			now += 400 * time.Millisecond // it did something else
		}
		for p.wait(now, 0) == 0 {
			p.sent(now)
			n++
		}
	}
	if n < 10*autoRate*9/10 {
		t.Errorf("%d SYN in ten seconds of which four were lost", n)
	}
}

func TestACutIsTakenBackOrEasesWithTime(t *testing.T) {
	t.Parallel()
	p := newPace(0, 4096)
	now := time.Duration(0)
	for ; now < 2*time.Second; now += time.Millisecond {
		p.sent(now)
	}
	p.react(now, order{reactTry, 0.5})
	p.ease(now + 5*time.Second)
	if p.limit < 400 || p.limit > 600 || p.lowest != 0 {
		t.Errorf("half of 1000 SYN/s is %.0f, said to have helped at %.0f", p.limit, p.lowest)
	}
	p.react(now, order{do: reactUndo})
	if p.limit != 0 || p.lowest != 0 {
		t.Errorf("taken back it is %.0f, said to have helped at %.0f", p.limit, p.lowest)
	}
	p.react(now, order{reactTry, 0.25})
	p.react(now, order{reactKeep, 0.5})
	before := p.limit
	if before < 400 || before > 600 || p.lowest != before {
		t.Errorf("it helped at %.0f, said is %.0f", before, p.lowest)
	}
	for range 10 {
		now += time.Second
		p.ease(now)
	}
	if p.limit < 1.5*before || p.limit > 2*before {
		t.Errorf("ten good seconds brought %.0f to %.0f", before, p.limit)
	}
	p.react(now, order{reactHold, 0.5})
	if p.limit > before || p.lowest != min(before, p.limit) {
		t.Errorf("held at %.0f after %.0f, said is %.0f", p.limit, before, p.lowest)
	}
	p.react(now, order{reactCut, 0.5})
	cut := p.limit
	p.ease(now + time.Second)
	if p.limit < 2*cut {
		t.Errorf("an outage over, %.0f becomes %.0f", cut, p.limit)
	}
}

func TestTimeoutsFollowTheAnswersButStayBelowTheKernelsOwnRetry(t *testing.T) {
	t.Parallel()
	p := newPace(0, 4096)
	if got := p.timeout(); got != patient {
		t.Errorf("before any answer: %v", got)
	}
	for range 50 {
		p.answered(time.Millisecond)
	}
	if got := p.timeout(); got != brief {
		t.Errorf("on a short path: %v", got)
	}
	for range 50 {
		p.answered(3 * time.Second)
	}
	if got := p.timeout(); got >= time.Second {
		t.Errorf("on a long path: %v, and the kernel sends again after 1 s", got)
	}
}

func TestStrainRestsAndShrinksTheWindow(t *testing.T) {
	t.Parallel()
	p := newPace(0, 4096)
	for range 2000 {
		p.answered(time.Millisecond)
	}
	p.strained(time.Second, 1000)
	if p.window != 750 || p.wait(time.Second, 0) == 0 {
		t.Errorf("window %.0f, wait %v", p.window, p.wait(time.Second, 0))
	}
}
