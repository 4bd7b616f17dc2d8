package web

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/portvigil/portvigil"
)

// maxVersions bounds the versions on one page.
const maxVersions = 500

// versionsPage is the versions of a document, and what differs between two.
type versionsPage struct {
	subject
	Versions some[portvigil.BaselineVersion] // the newest first
	From, To int                             // that are compared
	Diff     some[diffLine]
	Folder   string
}

func (p *pages) versions(w http.ResponseWriter, r *http.Request) {
	s := subjectOf(r)
	list, err := p.engine.DocumentVersions(r.Context(), s.Kind, s.Name)
	if err == nil && len(list) == 0 {
		err = portvigil.Errorf(portvigil.CodeNotFound, "nothing was written down for %s %s yet", s.Kind, portvigil.Printable(s.Name))
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	v := versionsPage{subject: s, Folder: p.engine.BaselineFolder()}
	v.To = numberOr(r.FormValue("to"), len(list))
	v.From = numberOr(r.FormValue("from"), v.To-1)
	if v.From < 0 || v.To < 0 || v.From > len(list) || v.To > len(list) {
		p.fail(w, r, portvigil.Errorf(portvigil.CodeNotFound, "there are versions 1 to %d", len(list)))
		return
	}
	v.Diff = difference(textOf(list, v.From), textOf(list, v.To))
	slices.Reverse(list)
	v.Versions = first(list, maxVersions)
	p.show(w, r, http.StatusOK, "versions.html", page{"Versions of the baseline of " + shown(s.Name), v})
}

func numberOr(text string, otherwise int) int {
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// textOf is the text of a version, the first of which is 1; "" for 0.
func textOf(list []portvigil.BaselineVersion, n int) string {
	if n == 0 {
		return ""
	}
	return list[n-1].Text
}

func (p *pages) restoration(w http.ResponseWriter, r *http.Request) { p.restore(w, r, "") }

func (p *pages) restoreVersion(w http.ResponseWriter, r *http.Request) {
	if p.readForm(w, r) {
		p.restore(w, r, r.PostForm.Get("version"))
	}
}

// restore makes an old version the newest in the second step, and shows what that
// changes in the first.
func (p *pages) restore(w http.ResponseWriter, r *http.Request, version string) {
	d, err := p.draftOf(r, version)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	old, err := p.draftOf(r, r.FormValue("of"))
	if err == nil && old.Base.Version == 0 {
		err = portvigil.Errorf(portvigil.CodeNotFound, "there is no such version").WithHint("choose one from the list of versions")
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	status := http.StatusOK
	if old.Base.Text != d.Newest.Text && d.outdated() {
		status = http.StatusConflict
	}
	if status == http.StatusOK && r.FormValue("step") == stepSave && isForm(r) && d.Folder == "" {
		if d.Base.Version != d.Newest.Version {
			p.saved(w, r, draft{subject: d.subject, Base: d.Newest}, d.Newest)
			return
		}
		v, err := p.save(r, d, old.Base.Text, "restored version "+strconv.Itoa(old.Base.Version))
		if err == nil {
			p.saved(w, r, d, v)
			return
		}
		if portvigil.ErrorCode(err) != portvigil.CodeConflict {
			p.fail(w, r, err)
			return
		}
		status, d.Form = p.described(r, err)
	}
	c := change{draft: d, Title: "Restore version " + strconv.Itoa(old.Base.Version), Action: d.Path("restore"),
		Follows: []string{"It becomes the newest version; those between stay in the list. What is open and not in it raises alerts."}}
	p.propose(w, r, status, c, old.Base.Text)
}
