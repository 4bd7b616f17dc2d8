package account_test

import (
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
	"github.com/portvigil/portvigil/web/account/accounttest"
)

func TestTokenIsKnownByItsSecret(t *testing.T) {
	t.Parallel()
	k, now := keeper(t)
	made, secret, err := k.AddToken(t.Context(), "root", "cron", portvigil.WriteScope, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^pv_[A-Z2-7]{26}$`).MatchString(secret) {
		t.Errorf("the secret is %q", secret)
	}
	for name, shown := range map[string]string{"nothing": "", "the prefix": "pv_", "its name": "cron", "its id": made.ID, "another one": "pv_AAAAAAAAAAAAAAAAAAAAAAAAAA",
		"the secret without prefix": secret[3:], "the secret in small letters": "pv_a" + secret[4:], "the secret and more": secret + "A"} {
		if _, err := k.Bearer(t.Context(), office, shown); portvigil.ErrorCode(err) != portvigil.CodeUnauthorized && !slowed(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := k.Bearer(t.Context(), cafe, secret)
	if err != nil || got.Name != "cron" || got.Scope != portvigil.WriteScope || got.Hash != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	*now = now.Add(time.Hour)
	if _, err := k.Bearer(t.Context(), cafe, secret); portvigil.ErrorCode(err) != portvigil.CodeUnauthorized {
		t.Errorf("it has not expired: %v", err)
	}
	if err := k.RevokeToken(t.Context(), "root", "cron"); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Bearer(t.Context(), cafe, secret); portvigil.ErrorCode(err) != portvigil.CodeUnauthorized {
		t.Errorf("it is good after it was revoked: %v", err)
	}
	if err := k.RevokeToken(t.Context(), "root", "cron"); portvigil.ErrorCode(err) != portvigil.CodeNotFound {
		t.Errorf("it is revoked twice: %v", err)
	}
}

func TestTokenUseIsNotedOnceAnHour(t *testing.T) {
	t.Parallel()
	k, now := keeper(t)
	_, secret, err := k.AddToken(t.Context(), "root", "cron", portvigil.ReadScope, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pause time.Duration
		noted bool
	}{{0, true}, {time.Minute, false}, {58 * time.Minute, false}, {time.Minute, true}, {time.Minute, false}} {
		*now = now.Add(c.pause)
		if _, err := k.Bearer(t.Context(), office, secret); err != nil {
			t.Fatal(err)
		}
		list, err := k.Tokens(t.Context())
		if err != nil || list[0].LastUsed.Equal(*now) != c.noted || list[0].Hash != nil {
			t.Errorf("after %s: %+v, %v", c.pause, list, err)
		}
	}
}

func TestTokenThatIsWrongIsSlowedAndHoldsNoneUp(t *testing.T) {
	t.Parallel()
	k, _ := keeper(t)
	_, secret, err := k.AddToken(t.Context(), "root", "cron", portvigil.ReadScope, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Bearer(t.Context(), office, secret); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for range 50 {
		if _, err := k.Bearer(t.Context(), office, "pv_wrong"); !slowed(err) {
			refused++
		}
		if _, err := k.Bearer(t.Context(), office, secret); err != nil {
			t.Fatalf("the good one is held up: %v", err)
		}
	}
	if refused != 5 {
		t.Errorf("%d wrong ones were looked at, want 5", refused)
	}
	if _, err := k.Bearer(t.Context(), cafe, "pv_wrong"); slowed(err) {
		t.Error("another source has to wait")
	}
}

func TestTokenIsRefused(t *testing.T) {
	t.Parallel()
	k, now := keeper(t)
	if _, _, err := k.AddToken(t.Context(), "root", "taken", portvigil.ReadScope, time.Time{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, token string
		scope       portvigil.TokenScope
		expires     time.Time
		code        portvigil.Code
	}{
		{"a name that is taken", "taken", portvigil.ReadScope, time.Time{}, portvigil.CodeConflict},
		{"a name that is none", "my token", portvigil.ReadScope, time.Time{}, portvigil.CodeInvalid},
		{"no scope", "new", "", time.Time{}, portvigil.CodeInvalid},
		{"another scope", "new", "root", time.Time{}, portvigil.CodeInvalid},
		{"a time that is over", "new", portvigil.ReadScope, *now, portvigil.CodeInvalid},
	} {
		if _, secret, err := k.AddToken(t.Context(), "root", c.token, c.scope, c.expires); portvigil.ErrorCode(err) != c.code || secret != "" {
			t.Errorf("%s: %q, %v", c.name, secret, err)
		}
	}
}

// TestNobodyIsLetInWhileTheStorageFails: that it cannot be read is an error of
// its own, and no miss.
func TestNobodyIsLetInWhileTheStorageFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	k := account.NewKeeper(&accounttest.Storage{Err: broken}, account.Options{})
	for range 20 {
		if _, err := k.Bearer(t.Context(), office, "pv_x"); !errors.Is(err, broken) {
			t.Fatalf("token: %v", err)
		}
		if _, err := k.SignIn(t.Context(), office, "ann", right); !errors.Is(err, broken) {
			t.Fatalf("password: %v", err)
		}
		if _, err := k.Holds(t.Context(), portvigil.User{Name: "ann"}); !errors.Is(err, broken) {
			t.Fatalf("session: %v", err)
		}
	}
}
