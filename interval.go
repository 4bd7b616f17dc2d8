package portvigil

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Mark is a moment of a view's history: which look it was, its place in the
// order of the view's looks, and when the server received it. The zero value is
// no moment.
type Mark struct {
	Seq  uint64    `json:"seq"`
	Look string    `json:"look"`
	Time time.Time `json:"time"`
}

// IsZero reports whether the mark is no moment.
func (m Mark) IsZero() bool { return m.Look == "" && m.Seq == 0 && m.Time.IsZero() }

func (m Mark) compare(n Mark) int {
	return cmp.Or(cmp.Compare(m.Seq, n.Seq), cmp.Compare(m.Look, n.Look))
}

// Entrance is where something was open: seen from outside the address that was
// looked at, seen inside the address that a socket was bound to.
type Entrance struct {
	Address netip.Addr `json:"address"`
	Proto   Proto      `json:"proto"`
	Port    uint16     `json:"port"`
	// Apart tells that it was in another network namespace than the one of the
	// process that looked: a look that does not go there does not deny it.
	Apart bool `json:"apart,omitempty"`
}

func (e Entrance) compare(f Entrance) int {
	apart := 0
	if e.Apart != f.Apart {
		apart = -1
		if e.Apart {
			apart = 1
		}
	}
	return cmp.Or(cmp.Compare(e.Proto, f.Proto), cmp.Compare(e.Port, f.Port), e.Address.Compare(f.Address), apart)
}

// StateGone is how an interval ends whose address the host no longer has.
const StateGone PortState = "gone"

// Interval is a time during which a view saw an entrance open whenever it looked.
// What was between two of its moments is known at those moments only:
//
//	After         First            Last          End
//	──┼─ ─ ─ ─ ─ ─ ─┼───────┼────────┼─ ─ ─ ─ ─ ─ ─┼──
//	not open    first seen       last seen      seen shut
//	           (opened somewhere before, shut somewhere after)
type Interval struct {
	Key ViewKey `json:"-"`
	Entrance
	// After is when a complete look last covered it without seeing it open before
	// it was; zero where none had.
	After time.Time `json:"after,omitzero"`
	First Mark      `json:"first"`
	Last  Mark      `json:"last"`
	// End is the look that saw it shut; zero while none did.
	End Mark `json:"end,omitzero"`
	// Ended is what it was then: closed, filtered, or gone. "" while it lasts.
	Ended PortState `json:"ended,omitempty"`
}

// Lasts reports whether no look has seen the end of it.
func (i Interval) Lasts() bool { return i.Ended == "" }

// Watched is a time during which complete looks of a view covered the same, none
// of them long after the one before.
type Watched struct {
	Key    ViewKey    `json:"-"`
	Ports  *PortSet   `json:"ports,omitempty"`  // outside
	Covers []Coverage `json:"covers,omitempty"` // inside, in alphabetical order
	// Default is what most ports were; open|filtered where any port was: looks with
	// silence in them deny nothing.
	Default PortState `json:"default_state,omitempty"`
	First   Mark      `json:"first"`
	Last    Mark      `json:"last"`
	// Pause is the longest time from one of the looks to the next.
	Pause time.Duration `json:"pause"`
}

// Covered names what the looks covered: ports, or parts of the machine.
func (w Watched) Covered() string {
	if w.Ports != nil {
		return w.Ports.String()
	}
	parts := make([]string, len(w.Covers))
	for i, c := range w.Covers {
		parts[i] = string(c)
	}
	return strings.Join(parts, ",")
}

func (w Watched) alike(v Watched) bool { return w.Default == v.Default && w.Covered() == v.Covered() }

// tells reports whether looks such as these would have shown the entrance if
// it was open.
func (w Watched) tells(e Entrance) bool { return w.covers(e) && w.Default != StateOpenFiltered }

// covers reports whether the looks went where the entrance is.
func (w Watched) covers(e Entrance) bool {
	if w.Key.View == Inside {
		return slices.Contains(w.Covers, CoversSockets) && (!e.Apart || slices.Contains(w.Covers, CoversNamespaces))
	}
	return w.Key.Proto == e.Proto && w.Key.Address == e.Address && w.Ports.Contains(e.Port)
}

// longestPause is the pause beyond which another Watched begins. It is one and a
// half of the default time between two looks, and no claim: who asks whether a
// view was fresh at a time goes by the host's own interval, and by Pause.
func longestPause(v View) time.Duration {
	if v == Inside {
		return DefaultInsideInterval * 3 / 2
	}
	return DefaultOutsideInterval * 3 / 2
}
