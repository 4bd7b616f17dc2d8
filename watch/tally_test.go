package watch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/portvigil/portvigil"
)

// tally counts what occurs in made-up stories, so that their laws are known to
// have been held against something. Stories are told one after another.
type tally struct {
	mu      sync.Mutex // guards the rest against join
	stories int
	rows    map[string]int   // "verdict pending", "new -> acknowledged"
	last    map[string]noted // of the story's alerts, after the last step
	told    int              // messages of the story
}

// noted is where an alert was.
type noted struct {
	state    string
	severity int
}

func (y *tally) begin() {
	y.stories++
	y.last, y.told = map[string]noted{}, 0
}

// note counts the verdicts that the host has now, how its alerts got from where
// they were to where they are, and what people were told of it.
func (y *tally) note(w *world) {
	s, err := w.engine.Host(w.Context(), web1)
	w.must(err)
	for _, x := range s.Exposures {
		y.rows["verdict "+string(x.Verdict)]++
	}
	for _, a := range w.alerts(false) {
		before, now := y.last[a.ID], noted{state: stateOf(a), severity: a.Severity.Rank()}
		if before.state == "" && a.Memory.Before != "" {
			before.state = "another one"
		}
		if before.state != now.state {
			y.rows[before.state+" -> "+now.state]++
		}
		if before.state != now.state && before.severity > 0 && now.severity > before.severity {
			y.rows[before.state+" -> "+now.state+", risen"]++
		}
		y.last[a.ID] = now
	}
	told := w.deliveries()
	for _, d := range told[min(y.told, len(told)):] {
		y.rows["told "+string(d.Event)]++
	}
	y.told = len(told)
}

// stateOf is where an alert is in its life, and how it got to its end.
func stateOf(a portvigil.Alert) string {
	switch {
	case a.Resolution == nil:
		return string(a.State)
	case a.Resolution.Kind == portvigil.ResolvedCleared && a.Resolution.By != System:
		return "resolved, the host was removed"
	}
	return string(a.State) + " as " + string(a.Resolution.Kind)
}

// often are the rows that a hundred stories of laws_test.go never lack: they see
// each some fifty times. seldom are those that they see a few times, and thousands
// never lack.
var (
	often = []string{" -> new", "new -> resolved as cleared", "verdict pending", "verdict unexpected-exposed",
		"verdict unexpected-listening", "verdict none"}
	seldom = []string{"new -> acknowledged", "acknowledged -> new", "new -> waiting-shut", "waiting-shut -> resolved as shut",
		"new -> resolved as accepted", "new -> resolved as expected", "new -> resolved as false",
		"resolved as cleared -> new", "verdict expected", "verdict missing"}
)

// everything is the whole table of verdicts (RULES 3), every arrow of an alert's
// life (RULES 4), and all that is told of it.
func everything() []string {
	rows := []string{
		"verdict hidden", "verdict allowed", "verdict pending", "verdict unexpected-exposed", "verdict unexpected-listening",
		"verdict changed", "verdict missing", "verdict gap", "verdict unverified", "verdict expected", "verdict none",
		" -> new", "new -> acknowledged", "acknowledged -> investigating", "acknowledged -> new", "acknowledged -> new, risen",
		"waiting-baseline -> resolved as expected", "waiting-baseline -> resolved as cleared",
		"waiting-shut -> new", "waiting-shut -> resolved as shut", "waiting-shut -> resolved as expected",
		"resolved as shut -> new", "resolved as cleared -> new", "resolved as accepted -> new", "resolved as accepted -> new, risen",
		"resolved as expected -> new", "resolved as false -> new", "another one -> new",
		"told alert.opened", "told alert.reopened", "told alert.changed", "told alert.resolved",
	}
	for _, open := range []string{"new", "acknowledged", "investigating"} {
		for _, next := range []string{"waiting-baseline", "waiting-shut", "resolved as expected", "resolved as false",
			"resolved as accepted", "resolved as cleared", "resolved, the host was removed"} {
			rows = append(rows, open+" -> "+next)
		}
	}
	return rows
}

// join adds what another tally counted.
func (y *tally) join(o *tally) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.stories += o.stories
	for row, n := range o.rows {
		y.rows[row] += n
	}
}

// report logs the counts, and fails the test where a row is missing that a
// hundred, or two thousand, such stories never lack.
func (y *tally) report(t *testing.T, hundred, thousands []string) {
	t.Helper()
	var lines []string
	for _, row := range slices.Sorted(maps.Keys(y.rows)) {
		lines = append(lines, fmt.Sprintf("%6d  %s", y.rows[row], row))
	}
	t.Logf("in %d stories occurred:\n%s", y.stories, strings.Join(lines, "\n"))
	var wanted []string
	if y.stories >= 100 {
		wanted = append(wanted, hundred...)
	}
	if y.stories >= 2000 {
		wanted = append(wanted, thousands...)
	}
	for _, row := range wanted {
		if y.rows[row] == 0 {
			t.Errorf("%q never occurred in %d stories", row, y.stories)
		}
	}
}
