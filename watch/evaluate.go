package watch

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/portvigil/portvigil"
)

// evaluate judges one host anew and writes what follows: alerts, their audit
// trail, deliveries, and the looks that are needed to know more.
func (e *Engine) evaluate(tx Tx, h portvigil.Host, approval portvigil.Approval) error {
	_, err := e.judge(tx, h, approval)
	return err
}

// judge is evaluate, and returns when time alone may change the verdict next;
// zero for never.
func (e *Engine) judge(tx Tx, h portvigil.Host, approval portvigil.Approval) (next time.Time, err error) {
	s, err := e.situation(tx, h)
	if err != nil {
		return next, err
	}
	alerts, err := tx.AlertsOfHost(h.Name)
	if err != nil {
		return next, err
	}
	means, err := tx.AlertsOfHost("")
	if err != nil {
		return next, err
	}
	exposures := portvigil.Join(s)
	changes := portvigil.Reconcile(portvigil.Reconciliation{Host: h, Now: s.Now, Exposures: exposures,
		Trails: s.Trails, Alerts: alerts, Approval: approval, Vantages: means})
	changes = portvigil.ShareReboot(changes, s.Trails, alerts, s.Now)
	if err := e.record(tx, changes, approval.By); err != nil {
		return next, err
	}
	return portvigil.NextDue(s, alerts, means), e.plan(tx, h, s, exposures)
}

// situation gathers what the join needs of a host.
func (e *Engine) situation(tx Tx, h portvigil.Host) (portvigil.Situation, error) {
	trails, err := tx.Trails(h.ID)
	if err != nil {
		return portvigil.Situation{}, err
	}
	baseline, err := e.baselineOf(tx, h)
	if err != nil {
		return portvigil.Situation{}, err
	}
	return portvigil.Situation{Host: h, Now: e.now(), Baseline: baseline, Trails: trails}, nil
}

// record writes changes of alerts, and one delivery a channel for each that is
// told, now or later (held.go).
func (e *Engine) record(tx Tx, changes []portvigil.Change, by string) error {
	if by == "" {
		by = System
	}
	var told []portvigil.Change
	for _, c := range changes {
		c.Alert.Link = e.link(c.Alert.ID)
		if err := tx.PutAlert(c.Alert); err != nil {
			return err
		}
		if c.Told == "" && c.What == portvigil.SeenAgain {
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
		if c.Told != "" {
			told = append(told, c)
		}
	}
	if len(told) == 0 {
		return nil
	}
	if err := e.shareCauses(tx, told); err != nil {
		return err
	}
	return e.tellOrHold(tx, told)
}

func (e *Engine) tell(tx Tx, channels []portvigil.ChannelRow, c portvigil.Change) error {
	body, err := json.Marshal(portvigil.RecordOfAlert(c.Alert))
	if err != nil {
		return fmt.Errorf("write alert %s as a record: %w", c.Alert.ID, err)
	}
	for _, channel := range channels {
		if c.Alert.Subject == portvigil.ChannelSubject(channel.Name) {
			continue // a channel is not told that it fails: the others are
		}
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
