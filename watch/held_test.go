package watch

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

func TestTheSameNewDoorOnManyHostsIsManyAlertsAndFewMessages(t *testing.T) {
	t.Parallel()
	w := fleet(t, 8)
	w.channel("ops")
	w.after(time.Hour)
	for i := range 8 {
		w.out.set(fmt.Sprintf("203.0.113.%d", i+1), 9100)
		_, _, err := w.engine.ask(t.Context(), fmt.Sprintf("web%d", i+1), portvigil.Outside, nil)
		w.must(err)
		for _, r := range w.wanted(reasonAsked) {
			w.must(w.engine.MakeLook(t.Context(), r.ID))
		}
	}
	alerts := w.ofKind(portvigil.Kind(portvigil.UnexpectedExposed))
	if len(alerts) != 8 {
		t.Fatalf("there are %d alerts, want 8", len(alerts))
	}
	causes := map[string]bool{}
	for _, a := range alerts {
		if a.Cause == nil {
			t.Fatalf("%s has no cause", a.Host)
		}
		causes[a.Cause.ID] = true
	}
	if len(causes) != 1 {
		t.Errorf("there are %d causes, want one", len(causes))
	}
	if got := len(w.told()); got != 3 {
		t.Fatalf("told %d times before the cause was known, want 3", got)
	}
	w.run(time.Minute)
	w.run(time.Minute)
	list := w.deliveries()
	if len(list) != 4 {
		t.Fatalf("told %d times, want 4", len(list))
	}
	var record portvigil.AlertRecord
	w.must(json.Unmarshal(list[3].Body, &record))
	if record.Cause == nil || record.Cause.Count != 8 {
		t.Errorf("the joined message has the cause %+v", record.Cause)
	}
	for _, host := range []string{"web4", "web5", "web6", "web7", "web8"} {
		if !strings.Contains(record.Text, host) {
			t.Errorf("the joined message does not name %s: %s", host, record.Text)
		}
	}
}

func TestAnAlertThatEndsBeforeItsJoinedMessageIsToldInOrder(t *testing.T) {
	t.Parallel()
	w := fleet(t, 4)
	w.channel("ops")
	w.after(time.Hour)
	for i := range 4 {
		w.out.set(fmt.Sprintf("203.0.113.%d", i+1), 9100)
		_, _, err := w.engine.ask(t.Context(), fmt.Sprintf("web%d", i+1), portvigil.Outside, nil)
		w.must(err)
		for _, r := range w.wanted(reasonAsked) {
			w.must(w.engine.MakeLook(t.Context(), r.ID))
		}
	}
	last := slices.DeleteFunc(w.alerts(true), func(a portvigil.Alert) bool { return a.Host != "web4" })[0]
	_, err := w.engine.Resolve(t.Context(), "ann", last.ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedFalse, Why: "known"})
	w.must(err)
	w.run(time.Minute)
	var got []portvigil.AlertEvent
	for _, d := range w.deliveries() {
		if d.Alert == last.ID {
			got = append(got, d.Event)
		}
	}
	if want := []portvigil.AlertEvent{portvigil.AlertOpened, portvigil.AlertIsResolved}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}

func TestNothingIsToldOfAHostInMaintenanceUntilItEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		story func(w *world)
		want  []string
	}{
		{"a door that opens and stays open", func(w *world) { w.out.set(home4, 22, 9100); w.look() }, []string{"alert.opened"}},
		{"a door that opens and shuts again", func(w *world) {
			w.out.set(home4, 22, 9100)
			w.look()
			w.after(20 * time.Minute)
			w.out.set(home4, 22)
			w.look()
		}, []string{}},
		{"two doors", func(w *world) { w.out.set(home4, 22, 80, 9100); w.look() }, []string{"alert.opened", "alert.opened"}},
		{"nothing", func(w *world) { w.look() }, []string{}},
	} {
		for _, how := range []string{"by itself", "by a person"} {
			t.Run(c.name+", ended "+how, func(t *testing.T) {
				t.Parallel()
				w := explained(t, 22)
				w.channel("ops")
				_, err := w.engine.StartMaintenance(t.Context(), "ann", web1, w.clock().Add(2*time.Hour), "new disks")
				w.must(err)
				w.after(time.Minute)
				c.story(w)
				w.run(time.Hour)
				if got := w.told(); len(got) > 0 {
					t.Fatalf("told during it: %v", got)
				}
				if how == "by itself" {
					w.run(2 * time.Hour)
				} else {
					_, err := w.engine.EndMaintenance(t.Context(), "ann", web1)
					w.must(err)
				}
				w.run(time.Hour)
				if diff := cmp.Diff(c.want, w.told()); diff != "" {
					t.Errorf("told after it (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestAnAlertThatWasToldBeforeAndEndsInMaintenanceIsToldToHaveEnded(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	_, err := w.engine.StartMaintenance(t.Context(), "ann", web1, w.clock().Add(2*time.Hour), "new disks")
	w.must(err)
	w.after(20 * time.Minute)
	w.out.set(home4, 22)
	w.look()
	if a = w.alert(a.ID); a.Open() || len(w.told()) != 1 {
		t.Fatalf("the alert is %s, told %v", a.State, w.told())
	}
	w.run(3 * time.Hour)
	if want := []string{"alert.opened", "alert.resolved"}; !slices.Equal(w.told(), want) {
		t.Errorf("told %v, want %v", w.told(), want)
	}
}

func TestMaintenanceThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	for _, c := range []struct {
		name, why string
		until     time.Duration
	}{
		{"without a reason", "", time.Hour},
		{"that is over", "new disks", 0},
		{"of a year", "new disks", 365 * day},
	} {
		_, err := w.engine.StartMaintenance(t.Context(), "ann", web1, w.clock().Add(c.until), c.why)
		if portvigil.ErrorCode(err) != portvigil.CodeInvalid {
			t.Errorf("maintenance %s: %v", c.name, err)
		}
	}
	_, err := w.engine.StartMaintenance(t.Context(), "ann", "nobody", w.clock().Add(time.Hour), "new disks")
	w.refused(err, portvigil.CodeNotFound)
	_, err = w.engine.EndMaintenance(t.Context(), "ann", web1)
	w.refused(err, portvigil.CodeConflict)
}

// However an alert's story goes while it is held, who hears only the event that
// is left knows in the end whether the alert is open.
func TestWhatIsHeldLeavesPeopleWithTheTruth(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := held{}
		known := rapid.Bool().Draw(t, "told before that it is open")
		open := known
		opened := portvigil.AlertOpened
		if rapid.Bool().Draw(t, "was there before") {
			opened = portvigil.AlertReopened
		}
		for range rapid.IntRange(0, 6).Draw(t, "steps") {
			event := opened
			switch {
			case open && rapid.Bool().Draw(t, "rises"):
				event = portvigil.AlertRisen
			case open:
				event, open, opened = portvigil.AlertIsResolved, false, portvigil.AlertReopened
			default:
				open = true
			}
			h.add("a", event)
		}
		believed := known
		switch h["a"] {
		case portvigil.AlertOpened, portvigil.AlertReopened, portvigil.AlertRisen:
			believed = true
		case portvigil.AlertIsResolved:
			believed = false
		}
		if believed != open {
			t.Fatalf("the alert is open: %t; people believe: %t after %q", open, believed, h["a"])
		}
	})
}
