package store

import (
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// ofSeries picks the rows of one view of a host.
const ofSeries = ` WHERE org = ? AND host_id = ? AND view = ? AND vantage = ? AND address = ? AND proto = ?`

func (s series) args(hostID string, more ...any) []any {
	return append([]any{org, hostID, s.view, s.vantage, s.address, s.proto}, more...)
}

// addToHistory folds a look that was just stored into the intervals of its view.
func (t *Tx) addToHistory(hostID string, l *portvigil.Look) error {
	if !portvigil.TellsHistory(l) {
		return nil
	}
	h, frozen, err := t.history(hostID, l.Key())
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	if int64(l.Seq) <= frozen.seq {
		return nil // its time has been folded for good, also where the newest look tells nothing
	}
	if !h.Newest.IsZero() && h.Follows(l) {
		intervals, watched := h.Add(l)
		return t.putHistory(hostID, h, frozen, intervals, watched)
	}
	return t.replayHistory(hostID, l.Key())
}

// replayHistory derives a view's history anew from the looks after frozen ones.
func (t *Tx) replayHistory(hostID string, key portvigil.ViewKey) error {
	k := seriesOf(key)
	f, err := t.frozen(hostID, key)
	if err != nil {
		return err
	}
	h := f.history(key)
	if err := t.thaw(hostID, k, f.Seq, h); err != nil {
		return fmt.Errorf("thaw history: %w", err)
	}
	looks, err := t.looksAfter(hostID, k, f.Seq)
	if err != nil {
		return err
	}
	intervals, watched := portvigil.ReplayHistory(h, looks)
	return t.putHistory(hostID, h, mark{seq: -1}, intervals, watched)
}

// looksAfter returns the looks of a view after a number, in order.
func (t *Tx) looksAfter(hostID string, k series, seq int64) ([]*portvigil.Look, error) {
	return t.looks(`l.host_id = ? AND l.view = ? AND l.vantage = ? AND l.address = ? AND l.proto = ? AND l.seq > ? ORDER BY l.seq, l.id`,
		hostID, k.view, k.vantage, k.address, k.proto, seq)
}

// thaw takes the rows of a view back to what they were when it was frozen.
func (t *Tx) thaw(hostID string, k series, seq int64, h *portvigil.History) error {
	for _, table := range []string{"intervals", "watched"} {
		if _, err := t.exec(`DELETE FROM `+table+ofSeries+` AND first_seq > ?`, k.args(hostID, seq)...); err != nil {
			return err
		}
	}
	for _, i := range h.Lasting {
		if err := t.putInterval(hostID, k, i); err != nil {
			return err
		}
	}
	for _, w := range h.Watched {
		if err := t.putWatched(hostID, k, w); err != nil {
			return err
		}
	}
	return nil
}

// history reads what the next look of a view can change.
func (t *Tx) history(hostID string, key portvigil.ViewKey) (h *portvigil.History, frozen mark, err error) {
	h, k, newest := &portvigil.History{Key: key}, seriesOf(key), mark{}
	frozen = mark{seq: -1}
	err = t.each(func(row *sql.Rows) error {
		return row.Scan(&newest.seq, &newest.look, &newest.time, &frozen.seq, &frozen.look, &frozen.time)
	}, `SELECT newest_seq, newest_look, newest_time, frozen_seq, frozen_look, frozen_time FROM histories`+ofSeries, k.args(hostID)...)
	if err != nil {
		return nil, frozen, err
	}
	h.Newest = newest.mark()
	if h.Lasting, err = t.intervals(hostID, k, ` AND ended = ''`); err != nil {
		return nil, frozen, err
	}
	h.Watched, err = t.watched(hostID, k, ` AND newest = 1`)
	return h, frozen, err
}

// putHistory writes how far a view is folded, and what changed.
func (t *Tx) putHistory(hostID string, h *portvigil.History, f mark, intervals []portvigil.Interval, watched []portvigil.Watched) error {
	k, n := seriesOf(h.Key), markOf(h.Newest)
	if err := t.put("history", hostID, `INSERT INTO histories (org, host_id, view, vantage, address, proto,
		newest_seq, newest_look, newest_time, frozen_seq, frozen_look, frozen_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, host_id, view, vantage, address, proto)
		DO UPDATE SET newest_seq = excluded.newest_seq, newest_look = excluded.newest_look, newest_time = excluded.newest_time`,
		k.args(hostID, n.seq, n.look, n.time, f.seq, f.look, f.time)...); err != nil {
		return err
	}
	for _, i := range intervals {
		if err := t.putInterval(hostID, k, i); err != nil {
			return err
		}
	}
	for _, w := range watched {
		if err := t.putWatched(hostID, k, w); err != nil {
			return err
		}
	}
	return nil
}

// endHistory ends what lasts in a view whose address has gone. Looks of before
// that come late change nothing any more.
func (t *Tx) endHistory(hostID string, k series) error {
	now := micros(t.s.clock())
	_, err := t.exec(`UPDATE intervals SET ended = ?, end_time = ?, end_seq = last_seq`+ofSeries+` AND ended = ''`,
		append([]any{string(portvigil.StateGone), now}, k.args(hostID)...)...)
	if err != nil {
		return err
	}
	_, err = t.exec(`UPDATE histories SET frozen_seq = newest_seq, frozen_look = newest_look, frozen_time = newest_time`+ofSeries, k.args(hostID)...)
	if err != nil {
		return err
	}
	var seq sql.NullInt64
	if err := t.row(`SELECT max(seq) FROM looks`+ofSeries, k.args(hostID)...).Scan(&seq); err != nil || !seq.Valid {
		return err
	}
	key, err := k.viewKey()
	if err != nil {
		return err
	}
	h, _, err := t.history(hostID, key)
	if err != nil {
		return err
	}
	return t.putFrozen(hostID, k, &frozen{Seq: seq.Int64, History: &lasting{Newest: h.Newest, Watched: h.Watched}})
}

// Past returns the intervals of a host that touch the moment, and what was watched
// by then: what portvigil.PastOf asks for.
func (t *Tx) Past(hostID string, at time.Time) ([]portvigil.Interval, []portvigil.Watched, error) {
	when := micros(at)
	intervals, err := t.intervalsWhere(`WHERE org = ? AND host_id = ?
		AND (first_time <= ? OR after_time > 0 AND after_time < ?) AND (ended = '' OR end_time > ?)`, org, hostID, when, when, when)
	if err != nil {
		return nil, nil, err
	}
	watched, err := t.watchedWhere(`WHERE org = ? AND host_id = ? AND first_time <= ?`, org, hostID, when)
	return intervals, watched, err
}

// PastBetween returns the intervals of a host that touch a time, and what was
// watched during it or not longer than before ahead of it: what
// portvigil.TimelineOf asks for. Of each the newest are returned, atMost many, and
// leftOut is how many there are beyond.
func (t *Tx) PastBetween(hostID string, from, to time.Time, before time.Duration, atMost int) (intervals []portvigil.Interval, watched []portvigil.Watched, leftOut int, err error) {
	first, last := micros(from), micros(to)
	touch := ` WHERE org = ? AND host_id = ? AND (first_time < ? OR after_time > 0 AND after_time < ?) AND (ended = '' OR end_time > ?)`
	args := []any{org, hostID, last, last, first}
	if leftOut, err = t.beyond(`intervals`+touch, atMost, args); err != nil {
		return nil, nil, 0, err
	}
	intervals, err = t.intervalsWhere(touch+` ORDER BY last_time DESC, first_time DESC, first_look, entrance, port LIMIT ?`, append(args, atMost)...)
	if err != nil {
		return nil, nil, 0, err
	}
	during := ` WHERE org = ? AND host_id = ? AND first_time < ? AND last_time >= ?`
	args = []any{org, hostID, last, micros(from.Add(-before))}
	more, err := t.beyond(`watched`+during, atMost, args)
	if err != nil {
		return nil, nil, 0, err
	}
	watched, err = t.watchedWhere(during+` ORDER BY last_time DESC, first_look LIMIT ?`, append(args, atMost)...)
	return intervals, watched, leftOut + more, err
}

// beyond is how many more rows a query has than are wanted.
func (t *Tx) beyond(from string, atMost int, args []any) (int, error) {
	var n int
	err := t.row(`SELECT count(*) FROM `+from, args...).Scan(&n)
	return max(0, n-atMost), err
}

// mark is a portvigil.Mark as columns hold it.
type mark struct {
	seq  int64
	look string
	time int64
}

func markOf(m portvigil.Mark) mark { return mark{int64(m.Seq), m.Look, micros(m.Time)} }

func (m mark) mark() portvigil.Mark {
	return portvigil.Mark{Seq: uint64(m.seq), Look: m.look, Time: fromMicros(m.time)}
}

// coversOf reads Watched.Covered of an inside look back.
func coversOf(text string) (list []portvigil.Coverage) {
	for part := range strings.SplitSeq(text, ",") {
		list = append(list, portvigil.Coverage(part))
	}
	return list
}
