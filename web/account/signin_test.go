package account_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
	"github.com/portvigil/portvigil/web/account/accounttest"
)

const (
	right = "correct horse battery"
	wrong = "incorrect horse battery"
)

var (
	office = netip.MustParseAddr("192.0.2.1")
	cafe   = netip.MustParseAddr("198.51.100.7")
)

// keeper returns one that hashes cheaply, and its clock.
func keeper(t *testing.T) (*account.Keeper, *time.Time) {
	t.Helper()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	return account.NewKeeper(new(accounttest.Storage), account.Options{
		Cost: account.Cost{Memory: 8, Passes: 1, Lanes: 1}, Clock: func() time.Time { return now }}), &now
}

func withAnn(t *testing.T) (*account.Keeper, *time.Time) {
	t.Helper()
	k, now := keeper(t)
	if _, err := k.AddUser(t.Context(), "root", "ann", right); err != nil {
		t.Fatal(err)
	}
	return k, now
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, user, password string
		in                   bool
	}{
		{"name and password", "ann", right, true},
		{"a name in capitals, with blanks around", " Ann ", right, true},
		{"another password", "ann", wrong, false},
		{"no password", "ann", "", false},
		{"the password with a blank", "ann", right + " ", false},
		{"somebody unknown", "bob", right, false},
		{"nobody", "", right, false},
		{"a name that is none", "ann\x00", right, false},
		{"a password without end", "ann", string(make([]byte, 1<<20)), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k, now := withAnn(t)
			u, err := k.SignIn(t.Context(), office, c.user, c.password)
			if c.in != (err == nil) || c.in != (u.Name == "ann") || u.Password != "" {
				t.Errorf("got %+v, %v", u, err)
			}
			if !c.in && (portvigil.ErrorCode(err) != portvigil.CodeUnauthorized || err.Error() != "name and password do not belong together") {
				t.Errorf("the refusal tells what was wrong: %v", err)
			}
			if list, err := k.Users(t.Context()); err != nil || list[0].SignedIn.Equal(*now) != c.in {
				t.Errorf("signed in is noted as %s, %v", list[0].SignedIn, err)
			}
		})
	}
}

func slowed(err error) bool {
	var slower *account.Slower
	return errors.As(err, &slower)
}

// miss tries a wrong password until it is told to wait, and returns how many
// were looked at.
func miss(t *testing.T, k *account.Keeper, from netip.Addr, user string) int {
	t.Helper()
	for n := range 100 {
		if _, err := k.SignIn(t.Context(), from, user, wrong); slowed(err) {
			return n
		}
	}
	t.Fatal("nobody is told to wait")
	return 0
}

func TestSignInIsSlowedForAnAccount(t *testing.T) {
	t.Parallel()
	k, now := withAnn(t)
	if n := miss(t, k, cafe, "ann"); n != 5 {
		t.Errorf("%d were looked at, want 5", n)
	}
	if _, err := k.SignIn(t.Context(), cafe, "ann", right); !slowed(err) {
		t.Errorf("the right password tells itself while one has to wait: %v", err)
	}
	if _, err := k.SignIn(t.Context(), netip.MustParseAddr("203.0.113.9"), "ann", right); !slowed(err) {
		t.Errorf("another source does not have to wait for the account: %v", err)
	}
	*now = now.Add(time.Second)
	if _, err := k.SignIn(t.Context(), cafe, "ann", right); err != nil {
		t.Errorf("a second later: %v", err)
	}
}

func TestSignInIsSlowedForASource(t *testing.T) {
	t.Parallel()
	k, _ := withAnn(t)
	for n := range 100 {
		if _, err := k.SignIn(t.Context(), cafe, "user"+string(rune('a'+n%26)), wrong); slowed(err) {
			if n != 5 {
				t.Errorf("%d were looked at, want 5", n)
			}
			break
		}
	}
	if _, err := k.SignIn(t.Context(), cafe, "ann", right); !slowed(err) {
		t.Errorf("the source does not have to wait for another account: %v", err)
	}
	if _, err := k.SignIn(t.Context(), office, "ann", right); err != nil {
		t.Errorf("another source has to wait: %v", err)
	}
}

// TestSignInOfWhoIsKnownIsNotHeldUp: who guesses cannot lock a user out of a
// place where that user was before.
func TestSignInOfWhoIsKnownIsNotHeldUp(t *testing.T) {
	t.Parallel()
	k, _ := withAnn(t)
	if _, err := k.SignIn(t.Context(), office, "ann", right); err != nil {
		t.Fatal(err)
	}
	miss(t, k, cafe, "ann")
	miss(t, k, office, "bob") // also where somebody else guesses at the same place
	if _, err := k.SignIn(t.Context(), office, "ann", right); err != nil {
		t.Errorf("ann is locked out of the office: %v", err)
	}
	if n := miss(t, k, office, "ann"); n != 5 {
		t.Errorf("%d guesses at ann from the office were looked at, want 5", n)
	}
}

// TestSignInOfAnAttackerWithAnAccount: a sign-in that succeeds does not set back
// what the source guessed at others meanwhile.
func TestSignInOfAnAttackerWithAnAccount(t *testing.T) {
	t.Parallel()
	k, _ := withAnn(t)
	if _, err := k.AddUser(t.Context(), "root", "eve", right); err != nil {
		t.Fatal(err)
	}
	guesses := 0
	for range 50 {
		if _, err := k.SignIn(t.Context(), cafe, "ann", wrong); !slowed(err) {
			guesses++
		}
		_, _ = k.SignIn(t.Context(), cafe, "eve", right)
	}
	if guesses > 5 {
		t.Errorf("%d guesses were looked at, want 5", guesses)
	}
}

