package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

// pastAt is what the store says of a moment, in an order of its own.
func pastAt(t *rapid.T, tx *Tx, h portvigil.Host, at time.Time) portvigil.Past {
	t.Helper()
	intervals, watched, err := tx.Past(h.ID, at)
	if err != nil {
		t.Fatal(err)
	}
	return portvigil.PastOf(h, at, intervals, watched)
}

// historyOf is every row from which the store answers what was when, without what
// tells the hosts of a test apart.
func historyOf(t *rapid.T, tx *Tx, h portvigil.Host) string {
	t.Helper()
	intervals, err := tx.intervalsWhere(`WHERE org = ? AND host_id = ? ORDER BY first_seq, entrance, port, apart`, org, h.ID)
	watched, err2 := tx.watchedWhere(`WHERE org = ? AND host_id = ? ORDER BY first_seq, covered, default_state`, org, h.ID)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(mustEncode(t, intervals)+mustEncode(t, watched), h.Name+" ", "")
}

// rollUpAll rolls up one view of a host in steps.
func rollUpAll(t *rapid.T, tx *Tx, h portvigil.Host, key portvigil.ViewKey, before time.Time) {
	t.Helper()
	for more := true; more; {
		var err error
		if _, more, err = tx.rollUp(h.ID, seriesOf(key), before); err != nil {
			t.Fatal(err)
		}
	}
}

// testRollUp stores a past twice and rolls one of the two up at any moment: every
// question about the past has the same answer as before, and after all that comes
// later, late looks among it, as where nothing was rolled up. Looks of the
// frozen time that come late change nothing.
func testRollUp(t *testing.T, s *Store) {
	rolled, whole := addHost(t, s, "rolled"), addHost(t, s, "whole")
	removed := 0
	rapid.Check(t, func(rt *rapid.T) {
		view := rapid.SampledFrom([]portvigil.View{portvigil.Inside, portvigil.Outside}).Draw(rt, "view")
		var looks []*portvigil.Look
		for n := range rapid.IntRange(1, 9).Draw(rt, "looks") {
			looks = append(looks, pastLook(rt, uint64(n+1), view))
		}
		if rapid.Bool().Draw(rt, "on time") {
			slices.SortFunc(looks, func(a, b *portvigil.Look) int { return a.Received.Compare(b.Received) })
			for n, l := range looks {
				l.Seq = uint64(n + 1)
			}
		}
		before := at(rapid.IntRange(0, 5000).Draw(rt, "before"))
		var early, later, late []*portvigil.Look
		// The first look that is too young is there, so that those before it are frozen.
		young := slices.IndexFunc(looks, func(l *portvigil.Look) bool { return !l.Received.Before(before) })
		frozenBy := uint64(young)
		if young < 0 {
			frozenBy = uint64(len(looks))
		}
		for n, l := range looks {
			if l.Received.Before(before) || n == young || rapid.Bool().Draw(rt, "there") {
				early = append(early, l)
			} else {
				later = append(later, l)
			}
		}
		moment := at(rapid.IntRange(0, 6000).Draw(rt, "moment"))
		later = rapid.Permutation(later).Draw(rt, "arrival")
		for n := range rapid.IntRange(0, 2).Draw(rt, "late") {
			l := pastLook(rt, rapid.Uint64Range(0, max(frozenBy, 1)-1).Draw(rt, "number"), view)
			l.ID, l.Received = fmt.Sprintf("late-%d", n), at(6000)
			late = append(late, l)
		}
		roundTrip(rt, s, func(tx *Tx) error {
			add := func(h portvigil.Host, looks []*portvigil.Look) {
				for _, l := range looks {
					mine := *l
					mine.ID = h.Name + " " + l.ID
					if err := tx.AddLook(h.ID, &mine); err != nil {
						rt.Fatal(err)
					}
				}
			}
			add(rolled, early)
			add(whole, early)
			key := early[0].Key()
			want, rows := pastAt(rt, tx, rolled, moment), historyOf(rt, tx, rolled)
			rollUpAll(rt, tx, rolled, key, before)
			diff(rt, pastAt(rt, tx, rolled, moment), want)
			diff(rt, historyOf(rt, tx, rolled), rows)
			kept, err := tx.Looks(rolled.ID, key)
			if err != nil {
				return err
			}
			removed += len(early) - len(kept)

			if frozenBy > 0 {
				add(rolled, late)
			}
			add(rolled, later)
			add(whole, later)
			diff(rt, historyOf(rt, tx, rolled), historyOf(rt, tx, whole))
			trail, err := tx.ReplayTrail(rolled.ID, key)
			trailOfAll, err2 := tx.ReplayTrail(whole.ID, key)
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			diff(rt, strings.ReplaceAll(mustEncode(rt, trail), rolled.Name, whole.Name), mustEncode(rt, trailOfAll))
			return nil
		})
	})
	if removed == 0 {
		t.Error("no look was ever removed")
	}
}

