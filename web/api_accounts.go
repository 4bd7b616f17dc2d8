package web

import (
	"net/http"
	"time"

	"github.com/portvigil/portvigil"
)

func (a *api) users(_ http.ResponseWriter, r *http.Request) (any, error) {
	return listed(a.accounts.Users(r.Context()))
}

// NewUser is what adding a user takes, and without a name a new password.
type NewUser struct {
	Name     string `json:"name,omitempty"`
	Password string `json:"password"` // on its way in only
}

func (a *api) addUser(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q NewUser
	if err := read(r, &q); err != nil {
		return nil, err
	}
	return a.accounts.AddUser(r.Context(), by(r), q.Name, q.Password)
}

func (a *api) resetUser(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q NewUser
	if err := read(r, &q); err != nil {
		return nil, err
	}
	return a.accounts.ResetPassword(r.Context(), by(r), r.PathValue("name"), q.Password)
}

func (a *api) resetFactor(_ http.ResponseWriter, r *http.Request) (any, error) {
	return a.accounts.ResetFactor(r.Context(), by(r), r.PathValue("name"))
}

func (a *api) removeUser(_ http.ResponseWriter, r *http.Request) (any, error) {
	return struct{}{}, a.accounts.RemoveUser(r.Context(), by(r), r.PathValue("name"))
}

func (a *api) tokens(_ http.ResponseWriter, r *http.Request) (any, error) {
	return listed(a.accounts.Tokens(r.Context()))
}

// NewToken is what adding a token takes.
type NewToken struct {
	Name    string               `json:"name"`
	Scope   portvigil.TokenScope `json:"scope"`
	Expires time.Time            `json:"expires,omitzero"`
}

// MadeToken is a new token with its secret, which is told this once.
type MadeToken struct {
	portvigil.Token
	Secret string `json:"token"`
}

func (a *api) addToken(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q NewToken
	if err := read(r, &q); err != nil {
		return nil, err
	}
	t, secret, err := a.accounts.AddToken(r.Context(), by(r), q.Name, q.Scope, q.Expires)
	return MadeToken{t, secret}, err
}

func (a *api) revokeToken(_ http.ResponseWriter, r *http.Request) (any, error) {
	return struct{}{}, a.accounts.RevokeToken(r.Context(), by(r), r.PathValue("name"))
}
