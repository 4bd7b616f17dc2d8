package store

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/portvigil/portvigil"
)

// Tokens returns all tokens by name.
func (t *Tx) Tokens() ([]portvigil.Token, error) { return t.tokens(`TRUE ORDER BY name`) }

// TokenOfHash returns the token whose secret has this hash, or an Error with
// CodeNotFound.
func (t *Tx) TokenOfHash(hash []byte) (portvigil.Token, error) {
	found, err := t.tokens(`hash = ?`, hash)
	return onlyOne(found, err, "token", "of this secret")
}

// Token returns the token of that name, or an Error with CodeNotFound.
func (t *Tx) Token(name string) (portvigil.Token, error) {
	found, err := t.tokens(`name = ?`, name)
	return onlyOne(found, err, "token", name)
}

func (t *Tx) tokens(where string, args ...any) ([]portvigil.Token, error) {
	var all []portvigil.Token
	err := t.each(func(row *sql.Rows) error {
		var id, body string
		var hash []byte
		var lastUsed int64
		if err := row.Scan(&id, &body, &hash, &lastUsed); err != nil {
			return fmt.Errorf("read table tokens: %w", err)
		}
		var k portvigil.Token
		if err := decode("tokens", id, body, &k); err != nil {
			return err
		}
		k.Hash, k.LastUsed = hash, fromMicros(lastUsed)
		all = append(all, k)
		return nil
	}, `SELECT id, body, hash, last_used FROM tokens WHERE org = ? AND `+where, append([]any{org}, args...)...)
	return all, err
}

// AddToken stores a new token; CodeConflict where another one has the name.
func (t *Tx) AddToken(k portvigil.Token) error {
	body, err := encode(k)
	if err != nil {
		return fmt.Errorf("store token %s: %w", k.Name, err)
	}
	return t.put("token", k.Name, `INSERT INTO tokens (org, id, name, hash, last_used, body) VALUES (?, ?, ?, ?, ?, ?)`,
		org, k.ID, k.Name, k.Hash, micros(k.LastUsed), body)
}

// TokenUsed notes when the token was last used.
func (t *Tx) TokenUsed(id string, when time.Time) error {
	return t.change("token", id, `UPDATE tokens SET last_used = ? WHERE org = ? AND id = ?`, micros(when), org, id)
}

// RemoveToken removes the token: who shows its secret is a stranger from then on.
func (t *Tx) RemoveToken(id string) error {
	return t.change("token", id, `DELETE FROM tokens WHERE org = ? AND id = ?`, org, id)
}
