package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"github.com/portvigil/portvigil"
)

// org is whose rows these are: one until there are several.
const org = "default"

// Tx is one transaction. It is valid until the function that it was given to
// returns, and for one goroutine at a time.
type Tx struct {
	ctx context.Context
	tx  *sql.Tx
	s   *Store

	jobs  []river.InsertManyParams // put into River's tables when all else is done
	wakes map[string]bool          // the queues of those that are due
}

// View runs do on a consistent snapshot. Nothing in it can write. A connection
// that is lost before do began is made anew; later, the error is told.
func (s *Store) View(ctx context.Context, do func(*Tx) error) error {
	began := false
	return s.repeat(ctx, func() error {
		tx, err := s.readers.BeginTx(ctx, s.engine.snapshot())
		if err != nil {
			return err
		}
		// After a commit this does nothing; otherwise the error that led here is the
		// one to tell.
		defer func() { _ = tx.Rollback() }()
		began = true
		if err := do(&Tx{ctx: ctx, tx: tx, s: s}); err != nil {
			return err
		}
		return tx.Commit()
	}, func() bool { return !began })
}

// repeat runs a transaction until it is through, or trying again is of no use.
func (s *Store) repeat(ctx context.Context, run func() error, may func() bool) error {
	for tries := 1; ; tries++ {
		err := run()
		wait, again := s.engine.again(err, tries)
		if !again || !may() || ctx.Err() != nil {
			return s.told(ctx, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (t *Tx) exec(query string, args ...any) (int64, error) {
	query, args = t.s.engine.statement(query, args)
	res, err := t.tx.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// put runs a statement that writes one row and tells what it was about where
// the row stands against another.
func (t *Tx) put(noun, name, query string, args ...any) error {
	_, err := t.exec(query, args...)
	switch {
	case t.s.engine.isDuplicate(err):
		return portvigil.Errorf(portvigil.CodeConflict, "there already is %s %s", noun, portvigil.Printable(name))
	case t.s.engine.isOrphan(err):
		return portvigil.Errorf(portvigil.CodeNotFound, "%s %s belongs to a host that is not there", noun, portvigil.Printable(name))
	case err != nil:
		return fmt.Errorf("store %s %s: %w", noun, name, err)
	}
	return nil
}

// change is put for a row that has to be there already.
func (t *Tx) change(noun, name, query string, args ...any) error {
	n, err := t.exec(query, args...)
	if err != nil {
		return fmt.Errorf("store %s %s: %w", noun, name, err)
	}
	if n == 0 {
		return notFound(noun, name)
	}
	return nil
}

// row is the first row of a query.
func (t *Tx) row(query string, args ...any) *sql.Row {
	query, args = t.s.engine.statement(query, args)
	return t.tx.QueryRowContext(t.ctx, query, args...)
}

// each calls scan for every row of a query.
func (t *Tx) each(scan func(row *sql.Rows) error, query string, args ...any) error {
	query, args = t.s.engine.statement(query, args)
	rows, err := t.tx.QueryContext(t.ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // rows.Err below tells what went wrong
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// records reads the rows of a query of a key and a body, the body being a T.
func records[T any](t *Tx, table, query string, args ...any) ([]T, error) {
	var all []T
	err := t.each(func(row *sql.Rows) error {
		var key, body string
		if err := row.Scan(&key, &body); err != nil {
			return fmt.Errorf("read table %s: %w", table, err)
		}
		var v T
		if err := decode(table, key, body, &v); err != nil {
			return err
		}
		all = append(all, v)
		return nil
	}, query, args...)
	return all, err
}

// record is records where at most one row can match.
func record[T any](t *Tx, table, noun, name, query string, args ...any) (T, error) {
	all, err := records[T](t, table, query, args...)
	return onlyOne(all, err, noun, name)
}

// onlyOne is the row that was found by what only one can have.
func onlyOne[T any](found []T, err error, noun, name string) (T, error) {
	if err != nil || len(found) == 0 {
		var none T
		if err == nil {
			err = notFound(noun, name)
		}
		return none, err
	}
	return found[0], nil
}

func notFound(noun, name string) error {
	return portvigil.Errorf(portvigil.CodeNotFound, "there is no %s %s", noun, portvigil.Printable(name))
}

// encode writes a body. HTML is escaped where it is shown, not here, so that
// embedded records keep their bytes.
func encode(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// decode reads a body; one that is damaged is told by its table and key.
func decode(table, key, body string, into any) error {
	if err := json.Unmarshal([]byte(body), into); err != nil {
		return unreadable(table, key, err)
	}
	return nil
}

func unreadable(table, key string, err error) error {
	return portvigil.Errorf(portvigil.CodeInternal, "row %s of table %s cannot be read: %v",
		portvigil.Printable(key), table, err).WithHint("restore a backup of the database, or delete that row")
}

// micros is how a time is stored: microseconds since 1970 UTC, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

func isNotFound(err error) bool {
	var e *portvigil.Error
	return errors.As(err, &e) && e.Code == portvigil.CodeNotFound
}
