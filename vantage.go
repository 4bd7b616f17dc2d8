package portvigil

import (
	"maps"
	"slices"
	"time"
)

// VantageBlindHosts is how many hosts a vantage has to be blind for, beside
// more than half of all that it looks at, until it is the vantage that is told
// of: with fewer, hosts that are down are the likelier reason.
const VantageBlindHosts = 3

// VantageSubject names a vantage as what an alert is about.
func VantageSubject(name string) Subject { return Subject{"vantage", name} }

// VantageSight is whether a vantage sees one of its hosts.
type VantageSight struct {
	Vantage string
	Sees    bool
	Last    time.Time // the newest complete look; zero for none
}

// VantageSights says of each vantage that has looked at the host whether it
// sees it: the newest look at any of its addresses is complete, and no older
// than a fresh look may be.
func VantageSights(h Host, trails []Trail, now time.Time) []VantageSight {
	byName := map[string]VantageSight{}
	for i := range trails {
		t := &trails[i]
		if t.Key.View != Outside || t.Newest.ID == "" {
			continue
		}
		s, last := byName[t.Key.Vantage], t.lastComplete()
		s.Vantage = t.Key.Vantage
		s.Sees = s.Sees || t.Newest.Complete && now.Sub(last) <= h.Interval(Outside)*3/2
		if last.After(s.Last) {
			s.Last = last
		}
		byName[t.Key.Vantage] = s
	}
	var list []VantageSight
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		list = append(list, byName[name])
	}
	return list
}

// BlindVantages returns a trouble for each vantage that is blind for at least
// VantageBlindHosts hosts and for more than half of all that it looks at. The
// spell began after the last complete look at one that it is blind for.
func BlindVantages(sights []VantageSight) []Trouble {
	type count struct {
		hosts, blind int
		last         time.Time
	}
	byName := map[string]count{}
	for _, s := range sights {
		c := byName[s.Vantage]
		c.hosts++
		if !s.Sees {
			c.blind++
			if s.Last.After(c.last) {
				c.last = s.Last
			}
		}
		byName[s.Vantage] = c
	}
	var list []Trouble
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if c := byName[name]; c.blind >= VantageBlindHosts && 2*c.blind > c.hosts {
			list = append(list, Trouble{VantageBlind, VantageSubject(name), c.last})
		}
	}
	return list
}
