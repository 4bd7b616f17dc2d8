package watch

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portvigil/portvigil"
)

// queue is a line and the looks in it, by name: "reason host".
type queue struct {
	*testing.T
	line  line
	began []string      // in their order
	due   time.Duration // after dawn
}

// place is the turn of a look that is due a second after the one before.
func (q *queue) place(reason, host string, addresses ...string) *turn {
	q.due += time.Second
	h := portvigil.Host{ID: host, Name: host}
	for _, a := range addresses {
		h.Addresses = append(h.Addresses, portvigil.HostAddress{Address: netip.MustParseAddr(a)})
	}
	view := portvigil.Outside
	if len(addresses) == 0 {
		view = portvigil.Inside
	}
	return turnFor(portvigil.LookRequest{ID: reason + " " + host, HostID: host, View: view, Reason: reason, Due: dawn.Add(q.due)}, h)
}

// enter has a look wait for its turn, and returns why it has to.
func (q *queue) enter(reason, host string, addresses ...string) (why string) {
	why = q.line.join(q.place(reason, host, addresses...))
	q.note()
	return why
}

// note adds what has begun since.
func (q *queue) note() {
	for _, t := range q.line.running {
		if !slices.Contains(q.began, t.id) {
			q.began = append(q.began, t.id)
		}
	}
}

// done ends a look.
func (q *queue) done(name string) {
	q.Helper()
	at := slices.IndexFunc(q.line.running, func(t *turn) bool { return t.id == name })
	if at < 0 {
		q.Fatalf("%s has not begun", name)
	}
	q.line.leave(q.line.running[at])
	q.note()
}

// empty ends what runs until nothing is left.
func (q *queue) empty() {
	q.Helper()
	for len(q.line.running) > 0 {
		q.done(q.line.running[0].id)
	}
	if n := len(q.line.waiting); n > 0 {
		q.Errorf("%d are left behind", n)
	}
}

func at(n int) string { return fmt.Sprintf("203.0.%d.7", n) } // each in a network of its own

func TestNoMoreLooksRunThanAreBearable(t *testing.T) {
	t.Parallel()
	q := &queue{T: t}
	why := ""
	for i := range 50 {
		why = q.enter(reasonSchedule, fmt.Sprint("web", i), at(i))
	}
	if len(q.began) != regularLooks {
		t.Errorf("%d looks run at once, want %d", len(q.began), regularLooks)
	}
	if want := "8 other looks are under way"; why != want || q.line.kept("web49") != want || q.line.keptRequest("schedule web49") != want {
		t.Errorf("the last was told %q, and is kept by %q", why, q.line.kept("web49"))
	}
	if why := q.line.kept("web0"); why != "" {
		t.Errorf("the first runs, and is kept by %q", why)
	}
	q.empty()
}

func TestLooksOfTheScheduleHoldUpNoneThatSomebodyWaitsFor(t *testing.T) {
	t.Parallel()
	q := &queue{T: t}
	for i := range 500 {
		q.enter(reasonSchedule, fmt.Sprint("web", i), fmt.Sprintf("203.0.%d.%d", i%8, i/8))
	}
	for i, reason := range []string{reasonSecond, reasonAsked, reasonInside, reasonShut} {
		if why := q.enter(reason, fmt.Sprint("db", i), at(i)); why != "" {
			t.Errorf("a look for %q was kept waiting: %s", reason, why)
		}
	}
	q.empty()
}

func TestANetworkThatIsBusyHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	q := &queue{T: t}
	why := ""
	for i := range 20 {
		why = q.enter(reasonSchedule, fmt.Sprint("web", i), fmt.Sprintf("203.0.113.%d", i))
	}
	if len(q.began) != regularAtANet || why != "2 other looks at 203.0.113.0/24 are under way" {
		t.Errorf("%d looks run at one network, want %d; the last is kept by %q", len(q.began), regularAtANet, why)
	}
	for i, addresses := range [][]string{{"203.0.114.1"}, {"::ffff:203.0.115.1"}, {"2001:db8::1"}, {"2001:db8:0:1::1"}, {}} {
		if why := q.enter(reasonSchedule, fmt.Sprint("elsewhere", i), addresses...); why != "" {
			t.Errorf("the look at %v waits: %s", addresses, why)
		}
	}
	for _, address := range []string{"203.0.113.99", "::ffff:203.0.113.99"} {
		if q.enter(reasonSchedule, "both "+address, "2001:db8::2", address) == "" {
			t.Errorf("%s is in the busy network", address)
		}
	}
	q.empty()
}

func TestTheMostUrgentGoesFirstAndThenTheOneThatIsDueLongest(t *testing.T) {
	t.Parallel()
	q := &queue{T: t}
	q.enter(reasonSchedule, "a", "203.0.113.1")
	q.enter(reasonSchedule, "b", "203.0.113.2")
	late := q.place(reasonSchedule, "late", "203.0.113.3")
	q.enter(reasonSchedule, "later", "203.0.113.4")
	q.line.join(late) // comes after it, and has been due for longer
	q.enter(reasonFirst, "new", "203.0.113.5")
	q.enter(reasonAsked, "a", "203.0.113.1")
	q.enter(reasonSecond, "a", "203.0.113.1")
	for _, name := range []string{"schedule a", "second sight a", "asked a", "schedule b", "first new", "schedule late"} {
		q.done(name)
	}
	q.empty()
	want := "schedule a, schedule b, second sight a, first new, asked a, schedule late, schedule later"
	if got := strings.Join(q.began, ", "); got != want {
		t.Errorf("began: %s\nwant:  %s", got, want)
	}
}

func TestWhoStopsWaitingLeavesTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &queue{T: t}
		q.enter(reasonSchedule, "a", "203.0.113.1")
		ctx, cancel := context.WithCancel(t.Context())
		told, ended := make(chan string, 1), make(chan error)
		go func() {
			_, err := q.line.enter(ctx, q.place(reasonAsked, "a", "203.0.113.1"), func(why string) { told <- why })
			ended <- err
		}()
		if why := <-told; why != "another look at the host is under way" {
			t.Errorf("it was told %q", why)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) || len(q.line.waiting) > 0 {
			t.Errorf("it ended with %v; %d wait still", err, len(q.line.waiting))
		}
		q.empty()
	})
}

func TestAFirstLookThatAPersonJoinsGoesBeforeTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.add(web1, []string{home4}, 22)
	_, ids, err := w.engine.ask(t.Context(), web1, "", nil)
	w.must(err)
	if len(ids) != 1 {
		t.Fatalf("asked for %d looks", len(ids))
	}
	r := w.wanted(reasonFirst)[0]
	if place := turnFor(r, h); r.ID != ids[0] || place.rank != rankAsked {
		t.Errorf("the first look has the rank %d: %+v", place.rank, r)
	}
}
