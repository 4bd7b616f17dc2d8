package portvigil

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func pastAt(hours float64) time.Time {
	return time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(hours * float64(time.Hour)))
}

// inside is a look from inside at the hour that saw these ports open.
func insideAt(hour float64, complete bool, ports ...uint16) *Look {
	l := &Look{ID: NewID(), View: Inside, Seq: uint64(hour*60) + 1, Received: pastAt(hour), Complete: complete, Covers: []Coverage{CoversSockets}}
	for _, p := range ports {
		l.Listeners = append(l.Listeners, Listener{Proto: TCP, Port: p, Address: netip.IPv4Unspecified()})
	}
	return l
}

func TestWhatWasReachableAtAMoment(t *testing.T) {
	t.Parallel()
	host := Host{Name: "db1", Inside: time.Hour, Outside: 24 * time.Hour}
	for name, test := range map[string]struct {
		looks []*Look
		at    float64
		state PastState // of the only door; "" for none
		known bool      // whether the view was fresh
	}{
		"before any look nothing is known":             {[]*Look{insideAt(5, true, 22)}, 4, "", false},
		"at a look what it saw is open":                {[]*Look{insideAt(5, true, 22)}, 5, PastOpen, true},
		"after a look it is, while the look is fresh":  {[]*Look{insideAt(5, true, 22)}, 6.5, PastOpen, true},
		"after that it is unknown":                     {[]*Look{insideAt(5, true, 22)}, 6.6, PastUnknown, false},
		"between two looks that saw it":                {[]*Look{insideAt(5, true, 22), insideAt(6, true, 22)}, 5.5, PastOpen, true},
		"long between two looks that saw it":           {[]*Look{insideAt(5, true, 22), insideAt(50, true, 22)}, 40, PastUnknown, false},
		"between being open and being seen shut":       {[]*Look{insideAt(5, true, 22), insideAt(6, true)}, 5.5, PastUnknown, true},
		"when it was seen shut":                        {[]*Look{insideAt(5, true, 22), insideAt(6, true)}, 6, "", true},
		"between being shut and being seen open":       {[]*Look{insideAt(5, true), insideAt(6, true, 22)}, 5.5, PastUnknown, true},
		"an incomplete look ends nothing":              {[]*Look{insideAt(5, true, 22), insideAt(5.5, false)}, 6, PastOpen, true},
		"an incomplete look still says what is open":   {[]*Look{insideAt(5, false, 22)}, 6, PastOpen, false},
		"an incomplete look confirms nothing unseen":   {[]*Look{insideAt(5, true, 22), insideAt(7, false)}, 7, PastUnknown, false},
		"a run of looks knows all of its time":         {[]*Look{insideAt(1, true, 22), insideAt(2, true, 22), insideAt(3, true, 22), insideAt(4, true, 22)}, 2.5, PastOpen, true},
		"seen shut and open again, it is shut between": {[]*Look{insideAt(1, true, 22), insideAt(2, true), insideAt(3, true), insideAt(4, true, 22)}, 3, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			intervals, watched := ReplayHistory(&History{Key: test.looks[0].Key()}, test.looks)
			p := PastOf(host, pastAt(test.at), intervals, watched)
			var state PastState
			if len(p.Doors) > 0 {
				state = p.Doors[0].State
			}
			known := len(p.Views) == 1 && p.Views[0].Known
			if len(p.Doors) > 1 || state != test.state || known != test.known {
				t.Errorf("got %q, known %v, want %q, known %v: %+v", state, known, test.state, test.known, p)
			}
		})
	}
}

func TestWhatALookCannotSeeItDoesNotEnd(t *testing.T) {
	t.Parallel()
	apart := insideAt(1, true, 80)
	apart.Covers, apart.Listeners[0].Namespace = append(apart.Covers, CoversNamespaces), 7
	own := insideAt(2, true)
	own.OwnAddress = true
	front := insideAt(3, true)
	front.Notes = []string{"answers-everywhere: 65535 of 65535 ports are open"}
	blind := insideAt(4, true)
	blind.Covers = []Coverage{CoversOwners}
	intervals, _ := ReplayHistory(&History{Key: apart.Key()}, []*Look{apart, own, front, blind, insideAt(5, true)})
	if len(intervals) != 1 || !intervals[0].Lasts() || !intervals[0].Last.Time.Equal(pastAt(1)) {
		t.Errorf("got %+v, want one interval that lasts and was last seen in the first look", intervals)
	}
	end := insideAt(6, true)
	end.Covers = apart.Covers
	intervals, _ = ReplayHistory(&History{Key: apart.Key()}, []*Look{apart, end})
	if len(intervals) != 1 || intervals[0].Ended != StateClosed {
		t.Errorf("got %+v, want it closed by a look that goes there", intervals)
	}
}

// TestOneByOneOrAtOnceIsTheSame folds looks as they come, and all again.
func TestOneByOneOrAtOnceIsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var looks []*Look
		hour := 0.0
		for range rapid.IntRange(1, 20).Draw(t, "looks") {
			hour += rapid.Float64Range(0.1, 3).Draw(t, "pause")
			looks = append(looks, insideAt(hour, rapid.Bool().Draw(t, "complete"), rapid.SampledFrom([][]uint16{nil, {22}, {80}, {22, 80}}).Draw(t, "open")...))
			looks[len(looks)-1].Seq = uint64(len(looks))
		}
		var one historyChanges
		h := &History{Key: looks[0].Key()}
		for _, l := range looks {
			if !h.Follows(l) {
				t.Fatalf("look %d does not follow", l.Seq)
			}
			one.note(h.Add(l))
		}
		intervals, watched := ReplayHistory(&History{Key: h.Key}, looks)
		equal(t, one.intervals, intervals)
		equal(t, one.watched, watched)
		lasting := 0
		for _, i := range intervals {
			if i.Lasts() {
				lasting++
			}
		}
		if lasting != len(h.Lasting) {
			t.Errorf("%d intervals last, and %d are held", lasting, len(h.Lasting))
		}
	})
}

func equal(t *rapid.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
