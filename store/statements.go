package store

import (
	"context"
	"database/sql/driver"
	"errors"
)

// maxStatements bounds what one connection keeps prepared: several times the
// statements that this room and River have, a few KB each.
const maxStatements = 512

// statements is a connector whose connections keep their statements prepared by
// their text. SQLite's connections prepare each query anew, which took three times
// as long as running it; database/sql's own prepared statements serve those who
// hold them, and River's are not ours to hold.
type statements struct{ driver.Connector }

// Connect opens a connection that remembers.
func (s statements) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := c.(connection)
	if !ok {
		return nil, errors.Join(errors.New("the SQLite driver's connections lack a method that is relied upon"), c.Close())
	}
	return &preparedConn{connection: full, idle: map[string]driver.Stmt{}}, nil
}

// connection is all that database/sql asks of a connection of modernc's driver;
// embedding less would hide the rest from it.
type connection interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// preparedConn is one connection with the statements that nobody runs just now.
// As every driver.Conn it is used by one goroutine at a time.
type preparedConn struct {
	connection
	idle map[string]driver.Stmt
}

// Unwrap returns the driver's own connection.
func (c *preparedConn) Unwrap() driver.Conn { return c.connection }

// ExecContext runs a statement.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	st, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	defer c.giveBack(query, st)
	return st.(driver.StmtExecContext).ExecContext(ctx, args)
}

// QueryContext runs a query; its statement is busy until the rows are closed.
func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	st, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := st.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		c.giveBack(query, st)
		return nil, err
	}
	return &preparedRows{Rows: rows, done: func() { c.giveBack(query, st) }}, nil
}

// take returns a statement that nobody runs, and which is the caller's until it
// is given back.
func (c *preparedConn) take(ctx context.Context, query string) (driver.Stmt, error) {
	if st, ok := c.idle[query]; ok {
		delete(c.idle, query)
		return st, nil
	}
	return c.PrepareContext(ctx, query)
}

func (c *preparedConn) giveBack(query string, st driver.Stmt) {
	_, twice := c.idle[query] // it ran inside of itself
	if twice || len(c.idle) >= maxStatements {
		_ = st.Close() // what it could tell, running it told
		return
	}
	c.idle[query] = st
}

// Close ends the statements, without which SQLite keeps the file open, and the
// connection.
func (c *preparedConn) Close() error {
	var errs []error
	for _, st := range c.idle {
		errs = append(errs, st.Close())
	}
	clear(c.idle)
	return errors.Join(append(errs, c.connection.Close())...)
}

// preparedRows gives its statement back when it is closed.
type preparedRows struct {
	driver.Rows
	done func()
}

// Close ends the query.
func (r *preparedRows) Close() error {
	err := r.Rows.Close()
	if r.done != nil {
		r.done()
		r.done = nil
	}
	return err
}
