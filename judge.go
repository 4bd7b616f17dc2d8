package portvigil

import (
	"slices"
	"time"
)

// Listening and NotListening are what the inside view says in a Sighting.
const (
	Listening    = "listening"
	NotListening = "not-listening"
)

// judge evaluates every row of the table in RULES section 3 in its order: the
// first that holds is the verdict, the others stand beside it.
func (j *joiner) judge(r row) Exposure {
	e := j.evidence(r)
	r = j.withoutStale(r)
	v := verdicts{j: j, r: r, e: &e}
	exposed, listening := v.exposed(), v.listening()
	changed, missing, missingFirst := v.changed(), false, false
	if !exposed && !listening {
		missing, missingFirst = v.missing()
	}
	allowed := (exposed || listening) && v.allowed()
	pending := !allowed && (exposed && v.unconfirmed() || listening && v.passing() || missingFirst)
	for _, row := range []struct {
		verdict Verdict
		holds   bool
	}{
		{Hidden, v.hidden()},
		{Allowed, allowed},
		{Pending, pending},
		{UnexpectedExposed, exposed && !allowed},
		{UnexpectedListening, listening && !allowed},
		{Changed, changed},
		{Missing, missing},
		{Unverified, e.Entry != nil && v.unverified()},
		{Expected, e.Entry != nil && e.Open()},
	} {
		switch {
		case !row.holds:
		case e.Verdict == "":
			e.Verdict = row.verdict
		case row.verdict != Expected:
			e.Also = append(e.Also, row.verdict)
		}
	}
	if e.Verdict == "" {
		e.Verdict = None
	}
	if e.Verdict != Changed && !slices.Contains(e.Also, Changed) {
		e.Differences = nil
	}
	return e
}

// evidence gathers what is known of the row, whatever it leads to.
func (j *joiner) evidence(r row) Exposure {
	e := Exposure{Endpoint: r.endpoint, Introduced: true}
	open := false
	note := func(s Sight) {
		e.Looks = append(e.Looks, s.LastLook)
		if !s.Open() {
			return
		}
		open = true
		e.Introduced = e.Introduced && s.Introduced
		if e.Since.IsZero() || s.Since.Before(e.Since) {
			e.Since = s.Since
		}
	}
	for _, o := range r.outs {
		note(o.Sight)
		e.Views.Outside = append(e.Views.Outside, Sighting{o.trail.Key.Vantage, string(o.State), o.Last})
		if o.Open() {
			e.Print.Reaches = append(e.Print.Reaches, o.trail.Reach)
			if e.Service == nil {
				e.Service = o.Service
			}
		}
	}
	if r.inside.Known() {
		s := r.inside
		state := NotListening
		if len(r.listeners) > 0 {
			state = Listening
		} else if s.Open() {
			s.State = StateClosed // it listens, but not at this address
		}
		note(s)
		e.Views.Inside = &Sighting{State: state, Seen: s.Last}
	}
	e.Introduced = e.Introduced && open
	j.owners(r, &e)
	e.Entry = j.covering(r)
	slices.Sort(e.Print.Reaches)
	e.Print.Reaches = slices.Compact(e.Print.Reaches)
	return e
}

// owners fills in who holds the row's listeners, and how far they reach.
func (j *joiner) owners(r row, e *Exposure) {
	for _, l := range r.listeners {
		if l.Scope.Rank() > e.Print.Scope.Rank() {
			e.Print.Scope = l.Scope
		}
		if l.Process == nil {
			continue
		}
		if e.Process == nil {
			e.Process = l.Process
		}
		for _, p := range append([]Process{*l.Process}, l.Others...) {
			e.Print.Exes = append(e.Print.Exes, p.Exe)
		}
	}
	slices.Sort(e.Print.Exes)
	e.Print.Exes = slices.Compact(e.Print.Exes)
	if e.Service != nil {
		e.Print.Product, e.Print.HostKey = e.Service.Product, e.Service.HostKey
	}
}

