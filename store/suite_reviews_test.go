package store

import (
	"errors"
	"testing"

	"github.com/portvigil/portvigil"
)

func testReviews(t *testing.T, s *Store) {
	review := func(minutes int) portvigil.Review {
		return portvigil.Review{ID: portvigil.NewID(), Begun: at(minutes), By: "ann",
			Documents: []portvigil.ReviewedDocument{{Kind: "host", Name: "db1", Version: 3}},
			Decisions: []portvigil.ReviewDecision{{Kind: "host", Name: "db1", Version: 3, Target: "22/tcp", Verdict: portvigil.ReviewKeep, Text: "  - port: 22\n", By: "ann", Time: at(minutes)}}}
	}
	early, late, open := review(1), review(2), review(3)
	early.Signed, early.Name, early.Remark = at(20), "Ann", "two\nlines, \u00fcn\u00efcode <&>"
	late.Signed, late.Left = at(30), []portvigil.ReviewedEntry{{Kind: "group", Name: "g", Target: "1/udp", Text: "x"}}
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.PutReview(early), tx.PutReview(open), tx.PutReview(late))
	})
	list := func(want ...portvigil.Review) {
		t.Helper()
		view(t, s, func(tx *Tx) error {
			got, err := tx.Reviews()
			same(t, got, want)
			return err
		})
	}
	list(open, late, early)
	open.Decisions = append(open.Decisions, portvigil.ReviewDecision{Kind: "host", Name: "db1", Verdict: portvigil.ReviewClose, Time: at(40)})
	update(t, s, func(tx *Tx) error { return tx.PutReview(open) })
	list(open, late, early)
	open.Signed = at(25)
	update(t, s, func(tx *Tx) error { return tx.PutReview(open) })
	list(late, open, early)
	view(t, s, func(tx *Tx) error {
		got, err := tx.Review(early.ID)
		same(t, got, early)
		if _, err := tx.Review("R"); portvigil.ErrorCode(err) != portvigil.CodeNotFound {
			t.Errorf("a review that is not there: %v", err)
		}
		return err
	})
}

func testLastOpen(t *testing.T, s *Store) {
	h, other := addHost(t, s, "db1"), addHost(t, s, "db2")
	saw := func(n uint64, address string, ports ...uint16) *portvigil.Look {
		l := outsideLook(n, address)
		l.Complete, l.DefaultState, l.Observations = true, portvigil.StateClosed, nil
		for _, port := range ports {
			l.Observations = append(l.Observations, portvigil.Observation{Port: port, State: portvigil.StateOpen})
		}
		return l
	}
	first, second, third := saw(1, "192.0.2.1", 22, 80), saw(2, "192.0.2.1", 80), saw(3, "192.0.2.2", 22)
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.AddLook(h.ID, first), tx.AddLook(h.ID, second), tx.AddLook(other.ID, third))
	})
	want := map[portvigil.Door]*portvigil.Look{{Proto: portvigil.TCP, Port: 22}: first, {Proto: portvigil.TCP, Port: 80}: second}
	view(t, s, func(tx *Tx) error {
		list, err := tx.LastOpen(h.ID)
		if len(list) != len(want) {
			t.Errorf("got %+v", list)
		}
		for _, l := range list {
			if w := want[l.Door]; w == nil || !l.Time.Equal(w.Received) {
				t.Errorf("%s was last open at %s", l.Door, l.Time)
			}
		}
		none, err2 := tx.LastOpen("nobody")
		if len(none) != 0 {
			t.Errorf("a host that is not there had %v", none)
		}
		return errors.Join(err, err2)
	})
}
