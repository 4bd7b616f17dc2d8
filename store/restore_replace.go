package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/portvigil/portvigil"
)

// asidePattern names the folder beside the database in which another is filled.
const asidePattern = "restore-*"

// replace fills a database in a folder beside, and renames it into place. One that
// is damaged holds something, too.
func (q sqlite) replace(ctx context.Context, s *Store, keep bool, load func(*Store) error) (kept string, err error) {
	holds, err := q.holdsRows(ctx, s)
	if code := portvigil.ErrorCode(err); keep && (code == portvigil.CodeInternal || code == portvigil.CodeInvalid) {
		holds, err = true, nil
	}
	if err != nil {
		return "", err
	}
	if holds && !keep {
		return "", holdsSomething(q.name())
	}
	// What an attempt that was cut off left; the folder is locked.
	left, err := filepath.Glob(filepath.Join(q.dir, asidePattern))
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		return "", err
	}
	aside, err := os.MkdirTemp(q.dir, asidePattern)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(aside)) }()
	if err := fillAside(ctx, s, aside, load); err != nil {
		return "", err
	}
	filled := filepath.Join(aside, databaseFile)
	if err := ownedLike(filled, q.dir); err != nil {
		return "", err
	}
	if kept, err = q.setAside(holds, s.before()); err != nil {
		return "", err
	}
	if err := os.Rename(filled, q.path()); err != nil {
		return kept, err
	}
	return kept, syncFolder(q.dir)
}

// setAside keeps what is there under another name. A database that was closed has
// no write-ahead log; one that is damaged may have, and it belongs to it.
func (q sqlite) setAside(holds bool, before string) (kept string, err error) {
	if holds {
		kept = q.path() + before
		if err := os.Link(q.path(), kept); err != nil {
			return "", err
		}
	}
	for _, name := range []string{"-wal", "-shm"} {
		if kept != "" {
			err = os.Rename(q.path()+name, kept+name)
		} else {
			err = os.Remove(q.path() + name)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return kept, err
		}
	}
	return kept, nil
}

// holdsRows opens the database that is there, and closes it again.
func (q sqlite) holdsRows(ctx context.Context, s *Store) (holds bool, err error) {
	if exists, err := prepareDatabaseFile(q.path()); err != nil || !exists {
		return false, err
	}
	there, err := closedStore(q.dir, Options{Logger: s.log, Clock: s.clock})
	if err != nil {
		return false, err
	}
	if _, err := q.open(ctx, there); err != nil {
		return false, errors.Join(err, there.Close())
	}
	err = q.checkOurs(ctx, there.writer)
	if err == nil {
		holds, err = there.holdsRows(ctx)
	}
	return holds, there.failure(errors.Join(err, there.Close()))
}

// holdsRows reports whether there is any row but settings.
func (s *Store) holdsRows(ctx context.Context) (holds bool, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		tables, err := s.engine.tables(ctx, tx.tx)
		if err != nil {
			return err
		}
		for _, table := range tables {
			if table == "settings" || holds {
				continue
			}
			if err := tx.row(`SELECT EXISTS (SELECT 1 FROM ` + table + `)`).Scan(&holds); err != nil {
				return err
			}
		}
		return nil
	})
	return holds, err
}

func fillAside(ctx context.Context, s *Store, dir string, load func(*Store) error) (err error) {
	aside := &Store{dir: dir, log: s.log, clock: s.clock, engine: sqlite{dir}, bell: newBell()}
	defer func() { err = aside.failure(errors.Join(err, aside.Close())) }()
	if _, err := aside.engine.open(ctx, aside); err != nil {
		return err
	}
	return load(aside)
}

func holdsSomething(name string) error {
	return portvigil.Errorf(portvigil.CodeConflict, "the %s holds something already", name).
		WithHint("restore into another folder with --data, or give --force: what is there is kept beside")
}

// replace empties the database and fills it, after a backup of what it holds. A
// failure in the middle leaves it empty, and the backup in the data folder.
func (p *postgres) replace(ctx context.Context, s *Store, keep bool, load func(*Store) error) (kept string, err error) {
	if _, err := p.open(ctx, s); err != nil {
		return "", err
	}
	if err := p.checkOurs(ctx, s.writer); err != nil {
		return "", err
	}
	made, err := p.hasTable(ctx, s.writer, versionTable)
	if err != nil {
		return "", err
	}
	holds := false
	if made {
		if holds, err = s.holdsRows(ctx); err != nil {
			return "", err
		}
	}
	switch {
	case holds && !keep:
		return "", holdsSomething(p.name())
	case holds:
		kept = filepath.Join(s.dir, "postgres"+s.before())
		if err := s.backupTo(ctx, kept); err != nil {
			return "", err
		}
	}
	if made {
		if err := p.dropTables(ctx, s); err != nil {
			return kept, err
		}
	}
	return kept, load(s)
}

func (p *postgres) dropTables(ctx context.Context, s *Store) error {
	jobs, err := p.hasTable(ctx, s.writer, "river_job")
	if err != nil {
		return err
	}
	return s.Update(ctx, func(tx *Tx) error {
		tables, err := p.tables(ctx, tx.tx)
		if err != nil {
			return err
		}
		for _, table := range append(tables, versionTable) {
			if _, err := tx.exec(`DROP TABLE ` + table + ` CASCADE`); err != nil {
				return err
			}
		}
		if jobs {
			_, err = tx.exec(`DELETE FROM river_job`)
		}
		return err
	})
}

// backupTo writes a backup to a file of the data folder, whole or not at all.
func (s *Store) backupTo(ctx context.Context, path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	err = s.Backup(ctx, f, false)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep a backup: %w", err), os.Remove(f.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

// ownedLike gives a file the owner of the data folder, who runs the server: root
// restores what another user serves.
func ownedLike(path, folder string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		return os.Chown(path, int(owner.Uid), int(owner.Gid))
	}
	return nil
}
