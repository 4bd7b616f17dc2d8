package portvigil

import (
	"regexp"
	"time"
)

// User is a person who signs in on the pages with a name and a password.
type User struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Version rises by one with each new password, and when a second factor is
	// turned on or off. What began under another version, a session or an edit, is
	// over.
	Version int64     `json:"version"`
	Added   time.Time `json:"added"`
	By      string    `json:"by"`
	// Changed is when the password was set, SignedIn when it was last used; zero
	// where it never was.
	Changed  time.Time `json:"password_changed"`
	SignedIn time.Time `json:"signed_in,omitzero"`
	Factor   *Factor   `json:"second_factor,omitempty"` // nil: the password alone lets in

	// Password is what is kept of the password: a hash with its salt and its cost,
	// in the PHC string format. It never leaves the server.
	Password string `json:"-"`
}

// account is what users and tokens may be called. Capitals are left out, so that
// no two names differ only in them.
var account = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,63}$`)

// CheckUserName returns an Error for what no user may be called.
func CheckUserName(name string) error { return checkAccount("user", name) }

func checkAccount(what, name string) error {
	if !account.MatchString(name) {
		return Errorf(CodeInvalid, "%s name %s is not usable", what, Quoted(name)).
			WithHint("use small letters, digits, dots, dashes, underscores and @, at most 64, a letter or digit first")
	}
	return nil
}
