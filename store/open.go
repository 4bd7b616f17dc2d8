package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
)

// Options of a Store; the zero value serves.
type Options struct {
	Logger *slog.Logger     // nil: nothing is logged
	Clock  func() time.Time // by which requests are due; nil: time.Now
}

// Store is one open data folder.
type Store struct {
	dir     string
	log     *slog.Logger
	clock   func() time.Time
	lock    *os.File
	writer  *sql.DB // one connection: writers queue here, not in SQLite
	readers *sql.DB
	vault   *vault
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
	s := &Store{dir: dir, log: o.Logger, clock: o.Clock}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.clock == nil {
		s.clock = time.Now
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
	path := filepath.Join(s.dir, databaseFile)
	exists, err := prepareDatabaseFile(path)
	if err != nil {
		return err
	}
	if s.writer, err = openWriter(path); err != nil {
		return err
	}
	if err := s.migrate(ctx, exists); err != nil {
		return err
	}
	if s.readers, err = openReaders(path); err != nil {
		return err
	}
	if s.vault, err = s.openVault(ctx); err != nil {
		return err
	}
	s.queue, err = newInserter(s.writer, s.log)
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
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
