package store

import (
	"database/sql"
	"fmt"

	"github.com/portvigil/portvigil"
)

// PutReview stores the review as it is now.
func (t *Tx) PutReview(r portvigil.Review) error {
	body, err := encode(r)
	if err != nil {
		return fmt.Errorf("store review %s: %w", r.ID, err)
	}
	signed := int64(0)
	if !r.Signed.IsZero() {
		signed = micros(r.Signed)
	}
	return t.put("review", r.ID, `INSERT INTO reviews (org, id, signed, body) VALUES (?, ?, ?, ?)
		ON CONFLICT (org, id) DO UPDATE SET signed = excluded.signed, body = excluded.body`, org, r.ID, signed, body)
}

// Reviews returns every review: one that is not signed first, then the newest.
func (t *Tx) Reviews() ([]portvigil.Review, error) {
	return records[portvigil.Review](t, "reviews",
		`SELECT id, body FROM reviews WHERE org = ? ORDER BY CASE signed WHEN 0 THEN 0 ELSE 1 END, signed DESC, id DESC`, org)
}

// Review returns the review, or an Error with CodeNotFound.
func (t *Tx) Review(id string) (portvigil.Review, error) {
	return record[portvigil.Review](t, "reviews", "review", id, `SELECT id, body FROM reviews WHERE org = ? AND id = ?`, org, id)
}

// LastOpen returns when each door of a host was last seen open or listening by any
// view, by protocol and port.
func (t *Tx) LastOpen(hostID string) (list []portvigil.LastOpen, err error) {
	err = t.each(func(row *sql.Rows) error {
		var proto string
		var port uint16
		var last int64
		if err := row.Scan(&proto, &port, &last); err != nil {
			return fmt.Errorf("read table intervals: %w", err)
		}
		list = append(list, portvigil.LastOpen{Door: portvigil.Door{Proto: portvigil.Proto(proto), Port: port}, Time: fromMicros(last)})
		return nil
	}, `SELECT door_proto, port, max(last_time) FROM intervals WHERE org = ? AND host_id = ? GROUP BY door_proto, port ORDER BY door_proto, port`, org, hostID)
	return list, err
}
