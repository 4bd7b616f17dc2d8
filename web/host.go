package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// doorsOnPage bounds the doors that one page lists; a filter and further pages reach
// the others.
const doorsOnPage = 40

// maxHostAlerts bounds the alerts on a host's page.
const maxHostAlerts = 25

// hostPage is what /hosts/NAME shows.
type hostPage struct {
	portvigil.HostStatus
	Blind      bool // a view is not fresh, or there is none
	Alerts     some[portvigil.Alert]
	Pictures   []picture
	Words      string // what the pictures show
	Doors      []doorRow
	Filter     doorFilter
	Counts     doorCounts
	Pager      pager
	Looking    []portvigil.LookUnderWay
	ToExplain  int // open doors that no entry covers
	HasInside  bool
	HasOutside bool
	Serving    bool // in maintenance now
	Form       form
}

// Value is what a field of the form that edits the host holds.
func (h hostPage) Value(field string) string {
	if h.Form.Name == "edit" {
		return h.Form.Typed("edit", field)
	}
	switch field {
	case "addresses":
		return strings.Join(h.Host.Targets, " ")
	case "groups":
		return strings.Join(h.Host.Groups, " ")
	case "outside":
		return spanWord(h.Host.Outside)
	case "inside":
		return spanWord(h.Host.Inside)
	}
	return ""
}

// spanWord writes a span as the forms take it: 24h, 30m.
func spanWord(d time.Duration) string {
	text := d.String()
	if short, whole := strings.CutSuffix(text, "m0s"); whole {
		text = short + "m"
	}
	if short, whole := strings.CutSuffix(text, "h0m"); whole {
		text = short + "h"
	}
	return text
}

func (p *pages) host(w http.ResponseWriter, r *http.Request) { p.showHost(w, r, http.StatusOK, form{}) }

// showHost shows the host's page with a form that could not be done.
func (p *pages) showHost(w http.ResponseWriter, r *http.Request, status int, f form) {
	s, err := p.engine.Host(r.Context(), r.PathValue("name"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	looking, err := p.engine.UnderWay(r.Context(), r.PathValue("name"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	h := hostPage{HostStatus: s, Blind: blind(s.Views), Looking: looking, Serving: s.Host.InMaintenance(p.now()), Form: f}
	for _, v := range s.Views {
		h.HasInside = h.HasInside || v.View == portvigil.Inside
		h.HasOutside = h.HasOutside || v.View == portvigil.Outside
	}
	alerts := slices.Clone(s.Alerts)
	slices.SortStableFunc(alerts, func(a, b portvigil.Alert) int { return b.Severity.Rank() - a.Severity.Rank() })
	h.Alerts = first(alerts, maxHostAlerts)
	found, _ := foundDoors(s)
	h.ToExplain = len(found)
	p.doorsOf(r, s, &h)
	p.show(w, r, status, "host.html", page{shown(s.Host.Name), h})
}

// doorsOf draws and lists the doors.
func (p *pages) doorsOf(r *http.Request, s portvigil.HostStatus, h *hostPage) {
	doors := shownDoors(s)
	h.Counts, h.Pictures, h.Words = countDoors(doors), pictures(doors), pictureWords(s.Host.Name, doors)
	q := r.URL.Query()
	h.Filter = doorFilter{strings.TrimSpace(cut(q.Get("q"))), q.Get("show")}
	doors = slices.DeleteFunc(doors, func(x *portvigil.Exposure) bool { return !h.Filter.picks(x) })
	u := *r.URL
	u.Path, u.RawPath = hostPath(s.Host.Name), "" // a form of the page may have been sent elsewhere
	doors, h.Pager = paged(doors, doorsOnPage, &u)
	now := p.now()
	for _, x := range doors {
		h.Doors = append(h.Doors, doorRow{x, now})
	}
}
