package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"time"
)

// lostEvery is how often jobs are looked for that say that they run while nobody
// works at them. One that is not in hand at two of these moments is lost: what
// became of it is written within milliseconds, unless the database is away.
const lostEvery = 5 * time.Second

// inHand are the jobs that a worker of this process has. As one process at a time
// has the database, it knows all that are worked at; a database that crashed may
// have forgotten how far one was, and one that was away for long was not told.
type inHand struct {
	mu   sync.Mutex
	jobs map[int64]bool // guarded by mu
}

// take notes a job until the function that it returns is called.
func (h *inHand) take(id int64) (leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.jobs == nil {
		h.jobs = map[int64]bool{}
	}
	h.jobs[id] = true
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.jobs, id)
	}
}

func (h *inHand) has(id int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.jobs[id]
}

// findLost takes back lost jobs until ctx ends. A database that does not answer is
// asked again the next time; who works with it says so.
func (s *Store) findLost(ctx context.Context, h *inHand) {
	tick := time.NewTicker(lostEvery)
	defer tick.Stop()
	var suspects []int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		suspects = s.takeBackLost(ctx, h, suspects)
	}
}

// takeBackLost makes ready the suspects that still nobody works at, and returns
// the suspects of the next time.
func (s *Store) takeBackLost(ctx context.Context, h *inHand, suspects []int64) (next []int64) {
	var lost []int64
	err := s.View(ctx, func(tx *Tx) error {
		lost, next = nil, nil
		return tx.each(func(row *sql.Rows) error {
			var id int64
			if err := row.Scan(&id); err != nil {
				return err
			}
			switch {
			case h.has(id):
			case slices.Contains(suspects, id):
				lost = append(lost, id)
			default:
				next = append(next, id)
			}
			return nil
		}, `SELECT id FROM river_job WHERE state = 'running'`)
	})
	if err != nil || len(lost) == 0 {
		return next
	}
	err = s.Update(ctx, func(tx *Tx) error {
		for _, id := range lost {
			if _, err := tx.exec(`UPDATE river_job SET state = 'available' WHERE id = ? AND state = 'running'`, id); err != nil {
				return fmt.Errorf("take back lost jobs: %w", err)
			}
		}
		tx.wake(deliverKind, lookKind, urgentQueue)
		return nil
	})
	if err == nil {
		s.log.Warn("jobs whose end was not written are worked again", "jobs", len(lost))
	}
	return next
}
