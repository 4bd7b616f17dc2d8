package watch

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// judged is the verdict on a place, and what its alert remembers of it.
type judged struct {
	place
	verdict    portvigil.Verdict
	entry      bool // is in the baseline
	allowed    bool
	introduced bool
	print      modelPrint
	openViews  []string // that see it open
}

// modelPrint is what makes a false alarm another one when it differs.
type modelPrint struct{ products, exes, scopes, reaches []string }

// judge returns the first row of the table (RULES 3) that matches the place.
func (m *model) judge(p place) judged {
	j := m.evidence(p)
	p = m.believed(p)
	outs := p.openOuts()
	open := len(outs)+len(p.listeners) > 0
	uncovered := slices.DeleteFunc(slices.Clone(outs), func(o said) bool {
		return slices.ContainsFunc(m.entries, func(e portvigil.Entry) bool { return m.coversOut(e, p.door, o) })
	})
	exposed := len(uncovered) > 0
	listening := len(outs) == 0 && !j.entry && slices.ContainsFunc(p.listeners, func(l portvigil.Listener) bool {
		return l.Scope != portvigil.ScopeLoopback
	})
	missing, first := m.missing(p)
	j.allowed = (exposed || listening) && m.allowed(p)
	ephemeral := p.door.Proto == portvigil.UDP && p.door.Port >= 32768 && p.door.Port <= 60999
	confirmed := slices.ContainsFunc(outs, func(o said) bool { return o.confirmed })
	switch {
	case m.hidden(p, outs):
		j.verdict = portvigil.Hidden
	case j.allowed:
		j.verdict = portvigil.Allowed
	case exposed && !confirmed, first && !missing,
		listening && ephemeral && p.inside.last.Sub(p.inside.since) < 5*time.Minute:
		j.verdict = portvigil.Pending
	case exposed:
		j.verdict = portvigil.UnexpectedExposed
	case listening:
		j.verdict = portvigil.UnexpectedListening
	case open && m.changed(p, outs):
		j.verdict = portvigil.Changed
	case missing:
		j.verdict = portvigil.Missing
	case m.unverified(p):
		j.verdict = portvigil.Unverified
	case j.entry && open:
		j.verdict = portvigil.Expected
	default:
		j.verdict = portvigil.None
	}
	return j
}

func (p place) openOuts() []said {
	return slices.DeleteFunc(slices.Clone(p.outs), func(o said) bool { return !o.open })
}

func (m *model) entriesFor(door portvigil.Door) []portvigil.Entry {
	return slices.DeleteFunc(slices.Clone(m.entries), func(e portvigil.Entry) bool { return !m.about(e, door) })
}

// evidence is what is known of a place, believed or not.
func (m *model) evidence(p place) judged {
	j := judged{place: p, entry: len(m.entriesFor(p.door)) > 0}
	outs := p.openOuts()
	news := func(s said) bool { return !s.introduced }
	j.introduced = len(outs)+len(p.listeners) > 0 && !slices.ContainsFunc(outs, news) && (len(p.listeners) == 0 || p.inside.introduced)
	for i, o := range outs {
		if i == 0 {
			j.print.products = note(nil, o.product)
		}
		j.print.reaches = note(j.print.reaches, string(o.reach))
		j.openViews = note(j.openViews, o.view.Vantage)
	}
	for _, l := range p.listeners {
		j.openViews = note(j.openViews, "inside")
		j.print.scopes = note(j.print.scopes, string(l.Scope))
		if l.Process != nil {
			j.print.exes = note(j.print.exes, l.Process.Exe)
		}
	}
	return j
}

func note(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	list = append(list, s)
	slices.Sort(list)
	return list
}

