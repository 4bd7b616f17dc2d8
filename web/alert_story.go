package web

import (
	"fmt"
	"time"

	"github.com/portvigil/portvigil"
)

// machine is who is named where nobody asked for what happened.
const machine = "portvigil"

// who names the one who did something, as a sentence begins with it.
func who(by string) string {
	if by == machine {
		return "PortVigil"
	}
	return shown(by)
}

// deed is a step of an alert's story as a sentence goes on after the name.
func deed(what string) string {
	switch what {
	case "opened":
		return "opened the alert"
	case "re-opened":
		return "opened it again"
	case "risen":
		return "raised its severity"
	case "acknowledged":
		return "acknowledged it"
	case "noted":
		return "noted that it ended"
	case "investigating":
		return "works on it"
	case "waiting-shut":
		return "says that it is shut; looks follow until it is seen so"
	case "waiting-baseline":
		return "expects it; the baseline's folder needs the edit"
	case "comment":
		return "says:"
	case "rows changed":
		return "sees other doors than before"
	case "still open":
		return "still sees it open a day later, so it is new again"
	case "acknowledgement is over":
		return "ended the acknowledgement, as its time is over"
	}
	return resolution(portvigil.ResolutionKind(what))
}

// resolution says how an alert was resolved, after the name of who did it.
func resolution(kind portvigil.ResolutionKind) string {
	switch kind {
	case portvigil.ResolvedExpected:
		return "resolved it as expected"
	case portvigil.ResolvedShut:
		return "shut it"
	case portvigil.ResolvedFalse:
		return "resolved it as a false alarm"
	case portvigil.ResolvedAccepted:
		return "accepted the risk"
	case portvigil.ResolvedCleared:
		return "resolved it as over"
	}
	return shown(kind)
}

// ended is who resolved the alert, how, when and why.
func ended(a *portvigil.Alert, now time.Time) string {
	if a.Resolution == nil {
		return "it is resolved already"
	}
	text := fmt.Sprintf("%s %s %s", who(a.Resolution.By), resolution(a.Resolution.Kind), ago(a.Resolution.Time, now))
	if a.Resolution.Why != "" {
		text += " (" + shown(a.Resolution.Why) + ")"
	}
	return text
}

// meanwhile is the last thing that another person decided about the alert after a
// moment, as a sentence; "" for nothing. Comments decide nothing.
func meanwhile(story []portvigil.AuditEntry, since time.Time, by string, now time.Time) string {
	for i := len(story) - 1; i >= 0 && story[i].Time.After(since); i-- {
		if e := story[i]; e.By != machine && e.By != by && e.What != "comment" {
			text := fmt.Sprintf("%s %s %s", who(e.By), deed(e.What), ago(e.Time, now))
			if e.Text != "" {
				text += " (" + shown(e.Text) + ")"
			}
			return text
		}
	}
	return ""
}
