package store

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// AlertsWhere returns the page of alerts that the filter asks for, and how many
// there are without its Limit and Offset. Group is not looked at: hosts are named.
func (t *Tx) AlertsWhere(f portvigil.AlertFilter) (page []portvigil.Alert, total int, err error) {
	c := alertConditions(f)
	if err := t.row(`SELECT count(*) FROM alerts WHERE `+c.text(), c.args...).Scan(&total); err != nil || total == 0 {
		return nil, 0, err
	}
	order := `changed DESC, id DESC`
	switch f.Order {
	case portvigil.ByOpened:
		order = `opened DESC, ` + order
	case portvigil.BySeverity:
		order = `CASE severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END, ` + order
	}
	limit := f.Limit
	if limit <= 0 {
		limit = total
	}
	// The ids of the page first: what is sorted would take the bodies of all along.
	page, err = t.alertRows(`WHERE org = ? AND id IN (SELECT id FROM alerts WHERE `+c.text()+` ORDER BY `+order+` LIMIT ? OFFSET ?) ORDER BY `+order,
		slices.Concat([]any{org}, c.args, []any{limit, max(f.Offset, 0)})...)
	return page, total, err
}

// AlertCounts returns how many of the alerts that the filter asks for are alike.
func (t *Tx) AlertCounts(f portvigil.AlertFilter) (list []portvigil.AlertCount, err error) {
	c := alertConditions(f)
	err = t.each(func(row *sql.Rows) error {
		var n portvigil.AlertCount
		err := row.Scan(&n.State, &n.Severity, &n.Attention, &n.Count)
		list = append(list, n)
		return err
	}, `SELECT state, severity, attention = 1, count(*) FROM alerts WHERE `+c.text()+` GROUP BY state, severity, attention
		ORDER BY state, severity, attention`, c.args...)
	if err != nil {
		return nil, fmt.Errorf("count alerts: %w", err)
	}
	return list, nil
}

// conditions are joined by AND.
type conditions struct {
	parts []string
	args  []any
}

func (c *conditions) add(part string, args ...any) {
	c.parts, c.args = append(c.parts, part), append(c.args, args...)
}

func (c *conditions) text() string { return strings.Join(c.parts, ` AND `) }

// addAny asks for one of the values; for nothing where there are none.
func addAny[T ~string](c *conditions, column string, values []T) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = string(v)
	}
	c.add(column+` IN (?`+strings.Repeat(`, ?`, len(values)-1)+`)`, args...)
}

// likeWord has LIKE take its own signs for what they are.
var likeWord = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func alertConditions(f portvigil.AlertFilter) *conditions {
	c := &conditions{}
	c.add(`org = ?`, org)
	if f.Attention {
		c.add(`attention = 1`) // no parameter: the index is for this value alone
	}
	state := `state`
	if slices.Contains(f.States, portvigil.AlertResolved) {
		state = `state || ''` // nearly all are: an expression, so that the index by state is passed over
	}
	addAny(c, state, f.States)
	addAny(c, `severity`, f.Severities)
	addAny(c, `kind`, f.Kinds)
	addAny(c, `family`, f.Families)
	addAny(c, `host`, f.Hosts)
	if !f.OpenedSince.IsZero() {
		c.add(`opened >= ?`, micros(f.OpenedSince))
	}
	if !f.ChangedSince.IsZero() {
		c.add(`changed >= ?`, micros(f.ChangedSince))
	}
	for _, word := range f.Words() {
		c.add(`words LIKE ? ESCAPE '\'`, `%`+likeWord.Replace(word)+`%`)
	}
	return c
}
