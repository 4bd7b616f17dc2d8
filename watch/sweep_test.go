package watch

import (
	"fmt"
	"testing"
	"time"
)

// sweepCosts counts what a sweep asks of the store.
func (w *world) sweepCosts() (updates, judged int) {
	w.Helper()
	w.store.before = func() { updates++ }
	defer func() { w.store.before = nil }()
	hosts, due, err := w.engine.due(w.Context())
	w.must(err)
	if len(hosts) == 0 {
		w.Fatalf("there are no hosts")
	}
	w.must(w.engine.sweep(w.Context()))
	return updates, len(due)
}

func TestASweepAtRestJudgesNobodyAndWritesNothing(t *testing.T) {
	t.Parallel()
	w := fleet(t, 5)
	w.channel("ops")
	if updates, judged := w.sweepCosts(); updates != 0 || judged != 0 {
		t.Errorf("%d hosts judged, %d transactions that write", judged, updates)
	}
	w.after(judgedWithin)
	if updates, judged := w.sweepCosts(); updates != 0 || judged != 5 {
		t.Errorf("after a while: %d hosts judged, %d transactions that write", judged, updates)
	}
}

func TestASweepJudgesOnlyWhoWasWrittenAbout(t *testing.T) {
	t.Parallel()
	w := fleet(t, 5)
	w.out.set("203.0.113.2", 22)
	_, _, err := w.engine.ask(t.Context(), "web2", "outside", nil)
	w.must(err)
	w.must(w.engine.MakeLook(t.Context(), w.wanted(reasonAsked)[0].ID))
	if _, judged := w.sweepCosts(); judged != 1 {
		t.Errorf("%d hosts judged after a look at one", judged)
	}
}

func TestAClockThatIsPutBackMakesEveryHostDue(t *testing.T) {
	t.Parallel()
	w := fleet(t, 3)
	w.after(-time.Hour)
	if _, judged := w.sweepCosts(); judged != 3 {
		t.Errorf("%d hosts judged", judged)
	}
}

func TestWhatIsWrittenWhileAHostIsJudgedIsJudgedByTheNextSweep(t *testing.T) {
	t.Parallel()
	w := fleet(t, 2)
	since := w.engine.dues.begin(w.clock())
	w.engine.dues.touched(touched{names: []string{"web1"}})
	h, err := w.engine.Host(t.Context(), "web1")
	w.must(err)
	w.engine.dues.set(h.Host, since, w.clock(), time.Time{}) // of what was read before
	if !w.engine.dues.has(h.Host.ID, w.clock()) {
		t.Error("the write between is forgotten")
	}
}

// BenchmarkASweepAtRest is what a server with 500 hosts does each minute while
// nothing changes.
func BenchmarkASweepAtRest(b *testing.B) {
	w := newWorld(b)
	w.store.once = true
	for i := range 500 {
		w.add(fmt.Sprintf("web%d", i), []string{fmt.Sprintf("10.0.%d.%d", i/250, i%250+1)}, 22, 80, 443)
	}
	w.must(w.engine.sweep(b.Context()))
	for b.Loop() {
		w.must(w.engine.sweep(b.Context()))
	}
}
