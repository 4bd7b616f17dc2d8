package account

import (
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

// cheap is the least that Argon2 takes: tests are about everything but the cost.
var cheap = Cost{Memory: 8, Passes: 1, Lanes: 1}

func TestPasswordKeepsItsSaltAndCost(t *testing.T) {
	t.Parallel()
	h := newHashed("correct horse battery", defaultCost)
	if text := h.String(); !strings.HasPrefix(text, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("it is kept as %s", text)
	}
	if len(h.salt) != 16 || len(h.hash) != 32 {
		t.Errorf("salt and hash have %d and %d bytes", len(h.salt), len(h.hash))
	}
	if again := newHashed("correct horse battery", cheap); string(again.salt) == string(h.salt) {
		t.Error("two have the same salt")
	}
}

func TestPasswordMatchesItselfAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		password, other := rapid.String().Draw(t, "password"), rapid.String().Draw(t, "other")
		cost := Cost{rapid.Uint32Range(32, 64).Draw(t, "m"), rapid.Uint32Range(1, 2).Draw(t, "t"), rapid.Uint8Range(1, 4).Draw(t, "p")}
		kept, err := parseHashed(newHashed(password, cost).String())
		if err != nil {
			t.Fatal(err)
		}
		if kept.cost != cost || !kept.matches(password) {
			t.Errorf("it does not match itself after it was kept")
		}
		if password != other && kept.matches(other) {
			t.Errorf("it matches %q", other)
		}
	})
}

func TestParseHashedRefuses(t *testing.T) {
	t.Parallel()
	salt, hash := strings.Repeat("A", 22), strings.Repeat("A", 43)
	if _, err := parseHashed("$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + hash); err != nil {
		t.Fatalf("a good one is refused: %v", err)
	}
	for name, text := range map[string]string{
		"nothing":                             "",
		"another function":                    "$argon2i$v=19$m=8,t=1,p=1$" + salt + "$" + hash,
		"another version":                     "$argon2id$v=16$m=8,t=1,p=1$" + salt + "$" + hash,
		"less memory than Argon2 takes":       "$argon2id$v=19$m=7,t=1,p=1$" + salt + "$" + hash,
		"less memory than its lanes take":     "$argon2id$v=19$m=8,t=1,p=2$" + salt + "$" + hash,
		"more memory than the machine has":    "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + hash,
		"no pass":                             "$argon2id$v=19$m=8,t=0,p=1$" + salt + "$" + hash,
		"passes without end":                  "$argon2id$v=19$m=8,t=4294967295,p=1$" + salt + "$" + hash,
		"no lane":                             "$argon2id$v=19$m=8,t=1,p=0$" + salt + "$" + hash,
		"lanes beyond a byte":                 "$argon2id$v=19$m=8192,t=1,p=256$" + salt + "$" + hash,
		"a sign before a number":              "$argon2id$v=19$m=+8,t=1,p=1$" + salt + "$" + hash,
		"a zero before a number":              "$argon2id$v=19$m=08,t=1,p=1$" + salt + "$" + hash,
		"no salt":                             "$argon2id$v=19$m=8,t=1,p=1$$" + hash,
		"a short hash, which others may have": "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$AAAA",
		"padding":                             "$argon2id$v=19$m=8,t=1,p=1$" + salt + "==$" + hash,
		"bits that no salt has":               "$argon2id$v=19$m=8,t=1,p=1$" + strings.Repeat("A", 21) + "B$" + hash,
		"something behind":                    "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + hash + "$",
		"a long one":                          "$argon2id$v=19$m=8,t=1,p=1$" + strings.Repeat("A", 400) + "$" + strings.Repeat("A", 400),
	} {
		if h, err := parseHashed(text); err == nil {
			t.Errorf("%s is taken: %+v", name, h)
		}
	}
}

func FuzzParseHashed(f *testing.F) {
	f.Add(newHashed("correct horse battery", cheap).String())
	f.Add("$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21l$RdescudvJCsgt3ub+b4dWRWJTmaaJObG")
	f.Add("$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHashed(text)
		if err != nil {
			return
		}
		if h.String() != text {
			t.Errorf("%q is written back as %q", text, h)
		}
		if h.cost.Memory > mostMemory || h.cost.Passes > mostPasses || len(h.hash) > mostBytes {
			t.Errorf("%q costs more than is taken", text)
		}
	})
}

func TestPasswordIsComputedAsTheStandardSays(t *testing.T) {
	t.Parallel()
	// RFC 9106 has its vectors with a secret and associated data, which Go's
	// function leaves out; this one is of the reference implementation's test.c:
	// Argon2id, version 19, t=2, m=256 KiB, p=1, "password", "somesalt".
	h, err := parseHashed("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	if err != nil {
		t.Fatal(err)
	}
	if !h.matches("password") || h.matches("Password") {
		t.Error("the reference implementation's hash does not match its password alone")
	}
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, password string
		taken          bool
	}{
		{"twelve characters", "abcdefghijkl", true},
		{"twelve characters of any script", "zwölf Zeichen", true},
		{"a sentence", "the ferry leaves at noon, or not at all", true},
		{"eleven characters", "abcdefghijk", false},
		{"eleven characters of many bytes", strings.Repeat("é", 11), false},
		{"the name, again and again", "annannANNann", false},
		{"two lines", "abcdefghijkl\nmnop", false},
		{"bytes that are no text", "abcdefghijkl\xff", false},
		{"a megabyte", strings.Repeat("a", 1<<20), false},
	} {
		if err := CheckPassword("ann", c.password); (err == nil) != c.taken {
			t.Errorf("%s: %v", c.name, err)
		} else if err != nil && portvigil.ErrorCode(err) != portvigil.CodeInvalid {
			t.Errorf("%s: code %s", c.name, portvigil.ErrorCode(err))
		} else if err != nil && strings.Contains(err.Error(), c.password) {
			t.Errorf("%s: the error repeats the password", c.name)
		}
	}
	if base64.RawStdEncoding.EncodedLen(mostBytes)*2+64 > mostText {
		t.Error("the longest hash does not fit in the longest text")
	}
}
