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
	reasonVantage  = "does the vantage see?"
)

// lookLease is how long a look is said to take at most: a silent host at the
// default ceiling needs a minute and a half, one that limits what it accepts
// some minutes. Within one process the line keeps two workers apart, and the next
// process takes up what the last one left without waiting for it.
const lookLease = time.Hour

func (e *Engine) wish(h portvigil.Host, view portvigil.View, ports *portvigil.PortSpec, reason string, due time.Time) portvigil.LookRequest {
	return portvigil.LookRequest{ID: portvigil.NewID(), HostID: h.ID, View: view, Ports: ports, Reason: reason,
		Due: due.Truncate(time.Microsecond), State: portvigil.LookWanted, Run: portvigil.NewID(),
		Urgent: reason != reasonSchedule && reason != reasonFirst}
}

// MakeLook makes the looks of a request when its turn in the line has come,
// submits them and marks the request done. It returns an error only where trying
// again later makes sense.
func (e *Engine) MakeLook(ctx context.Context, id string) error {
	r, h, err := e.request(ctx, id)
	if err != nil || !wantsLook(r) {
		return err
	}
	defer e.progress.forget(id)
	leave, err := e.line.enter(ctx, turnFor(r, h), func(why string) {
		e.progress.send(id, portvigil.LookProgress{Waits: why})
	})
	if err != nil {
		return err // the process stops; the request is taken up again
	}
	defer leave()
	r, h, err = e.takeRequest(ctx, id)
	switch {
	case errors.Is(err, errGone):
		return nil
	case err != nil || !wantsLook(r):
		return err
	}
	if r.View == portvigil.Inside {
		err = e.lookInside(ctx, h, r)
	} else {
		err = e.lookOutside(ctx, h, r)
	}
	if ctx.Err() != nil {
		return ctx.Err() // the process stops; the request is taken up again
	}
	return e.finish(ctx, r, err)
}

// request returns the request and its host, zero values where they were removed.
func (e *Engine) request(ctx context.Context, id string) (r portvigil.LookRequest, h portvigil.Host, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		if r, err = tx.Request(id); err != nil {
			return err
		}
		h, err = tx.HostByID(r.HostID)
		return err
	})
	if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
		return portvigil.LookRequest{}, portvigil.Host{}, nil
	}
	return r, h, err
}

// wantsLook reports whether the request still waits for its looks.
func wantsLook(r portvigil.LookRequest) bool {
	return r.State == portvigil.LookWanted || r.State == portvigil.LookRunning
}

// takeRequest marks the request running; errGone where its host was removed.
func (e *Engine) takeRequest(ctx context.Context, id string) (r portvigil.LookRequest, h portvigil.Host, err error) {
	err = e.store.Update(ctx, func(tx Tx) error {
		r, err = tx.Request(id)
		if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
			return errGone
		}
		if err != nil || !wantsLook(r) {
			return err
		}
		if h, err = hostNow(tx, r.HostID); err != nil {
			return err
		}
		r.State, r.Leased = portvigil.LookRunning, e.now().Add(lookLease)
		return tx.PutRequest(r)
	})
	return r, h, err
}

// finish marks the request, puts the next one on the schedule, and tells
// whoever waits. A host that was removed meanwhile needs none of it.
func (e *Engine) finish(ctx context.Context, r portvigil.LookRequest, failure error) error {
	r.State, r.Done, r.Leased = portvigil.LookDone, e.now(), time.Time{}
	if failure != nil {
		r.State, r.Error = portvigil.LookFailed, failure.Error()
	}
	var h portvigil.Host
	err := e.store.Update(ctx, func(tx Tx) (err error) {
		if h, err = hostNow(tx, r.HostID); err != nil {
			return err
		}
		if err := tx.PutRequest(r); err != nil {
			return err
		}
		if err := e.schedule(tx, h, r); err != nil {
			return err
		}
		return e.evaluate(tx, h, portvigil.Approval{})
	})
	if err != nil && !errors.Is(err, errGone) {
		return err
	}
	if err == nil && failure != nil {
		e.log.Warn("look failed", "host", h.Name, "view", r.View, "err", failure)
	}
	e.progress.finish(r.ID)
	return nil
}

