package web

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// A form that was sent after its session had ended goes through the sign-in, so
// that nothing that was typed is lost:
//
//	form ──401──> sign-in, with the form in hidden fields ──right password──> kept here
//	     <──button: send it── page that shows it <──session──┘  (perhaps with a second factor first)
//
// Before the password is right nothing of it is kept: strangers fill no memory.

// unsent is such a form.
type unsent struct {
	Action string // a path of ours that takes forms
	Fields []field
	until  time.Time
}

// field is one value of a form.
type field struct{ Name, Value string }

// What is kept of forms: few, since each belongs to somebody who just signed in,
// and as long as a session, since some sign in tomorrow.
const (
	unsentLife = sessionLife
	maxUnsent  = 100
	// keptPrefix marks the hidden fields of the form to sign in.
	keptPrefix = "kept-"
	keptAction = keptPrefix + "/" // no field of a form has this name
)

// secretField reports whether a field may hold what nobody else may read: it is
// typed again rather than written into a page.
func secretField(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"password", "former", "again", "secret", "token", "code", "recovery", "proof", "url"}, func(w string) bool { return strings.Contains(name, w) })
}

// unsentOf is the form that a request brings, nil for one that is not kept: too
// large, with nothing typed, or to a path that takes none.
func (p *pages) unsentOf(w http.ResponseWriter, r *http.Request) *unsent {
	r.Body = http.MaxBytesReader(w, r.Body, maxSignIn/2)
	if err := r.ParseForm(); err != nil {
		return nil
	}
	return p.keepable(r.URL.RequestURI(), r.PostForm)
}

// carried is the form that came along in the hidden fields of the sign-in.
func (p *pages) carried(form url.Values) *unsent {
	fields := url.Values{}
	for name, values := range form {
		if name, found := strings.CutPrefix(name, keptPrefix); found && name != "/" {
			fields[name] = values
		}
	}
	return p.keepable(form.Get(keptAction), fields)
}

func (p *pages) keepable(action string, form url.Values) *unsent {
	if action == "" || local(action) != action || !p.takes(http.MethodPost, action) {
		return nil
	}
	u := &unsent{Action: action}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			if !secretField(name) {
				u.Fields = append(u.Fields, field{strings.ToValidUTF8(name, "\ufffd"), strings.ToValidUTF8(value, "\ufffd")})
			}
		}
	}
	return u
}

// takes reports whether a page of ours answers the method at the path.
func (p *pages) takes(method, target string) bool {
	u, err := url.Parse(target)
	if err != nil {
		return false
	}
	_, pattern := p.mux.Handler(&http.Request{Method: method, URL: u, Host: "localhost"})
	return pattern != "" && pattern != "GET /"
}

// onward is where a sign-in leads: to the form that came along, else to what was
// asked for. It is called once the password is right.
func (p *pages) onward(form url.Values) string {
	if u := p.carried(form); u != nil {
		return "/unsent/" + p.doorkeeper.keep(*u)
	}
	return local(form.Get("next"))
}

// keep takes a form, and returns the name that it is found by: one that nobody
// guesses, as the session that will ask for it is not there yet.
func (d *Doorkeeper) keep(u unsent) string {
	name := rand.Text()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget()
	for len(d.unsent) >= maxUnsent {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(d.unsent)), func(a, b string) int { return d.unsent[a].until.Compare(d.unsent[b].until) })
		delete(d.unsent, oldest)
	}
	u.until = d.now().Add(unsentLife)
	d.unsent[name] = u
	return name
}

// kept returns a form by its name.
func (d *Doorkeeper) kept(name string) (unsent, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget()
	u, found := d.unsent[name]
	return u, found
}

// unsentPage is what /unsent/NAME shows.
type unsentPage struct {
	unsent
	Back string // the page that the form stood on
}

// showUnsent shows a form that the end of its session held up, to send it on.
func (p *pages) showUnsent(w http.ResponseWriter, r *http.Request) {
	u, found := p.doorkeeper.kept(r.PathValue("name"))
	if !found {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	p.show(w, r, http.StatusOK, "unsent.html", page{"Not sent yet", unsentPage{u, p.pageOf(u.Action)}})
}

// pageOf is the page that a form stands on: its own path, or the one above it.
func (p *pages) pageOf(action string) string {
	if p.takes(http.MethodGet, action) {
		return action
	}
	action, _, _ = strings.Cut(action, "?")
	if above := path.Dir(action); p.takes(http.MethodGet, above) {
		return above
	}
	return "/"
}

// Shown are the fields that a person typed or chose, as they are read.
func (u unsent) Shown() (list []field) {
	names := map[string]string{"why": "Why", "owner": "Owner", "text": "Comment", "until": "Until", "expires": "Expires", "kind": "Decision", "do": "Decision",
		"id": "Alert", "door": "Door", "name": "Name", "view": "View"}
	for _, f := range u.Fields {
		if f.Value == "" || f.Name == "since" || f.Name == "next" {
			continue
		}
		name, known := names[f.Name]
		if !known {
			name = begun(f.Name)
		}
		list = append(list, field{name, f.Value})
	}
	return list
}
