package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Workers are what rows are worked by. Each is given the id of a row and reads
// the rest itself. nil ends the job; an error that says RetryAfter has it worked
// again after that time, any other after 1 s, doubling to 5 min, each with
// jitter. A day after it was queued a message that still fails is dropped, and the
// row stays as it is; a look is tried for as long as its row is there, since the
// looks that follow hang on it. A worker may be called again for a row that it
// has finished, where the process died before that was noted.
type Workers struct {
	Deliver func(ctx context.Context, deliveryID string) error // ends within a minute
	Look    func(ctx context.Context, requestID string) error  // may take hours: a polite look at a silent host does
}

const (
	// maxLooks and maxUrgent are how many looks of the schedule, and how many that
	// somebody waits for, are in the hands of their worker. It decides how many of them
	// run at a time and in which order; a thousand is more than those are that can do
	// nothing but wait for each other.
	maxLooks, maxUrgent = 1000, 250
	// maxDeliveries is how many messages are in the hands of their worker at a time,
	// over all channels. It says which channel has enough of them, and has a few wait.
	maxDeliveries  = 256
	deliverTimeout = time.Minute
	// rescueAfter is when River takes back a delivery that ignores its timeout;
	// looks, having none, are taken back only where nobody has them (inhand.go).
	rescueAfter = 2 * deliverTimeout
	giveUpAfter = 24 * time.Hour
	// fetchCooldown is how close two fetches may be.
	fetchCooldown = 5 * time.Millisecond
	// fetchPollInterval is how late a look is at most that was due at a time of its
	// own, and with it what a server costs that has nothing to do. What is due at
	// once waits for none of it: the bell rings.
	fetchPollInterval = time.Second
	// softStop is how long a message on its way may take to arrive when the
	// program ends; one that is cut off may arrive twice.
	softStop = 5 * time.Second
	// keepFinished is how long finished jobs stay for somebody who looks into the
	// database. The rows stay longer.
	keepFinished = time.Hour
)

// RetryAfter returns an error by which a worker asks to be called again after d.
// Any error with a method "RetryAfter() time.Duration" does the same.
func RetryAfter(d time.Duration, err error) error { return &retryAfter{after: d, err: err} }

type retryAfter struct {
	after time.Duration
	err   error
}

func (r *retryAfter) Error() string             { return fmt.Sprintf("again in %s: %v", r.after, r.err) }
func (r *retryAfter) Unwrap() error             { return r.err }
func (r *retryAfter) RetryAfter() time.Duration { return r.after }

// Work calls the workers for the rows that wait, until ctx ends and all is
// quiet: looks are cancelled then, messages on their way get 5 s. It begins with
// what a process that died was working at. One Work runs at a time.
func (s *Store) Work(ctx context.Context, w Workers) error {
	if !s.working.TryLock() {
		return errors.New("store: Work is running already")
	}
	defer s.working.Unlock()
	if err := s.Update(ctx, (*Tx).takeBack); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	var hand inHand
	client, err := s.newWorker(ctx, w, &hand)
	if err != nil {
		return fmt.Errorf("prepare the job queue: %w", err)
	}
	if err := client.Start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return s.failure(fmt.Errorf("start the job queue: %w", err))
	}
	s.findLost(ctx, &hand)
	<-client.Stopped()
	return nil
}

func (s *Store) newWorker(ctx context.Context, w Workers, hand *inHand) (*river.Client[*sql.Tx], error) {
	workers := river.NewWorkers()
	err := errors.Join(
		river.AddWorkerSafely(workers, &deliverer{store: s, do: w.Deliver, hand: hand}),
		river.AddWorkerSafely(workers, &looker{store: s, do: w.Look, hand: hand, until: ctx}))
	if err != nil {
		return nil, err
	}
	return river.NewClient(s.jobs(s.engine.workers(s)), &river.Config{
		Logger: warnings(s.log),
		Queues: map[string]river.QueueConfig{
			deliverKind: {MaxWorkers: maxDeliveries},
			lookKind:    {MaxWorkers: maxLooks},
			urgentQueue: {MaxWorkers: maxUrgent},
		},
		Workers:                     workers,
		FetchCooldown:               fetchCooldown,
		FetchPollInterval:           fetchPollInterval,
		RescueStuckJobsAfter:        rescueAfter,
		SoftStopTimeout:             softStop,
		CompletedJobRetentionPeriod: keepFinished,
		CancelledJobRetentionPeriod: keepFinished,
	})
}

type deliverer struct {
	river.WorkerDefaults[deliverJob]
	store *Store
	do    func(context.Context, string) error
	hand  *inHand
}

func (d *deliverer) Timeout(*river.Job[deliverJob]) time.Duration { return deliverTimeout }

func (d *deliverer) NextRetry(job *river.Job[deliverJob]) time.Time { return nextRetry(job.JobRow) }

func (d *deliverer) Work(ctx context.Context, job *river.Job[deliverJob]) error {
	defer d.hand.take(job.ID)()
	err := d.do(ctx, job.Args.ID)
	tooOld := time.Since(job.CreatedAt) > giveUpAfter
	return d.store.outcome(ctx, job.JobRow, err, tooOld, func(tx *Tx) error {
		_, err := tx.Delivery(job.Args.ID)
		return err
	})
}

type looker struct {
	river.WorkerDefaults[lookJob]
	store *Store
	do    func(context.Context, string) error
	hand  *inHand
	until context.Context // Work's own: a look is cut off at once when it ends
}

func (l *looker) Timeout(*river.Job[lookJob]) time.Duration { return -1 }

func (l *looker) NextRetry(job *river.Job[lookJob]) time.Time { return nextRetry(job.JobRow) }

func (l *looker) Work(ctx context.Context, job *river.Job[lookJob]) error {
	defer l.hand.take(job.ID)()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.until, cancel)()
	err := l.do(ctx, job.Args.ID)
	if err != nil && l.until.Err() != nil {
		return river.JobSnooze(0) // the next start goes on with it
	}
	return l.store.outcome(ctx, job.JobRow, err, false, func(tx *Tx) error {
		_, err := tx.Request(job.Args.ID)
		return err
	})
}

// errAgain stands in River's tables for what went wrong: errors can name a
// webhook's secret address, and are told by who worked the row.
var errAgain = errors.New("failed; the row says why")

// outcome says to River what becomes of the job; one that is too old is not
// tried again.
func (s *Store) outcome(ctx context.Context, job *rivertype.JobRow, err error, tooOld bool, row func(*Tx) error) error {
	var later interface{ RetryAfter() time.Duration }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return ctx.Err() // the program ends: River gives the job back unharmed
	case isNotFound(err) && isNotFound(s.View(ctx, row)):
		return river.JobCancel(errors.New("the row was removed"))
	case tooOld:
		s.log.Warn("given up", "kind", job.Kind, "job", job.ID, "attempts", job.Attempt)
		return river.JobCancel(errAgain)
	case errors.As(err, &later):
		return river.JobSnooze(min(max(later.RetryAfter(), 0), giveUpAfter))
	}
	return errAgain
}

// nextRetry is 1 s after the first failure, doubling to 5 min, give or take a
// fifth so that what failed together does not come back together.
func nextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(backoff(job.Attempt, rand.Float64()))
}

// backoff takes a fraction from 0 to 1 as the jitter.
func backoff(attempt int, fraction float64) time.Duration {
	const first, longest = time.Second, 5 * time.Minute
	d := longest
	if attempt < 10 { // 2^9 s is past the longest
		d = min(first<<max(attempt-1, 0), longest)
	}
	return time.Duration(float64(d) * (0.8 + 0.4*fraction))
}
