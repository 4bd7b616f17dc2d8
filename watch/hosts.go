package watch

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// AddHost adds a host and starts its first looks. Its addresses are in scope
// from then on, unless they are denied.
func (e *Engine) AddHost(ctx context.Context, by string, h portvigil.Host) (portvigil.Host, error) {
	if err := cmp.Or(checkHost(&h), checkGroups(h.Groups)); err != nil {
		return h, err
	}
	found, failures := e.addressesOf(ctx, h.Targets)
	if err := errors.Join(failures...); err != nil {
		return h, err
	}
	h.ID, h.Added, h.Addresses, h.Waiting, h.Maintenance = portvigil.NewID(), e.now(), found, nil, nil
	err := e.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.Host(h.Name); err == nil {
			return portvigil.Errorf(portvigil.CodeConflict, "host %s is there already", h.Name).
				WithHint("see it with: portvigil hosts show %s", h.Name)
		} else if portvigil.ErrorCode(err) != portvigil.CodeNotFound {
			return err
		}
		scope, err := scopeOf(tx)
		if err != nil {
			return err
		}
		for _, a := range h.Addresses {
			if err := scope.Check(a.Address, true); err != nil {
				return err
			}
		}
		if err := tx.PutHost(h); err != nil {
			return err
		}
		for _, view := range e.viewsOf(h) {
			if err := tx.AddRequest(e.wish(h, view, nil, reasonFirst, e.now())); err != nil {
				return err
			}
		}
		return e.act(tx, by, portvigil.ActHostAdded, "host", h.Name, strings.Join(h.Targets, ", "))
	})
	return h, err
}

// checkHost fills in defaults and refuses what no host can be.
func checkHost(h *portvigil.Host) error {
	if err := portvigil.CheckHostName(h.Name); err != nil {
		return err
	}
	if len(h.Targets) == 0 && !h.Local {
		return portvigil.Errorf(portvigil.CodeInvalid, "host %s has no address", h.Name).
			WithHint("give one or more: portvigil hosts add %s ADDRESS|DNSNAME…", h.Name)
	}
	if h.Outside == 0 {
		h.Outside = portvigil.DefaultOutsideInterval
	}
	if h.Inside == 0 {
		h.Inside = portvigil.DefaultInsideInterval
	}
	for _, interval := range []time.Duration{h.Outside, h.Inside} {
		if interval < time.Minute {
			return portvigil.Errorf(portvigil.CodeInvalid, "an interval of %s is too short", interval).WithHint("give at least 1m")
		}
	}
	return nil
}

// checkGroups refuses names of groups that are newly given.
func checkGroups(names []string) error {
	for _, name := range names {
		if err := portvigil.CheckGroupName(name); err != nil {
			return err
		}
	}
	return nil
}

// EnsureLocal adds this machine as a host that is seen from inside, where it
// is not there yet, and has it looked at.
func (e *Engine) EnsureLocal(ctx context.Context, name string) error {
	if e.inside == nil {
		return nil
	}
	return e.store.Update(ctx, func(tx Tx) error {
		h, err := tx.Host(name)
		switch {
		case portvigil.ErrorCode(err) == portvigil.CodeNotFound:
			if err := e.act(tx, System, portvigil.ActHostAdded, "host", name, "this machine"); err != nil {
				return err
			}
			h = portvigil.Host{ID: portvigil.NewID(), Name: name, Added: e.now()}
		case err != nil:
			return err
		}
		h.Local = true
		if err := checkHost(&h); err != nil {
			return err
		}
		if err := tx.PutHost(h); err != nil {
			return err
		}
		open, err := tx.OpenRequests(h.ID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(open, func(r portvigil.LookRequest) bool { return r.View == portvigil.Inside && r.Reason == reasonFirst }) {
			return nil // a process that died before it got there
		}
		return tx.AddRequest(e.wish(h, portvigil.Inside, nil, reasonFirst, e.now()))
	})
}

// Hosts returns what is known of every host.
func (e *Engine) Hosts(ctx context.Context) (list []portvigil.HostStatus, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		hosts, err := tx.Hosts()
		if err != nil {
			return err
		}
		alerts, _, err := tx.AlertsWhere(portvigil.AlertFilter{States: portvigil.OpenStates()})
		if err != nil {
			return err
		}
		alertsOf := map[string][]portvigil.Alert{}
		for _, a := range alerts {
			alertsOf[a.Host] = append(alertsOf[a.Host], a)
		}
		requests, err := tx.OpenRequests("")
		if err != nil {
			return err
		}
		requestsOf := map[string][]portvigil.LookRequest{}
		for _, r := range requests {
			requestsOf[r.HostID] = append(requestsOf[r.HostID], r)
		}
		list = nil
		for _, h := range hosts {
			s, err := e.status(tx, h, alertsOf[h.Name], requestsOf[h.ID])
			if err != nil {
				return err
			}
			list = append(list, s)
		}
		return nil
	})
	return list, err
}

