package store

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"

	"github.com/portvigil/portvigil"
)

// Trails returns the host's trails by view, vantage, address and protocol.
func (t *Tx) Trails(hostID string) ([]portvigil.Trail, error) {
	var all []portvigil.Trail
	err := t.each(func(row *sql.Rows) error {
		var k series
		var body string
		if err := row.Scan(&k.view, &k.vantage, &k.address, &k.proto, &body); err != nil {
			return fmt.Errorf("read table trails: %w", err)
		}
		name := hostID + " " + k.view + " " + k.vantage + " " + k.address + " " + k.proto
		var trail portvigil.Trail
		if err := decode("trails", name, body, &trail); err != nil {
			return err
		}
		key, err := k.viewKey()
		if err != nil {
			return unreadable("trails", name, err)
		}
		trail.Key = key
		all = append(all, trail)
		return nil
	}, `SELECT view, vantage, address, proto, body FROM trails WHERE org = ? AND host_id = ?`, org, hostID)
	// Addresses order by their bytes, which their text does not.
	slices.SortFunc(all, func(a, b portvigil.Trail) int {
		return cmp.Or(cmp.Compare(a.Key.View, b.Key.View), cmp.Compare(a.Key.Vantage, b.Key.Vantage),
			a.Key.Address.Compare(b.Key.Address), cmp.Compare(a.Key.Proto, b.Key.Proto))
	})
	return all, err
}

// PutTrail stores the trail in place of the one with the same key.
func (t *Tx) PutTrail(hostID string, trail *portvigil.Trail) error {
	body, err := encode(trail)
	if err != nil {
		return fmt.Errorf("store trail: %w", err)
	}
	k := seriesOf(trail.Key)
	return t.put("trail", k.view+" "+k.vantage+" "+k.address, `INSERT INTO trails (org, host_id, view, vantage, address, proto, body)
		VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, host_id, view, vantage, address, proto) DO UPDATE SET body = excluded.body`,
		org, hostID, k.view, k.vantage, k.address, k.proto, body)
}

// RemoveTrail removes the trail of an address that has gone, which ends what was
// open there; nothing happens where there is none.
func (t *Tx) RemoveTrail(hostID string, key portvigil.ViewKey) error {
	k := seriesOf(key)
	_, err := t.exec(`DELETE FROM trails WHERE org = ? AND host_id = ? AND view = ? AND vantage = ? AND address = ? AND proto = ?`,
		org, hostID, k.view, k.vantage, k.address, k.proto)
	if err != nil {
		return err
	}
	return t.endHistory(hostID, k)
}
