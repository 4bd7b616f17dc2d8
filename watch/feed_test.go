package watch

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// next returns the next note without waiting for one.
func next(notes <-chan portvigil.ChangeNote) (n portvigil.ChangeNote, there bool) {
	select {
	case n, there = <-notes:
	default:
	}
	return n, there
}

func TestWhoListensIsToldWhatWasWritten(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	notes, leave := w.engine.Changes()
	tell := func(want portvigil.ChangeNote) {
		t.Helper()
		got, there := next(notes)
		if diff := cmp.Diff(want, got); diff != "" || !there {
			t.Errorf("told %v (-want +got):\n%s", there, diff)
		}
	}
	_, err := w.engine.Comment(t.Context(), "ann", a.ID, "mine")
	w.must(err)
	tell(portvigil.ChangeNote{Hosts: []string{web1}, Alerts: []string{a.ID}})
	if n, there := next(notes); there {
		t.Errorf("told %+v, though nothing was written", n)
	}
	_, err = w.engine.Acknowledge(t.Context(), "ann", a.ID, nil)
	w.must(err)
	w.out.set(home4, 22)
	w.look()
	tell(portvigil.ChangeNote{Hosts: []string{web1}, Alerts: []string{a.ID}}) // in one
	w.channel("night")
	tell(portvigil.ChangeNote{More: true})
	leave()
	leave()
	_, err = w.engine.Comment(t.Context(), "ann", a.ID, "again")
	w.must(err)
	if n, open := <-notes; open {
		t.Errorf("told %+v after leaving", n)
	}
}

func TestANoteThatWouldNameTooMuchSaysMore(t *testing.T) {
	t.Parallel()
	var f feed
	notes, leave := f.join()
	defer leave()
	for range 3 {
		var t touched
		for range mostNoted {
			t.alerts = append(t.alerts, portvigil.NewID())
		}
		f.touched(t)
	}
	if n, _ := next(notes); len(n.Alerts) != mostNoted || !n.More {
		t.Errorf("got %d alerts, more %v; want %d, and more", len(n.Alerts), n.More, mostNoted)
	}
	f.touched(touched{ids: []string{"a host that nobody has named"}})
	if n, _ := next(notes); len(n.Hosts) != 0 || !n.More {
		t.Errorf("got %+v, want more", n)
	}
}

// TestWhoListensSlowlyHoldsUpNobody has one listener never take a note, and another
// miss none of them.
func TestWhoListensSlowlyHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		h := w.web(22)
		_, leaveSlow := w.engine.Changes()
		defer leaveSlow()
		notes, leave := w.engine.Changes()
		const changes = 50
		var writers sync.WaitGroup
		for range changes {
			writers.Go(func() {
				if _, err := w.engine.StartMaintenance(t.Context(), "ann", h.Name, w.clock().Add(day), "work"); err != nil {
					t.Error(err)
				}
			})
		}
		seen := 0
		var listener sync.WaitGroup
		listener.Go(func() {
			for n := range notes {
				if diff := cmp.Diff(portvigil.ChangeNote{Hosts: []string{web1}}, n); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				seen++
			}
		})
		writers.Wait()
		synctest.Wait() // the listener has taken what there was
		leave()
		listener.Wait()
		if seen == 0 || seen > changes {
			t.Errorf("%d notes of %d changes", seen, changes)
		}
	})
}
