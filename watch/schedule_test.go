package watch

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

func TestALookFollowsAtTheHostsOwnMomentWithinAQuarterToFiveQuartersOfTheInterval(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := portvigil.Host{Name: rapid.StringMatching(`[a-z]{1,8}[0-9]{0,3}`).Draw(t, "name"),
			Outside: time.Duration(rapid.Int64Range(int64(time.Minute), int64(40*day)).Draw(t, "interval"))}
		now := dawn.Add(time.Duration(rapid.Int64Range(0, int64(400*day)).Draw(t, "now")))
		next := nextLook(h, portvigil.Outside, now)
		if wait := next.Sub(now); wait < h.Outside/4 || wait >= h.Outside*5/4 {
			t.Fatalf("the next look is %s away, with an interval of %s", wait, h.Outside)
		}
		late := time.Duration(rapid.Int64Range(0, int64(h.Outside*3/4)-1).Draw(t, "late"))
		if after := nextLook(h, portvigil.Outside, next.Add(late)); after.Sub(next) != h.Outside {
			t.Fatalf("the look after that is %s later, want %s: the moment has moved", after.Sub(next), h.Outside)
		}
	})
}

func TestNoMinuteHasMuchMoreThanItsShareOfTheHosts(t *testing.T) {
	t.Parallel()
	const hosts, minutes = 500, 24 * 60
	var busy [minutes]int
	var hours [24]int
	for i := range hosts {
		h := portvigil.Host{Name: fmt.Sprintf("web%d", i+1), Outside: day}
		at := int(nextLook(h, portvigil.Outside, dawn).Sub(dawn) / time.Minute % minutes)
		busy[at]++
		hours[at/60]++
	}
	for at, n := range busy {
		if n > 5 { // the share is 0.35; of so many draws more than 5 in any minute is one chance in 600
			t.Errorf("%d hosts are due in minute %d of the day", n, at)
		}
	}
	for at, n := range hours {
		if n > 45 { // the share is 21
			t.Errorf("%d hosts are due in hour %d of the day", n, at)
		}
	}
}

func TestARestartNeitherMovesALookNorForgetsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22)
	due := w.wanted(reasonSchedule)[0].Due
	for range 5 { // a server that restarts more often than it looks
		w.after(6 * time.Hour)
		w.engine = New(w.store, w.out, w.post, Options{Clock: w.clock})
		w.must(w.engine.ensureSchedules(t.Context()))
		if open := w.wanted(reasonSchedule); len(open) != 1 || !open[0].Due.Equal(due) {
			t.Fatalf("wanted is %v, want what was due at %s", w.reasons(), due)
		}
	}
	looks := len(w.out.looks())
	w.run(0)
	if n := len(w.out.looks()); n != looks+1 {
		t.Errorf("%d looks were made of the one that was overdue", n-looks)
	}
}

func TestAClockThatIsPutBackKeepsNoHostWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.engine.sweep(t.Context()))
	w.after(400 * day) // a machine that starts with a wrong clock
	w.web(22)
	w.must(w.engine.sweep(t.Context()))
	w.until(dawn)
	w.must(w.engine.sweep(t.Context()))
	if wait := w.wanted(reasonSchedule)[0].Due.Sub(dawn); wait < 0 || wait > day*5/4 {
		t.Errorf("the next look is %s away", wait)
	}
}
