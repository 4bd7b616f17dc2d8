package account

import (
	"bytes"
	"context"
	"crypto/rand"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// Half is who showed the right password, and has yet to show a code. As an error of
// SignIn it lets nobody in who does not know of it.
type Half struct {
	user  portvigil.User // as of the password
	until time.Time
}

// Error says what is missing.
func (h *Half) Error() string { return "a code of the second factor is needed as well" }

// How long a sign-in waits for its code, and a new second factor for its first one.
const (
	HalfLife  = 5 * time.Minute
	enrolLife = 10 * time.Minute
)

// What is wrong with a code.
var (
	errWrongCode = portvigil.Errorf(portvigil.CodeUnauthorized, "this code is not right").
			WithHint("take the one that your device shows now; where that is right, its clock or the server's is wrong")
	errUsedCode = portvigil.Errorf(portvigil.CodeUnauthorized, "this code was used already, and each is taken once").
			WithHint("wait for the next one, which comes within half a minute")
	errClock = portvigil.Errorf(portvigil.CodeUnauthorized, "a later code was used already: the server's clock was ahead then, or is behind now").
			WithHint("use a recovery code, or have the clock looked at")
	errTooLate = portvigil.Errorf(portvigil.CodeUnauthorized, "the code came too late after the password").WithHint("sign in again")
	errChanged = portvigil.Errorf(portvigil.CodeConflict, "your account was changed meanwhile").WithHint("sign in again")
)

func errLost(name string) error {
	return portvigil.Errorf(portvigil.CodeUnavailable, "codes cannot be checked any more: their secret was lost with the server's key").
		WithHint("use a recovery code, or have the second factor turned off on the server's machine: portvigil users reset-factor %s", name)
}

// Finish lets in who showed the password before and now shows a code of their
// second factor, or a recovery code. A code is taken once; a wrong one counts as a
// wrong password does.
func (k *Keeper) Finish(ctx context.Context, from netip.Addr, h *Half, code string) (u portvigil.User, err error) {
	if !k.now().Before(h.until) {
		return u, errTooLate
	}
	err = k.attempt(from, h.user.Name, func(bool) error {
		return k.storage.Update(ctx, func(tx Tx) (err error) {
			if u, err = current(tx, h.user); err != nil {
				return err
			}
			if err := k.takeCode(tx, u, code); err != nil {
				return err
			}
			u.SignedIn = k.moment()
			return tx.UserSignedIn(u.ID, u.SignedIn)
		})
	})
	if err != nil {
		return portvigil.User{}, err
	}
	k.remember(pair(u.Name, from))
	k.log.Info("signed in", "user", u.Name, "from", from, "second_factor", true)
	return bare(u), nil
}

// current returns the user, where nothing changed since then.
func current(tx Tx, then portvigil.User) (portvigil.User, error) {
	u, err := tx.User(then.Name)
	switch {
	case portvigil.ErrorCode(err) == portvigil.CodeNotFound:
		return u, errChanged
	case err == nil && (u.ID != then.ID || u.Version != then.Version):
		return u, errChanged
	}
	return u, err
}

// takeCode uses up a code of the user's second factor.
func (k *Keeper) takeCode(tx Tx, u portvigil.User, code string) error {
	if !u.HasFactor() {
		return errWrongCode
	}
	if hash, left := recoveryLeft(u, code); left {
		return usedBy(tx.RecoveryUsed(u.ID, hash))
	}
	if !isCode(code) {
		return errWrongCode
	}
	if len(u.Factor.Secret) == 0 {
		return errLost(u.Name)
	}
	step, right := stepOf(u.Factor.Secret, code, k.now())
	switch {
	case !right:
		return errWrongCode
	case u.Factor.Used > stepAt(k.now())+codeDrift:
		return errClock
	case step <= u.Factor.Used:
		return errUsedCode
	}
	return usedBy(tx.FactorStepUsed(u.ID, step))
}

// recoveryLeft reports whether the text is a recovery code that the user has left,
// and returns its hash.
func recoveryLeft(u portvigil.User, text string) (hash []byte, left bool) {
	code, is := recoveryOf(text)
	if !is || !u.HasFactor() {
		return nil, false
	}
	hash = recoveryHash(u.ID, code)
	return hash, slices.ContainsFunc(u.Factor.Recovery, func(h []byte) bool { return bytes.Equal(h, hash) })
}

// usedBy says of a code that somebody else was faster.
func usedBy(err error) error {
	if portvigil.ErrorCode(err) == portvigil.CodeConflict {
		return errUsedCode
	}
	return err
}

// pending is a second factor that waits for its first code.
type pending struct {
	secret  []byte
	version int64 // of the user
	until   time.Time
}

// BeginFactor makes the secret of a second factor for who knows the password as
// well. It is on when ConfirmFactor saw a code that was made of it.
func (k *Keeper) BeginFactor(ctx context.Context, from netip.Addr, session portvigil.User, password string) (Enrolment, error) {
	u, err := k.prove(ctx, from, session, password)
	switch {
	case err != nil:
		return Enrolment{}, err
	case u.HasFactor():
		return Enrolment{}, portvigil.Errorf(portvigil.CodeConflict, "the second factor is on already").WithHint("turn it off first")
	}
	secret := make([]byte, secretBytes)
	_, _ = rand.Read(secret) // never fails: the program ends where the kernel has no randomness
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.pending, func(_ string, p pending) bool { return !k.now().Before(p.until) })
	k.pending[u.ID] = pending{secret, u.Version, k.now().Add(enrolLife)}
	return enrolmentOf(u.Name, secret)
}

