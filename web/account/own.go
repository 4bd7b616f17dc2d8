package account

import (
	"context"
	"net/netip"

	"github.com/portvigil/portvigil"
)

// User returns the user of that name, without what is secret.
func (k *Keeper) User(ctx context.Context, name string) (u portvigil.User, err error) {
	err = k.storage.View(ctx, func(tx Tx) (err error) {
		u, err = tx.User(name)
		return err
	})
	return bare(u), err
}

// errNotYours is what a wrong password of who is signed in is answered with.
var errNotYours = portvigil.Errorf(portvigil.CodeUnauthorized, "this is not your password")

// prove makes sure that who holds the session knows the password as well: it may be
// a browser that somebody left. A wrong one counts as it does at the sign-in.
func (k *Keeper) prove(ctx context.Context, from netip.Addr, session portvigil.User, password string) (u portvigil.User, err error) {
	if len(password) > longest {
		return u, errNotYours
	}
	err = k.attempt(from, session.Name, func(known bool) error {
		right := false
		if u, right, err = k.verify(ctx, session.Name, password, known); err != nil {
			return err
		}
		switch {
		case u.ID != session.ID || u.Version != session.Version:
			return errChanged
		case !right:
			return errNotYours
		}
		return nil
	})
	return u, err
}

// ChangePassword gives who knows their password another one, and returns their
// next version: sessions with the former one are over.
func (k *Keeper) ChangePassword(ctx context.Context, from netip.Addr, session portvigil.User, former, password string) (portvigil.User, error) {
	if err := CheckPassword(session.Name, password); err != nil {
		return portvigil.User{}, err
	}
	if _, err := k.prove(ctx, from, session, former); err != nil {
		return portvigil.User{}, err
	}
	hash, err := k.hasher.make(ctx, password)
	if err != nil {
		return portvigil.User{}, err
	}
	u, err := k.change(ctx, session, func(_ Tx, u *portvigil.User) error {
		u.Password, u.Changed = hash, k.moment()
		return nil
	})
	if err == nil {
		k.log.Info("password changed", "user", u.Name, "from", from)
	}
	return u, err
}
