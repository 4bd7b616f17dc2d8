package portvigil

import (
	"fmt"
	"slices"
	"time"
)

// ShareReboot gives the alerts that a host's judgement opens their cause where
// the machine was started anew within CauseWithin: its doors went and came, and
// some did not come, or came otherwise. Alerts of the same start that are open
// already count, too; their new count is a change that nobody is told of.
func ShareReboot(changes []Change, trails []Trail, alerts []Alert, now time.Time) []Change {
	at := slices.IndexFunc(trails, func(t Trail) bool { return t.Key.View == Inside })
	if at < 0 || trails[at].Boot == nil || trails[at].Rebooted.IsZero() || now.Sub(trails[at].Rebooted) > CauseWithin {
		return changes
	}
	boot := trails[at].Boot
	cause := Cause{ID: boot.ID, Kind: CauseReboot, Text: fmt.Sprintf("the host was started anew at %s", boot.Time.UTC().Format(time.RFC3339))}
	changes = slices.Clone(changes)
	shares := func(a *Alert) bool { return a.Open() && a.Cause != nil && a.Cause.ID == cause.ID }
	changed, news := map[string]bool{}, false
	for i := range changes {
		a := &changes[i].Alert
		changed[a.ID] = true
		if told := changes[i].Told; (told == AlertOpened || told == AlertReopened) && a.Port != 0 {
			a.Cause, news = &cause, true
		}
		if shares(a) {
			cause.Count++
		}
	}
	if !news {
		return changes
	}
	for _, a := range alerts {
		if !changed[a.ID] && shares(&a) {
			cause.Count++
			changes = append(changes, Change{Alert: a, What: SeenAgain})
		}
	}
	for i := range changes {
		if a := &changes[i].Alert; shares(a) {
			shared := cause
			a.Cause = &shared
		}
	}
	return changes
}
