package portvigil

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// History folds the looks of one view into intervals. It holds what the next look
// can change; what can no longer change is with who keeps it.
type History struct {
	Key ViewKey
	// Newest is the last look that was folded.
	Newest Mark
	// Lasting are the intervals without an end, one an entrance.
	Lasting []Interval
	// Watched has the newest of each kind of coverage.
	Watched []Watched
}

// Follows reports whether the look may be added as the next. One that came late,
// or before its predecessor by a clock that was set back, needs them all anew:
// ReplayHistory.
func (h *History) Follows(l *Look) bool {
	return h.Newest.IsZero() || h.Newest.compare(Mark{Seq: l.Seq, Look: l.ID}) < 0 && !l.Received.Before(h.Newest.Time)
}

// TellsHistory reports whether anything is concluded from the look: nothing is
// from one at the vantage's own machine, or where something in front of the host
// answered in its place.
func TellsHistory(l *Look) bool {
	return !l.OwnAddress && !slices.ContainsFunc(l.Notes, func(note string) bool { return NoteCode(note) == "answers-everywhere" })
}

// Add folds the next look, and returns the intervals and coverage that it began,
// confirmed or ended. Only a complete look ends what it covered.
func (h *History) Add(l *Look) (intervals []Interval, watched []Watched) { return h.add(l, l.Received) }

func (h *History) add(l *Look, received time.Time) (intervals []Interval, watched []Watched) {
	if !TellsHistory(l) {
		return nil, nil
	}
	mark := Mark{l.Seq, l.ID, received}
	h.Key, h.Newest = l.Key(), mark
	coverage := coverageOf(l, mark)

	open := entrancesOf(l)
	var lasting []Interval
	for _, i := range h.Lasting {
		switch state := endedBy(l, coverage, i.Entrance); {
		case open[i.Entrance]:
			delete(open, i.Entrance)
			i.Last = mark
			lasting = append(lasting, i)
		case state == "":
			lasting = append(lasting, i)
			continue
		default:
			i.End, i.Ended = mark, state
		}
		intervals = append(intervals, i)
	}
	for e := range open { // those that were not open before
		i := Interval{Key: h.Key, Entrance: e, After: h.lastWithout(e), First: mark, Last: mark}
		intervals, lasting = append(intervals, i), append(lasting, i)
	}
	byEntrance := func(a, b Interval) int { return a.Entrance.compare(b.Entrance) }
	slices.SortFunc(intervals, byEntrance)
	slices.SortFunc(lasting, byEntrance)
	h.Lasting = lasting
	if l.Complete && coverage.Covered() != "" {
		watched = append(watched, h.watch(coverage))
	}
	return intervals, watched
}

// lastWithout returns when a complete look last saw the entrance shut, zero where
// that is not known. It is asked where the entrance is not open: if the newest
// look that covered it could tell, it saw it shut. One with silence in it may have
// ended what looks of before saw open, so that those say nothing any more.
func (h *History) lastWithout(e Entrance) time.Time {
	var newest Watched
	for _, w := range h.Watched {
		if w.covers(e) && w.Last.compare(newest.Last) >= 0 {
			newest = w
		}
	}
	if !newest.tells(e) {
		return time.Time{}
	}
	return newest.Last.Time
}

// watch continues the coverage of the same kind, or begins one in its place.
func (h *History) watch(w Watched) Watched {
	at := slices.IndexFunc(h.Watched, w.alike)
	if at < 0 {
		h.Watched = append(h.Watched, w)
		return w
	}
	if pause := w.Last.Time.Sub(h.Watched[at].Last.Time); pause <= longestPause(h.Key.View) {
		w.First, w.Pause = h.Watched[at].First, max(pause, h.Watched[at].Pause)
	}
	h.Watched[at] = w
	return w
}

// endedBy returns as what the look saw an entrance that it did not see open, ""
// where it says nothing of it.
func endedBy(l *Look, coverage Watched, e Entrance) PortState {
	if !l.Complete {
		return ""
	}
	if l.View == Inside {
		if coverage.tells(e) {
			return StateClosed
		}
		return ""
	}
	if !l.Ports.Contains(e.Port) {
		return ""
	}
	state := l.DefaultState
	for _, o := range l.Observations {
		if o.Port == e.Port {
			state = o.State
		}
	}
	if state == StateOpenFiltered {
		return "" // silence: it may be either
	}
	return state
}

// entrancesOf returns what the look saw open.
func entrancesOf(l *Look) map[Entrance]bool {
	open := map[Entrance]bool{}
	for _, o := range l.Observations {
		if o.State == StateOpen {
			open[Entrance{Address: l.Address, Proto: l.Proto, Port: o.Port}] = true
		}
	}
	for _, s := range l.Listeners {
		open[Entrance{Address: s.Address, Proto: s.Proto, Port: s.Port, Apart: s.Namespace != 0}] = true
	}
	return open
}

func coverageOf(l *Look, mark Mark) Watched {
	w := Watched{Key: l.Key(), Default: l.DefaultState, First: mark, Last: mark}
	if l.View == Inside {
		w.Covers = slices.Compact(slices.Sorted(slices.Values(l.Covers)))
		return w
	}
	w.Ports = l.Ports
	if slices.ContainsFunc(l.Observations, func(o Observation) bool { return o.State == StateOpenFiltered }) {
		w.Default = StateOpenFiltered
	}
	return w
}

// ReplayHistory folds looks of one view, in any order, and returns every interval
// and coverage that follows from them. A look counts as received when the next
// one was at the latest: late news, and clocks that are set back, change no order.
func ReplayHistory(h *History, looks []*Look) (intervals []Interval, watched []Watched) {
	ordered := slices.Clone(looks)
	slices.SortFunc(ordered, func(a, b *Look) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.ID, b.ID))
	})
	ordered = slices.DeleteFunc(ordered, func(l *Look) bool { return !TellsHistory(l) })
	received := make([]time.Time, len(ordered))
	for i := len(ordered) - 1; i >= 0; i-- {
		received[i] = ordered[i].Received
		if i+1 < len(ordered) && received[i+1].Before(received[i]) {
			received[i] = received[i+1]
		}
	}
	var changes historyChanges
	for i, l := range ordered {
		changes.note(h.add(l, received[i]))
	}
	return changes.intervals, changes.watched
}

// historyChanges keeps the newest form of each interval and coverage.
type historyChanges struct {
	intervals []Interval
	watched   []Watched
	at        map[string]int
}

func (c *historyChanges) note(intervals []Interval, watched []Watched) {
	if c.at == nil {
		c.at = map[string]int{}
	}
	for _, i := range intervals {
		latest(c.at, &c.intervals, fmt.Sprint(i.First.Look, i.Entrance), i)
	}
	for _, w := range watched {
		latest(c.at, &c.watched, w.First.Look+" "+string(w.Default)+" "+w.Covered(), w)
	}
}

func latest[T any](at map[string]int, list *[]T, key string, v T) {
	if i, found := at[key]; found {
		(*list)[i] = v
		return
	}
	at[key] = len(*list)
	*list = append(*list, v)
}

// Door returns the entrance's protocol and port.
func (e Entrance) Door() Door { return Door{e.Proto, e.Port} }
