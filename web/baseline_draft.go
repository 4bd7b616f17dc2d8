package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/portvigil/portvigil"
)

// An edit of a document goes in two steps, which need no script: "check" shows
// what would change, "save" makes it the next version.
//
//	form ──check──> what changes ──save──> the document's page
//	  ^               │    ^                   │ somebody was faster
//	  └─────edit──────┘    └── or the form, with what was typed, the difference to
//	                           what is there now, and the newest version beneath
const (
	stepEdit = "edit" // back to the form
	stepSave = "save"
)

// draft is a document on its way from one version to the next.
type draft struct {
	subject
	Base   portvigil.BaselineVersion // that somebody edits
	Newest portvigil.BaselineVersion
	Folder string // that the baseline follows, "" for none
	// Beside tells what somebody else changed after Base; nil for nothing.
	Beside *beside
	Form   form
	Review bool // whether it began at the review, and leads back there
}

// beside is what is there now instead of the version that was edited.
type beside struct {
	portvigil.BaselineVersion
	From int // the version that was edited
	Diff some[diffLine]
}

// draftOf begins with the version that a form was about, and with the newest where
// there is no form yet.
func (p *pages) draftOf(r *http.Request, version string) (draft, error) {
	d := draft{subject: subjectOf(r), Folder: p.engine.BaselineFolder(), Review: r.FormValue("review") != ""}
	versions, err := p.engine.DocumentVersions(r.Context(), d.Kind, d.Name)
	if err != nil {
		return d, err
	}
	if len(versions) == 0 {
		// What is not written yet can be begun: of a group, and of a host before it is added.
		if d.Newest, err = p.engine.Document(r.Context(), d.Kind, d.Name); err != nil && portvigil.ErrorCode(err) != portvigil.CodeNotFound {
			return d, err
		}
		d.Newest.Kind, d.Newest.Name = d.Kind, d.Name
	} else {
		d.Newest = versions[len(versions)-1]
	}
	d.Base = d.Newest
	if version == "" {
		return d, nil
	}
	n, err := strconv.Atoi(version)
	switch {
	case err != nil || n < 0 || n > len(versions):
		return d, portvigil.Errorf(portvigil.CodeNotFound, "the baseline of %s has no such version", portvigil.Printable(d.Name)).WithHint("begin again from its page")
	case n == 0:
		d.Base = portvigil.BaselineVersion{Kind: d.Kind, Name: d.Name}
	default:
		d.Base = versions[n-1]
	}
	return d, nil
}

// outdated notes what somebody else changed, and takes their version as the one to
// go on from. It reports whether somebody did.
func (d *draft) outdated() bool {
	if d.Base.Version == d.Newest.Version {
		return false
	}
	d.Beside = &beside{d.Newest, d.Base.Version, difference(d.Base.Text, d.Newest.Text)}
	d.Base = d.Newest
	return true
}

// document is the base as it is read; without entries where there is no text yet.
func (d *draft) document() (portvigil.Document, error) {
	if d.Base.Version == 0 {
		return portvigil.Document{}, nil
	}
	return portvigil.ReadDocument(d.Kind, d.Name, []byte(d.Base.Text))
}

// After is where to go when the edit is done, or left.
func (d draft) After() string {
	if d.Review {
		return "/review"
	}
	return d.Path()
}

// hidden is a field that the second step brings along.
type hidden struct{ Name, Value string }

// change is what /baseline/NAME/… shows before anything is saved.
type change struct {
	draft
	Title   string
	Action  string // where the form goes
	Fields  []hidden
	Diff    some[diffLine]
	Same    bool     // nothing would change
	Follows []string // sentences: what comes of it
	Patch   string   // the edit to make in the folder
	Back    bool     // there is a form to go back to
	Why     string
}

// typedFields are what a form sent, but for which step it was.
func typedFields(typed url.Values, version int) (list []hidden) {
	for name, values := range typed {
		if name == "step" || name == "version" || name == "reason" {
			continue
		}
		for _, v := range values {
			list = append(list, hidden{name, v})
		}
	}
	slices.SortStableFunc(list, func(a, b hidden) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return append(list, hidden{"version", strconv.Itoa(version)})
}

// propose shows what the text would change, and asks whether to save it.
func (p *pages) propose(w http.ResponseWriter, r *http.Request, status int, c change, text string) {
	c.Diff, c.Same = difference(c.Base.Text, text), c.Base.Text == text
	c.Fields, c.Why = typedFields(r.Form, c.Base.Version), r.FormValue("reason")
	c.Fields = slices.DeleteFunc(c.Fields, func(h hidden) bool { return h.Name == "kind" })
	if c.Folder != "" && !c.Same {
		v, err := p.engine.WriteDocument(r.Context(), actor(r), portvigil.BaselineVersion{Kind: c.Kind, Name: c.Name, Version: c.Base.Version, Text: text})
		if err != nil {
			p.fail(w, r, err)
			return
		}
		c.Patch = v.Edit
	}
	p.show(w, r, status, "change.html", page{c.Title, c})
}

// save makes the text the next version, with the reason that was typed.
func (p *pages) save(r *http.Request, d draft, text, otherwise string) (portvigil.BaselineVersion, error) {
	why := r.FormValue("reason")
	if why == "" {
		why = otherwise
	}
	return p.engine.WriteDocument(r.Context(), actor(r), portvigil.BaselineVersion{Kind: d.Kind, Name: d.Name, Version: d.Base.Version,
		Text: text, Why: portvigil.Printable(cut(why))})
}

// saved leads on from a version that was made.
func (p *pages) saved(w http.ResponseWriter, r *http.Request, d draft, v portvigil.BaselineVersion) {
	said := "Saved as version " + strconv.Itoa(v.Version) + "."
	if v.Version == d.Base.Version {
		said = "It is saved already: nothing has changed."
	}
	p.doorkeeper.say(r, said)
	http.Redirect(w, r, d.After(), http.StatusSeeOther)
}

// readForm bounds and reads what a form sent.
func (p *pages) readForm(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxBaselineForm)
	if err := r.ParseForm(); err != nil {
		p.fail(w, r, portvigil.Errorf(portvigil.CodeInvalid, "the form is not as expected, or longer than %d MiB", maxBaselineForm>>20).
			WithHint("a long baseline is written by: portvigil baseline import FILE"))
		return false
	}
	return true
}

// maxBaselineForm bounds a document that is typed, in bytes. Escaping makes what a
// browser sends up to three times as long.
const maxBaselineForm = 4 << 20

// placed is an error with its place in a text.
type placed struct {
	Line, Column int // 0 where it has none
	What         string
	Text         string // the line itself
}

// described is an edit that could not be made, as its form is shown again.
func (p *pages) described(r *http.Request, err error) (int, form) {
	body := Describe(err)
	logInternal(p.log, r, body, err)
	return statusOf(body.Code), form{Name: "edit", Why: begun(shown(body.sentence())) + ".", typed: r.PostForm}
}
