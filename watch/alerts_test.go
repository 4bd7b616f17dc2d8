package watch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

func TestANewHostIsOneAlertWithItsDoorsAndOneMessageAChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.channel("ops")
	w.channel("night")
	w.web(22, 80, 443)
	a := w.only()
	if a.Kind != portvigil.DoorsToExplain || len(a.Endpoints) != 3 {
		t.Errorf("the alert is %s with %d doors, want doors-to-explain with 3", a.Kind, len(a.Endpoints))
	}
	if want := "http://127.0.0.1:8080/alerts/" + a.ID; a.Link != want {
		t.Errorf("the alert links to %q, want %q", a.Link, want)
	}
	got := map[string]int{}
	for _, d := range w.deliveries() {
		got[d.Channel]++
		if d.Event != portvigil.AlertOpened || d.Alert != a.ID || d.State != portvigil.DeliveryQueued {
			t.Errorf("a delivery is %s of %s in state %s", d.Event, d.Alert, d.State)
		}
	}
	if len(got) != 2 || len(w.deliveries()) != 2 {
		t.Errorf("deliveries a channel: %v, want one for each of two", got)
	}
}

func TestFurtherLooksWithTheSameResultTellNobody(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	_, before, err := w.engine.Alert(t.Context(), a.ID)
	w.must(err)
	for range 5 {
		w.after(time.Hour)
		w.look()
	}
	if diff := cmp.Diff([]string{"alert.opened"}, w.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	_, story, err := w.engine.Alert(t.Context(), a.ID)
	w.must(err)
	if diff := cmp.Diff(before, story); diff != "" {
		t.Errorf("looks that say the same stand in the alert's story (-before +after):\n%s", diff)
	}
}

func TestOnlyACompleteLookThatCoveredTheDoorClosesIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		look   func(w *world)
		closes bool
	}{
		{"a look that is incomplete closes nothing", func(w *world) { w.out.complete = false; w.look() }, false},
		{"a look at another port closes nothing else", func(w *world) { w.lookAt("22") }, false},
		{"a look that fails closes nothing", func(w *world) { w.out.err = errBroken; w.look() }, false},
		{"a look at the server's own machine closes nothing", func(w *world) { w.out.own = true; w.look() }, false},
		{"a complete look at the port closes it", func(w *world) { w.lookAt("9100") }, true},
		{"a complete look at everything closes it", func(w *world) { w.look() }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, a := raised(t)
			w.out.set(home4)
			w.after(time.Minute)
			c.look(w)
			if got := w.alert(a.ID); got.Open() == c.closes {
				t.Fatalf("the alert is %s", got.State)
			}
			if got := w.alert(a.ID); c.closes && got.Resolution.Kind != portvigil.ResolvedCleared {
				t.Errorf("the alert ended as %s, want cleared", got.Resolution.Kind)
			}
		})
	}
}

func TestExpectedNeedsAReasonAndAnOwner(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	for _, q := range []portvigil.ResolveRequest{{}, {Why: "metrics"}, {Owner: "ann"}} {
		q.Kind = portvigil.ResolvedExpected
		_, err := w.engine.Resolve(t.Context(), "ann", a.ID, q)
		w.refused(err, portvigil.CodeInvalid)
	}
	_, err := w.engine.Approve(t.Context(), "ann", web1, portvigil.ApproveRequest{All: true, Why: "metrics"})
	w.refused(err, portvigil.CodeInvalid)
	if got := w.alert(a.ID); !got.Open() {
		t.Errorf("the alert is %s all the same", got.State)
	}
}

