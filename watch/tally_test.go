package watch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// tally counts what occurs in made-up stories, so that their laws are known to
// have been held against something. Stories are told one after another.
type tally struct {
	mu      sync.Mutex // guards the rest against join
	stories int
	rows    map[string]int    // "verdict pending", "new -> acknowledged"
	state   map[string]string // of the story's alerts, after the last step
}

func (y *tally) begin() {
	y.stories++
	y.state = map[string]string{}
}

// note counts the verdicts that the host has now, and how its alerts got from
// where they were to where they are.
func (y *tally) note(w *world) {
	s, err := w.engine.Host(w.Context(), web1)
	w.must(err)
	for _, x := range s.Exposures {
		y.rows["verdict "+string(x.Verdict)]++
	}
	for _, a := range w.alerts(false) {
		before, now := y.state[a.ID], string(a.State)
		if a.Resolution != nil {
			now += " as " + string(a.Resolution.Kind)
		}
		if before == "" && a.Memory.Before != "" {
			before = "another one"
		}
		if before != now {
			y.rows[before+" -> "+now]++
		}
		y.state[a.ID] = now
	}
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

// everything is the whole table of verdicts, and every arrow of an alert's life.
// Each occurs some fifty times in two thousand histories, the rarest five times.
var everything = []string{
	"verdict hidden", "verdict allowed", "verdict pending", "verdict unexpected-exposed", "verdict unexpected-listening",
	"verdict changed", "verdict missing", "verdict gap", "verdict unverified", "verdict expected", "verdict none",
	" -> new", "new -> acknowledged", "acknowledged -> investigating", "acknowledged -> new",
	"new -> waiting-shut", "acknowledged -> waiting-shut", "investigating -> waiting-shut", "waiting-shut -> new",
	"waiting-shut -> resolved as shut", "waiting-shut -> resolved as expected",
	"new -> resolved as expected", "acknowledged -> resolved as expected", "investigating -> resolved as expected",
	"new -> resolved as false", "acknowledged -> resolved as false", "investigating -> resolved as false",
	"new -> resolved as accepted", "acknowledged -> resolved as accepted", "investigating -> resolved as accepted",
	"new -> resolved as cleared", "acknowledged -> resolved as cleared", "investigating -> resolved as cleared",
	"resolved as shut -> new", "resolved as cleared -> new", "resolved as accepted -> new", "resolved as expected -> new",
	"resolved as false -> new", "another one -> new",
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
