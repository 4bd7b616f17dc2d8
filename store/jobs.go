package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
)

// A job only wakes: it holds the id of the row that says what to do. Each kind
// has a queue of its own name, so that long looks never hold up a message.
const (
	deliverKind = "deliver"
	lookKind    = "look"
)

type deliverJob struct {
	ID string `json:"id"`
}

func (deliverJob) Kind() string { return deliverKind }

type lookJob struct {
	ID string `json:"id"`
}

func (lookJob) Kind() string { return lookKind }

const (
	// fetchCooldown is how close two fetches may be. Inserts closer than this
	// share a notification.
	fetchCooldown = 5 * time.Millisecond
	// maxAttempts is never reached: age ends a job, not a count.
	maxAttempts = 10_000
)

// newInserter returns the client that inserts jobs in our transactions.
func (s *Store) newInserter() (*river.Client[*sql.Tx], error) {
	driver, _, err := s.engine.jobs(s, false)
	if err != nil {
		return nil, err
	}
	return river.NewClient(driver, &river.Config{
		Logger:        warnings(s.log),
		FetchCooldown: fetchCooldown,
	})
}

func (t *Tx) enqueueDelivery(id string) error {
	_, err := t.s.queue.InsertTx(t.ctx, t.tx, deliverJob{ID: id}, &river.InsertOpts{Queue: deliverKind, MaxAttempts: maxAttempts})
	if err != nil {
		return fmt.Errorf("queue delivery %s: %w", id, err)
	}
	return nil
}

// enqueueLook wakes a worker for the request when it is due by the store's clock.
func (t *Tx) enqueueLook(id string, due time.Time) error {
	opts := &river.InsertOpts{Queue: lookKind, MaxAttempts: maxAttempts}
	wait := due.Sub(t.s.clock())
	if wait > 0 {
		opts.ScheduledAt = time.Now().Add(wait)
	}
	job, err := t.s.queue.InsertTx(t.ctx, t.tx, lookJob{ID: id}, opts)
	if err != nil {
		return fmt.Errorf("queue look request %s: %w", id, err)
	}
	if wait <= 0 {
		return nil
	}
	// River moves scheduled jobs to available every 5 s. Made available at once
	// they are fetched when their time has come, to the fetch interval.
	_, err = t.exec(`UPDATE river_job SET state = 'available' WHERE id = ? AND state = 'scheduled'`, job.Job.ID)
	return err
}

// waiting are the states of a job that nobody works at.
const waiting = `('available', 'pending', 'retryable', 'scheduled')`

// dropJobs removes the waiting jobs of rows that are about to go.
func (t *Tx) dropJobs(kind, ids string, args ...any) error {
	_, err := t.exec(`DELETE FROM river_job WHERE kind = ? AND state IN `+waiting+` AND args ->> 'id' IN (`+ids+`)`,
		append([]any{kind}, args...)...)
	return err
}

// warnings keeps River's own telling of each job's fate out of the log: the rows
// say it, and the rooms that work them log it. What is left are its own troubles
// and workers that panic.
func warnings(log *slog.Logger) *slog.Logger { return slog.New(quiet{log.Handler()}) }

type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
