package store

import (
	"database/sql"
	"fmt"

	"github.com/portvigil/portvigil"
)

// AddAct stores what somebody did beside the alerts.
func (t *Tx) AddAct(a portvigil.Act) error {
	body, err := encode(a)
	if err != nil {
		return fmt.Errorf("store act %s: %w", a.ID, err)
	}
	return t.put("act", a.ID, `INSERT INTO acts (org, id, time, actor, host, body) VALUES (?, ?, ?, ?, ?, ?)`,
		org, a.ID, micros(a.Time), a.By, a.Host, body)
}

// Acts returns the page of what was done that the filter asks for, the steps of
// alerts' stories among it, and how much there is without its Limit and Offset.
func (t *Tx) Acts(f portvigil.ActFilter) (page []portvigil.Act, total int, err error) {
	steps, acts := actConditions(f), actConditions(f)
	if f.Host != "" {
		steps.add(`alert IN (SELECT id FROM alerts WHERE org = ? AND host = ?)`, org, f.Host)
		acts.add(`host = ?`, f.Host)
	}
	switch f.Of {
	case portvigil.OfAlerts:
		acts.add(`1 = 0`)
	case portvigil.OfChanges:
		steps.add(`1 = 0`)
	}
	args := append(append([]any{}, steps.args...), acts.args...)
	err = t.row(`SELECT (SELECT count(*) FROM audit WHERE `+steps.text()+`) + (SELECT count(*) FROM acts WHERE `+acts.text()+`)`, args...).Scan(&total)
	if err != nil || total == 0 {
		return nil, 0, err
	}
	limit := f.Limit
	if limit <= 0 {
		limit = total
	}
	err = t.each(func(row *sql.Rows) error {
		a, err := scanAct(row)
		page = append(page, a)
		return err
	}, `SELECT id, time, 1, coalesce((SELECT host FROM alerts a WHERE a.org = audit.org AND a.id = audit.alert), ''), body FROM audit WHERE `+steps.text()+`
		UNION ALL SELECT id, time, 0, host, body FROM acts WHERE `+acts.text()+` ORDER BY 2 DESC, 1 DESC LIMIT ? OFFSET ?`,
		append(args, limit, max(f.Offset, 0))...)
	return page, total, err
}

func actConditions(f portvigil.ActFilter) *conditions {
	c := &conditions{}
	c.add(`org = ?`, org)
	if f.People {
		c.add(`actor <> '` + portvigil.System + `'`) // no parameter: the index is for this value alone
	}
	if f.By != "" {
		c.add(`actor = ?`, f.By)
	}
	if !f.Since.IsZero() {
		c.add(`time >= ?`, micros(f.Since))
	}
	if !f.Until.IsZero() {
		c.add(`time < ?`, micros(f.Until))
	}
	return c
}

func scanAct(row *sql.Rows) (a portvigil.Act, err error) {
	var id, host, body string
	var when int64
	var step int
	if err := row.Scan(&id, &when, &step, &host, &body); err != nil {
		return a, fmt.Errorf("read tables audit and acts: %w", err)
	}
	if step == 0 {
		return a, decode("acts", id, body, &a)
	}
	var e portvigil.AuditEntry
	if err := decode("audit", id, body, &e); err != nil {
		return a, err
	}
	return e.Act(host), nil
}
