package web

import (
	"net/http"
	"net/url"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
)

// usersPage is what /users shows.
type usersPage struct {
	Users []portvigil.User
	Self  string // who reads it; "" for who came by a link
	Form  form
}

// Last reports whether nobody could sign in without that user.
func (u usersPage) Last() bool { return len(u.Users) == 1 }

func (p *pages) users(w http.ResponseWriter, r *http.Request) {
	p.showUsers(w, r, http.StatusOK, form{})
}

func (p *pages) showUsers(w http.ResponseWriter, r *http.Request, status int, f form) {
	users, err := p.doorkeeper.accounts.Users(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, status, "users.html", page{"Users", usersPage{users, userOf(r), f}})
}

// passwordFor is the password that a form chooses for somebody else.
func passwordFor(name string, form url.Values) (string, error) {
	password, err := newPassword(form)
	if err != nil {
		return "", err
	}
	return password, onField("password", account.CheckPassword(name, password))
}

func (p *pages) addUser(w http.ResponseWriter, r *http.Request) {
	p.act(w, r, "user", func() (done, error) {
		name := r.PostForm.Get("name")
		if err := portvigil.CheckUserName(name); err != nil {
			return done{}, onField("name", err)
		}
		password, err := passwordFor(name, r.PostForm)
		if err != nil {
			return done{}, err
		}
		_, err = p.doorkeeper.accounts.AddUser(r.Context(), actor(r), name, password)
		if portvigil.ErrorCode(err) == portvigil.CodeConflict {
			err = onField("name", err)
		}
		return done{said: name + " can sign in now. Tell them the password on a safe way, and to change it under Your account.", next: "/users"}, err
	}, func(status int, f form) { p.showUsers(w, r, status, f) })
}

// ofOther does what is done to another's account: one's own has a page that asks for
// the password first, so that an open browser is not enough.
func (p *pages) ofOther(w http.ResponseWriter, r *http.Request, what string, do func(name string) (said string, err error)) {
	name := r.PathValue("name")
	p.act(w, r, rowForm(what, name), func() (done, error) {
		if name == userOf(r) {
			return done{}, portvigil.Errorf(portvigil.CodeForbidden, "this is you").WithHint("use Your account, which asks for your password first")
		}
		said, err := do(name)
		return done{said: said, next: "/users"}, err
	}, func(status int, f form) { p.showUsers(w, r, status, f) })
}

func (p *pages) resetUser(w http.ResponseWriter, r *http.Request) {
	p.ofOther(w, r, "password", func(name string) (string, error) {
		password, err := passwordFor(name, r.PostForm)
		if err != nil {
			return "", err
		}
		_, err = p.doorkeeper.accounts.ResetPassword(r.Context(), actor(r), name, password)
		return shown(name) + " has the new password. Sessions begun with the former one are over.", err
	})
}

func (p *pages) resetFactor(w http.ResponseWriter, r *http.Request) {
	p.ofOther(w, r, "factor", func(name string) (string, error) {
		_, err := p.doorkeeper.accounts.ResetFactor(r.Context(), actor(r), name)
		return "The second factor of " + shown(name) + " is off: the password alone lets in until they turn it on again.", err
	})
}

// removeUser asks whether it is meant, where it locks out who asks or everybody.
func (p *pages) removeUser(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	p.act(w, r, rowForm("remove", name), func() (done, error) {
		users, err := p.doorkeeper.accounts.Users(r.Context())
		if err != nil {
			return done{}, err
		}
		sure := r.PostForm.Get("sure") == "yes"
		switch {
		case name == userOf(r) && !sure:
			return done{}, onField("sure", portvigil.Errorf(portvigil.CodeConflict, "this is you").WithHint("tick that you mean it: you are signed out at once"))
		case len(users) == 1 && users[0].Name == name && !sure:
			return done{}, onField("sure", portvigil.Errorf(portvigil.CodeConflict, "this is the last user").
				WithHint("tick that you mean it: only a link made on the server's machine lets in then"))
		}
		return done{said: shown(name) + " is removed, and signed out everywhere.", next: "/users"}, p.doorkeeper.accounts.RemoveUser(r.Context(), actor(r), name)
	}, func(status int, f form) { p.showUsers(w, r, status, f) })
}
