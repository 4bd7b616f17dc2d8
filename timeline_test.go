package portvigil

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestATimelineSaysOfEachMomentWhatPastSays asks both of the same moments.
func TestATimelineSaysOfEachMomentWhatPastSays(t *testing.T) {
	t.Parallel()
	host := Host{Name: "db1", Inside: time.Hour, Outside: 24 * time.Hour}
	rapid.Check(t, func(t *rapid.T) {
		var looks []*Look
		// Looks come at whole minutes, so that all turns do, and what is asked for lies
		// between them.
		minute := 60
		for range rapid.IntRange(1, 12).Draw(t, "looks") {
			minute += rapid.IntRange(1, 240).Draw(t, "pause")
			looks = append(looks, insideAt(float64(minute)/60, rapid.Bool().Draw(t, "complete"), rapid.SampledFrom([][]uint16{nil, {22}, {80}, {22, 80}}).Draw(t, "open")...))
			last := looks[len(looks)-1]
			last.Seq, last.Received = uint64(len(looks)), last.Received.Round(time.Minute)
		}
		intervals, watched := ReplayHistory(&History{Key: looks[0].Key()}, looks)
		from := rapid.IntRange(0, minute).Draw(t, "from")
		to := rapid.IntRange(from+1, minute+300).Draw(t, "to")
		clock := func(minute int) time.Time { return pastAt(0).Add(time.Duration(minute) * time.Minute) }
		line := TimelineOf(host, clock(from), clock(to), intervals, watched)
		for range 20 {
			at := clock(rapid.IntRange(from, to-1).Draw(t, "at")).Add(30 * time.Second)
			past := PastOf(host, at, intervals, watched)
			var want, got []string
			for _, d := range past.Doors {
				want = append(want, fmt.Sprint(d.Door(), " ", d.State))
			}
			for _, d := range line.Doors {
				for _, s := range d.Spans {
					if !at.Before(s.From) && at.Before(s.To) {
						got = append(got, fmt.Sprint(d.Door(), " ", s.State))
					}
				}
			}
			known := slices.ContainsFunc(line.Views, func(v TimelineView) bool {
				return slices.ContainsFunc(v.Known, func(s Span) bool { return !at.Before(s.From) && at.Before(s.To) })
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("at %s (-past +timeline):\n%s", at, diff)
			}
			if wanted := slices.ContainsFunc(past.Views, func(v PastView) bool { return v.Known }); wanted != known {
				t.Fatalf("at %s: the past is known %v, the timeline's %v", at, wanted, known)
			}
		}
	})
}

func TestATimelineNamesSpansInOrderAndApart(t *testing.T) {
	t.Parallel()
	host := Host{Name: "db1", Inside: time.Hour, Outside: 24 * time.Hour}
	looks := []*Look{insideAt(1, true, 22), insideAt(2, true), insideAt(3, true, 22), insideAt(20, true, 22)}
	intervals, watched := ReplayHistory(&History{Key: looks[0].Key()}, looks)
	line := TimelineOf(host, pastAt(0), pastAt(22), intervals, watched)
	span := func(from, to float64) Span { return Span{pastAt(from), pastAt(to)} }
	if len(line.Doors) != 1 || len(line.Views) != 1 {
		t.Fatalf("got %+v, want one door and one view", line)
	}
	want := []StateSpan{{span(1, 1), PastOpen}, {span(1, 2), PastUnknown}, {span(2, 3), PastUnknown}, {span(3, 4.5), PastOpen},
		{span(4.5, 20), PastUnknown}, {span(20, 21.5), PastOpen}, {span(21.5, 22), PastUnknown}}
	want = want[1:] // it was seen for a moment, which is no time
	if diff := cmp.Diff(want, line.Doors[0].Spans); diff != "" {
		t.Errorf("the door (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Span{span(1, 4.5), span(20, 21.5)}, line.Views[0].Known); diff != "" {
		t.Errorf("the view (-want +got):\n%s", diff)
	}
}
