package store

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"

	"github.com/portvigil/portvigil"
)

const seqSetting = "seq"

// NextSeq returns a number above all that it returned before, also in
// transactions that came to nothing.
func (t *Tx) NextSeq() (uint64, error) {
	text, err := t.Setting(seqSetting)
	if err != nil {
		return 0, err
	}
	var stored uint64
	if text != "" {
		if stored, err = strconv.ParseUint(text, 10, 64); err != nil {
			return 0, unreadable("settings", seqSetting, err)
		}
	}
	// One writer at a time gets here, so nothing comes between load and store.
	next := max(stored, t.s.seq.Load()) + 1
	t.s.seq.Store(next)
	return next, t.PutSetting(seqSetting, strconv.FormatUint(next, 10))
}

// HasLook reports whether the look is stored.
func (t *Tx) HasLook(id string) (bool, error) {
	var found bool
	err := t.row(`SELECT EXISTS (SELECT 1 FROM looks WHERE org = ? AND id = ?)`, org, id).Scan(&found)
	return found, err
}

// AddLook stores a look of the host, and what follows from it for the intervals
// of its view; CodeConflict where its id is there already.
func (t *Tx) AddLook(hostID string, l *portvigil.Look) error {
	if l.Seq > math.MaxInt64 {
		return portvigil.Errorf(portvigil.CodeInvalid, "look %s has an impossible sequence number", portvigil.Printable(l.ID))
	}
	body, err := encode(rowOf(l))
	if err != nil {
		return fmt.Errorf("store look %s: %w", l.ID, err)
	}
	k := seriesOf(l.Key())
	err = t.put("look", l.ID, `INSERT INTO looks
		(org, id, host_id, run, view, vantage, address, proto, seq, started, ended, received, complete, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		org, l.ID, hostID, l.Run, k.view, k.vantage, k.address, k.proto, int64(l.Seq),
		micros(l.Started), micros(l.Ended), micros(l.Received), flag(l.Complete), body)
	if err != nil {
		return err
	}
	return t.addToHistory(hostID, l)
}

// Looks returns the looks of one view by rising Seq, Looks' Host being the
// host's name as it is now.
func (t *Tx) Looks(hostID string, key portvigil.ViewKey) ([]*portvigil.Look, error) {
	k := seriesOf(key)
	return t.looks(`l.host_id = ? AND l.view = ? AND l.vantage = ? AND l.address = ? AND l.proto = ? ORDER BY l.seq, l.id`,
		hostID, k.view, k.vantage, k.address, k.proto)
}

// LooksOfRun returns the looks that were started together, oldest first.
func (t *Tx) LooksOfRun(run string) ([]*portvigil.Look, error) {
	return t.looks(`l.run = ? ORDER BY l.started, l.seq, l.id`, run)
}

func (t *Tx) looks(where string, args ...any) ([]*portvigil.Look, error) {
	var all []*portvigil.Look
	err := t.each(func(row *sql.Rows) error {
		var id, body, host string
		if err := row.Scan(&id, &body, &host); err != nil {
			return fmt.Errorf("read table looks: %w", err)
		}
		r := new(lookRow)
		if err := decode("looks", id, body, r); err != nil {
			return err
		}
		l := r.look()
		l.Host = host
		all = append(all, l)
		return nil
	}, `SELECT l.id, l.body, h.name FROM looks l JOIN hosts h ON h.org = l.org AND h.id = l.host_id
		WHERE l.org = ? AND `+where, append([]any{org}, args...)...)
	return all, err
}

// series is a ViewKey as columns hold it.
type series struct{ view, vantage, address, proto string }

func seriesOf(k portvigil.ViewKey) series {
	s := series{view: string(k.View), vantage: k.Vantage, proto: string(k.Proto)}
	if k.Address.IsValid() {
		s.address = k.Address.String()
	}
	return s
}

// viewKey reads the columns back.
func (s series) viewKey() (portvigil.ViewKey, error) {
	k := portvigil.ViewKey{View: portvigil.View(s.view), Vantage: s.vantage, Proto: portvigil.Proto(s.proto)}
	if s.address == "" {
		return k, nil
	}
	var err error
	if k.Address, err = netip.ParseAddr(s.address); err != nil {
		return k, errors.New("its address column is no address")
	}
	return k, nil
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
