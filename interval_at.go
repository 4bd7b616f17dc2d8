package portvigil

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Past is what was reachable on a host at a moment, as its views saw it.
type Past struct {
	Host  string     `json:"host"`
	At    time.Time  `json:"at"`
	Views []PastView `json:"views"`
	Doors []PastDoor `json:"doors"`
}

// PastView says how far a view can tell what was at the moment.
type PastView struct {
	View    View   `json:"view"`
	Vantage string `json:"vantage,omitempty"`
	Address string `json:"address,omitempty"`
	Proto   Proto  `json:"proto,omitempty"`
	Covered string `json:"covered"` // ports, or parts of the machine
	// Known is whether a complete look was fresh then.
	Known bool `json:"known"`
	// Since and Last bound the looks, none of them more than Pause after the one before.
	Since time.Time     `json:"since"`
	Last  time.Time     `json:"last"`
	Pause time.Duration `json:"pause"`
}

// PastState says whether an entrance was open at the moment.
type PastState string

// The states of a PastDoor. What no view has seen open has none.
const (
	PastOpen    PastState = "open"
	PastUnknown PastState = "unknown" // it was open before or after, and nobody looked then
)

// PastDoor is an entrance that was open at the moment, or may have been.
type PastDoor struct {
	View    View   `json:"view"`
	Vantage string `json:"vantage,omitempty"`
	Entrance
	Scope Scope     `json:"scope,omitempty"` // inside: how far the socket could be reached
	State PastState `json:"state"`
	Why   string    `json:"why"`
	// The looks that say so: see Interval.
	After time.Time `json:"after,omitzero"`
	First Mark      `json:"first"`
	Last  Mark      `json:"last"`
	End   Mark      `json:"end,omitzero"`
	Ended PortState `json:"ended,omitempty"`
}

// PastOf says what was reachable on the host at the moment, from its intervals and
// from what was watched; those that do not touch the moment change nothing. A
// view knows until one and a half of the host's interval after a look.
func PastOf(h Host, at time.Time, intervals []Interval, watched []Watched) Past {
	p := Past{Host: h.Name, At: at.UTC(), Views: []PastView{}, Doors: []PastDoor{}}
	watched = newestBy(at, watched)
	for _, w := range watched {
		// A kind of coverage of long ago says nothing where a newer one does.
		if w.knows(h, at) || !slices.ContainsFunc(watched, func(v Watched) bool { return v.Key == w.Key && v.Last.compare(w.Last) > 0 }) {
			p.Views = append(p.Views, w.viewAt(h, at))
		}
	}
	for _, i := range intervals {
		if !i.touches(at) {
			continue
		}
		d := PastDoor{View: i.Key.View, Vantage: i.Key.Vantage, Entrance: i.Entrance, After: i.After,
			First: i.First, Last: i.Last, End: i.End, Ended: i.Ended}
		if i.Key.View == Inside {
			d.Scope = ScopeOf(i.Address)
		}
		d.State, d.Why = i.at(h, at, watched)
		p.Doors = append(p.Doors, d)
	}
	slices.SortStableFunc(p.Views, func(a, b PastView) int {
		return cmp.Or(cmp.Compare(a.View, b.View), cmp.Compare(a.Vantage, b.Vantage), cmp.Compare(a.Address, b.Address),
			cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Covered, b.Covered))
	})
	slices.SortStableFunc(p.Doors, func(a, b PastDoor) int {
		return cmp.Or(a.Entrance.compare(b.Entrance), cmp.Compare(b.View, a.View), cmp.Compare(a.Vantage, b.Vantage))
	})
	return p
}

// newestBy returns, of each view and kind of coverage, the newest that began by
// the moment.
func newestBy(at time.Time, watched []Watched) (list []Watched) {
	for _, w := range watched {
		if w.First.Time.After(at) {
			continue
		}
		same := slices.IndexFunc(list, func(v Watched) bool { return v.Key == w.Key && v.alike(w) })
		switch {
		case same < 0:
			list = append(list, w)
		case list[same].First.compare(w.First) < 0:
			list[same] = w
		}
	}
	return list
}

// touches reports whether the entrance was open at the moment, or may have been.
func (i Interval) touches(at time.Time) bool {
	begun := !i.First.Time.After(at) || !i.After.IsZero() && i.After.Before(at)
	return begun && (i.Lasts() || i.End.Time.After(at))
}

func (w Watched) viewAt(h Host, at time.Time) PastView {
	v := PastView{View: w.Key.View, Vantage: w.Key.Vantage, Proto: w.Key.Proto, Covered: w.Covered(),
		Since: w.First.Time, Last: w.Last.Time, Pause: w.Pause, Known: w.knows(h, at)}
	if w.Key.Address.IsValid() {
		v.Address = w.Key.Address.String()
	}
	return v
}

// fresh is how long a look at the host can be relied on.
func fresh(h Host, v View) time.Duration { return h.Interval(v) * 3 / 2 }

// knows reports whether one of the looks was fresh at the moment.
func (w Watched) knows(h Host, at time.Time) bool {
	last := w.lastBefore(at)
	return !last.IsZero() && at.Sub(last) <= fresh(h, w.Key.View)
}

// lastBefore returns when the last of the looks up to the moment was at the
// earliest; zero where all came after it.
func (w Watched) lastBefore(at time.Time) time.Time {
	switch {
	case at.Before(w.First.Time):
		return time.Time{}
	case !at.Before(w.Last.Time):
		return w.Last.Time
	}
	if earliest := at.Add(-w.Pause); earliest.After(w.First.Time) {
		return earliest
	}
	return w.First.Time
}

// at says what the interval tells of the moment, which it touches.
func (i Interval) at(h Host, at time.Time, watched []Watched) (PastState, string) {
	switch {
	case at.Before(i.First.Time):
		return PastUnknown, fmt.Sprintf("it was not open at %s, and was at %s", stamp(i.After), stamp(i.First.Time))
	case at.After(i.Last.Time) && !i.Lasts():
		return PastUnknown, fmt.Sprintf("it was last seen open at %s, and was %s at %s", stamp(i.Last.Time), i.Ended, stamp(i.End.Time))
	}
	seen := i.First.Time
	if !at.Before(i.Last.Time) {
		seen = i.Last.Time
	}
	for _, w := range watched {
		// Until Last every complete look that could tell saw it open.
		if w.Key != i.Key || !w.tells(i.Entrance) {
			continue
		}
		if last := w.lastBefore(at); last.After(seen) && !last.After(i.Last.Time) {
			seen = last
		}
	}
	switch {
	case at.Sub(seen) > fresh(h, i.Key.View) && at.Before(i.Last.Time):
		return PastUnknown, fmt.Sprintf("it was open before and at %s, and no look was fresh between", stamp(i.Last.Time))
	case at.Sub(seen) > fresh(h, i.Key.View):
		return PastUnknown, fmt.Sprintf("it was last seen open at %s, and no look was fresh then", stamp(seen))
	case seen.Equal(i.First.Time), seen.Equal(i.Last.Time):
		return PastOpen, "seen open at " + stamp(seen)
	}
	return PastOpen, fmt.Sprintf("seen open at %s or later, and at %s", stamp(seen), stamp(i.Last.Time))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
