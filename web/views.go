package web

import (
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
