package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

const (
	// Forever, as what RollUp is to keep, keeps everything but finished requests.
	Forever time.Duration = 0
	// ShortestKeep is the least that RollUp keeps: two daily looks from outside, by
	// which something is missing or shut, and a late report of the day before.
	ShortestKeep = 48 * time.Hour

	// keepRequests is how long a request stays that is finished: nothing rests on it,
	// and people may ask what became of it.
	keepRequests = 7 * 24 * time.Hour
	// rollRows bounds the rows of one transaction, for which a message may have to
	// wait: about 10 ms.
	rollRows = 50
)

// Removed counts the rows that RollUp removed.
type Removed struct{ Looks, Sights, Requests, Deliveries int }

// RollUp removes looks that were received more than keep ago, once all that
// follows from them is kept in their place: intervals stay for good, and the trail
// and history of a view as they were then stand for the looks that are gone. A look
// that is named by an interval or a trail stays as long as it is. Messages that old
// go where their alert is not open, requests a week after they were due. It works in small
// transactions: cut off at any moment, it goes on from there when it is called again.
func (s *Store) RollUp(ctx context.Context, keep time.Duration) (r Removed, err error) {
	if keep != Forever {
		before := s.clock().Add(-max(keep, ShortestKeep))
		if err := s.rollUpLooks(ctx, before, &r); err != nil {
			return r, err
		}
		r.Deliveries, err = s.removeOld(ctx, "deliveries", `SELECT id FROM deliveries WHERE org = ? AND state <> 'queued' AND created < ?
			AND alert NOT IN (SELECT id FROM alerts WHERE org = ? AND state <> 'resolved')`, org, micros(before), org)
		if err != nil {
			return r, err
		}
	}
	r.Requests, err = s.removeOld(ctx, "requests", `SELECT id FROM requests WHERE org = ? AND state IN ('done', 'failed') AND due < ?`,
		org, micros(s.clock().Add(-keepRequests)))
	if err != nil {
		return r, err
	}
	return r, s.told(ctx, s.engine.giveBack(ctx, s))
}

// rolled is a view of a host in which there is something to roll up.
type rolled struct {
	host string
	series
}

func (s *Store) rollUpLooks(ctx context.Context, before time.Time, r *Removed) error {
	var views []rolled
	err := s.View(ctx, func(tx *Tx) error {
		views = nil
		return tx.each(func(row *sql.Rows) error {
			var v rolled
			err := row.Scan(&v.host, &v.view, &v.vantage, &v.address, &v.proto)
			views = append(views, v)
			return err
		}, `SELECT DISTINCT host_id, view, vantage, address, proto FROM looks WHERE org = ? AND received < ? ORDER BY host_id`, org, micros(before))
	})
	if err != nil {
		return err
	}
	for n, v := range views {
		for more := true; more; {
			var removed int
			err := s.Update(ctx, func(tx *Tx) (err error) { removed, more, err = tx.rollUp(v.host, v.series, before); return err })
			if err != nil {
				return err
			}
			r.Looks += removed
		}
		if n+1 < len(views) && views[n+1].host == v.host {
			continue
		}
		var sights int
		if err := s.Update(ctx, func(tx *Tx) (err error) { sights, err = tx.removeSights(v.host); return err }); err != nil {
			return err
		}
		r.Sights += sights
	}
	return nil
}

// rollUp takes one step of a view: it freezes the next looks that are old enough,
// and removes frozen ones that nothing names. more is whether that was not all.
func (t *Tx) rollUp(hostID string, k series, before time.Time) (removed int, more bool, err error) {
	key, err := k.viewKey()
	if err != nil {
		return 0, false, unreadable("looks", hostID, err)
	}
	f, err := t.frozen(hostID, key)
	if err != nil {
		return 0, false, err
	}
	looks, err := t.nextToFreeze(hostID, k, f.Seq, before)
	if err != nil {
		return 0, false, err
	}
	if len(looks) > 0 {
		if err := t.freeze(hostID, k, f, looks); err != nil {
			return 0, false, err
		}
	}
	removed, left, err := t.removeFrozen(hostID, k, f, before)
	return removed, len(looks) > 0 || left, err
}

// nextToFreeze returns the first looks after the frozen ones, in order, all of which
// and of those before them were received before the moment.
func (t *Tx) nextToFreeze(hostID string, k series, seq int64, before time.Time) ([]*portvigil.Look, error) {
	// Looks of the same number are frozen together.
	var last sql.NullInt64
	err := t.row(`SELECT max(seq) FROM (SELECT seq FROM looks`+ofSeries+` AND seq > ?
		AND seq < coalesce((SELECT min(seq) FROM looks`+ofSeries+` AND received >= ?), 9223372036854775807) ORDER BY seq LIMIT ?) AS next`,
		append(append(k.args(hostID, seq), k.args(hostID, micros(before))...), rollRows)...).Scan(&last)
	if err != nil || !last.Valid {
		return nil, err
	}
	return t.looks(`l.host_id = ? AND l.view = ? AND l.vantage = ? AND l.address = ? AND l.proto = ? AND l.seq > ? AND l.seq <= ? ORDER BY l.seq, l.id`,
		hostID, k.view, k.vantage, k.address, k.proto, seq, last.Int64)
}

