package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/portvigil/portvigil"
)

// workSuite is what Work has to do alike on every database.
func workSuite(t *testing.T, db database) {
	for name, test := range map[string]func(*testing.T, database){
		"a delivery wakes its worker once when it is committed": testADeliveryWakesItsWorkerOnceWhenItIsCommitted,
		"a failed delivery comes again":                         testAFailedDeliveryComesAgain,
		"a panicking worker is told and tried again":            testAPanickingWorkerIsToldAndTriedAgain,
		"a job that failed for a day is given up":               testAJobThatFailedForADayIsGivenUp,
		"a look is tried for as long as its row is there":       testALookIsTriedForAsLongAsItsRowIsThere,
		"a row that went while it was worked ends its job":      testARowThatWentWhileItWasWorkedEndsItsJob,
		"a look wakes its worker when it is due":                testALookWakesItsWorkerWhenItIsDue,
		"looks that somebody waits for come past the others":    testLooksThatSomebodyWaitsForComePastTheOthers,
		"a look that is moved wakes its worker then":            testALookThatIsMovedWakesItsWorkerThen,
		"what a dead process was doing is done by the next":     testWhatADeadProcessWasDoingIsDoneByTheNext,
		"rows without a job get one":                            testRowsWithoutAJobGetOne,
		"a job that nobody has is worked again":                 testAJobThatNobodyHasIsWorkedAgain,
		"the end cuts looks off and lets messages arrive":       testTheEndCutsLooksOffAndLetsMessagesArrive,
		"only one work runs at a time":                          testOnlyOneWorkRunsAtATime,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, db)
		})
	}
}

// yesterday is more than a day ago, as both databases write a time.
func yesterday() string { return time.Now().UTC().Add(-25 * time.Hour).Format(time.DateTime) }

// call is one call of a worker, answered by the test.
type call struct {
	id     string
	time   time.Time
	ctx    context.Context
	answer chan error
}

// desk is Workers whose every call goes through the test.
type desk struct{ deliver, look chan call }

func newDesk() *desk { return &desk{make(chan call), make(chan call)} }

func (d *desk) workers() Workers {
	through := func(calls chan call) func(context.Context, string) error {
		return func(ctx context.Context, id string) error {
			c := call{id, time.Now(), ctx, make(chan error, 1)}
			select {
			case calls <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case err := <-c.answer:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return Workers{Deliver: through(d.deliver), Look: through(d.look)}
}

// work runs Work until the test ends or stop is called, which returns its error.
func work(t *testing.T, s *Store, w Workers) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var err error
	go func() {
		defer close(done)
		err = s.Work(ctx, w)
	}()
	stop = func() error {
		cancel()
		<-done
		return err
	}
	t.Cleanup(func() { _ = stop() }) // before the store is closed
	return stop
}

// next waits for a call; 20 s is far more than any test's wait, on a busy machine too.
func next(t *testing.T, calls chan call) call {
	t.Helper()
	select {
	case c := <-calls:
		return c
	case <-time.After(20 * time.Second):
		t.Fatal("no worker was called")
		return call{}
	}
}

func add(t *testing.T, s *Store, d portvigil.Delivery) {
	t.Helper()
	update(t, s, func(tx *Tx) error { return tx.AddDelivery(d) })
}

// finished waits until no job of the kind is left to do, by the store's own
// tables, and returns how the jobs ended.
func finished(t *testing.T, s *Store, kind string) []string {
	t.Helper()
	deadline := time.After(20 * time.Second)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		var states []string
		view(t, s, func(tx *Tx) error {
			return tx.each(func(row *sql.Rows) error {
				var state string
				err := row.Scan(&state)
				states = append(states, state)
				return err
			}, `SELECT state FROM river_job WHERE kind = ? ORDER BY id`, kind)
		})
		if !slices.ContainsFunc(states, func(s string) bool {
			return slices.Contains([]string{"available", "running", "retryable", "scheduled"}, s)
		}) {
			return states
		}
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("jobs never ended: %v", states)
		}
	}
}