func mustEncode(t *rapid.T, v any) string {
	t.Helper()
	text, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// lived is a store in which a quiet host has lived for some days, with a message
// and a request of each day.
func lived(t *testing.T, s *Store, days int) *quietHost {
	t.Helper()
	h := &quietHost{Host: addHost(t, s, "db1"), few: true}
	for day := range days {
		update(t, s, func(tx *Tx) error { return h.day(tx, at(24*60*day)) })
	}
	return h
}

// pastOfDays is what was open on each of the days.
func pastOfDays(t *testing.T, s *Store, h *quietHost, days int) (all []portvigil.Past) {
	t.Helper()
	view(t, s, func(tx *Tx) error {
		for day := range days {
			moment := at(24*60*day + 17*60)
			intervals, watched, err := tx.Past(h.ID, moment)
			if err != nil {
				return err
			}
			all = append(all, portvigil.PastOf(h.Host, moment, intervals, watched))
		}
		return nil
	})
	return all
}

func testRollUpRemoves(t *testing.T, db database) {
	const days = 12
	s := db.open(t, Options{Clock: func() time.Time { return at(24 * 60 * days) }})
	h := lived(t, s, days)
	open, resolved := portvigil.Alert{ID: portvigil.NewID(), State: portvigil.AlertNew}, portvigil.Alert{ID: portvigil.NewID(), State: portvigil.AlertResolved}
	sent := func(alert string, day int) portvigil.Delivery {
		d := delivery(alert, 24*60*day)
		d.Alert, d.State = alert, portvigil.DeliverySent
		return d
	}
	kept := []portvigil.Delivery{sent(open.ID, 0), sent(resolved.ID, days-1), delivery(resolved.ID, 0)}
	gone := sent(resolved.ID, 0)
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.PutAlert(open), tx.PutAlert(resolved), tx.AddDelivery(kept[0]), tx.AddDelivery(kept[1]), tx.AddDelivery(kept[2]), tx.AddDelivery(gone))
	})
	want := pastOfDays(t, s, h, days)
	old := count(t, s, `SELECT count(*) FROM requests WHERE due < ?`, micros(at(24*60*(days-7))))
	bound := micros(at(24 * 60 * (days - 5)))
	looks := count(t, s, `SELECT count(*) FROM looks WHERE received < ?`, bound)

	if r, err := s.RollUp(t.Context(), Forever); err != nil || r.Looks != 0 || r.Deliveries != 0 || r.Requests != old {
		t.Errorf("what is to be kept for ever: got %+v, %v, want only %d requests gone", r, err, old)
	}
	r, err := s.RollUp(t.Context(), 5*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	// Of each view the first and the newest are named, and thorough looks by the trail.
	if left := count(t, s, `SELECT count(*) FROM looks WHERE received < ?`, bound); left > 10 || r.Looks != looks-left {
		t.Errorf("%d looks were removed, and %d of %d are left that are old enough", r.Looks, left, looks)
	}
	if r.Deliveries != 1 {
		t.Errorf("%d messages were removed, want the one of an alert that is resolved", r.Deliveries)
	}
	view(t, s, func(tx *Tx) error {
		var errs []error
		for _, d := range kept {
			_, err := tx.Delivery(d.ID)
			errs = append(errs, err)
		}
		_, err := tx.Delivery(gone.ID)
		is(t, err, portvigil.CodeNotFound)
		return errors.Join(errs...)
	})
	same(t, pastOfDays(t, s, h, days), want)
	if n := count(t, s, `SELECT count(*) FROM sights WHERE hash NOT IN (SELECT sight FROM looks) AND base IS NOT NULL`); n != 0 {
		t.Errorf("%d sights are there that no look refers to", n)
	}
	view(t, s, func(tx *Tx) error {
		_, err := tx.Looks(h.ID, portvigil.ViewKey{View: portvigil.Inside})
		_, err2 := tx.Looks(h.ID, h.outsideLook(at(0)).Key())
		return errors.Join(err, err2)
	})
	if again, err := s.RollUp(t.Context(), 5*24*time.Hour); err != nil || again != (Removed{}) {
		t.Errorf("again: got %+v, %v, want nothing more to remove", again, err)
	}
}

