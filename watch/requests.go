package watch

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// Why a look was asked for.
const (
	reasonFirst    = "first"
	reasonSchedule = "schedule"
	reasonAsked    = "asked"
	reasonSecond   = "second sight"
	reasonInside   = "listener seen inside"
	reasonShut     = "is it shut?"
)

// lookLease is how long a look may take before another worker may take it
// over: a silent host at the default ceiling needs a minute and a half, one
// that limits what it accepts some minutes.
const lookLease = time.Hour

func (e *Engine) wish(h portvigil.Host, view portvigil.View, ports *portvigil.PortSet, reason string, due time.Time) portvigil.LookRequest {
	return portvigil.LookRequest{ID: portvigil.NewID(), HostID: h.ID, View: view, Ports: ports, Reason: reason,
		Due: due.Truncate(time.Microsecond), State: portvigil.LookWanted, Run: portvigil.NewID()}
}

func hasScheduled(open []portvigil.LookRequest, view portvigil.View) bool {
	return slices.ContainsFunc(open, func(r portvigil.LookRequest) bool {
		return r.View == view && r.Reason == reasonSchedule
	})
}

// MakeLook makes the looks of a request, submits them and marks the request
// done. It returns an error only where trying again later makes sense.
func (e *Engine) MakeLook(ctx context.Context, id string) error {
	r, h, err := e.takeRequest(ctx, id)
	if portvigil.ErrorCode(err) == portvigil.CodeNotFound || r.State == portvigil.LookDone || r.State == portvigil.LookFailed {
		return nil // done before, or the host is gone
	}
	if err != nil {
		return err
	}
	defer e.lockHost(h.ID)()
	if r.View == portvigil.Inside {
		err = e.lookInside(ctx, h, r)
	} else {
		err = e.lookOutside(ctx, h, r)
	}
	if ctx.Err() != nil {
		return ctx.Err() // the process stops; the request is taken up again
	}
	if err != nil {
		e.log.Warn("look failed", "host", h.Name, "view", r.View, "err", err)
	}
	return e.finish(ctx, h, r, err)
}

func (e *Engine) takeRequest(ctx context.Context, id string) (r portvigil.LookRequest, h portvigil.Host, err error) {
	err = e.store.Update(ctx, func(tx Tx) error {
		if r, err = tx.Request(id); err != nil {
			return err
		}
		if h, err = tx.HostByID(r.HostID); err != nil {
			return err
		}
		if r.State == portvigil.LookDone || r.State == portvigil.LookFailed {
			return nil
		}
		r.State, r.Leased = portvigil.LookRunning, e.now().Add(lookLease)
		return tx.PutRequest(r)
	})
	return r, h, err
}

// finish marks the request, puts the next one on the schedule, and tells
// whoever waits.
func (e *Engine) finish(ctx context.Context, h portvigil.Host, r portvigil.LookRequest, failure error) error {
	r.State, r.Done = portvigil.LookDone, e.now()
	if failure != nil {
		r.State, r.Error = portvigil.LookFailed, failure.Error()
	}
	err := e.store.Update(ctx, func(tx Tx) error {
		if err := tx.PutRequest(r); err != nil {
			return err
		}
		if _, err := tx.HostByID(h.ID); err != nil {
			return nil // removed meanwhile
		}
		open, err := tx.OpenRequests(h.ID)
		if err != nil {
			return err
		}
		if (r.Reason == reasonSchedule || r.Reason == reasonFirst) && !hasScheduled(open, r.View) {
			after := jittered(h.Interval(r.View))
			if r.Reason == reasonFirst {
				after = spread(h.Interval(r.View))
			}
			if err := tx.AddRequest(e.wish(h, r.View, nil, reasonSchedule, e.now().Add(after))); err != nil {
				return err
			}
		}
		return e.evaluate(tx, h, portvigil.Approval{})
	})
	if err != nil {
		return err
	}
	e.progress.finish(r.ID)
	return nil
}

