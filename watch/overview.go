package watch

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
)

// Overview returns what lists say of every host, by name. It sums up only what was
// written about, or has become old, since it was asked last.
func (e *Engine) Overview(ctx context.Context) (list []portvigil.HostSummary, err error) {
	hosts, err := e.overviews.ask(ctx, func() (hosts []summed, err error) {
		err = e.viewHosts(ctx, func(v snapshot) error { hosts = v.hosts; return nil })
		return hosts, err
	})
	for _, h := range hosts {
		s := h.copied()
		s.Kept = e.line.kept(s.Host.ID)
		list = append(list, s)
	}
	return list, err
}

// snapshot is what the store says, and the summaries of all hosts as of it, by name.
type snapshot struct {
	Tx
	hosts []summed
	since uint64 // what begin returned before the transaction began
}

// viewHosts runs do on a snapshot.
func (e *Engine) viewHosts(ctx context.Context, do func(snapshot) error) error {
	select {
	case e.summaries.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	leave := sync.OnceFunc(func() { <-e.summaries.turn })
	defer leave()
	since := e.summaries.begin()
	return e.store.View(ctx, func(tx Tx) error {
		hosts, made, err := e.sumUp(tx, since)
		e.summaries.keep(made) // what was read before an error was read all the same
		if err != nil {
			return err
		}
		e.summaries.forget(hosts, since)
		leave()
		return do(snapshot{tx, hosts, since})
	})
}

// sumUp returns the summaries of all hosts by name, and those of them that had to be
// made; since is what begin returned before the transaction began.
func (e *Engine) sumUp(tx Tx, since uint64) (all, made []summed, err error) {
	hosts, err := tx.Hosts()
	if err != nil {
		return nil, nil, err
	}
	for _, h := range hosts {
		s, there := e.summaries.of(h, e.now())
		if !there {
			if s, err = e.summarize(tx, h, since); err != nil {
				return nil, made, err
			}
			made = append(made, s)
		}
		all = append(all, s)
	}
	return all, made, nil
}

// summarize sums one host up from what the store says.
func (e *Engine) summarize(tx Tx, h portvigil.Host, since uint64) (summed, error) {
	situation, err := e.situation(tx, h)
	if err != nil {
		return summed{}, err
	}
	// Alerts change with time only where the engine judges again, and writes that.
	s := summed{since: since, at: situation.Now, next: portvigil.NextDue(situation, nil, nil),
		HostSummary: portvigil.HostSummary{Host: h, Doors: map[portvigil.Verdict]int{}, Alerts: map[portvigil.Severity]int{}, Views: []portvigil.ViewStatus{}},
		seen:        portvigil.SeenHost{Name: h.Name, Blind: true}}
	exposures := portvigil.Join(situation)
	for i := range exposures {
		s.Doors[exposures[i].Verdict]++
	}
	s.seen.Doors = portvigil.DoorSights(exposures)
	for _, t := range situation.Trails {
		v := viewStatus(h, t, situation.Now)
		s.Views = append(s.Views, v)
		s.seen.Blind = s.seen.Blind && (!v.Fresh || t.Unheard())
	}
	last, err := tx.LastOpen(h.ID)
	if err != nil {
		return s, err
	}
	s.seen.LastOpen = slices.Clone(last) // without the room that it has for more
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
	open, err := tx.OpenRequests(h.ID)
	s.NextOutside, s.NextInside = nextLooks(open)
	return s, err
}

// nextLooks returns when each view looks next, of a host with these requests; zero
// for never.
func nextLooks(open []portvigil.LookRequest) (outside, inside time.Time) {
	for _, r := range open {
		next := &outside
		if r.View == portvigil.Inside {
			next = &inside
		}
		if next.IsZero() || r.Due.Before(*next) {
			*next = r.Due
		}
	}
	return outside, inside
}
