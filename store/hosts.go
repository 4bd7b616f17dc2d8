package store

import (
	"github.com/portvigil/portvigil"
)

// Hosts returns all hosts by name.
func (t *Tx) Hosts() ([]portvigil.Host, error) {
	return records[portvigil.Host](t, "hosts", `SELECT id, body FROM hosts WHERE org = ? ORDER BY name`, org)
}

// Host returns the host of that name, or an Error with CodeNotFound.
func (t *Tx) Host(name string) (portvigil.Host, error) {
	return record[portvigil.Host](t, "hosts", "host", name, `SELECT id, body FROM hosts WHERE org = ? AND name = ?`, org, name)
}

// HostByID returns the host, or an Error with CodeNotFound.
func (t *Tx) HostByID(id string) (portvigil.Host, error) {
	return record[portvigil.Host](t, "hosts", "host", id, `SELECT id, body FROM hosts WHERE org = ? AND id = ?`, org, id)
}

// PutHost stores the host, new or changed; CodeConflict where another host has
// its name.
func (t *Tx) PutHost(h portvigil.Host) error {
	body, err := encode(h)
	if err != nil {
		return err
	}
	return t.put("host", h.Name, `INSERT INTO hosts (org, id, name, body) VALUES (?, ?, ?, ?)
		ON CONFLICT (org, id) DO UPDATE SET name = excluded.name, body = excluded.body`, org, h.ID, h.Name, body)
}

// RemoveHost removes the host, its looks, trails and requests; its alerts stay.
func (t *Tx) RemoveHost(id string) error {
	if err := t.dropJobs(lookKind, `SELECT id FROM requests WHERE org = ? AND host_id = ?`, org, id); err != nil {
		return err
	}
	return t.change("host", id, `DELETE FROM hosts WHERE org = ? AND id = ?`, org, id)
}

// Scope returns the rules in the order of their prefixes as text.
func (t *Tx) Scope() ([]portvigil.ScopeRule, error) {
	return records[portvigil.ScopeRule](t, "scope_rules", `SELECT prefix, body FROM scope_rules WHERE org = ? ORDER BY prefix`, org)
}

// PutScopeRule stores the rule in place of the one for the same network.
func (t *Tx) PutScopeRule(r portvigil.ScopeRule) error {
	body, err := encode(r)
	if err != nil {
		return err
	}
	prefix := r.Prefix.Masked().String()
	return t.put("scope rule", prefix, `INSERT INTO scope_rules (org, prefix, body) VALUES (?, ?, ?)
		ON CONFLICT (org, prefix) DO UPDATE SET body = excluded.body`, org, prefix, body)
}
