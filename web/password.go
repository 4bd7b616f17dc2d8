package web

import (
	"net/url"

	"github.com/portvigil/portvigil"
)

// newPassword is the password that a form chooses. A script shows what was typed, so
// that once is enough; without one the form asks twice.
func newPassword(form url.Values) (string, error) {
	password := form.Get("password")
	if form.Has("again") && form.Get("again") != password {
		return "", onField("password", portvigil.Errorf(portvigil.CodeInvalid, "the two passwords are not the same").WithHint("type both again"))
	}
	return password, nil
}
