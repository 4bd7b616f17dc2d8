package web

import (
	"net/http"

	"github.com/portvigil/portvigil"
)

// maxSessions bounds how many sessions a page lists.
const maxSessions = 50

// accountPage is what /account shows.
type accountPage struct {
	Why      string // what was wrong with a form
	Account  portvigil.User
	Sessions some[ownSession]
}

// ofAccount reads the form, for who has an account: a one-time link is nobody's.
func (p *pages) ofAccount(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if sessionUser(r).Name == "" {
			p.fail(w, r, portvigil.Errorf(portvigil.CodeForbidden, "who came by a one-time link has no account").WithHint("sign in with a name and a password"))
			return
		}
		if p.parsed(w, r) {
			next(w, r)
		}
	}
}

func (p *pages) account(w http.ResponseWriter, r *http.Request) {
	p.showAccount(w, r, http.StatusOK, accountPage{})
}

func (p *pages) showAccount(w http.ResponseWriter, r *http.Request, status int, a accountPage) {
	if user := sessionUser(r); user.Name != "" {
		var err error
		if a.Account, err = p.doorkeeper.accounts.User(r.Context(), user.Name); err != nil {
			p.fail(w, r, err)
			return
		}
		a.Sessions = first(p.doorkeeper.sessionsOf(r, user), maxSessions)
	}
	p.show(w, r, status, "account.html", page{"Your account", a})
}

// accountRefused shows the page again, with what was wrong with a form.
func (p *pages) accountRefused(w http.ResponseWriter, r *http.Request, err error) {
	why, status := p.whyKnown(w, r, err)
	p.showAccount(w, r, status, accountPage{Why: why})
}

// accountChanged goes on in a session of the user's next version.
func (p *pages) accountChanged(w http.ResponseWriter, r *http.Request, user portvigil.User, err error, said string) {
	if err != nil {
		p.accountRefused(w, r, err)
		return
	}
	p.doorkeeper.openSaying(w, r, user, said)
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

func (p *pages) changePassword(w http.ResponseWriter, r *http.Request) {
	password, err := newPassword(r.PostForm)
	if err != nil {
		p.accountRefused(w, r, err)
		return
	}
	user, err := p.doorkeeper.accounts.ChangePassword(r.Context(), p.doorkeeper.source(r), sessionUser(r), r.PostForm.Get("former"), password)
	p.accountChanged(w, r, user, err, "Your password is changed. Other sessions of yours are over.")
}

// endSessions ends one session of the user, or all others.
func (p *pages) endSessions(w http.ResponseWriter, r *http.Request) {
	said := "No such session is left."
	if p.doorkeeper.endSessions(r, sessionUser(r), r.PostForm.Get("id")) > 0 {
		said = "It is over. Who has the password can begin another: change it if it was not you."
	}
	p.doorkeeper.say(r, said)
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}
