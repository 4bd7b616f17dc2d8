package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// EditHost changes what is known of a host beside its name. Other targets are
// checked as those of a new host are, and looked at soon; what was seen at an address
// that has gone is not claimed any more. Looks are put on the schedule of the new
// intervals.
func (e *Engine) EditHost(ctx context.Context, by, name string, edit portvigil.HostEdit) (h portvigil.Host, err error) {
	var found []portvigil.HostAddress
	if edit.Targets != nil {
		var failures []error
		found, failures = e.addressesOf(ctx, *edit.Targets)
		if err := errors.Join(failures...); err != nil {
			return h, err
		}
	}
	err = e.store.Update(ctx, func(tx Tx) error {
		if h, err = tx.Host(name); err != nil {
			return err
		}
		before := h
		if err := applyEdit(&h, edit); err != nil {
			return err
		}
		if edit.Targets != nil {
			if err := leadElsewhere(tx, &h, found); err != nil {
				return err
			}
		}
		if err := tx.PutHost(h); err != nil {
			return err
		}
		if err := e.reschedule(tx, before, h); err != nil {
			return err
		}
		if err := e.act(tx, by, portvigil.ActHostChanged, "host", name, changesOf(before, h)); err != nil {
			return err
		}
		return e.evaluate(tx, h, portvigil.Approval{})
	})
	return h, err
}

// changesOf says what is another now.
func changesOf(before, h portvigil.Host) string {
	var parts []string
	differs := func(what string, was, is any) {
		if was, is := fmt.Sprint(was), fmt.Sprint(is); was != is {
			parts = append(parts, fmt.Sprintf("%s %s to %s", what, was, is))
		}
	}
	differs("groups", before.Groups, h.Groups)
	differs("addresses", before.Targets, h.Targets)
	differs("outside every", before.Outside, h.Outside)
	differs("inside every", before.Inside, h.Inside)
	return strings.Join(parts, "; ")
}

// applyEdit changes the host as far as the edit says, and refuses what no host can be.
func applyEdit(h *portvigil.Host, edit portvigil.HostEdit) error {
	if edit.Groups != nil {
		if err := checkGroups(*edit.Groups); err != nil {
			return err
		}
		h.Groups = *edit.Groups
	}
	if edit.Targets != nil {
		h.Targets = *edit.Targets
	}
	if edit.Outside != nil {
		h.Outside = *edit.Outside
	}
	if edit.Inside != nil {
		h.Inside = *edit.Inside
	}
	return checkHost(h)
}

// leadElsewhere gives the host the addresses that its targets lead to now. Somebody
// gave them just now: they are in scope unless denied, and none waits any more.
func leadElsewhere(tx Tx, h *portvigil.Host, found []portvigil.HostAddress) error {
	scope, err := scopeOf(tx)
	if err != nil {
		return err
	}
	for i, a := range found {
		if err := scope.Check(a.Address, true); err != nil {
			return err
		}
		found[i].Kind = h.KindOf(a.Address)
	}
	h.Addresses, h.Waiting = found, nil
	return forget(tx, *h)
}

// reschedule moves the regular looks to the new intervals, and asks for one where
// the targets are others.
func (e *Engine) reschedule(tx Tx, before, h portvigil.Host) error {
	open, err := tx.OpenRequests(h.ID)
	if err != nil {
		return err
	}
	for _, view := range e.viewsOf(h) {
		if err := e.moveSchedule(tx, open, before, h, view); err != nil {
			return err
		}
	}
	elsewhere := !slices.Equal(before.Targets, h.Targets) && len(h.Targets) > 0
	if !elsewhere || joinable(open, portvigil.Outside, nil, e.now()) >= 0 {
		return nil
	}
	reason := reasonAsked
	if len(before.Targets) == 0 {
		reason = reasonFirst
	}
	return tx.AddRequest(e.wish(h, portvigil.Outside, nil, reason, e.now()))
}

func (e *Engine) moveSchedule(tx Tx, open []portvigil.LookRequest, before, h portvigil.Host, view portvigil.View) error {
	if before.Interval(view) == h.Interval(view) {
		return nil
	}
	for _, r := range open {
		if r.View == view && r.Reason == reasonSchedule && r.State == portvigil.LookWanted {
			r.Due = nextLook(h, view, e.now())
			return tx.WakeRequest(r)
		}
	}
	return nil
}
