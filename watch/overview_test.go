package watch

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/portvigil/portvigil"
)

// staleness returns how what lists and reviews say differs from what each host's
// own page says, and from what an engine says that was just started; "" for not.
func staleness(ctx context.Context, e *Engine) (string, error) {
	fresh := New(e.store, e.outside, e.messenger, Options{Clock: e.clock, Vantage: e.vantage})
	for _, ask := range []func(*Engine) (any, error){
		func(e *Engine) (any, error) { return e.Agenda(ctx) },
		func(e *Engine) (any, error) { return e.Documents(ctx) },
		func(e *Engine) (any, error) { return e.PastReviews(ctx) },
	} {
		got, err := ask(e)
		if err != nil {
			return "", err
		}
		want, err := ask(fresh)
		if err != nil {
			return "", err
		}
		if diff := cmp.Diff(want, got, sameAddresses); diff != "" {
			return diff, nil
		}
	}
	got, err := e.Overview(ctx)
	if err != nil {
		return "", err
	}
	hosts, err := e.Hosts(ctx)
	if err != nil {
		return "", err
	}
	all, err := e.Alerts(ctx, false)
	want := []portvigil.HostSummary{}
	for _, h := range hosts {
		s := portvigil.HostSummary{Host: h.Host, Views: h.Views, NextOutside: h.NextOutside, NextInside: h.NextInside, Kept: h.Kept,
			Doors: map[portvigil.Verdict]int{}, Alerts: map[portvigil.Severity]int{}}
		for _, x := range h.Exposures {
			s.Doors[x.Verdict]++
		}
		for _, a := range h.Alerts {
			s.Alerts[a.Severity]++
			if a.Severity.Rank() > s.Worst.Rank() {
				s.Worst = a.Severity
			}
		}
		for _, a := range all {
			if a.Host == h.Host.Name && a.ToBeNoted() {
				s.ToNote++
			}
		}
		want = append(want, s)
	}
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), sameAddresses), err
}

var sameAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

// listsAreFresh: what lists say is never older than the store.
func (w *world) listsAreFresh() {
	w.Helper()
	diff, err := staleness(w.Context(), w.engine)
	w.must(err)
	if diff != "" {
		w.Fatalf("what is kept is old (-as it is +as it is kept):\n%s", diff)
	}
}

func TestTheOverviewReadsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22, 80)
	w.add("db1", []string{historyOther}, 22)
	w.run(0)
	w.listsAreFresh()
	read := 0
	w.engine.store = readsCounted{w.engine.store, &read}
	for _, ask := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := w.engine.Overview(ctx); return err },
		func(ctx context.Context) error { _, err := w.engine.Agenda(ctx); return err },
	} {
		if err := ask(t.Context()); err != nil || read != 0 {
			t.Errorf("at rest the trails of %d hosts were read (%v)", read, err)
		}
	}
	w.out.set(home4, 22, 80, 9100)
	w.look()
	read = 0
	if _, err := w.engine.Overview(t.Context()); err != nil || read != 1 {
		t.Errorf("after a look the trails of %d hosts were read (%v), want those of one", read, err)
	}
	w.after(3 * day) // nothing is fresh any more
	read = 0
	if _, err := w.engine.Overview(t.Context()); err != nil || read != 2 {
		t.Errorf("when time has passed the trails of %d hosts were read (%v), want those of both", read, err)
	}
	w.listsAreFresh()
	w.must(w.engine.RemoveHost(t.Context(), "ann", web1))
	w.listsAreFresh()
	w.add(web1, []string{home4}, 22)
	w.listsAreFresh()
}

func TestWhoeverGetsAnOverviewMayChangeIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22, 80)
	list, err := w.engine.Overview(t.Context())
	w.must(err)
	for range 2 {
		list[0].Doors[portvigil.Hidden], list[0].Alerts[portvigil.Critical], list[0].Views[0].Vantage = 7, 7, "mine"
		w.listsAreFresh()
		list, err = w.engine.Overview(t.Context())
		w.must(err)
	}
}

// TestAnOverviewThatIsReadWhileSomethingIsWrittenIsNotKept asks from within the
// time between the reading of the store and the end of a write, and afterwards.
func TestAnOverviewThatIsReadWhileSomethingIsWrittenIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22)
	under := w.engine.store
	w.engine.store = &onceRead{under, func() {
		w.out.set(home4, 22, 9100)
		w.look()
	}}
	if _, err := w.engine.Overview(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.engine.store = under
	w.listsAreFresh()
}

func TestAWriteWhoseAnswerWasLostMakesTheOverviewNew(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	w.listsAreFresh()
	under := w.engine.store.(noting)
	w.engine.store = noting{lostAnswers{under.Store}, under.dues, under.summaries, under.feed}
	_, err := w.engine.Resolve(t.Context(), "ann", a.ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedFalse, Why: "known"})
	if !errors.Is(err, errBroken) {
		t.Fatalf("got %v, want the answer lost", err)
	}
	w.listsAreFresh()
}

// readsCounted counts the hosts whose trails were read.
type readsCounted struct {
	Store
	read *int
}

func (s readsCounted) View(ctx context.Context, do func(Tx) error) error {
	return s.Store.View(ctx, func(tx Tx) error { return do(trailsCounted{tx, s.read}) })
}

type trailsCounted struct {
	Tx
	read *int
}

func (tx trailsCounted) Trails(id string) ([]portvigil.Trail, error) {
	*tx.read++
	return tx.Tx.Trails(id)
}

// onceRead does something after the first view has read, and before it returns.
type onceRead struct {
	Store
	then func()
}

func (s *onceRead) View(ctx context.Context, do func(Tx) error) error {
	err := s.Store.View(ctx, do)
	if then := s.then; then != nil {
		s.then = nil // it reads itself
		then()
	}
	return err
}

// lostAnswers commits, and says that it could not.
type lostAnswers struct{ Store }

func (s lostAnswers) Update(ctx context.Context, do func(Tx) error) error {
	if err := s.Store.Update(ctx, do); err != nil {
		return err
	}
	return errBroken
}
