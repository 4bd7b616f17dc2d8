package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/portvigil/portvigil"
)

// The codes that matter here
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
const (
	uniqueViolation      = "23505"
	foreignKeyViolation  = "23503"
	readOnlyTransaction  = "25006"
	serializationFailure = "40001"
	deadlock             = "40P01"
	insufficientRights   = "42501"
	diskIsFull           = "53100"
	tooManyConnections   = "53300"
	lockNotAvailable     = "55P03"
	noSuchDatabase       = "3D000"
	noSuchSchema         = "3F000" // what current_schema() gives where there is none
)

// stateOf returns PostgreSQL's code, "" where the error is not told by it.
func stateOf(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func (p *postgres) isDuplicate(err error) bool { return stateOf(err) == uniqueViolation }

func (p *postgres) isOrphan(err error) bool { return stateOf(err) == foreignKeyViolation }

// lost is whether the connection is gone, or none could be made: class 08, and
// of class 57 a server that shuts down, crashed or starts.
func lost(err error) bool {
	switch state := stateOf(err); {
	case state == tooManyConnections, strings.HasPrefix(state, "08"), strings.HasPrefix(state, "57P"):
		return true
	case state != "":
		return false
	}
	if ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded); ended {
		return unconnected(err) // it was ours to end, but for the time that connecting has
	}
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.As(err, &network) || errors.Is(err, net.ErrClosed) || unconnected(err) || pgconn.SafeToRetry(err)
}

func unconnected(err error) bool {
	var e *pgconn.ConnectError
	return errors.As(err, &e)
}

// again: a restart takes a second or two, a machine that takes over ten.
func (p *postgres) again(err error, tries int) (time.Duration, bool) {
	const first, longest, attempts = 50 * time.Millisecond, time.Second, 15 // 12 s in all
	switch state := stateOf(err); {
	case err == nil:
		return 0, false
	case state == serializationFailure, state == deadlock:
		return 0, tries < 3
	case lost(err):
		return min(first<<min(tries-1, 10), longest), tries < attempts
	}
	return 0, false
}

func (p *postgres) fault(err error) (told error, known bool) {
	if err == nil {
		return nil, false
	}
	state := stateOf(err)
	if state == "" && !lost(err) {
		return nil, false
	}
	what, hint := p.advice(err, state)
	if what == "" {
		return nil, true
	}
	return portvigil.Errorf(portvigil.CodeUnavailable, "the %s %s", p.name(), what).WithHint("%s", hint), true
}

// advice says what is the matter with the database, and the next step.
func (p *postgres) advice(err error, state string) (what, hint string) {
	user := portvigil.Printable(p.config.User)
	switch {
	case strings.HasPrefix(state, "28"):
		return "does not let user " + user + " in", "give the password in PGPASSWORD or a file named by PGPASSFILE, and see pg_hba.conf"
	case state == noSuchDatabase:
		return "is not there", "make it with: createdb " + portvigil.Printable(p.config.Database)
	case state == noSuchSchema, state == insufficientRights:
		return "denies user " + user + " what it needs", "make that user the owner of a database of its own"
	case state == readOnlyTransaction:
		return "is read-only", "name the primary server: this may be a standby"
	case state == diskIsFull:
		return "has a full disk", "free some space; nothing was changed"
	case state == lockNotAvailable:
		return "is held by another program", "pg_stat_activity names it; end it and try again"
	case state == tooManyConnections:
		return "has no connection left", "raise max_connections: portvigil takes up to 10"
	case lost(err):
		return "does not answer", "start it, or see with psql whether it can be reached; what was committed is safe"
	}
	return "", ""
}
