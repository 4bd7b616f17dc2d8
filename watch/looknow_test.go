package watch

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

func TestLookNowJoinsTheFirstLookOrOneLikeItThatHasNotBegun(t *testing.T) {
	t.Parallel()
	ports := func(text string) *portvigil.PortSpec {
		if text == "" {
			return nil
		}
		return &portvigil.PortSpec{TCP: must(portvigil.ParsePortSet(text))}
	}
	for _, c := range []struct {
		name   string
		reason string
		ports  string
		state  portvigil.LookRequestState
		due    time.Duration
		wish   string
		joins  bool
	}{
		{"the first look", reasonFirst, "", portvigil.LookWanted, 0, "", true},
		{"the first look that is running", reasonFirst, "", portvigil.LookRunning, 0, "", true},
		{"not the first look, for other ports", reasonFirst, "", portvigil.LookRunning, 0, "22", false},
		{"one for the same ports", reasonAsked, "22,80", portvigil.LookWanted, 0, "22,80", true},
		{"not one for other ports", reasonAsked, "22,80", portvigil.LookWanted, 0, "22", false},
		{"not one that is running", reasonAsked, "22", portvigil.LookRunning, 0, "22", false},
		{"one that the schedule wants by now", reasonSchedule, "", portvigil.LookWanted, 0, "", true},
		{"not one that the schedule wants later", reasonSchedule, "", portvigil.LookWanted, time.Minute, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			h := w.web(22)
			var there portvigil.LookRequest
			w.must(w.store.Update(t.Context(), func(tx Tx) error {
				there = w.engine.wish(h, portvigil.Outside, ports(c.ports), c.reason, w.clock().Add(c.due))
				there.State = c.state
				return tx.AddRequest(there)
			}))
			_, ids, err := w.engine.ask(t.Context(), web1, portvigil.Outside, ports(c.wish))
			w.must(err)
			if len(ids) != 1 || (ids[0] == there.ID) != c.joins {
				t.Errorf("joined: %v, want %v", ids[0] == there.ID, c.joins)
			}
		})
	}
}

// lookNow asks for a look at web1 and collects what is passed on.
func (w *world) lookNow(ctx context.Context, wish portvigil.LookWish) (events []portvigil.LookEvent, err error) {
	err = w.engine.LookNow(ctx, web1, wish, func(e portvigil.LookEvent) error {
		events = append(events, e)
		return nil
	})
	return events, err
}

func TestLookNowPassesOnProgressRecordsAndTheOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, _ := raised(t)
		w.out.during = synctest.Wait // until the progress is passed on
		var wait sync.WaitGroup
		var events []portvigil.LookEvent
		var err error
		wait.Go(func() { events, err = w.lookNow(t.Context(), portvigil.LookWish{Ports: "22,9100"}) })
		synctest.Wait()
		w.run(0)
		wait.Wait()
		w.must(err)
		var got []string
		for _, e := range events {
			switch {
			case e.Progress != nil:
				got = append(got, "progress")
			case e.Port != nil:
				got = append(got, "port")
			case e.Look != nil:
				got = append(got, "look")
			case e.Done != nil:
				got = append(got, "done")
			}
		}
		if diff := cmp.Diff([]string{"progress", "port", "port", "look", "done"}, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		want := portvigil.LookOutcome{Complete: true, OpenAlerts: 1}
		if diff := cmp.Diff(want, *events[len(events)-1].Done); diff != "" {
			t.Errorf("the outcome (-want +got):\n%s", diff)
		}
		if len(w.engine.progress.listeners) > 0 {
			t.Errorf("somebody still listens: %v", w.engine.progress.listeners)
		}
	})
}

func TestLookNowSaysWhyALookCameToNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := explained(t, 22)
		w.out.err = errBroken
		var wait sync.WaitGroup
		var events []portvigil.LookEvent
		var err error
		wait.Go(func() { events, err = w.lookNow(t.Context(), portvigil.LookWish{}) })
		synctest.Wait()
		w.run(0)
		wait.Wait()
		w.must(err)
		done := events[len(events)-1].Done
		if done == nil || done.Complete || !strings.Contains(done.Error, errBroken.Error()) {
			t.Errorf("the outcome is %+v", done)
		}
	})
}

func TestWhoLeavesLookNowStopsNoLookAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := explained(t, 22)
		ctx, leave := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		var err error
		wait.Go(func() { _, err = w.lookNow(ctx, portvigil.LookWish{}) })
		synctest.Wait()
		leave()
		wait.Wait()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("left with %v", err)
		}
		if len(w.engine.progress.listeners) > 0 {
			t.Errorf("somebody still listens: %v", w.engine.progress.listeners)
		}
		before := len(w.out.looks())
		w.run(0)
		if n := len(w.out.looks()) - before; n != 1 {
			t.Errorf("%d looks were made, want the one that was asked for", n)
		}
	})
}

func TestLookNowEndsWhenTheHostIsRemoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := explained(t, 22)
		w.out.during = func() {
			w.out.during = nil
			w.must(w.engine.RemoveHost(t.Context(), "ann", web1))
		}
		began := time.Now()
		var wait sync.WaitGroup
		var err error
		wait.Go(func() { _, err = w.lookNow(t.Context(), portvigil.LookWish{}) })
		synctest.Wait()
		w.run(0)
		wait.Wait()
		w.refused(err, portvigil.CodeNotFound)
		if waited := time.Since(began); waited > 0 {
			t.Errorf("it took %s to notice", waited)
		}
	})
}

func TestLookNowSeesTheEndOfALookThatAnotherProcessMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := explained(t, 22)
		other := New(w.store, w.out, w.post, Options{Clock: w.clock})
		var wait sync.WaitGroup
		var err error
		wait.Go(func() { _, err = w.lookNow(t.Context(), portvigil.LookWish{}) })
		synctest.Wait()
		w.must(other.MakeLook(t.Context(), w.wanted(reasonAsked)[0].ID))
		wait.Wait()
		w.must(err)
	})
}

func TestLookNowIsRefusedWhereTheServerHasNoSuchView(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	_, err := w.lookNow(t.Context(), portvigil.LookWish{View: portvigil.Inside})
	w.refused(err, portvigil.CodeUnavailable)
	_, err = w.lookNow(t.Context(), portvigil.LookWish{Ports: "all the ports"})
	w.refused(err, portvigil.CodeInvalid)
	w.must(w.engine.EnsureLocal(t.Context(), "here"))
	err = w.engine.LookNow(t.Context(), "here", portvigil.LookWish{View: portvigil.Outside}, func(portvigil.LookEvent) error { return nil })
	w.refused(err, portvigil.CodeUnavailable)
	err = w.engine.LookNow(t.Context(), "web2", portvigil.LookWish{}, func(portvigil.LookEvent) error { return nil })
	w.refused(err, portvigil.CodeNotFound)
}
