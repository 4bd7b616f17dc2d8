package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	modernc "modernc.org/sqlite"
)

//go:embed migrations/sqlite/*.sql
var sqliteMigrations embed.FS

// applicationID is what the first migration writes into the file's header.
const applicationID = 1347839852

// busyTimeout is how long SQLite waits, in milliseconds, for a lock of another
// program (a backup tool, the sqlite3 shell) before an error is told.
const busyTimeout = "5000"

// sqlite is the engine of the file in a data folder.
type sqlite struct{ dir string }

func (q sqlite) path() string { return filepath.Join(q.dir, databaseFile) }

func (sqlite) kind() string { return "sqlite" }

func (sqlite) versionTable() string { return "goose_db_version" }

func (sqlite) tables(ctx context.Context, tx *sql.Tx) ([]string, error) {
	return names(ctx, tx, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'
		AND name NOT LIKE 'goose%' AND name NOT LIKE 'river%' ORDER BY name <> 'hosts', name`)
}

func (q sqlite) name() string { return "database in " + q.dir }

func (q sqlite) open(_ context.Context, s *Store) (exists bool, err error) {
	if exists, err = prepareDatabaseFile(q.path()); err != nil {
		return false, err
	}
	if logged, err := fileExists(q.path() + "-wal"); err != nil {
		return false, err
	} else if exists && !logged && s.lock != nil && s.lock.abandoned {
		// It is there from the first connection to the end of the last.
		s.log.Warn("the database's write-ahead log is gone, though the server before did not come to an end in order: what changed last may be missing",
			"file", q.path()+"-wal", "next", "put it back where a copy was made without it, or restore a backup")
	}
	if s.writer, err = openWriter(q.path()); err != nil {
		return false, err
	}
	s.readers, err = openReaders(q.path())
	return exists, err
}

// openWriter opens the one connection that writes. Transactions are immediate:
// they take the write lock when they begin, so that none fails half-way. It is
// also River's, whose documentation asks for a pool of one.
func openWriter(path string) (*sql.DB, error) {
	db, err := openDB(dataSource(path, url.Values{
		"_txlock": {"immediate"},
		// Without auto_vacuum, which only a new file takes up, a file never gets smaller.
		"_pragma": {"busy_timeout(" + busyTimeout + ")", "auto_vacuum(2)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
			// 64 MiB is what a long reader may leave of the log before it is cut back.
			"journal_size_limit(67108864)"},
	}))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	return db, nil
}

// openReaders opens the pool that reads beside the writer.
func openReaders(path string) (*sql.DB, error) {
	db, err := openDB(dataSource(path, url.Values{
		// Half a MiB of pages each: the kernel keeps the file's pages for all of them.
		"_pragma": {"busy_timeout(" + busyTimeout + ")", "query_only(1)", "cache_size(-512)"},
	}))
	if err != nil {
		return nil, err
	}
	pool := max(4, runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(pool)
	db.SetMaxIdleConns(pool)
	return db, nil
}

func openDB(source string) (*sql.DB, error) {
	c, err := modernc.NewConnector(source)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(statements{c}), nil
}

// dataSource writes the path as a URI, so that a "?" or "%" in it is no parameter.
func dataSource(path string, parameters url.Values) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: parameters.Encode()}
	return u.String()
}

func (q sqlite) checkOurs(ctx context.Context, db *sql.DB) error {
	var id, tables int
	err := errors.Join(
		db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id),
		db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'goose_%'").Scan(&tables))
	if err != nil {
		return err
	}
	if id != applicationID && tables > 0 {
		return notOurs(q.dir, "is another program's database")
	}
	return nil
}

func (sqlite) migrations(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(sqliteMigrations, "migrations/sqlite")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
}

func (sqlite) hasTable(ctx context.Context, db *sql.DB, name string) (there bool, err error) {
	err = db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)`, name).Scan(&there)
	return there, err
}

func (q sqlite) save(ctx context.Context, _ *Store, version int64) error {
	return q.copyTo(ctx, fmt.Sprintf("%s.bak-%d", q.path(), version))
}

// copyTo writes a consistent copy of the database to the path, which is replaced
// at once when the copy is on disk: a database that the program of its version
// can open. Readers and the writer go on meanwhile.
func (q sqlite) copyTo(ctx context.Context, path string) (err error) {
	// SQLite takes an empty file, and keeps its narrow mode.
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	// Its own connection: the readers' may not run VACUUM, the writer's is wanted.
	db, err := openDB(dataSource(q.path(), nil))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", f.Name())
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// givenBack is how many pages of 4 KiB one transaction gives back: about 10 ms.
const givenBack = 128

// giveBack cuts pages off that are free. A file from before does not let it, and
// uses them for new rows.
func (q sqlite) giveBack(ctx context.Context, s *Store) error {
	for before := int64(math.MaxInt64); ; {
		const incremental = 2
		var mode, free int64
		err := errors.Join(s.readers.QueryRowContext(ctx, "PRAGMA auto_vacuum").Scan(&mode),
			s.readers.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free))
		if err != nil || mode != incremental || free == 0 || free >= before {
			return err
		}
		before = free
		err = s.Update(ctx, func(tx *Tx) error {
			_, err := tx.exec(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", givenBack))
			return err
		})
		if err != nil {
			return err
		}
	}
}

func (sqlite) size(ctx context.Context, db *sql.DB) (bytes int64, err error) {
	err = db.QueryRowContext(ctx, `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`).Scan(&bytes)
	return bytes, err
}

func (sqlite) jobs(pool *sql.DB) riverdriver.Driver[*sql.Tx] { return riversqlite.New(pool) }

// workers: one connection writes, whoever wants to.
func (sqlite) workers(s *Store) *sql.DB { return s.writer }

func (sqlite) statement(query string, args []any) (string, []any) { return query, args }

// snapshot: every transaction of SQLite is one, and the readers' connections
// refuse to write.
func (sqlite) snapshot() *sql.TxOptions { return nil }

func (sqlite) commit(_ context.Context, _ *Store, tx *sql.Tx) error { return tx.Commit() }

func (sqlite) again(err error, tries int) (time.Duration, bool) {
	// The busy timeout already waited each time; a third time is a lock that stays.
	const attempts = 3
	return 0, isBusy(err) && tries < attempts
}