// believed takes away what was open only for views that are blind since, where a
// view that saw it open too was live after them and sees it shut (RULES 4, "shut
// in every live view that saw it").
func (m *model) believed(p place) place {
	live := func(s said) time.Time {
		var t time.Time
		if s.open {
			t = s.last
		}
		if s.complete != nil && s.complete.Received.After(t) {
			t = s.complete.Received
		}
		return t.Add(m.host.Interval(s.view.View) * 3 / 2)
	}
	var open, shut time.Time
	for _, o := range p.outs {
		if o.open {
			open = later(open, live(o))
		} else if o.wasOpen {
			shut = later(shut, live(o))
		}
	}
	inside := p.inside
	if inside.open = len(p.listeners) > 0; inside.open {
		open = later(open, live(inside))
	} else if inside.wasOpen {
		shut = later(shut, live(inside))
	}
	if open.Before(m.now) && shut.After(open) {
		p.listeners = nil
		p.outs = slices.DeleteFunc(slices.Clone(p.outs), func(o said) bool { return o.open })
	}
	return p
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// allowed: all conditions of an allow line are seen to hold by fresh views.
func (m *model) allowed(p place) bool {
	unknown := func(l portvigil.Listener) bool { return l.Process == nil }
	checked := m.fresh(p.inside) && len(p.listeners) > 0 && !p.inside.ownersOld && !slices.ContainsFunc(p.listeners, unknown)
	return slices.ContainsFunc(m.allow, func(a portvigil.Allow) bool {
		other := func(l portvigil.Listener) bool { return l.Process.Exe != a.Process }
		minute := m.now.Hour()*60 + m.now.Minute()
		return (a.Ports == portvigil.PortRange{} || a.Ports.First <= p.door.Port && p.door.Port <= a.Ports.Last) &&
			(a.Proto == "" || a.Proto == p.door.Proto) &&
			(a.Process == "" || checked && !slices.ContainsFunc(p.listeners, other)) &&
			(a.Hours == portvigil.Hours{} || a.Hours.From <= minute && minute < a.Hours.To)
	})
}

// hidden: open on an own address and confirmed; a complete inside look that
// covers sockets, namespaces and dnat began after that and explains nothing; and
// it was open again after that look.
func (m *model) hidden(p place, outs []said) bool {
	if m.host.KindOf(p.address) != portvigil.AddressOwn || len(p.listeners) > 0 {
		return false
	}
	for _, l := range m.looks {
		thorough := l.View == portvigil.Inside && l.Complete && slices.Contains(l.Covers, portvigil.CoversSockets) &&
			slices.Contains(l.Covers, portvigil.CoversNamespaces) && slices.Contains(l.Covers, portvigil.CoversDNAT)
		if !thorough || l.Received.Before(p.inside.since) || p.inside.open && l != p.inside.complete {
			continue // what it says of the door is not what holds now
		}
		if slices.ContainsFunc(outs, func(o said) bool {
			return o.confirmed && l.Started.After(o.since) && l.Received.After(o.since) && o.lastBegan.After(l.Received)
		}) {
			return true
		}
	}
	return false
}

// changed: in the baseline, and no covering entry agrees with what is seen.
func (m *model) changed(p place, outs []said) bool {
	list := m.entriesFor(p.door)
	for _, e := range list {
		differs := false
		for _, l := range p.listeners {
			differs = differs || e.Scope != "" && l.Scope.Rank() > e.Scope.Rank() ||
				e.Pin.Exe != "" && l.Process != nil && l.Process.Exe != e.Pin.Exe
		}
		for _, o := range outs {
			differs = differs || e.Pin.Product != "" && o.product != "" && !strings.EqualFold(o.product, e.Pin.Product)
		}
		if !differs {
			return false
		}
	}
	return len(list) > 0
}

func single(e portvigil.Entry) bool { return e.Ports.First == e.Ports.Last }

// missing: a single-port entry is not open in two complete looks at least ten
// minutes apart, or in the first of them.
func (m *model) missing(p place) (told, first bool) {
	if len(p.openOuts())+len(p.listeners) > 0 {
		return false, false
	}
	for _, e := range m.entriesFor(p.door) {
		if since, last, shut := m.shutFor(e, p); single(e) && shut {
			if last.Sub(since) >= 10*time.Minute {
				return true, false
			}
			first = true
		}
	}
	return false, first
}

// shutFor: outside decides where the entry asks for it, else inside; any address
// that is open satisfies an entry that names none.
func (m *model) shutFor(e portvigil.Entry, p place) (since, last time.Time, shut bool) {
	var asked []said
	inside := false
	for _, key := range m.views() {
		s := m.says(key, p.door)
		inside = inside || key.View == portvigil.Inside
		if key.View == portvigil.Outside && key.Proto == p.door.Proto && m.coversOut(e, p.door, s) {
			if s.open && key.Address != p.address { // at this address it is not believed
				return since, last, false
			}
			if key.Proto == portvigil.TCP { // else silence, which the inside view decides
				asked = append(asked, s)
			}
		}
	}
	if inside && (len(e.From) == 0 || len(asked) == 0) {
		return p.inside.since, p.inside.last, p.inside.known && !p.inside.open
	}
	for _, s := range asked {
		if s.known && !s.open && (!shut || s.since.After(since)) {
			since, last, shut = s.since, s.last, true
		}
	}
	return since, last, shut
}

// unverified: a view that a single-port entry asks for, and that the host has,
// has no fresh complete look.
func (m *model) unverified(p place) bool {
	return slices.ContainsFunc(m.entriesFor(p.door), func(e portvigil.Entry) bool {
		return single(e) && slices.ContainsFunc(m.views(), func(key portvigil.ViewKey) bool {
			s := m.says(key, p.door)
			if key.Proto == portvigil.UDP { // it is not heard, so it cannot see that
				return false
			}
			if key.View == portvigil.Outside && (key.Proto != p.door.Proto || !m.coversOut(e, p.door, s) ||
				p.address != netip.Addr{} && p.address != key.Address) {
				return false
			}
			return !m.fresh(s)
		})
	})
}

// gaps returns what answers "closed" in the last complete look at all ports of a
// vantage although its default is filtered, without an entry, and is open nowhere.
func (m *model) gaps() string {
	var ports portvigil.PortSet
	for _, key := range m.views() {
		looks := slices.DeleteFunc(m.of(key), func(l *portvigil.Look) bool { return !l.Complete || l.Ports.Len() != 65535 })
		if key.View == portvigil.Inside || len(looks) == 0 || looks[len(looks)-1].DefaultState != portvigil.StateFiltered {
			continue
		}
		for _, o := range looks[len(looks)-1].Observations {
			door := portvigil.Door{Proto: key.Proto, Port: o.Port}
			s := m.says(key, door)
			covered := slices.ContainsFunc(m.entries, func(e portvigil.Entry) bool { return m.coversOut(e, door, s) })
			if o.State == portvigil.StateClosed && !covered && m.closedNow(key, door) && !m.openAnywhere(door) {
				ports.Add(o.Port)
			}
		}
	}
	if ports.Len() == 0 {
		return ""
	}
	return fmt.Sprintf("tcp %s gap", ports.String())
}

// closedNow: what the view said last of the port is an answer.
func (m *model) closedNow(key portvigil.ViewKey, door portvigil.Door) bool {
	state := portvigil.PortState("")
	for _, l := range m.of(key) {
		o := l.At(door.Port)
		if o.State == portvigil.StateOpen || l.Complete && l.Ports.Contains(door.Port) {
			state = o.State
		}
	}
	return state == portvigil.StateClosed
}

func (m *model) openAnywhere(door portvigil.Door) bool {
	return slices.ContainsFunc(m.views(), func(key portvigil.ViewKey) bool {
		s := m.says(key, door)
		beyond := func(l portvigil.Listener) bool { return l.Scope != portvigil.ScopeLoopback }
		return s.open && (key.View == portvigil.Outside || slices.ContainsFunc(s.listeners, beyond))
	})
}

// verdicts returns every judgement as the engine's are compared with it.
func (m *model) verdicts() (list []judged, lines []string) {
	for _, d := range m.doors() {
		for _, p := range m.places(d) {
			j := m.judge(p)
			list = append(list, j)
			lines = append(lines, fmt.Sprintf("%s %s %s", d, p.address, j.verdict))
		}
	}
	if gap := m.gaps(); gap != "" {
		lines = append(lines, gap)
	}
	slices.Sort(lines)
	return list, lines
}
