package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// alertPage is what /alerts/ID shows.
type alertPage struct {
	Alert   portvigil.Alert
	Rows    some[alertRow]
	Story   []portvigil.AuditEntry
	Can     choices
	Shut    shutting
	Differs []portvigil.Difference // from the baseline, of a changed door
	Entry   *portvigil.Entry       // that covers the door
	Suggest string                 // what the baseline would say
	Think   opinion                // of the door, where somebody has to say whether it belongs there
	Edit    string                 // a patch for the folder that the baseline follows
	Later   string                 // a date to come, for what is accepted
	Form    form
}

// alertRow is one line of an alert that has several.
type alertRow struct {
	portvigil.AlertEndpoint
	// Pick is the door as a form names it, once each; "" for one that needs nothing.
	Pick string
}

func (p *pages) alert(w http.ResponseWriter, r *http.Request) {
	p.showAlert(w, r, http.StatusOK, form{})
}

// Seen is the last step of the story that stands on the page: its forms tell what
// was known to who sends them. It is no time of the page's own, by which its live
// parts would be others each minute, and take the focus from who is in them.
func (b alertPage) Seen() (last time.Time) {
	if n := len(b.Story); n > 0 {
		last = b.Story[n-1].Time
	}
	return last
}

// showAlert shows the alert's page with a form that could not be done.
func (p *pages) showAlert(w http.ResponseWriter, r *http.Request, status int, f form) {
	p.showAlertEdit(w, r, status, f, "")
}

// showAlertEdit shows the alert's page with an edit that somebody has to make.
func (p *pages) showAlertEdit(w http.ResponseWriter, r *http.Request, status int, f form, edit string) {
	a, story, err := p.engine.Alert(r.Context(), r.PathValue("id"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	body := alertPage{Alert: a, Rows: first(rowsOf(&a), maxDoors), Story: story, Can: choicesOf(&a), Shut: shuttingOf(&a),
		Suggest: suggested(&a), Think: thinkOf(&a), Edit: a.Edit, Later: inDays(p.now(), acceptDays), Form: f}
	if edit != "" {
		body.Edit = edit
	}
	if a.Kind == portvigil.Kind(portvigil.Changed) && a.Open() {
		body.compare(p, r)
	}
	p.show(w, r, status, "alert.html", page{shown(a.Text), body})
}

// maxReason is how long a reason may be that is typed here, in characters.
const maxReason = 500

// expecting is the name of the form that says that the door belongs there.
const expecting = "resolve-expected"

// Why is the reason in that form: as it was sent, else that of the entry which
// covers the door already, else the one that is suggested. What would not come back
// from the field as it is is left out: sent, it would take the place of the whole.
func (b alertPage) Why() string {
	switch {
	case b.Form.Failed(expecting):
		return b.Form.Typed(expecting, "why")
	case b.Entry == nil || b.Entry.Why == "":
		return b.Think.Why
	}
	if why := oneLine(b.Entry.Why); len(why) <= maxReason && shown(why) == why {
		return why
	}
	return ""
}

// Suggests reports whether nobody has written the reason that stands in the form.
func (b alertPage) Suggests() bool {
	return !b.Form.Failed(expecting) && b.Think.Why != "" && b.Why() == b.Think.Why
}

// Owner is who stands in the form: as it was sent, else whom the entry names, else
// who reads the page.
func (b alertPage) Owner(reader string) string {
	if b.Form.Failed(expecting) {
		return b.Form.Typed(expecting, "owner")
	}
	if b.Entry != nil && b.Entry.Owner != "" {
		return oneLine(b.Entry.Owner)
	}
	return reader
}

// thinkOf is what we think of the alert's door. Of a hidden one nothing: whatever
// it looks like, it hides.
func thinkOf(a *portvigil.Alert) opinion {
	switch a.Kind {
	case portvigil.Kind(portvigil.UnexpectedExposed), portvigil.Kind(portvigil.UnexpectedListening), portvigil.Kind(portvigil.Changed):
	default:
		return opinion{}
	}
	var scope portvigil.Scope
	if a.Memory.Print != nil {
		scope = a.Memory.Print.Scope
	}
	return opinionOf(portvigil.Door{Proto: a.Proto, Port: a.Port}, a.Service, a.Process, scope, seenOpen(a.Views))
}

// maxDiffers bounds what is listed of a door whose entry has many pins and owners.
const maxDiffers = 20

// compare says how the door differs from its entry. A host that was removed since
// says nothing.
func (b *alertPage) compare(p *pages, r *http.Request) {
	s, err := p.engine.Host(r.Context(), b.Alert.Host)
	if err != nil {
		return
	}
	for i := range s.Exposures {
		e := &s.Exposures[i]
		if e.Proto != b.Alert.Proto || e.Port != b.Alert.Port {
			continue
		}
		if b.Entry == nil {
			b.Entry = e.Entry
		}
		for _, d := range e.Differences {
			if !slices.Contains(b.Differs, d) {
				b.Differs = append(b.Differs, d)
			}
		}
	}
	b.Differs = b.Differs[:min(len(b.Differs), maxDiffers)]
}

// rowsOf are the alert's rows, those that need something first.
func rowsOf(a *portvigil.Alert) []alertRow {
	var rows []alertRow
	seen := map[portvigil.Door]bool{}
	for _, e := range a.Endpoints {
		row, door := alertRow{AlertEndpoint: e}, portvigil.Door{Proto: e.Proto, Port: e.Port}
		if !e.Explained && e.Ports == "" && !seen[door] {
			seen[door] = true
			row.Pick = door.String()
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b alertRow) int { return order(a.Explained) - order(b.Explained) })
	return rows
}

func order(last bool) int {
	if last {
		return 1
	}
	return 0
}

// suggested is what the baseline would say of the alert's door.
func suggested(a *portvigil.Alert) string {
	if a.Port == 0 {
		return ""
	}
	var scope portvigil.Scope
	if a.Memory.Print != nil {
		scope = a.Memory.Print.EntryScope()
	}
	e := portvigil.SuggestEntry(portvigil.Door{Proto: a.Proto, Port: a.Port}, scope, a.Service, a.Process, "", "")
	text := portvigil.Door{Proto: a.Proto, Port: a.Port}.String()
	for _, part := range []struct{ before, what string }{{", scope ", string(e.Scope)}, {", product ", e.Pin.Product}, {", program ", e.Pin.Exe}, {", host key ", e.Pin.HostKey}} {
		if part.what != "" {
			text += part.before + cut(part.what)
		}
	}
	return shown(text)
}

// Draft is what stands in the field for a comment: what was typed there, or why
// somebody decided what cannot be decided any more.
func (b alertPage) Draft() string {
	if b.Form.Why != "" && !b.Can.Offers(b.Form.Name) {
		return b.Form.Typed(b.Form.Name, "why")
	}
	return b.Form.Typed("comment", "text")
}