func TestExpectedEditsTheBaselineAndTellsNobodyAgain(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	before, err := w.engine.Baseline(t.Context(), web1)
	w.must(err)
	a, err = w.engine.Resolve(t.Context(), "ann", a.ID,
		portvigil.ResolveRequest{Kind: portvigil.ResolvedExpected, Why: "metrics", Owner: "bob"})
	w.must(err)
	if a.Open() || a.Resolution.Kind != portvigil.ResolvedExpected || a.Resolution.By != "ann" || a.Resolution.Owner != "bob" {
		t.Fatalf("the alert is %s by %+v", a.State, a.Resolution)
	}
	after, err := w.engine.Baseline(t.Context(), web1)
	w.must(err)
	if after.Version != before.Version+1 {
		t.Errorf("the baseline went from version %d to %d", before.Version, after.Version)
	}
	b, err := portvigil.ParseBaseline("web1", []byte(after.Text))
	w.must(err)
	var entry portvigil.Entry
	for _, e := range b[0].Entries {
		if e.Ports.First == 9100 {
			entry = e
		}
	}
	if entry.Why != "metrics" || entry.Owner != "bob" {
		t.Errorf("the entry is %+v", entry)
	}
	w.after(time.Hour)
	w.look()
	w.run(2 * day)
	if diff := cmp.Diff([]string{"alert.opened", "alert.resolved"}, w.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	_, err = w.engine.Resolve(t.Context(), "ann", a.ID,
		portvigil.ResolveRequest{Kind: portvigil.ResolvedExpected, Why: "metrics", Owner: "bob"})
	w.refused(err, portvigil.CodeConflict)
}

func TestAnExpectedAlertOpensAgainWhenItsEntryGoes(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	_, err := w.engine.Resolve(t.Context(), "ann", a.ID,
		portvigil.ResolveRequest{Kind: portvigil.ResolvedExpected, Why: "metrics", Owner: "bob"})
	w.must(err)
	_, err = w.engine.RemoveDoor(t.Context(), "ann", web1, "9100/tcp")
	w.must(err)
	if got := w.only(); got.ID != a.ID || got.Reopened != 1 {
		t.Errorf("open is %s, re-opened %d times, want %s once", got.ID, got.Reopened, a.ID)
	}
	if diff := cmp.Diff([]string{"alert.opened", "alert.resolved", "alert.reopened"}, w.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestDoorsToExplainShrinkAsTheyAreApprovedOrShut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22, 80, 443)
	a := w.only()
	_, err := w.engine.Resolve(t.Context(), "ann", a.ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedShut})
	w.refused(err, portvigil.CodeConflict)
	_, err = w.engine.Approve(t.Context(), "ann", web1, portvigil.ApproveRequest{Doors: []string{"22/tcp"}, Why: "ssh", Owner: "ann"})
	w.must(err)
	if got := w.only(); got.ID != a.ID || len(got.Endpoints) != 2 {
		t.Errorf("after one was approved %d doors are left, want 2", len(got.Endpoints))
	}
	w.out.set(home4, 22, 443)
	w.after(time.Hour)
	w.look()
	if got := w.only(); got.ID != a.ID || len(got.Endpoints) != 1 {
		t.Errorf("after one was shut %d doors are left, want 1", len(got.Endpoints))
	}
	_, err = w.engine.Resolve(t.Context(), "ann", a.ID,
		portvigil.ResolveRequest{Kind: portvigil.ResolvedExpected, Why: "the shop", Owner: "ann"})
	w.must(err)
	w.quiet()
}

func TestAnAcknowledgementEndsAtItsTimeAndTellsNobody(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	until := w.clock().Add(2 * time.Hour)
	a, err := w.engine.Acknowledge(t.Context(), "ann", a.ID, &until)
	w.must(err)
	if a.State != portvigil.AlertAcknowledged {
		t.Fatalf("the alert is %s", a.State)
	}
	w.run(2*time.Hour - time.Second)
	if got := w.only(); got.State != portvigil.AlertAcknowledged {
		t.Errorf("before its time is over the alert is %s", got.State)
	}
	w.run(time.Second)
	if got := w.only(); got.State != portvigil.AlertNew {
		t.Errorf("after its time is over the alert is %s", got.State)
	}
	if diff := cmp.Diff([]string{"alert.opened"}, w.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	past := w.clock().Add(-time.Second)
	_, err = w.engine.Acknowledge(t.Context(), "ann", a.ID, &past)
	w.refused(err, portvigil.CodeInvalid)
}

func TestAnAcceptedRiskComesBackWhenItsDateIsOver(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	q := portvigil.ResolveRequest{Kind: portvigil.ResolvedAccepted, Why: "moves in March", Owner: "bob", Until: "2026-03-05"}
	_, err := w.engine.Resolve(t.Context(), "ann", a.ID, q)
	w.must(err)
	w.run(time.Date(2026, 3, 5, 23, 59, 59, 0, time.UTC).Sub(w.clock()))
	w.quiet()
	w.run(time.Second)
	if got := w.only(); got.ID != a.ID || got.State != portvigil.AlertNew || got.Reopened != 1 {
		t.Errorf("the alert is %s, re-opened %d times", got.State, got.Reopened)
	}
	q.Until = "tomorrow"
	_, err = w.engine.Resolve(t.Context(), "ann", a.ID, q)
	w.refused(err, portvigil.CodeInvalid)
}

func TestAFalseAlarmStaysQuietWhileTheSameAnswers(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	_, err := w.engine.Resolve(t.Context(), "ann", a.ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedFalse})
	w.refused(err, portvigil.CodeInvalid)
	_, err = w.engine.Resolve(t.Context(), "ann", a.ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedFalse, Why: "the load balancer"})
	w.must(err)
	w.run(3 * day)
	w.quiet()
	_, err = w.engine.Resolve(t.Context(), "ann", a.ID, portvigil.ResolveRequest{Kind: "sleep"})
	w.refused(err, portvigil.CodeInvalid)
}