func testADeliveryWakesItsWorkerOnceWhenItIsCommitted(t *testing.T, db database) {
	s, d := db.open(t, Options{}), newDesk()
	early := delivery("a", 0)
	add(t, s, early) // before Work: it waits
	stop := work(t, s, d.workers())
	first := next(t, d.deliver)
	first.answer <- nil
	if first.id != early.ID {
		t.Errorf("got %s, want %s", first.id, early.ID)
	}
	err := s.Update(t.Context(), func(tx *Tx) error { return undone(tx.AddDelivery(delivery("a", 1))) })
	if !errors.Is(err, errUndo) {
		t.Fatal(err)
	}
	later := delivery("a", 2)
	add(t, s, later)
	second := next(t, d.deliver)
	second.answer <- nil
	if second.id != later.ID {
		t.Errorf("got %s, want %s", second.id, later.ID)
	}
	same(t, finished(t, s, deliverKind), []string{"completed", "completed"})
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func testAFailedDeliveryComesAgain(t *testing.T, db database) {
	for name, test := range map[string]struct {
		err      error
		from, to time.Duration
	}{
		"after about a second":                      {errors.New("no answer"), 700 * time.Millisecond, 10 * time.Second},
		"when the receiver said":                    {RetryAfter(30*time.Millisecond, errors.New("429")), 25 * time.Millisecond, 10 * time.Second},
		"when an error of another room says it too": {errors.Join(again(0)), 0, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, d := db.open(t, Options{}), newDesk()
			work(t, s, d.workers())
			want := delivery("a", 0)
			add(t, s, want)
			first := next(t, d.deliver)
			failed := time.Now()
			first.answer <- test.err
			second := next(t, d.deliver)
			second.answer <- nil
			if wait := second.time.Sub(failed); second.id != want.ID || wait < test.from || wait > test.to {
				t.Errorf("got %s after %s, want %s after %s to %s", second.id, wait, want.ID, test.from, test.to)
			}
			same(t, finished(t, s, deliverKind), []string{"completed"})
		})
	}
}

type again time.Duration

func (again) Error() string               { return "busy" }
func (a again) RetryAfter() time.Duration { return time.Duration(a) }

func testAPanickingWorkerIsToldAndTriedAgain(t *testing.T, db database) {
	told := make(chan string, 10)
	s := db.open(t, Options{Logger: slog.New(logTo(told))})
	calls := make(chan int, 10)
	n := 0
	work(t, s, Workers{Deliver: func(context.Context, string) error {
		n++
		calls <- n
		if n == 1 {
			panic("index out of range")
		}
		return nil
	}})
	add(t, s, delivery("a", 0))
	for want := range 2 {
		if got := <-calls; got != want+1 {
			t.Errorf("got call %d, want %d", got, want+1)
		}
	}
	if got := <-told; !strings.Contains(got, "panic") {
		t.Errorf("got %q in the log, want the panic", got)
	}
}

// logTo is a handler that keeps what is logged at Error.
type logTo chan string

func (logTo) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (l logTo) WithAttrs([]slog.Attr) slog.Handler             { return l }
func (l logTo) WithGroup(string) slog.Handler                  { return l }
func (l logTo) Handle(_ context.Context, r slog.Record) error {
	l <- r.Message
	return nil
}

func testAJobThatFailedForADayIsGivenUp(t *testing.T, db database) {
	s, d := db.open(t, Options{}), newDesk()
	want := delivery("a", 0)
	add(t, s, want)
	update(t, s, func(tx *Tx) error {
		_, err := tx.exec(`UPDATE river_job SET created_at = '` + yesterday() + `'`)
		return err
	})
	work(t, s, d.workers())
	c := next(t, d.deliver)
	c.answer <- RetryAfter(time.Hour, errors.New("no answer"))
	same(t, finished(t, s, deliverKind), []string{"cancelled"})
	view(t, s, func(tx *Tx) error {
		got, err := tx.Delivery(want.ID)
		same(t, got, want)
		return err
	})
}

func testALookIsTriedForAsLongAsItsRowIsThere(t *testing.T, db database) {
	s, d := db.open(t, Options{}), newDesk()
	h := addHost(t, s, "db1")
	// A look of the schedule has waited for a day when it is first tried.
	update(t, s, func(tx *Tx) error {
		err := tx.AddRequest(request(h, 0))
		_, err2 := tx.exec(`UPDATE river_job SET created_at = '` + yesterday() + `'`)
		return errors.Join(err, err2)
	})
	work(t, s, d.workers())
	for _, failure := range []error{RetryAfter(0, errors.New("the host is taken")), errors.New("the disk is full"), nil} {
		c := next(t, d.look)
		c.answer <- failure
	}
	same(t, finished(t, s, lookKind), []string{"completed"})
}

func testARowThatWentWhileItWasWorkedEndsItsJob(t *testing.T, db database) {
	s, d := db.open(t, Options{}), newDesk()
	ch := channel("a")
	update(t, s, func(tx *Tx) error { return errors.Join(tx.PutChannel(ch), tx.AddDelivery(delivery("a", 0))) })
	work(t, s, d.workers())
	c := next(t, d.deliver)
	update(t, s, func(tx *Tx) error { return tx.RemoveChannel(ch.ID) })
	c.answer <- portvigil.Errorf(portvigil.CodeNotFound, "there is no delivery")
	same(t, finished(t, s, deliverKind), []string{"cancelled"})
}

