package portvigil

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limits of RULES section 4.
const (
	ReopenWithin = 30 * 24 * time.Hour // after that, another alert that is linked
	ShutWithin   = 24 * time.Hour      // a door that was to be shut and is still open
	ManyNewDoors = 100                 // in one look; more are one alert
)

// Approval is who explained doors just now; Reconcile writes it into the
// resolutions that follow from it. The zero value is nobody.
type Approval struct{ By, Why, Owner string }

// Reconciliation is what alerts are held against.
type Reconciliation struct {
	Host      Host
	Now       time.Time
	Exposures []Exposure
	Trails    []Trail
	Alerts    []Alert // of the host, open and resolved, oldest first
	Approval  Approval
	// Vantages are the alerts about vantages, open and resolved, oldest first: of
	// a vantage that is blind, no host is said to be unreachable.
	Vantages []Alert
}

// SeenAgain is what is said of a change of no state, which no story tells.
const SeenAgain = "seen again"

// Change is what became of one alert.
type Change struct {
	Alert Alert
	Told  AlertEvent // "" where nobody is told
	What  string     // for the audit trail: "opened", "risen", "cleared", …
}

// Reconcile compares what is with what was raised, and returns every alert
// that opens, changes or ends because of it. Applied to its own result, with
// nothing new seen, it returns nothing.
func Reconcile(in Reconciliation) []Change {
	r := reconciler{Reconciliation: in}
	doors := doorsOf(in.Exposures)
	news, introduced := r.sortOut(doors)
	r.explain(introduced)
	r.many(news)
	r.health()
	return r.changes
}

// doorState is a door with its endpoints' exposures.
type doorState struct {
	door Door
	rows []Exposure
}

// worst returns the telling row of the highest severity, nil where none tells. Of
// several it is the one whose verdict stands first in the table of RULES section 3,
// whichever address sorts first.
func (d doorState) worst() *Exposure {
	table := []Verdict{Hidden, UnexpectedExposed, UnexpectedListening, Changed, Missing}
	var worst *Exposure
	for i := range d.rows {
		e := &d.rows[i]
		if e.Tells() && (worst == nil || cmp.Or(cmp.Compare(e.Severity().Rank(), worst.Severity().Rank()),
			cmp.Compare(slices.Index(table, worst.Verdict), slices.Index(table, e.Verdict))) > 0) {
			worst = e
		}
	}
	return worst
}

// introduced reports whether the door is only to be explained: everything that
// tells was open in the first complete look of its view.
func (d doorState) introduced() bool {
	for _, e := range d.rows {
		if !e.Tells() {
			continue
		}
		if !e.Introduced || e.Verdict != UnexpectedExposed && e.Verdict != UnexpectedListening {
			return false
		}
	}
	return true
}

func doorsOf(exposures []Exposure) []doorState {
	var doors []doorState
	for _, e := range exposures {
		if e.Verdict == Gap {
			continue
		}
		if n := len(doors); n == 0 || doors[n-1].door != e.Door() {
			doors = append(doors, doorState{door: e.Door()})
		}
		last := &doors[len(doors)-1]
		last.rows = append(last.rows, e)
	}
	return doors
}

type reconciler struct {
	Reconciliation
	changes []Change
}

// sortOut handles every door that has an alert of its own, and returns the
// doors that are news and those that only have to be explained.
func (r *reconciler) sortOut(doors []doorState) (news, introduced []doorState) {
	seen := map[Door]bool{}
	for _, d := range doors {
		seen[d.door] = true
		own := r.own(d.door)
		worst := d.worst()
		switch {
		case worst == nil && own != nil && own.Open():
			r.settle(*own, d)
		case worst == nil:
		case own != nil && own.Open():
			r.update(*own, d, worst)
		case own != nil:
			if back, linked := r.returns(own, d, worst); back {
				r.reopen(*own, d, worst)
			} else if linked {
				news = append(news, d)
			}
		case d.introduced():
			introduced = append(introduced, d)
		default:
			news = append(news, d)
		}
	}
	for _, a := range r.Alerts {
		if a.Open() && a.Family == FamilyExposure && a.Port != 0 && !seen[Door{a.Proto, a.Port}] {
			r.settle(a, doorState{door: Door{a.Proto, a.Port}})
		}
	}
	return news, introduced
}

