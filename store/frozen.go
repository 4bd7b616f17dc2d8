package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// frozen is what followed from the looks of a view up to a number. It stands for
// them: what comes later is folded onto it, and looks of before change nothing.
type frozen struct {
	Seq     int64            `json:"-"` // -1: no look is frozen
	Trail   *portvigil.Trail `json:"trail,omitempty"`
	History *lasting         `json:"history,omitempty"`
}

// lasting is what the next look of a view can change in its history.
type lasting struct {
	Newest  portvigil.Mark       `json:"newest"`
	Lasting []portvigil.Interval `json:"lasting,omitempty"`
	Watched []portvigil.Watched  `json:"watched,omitempty"`
}

// frozen reads what is frozen of a view.
func (t *Tx) frozen(hostID string, key portvigil.ViewKey) (*frozen, error) {
	k := seriesOf(key)
	f := &frozen{}
	var body []byte
	err := t.row(`SELECT seq, body FROM frozen`+ofSeries, k.args(hostID)...).Scan(&f.Seq, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return t.frozenBefore(hostID, k)
	}
	if err != nil {
		return nil, fmt.Errorf("read table frozen: %w", err)
	}
	text, err := inflated(body, nil)
	if err == nil {
		err = json.Unmarshal(text, f)
	}
	if err != nil {
		return nil, unreadable("frozen", hostID+" "+k.view+" "+k.vantage+" "+k.address, err)
	}
	return f, nil
}

// frozenBefore is what is frozen of a view whose address went before there was the
// table: nothing lasted, and what was watched is what the rows say.
func (t *Tx) frozenBefore(hostID string, k series) (*frozen, error) {
	mark := mark{seq: -1}
	err := t.row(`SELECT frozen_seq, frozen_look, frozen_time FROM histories`+ofSeries, k.args(hostID)...).Scan(&mark.seq, &mark.look, &mark.time)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read table histories: %w", err)
	}
	f := &frozen{Seq: mark.seq}
	if f.Seq < 0 {
		return f, nil
	}
	f.History = &lasting{Newest: mark.mark()}
	watched, err := t.watched(hostID, k, ` AND first_seq <= `+fmt.Sprint(f.Seq)+` ORDER BY first_seq DESC`)
	for _, w := range watched {
		if int64(w.Last.Seq) > f.Seq {
			w.Last = f.History.Newest
		}
		alike := func(v portvigil.Watched) bool { return v.Covered() == w.Covered() && v.Default == w.Default }
		if !slices.ContainsFunc(f.History.Watched, alike) {
			f.History.Watched = append(f.History.Watched, w)
		}
	}
	return f, err
}

// history is the frozen history of the view, the zero one where there is none.
func (f *frozen) history(key portvigil.ViewKey) *portvigil.History {
	h := &portvigil.History{Key: key}
	if f.History == nil {
		return h
	}
	h.Newest, h.Lasting, h.Watched = f.History.Newest, slices.Clone(f.History.Lasting), slices.Clone(f.History.Watched)
	for i := range h.Lasting {
		h.Lasting[i].Key = key
	}
	for i := range h.Watched {
		h.Watched[i].Key = key
	}
	return h
}

// trail is the frozen trail of the view, an empty one where there is none.
func (f *frozen) trail(key portvigil.ViewKey) *portvigil.Trail {
	if f.Trail == nil {
		return &portvigil.Trail{Key: key}
	}
	return f.Trail
}

// freeze folds the looks that follow what is frozen, and keeps what follows from
// them in their place.
func (t *Tx) freeze(hostID string, k series, f *frozen, looks []*portvigil.Look) error {
	key := looks[0].Key()
	newest := looks[len(looks)-1]
	f.Seq = int64(newest.Seq)
	h := f.history(key)
	f.Trail = f.trail(key)
	f.Trail.AddAll(looks)

	received, err := t.receivedBy(hostID, k, looks)
	if err != nil {
		return err
	}
	portvigil.ReplayHistory(h, received)
	f.History = &lasting{Newest: h.Newest, Lasting: h.Lasting, Watched: h.Watched}
	_, err = t.exec(`UPDATE histories SET frozen_seq = ?, frozen_look = ?, frozen_time = ?`+ofSeries,
		append([]any{f.Seq, newest.ID, micros(newest.Received)}, k.args(hostID)...)...)
	if err != nil {
		return err
	}
	return t.putFrozen(hostID, k, f)
}

// receivedBy returns the looks as received when the first of those after them was at
// the latest, as ReplayHistory does within what it is given. Only a clock that was set back
// leaves any that was received before them.
func (t *Tx) receivedBy(hostID string, k series, looks []*portvigil.Look) ([]*portvigil.Look, error) {
	moment := time.Time{}
	for _, l := range looks {
		if l.Received.After(moment) {
			moment = l.Received
		}
	}
	after, err := t.looks(`l.host_id = ? AND l.view = ? AND l.vantage = ? AND l.address = ? AND l.proto = ? AND l.seq > ? AND l.received < ? ORDER BY l.seq`,
		hostID, k.view, k.vantage, k.address, k.proto, int64(looks[len(looks)-1].Seq), micros(moment))
	if err != nil {
		return nil, err
	}
	for _, l := range after {
		if portvigil.TellsHistory(l) && l.Received.Before(moment) {
			moment = l.Received
		}
	}
	by := make([]*portvigil.Look, len(looks))
	for i, l := range looks {
		by[i] = l
		if l.Received.After(moment) {
			earlier := *l
			earlier.Received = moment
			by[i] = &earlier
		}
	}
	return by, nil
}

func (t *Tx) putFrozen(hostID string, k series, f *frozen) error {
	text, err := encode(f)
	if err != nil {
		return fmt.Errorf("freeze looks: %w", err)
	}
	body, err := deflated([]byte(text), nil)
	if err != nil {
		return fmt.Errorf("freeze looks: %w", err)
	}
	return t.put("frozen view", k.view+" "+k.vantage+" "+k.address, `INSERT INTO frozen (org, host_id, view, vantage, address, proto, seq, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, host_id, view, vantage, address, proto) DO UPDATE SET seq = excluded.seq, body = excluded.body`,
		k.args(hostID, f.Seq, body)...)
}

// ReplayTrail derives the trail of a view anew: from its looks, and what stands
// for those that are frozen.
func (t *Tx) ReplayTrail(hostID string, key portvigil.ViewKey) (*portvigil.Trail, error) {
	f, err := t.frozen(hostID, key)
	if err != nil {
		return nil, err
	}
	looks, err := t.looksAfter(hostID, seriesOf(key), f.Seq)
	if err != nil {
		return nil, err
	}
	trail := f.trail(key)
	trail.AddAll(looks)
	return trail, nil
}
