package portvigil

import (
	"fmt"
	"reflect"
	"slices"
)

// explain keeps the host's one alert of doors that were open at first sight.
func (r *reconciler) explain(introduced []doorState) {
	own := r.newest(func(a *Alert) bool { return a.Kind == DoorsToExplain })
	rows := tellingRows(introduced)
	switch {
	case len(rows) == 0 && (own == nil || !own.Open()):
	case len(rows) == 0:
		res := Resolution{Kind: ResolvedCleared, By: "portvigil", Time: r.Now, Why: "every door is explained or shut"}
		if r.Approval.By != "" {
			res.Kind, res.By, res.Why, res.Owner = ResolvedExpected, r.Approval.By, r.Approval.Why, r.Approval.Owner
		}
		r.resolve(*own, nil, res)
	default:
		r.hostAlert(own, DoorsToExplain, rows)
	}
}

// many keeps the host's one alert of a flood, and raises the alerts of doors
// that are no part of one.
func (r *reconciler) many(news []doorState) {
	own := r.newest(func(a *Alert) bool { return a.Kind == ManyDoors })
	inFlood := func(d doorState) bool {
		return own != nil && own.Open() && slices.ContainsFunc(own.Endpoints, func(e AlertEndpoint) bool {
			set, err := ParsePortSet(e.Ports)
			return e.Proto == d.door.Proto && (e.Port == d.door.Port || err == nil && set.Contains(d.door.Port))
		})
	}
	var flood, single []doorState
	for _, d := range news {
		if inFlood(d) {
			flood = append(flood, d)
		} else {
			single = append(single, d)
		}
	}
	if len(single) > ManyNewDoors || r.answersEverywhere() && len(single) > 0 {
		flood, single = append(flood, single...), nil
	}
	for _, d := range single {
		r.open(d, d.worst())
	}
	rows := tellingRows(flood)
	switch {
	case len(rows) > 0:
		r.hostAlert(own, ManyDoors, rows)
	case own != nil && own.Open():
		r.resolve(*own, nil, Resolution{Kind: ResolvedCleared, By: "portvigil", Time: r.Now, Why: "its doors are shut, explained or told one by one"})
	}
}

// answersEverywhere reports whether the newest look of a vantage found a
// device that answers on every port.
func (r *reconciler) answersEverywhere() bool {
	return slices.ContainsFunc(r.Trails, func(t Trail) bool {
		return slices.ContainsFunc(t.Newest.Notes, func(note string) bool { return NoteCode(note) == "answers-everywhere" })
	})
}

// hostAlert opens, re-opens or updates an alert that is about the whole host.
func (r *reconciler) hostAlert(own *Alert, kind Kind, rows []Exposure) {
	info := kind.Info()
	a := Alert{ID: NewID(), Family: info.Family, Opened: r.Now, Subject: Subject{"host", r.Host.Name}, Host: r.Host.Name}
	told, what := AlertOpened, "opened"
	switch {
	case own != nil && own.Open():
		a, told, what = *own, "", "rows changed"
		if over := r.over(&a); over != "" {
			what = over
		}
	case own != nil && own.Resolution.Kind == ResolvedAccepted && own.Resolution.Until != nil && r.Now.Before(*own.Resolution.Until):
		return
	case own != nil:
		a, told, what = *own, AlertReopened, "re-opened"
		a.Resolution, a.Memory = nil, AlertMemory{}
		a.Reopened++
	}
	was := Alert{}
	if own != nil {
		was = *own
	}
	a.Kind, a.Severity = kind, info.Severity
	a.Endpoints = rangesOf(endpointsOf(rows, func(*Exposure) bool { return true }))
	a.Views = viewsOf(rows)
	a.Text = a.Sentence()
	if told == "" {
		if sameStory(was, a) {
			return
		}
	} else {
		a.State, a.Changed, a.Memory.Peak = AlertNew, r.Now, a.Severity
	}
	r.note(a, told, what)
}

// tellingRows returns the rows of the doors that tell something.
func tellingRows(doors []doorState) []Exposure {
	var rows []Exposure
	for _, d := range doors {
		for _, e := range d.rows {
			if e.Tells() {
				rows = append(rows, e)
			}
		}
	}
	return rows
}

// rangesOf writes more than ManyNewDoors rows as one row an address, protocol
// and verdict, with ranges.
func rangesOf(rows []AlertEndpoint) []AlertEndpoint {
	if len(rows) <= ManyNewDoors {
		return rows
	}
	var joined []AlertEndpoint
	var sets []*PortSet
	for _, row := range rows {
		at := slices.IndexFunc(joined, func(j AlertEndpoint) bool {
			return j.Address == row.Address && j.Proto == row.Proto && j.Verdict == row.Verdict
		})
		if at < 0 {
			at = len(joined)
			joined = append(joined, AlertEndpoint{Address: row.Address, Proto: row.Proto, Port: row.Port, Verdict: row.Verdict, Also: []Verdict{}})
			sets = append(sets, new(PortSet))
		}
		sets[at].Add(row.Port)
	}
	for i := range joined {
		joined[i].Ports = sets[i].String()
	}
	return joined
}

// health keeps one alert for each view of the host that has gone blind.
func (r *reconciler) health() {
	blind := map[Kind]bool{}
	j := joiner{Situation: Situation{Host: r.Host, Now: r.Now}}
	has := map[Kind]bool{}
	for i := range r.Trails {
		t := &r.Trails[i]
		kind := HostUnreachable
		if t.Key.View == Inside {
			kind = AgentSilent
		}
		last := r.Host.Added
		for _, c := range t.Latest {
			if c.Look.Received.After(last) {
				last = c.Look.Received
			}
		}
		has[kind] = true
		if j.Now.Sub(last) > r.Host.Interval(t.Key.View)*3/2 {
			blind[kind] = true
		}
	}
	for _, kind := range []Kind{HostUnreachable, AgentSilent} {
		own := r.newest(func(a *Alert) bool { return a.Kind == kind })
		switch {
		case blind[kind]:
			r.hostAlert(own, kind, nil)
		case own != nil && own.Open() && has[kind]:
			r.resolve(*own, nil, Resolution{Kind: ResolvedCleared, By: "portvigil", Time: r.Now, Why: "a complete look arrived"})
		}
	}
}

// sameStory reports whether two versions of an alert say the same, apart from
// when it was last seen.
func sameStory(a, b Alert) bool {
	strip := func(a Alert) Alert {
		a.Changed = b.Changed
		a.Views.Outside = slices.Clone(a.Views.Outside)
		for i := range a.Views.Outside {
			a.Views.Outside[i].Seen = b.Changed
		}
		if a.Views.Inside != nil {
			inside := *a.Views.Inside
			inside.Seen = b.Changed
			a.Views.Inside = &inside
		}
		return a
	}
	return reflect.DeepEqual(strip(a), strip(b))
}

// Gone ends every open alert of a host that is watched no more.
func Gone(alerts []Alert, r Reconciliation) []Change {
	g := reconciler{Reconciliation: r}
	for _, a := range alerts {
		if a.Open() {
			g.resolve(a, nil, Resolution{Kind: ResolvedCleared, By: r.Approval.By, Time: r.Now, Why: fmt.Sprintf("host %s was removed", a.Host)})
		}
	}
	return g.changes
}
