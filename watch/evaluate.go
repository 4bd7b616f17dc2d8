package watch

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// evaluate judges one host anew and writes what follows: alerts, their audit
// trail, deliveries, and the looks that are needed to know more.
func (e *Engine) evaluate(tx Tx, h portvigil.Host, approval portvigil.Approval) error {
	s, err := e.situation(tx, h)
	if err != nil {
		return err
	}
	alerts, err := tx.AlertsOfHost(h.Name)
	if err != nil {
		return err
	}
	exposures := portvigil.Join(s)
	changes := portvigil.Reconcile(portvigil.Reconciliation{Host: h, Now: s.Now, Exposures: exposures,
		Trails: s.Trails, Alerts: alerts, Approval: approval})
	if err := e.record(tx, changes, approval.By); err != nil {
		return err
	}
	return e.plan(tx, h, s, exposures)
}

// situation gathers what the join needs of a host.
func (e *Engine) situation(tx Tx, h portvigil.Host) (portvigil.Situation, error) {
	trails, err := tx.Trails(h.ID)
	if err != nil {
		return portvigil.Situation{}, err
	}
	baseline, err := baselineOf(tx, h)
	if err != nil {
		return portvigil.Situation{}, err
	}
	return portvigil.Situation{Host: h, Now: e.now(), Baseline: baseline, Trails: trails}, nil
}

// record writes changes of alerts, and one delivery a channel for each that is told.
func (e *Engine) record(tx Tx, changes []portvigil.Change, by string) error {
	if by == "" {
		by = System
	}
	var channels []portvigil.ChannelRow
	for _, c := range changes {
		c.Alert.Link = e.link(c.Alert.ID)
		if err := tx.PutAlert(c.Alert); err != nil {
			return err
		}
		if c.Told == "" && c.What == seenAgain {
			continue // the row says it; the story would drown in it
		}
		entry := portvigil.AuditEntry{ID: portvigil.NewID(), Alert: c.Alert.ID, Time: e.now(), By: by, What: c.What, Text: c.Alert.Text}
		if c.Alert.Resolution != nil {
			entry.By = c.Alert.Resolution.By
			entry.Text = c.Alert.Resolution.Why
		}
		if err := tx.AddAudit(entry); err != nil {
			return err
		}
		if c.Told == "" {
			continue
		}
		if channels == nil {
			var err error
			if channels, err = tx.Channels(); err != nil {
				return err
			}
		}
		if err := e.tell(tx, channels, c); err != nil {
			return err
		}
	}
	return nil
}

// seenAgain is what Reconcile calls an update that changes no state.
const seenAgain = "seen again"