func TestAPersonsStepsStandInTheStory(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	_, err := w.engine.Investigate(t.Context(), "ann", a.ID)
	w.refused(err, portvigil.CodeConflict)
	_, err = w.engine.Acknowledge(t.Context(), "ann", a.ID, nil)
	w.must(err)
	_, err = w.engine.Investigate(t.Context(), "bob", a.ID)
	w.must(err)
	_, err = w.engine.Comment(t.Context(), "bob", a.ID, "")
	w.refused(err, portvigil.CodeInvalid)
	_, err = w.engine.Comment(t.Context(), "bob", a.ID, "asked the shop")
	w.must(err)
	_, story, err := w.engine.Alert(t.Context(), a.ID)
	w.must(err)
	var got []string
	for _, s := range story {
		got = append(got, s.By+" "+s.What)
	}
	want := []string{"portvigil opened", "ann acknowledged", "bob investigating", "bob comment"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the story (-want +got):\n%s", diff)
	}
	if last := story[len(story)-1]; last.Text != "asked the shop" {
		t.Errorf("the comment says %q", last.Text)
	}
	if diff := cmp.Diff([]string{"alert.opened"}, w.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestACommentOnAnAlertThatEndedByItselfNotesIt(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	w.out.set(home4, 22)
	w.after(time.Minute)
	w.look()
	_, err := w.engine.Comment(t.Context(), "ann", a.ID, "it was the backup")
	w.must(err)
	if got := w.alert(a.ID); got.Open() || !got.Memory.Noted {
		t.Errorf("the alert is %s, noted %v", got.State, got.Memory.Noted)
	}
}

func TestARemovedHostsAlertsAreCleared(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	w.must(w.engine.RemoveHost(t.Context(), "ann", web1))
	w.quiet()
	if got := w.alert(a.ID); got.Resolution.Kind != portvigil.ResolvedCleared || got.Resolution.By != "ann" {
		t.Errorf("the alert ended as %+v", got.Resolution)
	}
	if diff := cmp.Diff([]string{"alert.opened", "alert.resolved"}, w.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if open := w.open(""); len(open) > 0 {
		t.Errorf("looks are wanted of a host that is gone: %v", w.reasons())
	}
	w.refused(w.engine.RemoveHost(t.Context(), "ann", web1), portvigil.CodeNotFound)
}

func TestJudgingAHostThatIsGoneTouchesNoOtherOfItsName(t *testing.T) {
	t.Parallel()
	w, raised := raised(t)
	until := w.clock().Add(time.Minute)
	_, err := w.engine.Acknowledge(t.Context(), "ann", raised.ID, &until)
	w.must(err)
	w.after(time.Minute)
	var removed bool
	// Between listing the hosts and judging them one goes, and comes again with
	// another address, and another door to explain.
	w.store.before = func() {
		if removed {
			return
		}
		removed = true
		w.must(w.engine.RemoveHost(t.Context(), "ann", web1))
		w.add(web1, []string{"203.0.113.8"}, 8080)
		w.run(0)
	}
	w.must(w.engine.sweep(t.Context()))
	a := w.only()
	if len(a.Endpoints) != 1 || a.Endpoints[0].Port != 8080 {
		t.Errorf("open is %v", sentences(w.alerts(true)))
	}
	if diff := cmp.Diff([]string{"alert.opened", "alert.resolved", "alert.reopened"}, w.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestWhatOneTransactionCouldNotWriteLeavesNoTrace(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.channel("ops")
	w.out.set(home4, 22, 9100)
	w.after(time.Hour)
	_, ids, err := w.engine.ask(t.Context(), web1, portvigil.Outside, nil)
	w.must(err)
	// The disk is full for the transaction that stores the look and what follows
	// from it, and for what comes after.
	w.out.during = func() { w.store.broken = func() error { return errBroken } }
	if err := w.engine.MakeLook(t.Context(), ids[0]); err == nil {
		t.Fatal("a look that could not be stored counts as made")
	}
	w.store.broken, w.out.during = nil, nil
	w.quiet()
	if told := w.told(); len(told) > 0 {
		t.Errorf("told without an alert: %v", told)
	}
	before := w.status()
	if got := before.Views[0].Newest; !got.Before(w.clock()) {
		t.Errorf("the look at %s is known all the same", got)
	}
	w.must(w.engine.MakeLook(t.Context(), ids[0])) // as the queue does later
	if a := w.only(); a.Port != 9100 {
		t.Errorf("the alert is %v", sentences(w.alerts(true)))
	}
	if diff := cmp.Diff([]string{"alert.opened"}, w.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// status is what is known of web1.
func (w *world) status() portvigil.HostStatus {
	w.Helper()
	s, err := w.engine.Host(w.Context(), web1)
	w.must(err)
	return s
}
