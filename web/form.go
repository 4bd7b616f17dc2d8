package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/portvigil/portvigil"
)

// maxForm bounds what a form sends, in bytes: a baseline as text is the longest.
const maxForm = 1 << 20

// form is one that could not be done, as it is shown again: nothing that was
// typed is lost. The zero value is a form that nobody has sent.
type form struct {
	Name  string // of the form, on a page that has several
	Why   string // a sentence
	Field string // that the sentence is about; "" for the form as a whole
	typed url.Values
}

// Typed is what somebody typed into a field of the form, "" where it was another.
func (f form) Typed(name, field string) string {
	if f.Name != name {
		return ""
	}
	return f.typed.Get(field)
}

// Has reports whether a value of a field with several was chosen.
func (f form) Has(name, field, value string) bool {
	if f.Name != name {
		return false
	}
	for _, v := range f.typed[field] {
		if v == value {
			return true
		}
	}
	return false
}

// Wrong says what is the matter with a field of the form, "" for nothing.
func (f form) Wrong(name, field string) string {
	if f.Name != name || f.Field != field {
		return ""
	}
	return f.Why
}

// Failed reports whether this is the form that could not be done.
func (f form) Failed(name string) bool { return f.Why != "" && f.Name == name }

// fieldError is a failure that one field of a form is the reason of.
type fieldError struct {
	error
	field string
}

func (e *fieldError) Unwrap() error { return e.error }

// onField says which field an error is about; nil stays nil.
func onField(field string, err error) error {
	if err == nil {
		return nil
	}
	return &fieldError{err, field}
}

// done is what a form led to: a sentence, and where to go on.
type done struct {
	said string
	next string // a path of ours; "" for where the form says
	// instead answers with a page of its own, where what was done has to be shown
	// rather than said.
	instead func()
}

// act does what a form asks for. What was done is said on the page that follows;
// what cannot be done is said where the form stands, by again.
func (p *pages) act(w http.ResponseWriter, r *http.Request, name string, do func() (done, error), again func(status int, f form)) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		p.fail(w, r, portvigil.Errorf(portvigil.CodeInvalid, "the form is not as expected"))
		return
	}
	d, err := do()
	if err != nil {
		body := Describe(err)
		logInternal(p.log, r, body, err)
		f := form{Name: name, Why: begun(shown(body.sentence())) + ".", typed: r.PostForm}
		var about *fieldError
		if errors.As(err, &about) {
			f.Field = about.field
		}
		again(statusOf(body.Code), f)
		return
	}
	if d.instead != nil {
		d.instead()
		return
	}
	if d.next == "" {
		d.next = local(r.PostForm.Get("next"))
	}
	p.doorkeeper.say(r, d.said)
	http.Redirect(w, r, d.next, http.StatusSeeOther)
}