// Host returns what is known of one host.
func (e *Engine) Host(ctx context.Context, name string) (s portvigil.HostStatus, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		h, err := tx.Host(name)
		if err != nil {
			return err
		}
		alerts, _, err := tx.AlertsWhere(portvigil.AlertFilter{States: portvigil.OpenStates(), Hosts: []string{name}})
		if err != nil {
			return err
		}
		requests, err := tx.OpenRequests(h.ID)
		if err != nil {
			return err
		}
		s, err = e.status(tx, h, alerts, requests)
		return err
	})
	return s, err
}

// status is what is known of a host with these open alerts and requests.
func (e *Engine) status(tx Tx, h portvigil.Host, alerts []portvigil.Alert, requests []portvigil.LookRequest) (portvigil.HostStatus, error) {
	situation, err := e.situation(tx, h)
	if err != nil {
		return portvigil.HostStatus{}, err
	}
	s := portvigil.HostStatus{Host: h, Exposures: portvigil.Join(situation), Alerts: append([]portvigil.Alert{}, alerts...), Views: []portvigil.ViewStatus{},
		Kept: e.line.kept(h.ID)}
	for _, t := range situation.Trails {
		s.Views = append(s.Views, viewStatus(h, t, situation.Now))
	}
	slices.SortFunc(s.Alerts, func(a, b portvigil.Alert) int { return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID)) })
	s.NextOutside, s.NextInside = nextLooks(requests)
	return s, nil
}

func viewStatus(h portvigil.Host, t portvigil.Trail, now time.Time) portvigil.ViewStatus {
	v := portvigil.ViewStatus{View: t.Key.View, Vantage: t.Key.Vantage, Proto: t.Key.Proto,
		Newest: t.Newest.Received, Notes: t.Newest.Notes}
	if t.Key.Address.IsValid() {
		v.Address = t.Key.Address.String()
	}
	for _, c := range t.Latest {
		if c.Look.Received.After(v.Complete) {
			v.Complete = c.Look.Received
		}
	}
	last := v.Complete
	if t.Unheard() {
		last = v.Newest // it was looked at, and all that can be known is that UDP stays silent
	}
	v.Fresh = !last.IsZero() && now.Sub(last) <= h.Interval(t.Key.View)*3/2
	return v
}

// RemoveHost stops watching a host and ends its alerts.
func (e *Engine) RemoveHost(ctx context.Context, by, name string) error {
	return e.store.Update(ctx, func(tx Tx) error {
		h, err := tx.Host(name)
		if err != nil {
			return err
		}
		alerts, err := tx.AlertsOfHost(name)
		if err != nil {
			return err
		}
		gone := portvigil.Gone(alerts, portvigil.Reconciliation{Host: h, Now: e.now(), Approval: portvigil.Approval{By: by}})
		if err := e.record(tx, gone, by); err != nil {
			return err
		}
		if err := tx.RemoveHost(h.ID); err != nil {
			return err
		}
		return e.act(tx, by, portvigil.ActHostRemoved, "host", name, "")
	})
}

