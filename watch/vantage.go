package watch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// A vantage that has lost its network fails at one host after the other, each
// when its look is due: with a look a day it would take hours to be sure of it, and
// hours to see that it is over. So the engine asks in between, with looks at a
// few doors that are known to answer: of other hosts when two failed in a row, of
// some while the vantage is blind, and of all that it missed when it sees again.

const (
	// suspectAfter is how many hosts fail in a row until others are asked.
	suspectAfter = 2
	// probedHosts is how many of them are asked while the vantage is blind.
	probedHosts = 3
	// soonest and latest bound the wait between two times of that; it is as long
	// as the vantage has been blind.
	soonest, latest = 30 * time.Second, 15 * time.Minute
	// caughtUp is the time over which all hosts are looked at that it missed.
	caughtUp = 10 * time.Minute
	// probedPorts is how many known doors of a host are asked.
	probedPorts = 8
)

// probeVantage asks for the looks that tell whether this server's own vantage sees.
func (e *Engine) probeVantage(ctx context.Context, hosts []portvigil.Host) error {
	sights := slices.DeleteFunc(e.dues.seen(), func(s portvigil.VantageSight) bool { return s.Vantage != e.vantage })
	failed, saw := portvigil.FailedSince(e.vantage, sights)
	blind := slices.ContainsFunc(sights, func(s portvigil.VantageSight) bool { return !s.Sees })
	if !blind {
		return nil
	}
	return e.ifNeeded(ctx, func(tx Tx) error {
		alert, err := e.blindness(tx)
		if err != nil {
			return err
		}
		waiting, err := e.probed(tx)
		if err != nil {
			return err
		}
		now := e.now()
		switch {
		case alert == nil && len(failed) < suspectAfter, alert != nil && saw.Before(alert.Changed) && len(waiting) > 0:
			return nil
		case alert == nil:
			return e.probe(tx, hosts, waiting, lastSeen(sights, portvigil.VantageBlindInARow), now, 0)
		case saw.Before(alert.Changed):
			due := now.Add(min(max(now.Sub(alert.Changed), soonest), latest))
			return e.probe(tx, hosts, waiting, e.some(sights, probedHosts), due, 0)
		}
		return e.probe(tx, hosts, waiting, missed(sights, saw), now, caughtUp)
	})
}

// blindness returns the open alert of this server's vantage, nil for none.
func (e *Engine) blindness(tx Tx) (*portvigil.Alert, error) {
	alerts, err := tx.AlertsOfHost("")
	for i := range alerts {
		if a := &alerts[i]; a.Open() && a.Kind == portvigil.VantageBlind && a.Subject == portvigil.VantageSubject(e.vantage) {
			return a, err
		}
	}
	return nil, err
}

// probed returns the ids of the hosts that are asked already.
func (e *Engine) probed(tx Tx) (ids map[string]bool, err error) {
	open, err := tx.OpenRequests("")
	ids = map[string]bool{}
	for _, r := range open {
		if r.Reason == reasonVantage {
			ids[r.HostID] = true
		}
	}
	return ids, err
}

// probe asks for a look at each of the named hosts, the first at from, the last
// within the time given.
func (e *Engine) probe(tx Tx, hosts []portvigil.Host, waiting map[string]bool, names []string, from time.Time, within time.Duration) error {
	for i, name := range names {
		at := slices.IndexFunc(hosts, func(h portvigil.Host) bool { return h.Name == name })
		if at < 0 || waiting[hosts[at].ID] || !slices.Contains(e.viewsOf(hosts[at]), portvigil.Outside) {
			continue
		}
		trails, err := tx.Trails(hosts[at].ID)
		if err != nil {
			return err
		}
		due := from.Add(within * time.Duration(i) / time.Duration(len(names)))
		if err := tx.AddRequest(e.wish(hosts[at], portvigil.Outside, &portvigil.PortSpec{TCP: someDoors(trails)}, reasonVantage, due)); err != nil {
			return err
		}
	}
	return nil
}

// someDoors returns doors that answered; where none is known, those that are the
// likeliest to answer, if only that they are closed.
func someDoors(trails []portvigil.Trail) *portvigil.PortSet {
	if ports := knownDoors(trails); ports.Len() > 0 {
		return ports
	}
	return portvigil.PortsOf(22, 80, 443)
}

// knownDoors returns some TCP ports that answered from outside.
func knownDoors(trails []portvigil.Trail) *portvigil.PortSet {
	ports := new(portvigil.PortSet)
	for i := range trails {
		for _, s := range trails[i].Sights {
			if trails[i].Key.View == portvigil.Outside && s.Open() && s.Door.Proto == portvigil.TCP && ports.Len() < probedPorts {
				ports.Add(s.Door.Port)
			}
		}
	}
	return ports
}

// lastSeen returns the hosts that the vantage still believes to see, the newest first.
func lastSeen(sights []portvigil.VantageSight, n int) []string {
	sees := slices.DeleteFunc(slices.Clone(sights), func(s portvigil.VantageSight) bool { return !s.Sees })
	slices.SortStableFunc(sees, func(a, b portvigil.VantageSight) int { return b.Last.Compare(a.Last) })
	return names(sees[:min(n, len(sees))])
}

// some returns any of the hosts: the same ones again might be those that are gone.
func (e *Engine) some(sights []portvigil.VantageSight, n int) []string {
	left := slices.Clone(sights)
	for i := range min(n, len(left)) {
		j := i + int(e.chance(int64(len(left)-i)))
		left[i], left[j] = left[j], left[i]
	}
	return names(left[:min(n, len(left))])
}

// missed returns the hosts that the vantage has not looked at since it sees again.
func missed(sights []portvigil.VantageSight, saw time.Time) []string {
	return names(slices.DeleteFunc(slices.Clone(sights), func(s portvigil.VantageSight) bool {
		return s.Sees || s.Newest.After(saw)
	}))
}

func names(sights []portvigil.VantageSight) (list []string) {
	for _, s := range sights {
		list = append(list, s.Host)
	}
	return list
}

// shareVantage gives the hosts that were told to be unreachable shortly before
// their vantage was the cause that they share with it.
func shareVantage(tx Tx, changes []portvigil.Change, now time.Time) ([]portvigil.Change, error) {
	at := slices.IndexFunc(changes, func(c portvigil.Change) bool {
		return c.Alert.Kind == portvigil.VantageBlind && opens(c.Told)
	})
	if at < 0 {
		return changes, nil
	}
	open, err := tx.Alerts(true)
	if err != nil {
		return nil, err
	}
	hosts := slices.DeleteFunc(open, func(a portvigil.Alert) bool {
		return a.Kind != portvigil.HostUnreachable || a.Cause != nil || now.Sub(a.Changed) > portvigil.CauseWithin
	})
	if len(hosts) == 0 {
		return changes, nil
	}
	vantage := &changes[at].Alert
	cause := portvigil.Cause{ID: vantage.ID, Kind: portvigil.CauseVantage, Count: 1 + len(hosts),
		Text: fmt.Sprintf("vantage %s has lost its network", vantage.Subject.Name)}
	vantage.Cause = &cause
	for _, a := range hosts {
		a.Cause = &cause
		changes = append(changes, portvigil.Change{Alert: a, What: portvigil.SeenAgain})
	}
	return changes, nil
}
