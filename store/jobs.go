package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"

	"github.com/portvigil/portvigil"
)

// A job only wakes: it holds the id of the row that says what to do. Each kind
// has a queue of its own name, so that long looks never hold up a message, and
// looks that somebody waits for have another one, so that however many the
// schedule wants never hold up these.
const (
	deliverKind = "deliver"
	lookKind    = "look"
	urgentQueue = "look-urgent"
)

type deliverJob struct {
	ID string `json:"id"`
}

func (deliverJob) Kind() string { return deliverKind }

type lookJob struct {
	ID string `json:"id"`
}

func (lookJob) Kind() string { return lookKind }

// maxAttempts is never reached: age ends a job, not a count.
const maxAttempts = 10_000

// newInserter returns the client that inserts jobs in our transactions.
func (s *Store) newInserter() (*river.Client[*sql.Tx], error) {
	return river.NewClient(s.jobs(s.writer), &river.Config{Logger: warnings(s.log)})
}

// jobs is River's way to the database.
func (s *Store) jobs(pool *sql.DB) riverdriver.Driver[*sql.Tx] {
	return awakened{s.engine.jobs(pool), s.bell}
}

// enqueueDelivery wakes a worker for the delivery once this is committed.
func (t *Tx) enqueueDelivery(id string) {
	t.addJob(deliverJob{ID: id}, deliverKind, time.Time{})
}

// enqueueLook wakes a worker for the request when it is due by the store's clock.
func (t *Tx) enqueueLook(r portvigil.LookRequest) {
	var at time.Time
	if wait := r.Due.Sub(t.s.clock()); wait > 0 {
		at = time.Now().Add(wait)
	}
	queue := lookKind
	if r.Urgent {
		queue = urgentQueue
	}
	t.addJob(lookJob{ID: r.ID}, queue, at)
}

// addJob notes a job that is worked at the time given, the zero time being now.
func (t *Tx) addJob(args river.JobArgs, queue string, at time.Time) {
	t.jobs = append(t.jobs, river.InsertManyParams{Args: args, InsertOpts: &river.InsertOpts{
		Queue: queue, MaxAttempts: maxAttempts, ScheduledAt: at}})
	if at.IsZero() {
		t.wake(queue)
	}
}

// wake has the workers of the queues look for jobs once this is committed.
func (t *Tx) wake(queues ...string) {
	if t.wakes == nil {
		t.wakes = map[string]bool{}
	}
	for _, queue := range queues {
		t.wakes[queue] = true
	}
}

// enqueue inserts the jobs that were noted: together, since what one insert takes
// is mostly its overhead.
func (t *Tx) enqueue() error {
	if len(t.jobs) == 0 {
		return nil
	}
	if _, err := t.s.queue.InsertManyFastTx(t.ctx, t.tx, t.jobs); err != nil {
		return fmt.Errorf("queue jobs: %w", err)
	}
	later := func(p river.InsertManyParams) bool { return !p.InsertOpts.ScheduledAt.IsZero() }
	if !slices.ContainsFunc(t.jobs, later) {
		return nil
	}
	// River moves scheduled jobs to available every 5 s. Made available at once
	// they are fetched when their time has come, to the fetch interval.
	_, err := t.exec(`UPDATE river_job SET state = 'available' WHERE state = 'scheduled' AND kind = ?`, lookKind)
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
