package account

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestCodesAreThoseOfRFC6238 takes the vectors of its appendix B for SHA-1, whose
// last six digits are a code of six.
func TestCodesAreThoseOfRFC6238(t *testing.T) {
	t.Parallel()
	for moment, code := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924",
		2000000000: "279037", 20000000000: "353130"} {
		step, right := stepOf([]byte("12345678901234567890"), code, time.Unix(moment, 0))
		if !right || step != moment/30 {
			t.Errorf("at %d: got step %d, %v", moment, step, right)
		}
	}
}

func TestCodesOfADeviceWhoseClockIsOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		off   time.Duration
		right bool
	}{
		{"not at all", 0, true},
		{"a step early", -codeStep, true},
		{"a step late", codeStep, true},
		{"two steps early", -2 * codeStep, false},
		{"two steps late", 2 * codeStep, false},
		{"an hour late, as with a time zone that is wrong", time.Hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1111111109, 0)
			step, right := stepOf([]byte("12345678901234567890"), "081804", now.Add(c.off))
			if right != c.right || right && step != stepAt(now) {
				t.Errorf("got step %d, %v, want %v", step, right, c.right)
			}
		})
	}
}

func TestFormsOfCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text           string
		code, recovery bool
	}{
		{"123456", true, false}, {"123 456", true, false}, {" 123-456 ", true, false},
		{"12345", false, false}, {"1234567", false, false}, {"", false, false}, {"12345a", false, false}, {"١٢٣٤٥٦", false, false}, {"-12345", false, false},
		{"abcd-efgh-2345-wxyz", false, true}, {"ABCD EFGH 2345 WXYZ", false, true}, {"abcdefgh2345wxyz", false, true},
		{"abcd-efgh-2345-wxy", false, false}, {"abcd-efgh-2345-wxy1", false, false}, {"abcd-efgh-2345-wxyé", false, false},
	} {
		_, recovery := recoveryOf(c.text)
		if got := isCode(c.text); got != c.code || recovery != c.recovery {
			t.Errorf("%q: a code %v, want %v; a recovery code %v, want %v", c.text, got, c.code, recovery, c.recovery)
		}
	}
}

// TestNoTextIsBothACodeAndARecoveryCode: what somebody types is held against one.
func TestNoTextIsBothACodeAndARecoveryCode(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z2-7 -]{0,24}`)).Draw(t, "text")
		if code, recovery := recoveryOf(text); recovery && (isCode(text) || len(code) != recoveryLetters) {
			t.Errorf("%q is both", text)
		}
	})
}

func TestRecoveryCodesDifferAndAreKeptHashed(t *testing.T) {
	t.Parallel()
	codes, hashes := newRecovery("1")
	seen := map[string]bool{}
	for i, code := range codes {
		bare, is := recoveryOf(code)
		if !is || seen[code] || string(recoveryHash("1", bare)) != string(hashes[i]) {
			t.Errorf("%q is none, or there twice, or kept as another", code)
		}
		if string(recoveryHash("2", bare)) == string(hashes[i]) {
			t.Error("another user's code is kept alike")
		}
		seen[code] = true
	}
	if len(codes) != 10 || len(hashes) != 10 {
		t.Errorf("got %d codes and %d hashes, want 10", len(codes), len(hashes))
	}
}

func TestEnrolmentIsWhatAppsRead(t *testing.T) {
	t.Parallel()
	e, err := enrolmentOf("ann@example.org", []byte("12345678901234567890"))
	if err != nil {
		t.Fatal(err)
	}
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	if strings.ReplaceAll(e.Secret, " ", "") != secret {
		t.Errorf("the secret is %q", e.Secret)
	}
	for _, part := range []string{"otpauth://totp/PortVigil:ann@example.org?", "secret=" + secret, "issuer=PortVigil", "digits=6", "period=30", "algorithm=SHA1"} {
		if !strings.Contains(e.URL, part) {
			t.Errorf("%s lacks %s", e.URL, part)
		}
	}
}
