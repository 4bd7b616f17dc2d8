package store

import (
	"database/sql"
	"fmt"

	"github.com/portvigil/portvigil"
)

// Channels returns all channels by name, their secrets opened.
func (t *Tx) Channels() ([]portvigil.ChannelRow, error) {
	return t.channels(`TRUE ORDER BY name`)
}

// Channel returns the channel of that name, or an Error with CodeNotFound.
func (t *Tx) Channel(name string) (portvigil.ChannelRow, error) {
	found, err := t.channels(`name = ?`, name)
	if err != nil || len(found) == 0 {
		if err == nil {
			err = notFound("channel", name)
		}
		return portvigil.ChannelRow{}, err
	}
	return found[0], nil
}

func (t *Tx) channels(where string, args ...any) ([]portvigil.ChannelRow, error) {
	var all []portvigil.ChannelRow
	err := t.each(func(row *sql.Rows) error {
		var id, body string
		var sealed []byte
		if err := row.Scan(&id, &body, &sealed); err != nil {
			return fmt.Errorf("read table channels: %w", err)
		}
		var c portvigil.ChannelRow
		if err := decode("channels", id, body, &c); err != nil {
			return err
		}
		if sealed != nil {
			secret, err := t.s.vault.open(sealed, "channel/"+id)
			if err != nil {
				return unreadable("channels", id, err)
			}
			c.Secret = secret
		}
		all = append(all, c)
		return nil
	}, `SELECT id, body, secret FROM channels WHERE org = ? AND `+where, append([]any{org}, args...)...)
	return all, err
}

// PutChannel stores the channel, new or changed; CodeConflict where another one
// has its name.
func (t *Tx) PutChannel(c portvigil.ChannelRow) error {
	body, err := encode(c)
	if err != nil {
		return fmt.Errorf("store channel %s: %w", c.Name, err)
	}
	var sealed []byte
	if len(c.Secret) > 0 {
		sealed = t.s.vault.seal(c.Secret, "channel/"+c.ID)
	}
	return t.put("channel", c.Name, `INSERT INTO channels (org, id, name, body, secret) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (org, id) DO UPDATE SET name = excluded.name, body = excluded.body, secret = excluded.secret`,
		org, c.ID, c.Name, body, sealed)
}

// RemoveChannel removes the channel and what is queued for it.
func (t *Tx) RemoveChannel(id string) error {
	const queued = `FROM deliveries WHERE org = ? AND state = 'queued' AND channel IN (?, (SELECT name FROM channels WHERE org = ? AND id = ?))`
	if err := t.dropJobs(deliverKind, `SELECT id `+queued, org, id, org, id); err != nil {
		return err
	}
	if _, err := t.exec(`DELETE `+queued, org, id, org, id); err != nil {
		return err
	}
	return t.change("channel", id, `DELETE FROM channels WHERE org = ? AND id = ?`, org, id)
}
