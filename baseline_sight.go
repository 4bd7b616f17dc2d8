package portvigil

import (
	"net/netip"
	"slices"
	"time"
)

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

// DoorSight is what the views say now of one endpoint of a host.
type DoorSight struct {
	Door    Door
	Address netip.Addr // the zero Addr: every address of the host
	Sight   EntrySight
}

// DoorSights says it of a host's exposures, in the order that Join has them in.
func DoorSights(exposures []Exposure) []DoorSight {
	list := make([]DoorSight, len(exposures))
	for i := range exposures {
		x := &exposures[i]
		list[i] = DoorSight{x.Door(), x.Address, x.sight()}
	}
	return list
}

// SightOf says what the doors of a host say of an entry, whichever entry they were
// judged by. They come in the order of DoorSights. A range without an open door is
// shut where the host was looked at.
func SightOf(e Entry, doors []DoorSight) EntrySight {
	best := SightUnknown
	for _, s := range doors[firstOf(e, doors, doorOfSight):] {
		if s.Door.Proto != e.Proto || !e.Ports.Contains(s.Door.Port) {
			break
		}
		if !s.Address.IsValid() || e.holdsBound(s.Address) {
			best = best.Surer(s.Sight)
		}
	}
	if best == SightUnknown && !e.Ports.Single() && len(doors) > 0 {
		return SightShut
	}
	return best
}

func doorOfSight(s DoorSight) Door { return s.Door }

// firstOf is where the doors of an entry begin in a list that is in their order.
func firstOf[T any](e Entry, list []T, doorOf func(T) Door) int {
	at, _ := slices.BinarySearchFunc(list, Door{e.Proto, e.Ports.First}, func(t T, d Door) int { return compareDoors(doorOf(t), d) })
	return at
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
	case x.untold():
		return SightUnknown
	}
	return SightShut
}

// untold reports whether no view says of a UDP door that it is open or that it is shut:
// none has looked, or those that did got no answer.
func (x *Exposure) untold() bool {
	return x.Proto == UDP && x.Views.Inside == nil && !slices.ContainsFunc(x.Views.Outside, func(s Sighting) bool { return s.State != string(StateOpenFiltered) })
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

// LastOpenOf is when any door of the entry was last seen open; zero for never. The
// list is in the order of protocol and port.
func LastOpenOf(e Entry, list []LastOpen) (last time.Time) {
	for _, l := range list[firstOf(e, list, func(l LastOpen) Door { return l.Door }):] {
		if l.Door.Proto != e.Proto || !e.Ports.Contains(l.Door.Port) {
			break
		}
		if l.Time.After(last) {
			last = l.Time
		}
	}
	return last
}
