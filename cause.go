package portvigil

import (
	"fmt"
	"time"
)

// Limits of a cause that alerts share: the same new door on this many hosts,
// each within this time of now, is a deployment rather than a coincidence.
const (
	CauseHosts  = 3
	CauseWithin = time.Hour
)

// SameDoor looks for the cause of an alert that was just opened: the same door,
// newly open on at least CauseHosts hosts within CauseWithin. It returns the
// alerts whose cause is another one now; the alerts stay separate. A cause that
// one of them has already is shared by those that follow, so that a deployment
// that takes all day is one cause as long as no hour goes by without another host.
func SameDoor(opened Alert, alerts []Alert) []Alert {
	if !newDoor(&opened) {
		return nil
	}
	members, hosts := []Alert{opened}, []string{opened.Host}
	var cause Cause
	for _, a := range alerts {
		if a.ID == opened.ID || !newDoor(&a) || a.Proto != opened.Proto || a.Port != opened.Port ||
			opened.Opened.Sub(a.Opened) > CauseWithin || a.Opened.After(opened.Opened) {
			continue
		}
		members, hosts = append(members, a), appendNew(hosts, a.Host)
		if a.Cause != nil && a.Cause.Kind == CauseSameDoor && a.Cause.Count > cause.Count {
			cause = *a.Cause
		}
	}
	if len(hosts) < CauseHosts {
		return nil
	}
	if cause.ID == "" {
		cause = Cause{ID: NewID(), Kind: CauseSameDoor, Text: fmt.Sprintf("the same new door on several hosts: %s", Door{opened.Proto, opened.Port})}
	}
	for _, a := range members {
		if a.Cause == nil || a.Cause.ID != cause.ID {
			cause.Count++
		}
	}
	for i := range members {
		shared := cause
		members[i].Cause = &shared
	}
	return members
}

// newDoor reports whether the alert is about one door that is news.
func newDoor(a *Alert) bool {
	return a.Port != 0 && (a.Kind == Kind(UnexpectedExposed) || a.Kind == Kind(UnexpectedListening))
}
