package web

import (
	"net/http"
	"time"

	"github.com/portvigil/portvigil"
)

// alertsPage is what /alerts shows.
type alertsPage struct {
	Query      alertQuery
	Here       string // the address of this list
	Tabs       []tab
	Severities []tab
	Orders     []tab
	Kinds      []portvigil.KindInfo
	Alerts     []portvigil.Alert
	Total      int
	From, To   int    // which of them stand on this page, from 1
	Newer      string // the page before this one; "" for none
	Older      string
	Many       string // the same list with more on a page
	Plain      string // the tab without what narrows it
	Later      string // a date to come, for what is accepted
	Form       form
	Failed     []undone
}

// tab is a link that chooses a part of the list.
type tab struct {
	Title string
	Count int
	Path  string
	Here  bool
}

func (p *pages) alerts(w http.ResponseWriter, r *http.Request) {
	p.showAlerts(w, r, http.StatusOK, form{}, nil)
}

// showAlerts shows the list with a form that could not be done, or only for some.
func (p *pages) showAlerts(w http.ResponseWriter, r *http.Request, status int, f form, failed []undone) {
	q := alertQueryOf(r.URL.Query())
	list, total, err := p.engine.AlertsWhere(r.Context(), q.filter())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if last := (total-1)/q.per() + 1; len(list) == 0 && total > 0 && q.Page > last {
		q.Page = last // alerts went while somebody leafed through them
		if list, total, err = p.engine.AlertsWhere(r.Context(), q.filter()); err != nil {
			p.fail(w, r, err)
			return
		}
	}
	counts, err := p.engine.AlertCounts(r.Context(), q.all())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	body := alertsPage{Query: q, Here: q.path(), Alerts: list, Total: total, Kinds: alertKinds(), Form: f, Failed: failed,
		From: (q.Page-1)*q.per() + 1, To: (q.Page-1)*q.per() + len(list), Later: inDays(p.now(), acceptDays),
		Plain: alertQuery{Tab: q.Tab, Page: 1, Order: usualOrder(q.Tab)}.path()}
	body.tabs(q, counts)
	if q.Page > 1 {
		body.Newer = q.with(func(o *alertQuery) { o.Page = q.Page - 1 })
	}
	if body.To < total {
		body.Older = q.with(func(o *alertQuery) { o.Page = q.Page + 1 })
	}
	if total > alertsPerPage && !q.Many {
		body.Many = q.with(func(o *alertQuery) { o.Many = true })
	}
	p.show(w, r, status, "alerts.html", page{"Alerts", body})
}

// tabs makes the links that choose by state, severity and order.
func (b *alertsPage) tabs(q alertQuery, counts []portvigil.AlertCount) {
	bySeverity := map[string]int{}
	inTab := 0
	for _, t := range []struct{ tab, title string }{{tabOpen, "Open"}, {tabNote, "To be noted"}, {tabResolved, "Resolved"}, {tabAll, "All"}} {
		n := 0
		for _, c := range counts {
			if !holds(t.tab, c) {
				continue
			}
			if t.tab == q.Tab {
				bySeverity[string(c.Severity)] += c.Count
				inTab += c.Count
			}
			if q.Severity == "" || q.Severity == string(c.Severity) {
				n += c.Count
			}
		}
		narrow := q
		narrow.Tab, narrow.Page, narrow.Order = t.tab, 1, usualOrder(t.tab)
		b.Tabs = append(b.Tabs, tab{t.title, n, narrow.path(), t.tab == q.Tab})
	}
	b.Severities = append(b.Severities, tab{"Any severity", inTab, q.with(func(o *alertQuery) { o.Severity = "" }), q.Severity == ""})
	for _, s := range []portvigil.Severity{portvigil.Critical, portvigil.High, portvigil.Medium, portvigil.Low} {
		if name := string(s); bySeverity[name] > 0 || q.Severity == name {
			b.Severities = append(b.Severities, tab{begun(name), bySeverity[name], q.with(func(o *alertQuery) { o.Severity = name }), q.Severity == name})
		}
	}
	for _, o := range []struct {
		order portvigil.AlertOrder
		title string
	}{{portvigil.BySeverity, "worst first"}, {portvigil.ByChanged, "last changed first"}, {portvigil.ByOpened, "last opened first"}} {
		b.Orders = append(b.Orders, tab{Title: o.title, Path: q.with(func(other *alertQuery) { other.Order = o.order }), Here: q.Order == o.order})
	}
}

// alertKinds are the kinds that an alert can have.
func alertKinds() (list []portvigil.KindInfo) {
	for _, info := range portvigil.Kinds() {
		if info.Alerts {
			list = append(list, info)
		}
	}
	return list
}

// acceptDays is how long a risk is accepted where nobody says otherwise: long
// enough to plan a change, short enough to be looked at again.
const acceptDays = 14

func inDays(now time.Time, days int) string {
	return now.UTC().AddDate(0, 0, days).Format(time.DateOnly)
}