// own returns the newest exposure alert of the door.
func (r *reconciler) own(door Door) *Alert {
	return r.newest(func(a *Alert) bool {
		return a.Family == FamilyExposure && a.Proto == door.Proto && a.Port == door.Port
	})
}

func (r *reconciler) newest(match func(*Alert) bool) *Alert {
	for i := len(r.Alerts) - 1; i >= 0; i-- {
		if match(&r.Alerts[i]) {
			return &r.Alerts[i]
		}
	}
	return nil
}

// returns decides whether a resolved alert opens again for what is seen now,
// or whether another one that is linked to it takes its place.
func (r *reconciler) returns(a *Alert, d doorState, worst *Exposure) (back, linked bool) {
	newlyHidden := worst.Verdict == Hidden && a.Kind != Kind(Hidden) // nobody has judged that yet
	switch res := a.Resolution; res.Kind {
	case ResolvedShut, ResolvedCleared:
		back = r.Now.Sub(res.Time) <= ReopenWithin
		return back, !back
	case ResolvedAccepted:
		over := res.Until != nil && !r.Now.Before(*res.Until)
		return over || worst.Verdict == Hidden || worst.Severity().Rank() > a.Severity.Rank(), false
	case ResolvedFalse:
		return newlyHidden || a.Memory.Print == nil || a.Memory.Print.differs(printOf(d.rows)), false
	default: // expected: the entry is gone, has expired or does not agree any more
		return true, false
	}
}

// differs reports whether something that is known on both sides differs.
func (p *DoorPrint) differs(now DoorPrint) bool {
	text := func(a, b string) bool { return a != "" && b != "" && a != b }
	return text(p.Product, now.Product) || text(p.HostKey, now.HostKey) ||
		text(string(p.Scope), string(now.Scope)) ||
		len(p.Exes) > 0 && len(now.Exes) > 0 && !slices.Equal(p.Exes, now.Exes) ||
		len(p.Reaches) > 0 && len(now.Reaches) > 0 && !slices.Equal(p.Reaches, now.Reaches)
}

// printOf joins the prints of a door's telling rows: whatever is known of any.
func printOf(rows []Exposure) DoorPrint {
	var all DoorPrint
	var products, keys []string
	for _, e := range rows {
		if !e.Tells() {
			continue
		}
		products, keys = appendNew(products, e.Print.Product), appendNew(keys, e.Print.HostKey)
		if e.Print.Scope.Rank() > all.Scope.Rank() {
			all.Scope = e.Print.Scope
		}
		all.Exes = append(all.Exes, e.Print.Exes...)
		all.Reaches = append(all.Reaches, e.Print.Reaches...)
	}
	slices.Sort(products)
	slices.Sort(keys)
	slices.Sort(all.Exes)
	slices.Sort(all.Reaches)
	all.Product, all.HostKey = strings.Join(products, ", "), strings.Join(keys, ", ")
	all.Exes, all.Reaches = slices.Compact(all.Exes), slices.Compact(all.Reaches)
	return all
}

// open raises an alert for a door.
func (r *reconciler) open(d doorState, worst *Exposure) {
	a := Alert{ID: NewID(), Family: FamilyExposure, State: AlertNew, Opened: r.Now, Changed: r.Now,
		Subject: Subject{"host", r.Host.Name}, Host: r.Host.Name, Proto: d.door.Proto, Port: d.door.Port}
	if before := r.own(d.door); before != nil {
		a.Memory.Before = before.ID
	}
	r.paint(&a, d, worst)
	a.Memory.Peak = a.Severity
	r.note(a, AlertOpened, "opened")
}

