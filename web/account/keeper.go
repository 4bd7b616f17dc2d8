package account

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
)

// Storage is where accounts are kept; the store is one. What View and Update run
// may run twice.
type Storage interface {
	View(ctx context.Context, do func(Tx) error) error
	Update(ctx context.Context, do func(Tx) error) error
}

// Tx is one transaction. What is not there is an Error with CodeNotFound, a name
// that is taken or a version that does not follow one with CodeConflict.
type Tx interface {
	Users() ([]portvigil.User, error)
	User(name string) (portvigil.User, error)
	AddUser(portvigil.User) error
	ChangeUser(portvigil.User) error
	UserSignedIn(id string, when time.Time) error
	FactorStepUsed(id string, step int64) error // CodeConflict unless it is the latest
	RecoveryUsed(id string, hash []byte) error  // CodeConflict where it is not left
	// RenewHash keeps another hash of the same password, so that no session ends. It
	// does nothing where the user is no longer the one of that version.
	RenewHash(id string, version int64, hash string) error
	RemoveUser(id string) error

	Tokens() ([]portvigil.Token, error)
	Token(name string) (portvigil.Token, error)
	TokenOfHash(hash []byte) (portvigil.Token, error)
	AddToken(portvigil.Token) error
	TokenUsed(id string, when time.Time) error
	RemoveToken(id string) error

	AddAct(portvigil.Act) error // who did it, with what they did
}

// Options of a Keeper; the zero value serves.
type Options struct {
	Cost   Cost             // of a password's hash; zero: 19 MiB, 2 passes, 1 lane
	Clock  func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: nothing is logged
}

// Keeper knows users and tokens, and lets them in.
type Keeper struct {
	storage Storage
	hasher  *hasher
	limit   *limit
	now     func() time.Time
	log     *slog.Logger

	mu      sync.Mutex
	known   map[[32]byte]time.Time // who was let in, and from where; guarded by mu
	pending map[string]pending     // by the user's id; guarded by mu
}

// NewKeeper returns a keeper of what the storage has.
func NewKeeper(s Storage, o Options) *Keeper {
	if o.Cost == (Cost{}) {
		o.Cost = defaultCost
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Keeper{storage: s, hasher: newHasher(o.Cost), limit: newLimit(o.Clock), now: o.Clock, log: o.Logger, known: map[[32]byte]time.Time{}, pending: map[string]pending{}}
}

// Users returns all users by name, without what is secret of them.
func (k *Keeper) Users(ctx context.Context) (users []portvigil.User, err error) {
	err = k.storage.View(ctx, func(tx Tx) (err error) {
		users, err = tx.Users()
		return err
	})
	for i := range users {
		users[i] = bare(users[i])
	}
	return users, err
}

// AddUser adds a user; CodeConflict where the name is taken.
func (k *Keeper) AddUser(ctx context.Context, by, name, password string) (portvigil.User, error) {
	return k.addUser(ctx, by, name, password, func(Tx) error { return nil })
}

// AddFirstUser adds a user where there is none yet; CodeConflict where there is.
func (k *Keeper) AddFirstUser(ctx context.Context, name, password string) (portvigil.User, error) {
	return k.addUser(ctx, "the one-time link", name, password, func(tx Tx) error {
		all, err := tx.Users()
		if err == nil && len(all) > 0 {
			err = portvigil.Errorf(portvigil.CodeConflict, "there is a user already").WithHint("further ones are added with: portvigil users add NAME")
		}
		return err
	})
}

func (k *Keeper) addUser(ctx context.Context, by, name, password string, may func(Tx) error) (portvigil.User, error) {
	if err := portvigil.CheckUserName(name); err != nil {
		return portvigil.User{}, err
	}
	if err := CheckPassword(name, password); err != nil {
		return portvigil.User{}, err
	}
	hash, err := k.hasher.make(ctx, password)
	if err != nil {
		return portvigil.User{}, err
	}
	now := k.moment()
	u := portvigil.User{ID: portvigil.NewID(), Name: name, Version: 1, Added: now, By: by, Changed: now, Password: hash}
	err = k.storage.Update(ctx, func(tx Tx) error {
		if err := may(tx); err != nil {
			return err
		}
		if err := tx.AddUser(u); err != nil {
			return err
		}
		return tx.AddAct(portvigil.NewAct(now, by, portvigil.ActUserAdded, "user", name, ""))
	})
	if err == nil {
		k.log.Info("user added", "user", name, "by", by)
	}
	u.Password = ""
	return u, err
}

// ResetPassword gives a user another password; what was begun with the former
// one is over.
func (k *Keeper) ResetPassword(ctx context.Context, by, name, password string) (u portvigil.User, err error) {
	if err := CheckPassword(name, password); err != nil {
		return u, err
	}
	hash, err := k.hasher.make(ctx, password)
	if err != nil {
		return u, err
	}
	err = k.storage.Update(ctx, func(tx Tx) (err error) {
		if u, err = tx.User(name); err != nil {
			return err
		}
		u.Version, u.Password, u.Changed = u.Version+1, hash, k.moment()
		if err := tx.ChangeUser(u); err != nil {
			return err
		}
		return tx.AddAct(portvigil.NewAct(u.Changed, by, portvigil.ActPasswordReset, "user", name, ""))
	})
	if err == nil {
		k.log.Info("password reset", "user", name, "by", by)
	}
	return bare(u), err
}

// RemoveUser removes a user; what was begun by that user is over.
func (k *Keeper) RemoveUser(ctx context.Context, by, name string) error {
	err := k.storage.Update(ctx, func(tx Tx) error {
		u, err := tx.User(name)
		if err != nil {
			return err
		}
		if err := tx.RemoveUser(u.ID); err != nil {
			return err
		}
		return tx.AddAct(portvigil.NewAct(k.moment(), by, portvigil.ActUserRemoved, "user", name, ""))
	})
	if err == nil {
		k.log.Info("user removed", "user", name, "by", by)
	}
	return err
}

// moment is now as the store keeps it.
func (k *Keeper) moment() time.Time { return k.now().UTC().Truncate(time.Microsecond) }
