package store

import (
	"fmt"

	"github.com/portvigil/portvigil"
)

// AddDelivery stores the delivery and wakes a worker for it once committed.
func (t *Tx) AddDelivery(d portvigil.Delivery) error {
	body, err := encode(d)
	if err != nil {
		return fmt.Errorf("store delivery %s: %w", d.ID, err)
	}
	err = t.put("delivery", d.ID, `INSERT INTO deliveries (org, id, alert, channel, state, created, body) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		org, d.ID, d.Alert, d.Channel, string(d.State), micros(d.Created), body)
	if err != nil {
		return err
	}
	t.enqueueDelivery(d.ID)
	return nil
}

// Delivery returns the delivery, or an Error with CodeNotFound.
func (t *Tx) Delivery(id string) (portvigil.Delivery, error) {
	return record[portvigil.Delivery](t, "deliveries", "delivery", id, `SELECT id, body FROM deliveries WHERE org = ? AND id = ?`, org, id)
}

// PutDelivery changes a delivery; CodeNotFound where it went with its channel.
func (t *Tx) PutDelivery(d portvigil.Delivery) error {
	body, err := encode(d)
	if err != nil {
		return fmt.Errorf("store delivery %s: %w", d.ID, err)
	}
	return t.change("delivery", d.ID, `UPDATE deliveries SET alert = ?, channel = ?, state = ?, created = ?, body = ? WHERE org = ? AND id = ?`,
		d.Alert, d.Channel, string(d.State), micros(d.Created), body, org, d.ID)
}

// QueuedDeliveries returns what has not been sent or given up, oldest first.
func (t *Tx) QueuedDeliveries() ([]portvigil.Delivery, error) {
	return records[portvigil.Delivery](t, "deliveries",
		`SELECT id, body FROM deliveries WHERE org = ? AND state = 'queued' ORDER BY created, id`, org)
}
