package watch

import (
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

func (w *world) listed(id string) bool {
	w.Helper()
	list, err := w.engine.Alerts(w.Context(), true)
	w.must(err)
	for _, a := range list {
		if a.ID == id {
			return true
		}
	}
	return false
}

func TestAHighAlertThatEndsByItselfStaysListedUntilAPersonNotedIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		note func(w *world, id string) error
	}{
		{"by a comment", func(w *world, id string) error {
			_, err := w.engine.Comment(w.Context(), "ann", id, "that was me")
			return err
		}},
		{"by acknowledging it", func(w *world, id string) error {
			_, err := w.engine.Acknowledge(w.Context(), "ann", id, nil)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, a := raised(t)
			w.out.set(home4, 22)
			w.after(20 * time.Minute)
			w.look()
			if a = w.alert(a.ID); a.Open() || a.Resolution.Kind != portvigil.ResolvedCleared {
				t.Fatalf("the alert is %s", a.State)
			}
			told := len(w.told())
			if !w.listed(a.ID) {
				t.Fatal("it is not listed")
			}
			w.must(c.note(w, a.ID))
			if a = w.alert(a.ID); a.Open() || w.listed(a.ID) || len(w.told()) != told {
				t.Errorf("once noted it is %s, listed %t, told %d times more", a.State, w.listed(a.ID), len(w.told())-told)
			}
			_, err := w.engine.Acknowledge(t.Context(), "ann", a.ID, nil)
			w.refused(err, portvigil.CodeConflict) // there is nothing left to note
		})
	}
}

func TestAnAlertThatSomebodySaidIsShutNeedsNoNote(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	_, err := w.engine.Resolve(t.Context(), "ann", a.ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedShut})
	w.must(err)
	w.out.set(home4, 22)
	w.after(20 * time.Minute)
	w.look()
	if a = w.alert(a.ID); a.Open() || w.listed(a.ID) {
		t.Errorf("it is %s, listed %t", a.State, w.listed(a.ID))
	}
}
