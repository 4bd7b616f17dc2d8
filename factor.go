package portvigil

import "time"

// Factor is the second factor of a user: codes that change with the time of day
// (TOTP, RFC 6238), and recovery codes for who has lost the device that makes
// them.
type Factor struct {
	Since time.Time `json:"since"`
	// Left is how many recovery codes are left; absent: none. It is counted where a
	// user is shown, and not stored.
	Left int `json:"recovery_codes_left,omitzero"`

	// Secret is what codes are made of; nil where it was lost with the key that
	// sealed it. Then only a recovery code is taken.
	Secret []byte `json:"-"`
	// Used is the latest time step (of 30 seconds, since 1970) of which a code was
	// taken. No code of it, or of one before, is taken again.
	Used int64 `json:"-"`
	// Recovery are the hashes of the recovery codes that are left; each is taken once.
	Recovery [][]byte `json:"-"`
}

// HasFactor reports whether the password alone does not let the user in.
func (u User) HasFactor() bool { return u.Factor != nil }