// testRollUpCutOff ends a roll-up at a moment that nothing chose, and loses power:
// the past is what it was, and the next roll-up ends it.
func testRollUpCutOff(t *testing.T, db database) {
	const days = 12
	clock := Options{Clock: func() time.Time { return at(24 * 60 * days) }}
	s := db.open(t, clock)
	h := lived(t, s, days)
	want := pastOfDays(t, s, h, days)
	all := count(t, s, `SELECT count(*) FROM looks`)
	ctx, cut := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := s.RollUp(ctx, ShortestKeep); done <- err }()
	for count(t, s, `SELECT count(*) FROM looks`) == all {
	}
	var image *Store
	if s.engine.kind() == "sqlite" {
		image = db.crash(t, s) // amid it; PostgreSQL lets nobody in while it is copied
	}
	cut()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if image == nil {
		image = db.crash(t, s)
	}
	for name, s := range map[string]*Store{"cut off": s, "without power": image} {
		same(t, pastOfDays(t, s, h, days), want)
		s.clock = clock.Clock
		if _, err := s.RollUp(t.Context(), ShortestKeep); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		same(t, pastOfDays(t, s, h, days), want)
		if left := count(t, s, `SELECT count(*) FROM looks WHERE received < ?`, micros(at(24*60*(days-2)))); left > 10 {
			t.Errorf("%s: %d looks are left that are old enough", name, left)
		}
	}
}

func TestAFullDiskDoesNotSpoilARollUp(t *testing.T) {
	t.Parallel()
	const days = 12
	dir := smallDisk(t, "8m")
	s := openWith(t, dir, Options{Clock: func() time.Time { return at(24 * 60 * days) }})
	h := lived(t, s, days)
	want := pastOfDays(t, s, h, days)
	ballast := filepath.Join(dir, "ballast")
	fill(t, dir, ballast, 0)
	if _, err := s.RollUp(t.Context(), ShortestKeep); err == nil || !strings.Contains(err.Error(), "is full") {
		t.Errorf("got %v, want to be told that the disk is full", err)
	}
	same(t, pastOfDays(t, s, h, days), want)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if r, err := s.RollUp(t.Context(), ShortestKeep); err != nil || r.Looks == 0 {
		t.Errorf("with space again: got %+v, %v", r, err)
	}
	same(t, pastOfDays(t, s, h, days), want)
}

func TestRollUpGivesSpaceBack(t *testing.T) {
	t.Parallel()
	const days = 12
	s := openWith(t, t.TempDir(), Options{Clock: func() time.Time { return at(24 * 60 * days) }})
	h := &quietHost{Host: addHost(t, s, "db1"), few: true}
	update(t, s, func(tx *Tx) error {
		for hour := range 24 * days {
			l := h.insideLook(at(60 * hour))
			for range 200 {
				l.Notes = append(l.Notes, portvigil.NewID()) // none is like another
			}
			if err := tx.AddLook(h.ID, l); err != nil {
				return err
			}
		}
		return nil
	})
	before, err := s.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.RollUp(t.Context(), ShortestKeep); err != nil {
		t.Fatal(err)
	}
	after, err := s.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after > before/2 {
		t.Errorf("the database has %d bytes where it had %d, want less than half", after, before)
	}
	t.Logf("%d bytes before, %d after", before, after)
}

// testRetain rolls up at once, and again no sooner than a day later.
func testRetain(t *testing.T, s *Store) {
	now := at(24 * 60 * 12)
	s.clock = func() time.Time { return now }
	lived(t, s, 5)
	wait, err := s.untilRollUp(t.Context())
	if err != nil || wait != 0 {
		t.Errorf("got %v, %v, want the first time to be now", wait, err)
	}
	if err := s.rollUpOnce(t.Context(), 72*time.Hour); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	if wait, err := s.untilRollUp(t.Context()); err != nil || wait != 23*time.Hour {
		t.Errorf("an hour later: got %v, %v, want 23 h", wait, err)
	}
	now = now.Add(-1000 * time.Hour) // a clock that was set back does not put it off for long
	if wait, err := s.untilRollUp(t.Context()); err != nil || wait > rollEvery {
		t.Errorf("with a clock that was set back: got %v, %v", wait, err)
	}
}
