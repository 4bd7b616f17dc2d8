package store

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/portvigil/portvigil"
)

// Users returns all users by name.
func (t *Tx) Users() ([]portvigil.User, error) { return t.users(`TRUE ORDER BY name`) }

// User returns the user of that name, or an Error with CodeNotFound.
func (t *Tx) User(name string) (portvigil.User, error) {
	found, err := t.users(`name = ?`, name)
	return onlyOne(found, err, "user", name)
}

func (t *Tx) users(where string, args ...any) ([]portvigil.User, error) {
	var all []portvigil.User
	err := t.each(func(row *sql.Rows) error {
		var id, body, password string
		var signedIn int64
		if err := row.Scan(&id, &body, &password, &signedIn); err != nil {
			return fmt.Errorf("read table users: %w", err)
		}
		var u portvigil.User
		if err := decode("users", id, body, &u); err != nil {
			return err
		}
		u.Password, u.SignedIn = password, fromMicros(signedIn)
		all = append(all, u)
		return nil
	}, `SELECT id, body, password, signed_in FROM users WHERE org = ? AND `+where, append([]any{org}, args...)...)
	return all, err
}

// AddUser stores a new user; CodeConflict where another one has the name.
func (t *Tx) AddUser(u portvigil.User) error {
	body, err := encode(u)
	if err != nil {
		return fmt.Errorf("store user %s: %w", u.Name, err)
	}
	return t.put("user", u.Name, `INSERT INTO users (org, id, name, version, signed_in, password, body) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		org, u.ID, u.Name, u.Version, micros(u.SignedIn), u.Password, body)
}

// ChangeUser stores the next version of a user; CodeConflict where it does not
// follow the one that is there, or the user has gone.
func (t *Tx) ChangeUser(u portvigil.User) error {
	body, err := encode(u)
	if err != nil {
		return fmt.Errorf("store user %s: %w", u.Name, err)
	}
	n, err := t.exec(`UPDATE users SET version = ?, password = ?, body = ? WHERE org = ? AND id = ? AND version = ?`,
		u.Version, u.Password, body, org, u.ID, u.Version-1)
	switch {
	case err != nil:
		return fmt.Errorf("store user %s: %w", u.Name, err)
	case n == 0:
		return portvigil.Errorf(portvigil.CodeConflict, "user %s was changed by somebody else meanwhile", portvigil.Printable(u.Name)).
			WithHint("look at it again: portvigil users list")
	}
	return nil
}

// UserSignedIn notes when the user was last let in.
func (t *Tx) UserSignedIn(id string, when time.Time) error {
	return t.change("user", id, `UPDATE users SET signed_in = ? WHERE org = ? AND id = ?`, micros(when), org, id)
}

// RemoveUser removes the user.
func (t *Tx) RemoveUser(id string) error {
	return t.change("user", id, `DELETE FROM users WHERE org = ? AND id = ?`, org, id)
}
