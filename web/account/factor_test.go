package account_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
)

// device makes the codes that ann's phone shows.
type device struct {
	secret   string
	now      *time.Time
	recovery []string
}

// code is what the device shows when its clock is off.
func (d device) code(t *testing.T, off time.Duration) string {
	t.Helper()
	code, err := totp.GenerateCode(d.secret, d.now.Add(off))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// withFactor has a keeper with ann, whose second factor was turned on a minute ago.
func withFactor(t *testing.T) (*account.Keeper, device) {
	t.Helper()
	k, now := withAnn(t)
	session, err := k.SignIn(t.Context(), office, "ann", right)
	if err != nil {
		t.Fatal(err)
	}
	e, err := k.BeginFactor(t.Context(), office, session, right)
	if err != nil {
		t.Fatal(err)
	}
	d := device{secret: strings.ReplaceAll(e.Secret, " ", ""), now: now}
	if _, d.recovery, err = k.ConfirmFactor(t.Context(), office, session, d.code(t, 0)); err != nil {
		t.Fatal(err)
	}
	*now = now.Add(time.Minute)
	return k, d
}

// halfIn signs ann in by her password, which is not enough.
func halfIn(t *testing.T, k *account.Keeper, from netip.Addr) *account.Half {
	t.Helper()
	u, err := k.SignIn(t.Context(), from, "ann", right)
	var h *account.Half
	if !errors.As(err, &h) || u.Name != "" {
		t.Fatalf("the password alone: got %+v, %v", u, err)
	}
	return h
}

// whole signs ann in by password and code.
func whole(t *testing.T, k *account.Keeper, from netip.Addr, code string) (portvigil.User, error) {
	t.Helper()
	return k.Finish(t.Context(), from, halfIn(t, k, from), code)
}

func TestFinish(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		code func(t *testing.T, d device) string
		says string // "": let in
	}{
		{"the code of now", func(t *testing.T, d device) string { return d.code(t, 0) }, ""},
		{"with a blank in it, as apps show it", func(t *testing.T, d device) string { c := d.code(t, 0); return " " + c[:3] + " " + c[3:] }, ""},
		{"of a clock that is 30 seconds behind", func(t *testing.T, d device) string { return d.code(t, -30*time.Second) }, ""},
		{"of a clock that is 30 seconds ahead", func(t *testing.T, d device) string { return d.code(t, 30*time.Second) }, ""},
		{"of a clock that is 90 seconds behind", func(t *testing.T, d device) string { return d.code(t, -90*time.Second) }, "not right"},
		{"of a clock that is a minute ahead", func(t *testing.T, d device) string { return d.code(t, time.Minute) }, "not right"},
		{"none", func(*testing.T, device) string { return "" }, "not right"},
		{"the password again", func(*testing.T, device) string { return right }, "not right"},
		{"a megabyte", func(*testing.T, device) string { return strings.Repeat("1", 1<<20) }, "not right"},
		{"a recovery code", func(_ *testing.T, d device) string { return d.recovery[3] }, ""},
		{"a recovery code in capitals, without dashes", func(_ *testing.T, d device) string {
			return strings.ToUpper(strings.ReplaceAll(d.recovery[9], "-", ""))
		}, ""},
		{"a recovery code of nobody", func(*testing.T, device) string { return "aaaa-aaaa-aaaa-aaaa" }, "not right"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k, d := withFactor(t)
			u, err := whole(t, k, office, c.code(t, d))
			if c.says == "" {
				if err != nil || u.Name != "ann" || !u.SignedIn.Equal(*d.now) || u.Password != "" || u.Factor.Secret != nil {
					t.Errorf("got %+v, %v", u, err)
				}
				return
			}
			if portvigil.ErrorCode(err) != portvigil.CodeUnauthorized || !strings.Contains(err.Error(), c.says) || u.Name != "" {
				t.Errorf("got %+v, %v, want %q", u, err, c.says)
			}
		})
	}
}

func TestACodeIsTakenOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		first func(t *testing.T, k *account.Keeper, d device) (string, error) // takes a code, and returns one
		says  string
	}{
		{"at the sign-in", func(t *testing.T, k *account.Keeper, d device) (string, error) {
			_, err := whole(t, k, office, d.code(t, 0))
			return d.code(t, 0), err
		}, "used already"},
		{"half a minute later, while its window lasts", func(t *testing.T, k *account.Keeper, d device) (string, error) {
			code := d.code(t, 0)
			_, err := whole(t, k, office, code)
			*d.now = d.now.Add(30 * time.Second)
			return code, err
		}, "used already"},
		{"the one before it", func(t *testing.T, k *account.Keeper, d device) (string, error) {
			_, err := whole(t, k, office, d.code(t, 0))
			return d.code(t, -30*time.Second), err
		}, "used already"},
		{"a recovery code", func(t *testing.T, k *account.Keeper, d device) (string, error) {
			_, err := whole(t, k, office, d.recovery[0])
			return d.recovery[0], err
		}, "not right"},
		{"when recovery codes were renewed by it", func(t *testing.T, k *account.Keeper, d device) (string, error) {
			u, err := k.User(t.Context(), "ann")
			if err == nil {
				_, _, err = k.RenewRecovery(t.Context(), office, u, d.code(t, 0))
			}
			return d.code(t, 0), err
		}, "used already"},
		{"when recovery codes were renewed by one of them", func(t *testing.T, k *account.Keeper, d device) (string, error) {
			u, err := k.User(t.Context(), "ann")
			if err == nil {
				_, _, err = k.RenewRecovery(t.Context(), office, u, d.recovery[0])
			}
			return d.recovery[1], err
		}, "not right"},
		{"when the server's clock was put back by an hour", func(t *testing.T, k *account.Keeper, d device) (string, error) {
			_, err := whole(t, k, office, d.code(t, 0))
			*d.now = d.now.Add(-time.Hour)
			return d.code(t, 0), err
		}, "clock was ahead"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k, d := withFactor(t)
			code, err := c.first(t, k, d)
			if err != nil {
				t.Fatal(err)
			}
			u, err := whole(t, k, office, code)
			if portvigil.ErrorCode(err) != portvigil.CodeUnauthorized || !strings.Contains(err.Error(), c.says) || u.Name != "" {
				t.Errorf("got %+v, %v, want %q", u, err, c.says)
			}
		})
	}
	k, now := withAnn(t)
	session, err := k.User(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	e, err := k.BeginFactor(t.Context(), office, session, right)
	if err != nil {
		t.Fatal(err)
	}
	d := device{secret: strings.ReplaceAll(e.Secret, " ", ""), now: now}
	if _, _, err = k.ConfirmFactor(t.Context(), office, session, d.code(t, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := whole(t, k, office, d.code(t, 0)); err == nil {
		t.Error("the code that turned it on signs in as well")
	}
	*now = now.Add(30 * time.Second)
	if _, err := whole(t, k, office, d.code(t, 0)); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

// TestTwoSignInsWithOneCode: one wins, however many come at a time.
func TestTwoSignInsWithOneCode(t *testing.T) {
	t.Parallel()
	for name, codeOf := range map[string]func(*testing.T, device) string{
		"a code":          func(t *testing.T, d device) string { return d.code(t, 0) },
		"a recovery code": func(_ *testing.T, d device) string { return d.recovery[0] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, d := withFactor(t)
			code := codeOf(t, d)
			var mu sync.Mutex
			var all sync.WaitGroup
			in := 0
			var halves []*account.Half
			for range 4 {
				halves = append(halves, halfIn(t, k, office))
			}
			for _, h := range halves {
				all.Go(func() {
					_, err := k.Finish(t.Context(), office, h, code)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						in++
					} else if portvigil.ErrorCode(err) != portvigil.CodeUnauthorized {
						t.Errorf("got %v", err)
					}
				})
			}
			all.Wait()
			if in != 1 {
				t.Errorf("%d came in, want 1", in)
			}
		})
	}
}

func TestTheCodeComesWithinFiveMinutes(t *testing.T) {
	t.Parallel()
	for wait, in := range map[time.Duration]bool{account.HalfLife - time.Second: true, account.HalfLife: false} {
		k, d := withFactor(t)
		h := halfIn(t, k, office)
		*d.now = d.now.Add(wait)
		if _, err := k.Finish(t.Context(), office, h, d.code(t, 0)); in != (err == nil) {
			t.Errorf("after %s: %v", wait, err)
		}
	}
}

// TestWhoIsHalfInIsOut: what happens to the account meanwhile ends the half.
func TestWhoIsHalfInIsOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   func(context.Context, *account.Keeper) error
	}{
		{"when the password was reset", func(ctx context.Context, k *account.Keeper) error {
			_, err := k.ResetPassword(ctx, "root", "ann", "another one altogether")
			return err
		}},
		{"when the second factor was reset", func(ctx context.Context, k *account.Keeper) error {
			_, err := k.ResetFactor(ctx, "root", "ann")
			return err
		}},
		{"when the user was removed", func(ctx context.Context, k *account.Keeper) error { return k.RemoveUser(ctx, "root", "ann") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k, d := withFactor(t)
			h := halfIn(t, k, office)
			if err := c.do(t.Context(), k); err != nil {
				t.Fatal(err)
			}
			if u, err := k.Finish(t.Context(), office, h, d.code(t, 0)); portvigil.ErrorCode(err) != portvigil.CodeConflict || u.Name != "" {
				t.Errorf("got %+v, %v", u, err)
			}
		})
	}
}