func (e *Engine) tell(tx Tx, channels []portvigil.ChannelRow, c portvigil.Change) error {
	body, err := json.Marshal(portvigil.RecordOfAlert(c.Alert))
	if err != nil {
		return fmt.Errorf("write alert %s as a record: %w", c.Alert.ID, err)
	}
	for _, channel := range channels {
		d := portvigil.Delivery{ID: portvigil.NewID(), Alert: c.Alert.ID, Channel: channel.ID, Event: c.Told,
			Body: body, State: portvigil.DeliveryQueued, Created: e.now()}
		if err := tx.AddDelivery(d); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) link(alert string) string {
	if e.linkBase == "" {
		return ""
	}
	return e.linkBase + "/alerts/" + alert
}

// plan asks for the looks that the verdicts wait for: second sights, and
// whether doors that were to be shut are.
func (e *Engine) plan(tx Tx, h portvigil.Host, s portvigil.Situation, exposures []portvigil.Exposure) error {
	open, err := tx.OpenRequests(h.ID)
	if err != nil {
		return err
	}
	if due, ports := awaited(s.Now, exposures); ports.Len() > 0 {
		for _, view := range e.viewsOf(h) {
			if err := e.want(tx, h, view, ports, reasonSecond, due, open); err != nil {
				return err
			}
		}
	}
	if ports := newInside(s, exposures); ports.Len() > 0 && len(h.Targets) > 0 {
		if err := e.want(tx, h, portvigil.Outside, ports, reasonInside, s.Now, open); err != nil {
			return err
		}
	}
	return e.planShut(tx, h, s.Now, open)
}

// awaited returns the ports of pending verdicts, and when a look can decide
// the first of them.
func awaited(now time.Time, exposures []portvigil.Exposure) (time.Time, *portvigil.PortSet) {
	due, ports := time.Time{}, new(portvigil.PortSet)
	for _, x := range exposures {
		if x.Verdict != portvigil.Pending {
			continue
		}
		ports.Add(x.Port)
		at := x.Until.Add(time.Second) // past the edge, whatever the clock's grain
		if at.Before(now) {
			at = now.Add(sweepEvery) // it has been asked before, and was of no help
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	return due, ports
}

// newInside returns the TCP ports that the newest inside look was the first to
// see listening beyond loopback: every vantage looks at those at once.
func newInside(s portvigil.Situation, exposures []portvigil.Exposure) *portvigil.PortSet {
	ports := new(portvigil.PortSet)
	at := slices.IndexFunc(s.Trails, func(t portvigil.Trail) bool { return t.Key.View == portvigil.Inside })
	if at < 0 {
		return ports
	}
	inside := &s.Trails[at]
	for _, x := range exposures {
		if x.Verdict != portvigil.UnexpectedListening || x.Proto != portvigil.TCP {
			continue
		}
		if seen := inside.At(x.Door()); seen.SinceLook == inside.Newest.ID && !lookedSince(s, x.Door(), seen.Since) {
			ports.Add(x.Port)
		}
	}
	return ports
}

func lookedSince(s portvigil.Situation, door portvigil.Door, since time.Time) bool {
	return slices.ContainsFunc(s.Trails, func(t portvigil.Trail) bool {
		return t.Key.View == portvigil.Outside && t.At(door).Known() && !t.At(door).Last.Before(since)
	})
}

// planShut asks for the next look at each door that somebody says is shut.
func (e *Engine) planShut(tx Tx, h portvigil.Host, now time.Time, open []portvigil.LookRequest) error {
	alerts, err := tx.AlertsOfHost(h.Name)
	if err != nil {
		return err
	}
	for _, a := range alerts {
		if a.State != portvigil.AlertWaitingShut || a.Memory.ShutAsked == nil {
			continue
		}
		ports := new(portvigil.PortSet)
		for _, row := range a.Endpoints {
			if set, err := portvigil.ParsePortSet(row.Ports); err == nil {
				ports.Union(set)
			}
			ports.Add(row.Port)
		}
		due := portvigil.ShutLookDue(*a.Memory.ShutAsked, a.Memory.ShutLooks)
		asked := false
		for _, view := range e.viewsOf(h) {
			if wanted(open, view, ports, reasonShut) {
				asked = true
			}
		}
		if asked {
			continue
		}
		for _, view := range e.viewsOf(h) {
			if err := tx.AddRequest(e.wish(h, view, portsFor(view, ports), reasonShut, due)); err != nil {
				return err
			}
		}
		a.Memory.ShutLooks++
		if err := tx.PutAlert(a); err != nil {
			return err
		}
	}
	return nil
}

// want adds a request unless one for the same is open.
func (e *Engine) want(tx Tx, h portvigil.Host, view portvigil.View, ports *portvigil.PortSet, reason string, due time.Time, open []portvigil.LookRequest) error {
	if wanted(open, view, ports, reason) {
		return nil
	}
	return tx.AddRequest(e.wish(h, view, portsFor(view, ports), reason, due))
}

func wanted(open []portvigil.LookRequest, view portvigil.View, ports *portvigil.PortSet, reason string) bool {
	return slices.ContainsFunc(open, func(r portvigil.LookRequest) bool {
		return r.View == view && r.Reason == reason && r.State == portvigil.LookWanted &&
			(view == portvigil.Inside || r.Ports != nil && r.Ports.Covers(ports))
	})
}

// portsFor returns what a view is asked to cover: an inside look covers all.
func portsFor(view portvigil.View, ports *portvigil.PortSet) *portvigil.PortSet {
	if view == portvigil.Inside {
		return nil
	}
	return ports
}