func testALookWakesItsWorkerWhenItIsDue(t *testing.T, db database) {
	// The store's clock says when; the wall's only how long that is.
	s := db.open(t, Options{Clock: func() time.Time { return at(0) }})
	d := newDesk()
	work(t, s, d.workers())
	h := addHost(t, s, "db1")
	soon, now, never := request(h, 0), request(h, -5), request(h, 600)
	soon.Due = at(0).Add(300 * time.Millisecond)
	begun := time.Now()
	update(t, s, func(tx *Tx) error { return errors.Join(tx.AddRequest(soon), tx.AddRequest(never), tx.AddRequest(now)) })
	called := map[string]time.Duration{}
	for range 2 { // in either order where the machine was too busy to see the first in time
		c := next(t, d.look)
		c.answer <- nil
		called[c.id] = c.time.Sub(begun)
	}
	_, there := called[now.ID]
	if wait := called[soon.ID]; !there || wait < 290*time.Millisecond {
		t.Errorf("got %v; want %s, and %s after 300ms", called, now.ID, soon.ID)
	}
}

// Every place is taken by looks that do not end; when Work ends it gives them
// back within the time that a server has to stop.
func testLooksThatSomebodyWaitsForComePastTheOthers(t *testing.T, db database) {
	s := db.open(t, Options{})
	h := addHost(t, s, "db1")
	update(t, s, func(tx *Tx) error {
		for range maxLooks + 10 {
			if err := tx.AddRequest(request(h, 0)); err != nil {
				return err
			}
		}
		return nil
	})
	var looks atomic.Int32
	full := make(chan struct{})
	urgent, joined := request(h, 0), request(h, 0)
	urgent.Urgent = true
	came := make(chan string, 4)
	stop := work(t, s, Workers{Look: func(ctx context.Context, id string) error {
		if id == urgent.ID || id == joined.ID {
			came <- id
			return nil
		}
		if looks.Add(1) == maxLooks {
			close(full)
		}
		<-ctx.Done()
		return ctx.Err()
	}})
	select {
	case <-full:
	case <-time.After(time.Minute):
		t.Fatalf("%d looks were begun, want %d", looks.Load(), maxLooks)
	}
	update(t, s, func(tx *Tx) error { return errors.Join(tx.AddRequest(urgent), tx.AddRequest(joined)) })
	if id := <-came; id != urgent.ID {
		t.Errorf("%s came, want %s", id, urgent.ID)
	}
	joined.Urgent = true // it waits behind the others, until somebody wants to know
	update(t, s, func(tx *Tx) error { return tx.WakeRequest(joined) })
	if id := <-came; id != joined.ID {
		t.Errorf("%s came, want %s", id, joined.ID)
	}
	begun := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	t.Logf("%d looks were given back in %s", maxLooks, time.Since(begun).Round(time.Millisecond))
	if n := jobs(t, s, lookKind+`' AND state = 'available`); n != maxLooks+11 {
		t.Errorf("%d looks go on at the next start, want %d", n, maxLooks+11)
	}
}

func testALookThatIsMovedWakesItsWorkerThen(t *testing.T, db database) {
	s, d := db.open(t, Options{}), newDesk()
	h := addHost(t, s, "db1")
	r := request(h, 0)
	r.Due = time.Now().Add(100 * time.Hour)
	update(t, s, func(tx *Tx) error { return tx.AddRequest(r) })
	work(t, s, d.workers())
	r.Due = time.Now()
	update(t, s, func(tx *Tx) error { return tx.WakeRequest(r) })
	c := next(t, d.look)
	c.answer <- nil
	if c.id != r.ID {
		t.Errorf("got %s, want %s", c.id, r.ID)
	}
}

func testWhatADeadProcessWasDoingIsDoneByTheNext(t *testing.T, db database) {
	dying, d := db.open(t, Options{}), newDesk()
	h := addHost(t, dying, "db1")
	r, m := request(h, 0), delivery("a", 0)
	update(t, dying, func(tx *Tx) error { return errors.Join(tx.AddRequest(r), tx.AddDelivery(m)) })
	work(t, dying, d.workers())
	_, _ = next(t, d.deliver), next(t, d.look) // both run, and never end

	s, after := db.crash(t, dying), newDesk()
	begun := time.Now()
	work(t, s, after.workers())
	message, look := next(t, after.deliver), next(t, after.look)
	message.answer <- nil
	look.answer <- nil
	if message.id != m.ID || look.id != r.ID {
		t.Errorf("got %s and %s, want %s and %s", message.id, look.id, m.ID, r.ID)
	}
	// River alone would take an hour; 10 s leaves room for a busy machine.
	if waited := look.time.Sub(begun); waited > 10*time.Second {
		t.Errorf("took %s", waited)
	}
}

