package watch

import (
	"context"
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// Alerts returns the alerts that somebody still has to look at (the open ones,
// and those that ended by themselves and are to be noted), or all of them,
// newest change first.
func (e *Engine) Alerts(ctx context.Context, open bool) (list []portvigil.Alert, err error) {
	list, _, err = e.AlertsWhere(ctx, portvigil.AlertFilter{Attention: open})
	return list, err
}

// AlertsWhere returns the page of alerts that the filter asks for, and how many
// there are without its Limit and Offset.
func (e *Engine) AlertsWhere(ctx context.Context, f portvigil.AlertFilter) (page []portvigil.Alert, total int, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		f, some, err := inGroup(tx, f)
		if err != nil || !some {
			return err
		}
		page, total, err = tx.AlertsWhere(f)
		return err
	})
	return page, total, err
}

// AlertCounts counts the alerts that the filter asks for, those of one state and
// severity together.
func (e *Engine) AlertCounts(ctx context.Context, f portvigil.AlertFilter) (list []portvigil.AlertCount, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		f, some, err := inGroup(tx, f)
		if err != nil || !some {
			return err
		}
		list, err = tx.AlertCounts(f)
		return err
	})
	return list, err
}

// inGroup names the hosts of the filter's group; false where it has none.
func inGroup(tx Tx, f portvigil.AlertFilter) (portvigil.AlertFilter, bool, error) {
	if f.Group == "" {
		return f, true, nil
	}
	hosts, err := tx.Hosts()
	if err != nil {
		return f, false, err
	}
	wanted := f.Hosts
	f.Hosts = nil
	for _, h := range hosts {
		if slices.Contains(h.Groups, f.Group) && (len(wanted) == 0 || slices.Contains(wanted, h.Name)) {
			f.Hosts = append(f.Hosts, h.Name)
		}
	}
	return f, len(f.Hosts) > 0, nil
}

// Alert returns one alert with its story.
func (e *Engine) Alert(ctx context.Context, id string) (a portvigil.Alert, story []portvigil.AuditEntry, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		if a, err = tx.Alert(id); err != nil {
			return err
		}
		story, err = tx.Audit(a.ID)
		return err
	})
	return a, story, err
}

// Acknowledge notes that somebody has seen the alert; until may be nil.
func (e *Engine) Acknowledge(ctx context.Context, by, id string, until *time.Time) (portvigil.Alert, error) {
	return e.step(ctx, by, id, "", func(a portvigil.Alert) (portvigil.Change, error) { return a.Acknowledge(by, until, e.now()) })
}

// Investigate notes that somebody works on the alert.
func (e *Engine) Investigate(ctx context.Context, by, id string) (portvigil.Alert, error) {
	return e.step(ctx, by, id, "", func(a portvigil.Alert) (portvigil.Change, error) { return a.Investigate(e.now()) })
}

// Comment adds what somebody has to say to the alert's story.
func (e *Engine) Comment(ctx context.Context, by, id, text string) (portvigil.Alert, error) {
	if text == "" {
		return portvigil.Alert{}, portvigil.Errorf(portvigil.CodeInvalid, "the comment is empty")
	}
	return e.step(ctx, by, id, text, func(a portvigil.Alert) (portvigil.Change, error) {
		if !a.Open() {
			a.Memory.Noted = true
		}
		return portvigil.Change{Alert: a, What: "comment"}, nil
	})
}

// step applies what a person decided to one alert.
func (e *Engine) step(ctx context.Context, by, id, text string, decide func(portvigil.Alert) (portvigil.Change, error)) (a portvigil.Alert, err error) {
	err = e.store.Update(ctx, func(tx Tx) error {
		if a, err = tx.Alert(id); err != nil {
			return err
		}
		change, err := decide(a)
		if err != nil {
			return err
		}
		a = change.Alert
		if text != "" {
			if err := tx.PutAlert(a); err != nil {
				return err
			}
			return tx.AddAudit(portvigil.AuditEntry{ID: portvigil.NewID(), Alert: a.ID, Time: e.now(), By: by, What: change.What, Text: text})
		}
		return e.record(tx, []portvigil.Change{change}, by)
	})
	return a, err
}

