package portvigil

import (
	"strings"
	"time"
)

// Token is what a program shows to use the API from another machine. Its secret
// is told once, when it is made; kept is only a hash of it.
type Token struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Scope   TokenScope `json:"scope"`
	Added   time.Time  `json:"added"`
	By      string     `json:"by"`
	Expires time.Time  `json:"expires,omitzero"` // zero: never
	// LastUsed is within an hour of the last use: it is not written more often.
	LastUsed time.Time `json:"last_used,omitzero"`

	Hash []byte `json:"-"` // SHA-256 of the secret
}

// TokenScope is what a token may do; each scope holds those before it. (The Scope
// without a token says which networks may be scanned.)
type TokenScope string

// The scopes of a token. The zero value may do nothing.
const (
	ReadScope  TokenScope = "read"  // look at hosts, alerts, baselines and channels
	WriteScope TokenScope = "write" // change them, and have hosts looked at
	AdminScope TokenScope = "admin" // let others in: users, tokens, links
)

// tokenScopes are all scopes, the narrowest first.
var tokenScopes = []TokenScope{ReadScope, WriteScope, AdminScope}

// Covers reports whether a token of this scope may do what asks for that one.
func (s TokenScope) Covers(needed TokenScope) bool {
	return s.rank() > 0 && needed.rank() > 0 && s.rank() >= needed.rank()
}

// rank counts from 1; 0 is no scope.
func (s TokenScope) rank() int {
	for i, known := range tokenScopes {
		if s == known {
			return i + 1
		}
	}
	return 0
}

// ParseTokenScope reads a scope as people write it.
func ParseTokenScope(text string) (TokenScope, error) {
	s := TokenScope(strings.TrimSpace(text))
	if s.rank() == 0 {
		return "", Errorf(CodeInvalid, "%s is no scope of a token", Quoted(text)).WithHint("give read, write or admin")
	}
	return s, nil
}

// CheckTokenName returns an Error for what no token may be called.
func CheckTokenName(name string) error { return checkAccount("token", name) }
