package notify

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/portvigil/portvigil"
)

// Secret is a password, a signing key, or an URL that lets whoever knows it
// post. However it is printed, logged or marshalled, it shows as [secret];
// Reveal gives it to the one who has to store or use it.
type Secret string

// hidden is what a secret looks like from outside.
const hidden = "[secret]"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "[secret]", or "" where there is none.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format keeps every verb of fmt, also %#v and %d, from showing the secret.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue keeps it out of logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText keeps it out of JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON reads a secret; what MarshalText wrote is refused, so that no
// way through JSON can replace a secret by its mask unnoticed.
func (s *Secret) UnmarshalJSON(b []byte) error {
	var plain string
	if err := json.Unmarshal(b, &plain); err != nil {
		return err
	}
	if plain == hidden {
		return portvigil.Errorf(portvigil.CodeInvalid, "%s stands for a secret and is none", hidden)
	}
	*s = Secret(plain)
	return nil
}

// The form and the bounds of a signing key, from the Standard Webhooks
// specification (section "Signature scheme"): 24 to 64 random bytes.
const (
	keyPrefix = "whsec_"
	keyMin    = 24
	keyMax    = 64
	keyMade   = 32
)

// NewSecret makes a signing key for a webhook: whsec_ and 32 random bytes in base64.
func NewSecret() Secret {
	key := make([]byte, keyMade)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	return Secret(keyPrefix + base64.StdEncoding.EncodeToString(key))
}

// signingKey decodes a webhook's secret; its errors show nothing of it.
func (s Secret) signingKey() ([]byte, error) {
	bad := func(what string) error {
		return portvigil.Errorf(portvigil.CodeInvalid, "the webhook secret %s", what).
			WithHint("it looks like whsec_ and 24 to 64 bytes in base64; leave it out to have one made")
	}
	encoded, found := strings.CutPrefix(string(s), keyPrefix)
	if !found {
		return nil, bad("does not begin with whsec_")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, bad("is not base64 after whsec_")
	}
	if len(key) < keyMin || len(key) > keyMax {
		return nil, bad(fmt.Sprintf("holds %d bytes", len(key)))
	}
	return key, nil
}
