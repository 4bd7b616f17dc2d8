package watch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/portvigil/portvigil"
)

// tally counts what occurs in made-up stories, so that their laws are known to
// have been held against something. Stories are told one after another.
type tally struct {
	stories int
	rows    map[string]int                  // "verdict pending", "new -> acknowledged"
	state   map[string]portvigil.AlertState // of the story's alerts, after the last step
}

func (y *tally) begin() {
	y.stories++
	y.state = map[string]portvigil.AlertState{}
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
		before, now := y.state[a.ID], a.State
		if before != now {
			arrow := fmt.Sprintf("%s -> %s", before, now)
			if a.Resolution != nil {
				arrow += " as " + string(a.Resolution.Kind)
			}
			y.rows[arrow]++
		}
		y.state[a.ID] = now
	}
}

// often are the rows that a hundred stories never lack: they see each some fifty
// times. seldom are those that they see a few times, and thousands never lack.
// Stories are of one host with a plain inside view: hidden, allowed, changed and
// gap are no part of them, and are held against their rows at the module root.
var (
	often = []string{" -> new", "new -> resolved as cleared", "verdict pending", "verdict unexpected-exposed",
		"verdict unexpected-listening", "verdict none"}
	seldom = []string{"new -> acknowledged", "acknowledged -> new", "new -> waiting-shut", "waiting-shut -> resolved as shut",
		"new -> resolved as accepted", "new -> resolved as expected", "new -> resolved as false", "resolved -> new",
		"verdict expected", "verdict missing"}
)

// report logs the counts, and fails the test where a row is missing that so many
// stories never lack.
func (y *tally) report(t *testing.T) {
	t.Helper()
	var lines []string
	for _, row := range slices.Sorted(maps.Keys(y.rows)) {
		lines = append(lines, fmt.Sprintf("%6d  %s", y.rows[row], row))
	}
	t.Logf("in %d stories occurred:\n%s", y.stories, strings.Join(lines, "\n"))
	var wanted []string
	if y.stories >= 100 {
		wanted = append(wanted, often...)
	}
	if y.stories >= 2000 {
		wanted = append(wanted, seldom...)
	}
	for _, row := range wanted {
		if y.rows[row] == 0 {
			t.Errorf("%q never occurred in %d stories", row, y.stories)
		}
	}
}
