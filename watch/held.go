package watch

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// Some of what is to be told is held for a while: all that is about a host in
// maintenance, until that ends, and the alerts that follow others with the same
// cause, until the next sweep makes one message of them. What is held is the
// event that brings people from what they were told last to what is now.

// heldKey is the setting that has what is held, by alert.
const heldKey = "held"

type held map[string]portvigil.AlertEvent

func readHeld(tx Tx) (held, error) {
	text, err := tx.Setting(heldKey)
	if err != nil || text == "" {
		return held{}, err
	}
	h := held{}
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return nil, fmt.Errorf("read what is held to be told: %w", err)
	}
	return h, nil
}

func (h held) write(tx Tx) error {
	text, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("write what is held to be told: %w", err)
	}
	return tx.PutSetting(heldKey, string(text))
}

// add joins an event to what is held of the alert.
func (h held) add(alert string, now portvigil.AlertEvent) {
	before := h[alert]
	switch {
	case before == "":
		h[alert] = now
	case now == portvigil.AlertIsResolved && (before == portvigil.AlertOpened || before == portvigil.AlertReopened):
		delete(h, alert) // nobody heard of it
	case before == portvigil.AlertIsResolved && now == portvigil.AlertReopened:
		h[alert] = portvigil.AlertRisen // for all that people know it was open all the time
	case before == portvigil.AlertRisen && now == portvigil.AlertIsResolved:
		h[alert] = now
	}
}

// shareCauses gives what is newly opened the cause that it shares with others.
func (e *Engine) shareCauses(tx Tx, told []portvigil.Change) error {
	opened := func(c portvigil.Change) bool { return c.Told == portvigil.AlertOpened && c.Alert.Port != 0 }
	if !slices.ContainsFunc(told, opened) {
		return nil
	}
	open, err := tx.Alerts(true)
	if err != nil {
		return err
	}
	for i, c := range told {
		if !opened(c) {
			continue
		}
		for _, a := range portvigil.SameDoor(c.Alert, open) {
			if err := tx.PutAlert(a); err != nil {
				return err
			}
			if a.ID == c.Alert.ID {
				told[i].Alert = a
			}
		}
	}
	return nil
}

// follows reports whether the alert is one more of a cause that people know. All
// that one transaction opens with the same cause is one message.
func follows(c portvigil.Change, told []portvigil.Change) bool {
	if !opens(c.Told) || c.Alert.Cause == nil {
		return false
	}
	known := portvigil.CauseHosts
	if c.Alert.Cause.Kind != portvigil.CauseSameDoor {
		known = 0
		for _, other := range told {
			if opens(other.Told) && other.Alert.Cause != nil && other.Alert.Cause.ID == c.Alert.Cause.ID {
				known++
			}
		}
	}
	return c.Alert.Cause.Count > known
}

func opens(e portvigil.AlertEvent) bool {
	return e == portvigil.AlertOpened || e == portvigil.AlertReopened
}

// tellOrHold queues a message for each change, or holds it.
func (e *Engine) tellOrHold(tx Tx, told []portvigil.Change) error {
	channels, err := tx.Channels()
	if err != nil {
		return err
	}
	h, err := readHeld(tx)
	if err != nil {
		return err
	}
	before := maps.Clone(h)
	var now []portvigil.Change
	for _, c := range told {
		silent, err := e.inMaintenance(tx, c.Alert.Host)
		if err != nil {
			return err
		}
		if silent || follows(c, told) {
			h.add(c.Alert.ID, c.Told)
			continue
		}
		if waits := h[c.Alert.ID]; waits != "" { // the steps are told in their order
			delete(h, c.Alert.ID)
			if err := e.tell(tx, channels, portvigil.Change{Alert: c.Alert, Told: waits}); err != nil {
				return err
			}
		}
		now = append(now, c)
	}
	for _, c := range joined(now) {
		if err := e.tell(tx, channels, c); err != nil {
			return err
		}
	}
	if maps.Equal(before, h) {
		return nil
	}
	return h.write(tx)
}

func (e *Engine) inMaintenance(tx Tx, host string) (bool, error) {
	if host == "" {
		return false, nil
	}
	h, err := tx.Host(host)
	if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
		return false, nil
	}
	return h.InMaintenance(e.now()), err
}

// tellHeld tells what is held and has waited long enough: one message for all
// that opened with the same cause, one for each of the others.
func (e *Engine) tellHeld(tx Tx) error {
	h, err := readHeld(tx)
	if err != nil || len(h) == 0 {
		return err
	}
	channels, err := tx.Channels()
	if err != nil {
		return err
	}
	var told []portvigil.Change
	for _, id := range slices.Sorted(maps.Keys(h)) {
		a, err := tx.Alert(id)
		if err != nil {
			return err
		}
		silent, err := e.inMaintenance(tx, a.Host)
		if err != nil {
			return err
		}
		if !silent {
			told = append(told, portvigil.Change{Alert: a, Told: h[id]})
			delete(h, id)
		}
	}
	for _, c := range joined(told) {
		if err := e.tell(tx, channels, c); err != nil {
			return err
		}
	}
	if len(told) == 0 {
		return nil
	}
	return h.write(tx)
}

// joined makes one message of those that opened, or ended, with the same cause.
func joined(told []portvigil.Change) (list []portvigil.Change) {
	type key struct {
		cause string
		event portvigil.AlertEvent
	}
	groups := map[key][]portvigil.Alert{}
	at := map[key]int{}
	for _, c := range told {
		k := key{event: c.Told}
		if opens(c.Told) {
			k.event = portvigil.AlertOpened
		}
		if c.Alert.Cause == nil || c.Told == portvigil.AlertRisen {
			list = append(list, c)
			continue
		}
		k.cause = c.Alert.Cause.ID
		groups[k] = append(groups[k], c.Alert)
		if len(groups[k]) == 1 {
			at[k] = len(list)
			list = append(list, c)
			continue
		}
		first := &list[at[k]]
		first.Alert = joinedAlert(groups[k])
		if c.Told == portvigil.AlertOpened {
			first.Told = c.Told // one that people do not know is among them
		}
	}
	return list
}

// namedAlerts is how many alerts a joined message names; the page lists them all.
const namedAlerts = 10

// joinedAlert is the worst and newest of alerts with one cause, as the message
// for all of them says it.
func joinedAlert(list []portvigil.Alert) portvigil.Alert {
	told := list[0]
	for _, a := range list {
		if a.Severity.Rank() >= told.Severity.Rank() {
			told = a
		}
	}
	sameDoor := told.Cause.Kind == portvigil.CauseSameDoor
	var others []string
	for _, a := range list {
		switch {
		case a.ID == told.ID:
		case sameDoor:
			others = append(others, a.Host)
		default:
			others = append(others, fmt.Sprintf("%s (%s)", portvigil.Door{Proto: a.Proto, Port: a.Port}, a.Kind))
		}
	}
	if n := len(others); n > namedAlerts {
		others = append(others[:namedAlerts], fmt.Sprintf("%d more", n-namedAlerts))
	}
	switch {
	case len(others) > 0 && sameDoor:
		told.Text += " The same on " + strings.Join(others, ", ") + "."
	case len(others) > 0:
		told.Text += fmt.Sprintf(" Also %s: %s.", strings.Join(others, ", "), told.Cause.Text)
	}
	return told
}