// TestCodesAreGuessedAsSlowlyAsPasswords: they count in the same limits, and the
// right password in between sets nothing back.
func TestCodesAreGuessedAsSlowlyAsPasswords(t *testing.T) {
	t.Parallel()
	k, d := withFactor(t)
	h := halfIn(t, k, cafe)
	guesses := 0
	for range 100 {
		if _, err := k.Finish(t.Context(), cafe, h, "000000"); slowed(err) {
			break
		}
		guesses++
		_, _ = k.SignIn(t.Context(), cafe, "ann", right)
	}
	if guesses != 5 {
		t.Errorf("%d were looked at, want 5", guesses)
	}
	if _, err := k.Finish(t.Context(), cafe, h, d.code(t, 0)); !slowed(err) {
		t.Errorf("the right code tells itself while one has to wait: %v", err)
	}
	if _, err := k.SignIn(t.Context(), cafe, "ann", right); !slowed(err) {
		t.Errorf("the password can be tried while one has to wait: %v", err)
	}
	if _, err := whole(t, k, office, d.code(t, 0)); err != nil {
		t.Errorf("ann is locked out of the office: %v", err)
	}
	*d.now = d.now.Add(time.Second)
	if _, err := k.Finish(t.Context(), cafe, h, d.code(t, 30*time.Second)); err != nil {
		t.Errorf("a second later: %v", err)
	}
}

// TestThePasswordAloneMakesNobodyKnown: who has it only waits as strangers do.
func TestThePasswordAloneMakesNobodyKnown(t *testing.T) {
	t.Parallel()
	k, _ := withFactor(t)
	halfIn(t, k, cafe)
	miss(t, k, netip.MustParseAddr("203.0.113.9"), "ann")
	if _, err := k.SignIn(t.Context(), cafe, "ann", right); !slowed(err) {
		t.Errorf("the source is known by half a sign-in: %v", err)
	}
}

func TestTheFactorIsOnAfterARightCodeOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		begin   string // the password that is given
		wait    time.Duration
		off     time.Duration // of the device's clock
		between func(context.Context, *account.Keeper) error
		code    portvigil.Code
	}{
		{name: "a right code"},
		{name: "a wrong code", off: time.Hour, code: portvigil.CodeUnauthorized},
		{name: "a wrong password", begin: wrong, code: portvigil.CodeUnauthorized},
		{name: "after ten minutes", wait: 10 * time.Minute, code: portvigil.CodeConflict},
		{name: "in a session that ended meanwhile", code: portvigil.CodeConflict, between: func(ctx context.Context, k *account.Keeper) error {
			_, err := k.ResetPassword(ctx, "root", "ann", right)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k, now := withAnn(t)
			session, err := k.SignIn(t.Context(), office, "ann", right)
			if err != nil {
				t.Fatal(err)
			}
			if c.begin == "" {
				c.begin = right
			}
			e, err := k.BeginFactor(t.Context(), office, session, c.begin)
			if _, err := k.SignIn(t.Context(), office, "ann", right); err != nil {
				t.Errorf("it is on before a code was seen: %v", err)
			}
			if err == nil {
				*now = now.Add(c.wait)
				if c.between != nil {
					err = c.between(t.Context(), k)
				}
			}
			var recovery []string
			var u portvigil.User
			if err == nil {
				d := device{secret: strings.ReplaceAll(e.Secret, " ", ""), now: now}
				u, recovery, err = k.ConfirmFactor(t.Context(), office, session, d.code(t, c.off))
			}
			if portvigil.ErrorCode(err) != c.code {
				t.Fatalf("got %v, want %q", err, c.code)
			}
			_, err = k.SignIn(t.Context(), office, "ann", right)
			var h *account.Half
			if on := errors.As(err, &h); on != (c.code == "") || on != (len(recovery) == 10) || on != (u.Factor != nil && u.Factor.Left == 10) {
				t.Errorf("on: %v; %d recovery codes, %+v", on, len(recovery), u)
			}
		})
	}
}

func TestTurningTheFactorOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		proof func(t *testing.T, d device) string
		code  portvigil.Code
	}{
		{"by the password", func(*testing.T, device) string { return right }, ""},
		{"by a code", func(t *testing.T, d device) string { return d.code(t, 0) }, ""},
		{"by a recovery code", func(_ *testing.T, d device) string { return d.recovery[0] }, ""},
		{"by a wrong password", func(*testing.T, device) string { return wrong }, portvigil.CodeUnauthorized},
		{"by a wrong code", func(*testing.T, device) string { return "000000" }, portvigil.CodeUnauthorized},
		{"by what has a recovery code's form", func(*testing.T, device) string { return "aaaa-aaaa-aaaa-aaaa" }, portvigil.CodeUnauthorized},
		{"by nothing", func(*testing.T, device) string { return "" }, portvigil.CodeUnauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k, d := withFactor(t)
			session, err := whole(t, k, office, d.code(t, -30*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			u, err := k.EndFactor(t.Context(), office, session, c.proof(t, d))
			if portvigil.ErrorCode(err) != c.code {
				t.Fatalf("got %v, want %q", err, c.code)
			}
			_, err = k.SignIn(t.Context(), office, "ann", right)
			if off := err == nil; off != (c.code == "") || off && (u.Factor != nil || u.Version != session.Version+1) {
				t.Errorf("off: %v, %+v", off, u)
			}
		})
	}
}

