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
		{Expected, e.Entry != nil && (v.open() || v.silent())},
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
		if s.LastLook != "" {
			e.Looks = append(e.Looks, s.LastLook)
		}
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
		if e.Process == nil {
			e.Process = l.Process
		}
		for _, p := range l.owners() {
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

// withoutStale takes away what is open only for views that have gone blind
// since, where a view that had seen it open too was still live after them and
// sees it shut. Time alone never brings it back: what counts is who was live
// last. It also takes away what answers nobody any more (open|filtered), though the
// way to the host was there, and has no listener in a complete inside look since.
func (j *joiner) withoutStale(r row) row {
	r.outs = slices.DeleteFunc(slices.Clone(r.outs), func(o outsideSight) bool {
		return o.Open() && !o.Silent.IsZero() && r.insideFresh && len(r.listeners) == 0 && r.inside.Last.After(o.Last) && j.reachedSince(o)
	})
	var openUntil, shutUntil time.Time
	note := func(until *time.Time, t *Trail, s Sight) {
		if live := j.liveUntil(t, s); live.After(*until) {
			*until = live
		}
	}
	if len(r.listeners) > 0 {
		note(&openUntil, j.inside, r.inside)
	} else if r.inside.WasOpen {
		shut := r.inside
		shut.State = StateClosed // at this address, wherever else it listens
		note(&shutUntil, j.inside, shut)
	}
	for _, o := range r.outs {
		if o.Open() {
			note(&openUntil, o.trail, o.Sight)
		} else if o.WasOpen {
			note(&shutUntil, o.trail, o.Sight)
		}
	}
	if !openUntil.Before(j.Now) || !shutUntil.After(openUntil) {
		return r
	}
	r.outs = slices.DeleteFunc(r.outs, func(o outsideSight) bool { return o.Open() })
	r.listeners = nil
	return r
}

// reachedSince reports whether the vantage was answered at the address after it last
// saw the door open: a complete look shows that, whichever protocol it was at.
func (j *joiner) reachedSince(o outsideSight) bool {
	return slices.ContainsFunc(j.outside, func(t *Trail) bool {
		return t.Key.Vantage == o.trail.Key.Vantage && t.Key.Address == o.trail.Key.Address && t.lastComplete().After(o.Last)
	})
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

// open reports whether something is open or listens, going by who may still be
// believed.
func (v *verdicts) open() bool { return len(v.openOuts())+len(v.r.listeners) > 0 }

// silent reports whether a vantage got no answer either way, which agrees with
// an entry as well as with its lack.
func (v *verdicts) silent() bool {
	return slices.ContainsFunc(v.r.outs, func(o outsideSight) bool { return o.State == StateOpenFiltered })
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
	// Every owner counts here, as a pin's comparison has them.
	seen := AllowSeen{Door: v.r.endpoint.Door(), Exes: SeenOf(v.r.listeners, nil).Exes, ExesFresh: v.r.insideFresh && v.ownersKnown()}
	for i, a := range v.j.Baseline.Allow {
		if a.Matches(seen, v.j.Now) {
			v.e.Allow = &v.j.Baseline.Allow[i]
			return true
		}
	}
	return false
}

func (v *verdicts) ownersKnown() bool {
	if len(v.r.listeners) == 0 || v.r.inside.OwnersKept {
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

// hidden: open from outside on an own address and confirmed, unexplained by a
// later complete inside look that covers all that could explain it, and open
// again after that.
func (v *verdicts) hidden() bool {
	inside := v.j.inside
	if inside == nil || v.j.Host.KindOf(v.r.endpoint.Address) != AddressOwn || len(v.r.listeners) > 0 {
		return false
	}
	looks := inside.Thorough
	if newest := inside.LastComplete(v.r.endpoint.Door()); v.r.inside.Open() && newest != nil {
		// It listens at another address, and since when not at this one is only
		// known of the newest look.
		looks = slices.DeleteFunc(slices.Clone(looks), func(h LookHead) bool { return h.ID != newest.ID })
	}
	return slices.ContainsFunc(v.openOuts(), func(o outsideSight) bool {
		return o.Confirmed && slices.ContainsFunc(looks, func(h LookHead) bool {
			return !h.Received.Before(v.r.inside.Since) && // nothing has listened since
				h.Started.After(o.Since) && h.Received.After(o.Since) && o.Began.After(h.Received)
		})
	})
}

// changed: something is open that entries cover, and none of them agrees with
// what stands behind it, for every vantage that saw a service there.
func (v *verdicts) changed() bool {
	if !v.open() {
		return false
	}
	seen := []Seen{SeenOf(v.r.listeners, nil)}
	for _, o := range v.openOuts() {
		if o.Service != nil {
			seen = append(seen, SeenOf(nil, o.Service))
		}
	}
	for i, e := range v.j.coveringAll(v.r) {
		var differences []Difference
		for _, s := range seen {
			if differences = e.Differs(s); len(differences) > 0 {
				break
			}
		}
		if len(differences) == 0 {
			v.e.Differences = nil
			return false
		}
		if i == 0 {
			v.e.Differences = differences
		}
	}
	return v.e.Differences != nil
}

// missing: a single-port entry, and the view that decides about it found the
// door shut in two complete looks far enough apart; or in a first one, which
// asks for the second.
func (v *verdicts) missing() (told, first bool) {
	if v.open() {
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
// entry names who should see it and the host has such a vantage, or where there
// is no inside view. An entry is satisfied where any address that it is about
// is open: one without an address does not ask for each of them.
func (v *verdicts) shutSince(e Entry) (since, last time.Time, shut bool) {
	door := v.r.endpoint.Door()
	asked := slices.DeleteFunc(slices.Clone(v.j.outside), func(t *Trail) bool {
		return t.Key.Proto != door.Proto || !e.CoversOutside(t.Key.Address, door, t.Key.Vantage, t.Reach, v.j.Now)
	})
	if slices.ContainsFunc(asked, func(t *Trail) bool { return t.At(door).Open() && !v.overruled(t) }) {
		return time.Time{}, time.Time{}, false
	}
	asked = slices.DeleteFunc(asked, func(t *Trail) bool { return !v.tells(t, e) })
	inside := v.r.inside
	insideShut := inside.Known() && len(v.r.listeners) == 0 && !v.elsewhere()
	if v.j.inside != nil && (len(e.From) == 0 || len(asked) == 0) {
		return inside.Since, inside.Last, insideShut
	}
	for _, t := range asked {
		s := t.At(door)
		if s.State == StateOpenFiltered {
			if !insideShut {
				return time.Time{}, time.Time{}, false
			}
			s = inside // which decides what silence leaves open
		}
		if s.Known() && !s.Open() && (!shut || s.Since.After(since)) {
			since, last, shut = s.Since, s.Last, true
		}
	}
	return since, last, shut
}

// tells reports whether a view from outside can tell that the entry's door is missing.
// Of UDP one can that has looked completely, and has seen the door open or is named in
// the entry: a firewall that rejects what it does not let in answers as a closed port
// does. Who looks once asks for the comparison, whatever was seen before.
func (v *verdicts) tells(t *Trail, e Entry) bool {
	door := v.r.endpoint.Door()
	if door.Proto != UDP {
		return true
	}
	s := t.At(door)
	return s.Known() && (s.WasOpen || len(e.From) > 0 || v.j.AtOnce)
}

// overruled reports whether the vantage's sight of this row is no longer
// believed.
func (v *verdicts) overruled(t *Trail) bool {
	return t.Key.Address == v.r.endpoint.Address &&
		!slices.ContainsFunc(v.r.outs, func(o outsideSight) bool { return o.trail == t })
}

// elsewhere reports whether the door listens at another address of the host:
// an entry that names none is satisfied by it, and since when one that does
// name an address is shut is not known, so nothing is claimed of it.
func (v *verdicts) elsewhere() bool { return v.r.inside.Open() }

// unverified: a single-port entry, and a view that it asks for, that the host
// has and that can see it, has no fresh complete look. One that the host's UDP does
// not answer cannot see it.
func (v *verdicts) unverified() bool {
	return slices.ContainsFunc(v.j.coveringAll(v.r), func(e Entry) bool { return e.Ports.Single() && v.blindFor(e) })
}

func (v *verdicts) blindFor(e Entry) bool {
	if v.j.inside != nil && !v.r.insideFresh {
		return true
	}
	door, at := v.r.endpoint.Door(), v.r.endpoint.Address
	return slices.ContainsFunc(v.j.outside, func(t *Trail) bool {
		return t.Key.Proto == door.Proto && !t.Unheard() && (!at.IsValid() || t.Key.Address == at) &&
			e.CoversOutside(t.Key.Address, door, t.Key.Vantage, t.Reach, v.j.Now) && !v.j.fresh(t, door)
	})
}