// ConfirmFactor turns the second factor on, and returns the user's next version
// and the recovery codes, which are kept nowhere.
func (k *Keeper) ConfirmFactor(ctx context.Context, from netip.Addr, session portvigil.User, code string) (u portvigil.User, recovery []string, err error) {
	k.mu.Lock()
	p, found := k.pending[session.ID]
	k.mu.Unlock()
	if !found || p.version != session.Version || !k.now().Before(p.until) {
		return u, nil, portvigil.Errorf(portvigil.CodeConflict, "no second factor waits for a code, or it came too late").WithHint("begin again")
	}
	codes, hashes := newRecovery(session.ID)
	err = k.attempt(from, session.Name, func(bool) error {
		step, right := stepOf(p.secret, code, k.now())
		if !right {
			return errWrongCode
		}
		u, err = k.change(ctx, session, func(_ Tx, u *portvigil.User) error {
			u.Factor = &portvigil.Factor{Since: k.moment(), Secret: p.secret, Used: step, Recovery: hashes}
			return nil
		})
		return err
	})
	if err != nil {
		return portvigil.User{}, nil, err
	}
	k.mu.Lock()
	delete(k.pending, session.ID)
	k.mu.Unlock()
	k.log.Info("second factor turned on", "user", u.Name, "from", from)
	return u, codes, nil
}

// EndFactor turns the second factor off for who knows the password or has a code.
func (k *Keeper) EndFactor(ctx context.Context, from netip.Addr, session portvigil.User, proof string) (portvigil.User, error) {
	u, err := k.changeFactor(ctx, from, session, proof, func(u *portvigil.User) { u.Factor = nil })
	if err == nil {
		k.log.Info("second factor turned off", "user", u.Name, "from", from)
	}
	return u, err
}

// RenewRecovery makes new recovery codes for who knows the password or has a
// code; those of before are worth nothing any more.
func (k *Keeper) RenewRecovery(ctx context.Context, from netip.Addr, session portvigil.User, proof string) (portvigil.User, []string, error) {
	codes, hashes := newRecovery(session.ID)
	u, err := k.changeFactor(ctx, from, session, proof, func(u *portvigil.User) {
		renewed := *u.Factor
		renewed.Recovery = hashes
		u.Factor = &renewed
	})
	if err != nil {
		return portvigil.User{}, nil, err
	}
	k.log.Info("recovery codes renewed", "user", u.Name, "from", from)
	return u, codes, nil
}

// changeFactor changes a second factor that is on. The proof is the password, a
// code or a recovery code; one that is used up is so only together with the change.
func (k *Keeper) changeFactor(ctx context.Context, from netip.Addr, session portvigil.User, proof string, do func(*portvigil.User)) (u portvigil.User, err error) {
	byCode, err := k.looksLikeCode(ctx, session, proof)
	switch {
	case err != nil:
		return u, err
	case byCode:
		err = k.attempt(from, session.Name, func(bool) error {
			u, err = k.change(ctx, session, func(tx Tx, u *portvigil.User) error {
				err := k.takeCode(tx, *u, proof)
				if err == nil {
					*u, err = current(tx, session) // in which the code is used up
				}
				if err == nil {
					do(u)
				}
				return err
			})
			return err
		})
		return u, err
	}
	if _, err := k.prove(ctx, from, session, proof); err != nil {
		return u, err
	}
	return k.change(ctx, session, func(_ Tx, u *portvigil.User) error {
		if !u.HasFactor() {
			return errNoFactor(u.Name)
		}
		do(u)
		return nil
	})
}

// looksLikeCode reports whether a proof is meant as a code. A password may have the
// form of a recovery code, so only one that the user has left counts as that.
func (k *Keeper) looksLikeCode(ctx context.Context, session portvigil.User, proof string) (yes bool, err error) {
	err = k.storage.View(ctx, func(tx Tx) error {
		u, err := current(tx, session)
		_, recovery := recoveryLeft(u, proof)
		yes = isCode(proof) || recovery
		return err
	})
	return yes, err
}

func errNoFactor(name string) error {
	return portvigil.Errorf(portvigil.CodeNotFound, "%s has no second factor", name)
}

// ResetFactor turns off the second factor of a user who lost it. What was begun
// with it is over.
func (k *Keeper) ResetFactor(ctx context.Context, by, name string) (u portvigil.User, err error) {
	err = k.storage.Update(ctx, func(tx Tx) (err error) {
		if u, err = tx.User(name); err != nil {
			return err
		}
		if !u.HasFactor() {
			return errNoFactor(name)
		}
		u.Version, u.Factor = u.Version+1, nil
		return tx.ChangeUser(u)
	})
	if err != nil {
		return portvigil.User{}, err
	}
	k.log.Info("second factor reset", "user", name, "by", by)
	return bare(u), nil
}

// change makes the next version of the session's user, and returns it.
func (k *Keeper) change(ctx context.Context, session portvigil.User, do func(Tx, *portvigil.User) error) (u portvigil.User, err error) {
	err = k.storage.Update(ctx, func(tx Tx) (err error) {
		if u, err = current(tx, session); err != nil {
			return err
		}
		if err := do(tx, &u); err != nil {
			return err
		}
		u.Version++
		return tx.ChangeUser(u)
	})
	if err != nil {
		return portvigil.User{}, err
	}
	return bare(u), nil
}

// bare is the user without what nobody is shown.
func bare(u portvigil.User) portvigil.User {
	u.Password = ""
	if u.Factor != nil {
		u.Factor = &portvigil.Factor{Since: u.Factor.Since, Left: len(u.Factor.Recovery)}
	}
	return u
}
