package portvigil

import (
	"cmp"
	"slices"
	"time"
)

// Timeline is what was reachable on a host during a time, as its views saw it: what
// Past says of each moment of it.
type Timeline struct {
	Host  string         `json:"host"`
	From  time.Time      `json:"from"`
	To    time.Time      `json:"to"`
	Views []TimelineView `json:"views"`
	Doors []TimelineDoor `json:"doors"`
	// LeftOut is how many intervals, or times in which a view watched, were too many
	// for a picture; the oldest are left out, and unknown is said of them.
	LeftOut int `json:"left_out,omitempty"`
}

// Span is a part of a timeline: from From on, and before To.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// TimelineView says when a view could tell what was reachable.
type TimelineView struct {
	View    View   `json:"view"`
	Vantage string `json:"vantage,omitempty"`
	Address string `json:"address,omitempty"`
	Proto   Proto  `json:"proto,omitempty"`
	Covered string `json:"covered"` // ports, or parts of the machine
	Known   []Span `json:"known"`   // in order, apart from each other
}

// TimelineDoor is an entrance that a view saw open at some time.
type TimelineDoor struct {
	View    View   `json:"view"`
	Vantage string `json:"vantage,omitempty"`
	Entrance
	Scope Scope       `json:"scope,omitempty"` // inside: how far the socket could be reached
	Spans []StateSpan `json:"spans"`           // in order; what lies between them was not open
}

// StateSpan is a time during which an entrance was in one state.
type StateSpan struct {
	Span
	State PastState `json:"state"`
}

// TimelineOf says what was reachable on the host between two moments, from its
// intervals and from what was watched.
func TimelineOf(h Host, from, to time.Time, intervals []Interval, watched []Watched) Timeline {
	t := Timeline{Host: h.Name, From: from.UTC(), To: to.UTC(), Views: []TimelineView{}, Doors: []TimelineDoor{}}
	for _, w := range watched {
		t.watch(h, w)
	}
	for i := range t.Views {
		t.Views[i].Known = joined(t.Views[i].Known)
	}
	t.Views = slices.DeleteFunc(t.Views, func(v TimelineView) bool { return len(v.Known) == 0 })
	for _, i := range intervals {
		t.open(h, i, watched)
	}
	t.Doors = slices.DeleteFunc(t.Doors, func(d TimelineDoor) bool { return len(d.Spans) == 0 })
	for _, d := range t.Doors {
		slices.SortFunc(d.Spans, func(a, b StateSpan) int { return a.From.Compare(b.From) })
	}
	slices.SortStableFunc(t.Views, func(a, b TimelineView) int {
		return cmp.Or(cmp.Compare(a.View, b.View), cmp.Compare(a.Vantage, b.Vantage), cmp.Compare(a.Address, b.Address),
			cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Covered, b.Covered))
	})
	slices.SortStableFunc(t.Doors, func(a, b TimelineDoor) int {
		return cmp.Or(a.Entrance.compare(b.Entrance), cmp.Compare(b.View, a.View), cmp.Compare(a.Vantage, b.Vantage))
	})
	return t
}

// clip is what of the span lies in the timeline; false where nothing does.
func (t *Timeline) clip(s Span) (Span, bool) {
	if s.From.Before(t.From) {
		s.From = t.From
	}
	if s.To.After(t.To) {
		s.To = t.To
	}
	return s, s.From.Before(s.To)
}

// watch adds when one row of what was watched could tell.
func (t *Timeline) watch(h Host, w Watched) {
	at := w.viewAt(h, t.From)
	v := TimelineView{View: at.View, Vantage: at.Vantage, Address: at.Address, Proto: at.Proto, Covered: at.Covered}
	i := slices.IndexFunc(t.Views, func(o TimelineView) bool {
		return o.View == v.View && o.Vantage == v.Vantage && o.Address == v.Address && o.Proto == v.Proto && o.Covered == v.Covered
	})
	if i < 0 {
		i, t.Views = len(t.Views), append(t.Views, v)
	}
	lasts := fresh(h, w.Key.View)
	spans := []Span{{w.First.Time, w.Last.Time.Add(lasts)}}
	if w.Pause > lasts { // somewhere between its looks it could not
		spans = []Span{{w.First.Time, w.First.Time.Add(lasts)}, {w.Last.Time, w.Last.Time.Add(lasts)}}
	}
	for _, s := range spans {
		if s, ok := t.clip(s); ok {
			t.Views[i].Known = append(t.Views[i].Known, s)
		}
	}
}

// joined are the spans in order, those that meet being one.
func joined(spans []Span) (list []Span) {
	slices.SortFunc(spans, func(a, b Span) int { return a.From.Compare(b.From) })
	for _, s := range spans {
		last := len(list) - 1
		switch {
		case last < 0 || list[last].To.Before(s.From):
			list = append(list, s)
		case s.To.After(list[last].To):
			list[last].To = s.To
		}
	}
	return list
}

// open adds the states of one interval.
func (t *Timeline) open(h Host, i Interval, watched []Watched) {
	at := slices.IndexFunc(t.Doors, func(d TimelineDoor) bool {
		return d.View == i.Key.View && d.Vantage == i.Key.Vantage && d.Entrance == i.Entrance
	})
	if at < 0 {
		d := TimelineDoor{View: i.Key.View, Vantage: i.Key.Vantage, Entrance: i.Entrance}
		if i.Key.View == Inside {
			d.Scope = ScopeOf(i.Address)
		}
		at, t.Doors = len(t.Doors), append(t.Doors, d)
	}
	watched = slices.DeleteFunc(slices.Clone(watched), func(w Watched) bool { return w.Key != i.Key || !w.covers(i.Entrance) })
	turns := t.turns(h, i, watched)
	d := &t.Doors[at]
	first := len(d.Spans)
	for n := range len(turns) - 1 {
		s := Span{turns[n], turns[n+1]}
		middle := s.From.Add(s.To.Sub(s.From) / 2)
		if !i.touches(middle) {
			continue
		}
		state, _ := i.at(h, middle, newestBy(middle, watched))
		last := len(d.Spans) - 1
		if last >= first && d.Spans[last].State == state && d.Spans[last].To.Equal(s.From) {
			d.Spans[last].To = s.To
		} else {
			d.Spans = append(d.Spans, StateSpan{s, state})
		}
	}
}

// turns are the moments, in order, at which what is said of an interval may become
// another; between two of them it is the same. The first and the last are the
// timeline's own.
func (t *Timeline) turns(h Host, i Interval, watched []Watched) []time.Time {
	lasts := fresh(h, i.Key.View)
	list := []time.Time{i.First.Time, i.First.Time.Add(lasts), i.Last.Time, i.Last.Time.Add(lasts), i.End.Time, i.After}
	for _, w := range watched {
		for _, mark := range []time.Time{w.First.Time, w.Last.Time} {
			list = append(list, mark, mark.Add(lasts), mark.Add(w.Pause))
		}
		list = append(list, i.First.Time.Add(w.Pause), i.Last.Time.Add(w.Pause))
	}
	list = slices.DeleteFunc(list, func(at time.Time) bool { return !at.After(t.From) || !at.Before(t.To) })
	list = append(list, t.From, t.To)
	slices.SortFunc(list, time.Time.Compare)
	return slices.CompactFunc(list, time.Time.Equal)
}
