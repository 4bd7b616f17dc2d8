package account

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/portvigil/portvigil"
)

// Cost is what computing one hash takes.
type Cost struct {
	Memory uint32 // in KiB
	Passes uint32
	Lanes  uint8
}

// defaultCost is the second that OWASP's Password Storage Cheat Sheet names: 19 MiB,
// 2 passes, 1 lane. RFC 9106 recommends 64 MiB where memory is scarce, but a
// server that watches five hundred hosts has not much more than that in all.
var defaultCost = Cost{Memory: 19 << 10, Passes: 2, Lanes: 1}

// The lengths of what is made here, in bytes (RFC 9106, section 3.1).
const (
	saltBytes = 16
	hashBytes = 32
)

// Bounds of what is read: a row that somebody spoiled must not make a sign-in
// take the machine's memory.
const (
	mostMemory = 1 << 20 // KiB
	mostPasses = 32
	mostLanes  = 64
	mostBytes  = 64 // of salt and hash
	mostText   = 512
)

// hashed is a password as it is kept.
type hashed struct {
	cost Cost
	salt []byte
	hash []byte
}

func newHashed(password string, c Cost) hashed {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails: the program ends where the kernel has no randomness
	return hashed{c, salt, derive(password, salt, c, hashBytes)}
}

func derive(password string, salt []byte, c Cost, size int) []byte {
	return argon2.IDKey([]byte(password), salt, c.Passes, c.Memory, c.Lanes, uint32(size))
}

// matches reports whether it is the hash of the password; how long that takes
// says nothing of where they differ.
func (h hashed) matches(password string) bool {
	return subtle.ConstantTimeCompare(derive(password, h.salt, h.cost, len(h.hash)), h.hash) == 1
}

// String writes the PHC string format
// (https://github.com/P-H-C/phc-string-format), as other programs read it.
func (h hashed) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.Memory, h.cost.Passes, h.cost.Lanes, b64(h.salt), b64(h.hash))
}

var errNoHash = errors.New("it is no Argon2id hash in the PHC string format")

// parseHashed reads what String writes, and nothing else: what it takes is
// written back byte for byte.
func parseHashed(text string) (hashed, error) {
	var h hashed
	var version int
	part := strings.Split(text, "$")
	if len(text) > mostText || len(part) != 6 || part[0] != "" || part[1] != "argon2id" {
		return h, errNoHash
	}
	if _, err := fmt.Sscanf(part[2]+" "+part[3], "v=%d m=%d,t=%d,p=%d", &version, &h.cost.Memory, &h.cost.Passes, &h.cost.Lanes); err != nil {
		return h, errNoHash
	}
	var err, err2 error
	h.salt, err = base64.RawStdEncoding.Strict().DecodeString(part[4])
	h.hash, err2 = base64.RawStdEncoding.Strict().DecodeString(part[5])
	if errors.Join(err, err2) != nil || h.String() != text {
		return h, errNoHash
	}
	return h, h.bounded()
}

// bounded refuses costs that Argon2 does not take, or this program not.
func (h hashed) bounded() error {
	c := h.cost
	if c.Passes < 1 || c.Passes > mostPasses || c.Lanes < 1 || c.Lanes > mostLanes ||
		c.Memory < 8*uint32(c.Lanes) || c.Memory > mostMemory {
		return fmt.Errorf("the cost m=%d, t=%d, p=%d is out of bounds", c.Memory, c.Passes, c.Lanes)
	}
	if len(h.salt) < 8 || len(h.salt) > mostBytes || len(h.hash) < 16 || len(h.hash) > mostBytes {
		return errors.New("its salt or hash is too short or too long")
	}
	return nil
}

// Lengths of a password, in characters and in bytes. NIST SP 800-63B asks for at
// least 8 and no rules of composition; twelve, as this one guards what an
// attacker would like to know.
const (
	shortest = 12
	longest  = 1024
)

// CheckPassword returns an Error for a password that is not taken.
func CheckPassword(name, password string) error {
	switch {
	case utf8.RuneCountInString(password) < shortest:
		return portvigil.Errorf(portvigil.CodeInvalid, "the password is too short").
			WithHint("take at least %d characters; a few words that nobody would put together are good", shortest)
	case len(password) > longest:
		return portvigil.Errorf(portvigil.CodeInvalid, "the password is longer than %d bytes", longest)
	case !utf8.ValidString(password), strings.ContainsAny(password, "\x00\r\n"):
		return portvigil.Errorf(portvigil.CodeInvalid, "the password is no line of text in UTF-8")
	case strings.ReplaceAll(strings.ToLower(password), name, "") == "":
		return portvigil.Errorf(portvigil.CodeInvalid, "the password is the name").WithHint("take another one")
	}
	return nil
}
