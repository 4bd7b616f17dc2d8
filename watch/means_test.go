package watch

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

// toldOver returns the events about channels that a channel was told of.
func (w *world) toldOver(c portvigil.ChannelRow) (events []portvigil.AlertEvent) {
	w.Helper()
	for _, d := range w.deliveries() {
		if d.Channel == c.ID && w.alert(d.Alert).Kind == portvigil.ChannelFailing {
			events = append(events, d.Event)
		}
	}
	return events
}

// fail has the newest delivery over the channel fail once.
func (w *world) fail(c portvigil.ChannelRow) {
	w.Helper()
	w.post.fail = &Later{Err: errors.New("no answer")}
	defer func() { w.post.fail = nil }()
	for _, d := range w.deliveries() {
		if d.Channel == c.ID && d.State == portvigil.DeliveryQueued {
			if err := w.engine.Deliver(w.Context(), d.ID); err == nil {
				w.Fatalf("it was delivered")
			}
			return
		}
	}
	w.Fatalf("nothing is queued over %s", c.Name)
}

// deliver has every queued delivery over the channel arrive.
func (w *world) deliver(c portvigil.ChannelRow) {
	w.Helper()
	for _, d := range w.deliveries() {
		if d.Channel == c.ID && d.State == portvigil.DeliveryQueued {
			w.must(w.engine.Deliver(w.Context(), d.ID))
		}
	}
}

func (w *world) failing() []portvigil.Alert {
	return slices.DeleteFunc(w.alerts(true), func(a portvigil.Alert) bool { return a.Kind != portvigil.ChannelFailing })
}

func (w *world) fails(c portvigil.ChannelRow) portvigil.Alert {
	w.Helper()
	for _, a := range w.failing() {
		if a.Subject == portvigil.ChannelSubject(c.Name) {
			return a
		}
	}
	w.Fatalf("no alert says that %s fails: %v", c.Name, sentences(w.alerts(true)))
	return portvigil.Alert{}
}

func TestAChannelThatFailsForAQuarterOfAnHourIsToldOverTheOthersOnce(t *testing.T) {
	t.Parallel()
	w, _ := raised(t)
	ops, mail := w.ops(), w.channel("mail")
	w.fail(ops)
	w.run(14 * time.Minute)
	if got := w.failing(); len(got) != 0 {
		t.Fatalf("raised after 14 minutes: %v", sentences(got))
	}
	w.run(time.Minute)
	a := w.fails(ops)
	if a.Severity != portvigil.High || a.Family != portvigil.FamilyHealth || a.Host != "" {
		t.Errorf("the alert is %+v", a)
	}
	for range 5 { // attempts go on, and say nothing new
		w.fail(ops)
		w.run(time.Hour)
	}
	if got := w.toldOver(mail); !slices.Equal(got, []portvigil.AlertEvent{portvigil.AlertOpened}) {
		t.Errorf("mail was told %v", got)
	}
	w.deliver(ops)
	if a = w.alert(a.ID); a.Open() || a.Resolution.Kind != portvigil.ResolvedCleared {
		t.Errorf("the alert is %s after a message arrived", a.State)
	}
	if got := w.toldOver(mail); !slices.Equal(got, []portvigil.AlertEvent{portvigil.AlertOpened, portvigil.AlertIsResolved}) {
		t.Errorf("mail was told %v", got)
	}
	if got := w.toldOver(ops); len(got) > 0 {
		t.Errorf("ops was told of itself: %v", got)
	}
}

func TestAChannelThatFailsAndIsRemovedFailsNoMore(t *testing.T) {
	t.Parallel()
	w, _ := raised(t)
	ops := w.ops()
	w.fail(ops)
	w.run(20 * time.Minute)
	a := w.fails(ops)
	w.must(w.engine.RemoveChannel(t.Context(), "ann", "ops"))
	if a = w.alert(a.ID); a.Open() {
		t.Errorf("the alert is still %s", a.State)
	}
}

func TestAChannelThatFailsAgainOpensTheSameAlertAgain(t *testing.T) {
	t.Parallel()
	w, _ := raised(t)
	ops := w.ops()
	w.fail(ops)
	w.run(20 * time.Minute)
	a := w.fails(ops)
	w.must(w.engine.TestChannel(t.Context(), "ann", "ops"))
	if a = w.alert(a.ID); a.Open() {
		t.Fatal("a test message that arrived does not end it")
	}
	w.fail(ops)
	w.run(20 * time.Minute)
	if b := w.fails(ops); b.ID != a.ID || b.Reopened != 1 {
		t.Errorf("alert %s, re-opened %d times, instead of %s", b.ID, b.Reopened, a.ID)
	}
}

func TestTwoChannelsThatFailDoNotTellEachOtherForEver(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	ops, mail := w.channel("ops"), w.channel("mail")
	w.out.set(home4, 22, 9100)
	w.after(time.Hour)
	w.look()
	w.fail(ops)
	w.fail(mail)
	w.run(15 * time.Minute)
	w.fails(ops)
	w.fails(mail)
	n := len(w.deliveries())
	for range 10 {
		w.fail(ops)
		w.fail(mail)
		w.run(time.Hour)
	}
	if got := len(w.deliveries()); got != n {
		t.Errorf("%d messages became %d", n, got)
	}
	w.deliver(ops)
	w.deliver(mail)
	w.run(time.Minute)
	if got := w.failing(); len(got) > 0 {
		t.Errorf("both work, and still: %v", sentences(got))
	}
	for _, c := range []portvigil.ChannelRow{ops, mail} {
		want := []portvigil.AlertEvent{portvigil.AlertOpened, portvigil.AlertIsResolved}
		if got := w.toldOver(c); !slices.Equal(got, want) {
			t.Errorf("%s was told %v", c.Name, got)
		}
	}
}
