package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portvigil/portvigil"
)

func TestALookThatFailsEndsItsRequestWithTheErrorAndTheNextIsScheduled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.out.err = errBroken
	h := w.web(22)
	next := w.open(web1)
	if len(next) != 1 || next[0].Reason != reasonSchedule || !next[0].Due.After(w.clock()) {
		t.Fatalf("after a first look that failed, wanted is %v", w.reasons())
	}
	w.until(next[0].Due)
	w.must(w.engine.MakeLook(t.Context(), next[0].ID))
	var done portvigil.LookRequest
	w.view(func(tx Tx) (err error) { done, err = tx.Request(next[0].ID); return err })
	if done.State != portvigil.LookFailed || !strings.Contains(done.Error, errBroken.Error()) || done.Done.IsZero() {
		t.Errorf("the request is %s with %q", done.State, done.Error)
	}
	after := w.open(web1)
	if len(after) != 1 || after[0].Reason != reasonSchedule {
		t.Fatalf("after a regular look that failed, wanted is %v", w.reasons())
	}
	if at := nextLook(h, portvigil.Outside, w.clock()); !after[0].Due.Equal(at) {
		t.Errorf("the next look is due at %s, want it at the host's own time, %s", after[0].Due, at)
	}
}

func TestALookThatIsMadeTwiceIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	_, ids, err := w.engine.ask(t.Context(), web1, portvigil.Outside, nil)
	w.must(err)
	w.must(w.engine.MakeLook(t.Context(), ids[0]))
	n := len(w.out.looks())
	w.must(w.engine.MakeLook(t.Context(), ids[0]))
	if got := len(w.out.looks()); got != n {
		t.Errorf("the host was looked at again")
	}
}

func TestTheFirstLooksOfManyHostsAreFollowedByOnesThatAreSpread(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const hosts = 40
	for i := range hosts {
		w.add(fmt.Sprintf("host%d", i), []string{fmt.Sprintf("203.0.113.%d", i+1)}, 22)
	}
	w.run(0)
	quarters := map[int]int{}
	for _, r := range w.open("") {
		wait := r.Due.Sub(w.clock())
		if wait < portvigil.DefaultOutsideInterval/4 || wait > portvigil.DefaultOutsideInterval*5/4 {
			t.Errorf("a look is due in %s", wait)
		}
		quarters[int(4*wait/portvigil.DefaultOutsideInterval)]++
	}
	// Each has its own moment of the interval, so that this comes out the same each time.
	for q := 1; q <= 4; q++ {
		if quarters[q] < 2 {
			t.Errorf("in quarter %d of the interval %d of %d looks are due", q, quarters[q], hosts)
		}
	}
}

func TestTheServerGivesHostsTheScheduledLooksThatTheyLack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.web(22)
	w.must(w.store.Update(t.Context(), func(tx Tx) error { // as an older database may be
		for _, r := range must(tx.OpenRequests(h.ID)) {
			r.State = portvigil.LookDone
			if err := tx.PutRequest(r); err != nil {
				return err
			}
		}
		return nil
	}))
	for range 2 {
		w.must(w.engine.ensureSchedules(t.Context()))
		if open := w.open(""); len(open) != 1 || open[0].Reason != reasonSchedule {
			t.Errorf("wanted: %v", w.reasons())
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestARestartAsksForOneFirstLookHoweverOftenItHappens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		w.must(w.engine.EnsureLocal(t.Context(), web1))
	}
	if open := w.wanted(reasonFirst); len(open) != 1 {
		t.Errorf("wanted: %v", w.reasons())
	}
	w.run(0)
	w.must(w.engine.EnsureLocal(t.Context(), web1))
	if open := w.wanted(reasonFirst); len(open) != 1 {
		t.Errorf("after a restart wanted is %v", w.reasons())
	}
	if hosts := must(w.engine.Hosts(t.Context())); len(hosts) != 1 || !hosts[0].Host.Local {
		t.Errorf("hosts: %+v", hosts)
	}
}

