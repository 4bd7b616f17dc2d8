package portvigil

import (
	"net/netip"
	"slices"
	"time"
)

// CoversInside reports whether the entry covers a listener that an inside look
// saw: protocol, port and address match, and the entry has not expired. From
// and scope play no part in it: a wider scope makes a covered door "changed".
func (e Entry) CoversInside(l Listener, now time.Time) bool {
	return e.coversDoor(Door{l.Proto, l.Port}, now) && e.holdsBound(l.Address)
}

// CoversOutside reports whether the entry covers a door that a vantage saw at
// an address. Beyond what CoversInside asks, From must hold the vantage or its
// reach; an entry for loopback covers nothing that is seen from outside, a
// private one nothing that is seen from the internet.
func (e Entry) CoversOutside(addr netip.Addr, d Door, vantage string, reach Reach, now time.Time) bool {
	if !e.coversDoor(d, now) || !e.holdsAddress(addr) || !e.AsksFor(vantage, reach) {
		return false
	}
	return e.Scope != ScopeLoopback && (e.Scope != ScopePrivate || reach != ReachInternet)
}

// AsksFor reports whether From holds the vantage or its reach; an empty From
// holds every one.
func (e Entry) AsksFor(vantage string, reach Reach) bool {
	return len(e.From) == 0 ||
		vantage != "" && slices.Contains(e.From, vantage) ||
		reach != "" && slices.Contains(e.From, string(reach))
}

func (e Entry) coversDoor(d Door, now time.Time) bool {
	return e.Proto == d.Proto && e.Ports.Contains(d.Port) && !e.Expired(now)
}

// holdsAddress reports whether the address is one that the entry is about.
func (e Entry) holdsAddress(a netip.Addr) bool {
	if !e.Address.IsValid() {
		return true
	}
	return e.Address.Contains(a.Unmap().WithZone(""))
}

// holdsBound does the same for what a socket is bound to. A wildcard socket
// takes every address, so that only an entry about all of them holds it: an
// entry about 10.1.0.5 must not hide that its service opened everywhere.
func (e Entry) holdsBound(a netip.Addr) bool {
	if a.IsUnspecified() && e.Address.IsValid() && e.Address.Bits() > 0 {
		return false
	}
	return e.holdsAddress(a)
}

// CoveringInside returns the entries that cover the listener, the most specific
// first.
func (b Baseline) CoveringInside(l Listener, now time.Time) []Entry {
	return b.covering(func(e Entry) bool { return e.CoversInside(l, now) })
}

// CoveringOutside returns the entries that cover the door as the vantage saw
// it, the most specific first.
func (b Baseline) CoveringOutside(addr netip.Addr, d Door, vantage string, reach Reach, now time.Time) []Entry {
	return b.covering(func(e Entry) bool { return e.CoversOutside(addr, d, vantage, reach, now) })
}

func (b Baseline) covering(covers func(Entry) bool) []Entry {
	var out []Entry
	for _, e := range b.Entries {
		if covers(e) {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, compareSpecific)
	return out
}

// compareSpecific orders host before group and single port before range. A
// stable sort by it leaves the first in the file first.
func compareSpecific(a, b Entry) int {
	rank := func(e Entry) int {
		r := 0
		if e.Group != "" {
			r += 2
		}
		if !e.Ports.Single() {
			r++
		}
		return r
	}
	return rank(a) - rank(b)
}

// AllowMatching returns the first allow line that matches what is seen.
func (b Baseline) AllowMatching(s AllowSeen, now time.Time) (Allow, bool) {
	for _, a := range b.Allow {
		if a.Matches(s, now) {
			return a, true
		}
	}
	return Allow{}, false
}
