package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/portvigil/portvigil"
)

// entryField is a field of the form of an entry.
type entryField struct {
	Key, Label, Hint string
	Choices          []string // of a select; "" stands for none of them
	Long             bool     // of more than one line
	Pin              bool
}

var entryFields = []entryField{
	{Key: "port", Label: "Port", Hint: "443, or a range as 30000-30100. A range permits and never requires."},
	{Key: "proto", Label: "Protocol", Choices: []string{"tcp", "udp"}},
	{Key: "address", Label: "Address", Hint: "10.1.0.5 or a network as 10.1.0.0/24. Empty: every address."},
	{Key: "scope", Label: "Scope", Hint: "How far it may be reached. Wider than this is an alert.", Choices: []string{"", "loopback", "private", "public", "any"}},
	{Key: "from", Label: "From", Hint: "Who may see it open: vantages, internet, internal. Empty: every one."},
	{Key: "service", Label: "Service", Hint: "What it is, for people. Never compared."},
	{Key: "why", Label: "Why", Hint: "Why it should be open, in a sentence.", Long: true},
	{Key: "owner", Label: "Owner", Hint: "Who answers for it."},
	{Key: "expires", Label: "Expires", Hint: "The last day that it counts, as 2027-06-30. Empty: no end."},
	{Key: "review", Label: "Review", Hint: "How often people want to look at it, as monthly."},
	{Key: "pin.product", Label: "Product", Pin: true},
	{Key: "pin.version", Label: "Version", Pin: true},
	{Key: "pin.exe", Label: "Executable", Pin: true},
	{Key: "pin.user", Label: "User", Pin: true},
	{Key: "pin.hostkey", Label: "Host key", Pin: true},
	{Key: "pin.certificate", Label: "Certificate", Pin: true},
}

// fieldView is a field as the form shows it.
type fieldView struct {
	entryField
	Value string
	Wrong string // a sentence; "" where nothing is
}

// ID is the field's on the page.
func (f fieldView) ID() string { return "f-" + f.Key }

// entryPage is the form of an entry.
type entryPage struct {
	draft
	K      int // its number in the document; -1 for one that is added
	Target string
	Fields []fieldView
	Pins   []fieldView
	Gone   bool // somebody removed it meanwhile: saving adds it again
}

