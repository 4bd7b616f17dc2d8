package store

import (
	"fmt"
	"path/filepath"
	"testing"
)

// TestStatementsAreKept: the same text runs inside of itself, after an error and
// after a change of the table, and a connection keeps only so many.
func TestStatementsAreKept(t *testing.T) {
	t.Parallel()
	db, err := openWriter(filepath.Join(t.TempDir(), "kept.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(text string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), text, args...); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	exec(`CREATE TABLE numbers (n INTEGER PRIMARY KEY)`)
	const insert = `INSERT INTO numbers (n) VALUES (?)`
	for n := range 3 {
		exec(insert, n)
	}
	if _, err := db.ExecContext(t.Context(), insert, 2); err == nil {
		t.Fatal("the same number went in twice")
	}
	exec(insert, 3)

	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const above = `SELECT n FROM numbers WHERE n > ? ORDER BY n`
	var pairs []string
	outer, err := tx.QueryContext(t.Context(), above, 1)
	if err != nil {
		t.Fatal(err)
	}
	for outer.Next() {
		var a int
		if err := outer.Scan(&a); err != nil {
			t.Fatal(err)
		}
		inner, err := tx.QueryContext(t.Context(), above, a-1)
		if err != nil {
			t.Fatal(err)
		}
		for inner.Next() {
			var b int
			if err := inner.Scan(&b); err != nil {
				t.Fatal(err)
			}
			pairs = append(pairs, fmt.Sprint(a, b))
		}
		inner.Close()
	}
	outer.Close()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	same(t, pairs, []string{"2 2", "2 3", "3 3"})

	exec(`ALTER TABLE numbers ADD COLUMN name TEXT`)
	const all = `SELECT * FROM numbers WHERE n = 3`
	columns := func() int {
		rows, err := db.QueryContext(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		names, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	before := columns()
	exec(`ALTER TABLE numbers ADD COLUMN more TEXT`)
	if after := columns(); after != before+1 {
		t.Errorf("a statement that was kept sees %d columns, want %d", after, before+1)
	}

	for n := range 2 * maxStatements {
		exec(fmt.Sprintf(`UPDATE numbers SET name = 'x' WHERE n = %d`, n))
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		if kept := len(c.(*preparedConn).idle); kept > maxStatements {
			t.Errorf("%d statements are kept, want at most %d", kept, maxStatements)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
