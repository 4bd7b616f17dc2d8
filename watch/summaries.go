package watch

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
)

// summaries keeps what lists say of each host, until something is written about
// the host or a moment comes that may change it. It is a memory of what the store
// says and nothing rests on it: a host that it does not know is summed up anew. The
// zero value is ready.
type summaries struct {
	mu sync.Mutex
	// writes counts what was written. What is summed up from a view before a write
	// about its host is not shown after it. All guarded by mu.
	writes uint64
	every  uint64            // the last one that was about every host
	ids    map[string]uint64 // the last one about a host, by its id
	names  map[string]uint64 // and by its name
	kept   map[string]summed // by host id
}

// summed is a summary with what it holds for.
type summed struct {
	portvigil.HostSummary
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

// of returns the summary of a host, false where there is none that holds now.
func (s *summaries) of(h portvigil.Host, now time.Time) (portvigil.HostSummary, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, there := s.kept[h.ID]
	if !there || known.since < max(s.every, s.ids[h.ID], s.names[h.Name]) ||
		now.Before(known.at) || !known.next.IsZero() && !now.Before(known.next) {
		return portvigil.HostSummary{}, false
	}
	return known.copied(), true
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
func (s *summaries) forget(hosts []portvigil.Host, since uint64) {
	ids, names := map[string]bool{}, map[string]bool{}
	for _, h := range hosts {
		ids[h.ID], names[h.Name] = true, true
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
	if !t.allListed && len(t.ids)+len(t.names)+len(t.asked) == 0 {
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
	for _, id := range slices.Concat(t.ids, t.asked) {
		s.ids[id] = s.writes
	}
	for _, name := range t.names {
		s.names[name] = s.writes
	}
}

// Overview returns what lists say of every host, by name. It sums up only what was
// written about, or has become old, since it was asked last.
func (e *Engine) Overview(ctx context.Context) (list []portvigil.HostSummary, err error) {
	since := e.summaries.begin()
	var hosts []portvigil.Host
	var made []summed
	err = e.store.View(ctx, func(tx Tx) error {
		list, made = nil, nil
		if hosts, err = tx.Hosts(); err != nil {
			return err
		}
		for _, h := range hosts {
			s, there := e.summaries.of(h, e.now())
			if !there {
				anew, err := e.summarize(tx, h, since)
				if err != nil {
					return err
				}
				made = append(made, anew)
				s = anew.copied()
			}
			s.Kept = e.line.kept(h.ID)
			list = append(list, s)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	e.summaries.keep(made)
	e.summaries.forget(hosts, since)
	return list, nil
}

// summarize sums one host up from what the store says.
func (e *Engine) summarize(tx Tx, h portvigil.Host, since uint64) (summed, error) {
	situation, err := e.situation(tx, h)
	if err != nil {
		return summed{}, err
	}
	// Alerts change with time only where the engine judges again, and writes that.
	s := summed{since: since, at: situation.Now, next: portvigil.NextDue(situation, nil, nil),
		HostSummary: portvigil.HostSummary{Host: h, Doors: map[portvigil.Verdict]int{}, Alerts: map[portvigil.Severity]int{}, Views: []portvigil.ViewStatus{}}}
	for _, x := range portvigil.Join(situation) {
		s.Doors[x.Verdict]++
	}
	for _, t := range situation.Trails {
		s.Views = append(s.Views, viewStatus(h, t, situation.Now))
	}
	counts, err := tx.AlertCounts(portvigil.AlertFilter{Attention: true, Hosts: []string{h.Name}})
	if err != nil {
		return s, err
	}
	for _, c := range counts {
		if c.State == portvigil.AlertResolved {
			s.ToNote += c.Count
			continue
		}
		s.Alerts[c.Severity] += c.Count
		if c.Severity.Rank() > s.Worst.Rank() {
			s.Worst = c.Severity
		}
	}
	s.NextOutside, s.NextInside, err = nextLooks(tx, h)
	return s, err
}

// nextLooks returns when each view looks at the host next, zero for never.
func nextLooks(tx Tx, h portvigil.Host) (outside, inside time.Time, err error) {
	open, err := tx.OpenRequests(h.ID)
	for _, r := range open {
		next := &outside
		if r.View == portvigil.Inside {
			next = &inside
		}
		if next.IsZero() || r.Due.Before(*next) {
			*next = r.Due
		}
	}
	return outside, inside, err
}
