package watch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

// somePorts is a few doors, so that stories meet the same one often.
var somePorts = []uint16{22, 80, 9100, 40000}

// tables is what people and looks have led to; what a look of the schedule is
// next is no part of it.
func (w *world) tables() map[string]string {
	rows := map[string]string{}
	for _, table := range []string{"alert", "audit", "delivery", "request", "baseline", "trail", "act"} {
		for key, text := range w.store.rows[table] {
			rows[table+" "+key] = text
		}
	}
	return rows
}

// step is one thing that happens in a made-up story.
func (w *world) step(t *rapid.T) {
	open := rapid.SliceOfNDistinct(rapid.SampledFrom(somePorts), 0, len(somePorts), rapid.ID).Draw(t, "open")
	w.out.complete = rapid.SampledFrom([]bool{true, true, false}).Draw(t, "complete")
	w.out.confirmed = rapid.SampledFrom([]bool{true, true, false}).Draw(t, "confirmed")
	switch rapid.SampledFrom([]string{"look", "look", "report", "time", "person", "person", "narrow"}).Draw(t, "what") {
	case "look":
		w.out.set(home4, open...)
		w.look()
	case "narrow":
		w.out.set(home4, open...)
		w.lookAt(fmt.Sprint(rapid.SampledFrom(somePorts).Draw(t, "port")))
	case "report":
		var listeners []portvigil.Listener
		for _, port := range open {
			proto := rapid.SampledFrom([]portvigil.Proto{portvigil.TCP, portvigil.UDP}).Draw(t, "proto")
			listeners = append(listeners, listening(proto, port, "/bin/a"))
		}
		w.report(portvigil.NewID(), listeners...)
	case "time":
		w.run(rapid.SampledFrom([]time.Duration{time.Second, 6 * time.Minute, 11 * time.Minute, 5 * time.Hour, day, 4 * day}).Draw(t, "passes"))
	case "person":
		w.person(t)
	}
}

// person does something to an alert or the baseline; what is refused changes nothing.
func (w *world) person(t *rapid.T) {
	list := w.alerts(true)
	if len(list) == 0 {
		return
	}
	a := rapid.SampledFrom(list).Draw(t, "alert")
	before := w.tables()
	var err error
	switch what := rapid.SampledFrom([]string{"ack", "shut", "false", "accept", "expected", "forget"}).Draw(t, "person"); what {
	case "ack":
		until := w.clock().Add(time.Hour)
		_, err = w.engine.Acknowledge(w.Context(), "ann", a.ID, &until)
	case "shut":
		_, err = w.engine.Resolve(w.Context(), "ann", a.ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedShut})
	case "false":
		_, err = w.engine.Resolve(w.Context(), "ann", a.ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedFalse, Why: "known"})
	case "accept":
		until := portvigil.DateOf(w.clock().Add(3 * day)).String()
		_, err = w.engine.Resolve(w.Context(), "ann", a.ID,
			portvigil.ResolveRequest{Kind: portvigil.ResolvedAccepted, Why: "known", Owner: "ann", Until: until})
	case "expected":
		_, err = w.engine.Resolve(w.Context(), "ann", a.ID,
			portvigil.ResolveRequest{Kind: portvigil.ResolvedExpected, Why: "known", Owner: "ann"})
	case "forget":
		_, err = w.engine.RemoveDoor(w.Context(), "ann", web1, fmt.Sprintf("%d/tcp", rapid.SampledFrom(somePorts).Draw(t, "door")))
	}
	if err == nil {
		return
	}
	if portvigil.ErrorCode(err) == portvigil.CodeInternal {
		t.Fatalf("refused with %v", err)
	}
	if diff := cmp.Diff(before, w.tables()); diff != "" {
		t.Fatalf("what was refused (%v) left a trace (-before +after):\n%s", err, diff)
	}
}

