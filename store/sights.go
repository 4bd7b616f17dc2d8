package store

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxSight bounds what a stored sight is unpacked to: several times the listeners
// or ports that the largest look may have, far below what a machine has.
const maxSight = 256 << 20

// putSight stores what a look of the view saw, unless it is there already, and
// returns the name by which the look refers to it.
func (t *Tx) putSight(hostID string, k series, r *sightRow) (hash []byte, err error) {
	text, err := encode(r)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(text))
	hash = sum[:]
	var there bool
	if err := t.row(`SELECT EXISTS (SELECT 1 FROM sights WHERE org = ? AND host_id = ? AND hash = ?)`, org, hostID, hash).Scan(&there); err != nil || there {
		return hash, err
	}
	base, body, err := t.packSight(hostID, k, []byte(text))
	if err != nil {
		return nil, err
	}
	return hash, t.put("sight", hostID, `INSERT INTO sights (org, host_id, hash, base, body) VALUES (?, ?, ?, ?, ?)`, org, hostID, hash, base, body)
}

// packSight compresses a sight. Where little has changed since the newest look of
// the view, what that was compressed with serves as the dictionary, and the little
// is what it takes; one step deep, so that a sight is read with one other. A base is
// nil where the sight stands alone.
func (t *Tx) packSight(hostID string, k series, text []byte) (base, body []byte, err error) {
	body, err = deflated(text, nil)
	if err != nil {
		return nil, nil, err
	}
	var dictionary []byte
	err = t.row(`SELECT b.hash, b.body FROM looks l
		JOIN sights s ON s.org = l.org AND s.host_id = l.host_id AND s.hash = l.sight
		JOIN sights b ON b.org = s.org AND b.host_id = s.host_id AND b.hash = coalesce(s.base, s.hash)
		WHERE l.org = ? AND l.host_id = ? AND l.view = ? AND l.vantage = ? AND l.address = ? AND l.proto = ? ORDER BY l.seq DESC LIMIT 1`,
		k.args(hostID)...).Scan(&base, &dictionary)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, body, nil
	}
	if err == nil {
		dictionary, err = inflated(dictionary, nil)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read what the look before saw: %w", err)
	}
	change, err := deflated(text, dictionary)
	if err != nil || len(change) > len(body)/2 {
		return nil, body, err
	}
	return base, change, nil
}

// unpackSight is packSight undone: base is the body of the sight that this one was
// compressed with, nil where it stands alone. What does not have the hash is
// damaged.
func unpackSight(hash, base, body []byte) (text []byte, err error) {
	var dictionary []byte
	if base != nil {
		if dictionary, err = inflated(base, nil); err != nil {
			return nil, err
		}
	}
	if text, err = inflated(body, dictionary); err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(text); !bytes.Equal(sum[:], hash) {
		return nil, errors.New("its sum does not match")
	}
	return text, nil
}

func deflated(text, dictionary []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriterDict(&b, flate.BestCompression, dictionary)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}

func inflated(body, dictionary []byte) ([]byte, error) {
	r := flate.NewReaderDict(bytes.NewReader(body), dictionary)
	text, err := io.ReadAll(io.LimitReader(r, maxSight+1))
	if err == nil && len(text) > maxSight {
		err = errors.New("it is larger than any look")
	}
	return text, errors.Join(err, r.Close())
}

// columnHolds reports whether a column of either database takes the text as it is.
func columnHolds(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }
