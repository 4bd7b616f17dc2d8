package store

import (
	"database/sql"
	"fmt"
	"net/netip"
	"time"

	"github.com/portvigil/portvigil"
)

func (t *Tx) putInterval(hostID string, k series, i portvigil.Interval) error {
	address := ""
	if i.Address.IsValid() {
		address = i.Address.String()
	}
	first, last, end := markOf(i.First), markOf(i.Last), markOf(i.End)
	return t.put("interval", i.Door().String(), `INSERT INTO intervals (org, host_id, view, vantage, address, proto,
		entrance, door_proto, port, apart, after_time, first_seq, first_look, first_time, last_seq, last_look, last_time,
		end_seq, end_look, end_time, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, host_id, view, vantage, address, proto, entrance, door_proto, port, apart, first_look) DO UPDATE SET
		after_time = excluded.after_time, first_seq = excluded.first_seq, first_time = excluded.first_time,
		last_seq = excluded.last_seq, last_look = excluded.last_look, last_time = excluded.last_time,
		end_seq = excluded.end_seq, end_look = excluded.end_look, end_time = excluded.end_time, ended = excluded.ended`,
		k.args(hostID, address, string(i.Proto), int(i.Port), flag(i.Apart), micros(i.After), first.seq, first.look, first.time,
			last.seq, last.look, last.time, end.seq, end.look, end.time, string(i.Ended))...)
}

func (t *Tx) intervals(hostID string, k series, and string) ([]portvigil.Interval, error) {
	return t.intervalsWhere(ofSeries+and, k.args(hostID)...)
}

func (t *Tx) intervalsWhere(where string, args ...any) (all []portvigil.Interval, err error) {
	err = t.each(func(row *sql.Rows) error {
		i, err := scanInterval(row)
		all = append(all, i)
		return err
	}, `SELECT view, vantage, address, proto, entrance, door_proto, port, apart, after_time, first_seq, first_look, first_time,
		last_seq, last_look, last_time, end_seq, end_look, end_time, ended FROM intervals `+where, args...)
	return all, err
}

func scanInterval(row *sql.Rows) (i portvigil.Interval, err error) {
	var k series
	var entrance, proto, ended string
	var apart int
	var after int64
	var first, last, end mark
	err = row.Scan(&k.view, &k.vantage, &k.address, &k.proto, &entrance, &proto, &i.Port, &apart, &after, &first.seq, &first.look, &first.time,
		&last.seq, &last.look, &last.time, &end.seq, &end.look, &end.time, &ended)
	if err != nil {
		return i, fmt.Errorf("read table intervals: %w", err)
	}
	i.Proto, i.Apart, i.After, i.Ended = portvigil.Proto(proto), apart != 0, fromMicros(after), portvigil.PortState(ended)
	i.First, i.Last, i.End = first.mark(), last.mark(), end.mark()
	if i.Key, err = k.viewKey(); err != nil {
		return i, unreadable("intervals", first.look, err)
	}
	if entrance != "" {
		if i.Address, err = netip.ParseAddr(entrance); err != nil {
			return i, unreadable("intervals", first.look, err)
		}
	}
	return i, nil
}

// putWatched writes what was watched; one that begins takes the place of the last
// one of its kind as the newest.
func (t *Tx) putWatched(hostID string, k series, w portvigil.Watched) error {
	first, last := markOf(w.First), markOf(w.Last)
	if w.First.Look == w.Last.Look {
		if _, err := t.exec(`UPDATE watched SET newest = 0`+ofSeries+` AND newest = 1 AND covered = ? AND default_state = ?`,
			k.args(hostID, w.Covered(), string(w.Default))...); err != nil {
			return err
		}
	}
	return t.put("watched", w.First.Look, `INSERT INTO watched (org, host_id, view, vantage, address, proto, covered, default_state, pause, newest,
		first_seq, first_look, first_time, last_seq, last_look, last_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, host_id, view, vantage, address, proto, first_look) DO UPDATE SET pause = excluded.pause, newest = 1,
		first_seq = excluded.first_seq, first_time = excluded.first_time,
		last_seq = excluded.last_seq, last_look = excluded.last_look, last_time = excluded.last_time`,
		k.args(hostID, w.Covered(), string(w.Default), w.Pause.Microseconds(), first.seq, first.look, first.time, last.seq, last.look, last.time)...)
}

func (t *Tx) watched(hostID string, k series, and string) ([]portvigil.Watched, error) {
	return t.watchedWhere(ofSeries+and, k.args(hostID)...)
}

func (t *Tx) watchedWhere(where string, args ...any) (all []portvigil.Watched, err error) {
	err = t.each(func(row *sql.Rows) error {
		w, err := scanWatched(row)
		all = append(all, w)
		return err
	}, `SELECT view, vantage, address, proto, covered, default_state, pause, first_seq, first_look, first_time, last_seq, last_look, last_time
		FROM watched `+where, args...)
	return all, err
}

func scanWatched(row *sql.Rows) (w portvigil.Watched, err error) {
	var k series
	var covered, state string
	var pause int64
	var first, last mark
	err = row.Scan(&k.view, &k.vantage, &k.address, &k.proto, &covered, &state, &pause,
		&first.seq, &first.look, &first.time, &last.seq, &last.look, &last.time)
	if err != nil {
		return w, fmt.Errorf("read table watched: %w", err)
	}
	w.Default, w.Pause, w.First, w.Last = portvigil.PortState(state), time.Duration(pause)*time.Microsecond, first.mark(), last.mark()
	if w.Key, err = k.viewKey(); err != nil {
		return w, unreadable("watched", first.look, err)
	}
	if w.Key.View == portvigil.Inside {
		w.Covers = coversOf(covered)
	} else if w.Ports, err = portvigil.ParsePortSet(covered); err != nil {
		return w, unreadable("watched", first.look, err)
	}
	return w, nil
}
