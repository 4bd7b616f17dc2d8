package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
)

// engine is what SQLite and PostgreSQL do differently. Everything else in this
// room is one text for both: its SQL is what both understand alike.
type engine interface {
	// open opens the store's pools and reports whether the database had been
	// there before.
	open(ctx context.Context, s *Store) (exists bool, err error)
	// checkOurs refuses the database of another program. One without any table is
	// what a first start leaves that was cut off, and is taken.
	checkOurs(ctx context.Context, db *sql.DB) error
	migrations(db *sql.DB) (*goose.Provider, error)
	hasTable(ctx context.Context, db *sql.DB, name string) (bool, error)
	// save keeps a copy of a database of an older version, where this is ours to do.
	save(ctx context.Context, s *Store, version int64) error
	// tables are ours without the one of versions, hosts first: others refer to it.
	tables(ctx context.Context, tx *sql.Tx) ([]string, error)
	// versionTable is where goose notes the migrations.
	versionTable() string
	// replace has load fill a database, and puts that in the place of the one that is
	// there, of which a copy is kept where it holds something.
	replace(ctx context.Context, s *Store, keep bool, load func(*Store) error) (kept string, err error)

	// jobs is River's way to the database, through a pool of the store's.
	jobs(pool *sql.DB) riverdriver.Driver[*sql.Tx]
	// workers is the pool by which River works the jobs.
	workers(s *Store) *sql.DB

	// giveBack gives the space of rows that are gone back to the disk, where that
	// does not happen by itself.
	giveBack(ctx context.Context, s *Store) error
	// size is what the database takes on disk, in bytes.
	size(ctx context.Context, db *sql.DB) (int64, error)

	// statement writes a query whose placeholders are "?" for this database.
	statement(query string, args []any) (string, []any)
	snapshot() *sql.TxOptions
	// commit ends a transaction. Its error means that nothing was changed, or says
	// that this is not known.
	commit(ctx context.Context, s *Store, tx *sql.Tx) error

	isDuplicate(err error) bool
	isOrphan(err error) bool
	// again is whether a transaction that failed is to run once more, and after
	// which wait; tries counts those that failed.
	again(err error, tries int) (wait time.Duration, yes bool)
	// fault is the error as a portvigil.Error with the next step; nil where it is
	// none that this database tells. known is whether it came from the database.
	fault(err error) (told error, known bool)
	// kind is "sqlite" or "postgres".
	kind() string
	// name is how people know the database.
	name() string
}
