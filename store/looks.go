package store

import (
	"bytes"
	"cmp"
	"database/sql"
	"encoding/hex"
	"encoding/json"
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
	r, k := rowOf(l), seriesOf(l.Key())
	body, err := encode(r.rest())
	if err != nil {
		return fmt.Errorf("store look %s: %w", l.ID, err)
	}
	sight, err := t.putSight(hostID, k, &r.sightRow)
	if err != nil {
		return fmt.Errorf("store look %s: %w", l.ID, err)
	}
	err = t.put("look", l.ID, `INSERT INTO looks
		(org, id, host_id, run, view, vantage, address, proto, seq, started, ended, received, complete, body, sight)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		org, l.ID, hostID, l.Run, k.view, k.vantage, k.address, k.proto, int64(l.Seq), r.Started, r.Ended, r.Received, flag(l.Complete), body, sight)
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

// LooksOfRun returns the looks at a host that were started together, oldest first.
func (t *Tx) LooksOfRun(hostID, run string) ([]*portvigil.Look, error) {
	return t.looks(`l.host_id = ? AND l.run = ? ORDER BY l.started, l.seq, l.id`, hostID, run)
}

// looks returns those that the condition picks, which names their columns "l.".
func (t *Tx) looks(where string, args ...any) ([]*portvigil.Look, error) {
	var all []*portvigil.Look
	var read sightReader
	err := t.each(func(row *sql.Rows) error {
		l, err := read.look(row)
		all = append(all, l)
		return err
	}, `SELECT h.name, l.id, l.run, l.seq, l.started, l.ended, l.received, l.complete, l.body, l.sight, s.body, b.body FROM looks l
		JOIN hosts h ON h.org = l.org AND h.id = l.host_id
		LEFT JOIN sights s ON s.org = l.org AND s.host_id = l.host_id AND s.hash = l.sight
		LEFT JOIN sights b ON b.org = s.org AND b.host_id = s.host_id AND b.hash = s.base
		WHERE l.org = ? AND `+where, append([]any{org}, args...)...)
	return all, err
}

// sightReader reads rows of looks. Most saw what the one before saw, which is
// unpacked once.
type sightReader struct {
	hash []byte
	text []byte
}

func (r *sightReader) look(row *sql.Rows) (*portvigil.Look, error) {
	var host, body string
	var hash, sight, base []byte
	var l, columns lookRow
	c := &columns
	if err := row.Scan(&host, &c.ID, &c.Run, &c.Seq, &c.Started, &c.Ended, &c.Received, &c.Complete, &body, &hash, &sight, &base); err != nil {
		return nil, fmt.Errorf("read table looks: %w", err)
	}
	if err := decode("looks", c.ID, body, &l); err != nil {
		return nil, err
	}
	if hash != nil {
		l.ID, l.Run, l.Seq = c.ID, cmp.Or(l.Run, c.Run), c.Seq
		l.Started, l.Ended, l.Received, l.Complete = c.Started, c.Ended, c.Received, c.Complete
		if err := r.sight(&l.sightRow, hash, sight, base); err != nil {
			return nil, unreadable("sights", hex.EncodeToString(hash), err)
		}
	}
	l.Host = host
	return l.look(), nil
}

func (r *sightReader) sight(into *sightRow, hash, body, base []byte) (err error) {
	if r.text == nil || !bytes.Equal(r.hash, hash) {
		r.hash = hash
		if r.text, err = unpackSight(hash, base, body); err != nil {
			return err
		}
	}
	return json.Unmarshal(r.text, into)
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
