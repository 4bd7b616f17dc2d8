package portvigil

import "time"

// EntrySight is what the views say now of the doors that an entry is about. The
// zero value: nothing is known of them.
type EntrySight string

// The sights, the surer one first: where doors differ, the first that holds of any.
const (
	SightOpen       EntrySight = "open"       // from outside
	SightListening  EntrySight = "listening"  // inside, and not seen open from outside
	SightMissing    EntrySight = "missing"    // two complete looks did not find it
	SightUnverified EntrySight = "unverified" // a view that it asks for has not looked lately
	SightShut       EntrySight = "shut"       // looked at, and neither open nor listening
	SightUnknown    EntrySight = ""
)

// Opens reports whether something was seen to be open or to listen.
func (s EntrySight) Opens() bool { return s == SightOpen || s == SightListening }

// SightOf says what the exposures of a host say of an entry, whichever entry they
// were judged by. A range without an open door is shut where the host was looked at.
func SightOf(e Entry, exposures []Exposure) EntrySight {
	best := SightUnknown
	for i := range exposures {
		x := &exposures[i]
		if x.Proto != e.Proto || !e.Ports.Contains(x.Port) || x.Address.IsValid() && !e.holdsBound(x.Address) {
			continue
		}
		if s := x.sight(); s.rank() > best.rank() {
			best = s
		}
	}
	if best == SightUnknown && !e.Ports.Single() && len(exposures) > 0 {
		return SightShut
	}
	return best
}

func (x *Exposure) sight() EntrySight {
	for _, s := range x.Views.Outside {
		if s.State == string(StateOpen) {
			return SightOpen
		}
	}
	switch {
	case x.Open():
		return SightListening
	case x.Verdict == Missing:
		return SightMissing
	case x.Verdict == Unverified:
		return SightUnverified
	}
	return SightShut
}

func (s EntrySight) rank() int {
	switch s {
	case SightOpen:
		return 5
	case SightListening:
		return 4
	case SightMissing:
		return 3
	case SightUnverified:
		return 2
	case SightShut:
		return 1
	}
	return 0
}

// Surer returns the surer of two sights, as of two hosts of one group.
func (s EntrySight) Surer(o EntrySight) EntrySight {
	if o.rank() > s.rank() {
		return o
	}
	return s
}

// LastOpen is when a door was last seen open or listening by any view.
type LastOpen struct {
	Door Door
	Time time.Time
}

// LastOpenOf is when any door of the entry was last seen open; zero for never.
func LastOpenOf(e Entry, list []LastOpen) (last time.Time) {
	for _, l := range list {
		if e.Proto == l.Door.Proto && e.Ports.Contains(l.Door.Port) && l.Time.After(last) {
			last = l.Time
		}
	}
	return last
}
