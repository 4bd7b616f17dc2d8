package store

import (
	"database/sql"
	"fmt"
	"strings"

	"github.com/portvigil/portvigil"
)

// shortestID is how much of an alert's id names it; less would be guessing.
const shortestID = 6

// Alert returns the alert by its id, or by a unique beginning or end of it of at
// least 6 characters. CodeConflict lists those that a shorter text could mean.
func (t *Tx) Alert(id string) (portvigil.Alert, error) {
	id = strings.ToLower(id)
	missing := portvigil.Errorf(portvigil.CodeNotFound, "there is no alert %s", portvigil.Printable(id)).
		WithHint("list them with: portvigil alerts list")
	if len(id) < shortestID {
		return portvigil.Alert{}, missing
	}
	found, err := t.alerts(`id = ?`, id)
	if err == nil && len(found) == 0 {
		// substr, unlike LIKE, has no letters with a meaning.
		found, err = t.alerts(`substr(id, 1, ?) = ? OR substr(id, length(id) - ? + 1) = ?`, len(id), id, len(id), id)
	}
	switch {
	case err != nil:
		return portvigil.Alert{}, err
	case len(found) == 0:
		return portvigil.Alert{}, missing
	case len(found) == 1:
		return found[0], nil
	}
	return portvigil.Alert{}, ambiguous(id, found)
}

func ambiguous(id string, found []portvigil.Alert) error {
	const shown = 5
	var names []string
	for _, a := range found[:min(shown, len(found))] {
		names = append(names, a.ID)
	}
	list := strings.Join(names, ", ")
	if len(found) > shown {
		list += fmt.Sprintf(" and %d more", len(found)-shown)
	}
	return portvigil.Errorf(portvigil.CodeConflict, "%s could be any of %s", portvigil.Printable(id), list).
		WithHint("give more of the id")
}

// Alerts returns the alerts, oldest first: those that are open, or all.
func (t *Tx) Alerts(open bool) ([]portvigil.Alert, error) {
	if open {
		return t.alerts(`state <> 'resolved'`)
	}
	return t.alerts(`TRUE`)
}

// AlertsOfHost returns the host's alerts, open and resolved, oldest first.
func (t *Tx) AlertsOfHost(name string) ([]portvigil.Alert, error) {
	return t.alerts(`host = ?`, name)
}

// PutAlert stores the alert with its memory, new or changed.
func (t *Tx) PutAlert(a portvigil.Alert) error {
	body, err := encode(a)
	if err != nil {
		return fmt.Errorf("store alert %s: %w", a.ID, err)
	}
	memory, err := encode(a.Memory)
	if err != nil {
		return fmt.Errorf("store alert %s: %w", a.ID, err)
	}
	return t.put("alert", a.ID, `INSERT INTO alerts (org, id, host, family, kind, state, opened, changed, body, memory,
			severity, attention, words) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, id) DO UPDATE SET host = excluded.host, family = excluded.family, kind = excluded.kind,
			state = excluded.state, opened = excluded.opened, changed = excluded.changed,
			body = excluded.body, memory = excluded.memory,
			severity = excluded.severity, attention = excluded.attention, words = excluded.words`,
		org, a.ID, a.Host, string(a.Family), string(a.Kind), string(a.State), micros(a.Opened), micros(a.Changed), body, memory,
		string(a.Severity), flag(a.Attention()), a.Words())
}

// alerts returns those that the condition holds for, oldest first.
func (t *Tx) alerts(where string, args ...any) ([]portvigil.Alert, error) {
	return t.alertRows(`WHERE org = ? AND (`+where+`) ORDER BY opened, id`, append([]any{org}, args...)...)
}

// alertRows reads the rows of the rest of a query.
func (t *Tx) alertRows(rest string, args ...any) ([]portvigil.Alert, error) {
	var all []portvigil.Alert
	err := t.each(func(row *sql.Rows) error {
		var id, body, memory string
		if err := row.Scan(&id, &body, &memory); err != nil {
			return fmt.Errorf("read table alerts: %w", err)
		}
		var a portvigil.Alert
		if err := decode("alerts", id, body, &a); err != nil {
			return err
		}
		if err := decode("alerts", id, memory, &a.Memory); err != nil {
			return err
		}
		all = append(all, a)
		return nil
	}, `SELECT id, body, memory FROM alerts `+rest, args...)
	return all, err
}

// AddAudit adds a step to an alert's story.
func (t *Tx) AddAudit(e portvigil.AuditEntry) error {
	body, err := encode(e)
	if err != nil {
		return fmt.Errorf("store audit entry %s: %w", e.ID, err)
	}
	return t.put("audit entry", e.ID, `INSERT INTO audit (org, id, alert, time, actor, body) VALUES (?, ?, ?, ?, ?, ?)`,
		org, e.ID, e.Alert, micros(e.Time), e.By, body)
}

// Audit returns an alert's story, oldest step first.
func (t *Tx) Audit(alert string) ([]portvigil.AuditEntry, error) {
	return records[portvigil.AuditEntry](t, "audit", `SELECT id, body FROM audit WHERE org = ? AND alert = ? ORDER BY time, id`, org, alert)
}
