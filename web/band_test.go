package web

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

// hours is a span of the day before noon.
func hours(from, to float64) portvigil.Span {
	at := func(h float64) time.Time { return noon.Add(-24*time.Hour + time.Duration(h*float64(time.Hour))) }
	return portvigil.Span{From: at(from), To: at(to)}
}

// dayOf is a timeline of that day.
func dayOf(views []portvigil.TimelineView, doors ...portvigil.TimelineDoor) portvigil.Timeline {
	return portvigil.Timeline{Host: "web1", From: noon.Add(-24 * time.Hour), To: noon, Views: views, Doors: doors}
}

func TestABandTellsOpenPerhapsWatchedAndNotWatchedApart(t *testing.T) {
	t.Parallel()
	at := netip.MustParseAddr("10.0.0.1")
	door := portvigil.TimelineDoor{View: portvigil.Outside, Vantage: "office", Entrance: portvigil.Entrance{Address: at, Proto: portvigil.TCP, Port: 80},
		Spans: []portvigil.StateSpan{{Span: hours(6, 12), State: portvigil.PastOpen}, {Span: hours(12, 15), State: portvigil.PastUnknown}}}
	other := portvigil.TimelineView{View: portvigil.Outside, Vantage: "home", Address: "10.0.0.1", Proto: portvigil.TCP, Known: []portvigil.Span{hours(0, 24)}}
	own := portvigil.TimelineView{View: portvigil.Outside, Vantage: "office", Address: "10.0.0.1", Proto: portvigil.TCP, Known: []portvigil.Span{hours(0, 12), hours(18, 24)}}
	got := doorBand(dayOf([]portvigil.TimelineView{other, own}), door)
	want := band{Who: "outside from office, 10.0.0.1", Words: "open from 22 Nov 18:00 to 23 Nov 00:00; not known from 23 Nov 00:00 to 23 Nov 03:00", Paths: []bandPath{
		{"watched", "M750 14h250v4h-250zM0 14h500v4h-500z"}, {"unknown", "M500 6h125v6h-125z"}, {"open", "M250 0h250v18h-250z"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatWasOpenForAMinuteIsSeenInADay(t *testing.T) {
	t.Parallel()
	var b band
	b.draw(dayOf(nil), []portvigil.Span{{From: noon.Add(-time.Minute), To: noon}, {From: noon.Add(-12 * time.Hour), To: noon.Add(-12*time.Hour + time.Minute)}}, "open")
	if diff := cmp.Diff([]bandPath{{"open", "M997 0h3v18h-3zM500 0h3v18h-3z"}}, b.Paths); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestBandsStayWithinTheirWidthAndDrawNothingTwice draws any spans, in any order.
func TestBandsStayWithinTheirWidthAndDrawNothingTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var spans []portvigil.Span
		from := 0.0
		for range rapid.IntRange(0, 300).Draw(t, "spans") {
			from += rapid.Float64Range(0, 0.3).Draw(t, "apart")
			to := from + rapid.Float64Range(0.0001, 0.3).Draw(t, "long")
			if to > 24 {
				break
			}
			spans = append(spans, hours(from, to))
			from = to
		}
		var b, shuffled band
		b.draw(dayOf(nil), spans, "open")
		shuffled.draw(dayOf(nil), rapid.Permutation(spans).Draw(t, "order"), "open")
		if diff := cmp.Diff(b, shuffled); diff != "" {
			t.Fatalf("the order matters:\n%s", diff)
		}
		if len(spans) > 0 && (len(b.Paths) != 1 || b.Paths[0].D == "") {
			t.Fatalf("nothing is drawn of %d spans", len(spans))
		}
		right := bandWidth
		for _, p := range b.Paths {
			for _, piece := range strings.Split(strings.TrimSuffix(p.D, "z"), "z") {
				var x, y, wide, high, back int
				if _, err := fmt.Sscanf(piece, "M%d %dh%dv%dh-%d", &x, &y, &wide, &high, &back); err != nil || back != wide {
					t.Fatalf("%q is no piece: %v", piece, err)
				}
				if x < 0 || wide < 1 || x+wide > right {
					t.Fatalf("%q is out of the band, or over what is drawn at %d", piece, right)
				}
				right = x
			}
		}
	})
}

func TestManyTimesAreSaidShortly(t *testing.T) {
	t.Parallel()
	line := dayOf(nil)
	for _, c := range []struct {
		spans []portvigil.Span
		want  string
	}{
		{nil, "never open"},
		{[]portvigil.Span{hours(0, 24)}, "open from before to now"},
		{[]portvigil.Span{hours(0, 1), hours(2, 3), hours(4, 5), hours(6, 7), hours(8, 9), hours(10, 24)},
			"open from 22 Nov 22:00 to now, from 22 Nov 20:00 to 22 Nov 21:00, from 22 Nov 18:00 to 22 Nov 19:00, from 22 Nov 16:00 to 22 Nov 17:00 and 2 times before"},
	} {
		if got := spanWords("open", line, c.spans); got != c.want {
			t.Errorf("%d spans: %q", len(c.spans), got)
		}
	}
}

func TestTheHistoryIsAboutTheTimeThatIsChosen(t *testing.T) {
	t.Parallel()
	door := func(port uint16) portvigil.TimelineDoor {
		return portvigil.TimelineDoor{View: portvigil.Inside, Entrance: portvigil.Entrance{Address: netip.IPv4Unspecified(), Proto: portvigil.TCP, Port: port},
			Scope: portvigil.ScopeAny, Spans: []portvigil.StateSpan{{Span: hours(6, 24), State: portvigil.PastOpen}}}
	}
	for _, c := range []struct {
		query, asked string
		says, not    []string
	}{
		{"", `history of "web1" for 168h0m0s`, []string{"22/tcp inside, 0.0.0.0 open from 22 Nov 18:00 to now", "443/tcp", "16 November 2026, 12:00 UTC", "Show"}, []string{"left out"}},
		{"?days=1", `history of "web1" for 24h0m0s`, nil, nil},
		{"?days=90", `history of "web1" for 2160h0m0s`, nil, nil},
		{"?days=36500", `history of "web1" for 168h0m0s`, nil, nil},
		{"?days=1&q=443", `history of "web1" for 24h0m0s`, []string{"443/tcp"}, []string{"22/tcp"}},
		{"?q=9", `history of "web1" for 168h0m0s`, []string{"No door like that was open then"}, nil},
	} {
		e := edited(func(e *fakeEngine) { e.timeline = dayOf(nil, door(22), door(443)) })
		w := newSite(base, e).get(t, "/hosts/web1/history"+c.query)
		if asked := e.asked(); len(asked) == 0 || asked[len(asked)-1] != c.asked {
			t.Errorf("%s: asked was %q", c.query, asked)
		}
		reads(t, w, c.says, c.not)
	}
}
