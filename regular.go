package portvigil

import (
	"slices"
	"time"
)

// RegularUDP returns the UDP ports of a host's regular look from outside (RULES
// section 1): the common ones, those in its baseline, and those that a view sees open,
// inside beyond loopback. What was open once is left out, and so is a socket on an
// ephemeral port that nobody would be told of: resolvers open one after the other.
func RegularUDP(common *PortSet, b Baseline, trails []Trail, now time.Time) *PortSet {
	ports := common.Clone()
	for _, e := range b.Entries {
		if e.Proto == UDP && e.Scope != ScopeLoopback && !e.Expired(now) {
			ports.AddRange(e.Ports)
		}
	}
	for _, t := range trails {
		for _, s := range t.Sights {
			if s.Door.Proto == UDP && s.Open() && (t.Key.View == Outside || s.listensForOthers()) {
				ports.Add(s.Door.Port)
			}
		}
	}
	return ports
}

// listensForOthers reports whether what listens is there to be reached: beyond
// loopback, and on an ephemeral port for as long as RULES section 3 asks.
func (s Sight) listensForOthers() bool {
	if DefaultEphemeral.Contains(s.Door.Port) && s.Last.Sub(s.Since) < EphemeralApart {
		return false
	}
	return slices.ContainsFunc(s.Listeners, func(l Listener) bool { return l.Scope != ScopeLoopback })
}
