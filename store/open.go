package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
)

// Options of a Store; the zero value serves.
type Options struct {
	// Database is where the rows are: "" for SQLite in the data folder, else
	// PostgreSQL, as a postgres:// URL or as keyword=value pairs
	// (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING).
	// What it leaves open is taken from libpq's environment, PGPASSFILE among it.
	Database string

	// KeyFile has the key that seals secrets; "": the file "key" in the data folder,
	// which the first start makes. One of another place is never made.
	KeyFile string

	Logger *slog.Logger     // nil: nothing is logged
	Clock  func() time.Time // by which requests are due; nil: time.Now
}

// Store is one open data folder.
type Store struct {
	dir     string
	key     string // the key file's path
	log     *slog.Logger
	clock   func() time.Time
	lock    *folderLock // nil where the folder is not taken: restore looks at what is there
	engine  engine
	writer  *sql.DB // one connection: writers queue here, not in the database
	readers *sql.DB
	turns   turns // of those who write
	vault   *vault
	bell    bell
	queue   *river.Client[*sql.Tx] // only inserts; Work has its own
	seq     atomic.Uint64          // the highest that NextSeq gave out, also in transactions that failed
	working sync.Mutex             // held while Work runs
}

// Open takes the data folder, makes what is missing in it, and brings its
// database to this program's version. Whatever stands in the way is told as a
// portvigil.Error with the next step.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s, err := closedStore(dir, o)
	if err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		return nil, s.failure(errors.Join(err, s.Close()))
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) (err error) {
	if s.lock, err = lockFolder(s.dir); err != nil {
		return err
	}
	exists, err := s.engine.open(ctx, s)
	if err != nil {
		return err
	}
	if err := s.migrate(ctx, exists); err != nil {
		return err
	}
	if err := s.fillHistory(ctx); err != nil {
		return err
	}
	if err := s.fillPages(ctx); err != nil {
		return err
	}
	if s.vault, err = s.openVault(ctx); err != nil {
		return err
	}
	s.queue, err = s.newInserter()
	return err
}

// Close ends all connections and lets go of the folder. Work has to have
// returned.
func (s *Store) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{s.readers, s.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	// Last: while it is held nobody else opens the database.
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	return errors.Join(errs...)
}