func (r *reconciler) reopen(a Alert, d doorState, worst *Exposure) {
	a.State, a.Resolution, a.Changed, a.Cause = AlertNew, nil, r.Now, nil // what it shared when it opened first
	a.Reopened++
	a.Memory = AlertMemory{Before: a.Memory.Before}
	r.paint(&a, d, worst)
	a.Memory.Peak = a.Severity
	r.note(a, AlertReopened, "re-opened")
}

// update brings an open alert to what is seen now. Only a rise is told.
func (r *reconciler) update(a Alert, d doorState, worst *Exposure) {
	was := a
	r.paint(&a, d, worst)
	told, what := AlertEvent(""), SeenAgain
	over := r.over(&a) // also where it rises: judging it again must find nothing left
	if a.Severity.Rank() > a.Memory.Peak.Rank() {
		a.Memory.Peak, told, what = a.Severity, AlertRisen, "risen"
		if a.State == AlertAcknowledged {
			a.State, a.Memory.AckUntil = AlertNew, nil
		}
	} else if over != "" {
		what = over
	}
	if told == "" && a.State == was.State && sameStory(was, a) {
		return
	}
	if a.State != was.State || a.Kind != was.Kind || told != "" {
		a.Changed = r.Now
	}
	r.note(a, told, what)
}

// over takes an alert back to new where its state was granted for a time only,
// and says why; "" where it stays.
func (r *reconciler) over(a *Alert) string {
	switch {
	case a.State == AlertAcknowledged && a.Memory.AckUntil != nil && !r.Now.Before(*a.Memory.AckUntil):
		a.State, a.Memory.AckUntil = AlertNew, nil
		return "acknowledgement is over"
	case a.State == AlertWaitingShut && a.Memory.ShutAsked != nil && r.Now.Sub(*a.Memory.ShutAsked) >= ShutWithin:
		a.State, a.Memory.ShutAsked = AlertNew, nil
		return "still open"
	}
	return ""
}

// settle ends an alert whose door tells nothing any more, unless a second
// sight is still awaited.
func (r *reconciler) settle(a Alert, d doorState) {
	if slices.ContainsFunc(d.rows, func(e Exposure) bool { return e.Verdict == Pending }) {
		if over := r.over(&a); over != "" {
			a.Changed = r.Now
			r.note(a, "", over)
		}
		return
	}
	r.resolve(a, d.rows, r.ending(&a, d))
}

// ending says how an alert ends whose door tells nothing any more.
func (r *reconciler) ending(a *Alert, d doorState) Resolution {
	var entry *Entry
	var allow *Allow
	for _, e := range d.rows {
		if e.Entry != nil {
			entry = e.Entry
		}
		if e.Allow != nil {
			allow = e.Allow
		}
	}
	res := Resolution{Kind: ResolvedCleared, By: "portvigil", Time: r.Now}
	undocumented := a.Kind == Kind(UnexpectedExposed) || a.Kind == Kind(UnexpectedListening)
	switch {
	case entry != nil && (r.Approval.By != "" || a.State == AlertWaitingBaseline || undocumented && stillOpen(a.Views, viewsOf(d.rows))):
		res.Kind, res.Why, res.Owner = ResolvedExpected, r.Approval.Why, r.Approval.Owner
		res.By = cmp.Or(r.Approval.By, a.Memory.ExpectedBy, "baseline")
		if res.Why == "" {
			res.Why, res.Owner = entry.Why, entry.Owner
		}
	case allow != nil:
		res.Why, res.Owner = "allowed: "+allow.Why, allow.Owner
	case a.State == AlertWaitingShut:
		res.Kind, res.By, res.Why = ResolvedShut, a.Memory.ShutBy, "seen shut"
	case a.Kind == Kind(Missing):
		res.Why = "open again, or no longer in the baseline"
	case a.Kind == Kind(Changed):
		res.Why = "as the baseline has it again"
	case a.Kind == Kind(Hidden) && entry != nil:
		res.Why = "the inside view explains it, and the baseline has it"
	case len(d.rows) == 0:
		res.Why = "no address of the host has this door any more"
	default:
		res.Why = "seen shut in every live view that saw it open"
	}
	return res
}

