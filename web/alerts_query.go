package web

import (
	"cmp"
	"net/url"
	"strconv"

	"github.com/portvigil/portvigil"
)

// How many alerts one page of the list has: the first is what a phone on a slow
// line loads, the second what somebody asks for who decides on many at once.
const (
	alertsPerPage = 100
	alertsAtMost  = 300
)

// The tabs of the list, as its address has them.
const (
	tabOpen     = "open"
	tabNote     = "note" // ended by themselves, and nobody has noted it
	tabResolved = "resolved"
	tabAll      = "all"
)

// alertQuery is a list of alerts that somebody asks for. Its address says all of
// it, so that a list can be kept as a bookmark and sent to others.
type alertQuery struct {
	Tab      string
	Severity string
	Kind     string
	Host     string
	Group    string
	Text     string
	Order    portvigil.AlertOrder
	Page     int // from 1
	Many     bool
}

// alertQueryOf reads the list's address. What makes no sense is no error but the
// open alerts: a bookmark of another version still leads somewhere.
func alertQueryOf(v url.Values) alertQuery {
	get := func(name string) string { return portvigil.Printable(cut(v.Get(name))) }
	q := alertQuery{Tab: get("state"), Severity: get("severity"), Kind: get("kind"), Host: get("host"), Group: get("group"), Text: get("q"),
		Many: v.Get("per") == strconv.Itoa(alertsAtMost)}
	switch q.Tab {
	case tabOpen, tabNote, tabResolved, tabAll:
	default:
		q.Tab = tabOpen
	}
	q.Order = usualOrder(q.Tab)
	if order, err := portvigil.ParseAlertOrder(v.Get("order")); err == nil && v.Get("order") != "" {
		q.Order = order
	}
	q.Page, _ = strconv.Atoi(v.Get("page"))
	q.Page = min(max(q.Page, 1), 1_000_000)
	return q
}

// usualOrder has what is worst first where somebody still has to do something.
func usualOrder(tab string) portvigil.AlertOrder {
	if tab == tabOpen {
		return portvigil.BySeverity
	}
	return portvigil.ByChanged
}

// path is the list's address; what is usual does not stand in it.
func (q alertQuery) path() string {
	v := url.Values{}
	set := func(name, value, usual string) {
		if value != usual {
			v.Set(name, value)
		}
	}
	written := func(o portvigil.AlertOrder) string { return cmp.Or(string(o), "changed") }
	set("state", q.Tab, tabOpen)
	set("severity", q.Severity, "")
	set("kind", q.Kind, "")
	set("host", q.Host, "")
	set("group", q.Group, "")
	set("q", q.Text, "")
	set("order", written(q.Order), written(usualOrder(q.Tab)))
	set("page", strconv.Itoa(q.Page), "1")
	if q.Many {
		v.Set("per", strconv.Itoa(alertsAtMost))
	}
	if len(v) == 0 {
		return "/alerts"
	}
	return "/alerts?" + v.Encode()
}

// with is the address of the list after an edit, from its first page on.
func (q alertQuery) with(edit func(*alertQuery)) string {
	q.Page = 1
	edit(&q)
	return q.path()
}

func (q alertQuery) per() int {
	if q.Many {
		return alertsAtMost
	}
	return alertsPerPage
}

// Narrowed reports whether more than the tab chooses.
func (q alertQuery) Narrowed() bool {
	return q.Severity+q.Kind+q.Host+q.Group+q.Text != ""
}

// all is the filter without tab and severity, by which both are counted.
func (q alertQuery) all() portvigil.AlertFilter {
	f := portvigil.AlertFilter{Group: q.Group, Text: q.Text}
	if q.Kind != "" {
		f.Kinds = []portvigil.Kind{portvigil.Kind(q.Kind)}
	}
	if q.Host != "" {
		f.Hosts = []string{q.Host}
	}
	return f
}

// filter is what the engine is asked for.
func (q alertQuery) filter() portvigil.AlertFilter {
	f := q.all()
	if q.Severity != "" {
		f.Severities = []portvigil.Severity{portvigil.Severity(q.Severity)}
	}
	switch q.Tab {
	case tabOpen:
		f.States = openStates
	case tabNote:
		f.Attention, f.States = true, []portvigil.AlertState{portvigil.AlertResolved}
	case tabResolved:
		f.States = []portvigil.AlertState{portvigil.AlertResolved}
	}
	f.Order, f.Limit, f.Offset = q.Order, q.per(), (q.Page-1)*q.per()
	return f
}

var openStates = []portvigil.AlertState{portvigil.AlertNew, portvigil.AlertAcknowledged, portvigil.AlertInvestigating,
	portvigil.AlertWaitingShut, portvigil.AlertWaitingBaseline}

// holds reports whether alerts that are counted together stand under the tab.
func holds(tab string, c portvigil.AlertCount) bool {
	resolved := c.State == portvigil.AlertResolved
	switch tab {
	case tabOpen:
		return !resolved
	case tabNote:
		return resolved && c.Attention
	case tabResolved:
		return resolved
	}
	return true
}