func (e *Engine) lookInside(ctx context.Context, h portvigil.Host, r portvigil.LookRequest) error {
	if e.inside == nil {
		return portvigil.Errorf(portvigil.CodeUnavailable, "this server has no inside view of %s", h.Name)
	}
	l, err := e.inside.Look(ctx, h, r.Run)
	if err != nil {
		return fmt.Errorf("look at %s from inside: %w", h.Name, err)
	}
	return e.submit(ctx, h, l)
}

func (e *Engine) lookOutside(ctx context.Context, h portvigil.Host, r portvigil.LookRequest) error {
	h, places, err := e.resolve(ctx, h)
	if err != nil && len(places) == 0 {
		return err
	}
	failures := []error{err}
	for _, place := range places {
		l, err := e.lookAt(ctx, h, r, place)
		if err == nil {
			err = e.submit(ctx, h, l)
		}
		failures = append(failures, err)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.Join(failures...)
}

func (e *Engine) lookAt(ctx context.Context, h portvigil.Host, r portvigil.LookRequest, place portvigil.HostAddress) (*portvigil.Look, error) {
	t := OutsideTarget{Host: h, Address: place.Address, Name: place.Name, Run: r.Run, Ports: r.Ports}
	err := e.store.Update(ctx, func(tx Tx) error {
		trails, err := tx.Trails(h.ID)
		t.First, t.References = known(trails, place.Address)
		return err
	})
	if err != nil {
		return nil, err
	}
	var seq uint64
	if err := e.store.Update(ctx, func(tx Tx) (err error) { seq, err = tx.NextSeq(); return err }); err != nil {
		return nil, err
	}
	l, err := e.outside.Look(ctx, t, func(p portvigil.LookProgress) { e.progress.send(r.ID, p) })
	if err != nil {
		return nil, fmt.Errorf("look at %s (%s): %w", h.Name, place.Address, err)
	}
	l.Seq = seq
	return l, nil
}

// known returns the ports that something listens on, and those that answered
// this vantage before.
func known(trails []portvigil.Trail, at netip.Addr) (first *portvigil.PortSet, references []uint16) {
	first = new(portvigil.PortSet)
	for _, t := range trails {
		for _, s := range t.Sights {
			if !s.Open() || s.Door.Proto != portvigil.TCP {
				continue
			}
			first.Add(s.Door.Port)
			if t.Key.View == portvigil.Outside && t.Key.Address == at {
				references = append(references, s.Door.Port)
			}
		}
	}
	return first, references
}

// submit stores a look and judges its host by it, in one transaction. A look
// that is there already changes nothing.
func (e *Engine) submit(ctx context.Context, h portvigil.Host, l *portvigil.Look) error {
	l.Host, l.Received = h.Name, e.now()
	return e.store.Update(ctx, func(tx Tx) error {
		if there, err := tx.HasLook(l.ID); err != nil || there {
			return err
		}
		h, err := tx.HostByID(h.ID)
		if err != nil {
			return err
		}
		if l.Seq == 0 {
			if l.Seq, err = tx.NextSeq(); err != nil {
				return err
			}
		}
		if err := tx.AddLook(h.ID, l); err != nil {
			return err
		}
		if err := e.fold(tx, h, l); err != nil {
			return err
		}
		return e.evaluate(tx, h, portvigil.Approval{})
	})
}

// fold adds the look to its view's trail; one that came late makes the trail
// anew from all looks of the view.
func (e *Engine) fold(tx Tx, h portvigil.Host, l *portvigil.Look) error {
	if l.OwnAddress {
		return nil
	}
	trails, err := tx.Trails(h.ID)
	if err != nil {
		return err
	}
	trail := &portvigil.Trail{Key: l.Key()}
	if at := slices.IndexFunc(trails, func(t portvigil.Trail) bool { return t.Key == l.Key() }); at >= 0 {
		trail = &trails[at]
	}
	if !trail.Follows(l) {
		looks, err := tx.Looks(h.ID, l.Key())
		if err != nil {
			return err
		}
		return tx.PutTrail(h.ID, portvigil.Replay(looks))
	}
	trail.Add(l)
	return tx.PutTrail(h.ID, trail)
}