func TestAServerThatStoppedLookingInsideSchedulesNoSuchLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.engine.EnsureLocal(t.Context(), web1))
	w.run(0)
	w.engine.inside = nil
	w.run(3 * time.Hour)
	if open := w.open(""); len(open) > 0 {
		t.Errorf("wanted: %v", w.reasons())
	}
}

func TestALookOfARemovedHostEndsQuietly(t *testing.T) {
	t.Parallel()
	remove := func(w *world) func() {
		return func() { w.must(w.engine.RemoveHost(w.Context(), "ann", web1)) }
	}
	for _, c := range []struct {
		name  string
		when  func(w *world)
		looks int
	}{
		{"removed before it began", func(w *world) { remove(w)() }, 0},
		{"removed between its waking and its beginning", func(w *world) {
			w.store.before = func() { w.store.before = nil; remove(w)() }
		}, 0},
		{"removed while it looked", func(w *world) {
			w.out.during = func() { w.out.during = nil; remove(w)() }
		}, 1},
		{"removed while it looked, and the look failed", func(w *world) {
			w.out.err = errBroken
			w.out.during = func() { w.out.during = nil; remove(w)() }
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.add(web1, []string{home4, "203.0.113.8"}, 22)
			first := w.open(web1)[0]
			c.when(w)
			w.must(w.engine.MakeLook(t.Context(), first.ID))
			if n := len(w.out.looks()); n != c.looks {
				t.Errorf("%d looks, want %d: the host is gone", n, c.looks)
			}
			if list := w.alerts(false); len(list) > 0 {
				t.Errorf("alerts: %v", sentences(list))
			}
			if n := len(w.store.rows["look"]) + len(w.store.rows["trail"]) + len(w.store.rows["request"]); n > 0 {
				t.Errorf("%d rows are left of it", n)
			}
		})
	}
}

func TestALookThatIsCutOffIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(web1, []string{home4}, 22)
	first := w.open(web1)[0]
	ctx, stop := context.WithCancel(t.Context())
	w.out.during = stop
	if err := w.engine.MakeLook(ctx, first.ID); !errors.Is(err, context.Canceled) {
		t.Fatalf("a look that was cut off ended with %v", err)
	}
	w.out.during = nil
	if open := w.open(web1); len(open) != 1 || open[0].ID != first.ID {
		t.Fatalf("wanted: %v", w.reasons())
	}
	w.must(w.engine.MakeLook(t.Context(), first.ID))
	if a := w.only(); a.Kind != portvigil.DoorsToExplain {
		t.Errorf("the alert is %s", a.Kind)
	}
}

func TestAHostIsLookedAtByOneLookAtATimeAndHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := explained(t, 22)
		w.add("web2", []string{"203.0.113.8"}, 22)
		ask := func(name, ports string) string {
			_, ids, err := w.engine.ask(t.Context(), name, portvigil.Outside, &portvigil.PortSpec{TCP: must(portvigil.ParsePortSet(ports))})
			w.must(err)
			return ids[0]
		}
		slow, other, elsewhere := ask(web1, "22"), ask(web1, "80"), ask("web2", "22")
		hold, done := make(chan struct{}), make(chan error)
		w.out.during = func() { w.out.during = nil; <-hold }
		go func() { done <- w.engine.MakeLook(t.Context(), slow) }()
		synctest.Wait()
		before := len(w.out.looks())
		waited := make(chan error)
		go func() { waited <- w.engine.MakeLook(t.Context(), other) }()
		synctest.Wait()
		if n := len(w.out.looks()); n != before {
			t.Errorf("two looks at a host at a time")
		}
		w.must(w.engine.MakeLook(t.Context(), elsewhere))
		close(hold)
		w.must(<-done)
		w.must(<-waited)
		if l := &w.engine.line; len(l.running)+len(l.waiting) > 0 {
			t.Errorf("left behind: %d that run, %d that wait", len(l.running), len(l.waiting))
		}
	})
}