// Resolve ends an alert as somebody decided, or begins to wait for that.
func (e *Engine) Resolve(ctx context.Context, by, id string, q portvigil.ResolveRequest) (portvigil.Alert, error) {
	switch q.Kind {
	case portvigil.ResolvedExpected:
		return e.expect(ctx, by, id, q)
	case portvigil.ResolvedShut:
		return e.shut(ctx, by, id)
	case portvigil.ResolvedFalse:
		return e.step(ctx, by, id, "", func(a portvigil.Alert) (portvigil.Change, error) {
			return a.False(by, q.Why, printOf(a), e.now())
		})
	case portvigil.ResolvedAccepted:
		until, err := portvigil.ParseDate(q.Until)
		if err != nil {
			return portvigil.Alert{}, err
		}
		return e.step(ctx, by, id, "", func(a portvigil.Alert) (portvigil.Change, error) {
			return a.Accept(by, q.Why, q.Owner, until.End(), e.now())
		})
	}
	return portvigil.Alert{}, portvigil.Errorf(portvigil.CodeInvalid, "an alert cannot be resolved as %q", q.Kind).
		WithHint("use one of --expected, --shut, --false, --accept-until")
}

// printOf is what makes the alert's door another one: it comes from the rows
// that the alert was last painted with.
func printOf(a portvigil.Alert) portvigil.DoorPrint {
	var p portvigil.DoorPrint
	if a.Service != nil {
		p.Product, p.HostKey = a.Service.Product, a.Service.HostKey
	}
	if a.Process != nil {
		p.Exes = []string{a.Process.Exe}
	}
	return p
}

// shut begins to wait until the door is seen shut, and looks at once.
func (e *Engine) shut(ctx context.Context, by, id string) (a portvigil.Alert, err error) {
	err = e.store.Update(ctx, func(tx Tx) error {
		if a, err = tx.Alert(id); err != nil {
			return err
		}
		if a.Kind == portvigil.DoorsToExplain {
			return portvigil.Errorf(portvigil.CodeConflict, "doors that were open at first sight cannot be shut all at once").
				WithHint("approve the ones that belong there (portvigil baseline approve %s PORT/PROTO… --why … --owner …) and stop the others: each leaves the list when it is seen shut", a.Host)
		}
		change, err := a.Shut(by, e.now())
		if err != nil {
			return err
		}
		a = change.Alert
		if err := e.record(tx, []portvigil.Change{change}, by); err != nil {
			return err
		}
		h, err := tx.Host(a.Host)
		if err != nil {
			return err
		}
		if err := e.evaluate(tx, h, portvigil.Approval{}); err != nil {
			return err
		}
		a, err = tx.Alert(a.ID)
		return err
	})
	return a, err
}

// expect writes the alert's doors into the baseline, which resolves it. Where the
// baseline follows a folder, the alert waits until the edit is seen there.
func (e *Engine) expect(ctx context.Context, by, id string, q portvigil.ResolveRequest) (a portvigil.Alert, err error) {
	if q.Why == "" || q.Owner == "" {
		return a, portvigil.Errorf(portvigil.CodeInvalid, "a door is expected for a reason, and somebody owns it").
			WithHint("add --why TEXT --owner NAME")
	}
	err = e.store.Update(ctx, func(tx Tx) error {
		if a, err = tx.Alert(id); err != nil {
			return err
		}
		switch {
		case !a.Open():
			return portvigil.Errorf(portvigil.CodeConflict, "alert %s is resolved already (%s)", a.ID, a.Resolution.Kind)
		case a.Kind == portvigil.Kind(portvigil.Missing):
			return portvigil.Errorf(portvigil.CodeConflict, "the door is in the baseline, and is missing").
				WithHint("if it is meant to be shut: portvigil baseline remove %s %d/%s", a.Host, a.Port, a.Proto)
		}
		doors, err := a.Doors()
		if err != nil {
			return err
		}
		h, err := tx.Host(a.Host)
		if err != nil {
			return err
		}
		v, err := e.approve(tx, by, h, doors, reasons{why: q.Why, owner: q.Owner}, q.Expires)
		if err != nil {
			return err
		}
		if e.folder.follows() {
			change, err := a.AwaitBaseline(by, v.Edit, e.now())
			if err != nil {
				return err
			}
			a = change.Alert
			return e.record(tx, []portvigil.Change{change}, by)
		}
		a, err = tx.Alert(a.ID)
		return err
	})
	return a, err
}
