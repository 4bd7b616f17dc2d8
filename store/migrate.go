package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/portvigil/portvigil"
)

//go:embed migrations/sqlite/*.sql
var sqliteMigrations embed.FS

// applicationID is what the first migration writes into the file's header.
const applicationID = 1347839852

// migrate brings the database to this program's version. One of an older
// version is copied first.
func (s *Store) migrate(ctx context.Context, exists bool) error {
	if exists {
		if err := s.checkOurs(ctx); err != nil {
			return err
		}
	}
	ours, err := migrations(s.writer)
	if err != nil {
		return err
	}
	jobs, err := rivermigrate.New(riversqlite.New(s.writer), &rivermigrate.Config{Logger: warnings(s.log)})
	if err != nil {
		return err
	}
	current, target, err := ours.GetVersions(ctx)
	if err != nil {
		return err
	}
	jobsCurrent, jobsTarget, err := jobVersions(ctx, s.writer, jobs)
	if err != nil {
		return err
	}
	switch {
	case current > target || jobsCurrent > jobsTarget:
		return portvigil.Errorf(portvigil.CodeConflict, "the database in %s was written by a newer portvigil (version %d.%d, this one knows %d.%d)",
			s.dir, current, jobsCurrent, target, jobsTarget).
			WithHint("start that newer portvigil, or put an older backup in place")
	case current == target && jobsCurrent == jobsTarget:
		return nil
	case current > 0:
		if err := s.Backup(ctx, filepath.Join(s.dir, fmt.Sprintf("%s.bak-%d", databaseFile, current))); err != nil {
			return err
		}
		s.log.Info("database is brought to a newer version", "from", current, "to", target)
	}
	if _, err := ours.Up(ctx); err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	if _, err := jobs.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate job tables: %w", err)
	}
	return nil
}

// checkOurs refuses the database of another program. One without any table is
// what a first start leaves that was cut off, and is taken.
func (s *Store) checkOurs(ctx context.Context) error {
	var id, tables int
	err := errors.Join(
		s.writer.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id),
		s.writer.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'goose_%'").Scan(&tables))
	if err != nil {
		return err
	}
	if id != applicationID && tables > 0 {
		return notOurs(s.dir, "is another program's database")
	}
	return nil
}

func migrations(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(sqliteMigrations, "migrations/sqlite")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
}

// jobVersions reads the table itself: River's migrator refuses a version that it
// does not know without saying that it is a newer one.
func jobVersions(ctx context.Context, db *sql.DB, m *rivermigrate.Migrator[*sql.Tx]) (current, target int, err error) {
	for _, v := range m.AllVersions() {
		target = max(target, v.Version)
	}
	var made bool
	err = db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'river_migration')`).Scan(&made)
	if err == nil && made {
		err = db.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM river_migration`).Scan(&current)
	}
	return current, target, err
}
