package web

import (
	"net/http"
	"slices"

	"github.com/portvigil/portvigil"
)

// Bounds of what one page lists: a host that answers on every port must not
// make a page that no browser opens. What is left out is counted.
const (
	maxAlerts = 300
	maxDoors  = 500
)

// some is the beginning of a list, and how many more there are.
type some[T any] struct {
	List []T
	More int
}

func first[T any](list []T, n int) some[T] {
	if len(list) <= n {
		return some[T]{List: list}
	}
	return some[T]{list[:n], len(list) - n}
}

// hostLine is a host's row on the overview.
type hostLine struct {
	portvigil.HostStatus
	Worst portvigil.Severity // of its open alerts
	Blind bool               // a view is not fresh, or there is none
}

func worstFirst(alerts []portvigil.Alert) {
	slices.SortStableFunc(alerts, func(a, b portvigil.Alert) int { return b.Severity.Rank() - a.Severity.Rank() })
}

func lineOf(h portvigil.HostStatus) hostLine {
	line := hostLine{HostStatus: h, Blind: blind(h.Views)}
	for _, a := range h.Alerts {
		if a.Severity.Rank() > line.Worst.Rank() {
			line.Worst = a.Severity
		}
	}
	return line
}

// hostPage is what /hosts/NAME shows.
type hostPage struct {
	hostLine
	Alerts     some[portvigil.Alert]
	Doors      some[*portvigil.Exposure] // those that somebody has to look at first
	HasInside  bool
	HasOutside bool
	Form       form
}

func (p *pages) host(w http.ResponseWriter, r *http.Request) { p.showHost(w, r, http.StatusOK, form{}) }

// showHost shows the host's page with a form that could not be done.
func (p *pages) showHost(w http.ResponseWriter, r *http.Request, status int, f form) {
	s, err := p.engine.Host(r.Context(), r.PathValue("name"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	h := hostPage{hostLine: lineOf(s), Form: f}
	for _, v := range s.Views {
		h.HasInside = h.HasInside || v.View == portvigil.Inside
		h.HasOutside = h.HasOutside || v.View == portvigil.Outside
	}
	alerts := slices.Clone(s.Alerts)
	worstFirst(alerts)
	h.Alerts = first(alerts, maxAlerts)
	var doors []*portvigil.Exposure
	for i := range s.Exposures {
		if e := &s.Exposures[i]; e.Verdict != portvigil.None {
			doors = append(doors, e)
		}
	}
	slices.SortStableFunc(doors, func(a, b *portvigil.Exposure) int { return b.Severity().Rank() - a.Severity().Rank() })
	h.Doors = first(doors, maxDoors)
	p.show(w, r, status, "host.html", page{shown(s.Host.Name), h})
}
