package watch

import (
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// plan asks for the looks that the verdicts wait for: second sights, outside
// looks at what began to listen, and whether doors that were to be shut are. It
// asks for nothing that is planned already, so that judging again is free.
func (e *Engine) plan(tx Tx, h portvigil.Host, s portvigil.Situation, exposures []portvigil.Exposure) error {
	open, err := tx.OpenRequests(h.ID)
	if err != nil {
		return err
	}
	views := e.viewsOf(h)
	for _, view := range views {
		if due, ports := awaited(s, exposures, view); ports.Len() > 0 {
			if err := e.want(tx, h, view, ports, reasonSecond, due, open); err != nil {
				return err
			}
		}
	}
	if due, ports := newInside(s, exposures); ports.Len() > 0 && slices.Contains(views, portvigil.Outside) {
		if err := e.want(tx, h, portvigil.Outside, ports, reasonInside, due, open); err != nil {
			return err
		}
	}
	return e.planShut(tx, h, s.Now, open)
}

// awaited returns the ports of pending verdicts that a look of the view can
// decide, and when it can decide the first of them.
func awaited(s portvigil.Situation, exposures []portvigil.Exposure, view portvigil.View) (time.Time, *portvigil.PortSpec) {
	due, ports := time.Time{}, new(portvigil.PortSpec)
	for _, x := range exposures {
		if x.Verdict != portvigil.Pending || !canDecide(view, x) {
			continue
		}
		ports.Add(x.Door())
		at := x.Until.Add(time.Second) // past the edge, whatever the clock's grain
		for _, later := range []time.Time{again(s, x.Door(), view), s.Now.Add(time.Second)} {
			if later.After(at) {
				at = later
			}
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	return due, ports
}

// canDecide reports whether a look of the view can end the wait: what is only
// seen from one side is looked at from there, and where UDP stays silent from outside,
// it is not asked there again.
func canDecide(view portvigil.View, x portvigil.Exposure) bool {
	outside := slices.ContainsFunc(x.Views.Outside, func(s portvigil.Sighting) bool { return s.State == string(portvigil.StateOpen) })
	inside := x.Views.Inside != nil && x.Views.Inside.State == portvigil.Listening
	if view == portvigil.Inside {
		return inside || !outside
	}
	silent := x.Proto == portvigil.UDP && !slices.ContainsFunc(x.Views.Outside, func(s portvigil.Sighting) bool {
		return s.State != string(portvigil.StateOpenFiltered)
	})
	return outside || !inside && !silent
}

// again returns when a look that is needed since a view began to say something
// else of the door is to be made, or made once more: it waits for as long as has
// passed since. So the first look comes at once, and one that does not help is
// repeated ever more rarely, down to the host's regular pace. What was seen by a
// clock that has been put back since lies ahead, and is as far away.
func again(s portvigil.Situation, door portvigil.Door, view portvigil.View) time.Time {
	var since time.Time
	for i := range s.Trails {
		if sight := s.Trails[i].At(door); sight.Known() && sight.Since.After(since) {
			since = sight.Since
		}
	}
	return s.Now.Add(min(s.Now.Sub(since).Abs(), s.Host.Interval(view)))
}

// newInside returns the ports that the newest inside look was the first to see
// listening beyond loopback, and that no vantage has looked at since.
func newInside(s portvigil.Situation, exposures []portvigil.Exposure) (time.Time, *portvigil.PortSpec) {
	due, ports := time.Time{}, new(portvigil.PortSpec)
	at := slices.IndexFunc(s.Trails, func(t portvigil.Trail) bool { return t.Key.View == portvigil.Inside })
	if at < 0 {
		return due, ports
	}
	inside := &s.Trails[at]
	for _, x := range exposures {
		if x.Verdict != portvigil.UnexpectedListening {
			continue
		}
		seen := inside.At(x.Door())
		if seen.SinceLook != inside.Newest.ID || lookedSince(s, x.Door(), seen.Since) {
			continue
		}
		ports.Add(x.Door())
		at := again(s, x.Door(), portvigil.Outside)
		if triedSince(s, seen.Since) { // and learned nothing: a network that is gone says so in no time
			at = at.Add(time.Second)
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	return due, ports
}

// triedSince reports whether a vantage has looked since, whatever it saw.
func triedSince(s portvigil.Situation, since time.Time) bool {
	return slices.ContainsFunc(s.Trails, func(t portvigil.Trail) bool {
		return t.Key.View == portvigil.Outside && !t.Newest.Received.Before(since)
	})
}

// lookedSince reports whether a vantage has looked at the door since. Where the host
// answers no UDP, silence is all that it can hear.
func lookedSince(s portvigil.Situation, door portvigil.Door, since time.Time) bool {
	return slices.ContainsFunc(s.Trails, func(t portvigil.Trail) bool {
		if t.Key.View != portvigil.Outside || t.Key.Proto != door.Proto {
			return false
		}
		seen, head := t.At(door), t.LastComplete(door)
		return seen.Known() && !seen.Last.Before(since) || head != nil && !head.Received.Before(since) ||
			t.Unheard() && !t.Newest.Received.Before(since)
	})
}

// planShut asks for the next look at each door that somebody says is shut.
func (e *Engine) planShut(tx Tx, h portvigil.Host, now time.Time, open []portvigil.LookRequest) error {
	alerts, err := tx.AlertsOfHost(h.Name)
	if err != nil {
		return err
	}
	for _, a := range alerts {
		if a.State != portvigil.AlertWaitingShut || a.Memory.ShutAsked == nil {
			continue
		}
		if err := e.planShutOf(tx, h, a, now, open); err != nil {
			return err
		}
	}
	return nil
}

// planShutOf asks for the next step of one alert once the looks of the step
// before are over. Steps whose time has passed meanwhile, while a look took long
// or no server ran, are one look and not as many at once.
func (e *Engine) planShutOf(tx Tx, h portvigil.Host, a portvigil.Alert, now time.Time, open []portvigil.LookRequest) error {
	ports, views := portsOf(a), e.viewsOf(h)
	if len(views) == 0 {
		return nil // whoever reports the inside tells
	}
	asked, step := *a.Memory.ShutAsked, a.Memory.ShutLooks
	if step > 0 {
		last := portvigil.ShutLookDue(asked, step-1)
		for _, view := range views {
			if planned(open, view, ports, reasonShut, last) {
				return nil
			}
		}
	}
	for !portvigil.ShutLookDue(asked, step+1).After(now) {
		step++
	}
	for _, view := range views {
		if err := e.want(tx, h, view, ports, reasonShut, portvigil.ShutLookDue(asked, step), open); err != nil {
			return err
		}
	}
	a.Memory.ShutLooks = step + 1
	return tx.PutAlert(a)
}

// portsOf returns the doors of the alert's rows.
func portsOf(a portvigil.Alert) *portvigil.PortSpec {
	ports := new(portvigil.PortSpec)
	for _, row := range a.Endpoints {
		if set, err := portvigil.ParsePortSet(row.Ports); err == nil {
			ports.Union(row.Proto, set)
		}
		ports.Add(portvigil.Door{Proto: row.Proto, Port: row.Port})
	}
	return ports
}

// want adds a request unless one for the same is planned.
func (e *Engine) want(tx Tx, h portvigil.Host, view portvigil.View, ports *portvigil.PortSpec, reason string, due time.Time, open []portvigil.LookRequest) error {
	if planned(open, view, ports, reason, due) {
		return nil
	}
	wished := portsFor(view, ports)
	if reason == reasonShut && wished != nil && wished.UDP.Len() > 0 {
		trails, err := tx.Trails(h.ID)
		if err != nil {
			return err
		}
		wished = &portvigil.PortSpec{TCP: wished.TCP.Clone(), UDP: wished.UDP}
		wished.TCP.Union(knownDoors(trails)) // that answer: so what is silent beside them is not the way
	}
	return tx.AddRequest(e.wish(h, view, wished, reason, due))
}

// planned reports whether a look for the same reason covers the ports and is
// due by then. One that is running counts: the host is judged anew when it ends.
func planned(open []portvigil.LookRequest, view portvigil.View, ports *portvigil.PortSpec, reason string, due time.Time) bool {
	return slices.ContainsFunc(open, func(r portvigil.LookRequest) bool {
		return r.View == view && r.Reason == reason && (r.State == portvigil.LookRunning || !r.Due.After(due)) &&
			(view == portvigil.Inside || r.Ports != nil && r.Ports.Covers(ports))
	})
}

// portsFor returns what a view is asked to cover: an inside look covers all.
func portsFor(view portvigil.View, ports *portvigil.PortSpec) *portvigil.PortSpec {
	if view == portvigil.Inside {
		return nil
	}
	return ports
}
