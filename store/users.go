package store

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
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
		var f factorRow
		if err := row.Scan(&id, &body, &password, &signedIn, &f.secret, &f.used, &f.recovery); err != nil {
			return fmt.Errorf("read table users: %w", err)
		}
		var u portvigil.User
		if err := decode("users", id, body, &u); err != nil {
			return err
		}
		u.Password, u.SignedIn = password, fromMicros(signedIn)
		if u.Factor != nil {
			t.openFactor(id, f, u.Factor)
		}
		all = append(all, u)
		return nil
	}, `SELECT id, body, password, signed_in, factor, factor_used, recovery FROM users WHERE org = ? AND `+where, append([]any{org}, args...)...)
	return all, err
}

// AddUser stores a new user; CodeConflict where another one has the name.
func (t *Tx) AddUser(u portvigil.User) error {
	body, err := encode(u)
	if err != nil {
		return fmt.Errorf("store user %s: %w", u.Name, err)
	}
	f := t.sealFactor(u)
	return t.put("user", u.Name, `INSERT INTO users (org, id, name, version, signed_in, password, body, factor, factor_used, recovery)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		org, u.ID, u.Name, u.Version, micros(u.SignedIn), u.Password, body, f.secret, f.used, f.recovery)
}

// ChangeUser stores the next version of a user; CodeConflict where it does not
// follow the one that is there, or the user has gone.
func (t *Tx) ChangeUser(u portvigil.User) error {
	body, err := encode(u)
	if err != nil {
		return fmt.Errorf("store user %s: %w", u.Name, err)
	}
	f := t.sealFactor(u)
	n, err := t.exec(`UPDATE users SET version = ?, password = ?, body = ?, factor = ?, factor_used = ?, recovery = ?
		WHERE org = ? AND id = ? AND version = ?`,
		u.Version, u.Password, body, f.secret, f.used, f.recovery, org, u.ID, u.Version-1)
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

// RenewHash keeps another hash of the password of that version of the user; it
// does nothing where there is no such version any more.
func (t *Tx) RenewHash(id string, version int64, hash string) error {
	if _, err := t.exec(`UPDATE users SET password = ? WHERE org = ? AND id = ? AND version = ?`, hash, org, id, version); err != nil {
		return fmt.Errorf("store the hash of user %s: %w", id, err)
	}
	return nil
}

// RemoveUser removes the user.
func (t *Tx) RemoveUser(id string) error {
	return t.change("user", id, `DELETE FROM users WHERE org = ? AND id = ?`, org, id)
}

// factorRow is what the row has of a second factor besides the body.
type factorRow struct {
	secret   []byte // sealed; NULL where there is none
	used     int64
	recovery string // hashes in hexadecimal, one after the other with a blank between
}

func (t *Tx) sealFactor(u portvigil.User) factorRow {
	if u.Factor == nil {
		return factorRow{}
	}
	f := factorRow{used: u.Factor.Used, recovery: hashesText(u.Factor.Recovery)}
	if len(u.Factor.Secret) > 0 {
		f.secret = t.s.vault.seal(u.Factor.Secret, factorPlace(u.ID))
	}
	return f
}

// openFactor fills in what the row has. What cannot be opened is a secret that was
// lost: the recovery codes stay, and nobody gets in by the password alone.
func (t *Tx) openFactor(id string, f factorRow, into *portvigil.Factor) {
	if secret, err := t.s.vault.open(f.secret, factorPlace(id)); err == nil {
		into.Secret = secret
	}
	into.Used, into.Recovery = f.used, hashesOf(f.recovery)
}

func factorPlace(id string) string { return "factor/" + id }

func hashesText(hashes [][]byte) string {
	var list []string
	for _, h := range hashes {
		list = append(list, hex.EncodeToString(h))
	}
	return strings.Join(list, " ")
}

func hashesOf(text string) (hashes [][]byte) {
	for word := range strings.FieldsSeq(text) {
		if h, err := hex.DecodeString(word); err == nil {
			hashes = append(hashes, h)
		}
	}
	return hashes
}

// FactorStepUsed notes that a code of this time step was taken; CodeConflict where
// one of it, or of a later one, was taken before.
func (t *Tx) FactorStepUsed(id string, step int64) error {
	n, err := t.exec(`UPDATE users SET factor_used = ? WHERE org = ? AND id = ? AND factor IS NOT NULL AND factor_used < ?`, step, org, id, step)
	switch {
	case err != nil:
		return fmt.Errorf("note the code of user %s: %w", id, err)
	case n == 0:
		return portvigil.Errorf(portvigil.CodeConflict, "a code of this time was taken before")
	}
	return nil
}

// RecoveryUsed takes a recovery code of this hash from the user; CodeConflict
// where it is not there any more.
func (t *Tx) RecoveryUsed(id string, hash []byte) error {
	var before string
	if err := t.row(`SELECT recovery FROM users WHERE org = ? AND id = ?`, org, id).Scan(&before); err != nil {
		return fmt.Errorf("read the recovery codes of user %s: %w", id, err)
	}
	word := hex.EncodeToString(hash)
	left := slices.DeleteFunc(strings.Fields(before), func(w string) bool { return w == word })
	n, err := t.exec(`UPDATE users SET recovery = ? WHERE org = ? AND id = ? AND recovery = ? AND recovery <> ?`,
		strings.Join(left, " "), org, id, before, strings.Join(left, " "))
	switch {
	case err != nil:
		return fmt.Errorf("note the recovery code of user %s: %w", id, err)
	case n == 0:
		return portvigil.Errorf(portvigil.CodeConflict, "this recovery code was taken before")
	}
	return nil
}
