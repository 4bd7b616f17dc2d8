package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
)

// Backup writes a consistent copy of the database to the path, which is
// replaced at once when the copy is on disk. Readers and the writer go on
// meanwhile. The key file is not in it: keep a copy of that elsewhere.
func (s *Store) Backup(ctx context.Context, path string) error {
	return s.failure(s.backup(ctx, path))
}

func (s *Store) backup(ctx context.Context, path string) (err error) {
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
	db, err := sql.Open("sqlite", dataSource(filepath.Join(s.dir, databaseFile), nil))
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
