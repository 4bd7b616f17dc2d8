package watch

import (
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// modelAlert is an alert's life as RULES 4 has it. about is a door, or a kind
// for what is about the whole host.
type modelAlert struct {
	about      string
	kind       portvigil.Kind
	state      portvigil.AlertState
	severity   int
	known      int // the severity that people know of
	ackUntil   time.Time
	shutAsked  time.Time
	resolution portvigil.ResolutionKind
	ended      time.Time
	until      time.Time // accepted
	print      modelPrint
	openViews  []string
	doors      []portvigil.Door // of doors-to-explain
	told       []portvigil.AlertEvent
	kept       []portvigil.AlertEvent // what happened since, in maintenance
	byItself   bool                   // ended so
	noted      bool
}

func (a *modelAlert) open() bool { return a.state != portvigil.AlertResolved }

// find returns the newest alert about something.
func (m *model) find(about string) *modelAlert {
	for i := len(m.alerts) - 1; i >= 0; i-- {
		if m.alerts[i].about == about {
			return m.alerts[i]
		}
	}
	return nil
}

// tell notes that people are told, or that it is kept while the host is in
// maintenance.
func (m *model) tell(a *modelAlert, event portvigil.AlertEvent) {
	if m.now.Before(m.maintained) {
		a.kept = append(a.kept, event)
		return
	}
	a.catchUp()
	a.told = append(a.told, event)
}

// catchUp tells what brings people from what they heard last to what is now.
func (a *modelAlert) catchUp() {
	kept := a.kept
	if a.kept = nil; len(kept) == 0 {
		return
	}
	knownOpen := len(a.told) > 0 && a.told[len(a.told)-1] != portvigil.AlertIsResolved
	open, opening := knownOpen, portvigil.AlertEvent("")
	for _, e := range kept {
		if open = e != portvigil.AlertIsResolved; e == portvigil.AlertOpened || e == portvigil.AlertReopened {
			opening = e
		}
	}
	switch {
	case !knownOpen && open:
		a.told = append(a.told, opening)
	case knownOpen && !open:
		a.told = append(a.told, portvigil.AlertIsResolved)
	case knownOpen && open:
		a.told = append(a.told, portvigil.AlertRisen)
	}
}

// sweep tells what was kept once maintenance is over.
func (m *model) sweep() {
	if m.now.Before(m.maintained) {
		return
	}
	for _, a := range m.alerts {
		a.catchUp()
	}
}

// raise opens an alert, or another one.
func (m *model) raise(own *modelAlert, about string, again bool) *modelAlert {
	a, event := own, portvigil.AlertReopened
	if !again {
		a, event = &modelAlert{about: about}, portvigil.AlertOpened
		m.alerts = append(m.alerts, a)
	}
	*a = modelAlert{about: about, state: portvigil.AlertNew, told: a.told, kept: a.kept}
	m.tell(a, event)
	return a
}

func (m *model) end(a *modelAlert, how portvigil.ResolutionKind) {
	a.state, a.resolution, a.ended, a.byItself = portvigil.AlertResolved, how, m.now, true
	m.tell(a, portvigil.AlertIsResolved)
}

// timeUp takes back what was granted for a time.
func (m *model) timeUp(a *modelAlert) {
	switch {
	case a.state == portvigil.AlertAcknowledged && !a.ackUntil.IsZero() && !m.now.Before(a.ackUntil),
		a.state == portvigil.AlertWaitingShut && m.now.Sub(a.shutAsked) >= 24*time.Hour:
		a.state = portvigil.AlertNew
	}
}

// step judges the host and lets every alert live on.
func (m *model) step() {
	all, _ := m.verdicts()
	byDoor := map[string][]judged{}
	var order []string
	for _, j := range all {
		name := j.door.String()
		if byDoor[name] == nil {
			order = append(order, name)
		}
		byDoor[name] = append(byDoor[name], j)
	}
	for _, a := range m.alerts {
		if a.kind != portvigil.DoorsToExplain && a.kind.Info().Family == portvigil.FamilyExposure && byDoor[a.about] == nil {
			order = append(order, a.about) // a door that nothing speaks of any more
		}
	}
	var introduced []judged
	for _, name := range slices.Compact(order) {
		introduced = append(introduced, m.door(name, byDoor[name])...)
	}
	m.explain(introduced)
	m.health()
}

// door lets a door's alert live on, and returns its rows where they are only to
// be explained.
func (m *model) door(name string, rows []judged) (introduced []judged) {
	own := m.find(name)
	telling := slices.DeleteFunc(slices.Clone(rows), func(j judged) bool { return severity(j.verdict) == 0 })
	news := func(j judged) bool {
		return !j.introduced || j.verdict != portvigil.UnexpectedExposed && j.verdict != portvigil.UnexpectedListening
	}
	switch {
	case len(telling) == 0:
		if own != nil && own.open() {
			m.settle(own, rows)
		}
	case own == nil && !slices.ContainsFunc(telling, news):
		return telling
	case own == nil:
		m.paint(m.raise(nil, name, false), rows, telling)
	case own.open():
		m.paint(own, rows, telling)
		if own.severity > own.known {
			own.known = own.severity
			if own.state == portvigil.AlertAcknowledged {
				own.state = portvigil.AlertNew
			}
			m.tell(own, portvigil.AlertRisen)
		} else {
			m.timeUp(own)
		}
	default:
		if back, again := m.returns(own, telling); back {
			a := m.raise(own, name, again)
			m.paint(a, rows, telling)
		}
	}
	return nil
}

// modelTable is the order of the verdicts that tell; of equal severity the first
// is what the alert is about.
var modelTable = []portvigil.Verdict{portvigil.Hidden, portvigil.UnexpectedExposed, portvigil.UnexpectedListening, portvigil.Changed, portvigil.Missing}

func severity(v portvigil.Verdict) int {
	switch v {
	case portvigil.Hidden:
		return 4
	case portvigil.UnexpectedExposed:
		return 3
	case portvigil.UnexpectedListening, portvigil.Changed, portvigil.Missing:
		return 2
	}
	return 0
}

// paint notes what is seen; a fresh alert's severity is what people are told.
func (m *model) paint(a *modelAlert, rows, telling []judged) {
	fresh := a.kind == ""
	a.severity, a.print, a.openViews = 0, modelPrint{}, nil
	for _, j := range telling {
		s := severity(j.verdict)
		if s > a.severity || s == a.severity && slices.Index(modelTable, j.verdict) < slices.Index(modelTable, portvigil.Verdict(a.kind)) {
			a.severity, a.kind = s, portvigil.Kind(j.verdict)
		}
		for _, s := range j.print.products {
			a.print.products = note(a.print.products, s)
		}
		for _, s := range j.print.exes {
			a.print.exes = note(a.print.exes, s)
		}
		for _, s := range j.print.reaches {
			a.print.reaches = note(a.print.reaches, s)
		}
		for _, s := range j.print.scopes {
			if len(a.print.scopes) == 0 || portvigil.Scope(s).Rank() > portvigil.Scope(a.print.scopes[0]).Rank() {
				a.print.scopes = []string{s}
			}
		}
	}
	for _, j := range rows {
		for _, v := range j.openViews {
			a.openViews = note(a.openViews, v)
		}
	}
	if fresh {
		a.known = a.severity
	}
}

// returns decides whether a resolved alert comes back, as itself or as another.
func (m *model) returns(a *modelAlert, telling []judged) (back, again bool) {
	now := &modelAlert{}
	m.paint(now, nil, telling)
	hidden := now.kind == portvigil.Kind(portvigil.Hidden)
	switch a.resolution {
	case portvigil.ResolvedShut, portvigil.ResolvedCleared:
		return true, m.now.Sub(a.ended) <= 30*24*time.Hour
	case portvigil.ResolvedAccepted:
		return !m.now.Before(a.until) || hidden || now.severity > a.severity, true
	case portvigil.ResolvedFalse:
		other := func(x, y []string) bool { return len(x) > 0 && len(y) > 0 && !slices.Equal(x, y) }
		return hidden && a.kind != now.kind || other(a.print.products, now.print.products) || other(a.print.exes, now.print.exes) ||
			other(a.print.scopes, now.print.scopes) || other(a.print.reaches, now.print.reaches), true
	}
	return true, true
}

// settle ends an alert whose door tells nothing, unless a sight is awaited.
func (m *model) settle(a *modelAlert, rows []judged) {
	entry, allowed, still := false, false, true
	var now []string
	for _, j := range rows {
		if j.verdict == portvigil.Pending {
			m.timeUp(a)
			return
		}
		entry, allowed = entry || j.entry, allowed || j.allowed
		for _, v := range j.openViews {
			now = note(now, v)
		}
	}
	for _, v := range a.openViews {
		still = still && slices.Contains(now, v)
	}
	unexpected := a.kind == portvigil.Kind(portvigil.UnexpectedExposed) || a.kind == portvigil.Kind(portvigil.UnexpectedListening)
	switch {
	case entry && (m.approved || a.state == portvigil.AlertWaitingBaseline || unexpected && still):
		m.end(a, portvigil.ResolvedExpected)
	case allowed:
		m.end(a, portvigil.ResolvedCleared)
	case a.state == portvigil.AlertWaitingShut:
		m.end(a, portvigil.ResolvedShut)
	default:
		m.end(a, portvigil.ResolvedCleared)
	}
}

// explain keeps the host's one alert of doors that were open at first sight.
func (m *model) explain(rows []judged) {
	own := m.find(string(portvigil.DoorsToExplain))
	var doors []portvigil.Door
	for _, j := range rows {
		doors = append(doors, j.door)
	}
	switch {
	case len(rows) == 0 && own != nil && own.open():
		how := portvigil.ResolvedCleared
		if m.approved || own.state == portvigil.AlertWaitingBaseline && m.documented(own.doors) {
			how = portvigil.ResolvedExpected
		}
		m.end(own, how)
	case len(rows) == 0:
	case own != nil && own.open():
		own.doors = doors
		m.timeUp(own)
	default:
		m.hostAlert(own, portvigil.DoorsToExplain, func(a *modelAlert) bool {
			return slices.ContainsFunc(doors, func(d portvigil.Door) bool { return !slices.Contains(a.doors, d) })
		}).doors = doors
	}
}

// documented: the baseline has one of the doors.
func (m *model) documented(doors []portvigil.Door) bool {
	return slices.ContainsFunc(doors, func(d portvigil.Door) bool { return len(m.entriesFor(d)) > 0 })
}

// hostAlert raises what is about the whole host, again where it was resolved.
// While its risk is accepted only more than was accepted brings it back.
func (m *model) hostAlert(own *modelAlert, kind portvigil.Kind, more func(*modelAlert) bool) *modelAlert {
	again := own != nil
	if own != nil {
		switch own.resolution {
		case portvigil.ResolvedAccepted:
			if m.now.Before(own.until) && !more(own) {
				return &modelAlert{}
			}
		case portvigil.ResolvedExpected:
		default:
			again = m.now.Sub(own.ended) <= 30*24*time.Hour
		}
	}
	a := m.raise(own, string(kind), again)
	a.kind, a.severity, a.known = kind, 2, 2
	return a
}

// health keeps one alert for each view of the host that is blind. That UDP stays
// silent is no blindness.
func (m *model) health() {
	for view, kind := range map[portvigil.View]portvigil.Kind{portvigil.Inside: portvigil.AgentSilent, portvigil.Outside: portvigil.HostUnreachable} {
		blind, last := false, time.Time{}
		for _, key := range m.views() {
			if key.View != view || key.Proto == portvigil.UDP {
				continue
			}
			// A look that came late with a lower number does not count as newer.
			seen := m.host.Added
			for _, l := range m.looks {
				if l.Key() != key || l.OwnAddress || !l.Complete || !m.newestForSome(l) {
					continue
				}
				seen, last = later(seen, l.Received), later(last, l.Received)
			}
			blind = blind || m.now.Sub(seen) > m.host.Interval(view)*3/2
		}
		own := m.find(string(kind))
		switch {
		case blind && own != nil && own.open():
			m.timeUp(own)
		case blind && own != nil && own.resolution == portvigil.ResolvedFalse && !last.After(own.ended):
		case blind:
			m.hostAlert(own, kind, func(*modelAlert) bool { return false })
		case own != nil && own.open():
			m.end(own, portvigil.ResolvedCleared)
		}
	}
}

// newestForSome reports whether the complete look is the newest for a port.
func (m *model) newestForSome(l *portvigil.Look) bool {
	if l.View == portvigil.Inside {
		if !slices.Contains(l.Covers, portvigil.CoversSockets) {
			return false
		}
	}
	left := portvigil.AllPorts()
	if l.View == portvigil.Outside {
		left = l.Ports.Clone()
	}
	for _, o := range m.looks {
		if o.Key() != l.Key() || o.OwnAddress || !o.Complete || o.Seq <= l.Seq {
			continue
		}
		if o.View == portvigil.Outside {
			left.Subtract(o.Ports)
		} else if slices.Contains(o.Covers, portvigil.CoversSockets) {
			return false
		}
	}
	return left.Len() > 0
}