// removeFrozen removes looks that are frozen and that nothing names; left is whether
// there may be more.
func (t *Tx) removeFrozen(hostID string, k series, f *frozen, before time.Time) (removed int, left bool, err error) {
	named, err := t.named(hostID, k, f)
	if err != nil {
		return 0, false, err
	}
	var old []string
	err = t.each(func(row *sql.Rows) error {
		var id string
		err := row.Scan(&id)
		if !named[id] {
			old = append(old, id)
		}
		return err
	}, `SELECT id FROM looks`+ofSeries+` AND seq <= ? AND received < ? ORDER BY seq`, k.args(hostID, f.Seq, micros(before))...)
	if err != nil {
		return 0, false, err
	}
	next := old[:min(len(old), rollRows)]
	removed, err = t.removeRows("looks", next)
	return removed, len(next) < len(old), err
}

// named returns the looks of a view that something rests on that people can see.
func (t *Tx) named(hostID string, k series, f *frozen) (map[string]bool, error) {
	named := map[string]bool{}
	note := func(row *sql.Rows) error {
		var id string
		err := row.Scan(&id)
		named[id] = true
		return err
	}
	for _, from := range []string{"first_look FROM intervals", "last_look FROM intervals", "end_look FROM intervals",
		"first_look FROM watched", "last_look FROM watched", "newest_look FROM histories"} {
		if err := t.each(note, `SELECT `+from+ofSeries, k.args(hostID)...); err != nil {
			return nil, fmt.Errorf("find looks that are named: %w", err)
		}
	}
	trails, err := t.Trails(hostID)
	if err != nil {
		return nil, err
	}
	if f.Trail != nil {
		trails = append(trails, *f.Trail)
	}
	for i := range trails {
		if seriesOf(trails[i].Key) == k {
			for _, id := range trails[i].Looks() {
				named[id] = true
			}
		}
	}
	return named, nil
}

// removeOld removes, a few at a time, the rows of the ids that the query finds.
func (s *Store) removeOld(ctx context.Context, table, query string, args ...any) (removed int, err error) {
	var ids []string
	err = s.View(ctx, func(tx *Tx) error {
		ids = nil
		return tx.each(func(row *sql.Rows) error {
			var id string
			err := row.Scan(&id)
			ids = append(ids, id)
			return err
		}, query, args...)
	})
	if err != nil {
		return 0, err
	}
	for some := range slices.Chunk(ids, rollRows) {
		var n int
		if err := s.Update(ctx, func(tx *Tx) (err error) { n, err = tx.removeRows(table, some); return err }); err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}

// rowsGiven are as many placeholders as a step removes rows, so that there is one
// statement for any number of them.
var rowsGiven = strings.TrimSuffix(strings.Repeat("?, ", rollRows), ", ")

// removeRows removes at most rollRows rows.
func (t *Tx) removeRows(table string, ids []string) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	args := []any{org}
	for n := range rollRows {
		args = append(args, ids[min(n, len(ids)-1)])
	}
	n, err := t.exec(`DELETE FROM `+table+` WHERE org = ? AND id IN (`+rowsGiven+`)`, args...)
	if err != nil {
		return 0, fmt.Errorf("remove old rows of table %s: %w", table, err)
	}
	return int(n), nil
}

// removeSights removes what only looks saw that are gone.
func (t *Tx) removeSights(hostID string) (removed int, err error) {
	const seen = ` AND hash NOT IN (SELECT sight FROM looks WHERE org = ? AND host_id = ? AND sight IS NOT NULL)`
	const used = ` AND hash NOT IN (SELECT base FROM sights WHERE org = ? AND host_id = ? AND base IS NOT NULL)`
	changes, err := t.exec(`DELETE FROM sights WHERE org = ? AND host_id = ? AND base IS NOT NULL`+seen, org, hostID, org, hostID)
	if err != nil {
		return 0, fmt.Errorf("remove what was seen: %w", err)
	}
	alone, err := t.exec(`DELETE FROM sights WHERE org = ? AND host_id = ?`+seen+used, org, hostID, org, hostID, org, hostID)
	if err != nil {
		return 0, fmt.Errorf("remove what was seen: %w", err)
	}
	return int(changes + alone), nil
}
