package portvigil

import (
	"time"
)

// Acknowledge notes that somebody has seen the alert. It stays open; until is
// when it becomes new again, nil for when it rises. One that ended by itself is
// noted, and stays resolved.
func (a Alert) Acknowledge(by string, until *time.Time, now time.Time) (Change, error) {
	if a.ToBeNoted() {
		a.Memory.Noted = true
		return Change{Alert: a, What: "noted"}, nil
	}
	if err := a.mustBeOpen(); err != nil {
		return Change{}, err
	}
	if until != nil && !until.After(now) {
		return Change{}, Errorf(CodeInvalid, "the acknowledgement would be over at once: %s is in the past", until.UTC().Format(time.RFC3339))
	}
	a.State, a.Memory.AckUntil, a.Changed = AlertAcknowledged, until, now
	a.Memory.Peak = a.Severity // what somebody knows of by now; more than that is a rise
	return Change{Alert: a, What: "acknowledged"}, nil
}

// Investigate notes that somebody works on the alert.
func (a Alert) Investigate(now time.Time) (Change, error) {
	if err := a.mustBeOpen(); err != nil {
		return Change{}, err
	}
	if a.State != AlertAcknowledged && a.State != AlertInvestigating {
		return Change{}, Errorf(CodeConflict, "alert %s is %s", a.ID, a.State).WithHint("acknowledge it first: portvigil alerts ack %s", a.ID)
	}
	a.State, a.Changed = AlertInvestigating, now
	return Change{Alert: a, What: "investigating"}, nil
}

// Shut notes that somebody shut the door. The alert waits until a complete
// look of every live view that saw it open sees it shut.
func (a Alert) Shut(by string, now time.Time) (Change, error) {
	if err := a.mustBeOpen(); err != nil {
		return Change{}, err
	}
	if a.Family != FamilyExposure || a.Kind == Kind(Missing) {
		return Change{}, Errorf(CodeConflict, "alert %s (%s) is about no open door that could be shut", a.ID, a.Kind).
			WithHint("see what it needs: portvigil alerts show %s", a.ID)
	}
	a.State, a.Changed = AlertWaitingShut, now
	a.Memory.ShutAsked, a.Memory.ShutBy, a.Memory.ShutLooks = &now, by, 0
	return Change{Alert: a, What: "waiting-shut"}, nil
}

// AwaitBaseline notes that somebody expects the alert's doors, and which edit of
// the folder that the baseline follows will say so. The alert waits until it is seen.
func (a Alert) AwaitBaseline(by, edit string, now time.Time) (Change, error) {
	if err := a.mustBeOpen(); err != nil {
		return Change{}, err
	}
	a.State, a.Changed, a.Edit, a.Memory.ExpectedBy = AlertWaitingBaseline, now, edit, by
	return Change{Alert: a, What: "waiting-baseline"}, nil
}

// False resolves the alert as a false alarm, until something else answers than
// what the alert was last painted with; print stands in for an alert that never was.
func (a Alert) False(by, why string, print DoorPrint, now time.Time) (Change, error) {
	if err := a.mustBeOpen(); err != nil {
		return Change{}, err
	}
	if a.Kind == DoorsToExplain || a.Kind == ManyDoors {
		return Change{}, Errorf(CodeConflict, "alert %s has many doors, and cannot be false for all of them", a.ID).
			WithHint("approve what belongs there: portvigil baseline approve %s PORT/PROTO… --why … --owner …", a.Host)
	}
	if why == "" {
		return Change{}, Errorf(CodeInvalid, "a false alarm needs a reason").WithHint("add --why TEXT")
	}
	if a.Memory.Print == nil {
		a.Memory.Print = &print
	}
	return a.end(Resolution{Kind: ResolvedFalse, By: by, Why: why, Time: now}), nil
}

// Accept resolves the alert as a risk that somebody bears until a date.
func (a Alert) Accept(by, why, owner string, until, now time.Time) (Change, error) {
	if err := a.mustBeOpen(); err != nil {
		return Change{}, err
	}
	switch {
	case a.Kind == Kind(Hidden):
		return Change{}, Errorf(CodeConflict, "a hidden door cannot be accepted").WithHint("find out what answers there first")
	case why == "" || owner == "":
		return Change{}, Errorf(CodeInvalid, "accepting a risk needs a reason and an owner").WithHint("add --why TEXT --owner NAME")
	case !until.After(now):
		return Change{}, Errorf(CodeInvalid, "%s is over already", until.UTC().Format(time.DateOnly)).WithHint("give --accept-until a day to come")
	}
	return a.end(Resolution{Kind: ResolvedAccepted, By: by, Why: why, Owner: owner, Until: &until, Time: now}), nil
}

func (a Alert) end(res Resolution) Change {
	a.State, a.Resolution, a.Changed, a.Edit = AlertResolved, &res, res.Time, ""
	return Change{Alert: a, Told: AlertIsResolved, What: string(res.Kind)}
}

func (a *Alert) mustBeOpen() error {
	if a.Open() {
		return nil
	}
	return Errorf(CodeConflict, "alert %s is resolved already (%s, %s)", a.ID, a.Resolution.Kind,
		a.Resolution.Time.UTC().Format(time.RFC3339))
}

// ShutLookDue returns when the next look is due that may see a door shut: at
// once, after 1, 5 and 30 minutes, then hourly. looks counts those that were
// asked for.
func ShutLookDue(asked time.Time, looks int) time.Time {
	steps := []time.Duration{0, time.Minute, 5 * time.Minute, 30 * time.Minute}
	if looks < len(steps) {
		return asked.Add(steps[looks])
	}
	return asked.Add(time.Duration(looks-len(steps)+1) * time.Hour)
}

// Doors returns the doors of the alert's rows that somebody could approve.
func (a *Alert) Doors() ([]Door, error) {
	var doors []Door
	seen := map[Door]bool{}
	for _, row := range a.Endpoints {
		if row.Ports != "" {
			return nil, Errorf(CodeConflict, "alert %s has ranges of doors", a.ID).
				WithHint("approve them as ranges in the baseline: portvigil baseline import %s FILE", a.Host)
		}
		door := Door{row.Proto, row.Port}
		if !seen[door] {
			seen[door] = true
			doors = append(doors, door)
		}
	}
	if len(doors) == 0 {
		return nil, Errorf(CodeConflict, "alert %s (%s) is about no door", a.ID, a.Kind)
	}
	return doors, nil
}
