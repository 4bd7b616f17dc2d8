package store

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/portvigil/portvigil"
)

// explained is SQLite with a note of what it was asked.
type explained struct {
	engine
	asked *[]asked
}

type asked struct {
	query string
	args  []any
}

func (e explained) statement(query string, args []any) (string, []any) {
	*e.asked = append(*e.asked, asked{query, args})
	return e.engine.statement(query, args)
}

// TestWhatIsAskedOfOneIsNotLookedForAmongAll: however few rows there are, from which
// SQLite could not tell, each query goes by more than what all rows have.
func TestWhatIsAskedOfOneIsNotLookedForAmongAll(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir())
	update(t, s, func(tx *Tx) error {
		return tx.PutAlert(portvigil.Alert{ID: portvigil.NewID(), Host: "web1", State: portvigil.AlertNew})
	})
	var list []asked
	s.engine = explained{s.engine, &list}
	host := []string{"web1"}
	for name, ask := range map[string]func(*Tx) error{
		"an alert":             func(tx *Tx) error { _, err := tx.alerts(`id = ?`, portvigil.NewID()); return err },
		"its story":            func(tx *Tx) error { _, err := tx.Audit("A"); return err },
		"the alerts of a host": func(tx *Tx) error { _, err := tx.AlertsOfHost("web1"); return err },
		"how many there are of it": func(tx *Tx) error {
			_, err := tx.AlertCounts(portvigil.AlertFilter{Attention: true, Hosts: host})
			return err
		},
		"those of it that are open": func(tx *Tx) error {
			_, _, err := tx.AlertsWhere(portvigil.AlertFilter{States: portvigil.OpenStates(), Hosts: host})
			return err
		},
		"the requests of a host":  func(tx *Tx) error { _, err := tx.OpenRequests("H"); return err },
		"its trails":              func(tx *Tx) error { _, err := tx.Trails("H"); return err },
		"its history":             func(tx *Tx) error { _, err := tx.LastOpen("H"); return err },
		"its baseline":            func(tx *Tx) error { _, err := tx.BaselinesFor("web1"); return err },
		"its document's versions": func(tx *Tx) error { _, err := tx.BaselineVersions("host", "web1"); return err },
	} {
		for where, run := range map[string]func(func(*Tx) error) error{
			"reading": func(do func(*Tx) error) error { return s.View(t.Context(), do) },
			"writing": func(do func(*Tx) error) error { return s.Update(t.Context(), do) },
		} {
			t.Run(name+", "+where, func(t *testing.T) {
				err := run(func(tx *Tx) error {
					list = nil
					if err := ask(tx); err != nil {
						return err
					}
					for _, a := range slices.Clone(list) {
						goesBy(t, tx, a)
					}
					return nil
				})
				if err != nil || len(list) == 0 {
					t.Fatalf("asked %d times, %v", len(list), err)
				}
			})
		}
	}
}

// goesBy fails where a step of a query's plan reads every row of a table.
func goesBy(t *testing.T, tx *Tx, a asked) {
	t.Helper()
	err := tx.each(func(row *sql.Rows) error {
		var id, parent, unused int
		var step string
		if err := row.Scan(&id, &parent, &unused, &step); err != nil {
			return err
		}
		if strings.HasPrefix(step, "SCAN") || strings.HasSuffix(step, "(org=?)") {
			t.Errorf("%s\n\t%s", step, a.query)
		}
		return nil
	}, `EXPLAIN QUERY PLAN `+a.query, a.args...)
	if err != nil {
		t.Error(err)
	}
}