func (p *pages) entry(w http.ResponseWriter, r *http.Request) {
	d, err := p.draftOf(r, "")
	if err != nil {
		p.fail(w, r, err)
		return
	}
	k, e, err := d.entry(r.FormValue("k"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	typed := e.Field
	if k < 0 { // a door may be named by the link
		typed = func(key string) string {
			if value := r.FormValue(key); value != "" {
				return cut(value)
			}
			return e.Field(key)
		}
	}
	p.showEntry(w, r, http.StatusOK, entryPage{draft: d, K: k}, e, typed, nil)
}

// entry is the base's entry of a number, or the beginning of a new one for "".
func (d *draft) entry(number string) (int, portvigil.Entry, error) {
	if number == "" || number == "-1" {
		return -1, portvigil.Entry{Proto: portvigil.TCP}, nil
	}
	doc, err := d.document()
	k, wrong := strconv.Atoi(number)
	if err == nil && (wrong != nil || k < 0 || k >= len(doc.Entries)) {
		err = portvigil.Errorf(portvigil.CodeNotFound, "the baseline of %s has no such entry", portvigil.Printable(d.Name)).WithHint("go back to its page")
	}
	if err != nil {
		return -1, portvigil.Entry{}, err
	}
	return k, doc.Entries[k], nil
}

func (p *pages) showEntry(w http.ResponseWriter, r *http.Request, status int, e entryPage, written portvigil.Entry, typed func(string) string, wrong map[string]*portvigil.Error) {
	for _, f := range entryFields {
		v := fieldView{entryField: f, Value: typed(f.Key)}
		if err := wrong[f.Key]; err != nil {
			v.Wrong = begun(shown(err.Error())) + "."
		}
		if f.Choices != nil && !slices.Contains(f.Choices, v.Value) {
			v.Choices = append(slices.Clone(f.Choices), v.Value)
		}
		if f.Pin {
			e.Pins = append(e.Pins, v)
		} else {
			e.Fields = append(e.Fields, v)
		}
	}
	title := "Add an entry"
	if e.K >= 0 {
		e.Target = written.Target()
		title = "Change " + e.Target
	}
	p.show(w, r, status, "entry.html", page{title + " of " + shown(e.Name), e})
}

func (p *pages) editEntry(w http.ResponseWriter, r *http.Request) {
	if !p.readForm(w, r) {
		return
	}
	d, err := p.draftOf(r, r.PostForm.Get("version"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	k, written, err := d.entry(r.PostForm.Get("k"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	again := func(status int, e entryPage, wrong map[string]*portvigil.Error) {
		p.showEntry(w, r, status, e, written, r.PostForm.Get, wrong)
	}
	to, wrong := written.Typed(r.PostForm.Get)
	switch {
	case len(wrong) > 0:
		again(http.StatusBadRequest, entryPage{draft: d, K: k}, wrong)
		return
	case r.PostForm.Get("step") == stepEdit:
		again(http.StatusOK, entryPage{draft: d, K: k}, nil)
		return
	}
	text, err := d.withEntry(k, to)
	if err == nil && d.Base.Version != d.Newest.Version && text != d.Newest.Text {
		e := entryPage{K: -1}
		d.outdated()
		e.draft = d
		if k >= 0 {
			e.K = d.place(written)
			e.Gone = e.K < 0
		}
		again(http.StatusConflict, e, nil)
		return
	}
	if err != nil {
		status, f := p.described(r, err)
		d.Form = f
		again(status, entryPage{draft: d, K: k}, nil)
		return
	}
	if r.PostForm.Get("step") != stepSave || d.Folder != "" {
		c := change{draft: d, Title: "Change " + written.Target(), Action: d.Path("entry"), Back: true}
		if k < 0 {
			c.Title = "Add " + to.Target()
		}
		c.Follows = p.followsEntry(r, d, k >= 0, to)
		p.propose(w, r, http.StatusOK, c, text)
		return
	}
	if d.Base.Version != d.Newest.Version { // sent twice: the first has saved it
		p.saved(w, r, draft{subject: d.subject, Base: d.Newest, Review: d.Review}, d.Newest)
		return
	}
	otherwise := "changed " + to.Target()
	if k < 0 {
		otherwise = "added " + to.Target()
	}
	v, err := p.save(r, d, text, otherwise)
	if err == nil && d.Review {
		err = p.noteChange(r, v, k)
	}
	if err != nil {
		status, f := p.described(r, err)
		d.Form = f
		again(status, entryPage{draft: d, K: k}, nil)
		return
	}
	p.saved(w, r, d, v)
}

// withEntry is the base with the k-th entry as it is to be.
func (d *draft) withEntry(k int, to portvigil.Entry) (string, error) {
	if k < 0 {
		text, err := portvigil.AppendEntry([]byte(d.Base.Text), d.Kind, d.Name, to)
		return string(text), err
	}
	text, err := portvigil.ChangeEntry([]byte(d.Base.Text), d.Kind, d.Name, k, to)
	return string(text), err
}

// place finds an entry of an older version in the base, by what it is about; -1
// where it is gone.
func (d *draft) place(e portvigil.Entry) int {
	doc, err := d.document()
	if err != nil {
		return -1
	}
	return slices.IndexFunc(doc.Entries, func(o portvigil.Entry) bool {
		return o.Ports == e.Ports && o.Proto == e.Proto && o.Address == e.Address
	})
}

// noteChange tells the review that is open what became of the entry.
func (p *pages) noteChange(r *http.Request, v portvigil.BaselineVersion, k int) error {
	if k < 0 {
		return nil // one that was added is new, and comes up by itself
	}
	_, err := p.engine.Decide(r.Context(), actor(r), portvigil.ReviewRequest{Kind: v.Kind, Name: v.Name, Version: v.Version, Index: k, Verdict: portvigil.ReviewChange})
	return err
}

// followsEntry says what comes of an entry that is changed or added.
func (p *pages) followsEntry(r *http.Request, d draft, there bool, to portvigil.Entry) (list []string) {
	if to.Expired(p.now()) {
		list = append(list, fmt.Sprintf("It ended on %s, so it covers nothing: what is open there raises an alert.", to.Expires))
	}
	if to.Unexplained() {
		list = append(list, "It has no reason: it is listed as not explained until somebody writes one.")
	}
	hosts, _, err := p.hostsOf(r, d.subject)
	if err != nil || len(hosts) == 0 {
		return list
	}
	switch s := sightOf(to, hosts); {
	case s.Opens() && !there:
		list = append(list, fmt.Sprintf("%s is %s now. An alert about it ends as expected, as far as the entry covers it.", to.Target(), sightWord(s)))
	case !s.Opens() && to.Ports.Single() && !to.Expired(p.now()):
		list = append(list, fmt.Sprintf("%s is not seen open now. Where two complete looks do not find it, that is an alert, too: missing.", to.Target()))
	}
	return list
}

// removal shows what removing an entry would change.
func (p *pages) removal(w http.ResponseWriter, r *http.Request) { p.remove(w, r, "") }

func (p *pages) removeEntry(w http.ResponseWriter, r *http.Request) {
	if p.readForm(w, r) {
		p.remove(w, r, r.PostForm.Get("version"))
	}
}

// remove takes an entry out in the second step, and shows what follows in the first.
func (p *pages) remove(w http.ResponseWriter, r *http.Request, version string) {
	d, err := p.draftOf(r, version)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	number := r.FormValue("k")
	k, e, err := d.entry(number)
	if err == nil && k < 0 {
		err = portvigil.Errorf(portvigil.CodeInvalid, "which entry to remove is not said").WithHint("go back to the baseline's page")
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	status := http.StatusOK
	if d.outdated() {
		status = http.StatusConflict
		if k = d.place(e); k < 0 {
			p.doorkeeper.say(r, "The entry for "+e.Target()+" is gone already.")
			http.Redirect(w, r, d.After(), http.StatusSeeOther)
			return
		}
		r.Form.Set("k", strconv.Itoa(k))
	}
	text, err := portvigil.DropEntry([]byte(d.Base.Text), d.Kind, d.Name, k)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if status == http.StatusOK && r.FormValue("step") == stepSave && isForm(r) && d.Folder == "" {
		v, err := p.save(r, d, string(text), "removed "+e.Target())
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
	c := change{draft: d, Title: "Remove " + e.Target(), Action: d.Path("remove"), Follows: p.followsRemoval(r, d, e)}
	p.propose(w, r, status, c, string(text))
}

// followsRemoval says what comes of an entry that goes.
func (p *pages) followsRemoval(r *http.Request, d draft, e portvigil.Entry) (list []string) {
	hosts, _, err := p.hostsOf(r, d.subject)
	if err != nil {
		return nil
	}
	if d.Kind == "group" {
		list = append(list, fmt.Sprintf("It holds for %s of this group.", plural(len(hosts), "host")))
	}
	switch s := sightOf(e, hosts); {
	case s.Opens():
		return append(list, fmt.Sprintf("%s is %s now. Once the entry is gone, that is not in the baseline: it raises an alert, unless another entry covers it. Shut the door first if you do not want to be told.", e.Target(), sightWord(s)))
	case s == portvigil.SightMissing:
		return append(list, "The alert that it is missing ends.")
	case s == portvigil.SightShut:
		return append(list, "Nothing is open there now. If it opens again, that raises an alert.")
	}
	return append(list, "What is open there now is not known. If something is, it raises an alert.")
}
