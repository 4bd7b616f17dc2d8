package notify

import (
	"fmt"
	"strings"

	"github.com/portvigil/portvigil"
)

// factsOf lists what is known of the alert, and what is not.
func factsOf(a *portvigil.Alert) []fact {
	var facts []fact
	add := func(label, value string) {
		if value != "" {
			facts = append(facts, fact{label, value})
		}
	}
	if a.Host != "" {
		add("Host", printable(a.Host, longestValue))
	} else {
		add(upperFirst(printable(a.Subject.Kind, 40)), printable(a.Subject.Name, longestValue))
	}
	single := hasDoor(a) && !listsDoors(a)
	if single {
		add("Door", strings.Join(doorRows(a), "; "))
		add("Behind it", behind(serviceOf(a)))
	}
	add("Since", since(a))
	if single {
		add("Opened by", openedBy(a))
	}
	if hasDoor(a) {
		add("From outside", fromOutside(a))
		add("From inside", fromInside(a))
	}
	if a.Cause != nil {
		add("Same cause", fmt.Sprintf("%s (%s)", printable(a.Cause.Text, longestValue), count(a.Cause.Count, "alert", "alerts")))
	}
	return facts
}

// hasDoor tells the alerts that are about doors from those about a host, a
// vantage or a channel as a whole.
func hasDoor(a *portvigil.Alert) bool { return a.Port != 0 || len(a.Endpoints) > 0 }

// listsDoors tells the alerts that hold many doors from those about one.
func listsDoors(a *portvigil.Alert) bool { return hasDoor(a) && a.Port == 0 }

func serviceOf(a *portvigil.Alert) *portvigil.Service {
	if a.Service != nil {
		return a.Service
	}
	for _, e := range a.Endpoints {
		if e.Service != nil {
			return e.Service
		}
	}
	return nil
}

func processOf(a *portvigil.Alert) *portvigil.Process {
	if a.Process != nil {
		return a.Process
	}
	for _, e := range a.Endpoints {
		if e.Process != nil {
			return e.Process
		}
	}
	return nil
}

func since(a *portvigil.Alert) string {
	if a.Opened.IsZero() {
		return ""
	}
	text := moment(a.Opened)
	if a.Reopened > 0 {
		text += fmt.Sprintf(", re-opened %s, last changed %s", count(a.Reopened, "time", "times"), moment(a.Changed))
	}
	return text
}

// fromOutside says what each vantage last saw.
func fromOutside(a *portvigil.Alert) string {
	if len(a.Views.Outside) == 0 {
		return "not confirmed: no outside view of it"
	}
	var parts []string
	for _, s := range a.Views.Outside[:min(len(a.Views.Outside), mostViews)] {
		parts = append(parts, fmt.Sprintf("%s from %s, %s", printable(s.State, 40), printable(s.Vantage, 60), moment(s.Seen)))
	}
	if more := len(a.Views.Outside) - mostViews; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, "; ")
}

// mostViews is how many vantages a message quotes.
const mostViews = 5

func fromInside(a *portvigil.Alert) string {
	if a.Views.Inside == nil {
		return "no inside view"
	}
	state := strings.ReplaceAll(a.Views.Inside.State, "-", " ")
	return fmt.Sprintf("%s, %s", printable(state, 40), moment(a.Views.Inside.Seen))
}

// resolutionFacts says how, by whom and why the alert ended.
func resolutionFacts(a *portvigil.Alert) []fact {
	r := a.Resolution
	if r == nil {
		return []fact{{"Resolved", "not known how"}}
	}
	facts := []fact{{"Resolved", howResolved(r.Kind) + ", " + moment(r.Time)}}
	add := func(label, value string) {
		if value != "" {
			facts = append(facts, fact{label, printable(value, longestValue)})
		}
	}
	add("By", r.By)
	add("Why", r.Why)
	add("Owner", r.Owner)
	if r.Until != nil {
		add("Until", moment(*r.Until))
	}
	return facts
}

func howResolved(k portvigil.ResolutionKind) string {
	switch k {
	case portvigil.ResolvedExpected:
		return "expected: it belongs there"
	case portvigil.ResolvedShut:
		return "shut: a complete look found it shut"
	case portvigil.ResolvedFalse:
		return "false: what was seen was not so"
	case portvigil.ResolvedAccepted:
		return "accepted for a while"
	case portvigil.ResolvedCleared:
		return "cleared: it is gone without anybody having said why"
	}
	return printable(string(k), 40)
}
