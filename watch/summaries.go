package watch

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
)

// summaries keeps what lists and reviews say of each host, until something is written
// about the host or a moment comes that may change it. It is a memory of what the
// store says and nothing rests on it: a host that it does not know is summed up anew.
type summaries struct {
	// turn has room for the one who sums up, so that of those who ask at once each
	// finds what the one before has made.
	turn chan struct{}

	mu sync.Mutex
	// writes counts what was written. What is summed up from a view before a write
	// about its host is not shown after it. All guarded by mu.
	writes uint64
	every  uint64            // the last one that was about every host
	ids    map[string]uint64 // the last one about a host, by its id
	names  map[string]uint64 // and by its name
	kept   map[string]summed // by host id
	// reviewed is the last one about a review, and standing how those stand; nil where
	// they were not read. Guarded by mu.
	reviewed uint64
	standing *standing
}

// standing is how the reviews stand. Nobody changes what is in it.
type standing struct {
	open, last *portvigil.Review         // last is the one that was signed last; nil for none
	past       []portvigil.ReviewSummary // of those that were signed, the newest first
	since      uint64                    // the writes that it knows of
}

// summed is a summary with what it holds for. Doors and alerts are counted in it, not
// kept: of an endpoint it has some 100 bytes, where its exposure takes 2 KB.
type summed struct {
	portvigil.HostSummary
	seen  portvigil.SeenHost
	since uint64    // the writes that it knows of
	at    time.Time // when it was made
	next  time.Time // from then on time may have changed it; zero for never
}

// begin returns what keep is to be given for what is read from now on.
func (s *summaries) begin() (since uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// of returns the summary of a host, false where there is none that holds now. Who
// gets it does not change it.
func (s *summaries) of(h portvigil.Host, now time.Time) (summed, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, there := s.kept[h.ID]
	if !there || known.since < max(s.every, s.ids[h.ID], s.names[h.Name]) ||
		now.Before(known.at) || !known.next.IsZero() && !now.Before(known.next) {
		return summed{}, false
	}
	return known, true
}

// copied is the summary for somebody who may change it.
func (s summed) copied() portvigil.HostSummary {
	c := s.HostSummary
	c.Doors, c.Alerts, c.Views = maps.Clone(c.Doors), maps.Clone(c.Alerts), slices.Clone(c.Views)
	return c
}

// keep takes summaries that were read since begin returned.
func (s *summaries) keep(list []summed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string]summed{}
	}
	for _, made := range list {
		if known, there := s.kept[made.Host.ID]; !there || known.since <= made.since {
			s.kept[made.Host.ID] = made
		}
	}
}

// forget drops the hosts that are watched no more.
func (s *summaries) forget(hosts []summed, since uint64) {
	ids, names := map[string]bool{}, map[string]bool{}
	for _, h := range hosts {
		ids[h.Host.ID], names[h.Host.Name] = true, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.kept, func(id string, _ summed) bool { return !ids[id] })
	// A host may have been added since the list was read.
	maps.DeleteFunc(s.ids, func(id string, write uint64) bool { return !ids[id] && write <= since })
	maps.DeleteFunc(s.names, func(name string, write uint64) bool { return !names[name] && write <= since })
}

// touched makes old what a transaction wrote about.
func (s *summaries) touched(t touched) {
	if !t.allListed && !t.reviews && len(t.ids)+len(t.names)+len(t.asked)+len(t.looked) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil {
		s.ids, s.names = map[string]uint64{}, map[string]uint64{}
	}
	s.writes++
	if t.allListed {
		s.every = s.writes
	}
	if t.reviews {
		s.reviewed = s.writes
	}
	for _, id := range slices.Concat(t.ids, t.asked, t.looked) {
		s.ids[id] = s.writes
	}
	for _, name := range t.names {
		s.names[name] = s.writes
	}
}

// reviews returns how the reviews stand, nil where that has to be read.
func (s *summaries) reviews() *standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.standing == nil || s.standing.since < s.reviewed {
		return nil
	}
	return s.standing
}

// keepReviews takes how the reviews stand, as it was read since begin returned.
func (s *summaries) keepReviews(read *standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.standing == nil || s.standing.since <= read.since {
		s.standing = read
	}
}
