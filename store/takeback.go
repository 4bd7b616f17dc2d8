package store

import (
	"database/sql"
	"fmt"
)

// takeBack makes ready what a process that died was working at: the lock on the
// folder says that nobody else works here, so nothing has to wait for a lease
// to run out. Rows that wait without a job get one: the rows are the truth.
func (t *Tx) takeBack() error {
	// A job that is running has become due already.
	if _, err := t.exec(`UPDATE river_job SET state = 'available' WHERE state = 'running'`); err != nil {
		return fmt.Errorf("take back jobs: %w", err)
	}
	// The dead process's turn as River's leader would last 15 s more.
	if _, err := t.exec(`DELETE FROM river_leader`); err != nil {
		return fmt.Errorf("take back jobs: %w", err)
	}
	deliveries, err := t.withoutJob(deliverKind, `SELECT id FROM deliveries WHERE org = ? AND state = 'queued'`)
	if err != nil {
		return err
	}
	for _, id := range deliveries {
		t.enqueueDelivery(id)
	}
	requests, err := t.withoutJob(lookKind, `SELECT id FROM requests WHERE org = ? AND state IN ('wanted', 'running')`)
	if err != nil {
		return err
	}
	for _, id := range requests {
		r, err := t.Request(id)
		if err != nil {
			return err
		}
		t.enqueueLook(r)
	}
	return nil
}

// withoutJob returns those of the rows that no job would wake a worker for.
func (t *Tx) withoutJob(kind, rows string) ([]string, error) {
	var ids []string
	err := t.each(func(row *sql.Rows) error {
		var id string
		if err := row.Scan(&id); err != nil {
			return err
		}
		ids = append(ids, id)
		return nil
	}, rows+` AND id NOT IN (SELECT args ->> 'id' FROM river_job
		WHERE kind = ? AND state IN `+waiting+` AND args ->> 'id' IS NOT NULL) ORDER BY id`, org, kind)
	if err != nil {
		return nil, fmt.Errorf("find rows without a job: %w", err)
	}
	return ids, nil
}