// Report takes a look from inside that was made elsewhere. A look that was
// reported before counts once.
func (e *Engine) Report(ctx context.Context, name string, report io.Reader) (*portvigil.Look, error) {
	l, err := portvigil.ReadInsideReport(report)
	if err != nil {
		return nil, err
	}
	var h portvigil.Host
	err = e.store.View(ctx, func(tx Tx) error { h, err = tx.Host(name); return err })
	if err != nil {
		return nil, err
	}
	l.Seq = 0 // the order is the one in which reports arrive
	err = e.submit(ctx, h, l)
	if errors.Is(err, errGone) {
		return nil, portvigil.Errorf(portvigil.CodeNotFound, "host %s was removed", name)
	}
	return l, err
}

// LookNow makes one look now, or joins one that was asked for and covers the
// same, and passes its records on until it is done. Leaving early (ctx ends)
// does not stop the look.
func (e *Engine) LookNow(ctx context.Context, name string, wish portvigil.LookWish, send func(portvigil.LookEvent) error) error {
	var ports *portvigil.PortSpec
	if wish.Ports != "" {
		asked, err := e.outside.ParsePorts(wish.Ports)
		if err != nil {
			return err
		}
		ports = &asked
	}
	h, requests, err := e.ask(ctx, name, wish.View, ports)
	if err != nil {
		return err
	}
	outcome := portvigil.LookOutcome{Complete: true}
	for _, r := range requests {
		if err := e.follow(ctx, r, send); err != nil {
			return err
		}
		complete, err := e.showLooks(ctx, h, r, send, &outcome)
		if err != nil {
			return err
		}
		outcome.Complete = outcome.Complete && complete
	}
	err = e.store.View(ctx, func(tx Tx) error {
		alerts, err := tx.AlertsOfHost(name)
		for _, a := range alerts {
			if a.Open() {
				outcome.OpenAlerts++
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return send(portvigil.LookEvent{Done: &outcome})
}

// AskForLook has a host looked at now, and does not wait for it.
func (e *Engine) AskForLook(ctx context.Context, name string, view portvigil.View) error {
	_, _, err := e.ask(ctx, name, view, nil)
	return err
}

// ask finds or adds the requests for a look now.
func (e *Engine) ask(ctx context.Context, name string, view portvigil.View, ports *portvigil.PortSpec) (h portvigil.Host, requests []string, err error) {
	err = e.store.Update(ctx, func(tx Tx) error {
		requests = nil
		if h, err = tx.Host(name); err != nil {
			return err
		}
		views := e.viewsOf(h)
		if view != "" {
			if !slices.Contains(views, view) {
				return e.noView(h, view)
			}
			views = []portvigil.View{view}
		}
		if len(views) == 0 {
			return e.noView(h, portvigil.Outside)
		}
		open, err := tx.OpenRequests(h.ID)
		if err != nil {
			return err
		}
		for _, v := range views {
			if v == portvigil.Inside && ports != nil && view == "" {
				continue // asked for ports, which only an outside look can choose
			}
			if at := joinable(open, v, portsFor(v, ports), e.now()); at >= 0 {
				requests = append(requests, open[at].ID)
				if err := hurry(tx, open[at]); err != nil {
					return err
				}
				continue
			}
			r := e.wish(h, v, portsFor(v, ports), reasonAsked, e.now())
			if err := tx.AddRequest(r); err != nil {
				return err
			}
			requests = append(requests, r.ID)
		}
		return nil
	})
	return h, requests, err
}

func (e *Engine) noView(h portvigil.Host, view portvigil.View) error {
	if view == portvigil.Inside {
		return portvigil.Errorf(portvigil.CodeUnavailable, "this server cannot look at %s from inside", h.Name).
			WithHint("report it: ssh %s portvigil check --json | portvigil hosts report %s -", h.Name, h.Name)
	}
	return portvigil.Errorf(portvigil.CodeUnavailable, "host %s has no address to look at from outside", h.Name).
		WithHint("no machine sees itself from outside: run serve on another one and add this host there")
}

// joinable returns the request that a wish may join: the host's first look, or
// one with the same ports that is due and has not begun; -1 for none.
func joinable(open []portvigil.LookRequest, view portvigil.View, ports *portvigil.PortSpec, now time.Time) int {
	return slices.IndexFunc(open, func(r portvigil.LookRequest) bool {
		if r.View != view {
			return false
		}
		same := r.Ports.Equal(ports)
		return r.Reason == reasonFirst && same || same && r.State == portvigil.LookWanted && !r.Due.After(now)
	})
}

// hurry puts a request before those of the schedule, now that a person waits for it.
func hurry(tx Tx, r portvigil.LookRequest) error {
	if r.Urgent || r.State != portvigil.LookWanted {
		return nil
	}
	r.Urgent = true
	return tx.WakeRequest(r)
}

// follow passes progress on until the request is done, and why it has not begun.
func (e *Engine) follow(ctx context.Context, id string, send func(portvigil.LookEvent) error) error {
	updates, done, leave := e.progress.join(id)
	defer leave()
	for {
		if over, err := e.isOver(ctx, id); err != nil || over {
			return err
		}
		if why := e.line.keptRequest(id); why != "" {
			if err := send(portvigil.LookEvent{Progress: &portvigil.LookProgress{Waits: why}}); err != nil {
				return err
			}
		}
		// The poll is for requests that another process, or a former life of
		// this one, finishes without telling our broadcast.
		poll := time.NewTimer(2 * time.Second)
		select {
		case <-ctx.Done():
			poll.Stop()
			return ctx.Err()
		case p := <-updates:
			if err := send(portvigil.LookEvent{Progress: &p}); err != nil {
				poll.Stop()
				return err
			}
		case <-done:
		case <-poll.C:
		}
		poll.Stop()
	}
}

func (e *Engine) isOver(ctx context.Context, id string) (over bool, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		r, err := tx.Request(id)
		if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
			return portvigil.Errorf(portvigil.CodeNotFound, "the host was removed while it was looked at")
		}
		over = r.State == portvigil.LookDone || r.State == portvigil.LookFailed
		return err
	})
	return over, err
}

// showLooks sends the records of the looks that a request led to, and reports
// whether all of them are complete. A regular one of a host that answers no UDP is:
// its record says so, and there is nothing to mend.
func (e *Engine) showLooks(ctx context.Context, h portvigil.Host, id string, send func(portvigil.LookEvent) error, outcome *portvigil.LookOutcome) (bool, error) {
	var r portvigil.LookRequest
	var looks []*portvigil.Look
	var baseline portvigil.Baseline
	err := e.store.View(ctx, func(tx Tx) (err error) {
		if r, err = tx.Request(id); err != nil {
			return err
		}
		if baseline, err = e.baselineOf(tx, h); err != nil {
			return err
		}
		looks, err = tx.LooksOfRun(h.ID, r.Run)
		return err
	})
	if err != nil {
		return false, err
	}
	complete := r.State == portvigil.LookDone && len(looks) > 0
	if r.Error != "" {
		outcome.Error = r.Error
	}
	for _, l := range looks {
		complete = complete && (l.Complete || r.Ports == nil && l.Unanswered())
		for _, port := range portvigil.PortRecords(l) {
			if err := send(portvigil.LookEvent{Port: &port}); err != nil {
				return false, err
			}
		}
		for _, listener := range l.Listeners {
			record := portvigil.ListenerRecord{Type: "listener", Time: l.Ended, Listener: listener,
				InBaseline: len(baseline.CoveringInside(listener, e.now())) > 0}
			if err := send(portvigil.LookEvent{Listener: &record}); err != nil {
				return false, err
			}
		}
		record := portvigil.RecordOfLook(l)
		if err := send(portvigil.LookEvent{Look: &record}); err != nil {
			return false, err
		}
	}
	return complete, nil
}
