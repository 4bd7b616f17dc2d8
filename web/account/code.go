package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
)

// What authenticator apps take without being told (RFC 6238, and the appendix of
// the otpauth scheme): six digits of SHA-1, every 30 seconds. SHA-1 is no weakness
// here: HMAC does not rest on collisions (RFC 6238, section 1.2).
const (
	codeStep   = 30 * time.Second
	codeDigits = otp.DigitsSix
	// secretBytes is the length that RFC 4226, section 4 recommends.
	secretBytes = 20
)

// codeDrift is how many steps a device's clock may be off either way: half a
// minute, and the time that typing takes (RFC 6238, section 5.2).
const codeDrift = 1

// stepAt is the time step of a moment.
func stepAt(now time.Time) int64 { return now.Unix() / int64(codeStep/time.Second) }

// stepOf returns the time step near now whose code this is, the latest where two
// steps have the same, and whether there is one.
func stepOf(secret []byte, code string, now time.Time) (step int64, right bool) {
	for s := stepAt(now) - codeDrift; s <= stepAt(now)+codeDrift; s++ {
		same, err := hotp.ValidateCustom(digitsOf(code), uint64(s), base32.StdEncoding.EncodeToString(secret),
			hotp.ValidateOpts{Digits: codeDigits, Algorithm: otp.AlgorithmSHA1})
		if same && err == nil { // an error is a text of another length
			step, right = s, true
		}
	}
	return step, right
}

// digitsOf leaves out what people and apps write between the digits.
func digitsOf(code string) string { return strings.NewReplacer(" ", "", "-", "").Replace(code) }

// isCode reports whether the text has the form of a code. No password has: it would
// be too short.
func isCode(text string) bool {
	digits := digitsOf(text)
	return len(digits) == codeDigits.Length() && strings.Trim(digits, "0123456789") == ""
}

// Enrolment is a second factor that is to be turned on, as its owner's device
// takes it.
type Enrolment struct {
	URL    string // otpauth://totp/…, for a QR code
	Secret string // the same to be typed: groups of four letters and digits
}

func enrolmentOf(name string, secret []byte) (Enrolment, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "PortVigil", AccountName: name, Secret: secret, Digits: codeDigits})
	if err != nil {
		return Enrolment{}, err
	}
	return Enrolment{URL: key.URL(), Secret: grouped(key.Secret(), " ")}, nil
}

// grouped writes a text in groups of four.
func grouped(text, between string) string {
	var b strings.Builder
	for i, r := range text {
		if i > 0 && i%4 == 0 {
			b.WriteString(between)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Recovery codes have 80 random bits, so that a plain hash keeps them as well as it
// keeps a token's secret; in base 32, whose letters nobody takes for digits.
const (
	recoveryCodes   = 10
	recoveryLetters = 16
)

// newRecovery makes a user's recovery codes, and what is kept of them.
func newRecovery(id string) (codes []string, hashes [][]byte) {
	for range recoveryCodes {
		code := strings.ToLower(rand.Text()[:recoveryLetters])
		codes = append(codes, grouped(code, "-"))
		hashes = append(hashes, recoveryHash(id, code))
	}
	return codes, hashes
}

// recoveryHash is what is kept of a recovery code; the same code of another user
// has another.
func recoveryHash(id, code string) []byte {
	sum := sha256.Sum256([]byte("recovery of " + id + ": " + code))
	return sum[:]
}

// recoveryOf returns the recovery code that somebody typed, as it is hashed, and
// whether the text has the form of one.
func recoveryOf(text string) (code string, is bool) {
	code = strings.ToLower(digitsOf(text))
	return code, len(code) == recoveryLetters && strings.Trim(code, "abcdefghijklmnopqrstuvwxyz234567") == ""
}
