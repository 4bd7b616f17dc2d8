package watch

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// shutLooks says that a door was shut, and returns how long after that each look
// was made that asked whether it is.
func (w *world) shutLooks(id string, run time.Duration) (after []time.Duration) {
	w.Helper()
	asked := w.clock()
	w.out.during = func() {
		looks := w.out.looks()
		if last := looks[len(looks)-1]; last.Ports != nil && last.Ports.Contains(9100) {
			after = append(after, w.clock().Sub(asked))
		}
	}
	a, err := w.engine.Resolve(w.Context(), "ann", id, portvigil.ResolveRequest{Kind: portvigil.ResolvedShut})
	w.must(err)
	if a.State != portvigil.AlertWaitingShut {
		w.Fatalf("the alert is %s, want waiting-shut", a.State)
	}
	w.run(run)
	return after
}

func TestADoorThatIsSaidToBeShutIsLookedAtAtOnceAfter1And5And30MinutesThenHourly(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	want := []time.Duration{0, time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour}
	got := w.shutLooks(a.ID, 3*time.Hour)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("looks after (-want +got):\n%s", diff)
	}
	if got := w.only(); got.State != portvigil.AlertWaitingShut {
		t.Errorf("the alert is %s", got.State)
	}
	w.run(21*time.Hour - time.Second)
	if got := w.only(); got.State != portvigil.AlertWaitingShut {
		t.Errorf("within a day the alert is %s", got.State)
	}
	w.run(time.Second)
	if got := w.only(); got.State != portvigil.AlertNew {
		t.Errorf("a day later the alert is %s, want new", got.State)
	}
	w.run(2 * day)
	if open := w.wanted(reasonShut); len(open) > 0 {
		t.Errorf("nobody waits for it, and it is looked for: %v", w.reasons())
	}
	if diff := cmp.Diff([]string{"alert.opened"}, w.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestADoorThatIsSeenShutEndsAsShutAndOpensTheSameAlertWithin30Days(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		later time.Duration
		same  bool
	}{
		{"open again within 30 days it is the same alert", 29 * day, true},
		{"open again later it is another one", 31 * day, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, a := raised(t)
			w.out.set(home4, 22)
			w.after(time.Minute)
			w.shutLooks(a.ID, 0)
			got := w.alert(a.ID)
			if got.Open() || got.Resolution.Kind != portvigil.ResolvedShut || got.Resolution.By != "ann" {
				t.Fatalf("the alert is %s as %+v", got.State, got.Resolution)
			}
			w.run(c.later)
			w.out.set(home4, 22, 9100)
			w.look()
			back := w.only()
			event := "alert.opened"
			if c.same {
				event = "alert.reopened"
			}
			if (back.ID == a.ID) != c.same || back.State != portvigil.AlertNew {
				t.Errorf("open is %s (%s), was %s", back.ID, back.State, a.ID)
			}
			if diff := cmp.Diff([]string{"alert.opened", "alert.resolved", event}, w.told()); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStepsThatWentByWhileNobodyLookedAreOneLook(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	w.shutLooks(a.ID, 0)
	w.after(5*time.Hour + 10*time.Minute) // no server ran
	before := len(w.out.looks())
	w.run(0)
	if n := len(w.out.looks()) - before; n != 2 {
		t.Errorf("%d looks at once, want the one that was asked for and one for all that went by", n)
	}
	next := w.wanted(reasonShut)
	if len(next) != 1 || next[0].Due.Sub(*w.only().Memory.ShutAsked) != 6*time.Hour {
		t.Errorf("next: %v", w.reasons())
	}
}

func TestOneDoorThatIsWaitedForHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.engine.EnsureLocal(t.Context(), web1))
	w.run(0)
	w.in.listeners = []portvigil.Listener{listening(portvigil.TCP, 9100, "/bin/a"), listening(portvigil.TCP, 9200, "/bin/b")}
	w.after(time.Minute)
	w.askInside()
	alerts := w.alerts(true)
	if len(alerts) != 2 {
		t.Fatalf("open: %v", sentences(alerts))
	}
	shut := portvigil.ResolveRequest{Kind: portvigil.ResolvedShut}
	_, err := w.engine.Resolve(t.Context(), "ann", alerts[0].ID, shut)
	w.must(err)
	w.run(time.Hour + time.Minute)
	if next := w.wanted(reasonShut); len(next) != 1 || !next[0].Due.After(w.clock().Add(50*time.Minute)) {
		t.Fatalf("the first door is waited for: %v", w.reasons())
	}
	_, err = w.engine.Resolve(t.Context(), "ann", alerts[1].ID, shut)
	w.must(err)
	next := w.wanted(reasonShut)
	if len(next) != 2 || !next[0].Due.Equal(w.clock()) {
		t.Errorf("the second door is not looked at at once: %v", w.reasons())
	}
}

func TestADoorThatNoViewOfThisServerSeesIsWaitedForInSilence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.engine.EnsureLocal(t.Context(), web1))
	w.engine.inside = nil // as where serve runs with --no-local from now on
	w.report("rep-1")
	w.after(time.Hour)
	w.report("rep-2", listening(portvigil.UDP, 514, "/usr/sbin/rsyslogd"))
	a := w.only()
	a, err := w.engine.Resolve(t.Context(), "ann", a.ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedShut})
	w.must(err)
	if open := w.wanted(reasonShut); len(open) > 0 {
		t.Errorf("a look is wanted that nobody makes: %v", w.reasons())
	}
	w.run(time.Hour)
	if got := w.only(); got.Memory.ShutLooks != a.Memory.ShutLooks {
		t.Errorf("looks that nobody makes are counted: %d", got.Memory.ShutLooks)
	}
	w.report("rep-3")
	if got := w.alert(a.ID); got.Open() || got.Resolution.Kind != portvigil.ResolvedShut {
		t.Errorf("the alert is %s, want resolved as shut", got.State)
	}
}

func TestAFloodThatIsSaidToBeShutIsLookedAtAsAWhole(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	var many []uint16
	for p := uint16(10000); p < 10150; p++ {
		many = append(many, p)
	}
	w.out.set(home4, append(slices.Clone(many), 22)...)
	w.after(time.Hour)
	w.look()
	a := w.only()
	if a.Kind != portvigil.ManyDoors {
		t.Fatalf("the alert is %s", a.Kind)
	}
	_, err := w.engine.Resolve(t.Context(), "ann", a.ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedShut})
	w.must(err)
	next := w.wanted(reasonShut)
	if len(next) != 1 || !next[0].Ports.Covers(tcp(many...)) {
		t.Errorf("looked at is %v", w.reasons())
	}
	w.out.set(home4, 22)
	w.run(0)
	if got := w.alert(a.ID); got.Open() || got.Resolution.Kind != portvigil.ResolvedShut {
		t.Errorf("the alert is %s", got.State)
	}
}
