package store

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

// testAlertPages holds the database's pages against those that the root picks.
func testAlertPages(t *testing.T, s *Store) {
	var all []portvigil.Alert
	states := []portvigil.AlertState{portvigil.AlertNew, portvigil.AlertAcknowledged, portvigil.AlertResolved}
	severities := []portvigil.Severity{portvigil.Low, portvigil.Medium, portvigil.High, portvigil.Critical}
	texts := []string{"100% of it", "under_score", `back\slash`, "NUL \x00 and \xff", "ÄRGER über port 22"}
	update(t, s, func(tx *Tx) error {
		all = nil
		for i := range 60 {
			a := portvigil.Alert{ID: portvigil.NewID(), Host: []string{"a", "b", ""}[i%3], State: states[i%len(states)], Severity: severities[i%len(severities)],
				Kind: portvigil.Kind(portvigil.Missing), Family: portvigil.FamilyExposure, Text: texts[i%len(texts)], Opened: at(i / 2), Changed: at(i/2 + i%7)}
			if i%6 == 0 {
				a.Kind, a.Family = portvigil.HostUnreachable, portvigil.FamilyHealth
			}
			if !a.Open() {
				a.Resolution = &portvigil.Resolution{Kind: portvigil.ResolvedCleared, By: portvigil.System, Time: a.Changed}
			}
			all = append(all, a)
			if err := tx.PutAlert(a); err != nil {
				return err
			}
		}
		all[2].State, all[2].Memory.Noted = portvigil.AlertResolved, true // changed since: the columns follow
		return tx.PutAlert(all[2])
	})
	rapid.Check(t, func(r *rapid.T) {
		some := func(label string) int { return rapid.IntRange(0, 3).Draw(r, label) }
		f := portvigil.AlertFilter{Attention: rapid.Bool().Draw(r, "attention"), States: states[:min(some("states"), len(states))],
			Severities: severities[:some("severities")], Hosts: []string{"b", "", "a"}[:some("hosts")],
			Text:  rapid.SampledFrom([]string{"", "%", "_", `\`, "100% OF", "ärger 22", "\x00", `\xff`, "nothing has this"}).Draw(r, "text"),
			Order: rapid.SampledFrom([]portvigil.AlertOrder{portvigil.ByChanged, portvigil.ByOpened, portvigil.BySeverity}).Draw(r, "order"),
			Limit: rapid.IntRange(0, 20).Draw(r, "limit"), Offset: rapid.IntRange(0, 30).Draw(r, "offset")}
		if rapid.Bool().Draw(r, "kinds") {
			f.Kinds, f.Families = []portvigil.Kind{portvigil.HostUnreachable}, []portvigil.Family{portvigil.FamilyHealth}
		}
		if rapid.Bool().Draw(r, "since") {
			f.OpenedSince, f.ChangedSince = at(5), at(12)
		}
		want, wantTotal := f.Page(all)
		err := s.View(t.Context(), func(tx *Tx) error {
			page, total, err := tx.AlertsWhere(f)
			if total != wantTotal || len(page) != len(want) {
				r.Fatalf("%+v: got %d of %d, want %d of %d", f, len(page), total, len(want), wantTotal)
			}
			for i := range page {
				if page[i].ID != want[i].ID {
					r.Fatalf("%+v: alert %d is another one", f, i)
				}
			}
			counts, err2 := tx.AlertCounts(f)
			for _, c := range counts {
				total -= c.Count
			}
			if total != 0 {
				r.Fatalf("%+v: %d alerts are not counted", f, total)
			}
			return errors.Join(err, err2)
		})
		if err != nil {
			r.Fatal(err)
		}
	})
}

// testActs holds the database's pages of acts against those that the root picks.
func testActs(t *testing.T, s *Store) {
	var all []portvigil.Act
	alert := portvigil.Alert{ID: portvigil.NewID(), Host: "a", Opened: at(0), State: portvigil.AlertNew}
	update(t, s, func(tx *Tx) error {
		all = nil
		errs := []error{tx.PutAlert(alert)}
		for i := range 30 {
			by := []string{portvigil.System, "ann", "bob"}[i%3]
			if i%2 == 0 {
				e := portvigil.AuditEntry{ID: portvigil.NewID(), Alert: alert.ID, Time: at(i / 3), By: by, What: "comment", Text: "<b>\x1b"}
				all = append(all, e.Act("a"))
				errs = append(errs, tx.AddAudit(e))
				continue
			}
			a := portvigil.NewAct(at(i/3), by, portvigil.ActHostAdded, []string{"host", "channel"}[i%4/2], []string{"a", "b"}[i%5%2], "text")
			all = append(all, a)
			errs = append(errs, tx.AddAct(a))
		}
		return errors.Join(errs...)
	})
	for _, f := range []portvigil.ActFilter{{}, {People: true}, {By: "bob"}, {Host: "a"}, {Host: "b", People: true}, {Since: at(3), Until: at(6)},
		{Limit: 7}, {Limit: 7, Offset: 7, People: true}, {Offset: 100}, {By: "nobody"}, {Of: portvigil.OfAlerts}, {Of: portvigil.OfChanges, People: true}, {Of: portvigil.OfChanges, Host: "a", Limit: 3}} {
		want, wantTotal := f.Page(all)
		view(t, s, func(tx *Tx) error {
			page, total, err := tx.Acts(f)
			if total != wantTotal {
				t.Errorf("%+v: got %d in all, want %d", f, total, wantTotal)
			}
			if len(page)+len(want) > 0 {
				same(t, page, want)
			}
			return err
		})
	}
}

func testPastBetween(t *testing.T, s *Store) {
	h := portvigil.Host{ID: portvigil.NewID(), Name: "a", Outside: time.Hour, Inside: time.Hour}
	update(t, s, func(tx *Tx) error {
		if err := tx.PutHost(h); err != nil {
			return err
		}
		for i, open := range [][]uint16{{22}, {}, {22, 80}, {80}} {
			l := &portvigil.Look{ID: portvigil.NewID(), View: portvigil.Inside, Seq: uint64(i + 1), Received: at(i * 60), Complete: true,
				Covers: []portvigil.Coverage{portvigil.CoversSockets}}
			for _, port := range open {
				l.Listeners = append(l.Listeners, portvigil.Listener{Proto: portvigil.TCP, Port: port})
			}
			if err := tx.AddLook(h.ID, l); err != nil {
				return err
			}
		}
		return nil
	})
	for name, c := range map[string]struct{ from, to, atMost, intervals, leftOut int }{
		"all of it":                   {-10, 1000, 10, 3, 0},
		"before anything":             {-20, -10, 10, 0, 0},
		"the first door, until shut":  {-10, 60, 10, 1, 0},
		"between shut and open again": {70, 90, 10, 2, 0}, // perhaps open already
		"the last":                    {200, 300, 10, 1, 0},
		"no more than two":            {-10, 1000, 2, 2, 1},
	} {
		view(t, s, func(tx *Tx) error {
			intervals, watched, leftOut, err := tx.PastBetween(h.ID, at(c.from), at(c.to), time.Hour, c.atMost)
			if len(intervals) != c.intervals || leftOut != c.leftOut {
				t.Errorf("%s: got %d intervals and %d left out, want %d and %d", name, len(intervals), leftOut, c.intervals, c.leftOut)
			}
			if wants := c.to > 0; (len(watched) > 0) != wants && c.from < 180 {
				t.Errorf("%s: got %d times in which it was watched", name, len(watched))
			}
			return err
		})
	}
}
