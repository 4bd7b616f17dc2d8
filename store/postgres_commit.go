package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/portvigil/portvigil"
)

// commitAnswer is how long a commit whose connection was lost is asked after.
const commitAnswer = 15 * time.Second

// commit commits, and where the connection is lost before the answer, asks what
// became of the transaction: run again, it would tell things twice; given up, it
// would lose them.
func (p *postgres) commit(ctx context.Context, s *Store, tx *sql.Tx) error {
	var id sql.NullString // NULL where nothing was written
	if err := tx.QueryRowContext(ctx, `SELECT pg_current_xact_id_if_assigned()::text`).Scan(&id); err != nil {
		return err
	}
	err := tx.Commit()
	if err == nil || !id.Valid || stateOf(err) != "" && !lost(err) {
		return err
	}
	return outcomeOf(ctx, s, id.String, err)
}

// outcomeOf returns nil where the transaction was committed, and the error where
// it was not. It asks even when ctx has ended: the answer is what Update promises.
func outcomeOf(ctx context.Context, s *Store, id string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitAnswer)
	defer cancel()
	for {
		var status sql.NullString
		err := s.readers.QueryRowContext(ctx, `SELECT pg_xact_status($1::text::xid8)`, id).Scan(&status)
		switch {
		case err == nil && status.String == "committed":
			return nil
		case err == nil && status.String == "aborted":
			return cause
		}
		select {
		case <-ctx.Done():
			return portvigil.Errorf(portvigil.CodeUnavailable,
				"the connection to PostgreSQL was lost in the middle of a commit, and whether it was made is not known").
				WithHint("look whether the change is there once PostgreSQL is back, before making it again")
		case <-time.After(100 * time.Millisecond):
		}
	}
}
