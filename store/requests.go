package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/portvigil/portvigil"
)

// requestRow is a request's body: the request without what its columns hold. One
// that was stored whole, as all once were, says the same twice.
type requestRow struct {
	portvigil.LookRequest
	ID     string                     `json:"id,omitempty"`
	HostID string                     `json:"host_id,omitempty"`
	State  portvigil.LookRequestState `json:"state,omitempty"`
	Due    time.Time                  `json:"due,omitzero"`
}

// requests returns those that the condition picks.
func (t *Tx) requests(where string, args ...any) (all []portvigil.LookRequest, err error) {
	err = t.each(func(row *sql.Rows) error {
		var columns portvigil.LookRequest
		var body string
		var due int64
		if err := row.Scan(&columns.ID, &columns.HostID, &columns.State, &due, &body); err != nil {
			return fmt.Errorf("read table requests: %w", err)
		}
		var kept requestRow
		if err := decode("requests", columns.ID, body, &kept); err != nil {
			return err
		}
		r := kept.LookRequest
		r.ID, r.HostID, r.State, r.Due = columns.ID, columns.HostID, columns.State, fromMicros(due)
		all = append(all, r)
		return nil
	}, `SELECT id, host_id, state, due, body FROM requests WHERE `+where, args...)
	return all, err
}

// AddRequest stores the request and wakes a worker when it is due.
func (t *Tx) AddRequest(r portvigil.LookRequest) error {
	body, err := encode(requestRow{LookRequest: r})
	if err != nil {
		return fmt.Errorf("store look request %s: %w", r.ID, err)
	}
	err = t.put("look request", r.ID, `INSERT INTO requests (org, id, host_id, state, due, body) VALUES (?, ?, ?, ?, ?, ?)`,
		org, r.ID, r.HostID, string(r.State), micros(r.Due), body)
	if err != nil {
		return err
	}
	t.enqueueLook(r)
	return nil
}

// Request returns the request, or an Error with CodeNotFound.
func (t *Tx) Request(id string) (portvigil.LookRequest, error) {
	found, err := t.requests(`org = ? AND id = ?`, org, id)
	return onlyOne(found, err, "look request", id)
}

// PutRequest changes a request; CodeNotFound where it went with its host.
func (t *Tx) PutRequest(r portvigil.LookRequest) error {
	body, err := encode(requestRow{LookRequest: r})
	if err != nil {
		return fmt.Errorf("store look request %s: %w", r.ID, err)
	}
	return t.change("look request", r.ID, `UPDATE requests SET host_id = ?, state = ?, due = ?, body = ? WHERE org = ? AND id = ?`,
		r.HostID, string(r.State), micros(r.Due), body, org, r.ID)
}

// WakeRequest is PutRequest for a request that is due at another time, or more
// urgent, than it was, and wakes a worker for it then. The worker that was to be
// woken before may be woken, too, and find the request done.
func (t *Tx) WakeRequest(r portvigil.LookRequest) error {
	if err := t.PutRequest(r); err != nil {
		return err
	}
	t.enqueueLook(r)
	return nil
}

// OpenRequests returns a host's requests that are wanted or running by when they
// are due; of all hosts for "".
func (t *Tx) OpenRequests(hostID string) ([]portvigil.LookRequest, error) {
	const open = `org = ? AND state IN ('wanted', 'running')`
	if hostID == "" {
		return t.requests(open+` ORDER BY due, id`, org)
	}
	return t.requests(open+` AND host_id = ? ORDER BY due, id`, org, hostID)
}

// Setting returns a setting's value, "" where it was never put.
func (t *Tx) Setting(key string) (string, error) {
	var value string
	err := t.row(`SELECT value FROM settings WHERE org = ? AND key = ?`, org, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

// PutSetting stores a setting.
func (t *Tx) PutSetting(key, value string) error {
	return t.put("setting", key, `INSERT INTO settings (org, key, value) VALUES (?, ?, ?)
		ON CONFLICT (org, key) DO UPDATE SET value = excluded.value`, org, key, value)
}
