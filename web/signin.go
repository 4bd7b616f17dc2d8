package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
)

// maxSignIn bounds the forms of strangers, in bytes: a name, two passwords and a
// path, and what somebody typed before the session ended.
const maxSignIn = 64 << 10

// signInPage is what the form to sign in shows.
type signInPage struct {
	Why  string
	Name string
	Next string // where it leads, a path of ours
	// Kept is a form that was sent when the session had ended; nil for none.
	Kept *unsent
	Lost bool // such a form came, and cannot be kept
}

// local returns the path if it is one of ours, else the overview's: a form that
// leads elsewhere would lend our name to somebody else's page.
func local(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") ||
		strings.ContainsAny(path, "\\\r\n\t") || strings.HasPrefix(path, "/enter") || strings.HasPrefix(path, "/sign-") {
		return "/"
	}
	return path
}

func (p *pages) askWho(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "signin.html", page{"Sign in", signInPage{Why: "Sign in", Next: "/"}})
}

// signIn takes the form. What was wrong with it is not told.
func (p *pages) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxSignIn)
	if err := r.ParseForm(); err != nil {
		p.fail(w, r, portvigil.Errorf(portvigil.CodeInvalid, "the form is not as expected"))
		return
	}
	name := r.PostForm.Get("name")
	user, err := p.doorkeeper.accounts.SignIn(r.Context(), p.doorkeeper.source(r), name, r.PostForm.Get("password"))
	var half *account.Half
	if errors.As(err, &half) {
		p.doorkeeper.openHalf(w, r, half, p.onward(r.PostForm))
		http.Redirect(w, r, "/sign-in/code", http.StatusSeeOther)
		return
	}
	if err != nil {
		p.notIn(w, r, err, signInPage{Name: name, Next: local(r.PostForm.Get("next")), Kept: p.carried(r.PostForm)})
		return
	}
	p.doorkeeper.open(w, r, user)
	http.Redirect(w, r, p.onward(r.PostForm), http.StatusSeeOther)
}

// notIn shows the form again, with why.
func (p *pages) notIn(w http.ResponseWriter, r *http.Request, err error, form signInPage) {
	var slower *account.Slower
	if errors.As(err, &slower) {
		err = tooMany(w, slower)
	}
	body := Describe(err)
	logInternal(p.log, r, body, err)
	form.Why = begun(body.sentence()) + "."
	p.show(w, r, statusOf(body.Code), "signin.html", page{"Sign in", form})
}

func (p *pages) signOut(w http.ResponseWriter, r *http.Request) {
	p.doorkeeper.close(w, r)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}