// schedule puts the look that follows a regular one on the schedule, where the
// server still makes such looks.
func (e *Engine) schedule(tx Tx, h portvigil.Host, r portvigil.LookRequest) error {
	if r.Reason != reasonSchedule && r.Reason != reasonFirst || !slices.Contains(e.viewsOf(h), r.View) {
		return nil
	}
	open, err := tx.OpenRequests(h.ID)
	if err != nil || hasScheduled(open, r.View) {
		return err
	}
	return tx.AddRequest(e.wish(h, r.View, nil, reasonSchedule, nextLook(h, r.View, e.now())))
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
	switch {
	case err != nil && len(places) == 0:
		return err
	case len(places) == 0:
		return portvigil.Errorf(portvigil.CodeUnavailable, "the targets of %s lead to no address", h.Name)
	}
	failures := []error{err}
	for _, place := range places {
		err := e.lookAtPlace(ctx, h, r, place)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errGone) {
			return err
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// lookAtPlace makes the looks at one address, one a protocol. They follow one another,
// so that together they stay below what a host is asked at most. What keeps the first
// keeps the second, and where the way was found to be dead nothing is to be learned.
func (e *Engine) lookAtPlace(ctx context.Context, h portvigil.Host, r portvigil.LookRequest, place portvigil.HostAddress) error {
	for _, proto := range []portvigil.Proto{portvigil.TCP, portvigil.UDP} {
		if r.Ports != nil && r.Ports.Of(proto).Len() == 0 {
			continue
		}
		l, err := e.lookAt(ctx, h, r, place, proto)
		if err == nil {
			err = e.submit(ctx, h, l)
		}
		if err != nil {
			return err
		}
		dead := func(note string) bool { return portvigil.NoteCode(note) == "dead-path" }
		if r.Ports == nil && slices.ContainsFunc(l.Notes, dead) {
			return nil
		}
	}
	return nil
}

// lookAt looks at one address. The scope is asked once more: a look at the
// address before this one may have taken long.
func (e *Engine) lookAt(ctx context.Context, h portvigil.Host, r portvigil.LookRequest, place portvigil.HostAddress, proto portvigil.Proto) (*portvigil.Look, error) {
	t := OutsideTarget{Host: h, Address: place.Address, Name: place.Name, Run: r.Run, Proto: proto}
	var seq uint64
	err := e.store.Update(ctx, func(tx Tx) error {
		if _, err := hostNow(tx, h.ID); err != nil {
			return err
		}
		scope, err := scopeOf(tx)
		if err != nil {
			return err
		}
		if err := scope.Check(place.Address, true); err != nil {
			return err
		}
		trails, err := tx.Trails(h.ID)
		if err != nil {
			return err
		}
		t.First, t.References = known(trails, place.Address, proto)
		if t.Ports, err = e.portsAt(tx, h, r, proto, trails); err != nil {
			return err
		}
		seq, err = tx.NextSeq()
		return err
	})
	if err != nil {
		return nil, err
	}
	l, err := e.outside.Look(ctx, t, func(p portvigil.LookProgress) { e.progress.send(r.ID, p) })
	if err != nil {
		return nil, fmt.Errorf("look at %s (%s): %w", h.Name, place.Address, err)
	}
	l.Seq = seq
	return l, nil
}

// commonUDP are the UDP ports of every regular look, as scan takes ports.
const commonUDP = "U:top:100"

// portsAt returns the ports of a protocol that a request wants; nil for all.
func (e *Engine) portsAt(tx Tx, h portvigil.Host, r portvigil.LookRequest, proto portvigil.Proto, trails []portvigil.Trail) (*portvigil.PortSet, error) {
	if r.Ports != nil {
		return r.Ports.Of(proto), nil
	}
	if proto == portvigil.TCP {
		return nil, nil
	}
	baseline, err := e.baselineOf(tx, h)
	if err != nil {
		return nil, err
	}
	common, err := e.outside.ParsePorts(commonUDP)
	if err != nil {
		return nil, err
	}
	return portvigil.RegularUDP(common.UDP, baseline, trails, e.now()), nil
}

// known returns the ports of a protocol that something listens on, and those that
// answered this vantage before.
func known(trails []portvigil.Trail, at netip.Addr, proto portvigil.Proto) (first *portvigil.PortSet, references []uint16) {
	first = new(portvigil.PortSet)
	for _, t := range trails {
		for _, s := range t.Sights {
			if !s.Open() || s.Door.Proto != proto {
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
// that is there already changes nothing. It returns errGone where the host was
// removed.
func (e *Engine) submit(ctx context.Context, h portvigil.Host, l *portvigil.Look) error {
	l.Host, l.Received = h.Name, e.now()
	given := l.Seq
	return e.store.Update(ctx, func(tx Tx) error {
		h, err := hostNow(tx, h.ID)
		if err != nil {
			return err
		}
		if there, err := tx.HasLook(l.ID); err != nil || there {
			return err
		}
		if l.Seq = given; given == 0 {
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
		again, err := tx.ReplayTrail(h.ID, l.Key())
		if err != nil {
			return err
		}
		return tx.PutTrail(h.ID, again)
	}
	trail.Add(l)
	return tx.PutTrail(h.ID, trail)
}
