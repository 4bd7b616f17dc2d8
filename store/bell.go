package store

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/riverqueue/river/riverdriver"
)

// bell wakes the workers of this process the moment that a transaction with work
// for them is committed. One server at a time has a database, so nobody else has
// to hear it; what it misses is found by asking, as after a restart.
type bell struct {
	rung map[string]chan struct{} // by queue; one mark stands for any number
}

func newBell() bell {
	return bell{map[string]chan struct{}{
		deliverKind: make(chan struct{}, 1),
		lookKind:    make(chan struct{}, 1),
		urgentQueue: make(chan struct{}, 1),
	}}
}

func (b bell) ring(queue string) {
	select {
	case b.rung[queue] <- struct{}{}:
	default:
	}
}

// awakened is River's way to the database, with our bell in place of its own:
// on SQLite that is a table which it asks 20 times a second, on PostgreSQL a
// notification that is left out where two transactions insert within the fetch
// cooldown, however much later the second one commits.
type awakened struct {
	riverdriver.Driver[*sql.Tx]
	bell bell
}

// SupportsListener is true: GetListener's.
func (awakened) SupportsListener() bool { return true }

// SupportsListenNotify is false: nothing is written to tell of work.
func (awakened) SupportsListenNotify() bool { return false }

// GetListener returns who hears the bell.
func (a awakened) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return listener(a)
}

// insertTopic is River's name for the news that jobs were inserted.
const insertTopic = "river_insert"

// listener tells River what the bell says. There is nothing to connect to.
type listener awakened

// Connect does nothing, as do the four below.
func (listener) Connect(context.Context) error          { return nil }
func (listener) Close(context.Context) error            { return nil }
func (listener) Listen(context.Context, string) error   { return nil }
func (listener) Unlisten(context.Context, string) error { return nil }
func (listener) Schema() string                         { return "" }
func (listener) SetAfterConnectExec(string)             {}

// Ping is asked for every few seconds: the bell cannot be lost.
func (listener) Ping(context.Context) error { return nil }

// WaitForNotification waits until the bell rings, or ctx ends.
func (l listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	queue := deliverKind
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.bell.rung[deliverKind]:
	case <-l.bell.rung[urgentQueue]:
		queue = urgentQueue
	case <-l.bell.rung[lookKind]:
		queue = lookKind
	}
	return &riverdriver.Notification{Topic: insertTopic, Payload: `{"queue":` + strconv.Quote(queue) + `}`}, nil
}
