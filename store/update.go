package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// togetherFor is how long a transaction takes in changes that wait, each of which
// the first one's caller waits for too. What is written in that time is on disk by
// one flush instead of many.
const togetherFor = 10 * time.Millisecond

// Update runs do in the one write transaction; what it did is on disk when nil
// is returned. do may run again when another program held the database, or the
// connection was lost, so it changes nothing but the Tx; it must not call Update
// or View itself.
//
// Changes that wait for each other share a transaction, each within a savepoint:
// one that fails is undone alone, and all the others are made.
func (s *Store) Update(ctx context.Context, do func(*Tx) error) error {
	alone := false
	return s.repeat(ctx, func() error {
		err := s.change(ctx, do, alone)
		var undone *undoneError
		if errors.As(err, &undone) {
			// By somebody else's fault, so not again in company.
			alone = true
			err = s.change(ctx, do, alone)
		}
		return err
	}, func() bool { return true })
}

// change makes one change in its turn.
func (s *Store) change(ctx context.Context, do func(*Tx) error, alone bool) error {
	b, err := s.turns.wait(ctx, alone)
	if err != nil {
		return err
	}
	if b == nil {
		if b, err = s.begin(ctx); err != nil {
			s.turns.end()
			return err
		}
	}
	made := false
	defer func() {
		if !made { // do panicked, or ended its goroutine
			s.close(b, errors.New("another change in the same transaction broke off"))
		}
	}()
	err = b.make(ctx, s, do)
	made = true
	switch {
	case b.broken != nil, b.changes == 0:
		s.close(b, b.broken)
		return err
	case !alone && time.Since(b.began) < togetherFor && s.turns.pass(b):
	default:
		s.commit(ctx, b)
	}
	if err != nil {
		return err // it is undone, whatever becomes of the others
	}
	<-b.done
	return b.err
}

// begin starts a transaction. Only the wait for the connection ends with ctx: the
// transaction belongs to all who will be in it.
func (s *Store) begin(ctx context.Context) (*batch, error) {
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &batch{conn: conn, tx: tx, began: time.Now(), done: make(chan struct{}), wakes: map[string]bool{}}, nil
}

// commit ends a transaction for good, and wakes who has work by it.
func (s *Store) commit(ctx context.Context, b *batch) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitAnswer)
	defer cancel()
	b.err = s.engine.commit(ctx, s, b.tx)
	s.leave(b)
	if b.err == nil {
		for queue := range b.wakes {
			s.bell.ring(queue)
		}
	}
}

// close ends a transaction without a change; those who had made one are told to
// make it again.
func (s *Store) close(b *batch, cause error) {
	b.err = &undoneError{cause}
	s.leave(b)
}

func (s *Store) leave(b *batch) {
	// After a commit this does nothing; otherwise the error that led here is the
	// one to tell. The connection goes back to the pool, or is thrown away.
	_ = b.tx.Rollback()
	_ = b.conn.Close()
	close(b.done)
	s.turns.end()
}

// undoneError tells that a change was undone with the transaction that it shared.
type undoneError struct{ cause error }

func (u *undoneError) Error() string { return fmt.Sprintf("undone with another change: %v", u.cause) }
func (u *undoneError) Unwrap() error { return u.cause }

// batch is a transaction that goes from hand to hand: only who has it touches it,
// and done closes when err is known.
type batch struct {
	conn    *sql.Conn
	tx      *sql.Tx
	began   time.Time
	changes int             // that were made and stand
	wakes   map[string]bool // the queues in which they put work
	broken  error           // why nothing can be done in it any more
	done    chan struct{}
	err     error
}

// make runs one change. An error means that it is undone, and where the
// transaction is broken, that all are.
func (b *batch) make(ctx context.Context, s *Store, do func(*Tx) error) error {
	first := b.changes == 0
	if !first {
		if b.broken = b.exec(ctx, `SAVEPOINT one_change`); b.broken != nil {
			return b.broken
		}
	}
	t := &Tx{ctx: ctx, tx: b.tx, s: s}
	err := do(t)
	if err == nil {
		err = t.enqueue()
	}
	if err == nil {
		err = ctx.Err()
	}
	switch {
	case err != nil && first:
		return err // with the transaction, which holds nothing else
	case err != nil:
		b.broken = b.exec(ctx, `ROLLBACK TO one_change`, `RELEASE one_change`)
		return errors.Join(err, b.broken)
	case !first:
		b.broken = b.exec(ctx, `RELEASE one_change`)
	}
	b.changes++
	for queue := range t.wakes {
		b.wakes[queue] = true
	}
	return b.broken
}

// exec runs statements of the batch itself, which end with nobody's context.
func (b *batch) exec(ctx context.Context, statements ...string) error {
	for _, text := range statements {
		if _, err := b.tx.ExecContext(context.WithoutCancel(ctx), text); err != nil {
			return err
		}
	}
	return nil
}

// turns is the line of those who wait to write. The zero value is a line in which
// nobody stands.
type turns struct {
	mu      sync.Mutex
	taken   bool
	waiting []*turn
}

// turn is one who waits: it is given a transaction to go on with, or nil for one
// of its own.
type turn struct {
	alone bool
	next  chan *batch
}

// wait returns when it is the caller's turn, with the transaction that it shares.
func (l *turns) wait(ctx context.Context, alone bool) (*batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	if !l.taken {
		l.taken = true
		l.mu.Unlock()
		return nil, nil
	}
	t := &turn{alone: alone, next: make(chan *batch, 1)}
	l.waiting = append(l.waiting, t)
	l.mu.Unlock()
	select {
	case b := <-t.next:
		return b, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, other := range l.waiting {
		if other == t {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return nil, ctx.Err()
		}
	}
	return <-t.next, nil // its turn came in the same moment, and somebody counts on it
}

// pass hands the transaction to the next in line; false where nobody takes it.
func (l *turns) pass(b *batch) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 || l.waiting[0].alone {
		return false
	}
	l.call(b)
	return true
}

// end lets the next in line begin anew.
func (l *turns) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.taken = false
		return
	}
	l.call(nil)
}

func (l *turns) call(b *batch) {
	first := l.waiting[0]
	l.waiting = l.waiting[1:]
	first.next <- b
}
