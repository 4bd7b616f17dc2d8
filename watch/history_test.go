package watch

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// Past derives a host's history anew from all of its looks.
func (tx *memoryTx) Past(hostID string, at time.Time) (intervals []portvigil.Interval, watched []portvigil.Watched, err error) {
	views := map[portvigil.ViewKey][]*portvigil.Look{}
	looks, err := tx.looks(func(l *portvigil.Look) bool {
		_, there := tx.rows["look"][hostID+" "+l.ID]
		return there
	})
	for _, l := range looks {
		views[l.Key()] = append(views[l.Key()], l)
	}
	for key, looks := range views {
		i, w := portvigil.ReplayHistory(&portvigil.History{Key: key}, looks)
		intervals, watched = append(intervals, i...), append(watched, w...)
	}
	return intervals, watched, err
}

func TestWhatWasReachableIsKnownAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22, 80)
	seen := w.clock()
	w.run(day)
	w.out.set(home4, 22)
	w.run(2 * day)
	for when, want := range map[time.Time]string{
		seen.Add(-time.Minute): "",
		seen.Add(time.Hour):    "22/tcp open, 80/tcp open",
		w.clock():              "22/tcp open",
	} {
		past, err := w.engine.HostAt(t.Context(), web1, when)
		w.must(err)
		var doors []string
		for _, d := range past.Doors {
			doors = append(doors, d.Door().String()+" "+string(d.State))
		}
		if got := strings.Join(doors, ", "); got != want {
			t.Errorf("%s: got %q, want %q", when, got, want)
		}
	}
	_, err := w.engine.HostAt(t.Context(), "nobody", seen)
	w.refused(err, portvigil.CodeNotFound)
	_, err = w.engine.HostAt(t.Context(), web1, w.clock().Add(time.Hour))
	w.refused(err, portvigil.CodeInvalid)
}

// PastBetween returns all there is, and leaves none of it out.
func (tx *memoryTx) PastBetween(hostID string, _, to time.Time, _ time.Duration, _ int) ([]portvigil.Interval, []portvigil.Watched, int, error) {
	intervals, watched, err := tx.Past(hostID, to)
	return intervals, watched, 0, err
}

func TestTheHistoryOfAHostIsWhatWasReachableWhen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22, 80)
	began := w.clock()
	w.run(day)
	w.out.set(home4, 22)
	w.run(2 * day)
	line, err := w.engine.HostHistory(t.Context(), web1, began.Add(-day), w.clock().Add(day))
	w.must(err)
	if len(line.Views) != 1 || len(line.Views[0].Known) != 1 || !line.Views[0].Known[0].From.Equal(began) || !line.To.Equal(w.clock()) {
		t.Errorf("the view knows %+v until %s, want one time from %s until now", line.Views, line.To, began)
	}
	var got []string
	for _, d := range line.Doors {
		text := d.Door().String()
		for _, s := range d.Spans {
			text += " " + string(s.State)
		}
		got = append(got, text)
	}
	if diff := cmp.Diff([]string{"22/tcp open", "80/tcp open unknown"}, got); diff != "" {
		t.Errorf("doors (-want +got):\n%s", diff)
	}
	_, err = w.engine.HostHistory(t.Context(), "nobody", began, w.clock())
	w.refused(err, portvigil.CodeNotFound)
	_, err = w.engine.HostHistory(t.Context(), web1, w.clock().Add(time.Hour), w.clock().Add(2*time.Hour))
	w.refused(err, portvigil.CodeInvalid)
}
