package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// RestoreOptions say where a backup goes.
type RestoreOptions struct {
	// Database is where the rows go: see Options.
	Database string
	KeyFile  string // see Options
	// Force replaces a database that holds something; a copy of it is kept.
	Force bool
	// WithoutSecrets leaves out what is sealed, the secrets of channels and of
	// second factors, where the key is lost.
	WithoutSecrets bool
}

// Restored is what Restore did.
type Restored struct {
	BackupContents
	Kept       string   // the copy of what was there before; "" where that held nothing
	Secretless []string // channels that need their secret set again
	Factorless []string // users whose codes cannot be checked any more: only recovery codes let them in
}

// Restore fills a data folder's database from a backup of either database. All of
// the file is verified before anything is changed, and what was there stays in
// place until all of it is read. The server must not run.
func Restore(ctx context.Context, dir string, f io.ReadSeeker, o RestoreOptions) (r Restored, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return r, err
	}
	if r.BackupContents, err = VerifyBackup(f); err != nil {
		return r, err
	}
	s, err := closedStore(dir, Options{Database: o.Database, KeyFile: o.KeyFile})
	if err != nil {
		return r, err
	}
	defer func() {
		err = s.failure(errors.Join(err, s.Close()))
	}()
	if s.lock, err = lockFolder(dir); err != nil {
		return r, err
	}
	key, err := s.keyFor(r.BackupContents)
	switch {
	case err != nil:
		return r, err
	case key == "" && len(r.secrets)+len(r.factors) > 0 && !o.WithoutSecrets:
		return r, portvigil.Errorf(portvigil.CodeInvalid, "the backup's secrets (of %s) are sealed under a key that is not in %s",
			portvigil.Printable(strings.Join(slices.Concat(r.secrets, r.factors), ", ")), filepath.Dir(s.key)).
			WithHint("copy the old server's key file to %s, or give --without-secrets and set them anew", s.key)
	case key == "":
		r.Secretless, r.Factorless = r.secrets, r.factors
	}
	load := func(into *Store) error { return into.load(ctx, f, r.BackupContents, key == "") }
	if r.Kept, err = s.engine.replace(ctx, s, o.Force, load); err != nil {
		return r, err
	}
	return r, s.putKey(key)
}

// closedStore is a Store that has opened nothing yet.
func closedStore(dir string, o Options) (s *Store, err error) {
	s = &Store{dir: dir, key: cmp.Or(o.KeyFile, filepath.Join(dir, keyFile)), log: o.Logger, clock: o.Clock, engine: sqlite{dir}, bell: newBell()}
	if o.Database != "" {
		if s.engine, err = newPostgres(o.Database); err != nil {
			return nil, err
		}
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	return s, nil
}

// keyFor returns the key file's text that opens the backup's secrets: its own, or
// the one that is in place; "" where neither does.
func (s *Store) keyFor(c BackupContents) (string, error) {
	there, err := os.ReadFile(s.key)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	check, err := hex.DecodeString(c.check)
	if err != nil {
		return "", damaged("its key cannot be checked")
	}
	for _, text := range []string{c.Key, string(there)} {
		v, err := vaultOf(text)
		if err != nil {
			continue // none, or half of one
		}
		if _, err := v.open(check, keyCheck); err == nil {
			return text, nil
		}
	}
	return "", nil
}

// putKey puts the key in place; another one that is there is kept beside it.
func (s *Store) putKey(key string) error {
	there, err := os.ReadFile(s.key)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if key == "" || key == string(there) {
		return nil
	}
	if len(there) > 0 {
		if err := os.Rename(s.key, s.key+s.before()); err != nil {
			return err
		}
	}
	if err := writeOnce(s.key, []byte(key)); err != nil {
		return err
	}
	return ownedLike(s.key, s.dir)
}

// before ends the name of what is kept of the time before.
func (s *Store) before() string { return ".before-" + s.clock().UTC().Format("20060102T150405Z") }

// load fills an empty database: the tables of the backup's version, its rows, and
// then what has come since.
func (s *Store) load(ctx context.Context, f io.ReadSeeker, c BackupContents, secretless bool) error {
	ours, jobs, err := s.migrations()
	if err != nil {
		return err
	}
	_, target, err := ours.GetVersions(ctx)
	if err != nil {
		return err
	}
	if c.Version > target {
		return portvigil.Errorf(portvigil.CodeConflict, "the backup was written by a newer portvigil (version %d, this one knows %d)", c.Version, target).
			WithHint("restore it with that newer portvigil")
	}
	if _, err := ours.UpTo(ctx, c.Version); err != nil {
		return err
	}
	if err := s.Update(ctx, func(tx *Tx) error { return tx.fill(f, secretless) }); err != nil {
		return err
	}
	if err := migrateUp(ctx, ours, jobs); err != nil {
		return err
	}
	if err := s.fillHistory(ctx); err != nil {
		return err
	}
	return s.fillPages(ctx)
}

// fill inserts the backup's rows. It is named by its own tables and columns: what
// the file says is only looked up among them.
func (t *Tx) fill(f io.ReadSeeker, secretless bool) error {
	into := map[string]*sql.Stmt{}
	_, err := readBackup(f, backupReader{
		head: func(BackupHead) error { return nil },
		row: func(table backupTable, row []any) error {
			switch {
			case secretless && table.Table == "channels":
				row[slices.Index(table.Columns, "secret")] = nil
			case secretless && table.Table == "users":
				if i := slices.Index(table.Columns, "factor"); i >= 0 { // not in backups of before
					row[i] = nil
				}
			case secretless && table.Table == "settings" && table.of(row, "key") == keyCheck:
				return nil
			}
			if into[table.Table] == nil {
				insert, err := t.insertInto(table)
				if err != nil {
					return err
				}
				into[table.Table] = insert
			}
			_, row = t.s.engine.statement("", row)
			_, err := into[table.Table].ExecContext(t.ctx, row...)
			return err
		},
	})
	return err
}

func (t *Tx) insertInto(table backupTable) (*sql.Stmt, error) {
	tables, err := t.s.engine.tables(t.ctx, t.tx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(tables, table.Table) {
		return nil, damaged("it has a table that its version does not have")
	}
	rows, err := t.tx.QueryContext(t.ctx, `SELECT * FROM `+table.Table+` WHERE 1 = 0`)
	if err != nil {
		return nil, err
	}
	columns, err := rows.Columns()
	if err := errors.Join(err, rows.Close()); err != nil {
		return nil, err
	}
	if !slices.Equal(slices.Sorted(slices.Values(columns)), slices.Sorted(slices.Values(table.Columns))) {
		return nil, damaged("table " + table.Table + " has other columns than its version has")
	}
	query, _ := t.s.engine.statement(`INSERT INTO `+table.Table+` (`+strings.Join(table.Columns, ", ")+`) VALUES (?`+
		strings.Repeat(", ?", len(table.Columns)-1)+`)`, nil)
	return t.tx.PrepareContext(t.ctx, query)
}

// names reads a query of one text column.
func names(ctx context.Context, tx *sql.Tx, query string) (list []string, err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err below tells what went wrong
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		list = append(list, name)
	}
	return list, rows.Err()
}
