package portvigil

import (
	"slices"
	"time"
)

// RegularUDP returns the UDP ports of a host's regular look from outside (RULES
// section 1): the common ones, those in its baseline, and those that a view sees open,
// inside beyond loopback. What once was open and is shut is left to the others: the
// sockets of resolvers, each of which is there for a moment, would become all ports.
func RegularUDP(common *PortSet, b Baseline, trails []Trail, now time.Time) *PortSet {
	ports := common.Clone()
	for _, e := range b.Entries {
		if e.Proto == UDP && e.Scope != ScopeLoopback && !e.Expired(now) {
			ports.AddRange(e.Ports)
		}
	}
	beyond := func(l Listener) bool { return l.Scope != ScopeLoopback }
	for _, t := range trails {
		for _, s := range t.Sights {
			if s.Door.Proto == UDP && s.Open() && (t.Key.View == Outside || slices.ContainsFunc(s.Listeners, beyond)) {
				ports.Add(s.Door.Port)
			}
		}
	}
	return ports
}
