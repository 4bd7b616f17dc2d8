package watch

import (
	"context"
	"time"

	"github.com/portvigil/portvigil"
)

// StartMaintenance tells nothing of a host until then; a window that is there
// already is replaced. Looks go on and alerts are raised meanwhile.
func (e *Engine) StartMaintenance(ctx context.Context, by, name string, until time.Time, why string) (h portvigil.Host, err error) {
	if err := checkMaintenance(until, e.now(), why); err != nil {
		return h, err
	}
	err = e.store.Update(ctx, func(tx Tx) error {
		if h, err = tx.Host(name); err != nil {
			return err
		}
		h.Maintenance = &portvigil.Maintenance{Until: until.UTC().Truncate(time.Microsecond), Why: why, By: by, Since: e.now()}
		if err := tx.PutHost(h); err != nil {
			return err
		}
		return e.act(tx, by, portvigil.ActMaintenanceStarted, "host", name, "until "+h.Maintenance.Until.Format(time.RFC3339)+": "+why)
	})
	return h, err
}

// EndMaintenance ends a host's window now, and tells what it kept back.
func (e *Engine) EndMaintenance(ctx context.Context, by, name string) (h portvigil.Host, err error) {
	err = e.store.Update(ctx, func(tx Tx) error {
		if h, err = tx.Host(name); err != nil {
			return err
		}
		if !h.InMaintenance(e.now()) {
			return portvigil.Errorf(portvigil.CodeConflict, "host %s is in no maintenance", name)
		}
		h.Maintenance = nil
		if err := tx.PutHost(h); err != nil {
			return err
		}
		if err := e.act(tx, by, portvigil.ActMaintenanceEnded, "host", name, ""); err != nil {
			return err
		}
		return e.tellHeld(tx)
	})
	return h, err
}

// checkMaintenance refuses a window that is over, has no end in sight or no reason.
func checkMaintenance(until, now time.Time, why string) error {
	switch {
	case why == "":
		return portvigil.Errorf(portvigil.CodeInvalid, "maintenance has a reason").WithHint("add --why TEXT")
	case !until.After(now):
		return portvigil.Errorf(portvigil.CodeInvalid, "the maintenance would be over at once").WithHint("give --until a time to come")
	case until.Sub(now) > longestMaintenance:
		return portvigil.Errorf(portvigil.CodeInvalid, "maintenance of more than %d days is no maintenance", int(longestMaintenance.Hours())/24).
			WithHint("accept the alerts until a day instead, or remove the host")
	}
	return nil
}

// longestMaintenance bounds a window: a host that is silent for longer is one
// that nobody watches.
const longestMaintenance = 30 * 24 * time.Hour
