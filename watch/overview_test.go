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

// staleness returns how what lists say of the hosts differs from what each host's
// own page says; "" for not.
func staleness(ctx context.Context, e *Engine) (string, error) {
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
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{})), err
}

// listsAreFresh: what lists say is never older than the store.
func (w *world) listsAreFresh() {
	w.Helper()
	diff, err := staleness(w.Context(), w.engine)
	w.must(err)
	if diff != "" {
		w.Fatalf("the overview is old (-host's own +overview):\n%s", diff)
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
	if w.listsAreFresh(); read != 2 { // by Hosts, which reads all
		t.Errorf("at rest the trails of %d hosts were read, want those of the 2 of Hosts", read)
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