func TestALookThatPanicsGivesItsHostBack(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	_, ids, err := w.engine.ask(t.Context(), web1, portvigil.Outside, nil)
	w.must(err)
	w.out.during = func() { panic("a bug") }
	func() {
		defer func() { _ = recover() }()
		_ = w.engine.MakeLook(t.Context(), ids[0])
		t.Error("no panic")
	}()
	w.out.during = nil
	w.must(w.engine.MakeLook(t.Context(), ids[0]))
}

func TestALookTellsTheScannerWhatIsKnownOfTheHost(t *testing.T) {
	t.Parallel()
	w := explained(t, 22, 80)
	w.report("rep-1", listening(portvigil.TCP, 9100, "/bin/a"), listening(portvigil.UDP, 514, "/bin/b"))
	w.look()
	looks := w.out.looks()
	last := looks[len(looks)-1]
	if got := last.First.String(); got != "22,80,9100" {
		t.Errorf("first looked at is %s", got)
	}
	if got := slices.Sorted(slices.Values(last.References)); !slices.Equal(got, []uint16{22, 80}) {
		t.Errorf("the references are %v", got)
	}
	looks = w.out.looksAt(portvigil.UDP)
	if got := looks[len(looks)-1].First.String(); got != "514" {
		t.Errorf("first asked over UDP is %s", got)
	}
}

func TestALookThatCameLateChangesNothingThatIsNewer(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	h := w.status().Host
	late := must(w.out.Look(t.Context(), OutsideTarget{Host: h, Address: h.Addresses[0].Address, Run: "r"}, func(portvigil.LookProgress) {}))
	late.Seq, late.Observations[0].Port = 1, 8080 // from before all others
	w.after(time.Minute)
	w.look()
	w.must(w.engine.submit(t.Context(), h, late))
	w.quiet()
	if v := w.status().Views[0]; !v.Newest.Equal(w.clock()) {
		t.Errorf("the newest look is from %s", v.Newest)
	}
}

func TestRunJudgesAtOnceAndEveryMinuteUntilItEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, a := raised(t)
		began := time.Now()
		w.engine.clock = func() time.Time { return w.clock().Add(time.Since(began)) }
		until := w.clock().Add(90 * time.Second)
		_, err := w.engine.Acknowledge(t.Context(), "ann", a.ID, &until)
		w.must(err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.engine.Run(ctx) }()
		time.Sleep(100 * time.Second) // of the bubble's clock
		synctest.Wait()
		if got := w.alert(a.ID); got.State != portvigil.AlertAcknowledged {
			t.Errorf("after 100 s the alert is %s", got.State)
		}
		time.Sleep(30 * time.Second) // the same clock
		synctest.Wait()
		if got := w.alert(a.ID); got.State != portvigil.AlertNew {
			t.Errorf("after 130 s the alert is %s, want it new again", got.State)
		}
		stop()
		w.must(<-done)
	})
}

func TestAHostThatCannotBeJudgedHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	w.add("aaa", []string{"203.0.113.8"})
	w.run(0)
	until := w.clock().Add(time.Minute)
	_, err := w.engine.Acknowledge(t.Context(), "ann", a.ID, &until)
	w.must(err)
	w.must(w.store.Update(t.Context(), func(tx Tx) error { // as a damaged row would be
		return put(tx.(*memoryTx), "baseline", "host aaa", portvigil.BaselineVersion{Kind: docHost, Name: "aaa", Version: 1, Text: "]["})
	}))
	w.engine.dues = dues{} // a server that starts finds it
	w.after(time.Minute)
	if err := w.engine.sweep(t.Context()); err == nil || !strings.Contains(err.Error(), "judge aaa") {
		t.Errorf("the failure is told as %v", err)
	}
	if got := w.alert(a.ID); got.State != portvigil.AlertNew {
		t.Errorf("the other host's alert is %s", got.State)
	}
}
