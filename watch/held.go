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

// follows reports whether the alert is one more of a cause that people know.
func follows(c portvigil.Change) bool {
	return c.Told == portvigil.AlertOpened && c.Alert.Cause != nil && c.Alert.Cause.Count > portvigil.CauseHosts
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
	for _, c := range told {
		silent, err := e.inMaintenance(tx, c.Alert.Host)
		if err != nil {
			return err
		}
		if silent || follows(c) {
			h.add(c.Alert.ID, c.Told)
			continue
		}
		if waits := h[c.Alert.ID]; waits != "" { // the steps are told in their order
			delete(h, c.Alert.ID)
			if err := e.tell(tx, channels, portvigil.Change{Alert: c.Alert, Told: waits}); err != nil {
				return err
			}
		}
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
	joined := map[string][]portvigil.Alert{} // by cause
	for _, id := range slices.Sorted(maps.Keys(h)) {
		a, err := tx.Alert(id)
		if err != nil {
			return err
		}
		silent, err := e.inMaintenance(tx, a.Host)
		if err != nil {
			return err
		}
		if silent {
			continue
		}
		c := portvigil.Change{Alert: a, Told: h[id]}
		delete(h, id)
		if c.Told == portvigil.AlertOpened && a.Cause != nil {
			joined[a.Cause.ID] = append(joined[a.Cause.ID], a)
			continue
		}
		told = append(told, c)
	}
	for _, cause := range slices.Sorted(maps.Keys(joined)) {
		told = append(told, portvigil.Change{Alert: joinedAlert(joined[cause]), Told: portvigil.AlertOpened})
	}
	for _, c := range told {
		if err := e.tell(tx, channels, c); err != nil {
			return err
		}
	}
	if len(told) == 0 {
		return nil
	}
	return h.write(tx)
}

// namedHosts is how many hosts a joined message names; the page lists them all.
const namedHosts = 10

// joinedAlert is the worst and newest of alerts with one cause, as the message
// for all of them says it.
func joinedAlert(list []portvigil.Alert) portvigil.Alert {
	told := list[0]
	for _, a := range list {
		if a.Severity.Rank() >= told.Severity.Rank() {
			told = a
		}
	}
	var others []string
	for _, a := range list {
		if a.ID != told.ID {
			others = append(others, a.Host)
		}
	}
	if n := len(others); n > namedHosts {
		others = append(others[:namedHosts], fmt.Sprintf("%d more", n-namedHosts))
	}
	if len(others) > 0 {
		told.Text += " The same on " + strings.Join(others, ", ") + "."
	}
	return told
}
