package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// actsOnPage is how many acts a page lists, and latestPage bounds how far a path
// leads back: no reader turns that many pages.
const (
	actsOnPage = 100
	latestPage = 10_000
)

// auditPage is what /audit shows.
type auditPage struct {
	Acts             []actLine
	Total            int
	From, To         int // which of them, from 1 on
	Who, What, Since string
	Why              string // what of the filter was not understood; "" for nothing
	Newer, Older     string // paths; "" for none
}

// Filtered reports whether something is left out.
func (a auditPage) Filtered() bool { return a.Who != "" || a.What != "" || a.Since != "" }

// actLine is an act with where its subject is shown; "" where nowhere.
type actLine struct {
	portvigil.Act
	Link string
}

// people is the choice of what people did, the program's own acts left out.
const people = "people"

func (p *pages) audit(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	body := auditPage{Who: cut(strings.TrimSpace(q.Get("who"))), What: q.Get("what"), Since: strings.TrimSpace(q.Get("since"))}
	f := portvigil.ActFilter{By: body.Who, Limit: actsOnPage}
	switch body.What {
	case people:
		f.People = true
	case string(portvigil.OfAlerts), string(portvigil.OfChanges):
		f.Of = portvigil.ActsOf(body.What)
	default:
		body.What = ""
	}
	if body.Since != "" {
		day, err := time.Parse(time.DateOnly, body.Since)
		if err != nil {
			body.Since, body.Why = "", "The date was not understood: write it as "+p.now().UTC().Format(time.DateOnly)+"."
		}
		f.Since = day
	}
	number, err := strconv.Atoi(q.Get("page"))
	if err != nil || number < 1 || number > latestPage {
		number = 1
	}
	f.Offset = (number - 1) * actsOnPage
	acts, total, err := p.engine.Audit(r.Context(), f)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	body.Total, body.From, body.To = total, f.Offset+1, f.Offset+len(acts)
	for _, a := range acts {
		body.Acts = append(body.Acts, actLine{a, subjectPath(a.Subject)})
	}
	if number > 1 {
		body.Newer = body.path(number - 1)
	}
	if body.To < total && len(acts) > 0 {
		body.Older = body.path(number + 1)
	}
	p.show(w, r, http.StatusOK, "audit.html", page{"Audit", body})
}

// path leads to another page of the same list.
func (a auditPage) path(number int) string {
	q := url.Values{}
	for name, value := range map[string]string{"who": a.Who, "what": a.What, "since": a.Since} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if number > 1 {
		q.Set("page", strconv.Itoa(number))
	}
	if len(q) == 0 {
		return "/audit"
	}
	return "/audit?" + q.Encode()
}

// subjectPath is where what an act was about is shown.
func subjectPath(s portvigil.Subject) string {
	switch s.Kind {
	case "alert":
		return alertPath(s.Name)
	case "host":
		return hostPath(s.Name)
	case "network":
		return "/scope"
	case "channel":
		return "/channels"
	case "baseline":
		return "/baseline"
	case "user":
		return "/users"
	case "token":
		return "/tokens"
	}
	return ""
}