// stillOpen reports whether every view that saw the door open still does: then
// it is the baseline that changed, else somebody shut the door.
func stillOpen(before, now AlertViews) bool {
	if before.Inside != nil && before.Inside.State == Listening && (now.Inside == nil || now.Inside.State != Listening) {
		return false
	}
	for _, b := range before.Outside {
		still := func(s Sighting) bool { return s.Vantage == b.Vantage && s.State == string(StateOpen) }
		if b.State == string(StateOpen) && !slices.ContainsFunc(now.Outside, still) {
			return false
		}
	}
	return true
}

func (r *reconciler) resolve(a Alert, rows []Exposure, res Resolution) {
	a.State, a.Resolution, a.Changed, a.Edit = AlertResolved, &res, r.Now, ""
	if len(rows) > 0 {
		a.Endpoints = endpointsOf(rows, func(e *Exposure) bool { return true })
		a.Views = viewsOf(rows)
	}
	a.Text = a.Sentence()
	r.note(a, AlertIsResolved, string(res.Kind))
}

// paint writes what is seen of the door into its alert.
func (r *reconciler) paint(a *Alert, d doorState, worst *Exposure) {
	info := Kind(worst.Verdict).Info()
	a.Kind, a.Severity = info.Kind, info.Severity
	a.Endpoints = endpointsOf(d.rows, func(e *Exposure) bool { return e.Tells() || e.Open() })
	a.Views = viewsOf(d.rows)
	for i := range d.rows {
		e := &d.rows[i]
		if e.Service != nil && (a.Service == nil || e == worst) {
			a.Service = e.Service
		}
		if e.Process != nil && (a.Process == nil || e == worst) {
			a.Process = e.Process
		}
	}
	if worst.Service != nil {
		a.Service = worst.Service
	}
	if worst.Process != nil {
		a.Process = worst.Process
	}
	seen := printOf(d.rows)
	a.Memory.Print = &seen
	a.Text = a.Sentence()
	if worst.Verdict == Changed {
		a.Text = fmt.Sprintf("%s %s", a.Text, DifferencesText(worst.Differences))
	}
}

func (r *reconciler) note(a Alert, told AlertEvent, what string) {
	r.changes = append(r.changes, Change{a, told, what})
}

func endpointsOf(rows []Exposure, take func(*Exposure) bool) []AlertEndpoint {
	list := []AlertEndpoint{}
	for i := range rows {
		e := &rows[i]
		if !take(e) {
			continue
		}
		also := e.Also
		if also == nil {
			also = []Verdict{}
		}
		list = append(list, AlertEndpoint{Address: e.Address, Proto: e.Proto, Port: e.Port,
			Verdict: e.Verdict, Also: also, Service: e.Service, Process: e.Process})
	}
	return list
}

// viewsOf joins the sightings of a door's endpoints: of each vantage, open
// where any address is open, and the newest time.
func viewsOf(rows []Exposure) AlertViews {
	views := AlertViews{Outside: []Sighting{}}
	for _, e := range rows {
		for _, s := range e.Views.Outside {
			at := slices.IndexFunc(views.Outside, func(o Sighting) bool { return o.Vantage == s.Vantage })
			switch {
			case at < 0:
				views.Outside = append(views.Outside, s)
			case s.State == string(StateOpen) && views.Outside[at].State != string(StateOpen):
				views.Outside[at] = s
			case s.State == views.Outside[at].State && s.Seen.After(views.Outside[at].Seen):
				views.Outside[at].Seen = s.Seen
			}
		}
		if in := e.Views.Inside; in != nil && (views.Inside == nil || in.State == Listening && views.Inside.State != Listening) {
			copied := *in
			views.Inside = &copied
		}
	}
	return views
}
