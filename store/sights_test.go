package store

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

// count reads a number.
func count(t *testing.T, s *Store, query string, args ...any) (n int) {
	t.Helper()
	view(t, s, func(tx *Tx) error { return tx.row(query, args...).Scan(&n) })
	return n
}

func testSightsAreShared(t *testing.T, s *Store) {
	h, other := &quietHost{Host: addHost(t, s, "db1")}, &quietHost{Host: addHost(t, s, "db2")}
	add := func(h *quietHost, l *portvigil.Look) {
		t.Helper()
		update(t, s, func(tx *Tx) error { return tx.AddLook(h.ID, l) })
	}
	for hour := range 5 {
		add(h, h.insideLook(at(60*hour)))
	}
	if n := count(t, s, `SELECT count(*) FROM sights`); n != 1 {
		t.Errorf("five looks that saw the same left %d sights, want one", n)
	}
	restarted := h.insideLook(at(300))
	restarted.Listeners[7].Process.PID = 4711
	add(h, restarted)
	alone := count(t, s, `SELECT length(body) FROM sights WHERE base IS NULL`)
	change := count(t, s, `SELECT coalesce(max(length(body)), 0) FROM sights WHERE base IS NOT NULL`)
	if change == 0 || change > alone/5 {
		t.Errorf("one owner of 25 changed: it took %d bytes beside %d", change, alone)
	}
	for hour := range 3 {
		l := h.insideLook(at(400 + hour))
		l.Listeners[hour].Process.PID = 4000
		add(h, l)
	}
	if n := count(t, s, `SELECT count(*) FROM sights WHERE base IS NULL`); n != 1 {
		t.Errorf("%d sights stand alone, want all that changed a little on the one", n)
	}
	add(other, other.insideLook(at(0)))
	update(t, s, func(tx *Tx) error { return tx.RemoveHost(h.ID) })
	if n := count(t, s, `SELECT count(*) FROM sights`); n != 1 {
		t.Errorf("%d sights are there after one of two hosts was removed, want the other's", n)
	}
}

// testNearlyTheSame stores looks of one view of which each differs a little, or
// wholly, from the one before.
func testNearlyTheSame(t *testing.T, s *Store) {
	h := &quietHost{Host: addHost(t, s, "db1")}
	rapid.Check(t, func(rt *rapid.T) {
		var want []*portvigil.Look
		for n := range rapid.IntRange(1, 4).Draw(rt, "looks") {
			l := h.insideLook(at(n))
			l.Listeners = l.Listeners[:5] // few, since each has an interval
			switch rapid.IntRange(0, 3).Draw(rt, "change") {
			case 0:
				l.Notes = []string{rapid.String().Draw(rt, "note")}
			case 1:
				l.Listeners = l.Listeners[rapid.IntRange(0, 5).Draw(rt, "first"):]
			case 2:
				l.Listeners, l.Covers = some(genListener()).Draw(rt, "listeners"), nil
			}
			want = append(want, l)
		}
		roundTrip(rt, s, func(tx *Tx) error {
			for _, l := range want {
				if err := tx.AddLook(h.ID, l); err != nil {
					return err
				}
			}
			got, err := tx.Looks(h.ID, want[0].Key())
			diff(rt, got, want)
			return err
		})
	})
}

// testLooksWithoutSight stores looks as they were stored before there were sights.
func testLooksWithoutSight(t *testing.T, s *Store) {
	h := addHost(t, s, "db1")
	rapid.Check(t, func(rt *rapid.T) {
		want := genLook().Draw(rt, "look")
		want.Host = h.Name
		roundTrip(rt, s, func(tx *Tx) error {
			if err := tx.AddLook(h.ID, want); err != nil {
				return err
			}
			body, err := encode(rowOf(want))
			if err != nil {
				return err
			}
			if _, err := tx.exec(`UPDATE looks SET body = ?, sight = NULL`, body); err != nil {
				return err
			}
			got, err := tx.Looks(h.ID, want.Key())
			diff(rt, got, []*portvigil.Look{want})
			return err
		})
	})
}

func testDamagedSights(t *testing.T, s *Store) {
	h := &quietHost{Host: addHost(t, s, "db1")}
	first, second := h.insideLook(at(0)), h.insideLook(at(1))
	second.Listeners = second.Listeners[1:]
	update(t, s, func(tx *Tx) error { return tx.AddLook(h.ID, first) })
	update(t, s, func(tx *Tx) error { return tx.AddLook(h.ID, second) })
	another, err := deflated([]byte(`{}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]struct {
		statement string
		args      []any
	}{
		"one is missing":             {`DELETE FROM sights WHERE base IS NOT NULL`, nil},
		"what one rests on is gone":  {`DELETE FROM sights WHERE base IS NULL`, nil},
		"one is cut off":             {`UPDATE sights SET body = substr(body, 1, 20)`, nil},
		"one is no compressed bytes": {`UPDATE sights SET body = ?`, []any{[]byte{0xff, 0xff}}},
		"one has another's bytes":    {`UPDATE sights SET base = NULL, body = ?`, []any{another}},
	} {
		err := s.Update(t.Context(), func(tx *Tx) error {
			if _, err := tx.exec(damage.statement, damage.args...); err != nil {
				return err
			}
			_, err := tx.Looks(h.ID, first.Key())
			return undone(err)
		})
		is(t, err, portvigil.CodeInternal)
		if err == nil || !strings.Contains(err.Error(), "sights") {
			t.Errorf("%s: got %v, want the table named", name, err)
		}
	}
}
