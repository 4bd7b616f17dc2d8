package portvigil

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// explain keeps the host's one alert of doors that were open at first sight.
func (r *reconciler) explain(introduced []doorState) {
	own := r.newest(func(a *Alert) bool { return a.Kind == DoorsToExplain })
	rows := tellingRows(introduced)
	switch {
	case len(rows) == 0 && (own == nil || !own.Open()):
	case len(rows) == 0:
		res := Resolution{Kind: ResolvedCleared, By: "portvigil", Time: r.Now, Why: "every door is explained or shut"}
		if r.Approval.By != "" || own.State == AlertWaitingBaseline && r.documented(own) {
			res.Kind, res.By = ResolvedExpected, cmp.Or(r.Approval.By, own.Memory.ExpectedBy)
			res.Why, res.Owner = cmp.Or(r.Approval.Why, res.Why), r.Approval.Owner
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
	var flood, single []doorState
	for _, d := range news {
		if own != nil && (own.Open() || r.accepted(own)) && own.hasRow(d.door) {
			flood = append(flood, d)
		} else {
			single = append(single, d)
		}
	}
	everywhere := func(d doorState) bool { return r.answersEverywhere(d) }
	if len(single) > ManyNewDoors {
		flood, single = append(flood, single...), nil
	} else if slices.ContainsFunc(single, everywhere) {
		for _, d := range single {
			if everywhere(d) {
				flood = append(flood, d)
			}
		}
		single = slices.DeleteFunc(single, everywhere)
	}
	slices.SortFunc(flood, func(a, b doorState) int { return compareDoors(a.door, b.door) })
	for _, d := range single {
		r.open(d, d.worst())
	}
	rows := tellingRows(flood)
	switch {
	case len(rows) > 0:
		r.hostAlert(own, ManyDoors, rows)
	case own != nil && own.Open():
		r.resolve(*own, nil, r.endingOfMany(own))
	}
}

func (r *reconciler) endingOfMany(a *Alert) Resolution {
	switch {
	case r.Approval.By != "" || a.State == AlertWaitingBaseline && r.documented(a):
		return Resolution{Kind: ResolvedExpected, By: cmp.Or(r.Approval.By, a.Memory.ExpectedBy), Time: r.Now,
			Why: cmp.Or(r.Approval.Why, "its doors are in the baseline"), Owner: r.Approval.Owner}
	case a.State == AlertWaitingShut:
		return Resolution{Kind: ResolvedShut, By: a.Memory.ShutBy, Time: r.Now, Why: "seen shut"}
	}
	return Resolution{Kind: ResolvedCleared, By: "portvigil", Time: r.Now, Why: "its doors are shut, explained or told one by one"}
}

// documented reports whether the baseline has a door of the alert's rows: then it
// is what was waited for, else the doors were shut.
func (r *reconciler) documented(a *Alert) bool {
	return slices.ContainsFunc(r.Exposures, func(e Exposure) bool { return e.Entry != nil && a.hasRow(e.Door()) })
}

// accepted reports whether somebody still bears the risk of the alert.
func (r *reconciler) accepted(a *Alert) bool {
	return !a.Open() && a.Resolution.Kind == ResolvedAccepted && a.Resolution.Until != nil && r.Now.Before(*a.Resolution.Until)
}

// hasRow reports whether a row of the alert is about the door.
func (a *Alert) hasRow(door Door) bool {
	return slices.ContainsFunc(a.Endpoints, func(e AlertEndpoint) bool {
		if e.Ports == "" {
			return e.Proto == door.Proto && e.Port == door.Port
		}
		set, err := ParsePortSet(e.Ports)
		return e.Proto == door.Proto && err == nil && set.Contains(door.Port)
	})
}

// answersEverywhere reports whether the newest look of a vantage found a device
// that answers on every port, and this door among them.
func (r *reconciler) answersEverywhere(d doorState) bool {
	return slices.ContainsFunc(r.Trails, func(t Trail) bool {
		return slices.ContainsFunc(t.Newest.Notes, func(note string) bool { return NoteCode(note) == "answers-everywhere" }) &&
			slices.ContainsFunc(d.rows, func(e Exposure) bool { return slices.Contains(e.Looks, t.Newest.ID) })
	})
}

// hostAlert opens, re-opens or updates an alert that is about the whole host.
func (r *reconciler) hostAlert(own *Alert, kind Kind, rows []Exposure) {
	info := kind.Info()
	a := Alert{ID: NewID(), Family: info.Family, Opened: r.Now, Subject: Subject{"host", r.Host.Name}, Host: r.Host.Name}
	told, what := AlertOpened, "opened"
	switch {
	case own == nil:
	case own.Open():
		a, told, what = *own, "", SeenAgain
		if over := r.over(&a); over != "" {
			what = over
		}
	case r.accepted(own) && !r.grown(own, rows):
		return
	case own.Resolution.Kind != ResolvedExpected && own.Resolution.Kind != ResolvedAccepted && r.Now.Sub(own.Resolution.Time) > ReopenWithin:
		a.Memory.Before = own.ID
	default:
		a, told, what = *own, AlertReopened, "re-opened"
		a.Resolution, a.Memory = nil, AlertMemory{Before: own.Memory.Before}
		a.Reopened++
	}
	a.Kind, a.Severity = kind, severityOf(info, rows)
	a.Endpoints = rangesOf(endpointsOf(rows, func(*Exposure) bool { return true }))
	a.Views = viewsOf(rows)
	a.Text = a.Sentence()
	if what == SeenAgain && !sameDoors(own.Endpoints, a.Endpoints) {
		what = "rows changed"
	}
	if told == "" && a.Severity.Rank() > a.Memory.Peak.Rank() {
		told, what, a.Memory.Peak = AlertRisen, "risen", a.Severity
		if a.State == AlertAcknowledged {
			a.State, a.Memory.AckUntil = AlertNew, nil
		}
	}
	switch {
	case told == AlertOpened || told == AlertReopened:
		a.State, a.Changed, a.Memory.Peak = AlertNew, r.Now, a.Severity
	case told == "" && sameStory(*own, a):
		return
	case told != "" || a.State != own.State:
		a.Changed = r.Now
	}
	r.note(a, told, what)
}

// sameDoors reports whether rows are about the same doors, whatever is known of
// them.
func sameDoors(a, b []AlertEndpoint) bool {
	return slices.EqualFunc(a, b, func(x, y AlertEndpoint) bool {
		return x.Proto == y.Proto && x.Port == y.Port && x.Ports == y.Ports && x.Address == y.Address
	})
}

// grown reports whether there is a door, or a severity, that nobody accepted.
func (r *reconciler) grown(a *Alert, rows []Exposure) bool {
	return slices.ContainsFunc(rows, func(e Exposure) bool { return !a.hasRow(e.Door()) }) ||
		severityOf(a.Kind.Info(), rows).Rank() > a.Severity.Rank()
}

// severityOf is the kind's own, and no less than that of a hidden door.
func severityOf(info KindInfo, rows []Exposure) Severity {
	if slices.ContainsFunc(rows, func(e Exposure) bool { return e.Verdict == Hidden }) {
		return Kind(Hidden).Info().Severity
	}
	return info.Severity
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

// health keeps one alert for each view of the host that has gone blind. From outside
// TCP tells: that no UDP answers is the rule behind a firewall.
func (r *reconciler) health() {
	blind, excused, last := map[Kind]bool{}, map[Kind]bool{}, map[Kind]time.Time{}
	for i := range r.Trails {
		t := &r.Trails[i]
		if t.Newest.ID == "" || t.Key.Proto == UDP {
			continue // nothing but looks at the vantage's own machine, or at what may stay silent
		}
		kind := HostUnreachable
		if t.Key.View == Inside {
			kind = AgentSilent
		}
		seen := t.lastComplete()
		if seen.After(last[kind]) {
			last[kind] = seen
		}
		if seen.Before(r.Host.Added) {
			seen = r.Host.Added
		}
		if r.Now.Sub(seen) > r.Host.Interval(t.Key.View)*3/2 {
			if r.excuses(t) {
				excused[kind] = true
			} else {
				blind[kind] = true
			}
		}
	}
	for _, kind := range []Kind{HostUnreachable, AgentSilent} {
		own := r.newest(func(a *Alert) bool { return a.Kind == kind })
		switch {
		case blind[kind] && own != nil && !own.Open() && own.Resolution.Kind == ResolvedFalse && !last[kind].After(own.Resolution.Time):
			// The same silence as the one that somebody called a false alarm.
		case blind[kind]:
			r.hostAlert(own, kind, nil)
		case excused[kind]: // not known: what is open stays open
		case own != nil && own.Open():
			r.resolve(*own, nil, Resolution{Kind: ResolvedCleared, By: "portvigil", Time: r.Now, Why: "no view is blind any more"})
		}
	}
}

// excuses reports whether it is the vantage that is blind, and not the host that
// cannot be reached: while the vantage has an alert, or somebody bears that
// risk, and from its end until the vantage has looked at the host again, which it
// has to within the time that a look may be old.
func (r *reconciler) excuses(t *Trail) bool {
	at := slices.IndexFunc(r.Vantages, func(a Alert) bool {
		return a.Kind == VantageBlind && a.Subject == VantageSubject(t.Key.Vantage)
	})
	if t.Key.View != Outside || at < 0 {
		return false
	}
	newest := &r.Vantages[at]
	for i := range r.Vantages[at:] {
		if a := &r.Vantages[at+i]; a.Kind == VantageBlind && a.Subject == newest.Subject {
			newest = a
		}
	}
	if newest.Open() || r.accepted(newest) {
		return true
	}
	ended := newest.Resolution.Time
	return !t.Newest.Received.After(ended) && r.Now.Sub(ended) <= r.Host.Interval(Outside)*3/2
}

// lastComplete returns when the newest complete look was received; zero where
// there is none.
func (t *Trail) lastComplete() time.Time {
	var last time.Time
	for _, c := range t.Latest {
		if c.Look.Received.After(last) {
			last = c.Look.Received
		}
	}
	return last
}

// sameStory reports whether two versions of an alert say the same, apart from
// when it was last seen. It compares what is stored of them, so that an alert
// that was stored and read again is the same.
func sameStory(a, b Alert) bool {
	return bytes.Equal(a.story(), b.story())
}

func (a Alert) story() []byte {
	a.Changed = time.Time{}
	a.Views.Outside = slices.Clone(a.Views.Outside)
	for i := range a.Views.Outside {
		a.Views.Outside[i].Seen = time.Time{}
	}
	if a.Views.Inside != nil {
		inside := *a.Views.Inside
		inside.Seen = time.Time{}
		a.Views.Inside = &inside
	}
	text, err := json.Marshal(struct {
		Alert  Alert
		Memory AlertMemory
	}{a, a.Memory})
	if err != nil {
		panic(err) // nothing in an alert can fail to be written
	}
	return text
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