func testRowsWithoutAJobGetOne(t *testing.T, db database) {
	s, d := db.open(t, Options{}), newDesk()
	h := addHost(t, s, "db1")
	sent, queued, wanted, done := delivery("a", 0), delivery("a", 1), request(h, 0), request(h, 1)
	sent.State, done.State = portvigil.DeliverySent, portvigil.LookDone
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.AddDelivery(sent), tx.AddDelivery(queued), tx.AddRequest(wanted), tx.AddRequest(done))
	})
	update(t, s, func(tx *Tx) error { _, err := tx.exec(`DELETE FROM river_job`); return err })
	work(t, s, d.workers())
	message, look := next(t, d.deliver), next(t, d.look)
	if message.id != queued.ID || look.id != wanted.ID {
		t.Errorf("got %s and %s, want %s and %s", message.id, look.id, queued.ID, wanted.ID)
	}
	message.answer <- nil
	look.answer <- nil
	same(t, finished(t, s, deliverKind), []string{"completed"})
	same(t, finished(t, s, lookKind), []string{"completed"})
}

// testAJobThatNobodyHasIsWorkedAgain is what a database leaves that crashed, or was
// away for long: the job's row says that it runs.
func testAJobThatNobodyHasIsWorkedAgain(t *testing.T, db database) {
	s, d := db.open(t, Options{}), newDesk()
	work(t, s, d.workers())
	add(t, s, delivery("lost", 1))
	next(t, d.deliver).answer <- nil
	finished(t, s, deliverKind)
	add(t, s, delivery("had", 2))
	had := next(t, d.deliver)
	update(t, s, func(tx *Tx) error {
		_, err := tx.exec(`UPDATE river_job SET state = 'running', finalized_at = NULL WHERE state = 'completed'`)
		return err
	})
	if again := next(t, d.deliver); again.id == had.id {
		t.Error("a job was worked again that somebody has")
	} else {
		again.answer <- nil
	}
	had.answer <- nil
	if states := finished(t, s, deliverKind); len(states) != 2 {
		t.Errorf("got %v, want two jobs that ended", states)
	}
}

func testTheEndCutsLooksOffAndLetsMessagesArrive(t *testing.T, db database) {
	s, d := db.open(t, Options{}), newDesk()
	h := addHost(t, s, "db1")
	update(t, s, func(tx *Tx) error { return errors.Join(tx.AddRequest(request(h, 0)), tx.AddDelivery(delivery("a", 0))) })
	stop := work(t, s, d.workers())
	message, look := next(t, d.deliver), next(t, d.look)
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	<-look.ctx.Done()
	if err := message.ctx.Err(); err != nil {
		t.Errorf("the message was cut off: %v", err)
	}
	message.answer <- nil
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := jobs(t, s, lookKind+`' AND state = 'available`); n != 1 {
		t.Errorf("got %d looks that go on at the next start, want 1", n)
	}
	if n := jobs(t, s, deliverKind+`' AND state = 'completed`); n != 1 {
		t.Errorf("got %d messages that arrived, want 1", n)
	}
}

func testOnlyOneWorkRunsAtATime(t *testing.T, db database) {
	s, d := db.open(t, Options{}), newDesk()
	add(t, s, delivery("a", 0))
	work(t, s, d.workers())
	c := next(t, d.deliver)
	if err := s.Work(t.Context(), d.workers()); err == nil {
		t.Error("a second Work ran")
	}
	c.answer <- nil
}

func TestBackoffDoublesFromOneSecondToFiveMinutes(t *testing.T) {
	t.Parallel()
	for attempt, want := range map[int]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: 256 * time.Second,
		10: 5 * time.Minute, 11: 5 * time.Minute, 1 << 40: 5 * time.Minute,
	} {
		low, high := backoff(attempt, 0), backoff(attempt, 1)
		if low != want*8/10 || high != want*12/10 {
			t.Errorf("attempt %d: got %s to %s, want %s give or take a fifth", attempt, low, high, want)
		}
	}
	job := &rivertype.JobRow{Attempt: 1}
	if wait := time.Until(nextRetry(job)); wait < 700*time.Millisecond || wait > 1200*time.Millisecond {
		t.Errorf("got %s", wait)
	}
}

// BenchmarkWake measures from a committed delivery to its worker.
func BenchmarkWake(b *testing.B) {
	s, err := Open(b.Context(), b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	called := make(chan struct{})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() {
		done <- s.Work(ctx, Workers{Deliver: func(context.Context, string) error {
			called <- struct{}{}
			return nil
		}})
	}()
	for b.Loop() {
		if err := s.Update(b.Context(), func(tx *Tx) error { return tx.AddDelivery(delivery("a", 0)) }); err != nil {
			b.Fatal(err)
		}
		<-called
	}
	b.StopTimer()
	cancel()
	if err := errors.Join(<-done, s.Close()); err != nil {
		b.Fatal(err)
	}
}
