package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/portvigil/portvigil"
)

// migrate brings the database to this program's version. One of an older
// version is copied first, where it is ours to copy.
func (s *Store) migrate(ctx context.Context, exists bool) error {
	if exists {
		if err := s.engine.checkOurs(ctx, s.writer); err != nil {
			return err
		}
	}
	ours, jobs, err := s.migrations()
	if err != nil {
		return err
	}
	current, target, err := ours.GetVersions(ctx)
	if err != nil {
		return err
	}
	jobsCurrent, jobsTarget, err := s.jobVersions(ctx, jobs)
	if err != nil {
		return err
	}
	switch {
	case current > target || jobsCurrent > jobsTarget:
		return portvigil.Errorf(portvigil.CodeConflict, "the %s was written by a newer portvigil (version %d.%d, this one knows %d.%d)",
			s.engine.name(), current, jobsCurrent, target, jobsTarget).
			WithHint("start that newer portvigil, or put an older backup in place")
	case current == target && jobsCurrent == jobsTarget:
		return nil
	case current > 0:
		if err := s.engine.save(ctx, s, current); err != nil {
			return err
		}
		s.log.Info("database is brought to a newer version", "from", current, "to", target)
	}
	return migrateUp(ctx, ours, jobs)
}

// migrations returns those of our tables and of the jobs'.
func (s *Store) migrations() (ours *goose.Provider, jobs *rivermigrate.Migrator[*sql.Tx], err error) {
	if ours, err = s.engine.migrations(s.writer); err != nil {
		return nil, nil, err
	}
	jobs, err = rivermigrate.New(s.engine.jobs(s.writer), &rivermigrate.Config{Logger: warnings(s.log)})
	return ours, jobs, err
}

// migrateUp brings our tables and the jobs' to this program's version.
func migrateUp(ctx context.Context, ours *goose.Provider, jobs *rivermigrate.Migrator[*sql.Tx]) error {
	if _, err := ours.Up(ctx); err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	if _, err := jobs.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate job tables: %w", err)
	}
	return nil
}

// jobVersions reads the table itself: River's migrator refuses a version that it
// does not know without saying that it is a newer one.
func (s *Store) jobVersions(ctx context.Context, m *rivermigrate.Migrator[*sql.Tx]) (current, target int, err error) {
	for _, v := range m.AllVersions() {
		target = max(target, v.Version)
	}
	made, err := s.engine.hasTable(ctx, s.writer, "river_migration")
	if err == nil && made {
		err = s.writer.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM river_migration`).Scan(&current)
	}
	return current, target, err
}