// TestAPasswordInTheFormOfARecoveryCode is one of sixteen letters.
func TestAPasswordInTheFormOfARecoveryCode(t *testing.T) {
	t.Parallel()
	k, _ := withFactor(t)
	const password = "mysecretpassword"
	if _, err := k.ResetPassword(t.Context(), "root", "ann", password); err != nil {
		t.Fatal(err)
	}
	session, err := k.User(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.EndFactor(t.Context(), office, session, password); err != nil {
		t.Error(err)
	}
}

// TestSessionsEndWithTheFactor: each change of it is a new version of the user,
// and keeps the rest.
func TestSessionsEndWithTheFactor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		on   bool // afterwards
		do   func(t *testing.T, k *account.Keeper, d device, session portvigil.User) error
	}{
		{"turned off", false, func(t *testing.T, k *account.Keeper, _ device, session portvigil.User) error {
			_, err := k.EndFactor(t.Context(), office, session, right)
			return err
		}},
		{"reset", false, func(t *testing.T, k *account.Keeper, _ device, _ portvigil.User) error {
			_, err := k.ResetFactor(t.Context(), "root", "ann")
			return err
		}},
		{"new recovery codes", true, func(t *testing.T, k *account.Keeper, _ device, session portvigil.User) error {
			_, _, err := k.RenewRecovery(t.Context(), office, session, right)
			return err
		}},
		{"the password reset", true, func(t *testing.T, k *account.Keeper, _ device, _ portvigil.User) error {
			_, err := k.ResetPassword(t.Context(), "root", "ann", right)
			return err
		}},
		{"the password changed", true, func(t *testing.T, k *account.Keeper, _ device, session portvigil.User) error {
			_, err := k.ChangePassword(t.Context(), office, session, right, right)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k, d := withFactor(t)
			session, err := whole(t, k, office, d.code(t, -30*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.do(t, k, d, session); err != nil {
				t.Fatal(err)
			}
			if holds, err := k.Holds(t.Context(), session); err != nil || holds {
				t.Errorf("the session holds: %v, %v", holds, err)
			}
			_, err = k.SignIn(t.Context(), office, "ann", right)
			if on := err != nil; on != c.on {
				t.Errorf("on: %v, %v", on, err)
			}
			if c.on {
				if _, err := whole(t, k, office, d.code(t, 0)); err != nil {
					t.Errorf("the device's code: %v", err)
				}
			}
		})
	}
	k, now := withAnn(t)
	session, err := k.SignIn(t.Context(), office, "ann", right)
	if err != nil {
		t.Fatal(err)
	}
	e, err := k.BeginFactor(t.Context(), office, session, right)
	if err != nil {
		t.Fatal(err)
	}
	d := device{secret: strings.ReplaceAll(e.Secret, " ", ""), now: now}
	if _, _, err := k.ConfirmFactor(t.Context(), office, session, d.code(t, 0)); err != nil {
		t.Fatal(err)
	}
	if holds, err := k.Holds(t.Context(), session); err != nil || holds {
		t.Errorf("a session of before it was turned on holds: %v, %v", holds, err)
	}
}

func TestResetOfAFactor(t *testing.T) {
	t.Parallel()
	k, _ := withAnn(t)
	for _, name := range []string{"ann", "bob"} {
		if _, err := k.ResetFactor(t.Context(), "root", name); portvigil.ErrorCode(err) != portvigil.CodeNotFound {
			t.Errorf("%s, who has none: %v", name, err)
		}
	}
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	const another = "another one altogether"
	for _, c := range []struct {
		name, former, password string
		code                   portvigil.Code
	}{
		{"another one", right, another, ""},
		{"with a wrong one of before", wrong, another, portvigil.CodeUnauthorized},
		{"too short", right, "hunter2", portvigil.CodeInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k, _ := withAnn(t)
			session, err := k.SignIn(t.Context(), office, "ann", right)
			if err != nil {
				t.Fatal(err)
			}
			u, err := k.ChangePassword(t.Context(), office, session, c.former, c.password)
			if portvigil.ErrorCode(err) != c.code {
				t.Fatalf("got %v, want %q", err, c.code)
			}
			holds, err := k.Holds(t.Context(), session)
			_, again := k.SignIn(t.Context(), office, "ann", c.password)
			if changed := c.code == ""; err != nil || holds == changed || changed != (again == nil) || changed != (u.Version == 2) {
				t.Errorf("the session holds: %v, %v; the new one: %v; %+v", holds, err, again, u)
			}
		})
	}
	k, _ := withAnn(t)
	session, err := k.SignIn(t.Context(), cafe, "ann", right)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		if _, err := k.ChangePassword(t.Context(), cafe, session, wrong, another); slowed(err) {
			if n != 5 {
				t.Errorf("%d guesses in a session that somebody left were looked at, want 5", n)
			}
			return
		}
	}
	t.Error("nobody is told to wait")
}

func TestUsersAreListedWithoutSecrets(t *testing.T) {
	t.Parallel()
	k, d := withFactor(t)
	if _, err := whole(t, k, office, d.recovery[0]); err != nil {
		t.Fatal(err)
	}
	list, err := k.Users(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("got %v, %v", list, err)
	}
	if f := list[0].Factor; f == nil || f.Left != 9 || f.Secret != nil || f.Recovery != nil || f.Used != 0 || list[0].Password != "" {
		t.Errorf("got %+v of %+v", f, list[0])
	}
}
