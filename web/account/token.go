package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// prefix is how a secret is known for one of ours, by people and by programs
// that search for what should not lie about: pv_ and 26 letters and digits.
const prefix = "pv_"

// usedEvery is how often it is noted that a token was used.
const usedEvery = time.Hour

// Tokens returns all tokens by name, without the hashes of their secrets.
func (k *Keeper) Tokens(ctx context.Context) (tokens []portvigil.Token, err error) {
	err = k.storage.View(ctx, func(tx Tx) (err error) {
		tokens, err = tx.Tokens()
		return err
	})
	for i := range tokens {
		tokens[i].Hash = nil
	}
	return tokens, err
}

// AddToken makes a token and returns its secret, which is kept nowhere. expires
// is zero for a token that lives until it is revoked.
func (k *Keeper) AddToken(ctx context.Context, by, name string, scope portvigil.TokenScope, expires time.Time) (portvigil.Token, string, error) {
	if err := portvigil.CheckTokenName(name); err != nil {
		return portvigil.Token{}, "", err
	}
	if _, err := portvigil.ParseTokenScope(string(scope)); err != nil {
		return portvigil.Token{}, "", err
	}
	now := k.moment()
	if !expires.IsZero() && !expires.After(now) {
		return portvigil.Token{}, "", portvigil.Errorf(portvigil.CodeInvalid, "the token would have expired already, at %s", expires.UTC().Format(time.RFC3339))
	}
	secret := prefix + rand.Text()
	hash := sha256.Sum256([]byte(secret))
	t := portvigil.Token{ID: portvigil.NewID(), Name: name, Scope: scope, Added: now, By: by, Hash: hash[:]}
	if !expires.IsZero() {
		t.Expires = expires.UTC().Truncate(time.Microsecond)
	}
	err := k.storage.Update(ctx, func(tx Tx) error {
		if err := tx.AddToken(t); err != nil {
			return err
		}
		return tx.AddAct(portvigil.NewAct(now, by, portvigil.ActTokenAdded, "token", name, "scope "+string(scope)))
	})
	if err != nil {
		return portvigil.Token{}, "", err
	}
	k.log.Info("token added", "token", name, "scope", scope, "by", by)
	t.Hash = nil
	return t, secret, nil
}

// RevokeToken removes the token of that name.
func (k *Keeper) RevokeToken(ctx context.Context, by, name string) error {
	err := k.storage.Update(ctx, func(tx Tx) error {
		t, err := tx.Token(name)
		if err != nil {
			return err
		}
		if err := tx.RemoveToken(t.ID); err != nil {
			return err
		}
		return tx.AddAct(portvigil.NewAct(k.moment(), by, portvigil.ActTokenRevoked, "token", name, ""))
	})
	if err == nil {
		k.log.Info("token revoked", "token", name, "by", by)
	}
	return err
}

// errNoToken is the same for what was never a token and for one that was
// revoked.
var errNoToken = portvigil.Errorf(portvigil.CodeUnauthorized, "this token is not known here").
	WithHint("make one on the server's machine: portvigil tokens add NAME --scope read")

// Bearer returns the token whose secret this is, an Error with CodeUnauthorized
// where there is none, or a Slower where that source showed too many wrong ones.
// The secret is found by its hash: what it is compared with was never chosen by
// who shows it.
func (k *Keeper) Bearer(ctx context.Context, from netip.Addr, secret string) (portvigil.Token, error) {
	shown := "token " + secret
	var keys []string
	if !k.knows(shown) { // one that was good before is looked at in any case
		keys = []string{"tokens from " + source(from)}
	}
	if wait := k.limit.try(keys...); wait > 0 {
		return portvigil.Token{}, &Slower{After: wait}
	}
	hash := sha256.Sum256([]byte(secret))
	var t portvigil.Token
	err := k.storage.View(ctx, func(tx Tx) (err error) {
		t, err = tx.TokenOfHash(hash[:])
		return err
	})
	switch {
	case portvigil.ErrorCode(err) == portvigil.CodeNotFound, err == nil && !strings.HasPrefix(secret, prefix):
		k.log.Warn("token refused", "from", from)
		return portvigil.Token{}, errNoToken
	case err != nil:
		k.limit.undo(keys...)
		return portvigil.Token{}, err
	case !t.Expires.IsZero() && !k.now().Before(t.Expires):
		return portvigil.Token{}, portvigil.Errorf(portvigil.CodeUnauthorized, "token %s has expired at %s", t.Name, t.Expires.Format(time.RFC3339)).
			WithHint("make another: portvigil tokens add NAME")
	}
	k.limit.undo(keys...)
	k.remember(shown)
	k.used(ctx, t)
	t.Hash = nil
	return t, nil
}

// used notes the use, at most once an hour; that it could not is no reason to
// refuse.
func (k *Keeper) used(ctx context.Context, t portvigil.Token) {
	now := k.moment()
	if now.Sub(t.LastUsed) < usedEvery {
		return
	}
	err := k.storage.Update(ctx, func(tx Tx) error { return tx.TokenUsed(t.ID, now) })
	if err != nil && portvigil.ErrorCode(err) != portvigil.CodeNotFound {
		k.log.Warn("use of a token not noted", "token", t.Name, "err", err)
	}
}