func TestTheEngineKeepsItsLawsThroughAnyStory(t *testing.T) {
	t.Parallel()
	seen := &tally{rows: map[string]int{}}
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.channel("ops")
		w.add(web1, []string{home4}, 22)
		w.run(0)
		seen.begin()
		seen.note(w)
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			w.after(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(t, "later"))
			w.listsAreFresh()
			w.step(t)
			w.listsAreFresh()
			w.judgingAgainChangesNothing(t)
			w.everyTransitionIsToldOnce(t)
			w.requestsAreFew(t)
			seen.note(w)
		}
	})
	seen.report(t, often, seldom)
}

// judgingAgainChangesNothing: with nothing new, the second judgement writes no
// alert, no step of a story, no delivery and no request.
func (w *world) judgingAgainChangesNothing(t *rapid.T) {
	w.must(w.engine.sweep(w.Context()))
	before := w.tables()
	w.must(w.engine.sweep(w.Context()))
	if diff := cmp.Diff(before, w.tables()); diff != "" {
		t.Fatalf("judging again changes (-before +after):\n%s", diff)
	}
}

// everyTransitionIsToldOnce: each alert was opened once, re-opened as often as
// it says, and resolved once for each time that it was open and is not.
func (w *world) everyTransitionIsToldOnce(t *rapid.T) {
	told := map[string]map[portvigil.AlertEvent]int{}
	for _, d := range w.deliveries() {
		if told[d.Alert] == nil {
			told[d.Alert] = map[portvigil.AlertEvent]int{}
		}
		told[d.Alert][d.Event]++
	}
	for _, a := range w.alerts(false) {
		ends := 1 + a.Reopened
		if a.Open() {
			ends--
		}
		got := told[a.ID]
		delete(told, a.ID)
		if got[portvigil.AlertOpened] != 1 || got[portvigil.AlertReopened] != a.Reopened || got[portvigil.AlertIsResolved] != ends {
			t.Fatalf("alert %s, re-opened %d times and %s now, was told as %v", a.Text, a.Reopened, a.State, got)
		}
	}
	if len(told) > 0 {
		t.Fatalf("told of alerts that are not there: %v", told)
	}
}

// requestsAreFew: what is wanted does not pile up. Each view has its schedule;
// beyond that there is a look for each set of doors that waits, at most.
func (w *world) requestsAreFew(t *rapid.T) {
	byReason := map[string]int{}
	for _, r := range w.open(web1) {
		byReason[string(r.View)+" "+r.Reason]++
	}
	for what, n := range byReason {
		most := 1
		if !strings.HasSuffix(what, reasonSchedule) {
			most = 2 * len(somePorts)
		}
		if n > most {
			t.Fatalf("%d looks are wanted as %q: %v", n, what, w.reasons())
		}
	}
	if !slices.Contains(slices.Collect(maps.Keys(byReason)), "outside "+reasonSchedule) {
		t.Fatalf("no look is scheduled any more: %v", w.reasons())
	}
}

func TestAnyFailedCommitLeavesNoTraceAndIsMadeUpFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.channel("ops")
		w.add(web1, []string{home4}, 22)
		w.run(0)
		w.out.set(home4, 22, 80)
		w.after(time.Hour)
		_, ids, err := w.engine.ask(w.Context(), web1, portvigil.Outside, nil)
		w.must(err)
		fails, n := rapid.IntRange(0, 5).Draw(t, "the commit that fails"), -1
		w.store.broken = func() error {
			if n++; n == fails {
				return errBroken
			}
			return nil
		}
		for tries := 0; ; tries++ {
			if tries > 2 {
				t.Fatalf("the look is never over")
			}
			if err := w.engine.MakeLook(w.Context(), ids[0]); err == nil {
				break
			}
		}
		w.store.broken = nil
		w.run(0) // where a look could not be stored, the next one makes up for it
		w.lookAt("80")
		if diff := cmp.Diff(2, len(w.alerts(true))); diff != "" {
			t.Fatalf("open alerts (-want +got):\n%s%v", diff, sentences(w.alerts(true)))
		}
		w.everyTransitionIsToldOnce(t)
		w.judgingAgainChangesNothing(t)
		w.requestsAreFew(t)
	})
}
