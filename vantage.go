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

// VantageBlindInARow is how many hosts a vantage may fail to see, one after the
// other, until it is told of: hosts that are down lie scattered among others.
const VantageBlindInARow = 5

// VantageSubject names a vantage as what an alert is about.
func VantageSubject(name string) Subject { return Subject{"vantage", name} }

// VantageSight is whether a vantage sees one of its hosts.
type VantageSight struct {
	Host    string // its name
	Vantage string
	Sees    bool
	Newest  time.Time // when the newest look was received
	Last    time.Time // the newest complete one; zero for none
}

// VantageSights says of each vantage that has looked at the host whether it
// sees it: the newest look at TCP of any of its addresses is complete, and no older
// than a fresh look may be. That no UDP answers is the rule behind a firewall.
func VantageSights(h Host, trails []Trail, now time.Time) []VantageSight {
	byName := map[string]VantageSight{}
	for i := range trails {
		t := &trails[i]
		if t.Key.View != Outside || t.Key.Proto == UDP || t.Newest.ID == "" {
			continue
		}
		s, last := byName[t.Key.Vantage], t.lastComplete()
		s.Host, s.Vantage = h.Name, t.Key.Vantage
		if t.Newest.Received.After(s.Newest) {
			s.Newest = t.Newest.Received
		}
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

// FailedSince returns the hosts that a vantage did not see although it looked
// at them after it saw any, and when that was; zero where it never did.
func FailedSince(vantage string, sights []VantageSight) (hosts []string, saw time.Time) {
	for _, s := range sights {
		if s.Vantage == vantage && s.Last.After(saw) {
			saw = s.Last
		}
	}
	for _, s := range sights {
		if s.Vantage == vantage && !s.Sees && s.Newest.After(saw) {
			hosts = append(hosts, s.Host)
		}
	}
	return hosts, saw
}

// BlindVantages returns a trouble for each vantage that is blind for at least
// VantageBlindHosts hosts and for more than half of all that it looks at, or that
// has failed to see VantageBlindInARow. The spell began after the last complete
// look at one that it is blind for.
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
		c := byName[name]
		failed, _ := FailedSince(name, sights)
		if c.blind >= VantageBlindHosts && 2*c.blind > c.hosts || len(failed) >= VantageBlindInARow {
			list = append(list, Trouble{Kind: VantageBlind, Subject: VantageSubject(name), Since: c.last})
		}
	}
	return list
}
