package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/portvigil/portvigil"
)

// pagesFilled is the setting that says that every row has the columns that the
// pages ask by.
const pagesFilled = "pages-filled"

// filledAtOnce is how many rows one transaction fills.
const filledAtOnce = 500

// fillPages gives rows of before there were pages the columns that are asked by.
// Their bodies stay as they are. Cut off in the middle, it does it again.
func (s *Store) fillPages(ctx context.Context) error {
	var filled string
	err := s.View(ctx, func(tx *Tx) (err error) { filled, err = tx.Setting(pagesFilled); return err })
	if err != nil || filled != "" {
		return err
	}
	for table, fill := range map[string]func(*Tx, string) error{"alerts": (*Tx).fillAlert, "audit": (*Tx).fillStep} {
		for after, more := "", true; more; {
			err := s.Update(ctx, func(tx *Tx) error {
				ids, err := tx.idsAfter(table, after)
				if err != nil {
					return err
				}
				for _, id := range ids {
					if err := fill(tx, id); err != nil {
						return err
					}
				}
				if more = len(ids) > 0; more {
					after = ids[len(ids)-1]
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("fill table %s: %w", table, err)
			}
		}
	}
	return s.Update(ctx, func(tx *Tx) error { return tx.PutSetting(pagesFilled, "yes") })
}

// idsAfter returns the next ids of a table, in their order.
func (t *Tx) idsAfter(table, after string) (ids []string, err error) {
	err = t.each(func(row *sql.Rows) error {
		var id string
		err := row.Scan(&id)
		ids = append(ids, id)
		return err
	}, `SELECT id FROM `+table+` WHERE org = ? AND id > ? ORDER BY id LIMIT ?`, org, after, filledAtOnce)
	return ids, err
}

func (t *Tx) fillAlert(id string) error {
	found, err := t.alerts(`id = ?`, id)
	a, err := onlyOne(found, err, "alert", id)
	if err != nil {
		return err
	}
	return t.change("alert", id, `UPDATE alerts SET severity = ?, attention = ?, words = ? WHERE org = ? AND id = ?`,
		string(a.Severity), flag(a.Attention()), a.Words(), org, id)
}

func (t *Tx) fillStep(id string) error {
	e, err := record[portvigil.AuditEntry](t, "audit", "audit entry", id, `SELECT id, body FROM audit WHERE org = ? AND id = ?`, org, id)
	if err != nil {
		return err
	}
	return t.change("audit entry", id, `UPDATE audit SET actor = ? WHERE org = ? AND id = ?`, e.By, org, id)
}
