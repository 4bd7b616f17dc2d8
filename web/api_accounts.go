package web

import (
	"net/http"
	"time"

	"github.com/portvigil/portvigil"
)

func (a *api) users(r *http.Request) ([]portvigil.User, error) {
	return listed(a.accounts.Users(r.Context()))
}

// NewUser is what adding a user takes, and without a name a new password.
type NewUser struct {
	Name     string `json:"name,omitempty"`
	Password string `json:"password"` // on its way in only
}

func (a *api) addUser(r *http.Request, q NewUser) (portvigil.User, error) {
	return a.accounts.AddUser(r.Context(), by(r), q.Name, q.Password)
}

func (a *api) resetUser(r *http.Request, q NewUser) (portvigil.User, error) {
	return a.accounts.ResetPassword(r.Context(), by(r), r.PathValue("name"), q.Password)
}

func (a *api) resetFactor(r *http.Request) (portvigil.User, error) {
	return a.accounts.ResetFactor(r.Context(), by(r), r.PathValue("name"))
}

func (a *api) removeUser(r *http.Request) (Done, error) {
	return Done{}, a.accounts.RemoveUser(r.Context(), by(r), r.PathValue("name"))
}

func (a *api) tokens(r *http.Request) ([]portvigil.Token, error) {
	return listed(a.accounts.Tokens(r.Context()))
}

// NewToken is what adding a token takes.
type NewToken struct {
	Name    string               `json:"name"`
	Scope   portvigil.TokenScope `json:"scope"`
	Expires time.Time            `json:"expires,omitzero"` // not given: never
}

// MadeToken is a new token with its secret, which is told this once.
type MadeToken struct {
	portvigil.Token
	Secret string `json:"token"` // what is sent as Authorization: Bearer
}

func (a *api) addToken(r *http.Request, q NewToken) (MadeToken, error) {
	t, secret, err := a.accounts.AddToken(r.Context(), by(r), q.Name, q.Scope, q.Expires)
	return MadeToken{t, secret}, err
}

func (a *api) revokeToken(r *http.Request) (Done, error) {
	return Done{}, a.accounts.RevokeToken(r.Context(), by(r), r.PathValue("name"))
}
