package account

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// Holds reports whether a session that the user began in this version goes on.
func (k *Keeper) Holds(ctx context.Context, session portvigil.User) (bool, error) {
	var now portvigil.User
	err := k.storage.View(ctx, func(tx Tx) (err error) {
		now, err = tx.User(session.Name)
		return err
	})
	if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
		return false, nil
	}
	return err == nil && now.ID == session.ID && now.Version == session.Version, err
}

// errRefused is the same whatever was wrong.
var errRefused = portvigil.Errorf(portvigil.CodeUnauthorized, "name and password do not belong together")

// SignIn returns the user of that name where the password is theirs, and an Error
// with CodeUnauthorized where it is not, or there is none; a Slower where too
// many were tried; a Half where a code is needed as well: see Finish.
func (k *Keeper) SignIn(ctx context.Context, from netip.Addr, name, password string) (u portvigil.User, err error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if len(password) > longest {
		return u, errRefused
	}
	err = k.attempt(from, name, func(known bool) (err error) {
		right := false
		if u, right, err = k.verify(ctx, name, password, known); err == nil && !right {
			return errRefused
		}
		return err
	})
	switch {
	case err != nil:
		return portvigil.User{}, err
	case u.HasFactor():
		return portvigil.User{}, &Half{user: bare(u), until: k.now().Add(HalfLife)}
	}
	k.remember(pair(name, from))
	k.log.Info("signed in", "user", u.Name, "from", from)
	u.SignedIn = k.moment()
	return u, k.storage.Update(ctx, func(tx Tx) error { return tx.UserSignedIn(u.ID, u.SignedIn) })
}

// attempt runs a guess at what lets a user in, or returns a Slower where too many
// were tried. One that is refused with CodeUnauthorized counts as missed.
func (k *Keeper) attempt(from netip.Addr, name string, guess func(known bool) error) error {
	here := pair(name, from)
	keys, known := []string{"user " + name, "source " + source(from)}, k.knows(here)
	if known {
		keys = []string{here}
	}
	if wait := k.limit.try(keys...); wait > 0 {
		return &Slower{After: wait}
	}
	err := guess(known)
	if portvigil.ErrorCode(err) == portvigil.CodeUnauthorized {
		k.log.Warn("sign-in refused", "user", portvigil.Printable(name), "from", from, "why", err)
		return err
	}
	k.limit.undo(keys...)
	return err
}

// pair is who a user is at a source.
func pair(name string, from netip.Addr) string { return "pair " + name + " from " + source(from) }

// verify returns the user of that name, and whether the password is theirs. It
// takes as long where there is none.
func (k *Keeper) verify(ctx context.Context, name, password string, known bool) (u portvigil.User, right bool, err error) {
	kept, there, err := k.passwordOf(ctx, name, &u)
	if err != nil {
		return u, false, err
	}
	err = k.hasher.do(ctx, known, func() { right = kept.matches(password) })
	if right = right && there; right && err == nil {
		err = k.renew(ctx, u, kept, password)
	}
	return u, right, err
}

// renew keeps the password that was just found to be right at today's cost, where
// it is kept at another one.
func (k *Keeper) renew(ctx context.Context, u portvigil.User, kept hashed, password string) error {
	hash, err := k.hasher.renewed(ctx, kept, password)
	if err != nil || hash == "" {
		return err
	}
	return k.storage.Update(ctx, func(tx Tx) error { return tx.RenewHash(u.ID, u.Version, hash) })
}

// passwordOf returns what a password has to match. Where nobody has the name it
// is what none matches, and takes as long.
func (k *Keeper) passwordOf(ctx context.Context, name string, u *portvigil.User) (kept hashed, there bool, err error) {
	err = k.storage.View(ctx, func(tx Tx) (err error) {
		*u, err = tx.User(name)
		return err
	})
	switch {
	case portvigil.ErrorCode(err) == portvigil.CodeNotFound:
		return k.hasher.nobody(), false, nil
	case err != nil:
		return hashed{}, false, err
	}
	if kept, err = parseHashed(u.Password); err != nil {
		return kept, false, portvigil.Errorf(portvigil.CodeInternal, "the password of user %s cannot be read: %v", name, err).
			WithHint("set another with: portvigil users reset %s", name)
	}
	u.Password = ""
	return kept, true, nil
}

// knownFor is how long who was let in from a source is known there.
const knownFor = 30 * 24 * time.Hour

func (k *Keeper) knows(who string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	until, found := k.known[digest(who)]
	return found && k.now().Before(until)
}

// remember needs no bound: only who was let in is in it.
func (k *Keeper) remember(who string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known[digest(who)] = k.now().Add(knownFor)
}