// covering returns the first entry that covers what a view says of the row, or
// would cover it if something were open there.
func (j *joiner) covering(r row) *Entry {
	list := j.coveringAll(r)
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

func (j *joiner) coveringAll(r row) []Entry {
	return j.Baseline.covering(func(e Entry) bool {
		for _, o := range r.outs {
			if e.CoversOutside(r.endpoint.Address, r.endpoint.Door(), o.trail.Key.Vantage, o.trail.Reach, j.Now) {
				return true
			}
		}
		if slices.ContainsFunc(r.listeners, func(l Listener) bool { return e.CoversInside(l, j.Now) }) {
			return true
		}
		return len(r.listeners) == 0 && e.coversShut(r.endpoint, j.Now)
	})
}

// coversShut reports whether the entry names the endpoint, whatever the views.
func (e Entry) coversShut(at Endpoint, now time.Time) bool {
	if e.Proto != at.Proto || !e.Ports.Contains(at.Port) || e.Expired(now) {
		return false
	}
	return !e.Address.IsValid() || !at.Address.IsValid() || e.Address.Contains(at.Address.Unmap())
}

// withoutStale takes away what blind views last saw open where a live view
// that had seen it open too sees it shut by now.
func (j *joiner) withoutStale(r row) row {
	openLive := len(r.listeners) > 0 && r.insideFresh
	shutLive := r.inside.WasOpen && len(r.listeners) == 0 && r.insideFresh
	for _, o := range r.outs {
		openLive = openLive || o.Open() && o.fresh
		shutLive = shutLive || !o.Open() && o.WasOpen && o.fresh
	}
	if openLive || !shutLive {
		return r
	}
	r.outs = slices.DeleteFunc(slices.Clone(r.outs), func(o outsideSight) bool { return o.Open() })
	r.listeners = nil
	return r
}

// verdicts evaluates the conditions of the table for one row.
type verdicts struct {
	j *joiner
	r row
	e *Exposure // evidence; notes what a condition found
}

func (v *verdicts) openOuts() []outsideSight {
	return slices.DeleteFunc(slices.Clone(v.r.outs), func(o outsideSight) bool { return !o.Open() })
}

// exposed: open from outside, and no entry covers that for the vantage.
func (v *verdicts) exposed() bool {
	for _, o := range v.openOuts() {
		covered := slices.ContainsFunc(v.j.Baseline.Entries, func(e Entry) bool {
			return e.CoversOutside(v.r.endpoint.Address, v.r.endpoint.Door(), o.trail.Key.Vantage, o.trail.Reach, v.j.Now)
		})
		if !covered {
			return true
		}
	}
	return false
}

// listening: listens beyond loopback, no entry covers it, and no vantage sees
// it open.
func (v *verdicts) listening() bool {
	if len(v.openOuts()) > 0 {
		return false
	}
	return slices.ContainsFunc(v.r.listeners, func(l Listener) bool {
		if l.Scope == ScopeLoopback {
			return false
		}
		return !slices.ContainsFunc(v.j.Baseline.Entries, func(e Entry) bool { return e.CoversInside(l, v.j.Now) })
	})
}

// allowed: an allow line matches what fresh views say.
func (v *verdicts) allowed() bool {
	seen := AllowSeen{Door: v.r.endpoint.Door(), Exes: v.e.Print.Exes, ExesFresh: v.r.insideFresh && v.ownersKnown()}
	for i, a := range v.j.Baseline.Allow {
		if a.Matches(seen, v.j.Now) {
			v.e.Allow = &v.j.Baseline.Allow[i]
			return true
		}
	}
	return false
}

func (v *verdicts) ownersKnown() bool {
	if len(v.r.listeners) == 0 {
		return false
	}
	return !slices.ContainsFunc(v.r.listeners, func(l Listener) bool { return l.Process == nil })
}

// unconfirmed: a port that is said to be open, and to which nobody has
// completed a connection yet.
func (v *verdicts) unconfirmed() bool {
	for _, o := range v.openOuts() {
		if o.Confirmed {
			return false
		}
	}
	v.e.Awaits, v.e.Until = "a completed connection", v.j.Now
	return true
}

// passing: an ephemeral UDP socket that has not been there long enough to tell.
func (v *verdicts) passing() bool {
	if v.r.endpoint.Proto != UDP || !v.j.Ephemeral.Contains(v.r.endpoint.Port) {
		return false
	}
	if v.r.inside.Last.Sub(v.r.inside.Since) >= EphemeralApart {
		return false
	}
	v.e.Awaits, v.e.Until = "a second look that still finds it", v.r.inside.Since.Add(EphemeralApart)
	return true
}

// hidden: open from outside on an own address, unexplained by a later complete
// inside look that covers all that could explain it, and open again after that.
func (v *verdicts) hidden() bool {
	inside := v.j.inside
	if inside == nil || v.j.Host.KindOf(v.r.endpoint.Address) != AddressOwn || len(v.r.listeners) > 0 {
		return false
	}
	head := inside.LastComplete(v.r.endpoint.Door())
	if head == nil || !(&Look{Covers: head.Covers}).CoversAll(CoversSockets, CoversNamespaces, CoversDNAT) {
		return false
	}
	return slices.ContainsFunc(v.openOuts(), func(o outsideSight) bool {
		return head.Started.After(o.Since) && head.Received.After(o.Since) && o.Began.After(head.Received)
	})
}

// changed: something is open that entries cover, and none of them agrees with
// what stands behind it.
func (v *verdicts) changed() bool {
	if !v.e.Open() {
		return false
	}
	covering := v.j.coveringAll(v.r)
	seen := SeenOf(v.r.listeners, v.e.Service)
	for _, e := range covering {
		differences := e.Differs(seen)
		if len(differences) == 0 {
			v.e.Differences = nil
			return false
		}
		if v.e.Differences == nil {
			v.e.Differences = differences
		}
	}
	return len(covering) > 0
}

// missing: a single-port entry, and the view that decides about it found the
// door shut in two complete looks far enough apart; or in a first one, which
// asks for the second.
func (v *verdicts) missing() (told, first bool) {
	if v.e.Open() && len(v.openOuts())+len(v.r.listeners) > 0 {
		return false, false
	}
	for _, e := range v.j.coveringAll(v.r) {
		if !e.Ports.Single() {
			continue
		}
		since, last, shut := v.shutSince(e)
		if !shut {
			continue
		}
		if v.j.AtOnce || last.Sub(since) >= MissingApart {
			return true, false
		}
		v.e.Awaits, v.e.Until = "a second look that still finds it shut", since.Add(MissingApart)
		first = true
	}
	return false, first
}

// shutSince asks the view that decides about the entry: the outside where the
// entry names who should see it, or where there is no inside view.
func (v *verdicts) shutSince(e Entry) (since, last time.Time, shut bool) {
	if len(e.From) == 0 && v.j.inside != nil {
		s := v.r.inside
		return s.Since, s.Last, s.Known() && len(v.r.listeners) == 0 && !v.elsewhere()
	}
	for _, o := range v.r.outs {
		if !e.CoversOutside(v.r.endpoint.Address, v.r.endpoint.Door(), o.trail.Key.Vantage, o.trail.Reach, v.j.Now) {
			continue
		}
		if o.Open() || o.State == StateOpenFiltered {
			return time.Time{}, time.Time{}, false
		}
		if !shut || o.Since.After(since) {
			since, last, shut = o.Since, o.Last, true
		}
	}
	return since, last, shut
}

// elsewhere reports whether the door listens at another address of the host:
// an entry that names none is satisfied by it, and since when one that does
// name an address is shut is not known, so nothing is claimed of it.
func (v *verdicts) elsewhere() bool { return v.r.inside.Open() }

// unverified: a view that the entry asks for, that the host has and that can
// see it, has no fresh complete look.
func (v *verdicts) unverified() bool {
	door := v.r.endpoint.Door()
	if v.j.inside != nil && !v.r.insideFresh {
		return true
	}
	for _, t := range v.j.outside {
		if t.Key.Proto == door.Proto && (!v.r.endpoint.Address.IsValid() || t.Key.Address == v.r.endpoint.Address) &&
			v.e.Entry.CoversOutside(t.Key.Address, door, t.Key.Vantage, t.Reach, v.j.Now) && !v.j.fresh(t, door) {
			return true
		}
	}
	return false
}
