package web

import (
	"errors"
	"net/http"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
)

// codePage is what the form for a code shows.
type codePage struct {
	Why  string
	Next string // where the sign-in leads: it goes along, for a code that comes too late
}

// askCode shows the form for a code to who has shown the right password.
func (p *pages) askCode(w http.ResponseWriter, r *http.Request) {
	h, found := p.doorkeeper.halfOf(r)
	if !found {
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
		return
	}
	p.show(w, r, http.StatusOK, "code.html", page{"Second factor", codePage{Next: h.next}})
}

// takeCode takes the form. A wrong code can be typed again; what is over begins
// with the password.
func (p *pages) takeCode(w http.ResponseWriter, r *http.Request) {
	if !p.parsed(w, r) {
		return
	}
	h, found := p.doorkeeper.halfOf(r)
	if !found {
		p.notIn(w, r, portvigil.Errorf(portvigil.CodeUnauthorized, "the code came too late after the password").WithHint("sign in again"),
			signInPage{Next: local(r.PostForm.Get("next"))})
		return
	}
	user, err := p.doorkeeper.accounts.Finish(r.Context(), p.doorkeeper.source(r), h.Half, r.PostForm.Get("code"))
	switch {
	case portvigil.ErrorCode(err) == portvigil.CodeConflict:
		p.doorkeeper.closeHalf(w, r)
		p.notIn(w, r, err, signInPage{Next: h.next})
		return
	case err != nil:
		why, status := p.why(w, r, err)
		p.show(w, r, status, "code.html", page{"Second factor", codePage{why, h.next}})
		return
	}
	p.doorkeeper.closeHalf(w, r)
	p.doorkeeper.open(w, r, user)
	http.Redirect(w, r, h.next, http.StatusSeeOther)
}

// parsed reads a form, and answers where it is none.
func (p *pages) parsed(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxSignIn)
	if err := r.ParseForm(); err != nil {
		p.fail(w, r, portvigil.Errorf(portvigil.CodeInvalid, "the form is not as expected"))
		return false
	}
	return true
}

// why is an error as a form shows it, and its status.
func (p *pages) why(w http.ResponseWriter, r *http.Request, err error) (string, int) {
	var slower *account.Slower
	if errors.As(err, &slower) {
		err = tooMany(w, slower)
	}
	body := Describe(err)
	logInternal(p.log, r, body, err)
	return begun(body.sentence()) + ".", statusOf(body.Code)
}

// whyKnown is why for who has a session: who asks is known, whatever else is not.
func (p *pages) whyKnown(w http.ResponseWriter, r *http.Request, err error) (string, int) {
	why, status := p.why(w, r, err)
	if status == http.StatusUnauthorized {
		status = http.StatusForbidden
	}
	return why, status
}

// enrolPage is what a second factor that is to be turned on shows.
type enrolPage struct {
	Why    string
	Secret string // "" where it was shown before: it is shown once
	QR     qrCode
}

// beginFactor makes a secret and shows it, for who knows the password.
func (p *pages) beginFactor(w http.ResponseWriter, r *http.Request) {
	enrolment, err := p.doorkeeper.accounts.BeginFactor(r.Context(), p.doorkeeper.source(r), sessionUser(r), r.PostForm.Get("password"))
	if err != nil {
		p.accountRefused(w, r, err)
		return
	}
	code, err := qrOf(enrolment.URL)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "enrol.html", page{"Turn on the second factor", enrolPage{Secret: enrolment.Secret, QR: code}})
}

// confirmFactor turns it on with the first right code.
func (p *pages) confirmFactor(w http.ResponseWriter, r *http.Request) {
	user, codes, err := p.doorkeeper.accounts.ConfirmFactor(r.Context(), p.doorkeeper.source(r), sessionUser(r), r.PostForm.Get("code"))
	switch {
	case portvigil.ErrorCode(err) == portvigil.CodeConflict:
		p.accountRefused(w, r, err)
		return
	case err != nil:
		why, status := p.whyKnown(w, r, err)
		p.show(w, r, status, "enrol.html", page{"Turn on the second factor", enrolPage{Why: why}})
		return
	}
	p.doorkeeper.open(w, r, user)
	p.show(w, r, http.StatusOK, "recovery.html", page{"Recovery codes", codes})
}

// renewRecovery shows new recovery codes.
func (p *pages) renewRecovery(w http.ResponseWriter, r *http.Request) {
	user, codes, err := p.doorkeeper.accounts.RenewRecovery(r.Context(), p.doorkeeper.source(r), sessionUser(r), r.PostForm.Get("proof"))
	if err != nil {
		p.accountRefused(w, r, err)
		return
	}
	p.doorkeeper.open(w, r, user)
	p.show(w, r, http.StatusOK, "recovery.html", page{"Recovery codes", codes})
}

// endFactor turns it off.
func (p *pages) endFactor(w http.ResponseWriter, r *http.Request) {
	user, err := p.doorkeeper.accounts.EndFactor(r.Context(), p.doorkeeper.source(r), sessionUser(r), r.PostForm.Get("proof"))
	p.accountChanged(w, r, user, err, "The second factor is off. Other sessions of yours are over.")
}