// TestSignInManyAtATime: the attempts of one moment are not one attempt.
func TestSignInManyAtATime(t *testing.T) {
	t.Parallel()
	k, _ := withAnn(t)
	var looked sync.Map
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			if _, err := k.SignIn(t.Context(), cafe, "ann", wrong); !slowed(err) {
				looked.Store(i, err)
			}
		})
	}
	all.Wait()
	n := 0
	looked.Range(func(any, any) bool { n++; return true })
	if n != 5 {
		t.Errorf("%d were looked at, want 5", n)
	}
}

func TestSessionsEndWithThePassword(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		do    func(context.Context, *account.Keeper) error
		holds bool
	}{
		{"nothing happened", func(context.Context, *account.Keeper) error { return nil }, true},
		{"somebody else was added", func(ctx context.Context, k *account.Keeper) error {
			_, err := k.AddUser(ctx, "root", "bob", right)
			return err
		}, true},
		{"the user signed in elsewhere", func(ctx context.Context, k *account.Keeper) error {
			_, err := k.SignIn(ctx, cafe, "ann", right)
			return err
		}, true},
		{"the password was reset, to the same", func(ctx context.Context, k *account.Keeper) error {
			_, err := k.ResetPassword(ctx, "root", "ann", right)
			return err
		}, false},
		{"the user was removed", func(ctx context.Context, k *account.Keeper) error { return k.RemoveUser(ctx, "root", "ann") }, false},
		{"the name was given to somebody else", func(ctx context.Context, k *account.Keeper) error {
			err := k.RemoveUser(ctx, "root", "ann")
			_, err2 := k.AddUser(ctx, "root", "ann", right)
			return errors.Join(err, err2)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k, _ := withAnn(t)
			session, err := k.SignIn(t.Context(), office, "ann", right)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.do(t.Context(), k); err != nil {
				t.Fatal(err)
			}
			if holds, err := k.Holds(t.Context(), session); err != nil || holds != c.holds {
				t.Errorf("the session holds: %v, %v, want %v", holds, err, c.holds)
			}
		})
	}
}

func TestFirstUserIsTheFirst(t *testing.T) {
	t.Parallel()
	k, _ := keeper(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	var added []string
	for _, name := range []string{"ann", "bob", "eve"} {
		all.Go(func() {
			_, err := k.AddFirstUser(t.Context(), name, right)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				added = append(added, name)
			} else if portvigil.ErrorCode(err) != portvigil.CodeConflict {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	all.Wait()
	if len(added) != 1 {
		t.Errorf("first is %q", added)
	}
}

func TestUsersAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, user, password string
		code                 portvigil.Code
	}{
		{"a name in capitals", "Bob", right, portvigil.CodeInvalid},
		{"a name with a blank", "bob b", right, portvigil.CodeInvalid},
		{"no name", "", right, portvigil.CodeInvalid},
		{"a name that moves the cursor", "bob\x1b[2J", right, portvigil.CodeInvalid},
		{"a name that is taken", "ann", right, portvigil.CodeConflict},
		{"a short password", "bob", "hunter2", portvigil.CodeInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k, _ := withAnn(t)
			if _, err := k.AddUser(t.Context(), "root", c.user, c.password); portvigil.ErrorCode(err) != c.code {
				t.Errorf("added: %v", err)
			}
		})
	}
	k, _ := withAnn(t)
	if _, err := k.ResetPassword(t.Context(), "root", "bob", right); portvigil.ErrorCode(err) != portvigil.CodeNotFound {
		t.Errorf("reset: %v", err)
	}
	if err := k.RemoveUser(t.Context(), "root", "bob"); portvigil.ErrorCode(err) != portvigil.CodeNotFound {
		t.Errorf("removed: %v", err)
	}
}

func TestASignInRenewsAHashOfAnotherCostAndEndsNoSession(t *testing.T) {
	t.Parallel()
	storage := new(accounttest.Storage)
	with := func(passes uint32) *account.Keeper {
		return account.NewKeeper(storage, account.Options{Cost: account.Cost{Memory: 8, Passes: passes, Lanes: 1}})
	}
	kept := func() (hash string) {
		err := storage.View(t.Context(), func(tx account.Tx) error {
			u, err := tx.User("ann")
			hash = u.Password
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	if _, err := with(1).AddUser(t.Context(), "root", "ann", right); err != nil {
		t.Fatal(err)
	}
	session, err := with(1).SignIn(t.Context(), office, "ann", right)
	if err != nil {
		t.Fatal(err)
	}
	before, k := kept(), with(2)
	if _, err := k.SignIn(t.Context(), office, "ann", wrong); err == nil || kept() != before {
		t.Fatalf("a wrong password: %v, and the hash is %s", err, kept())
	}
	for range 2 {
		if _, err := k.SignIn(t.Context(), office, "ann", right); err != nil || !strings.HasPrefix(kept(), "$argon2id$v=19$m=8,t=2,p=1$") {
			t.Fatalf("after a sign-in the hash is %s, %v", kept(), err)
		}
	}
	renewed := kept()
	if _, err := k.SignIn(t.Context(), office, "ann", right); err != nil || kept() != renewed {
		t.Errorf("a hash of today's cost was renewed: %v", err)
	}
	if holds, err := k.Holds(t.Context(), session); err != nil || !holds {
		t.Errorf("the session that was there holds: %v, %v", holds, err)
	}
}
