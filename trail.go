package portvigil

import (
	"cmp"
	"slices"
	"time"
)

// Sight is what a trail says of one port: open or not, since when, and by which
// looks. The zero value says that no look of the view tells anything of it.
type Sight struct {
	Door  Door      `json:"door"`
	State PortState `json:"state"` // inside: open is listening, closed is not
	// Reason is why an outside look said so.
	Reason Reason `json:"reason,omitempty"`
	// Since and Last are when the first and the newest look of the unbroken run
	// of "open", or of "not open", were received.
	Since     time.Time `json:"since"`
	Last      time.Time `json:"last"`
	SinceLook string    `json:"since_look"`
	LastLook  string    `json:"last_look"`
	// Began and Ended bound the newest look by the clock of who looked.
	Began time.Time `json:"began"`
	// FirstBegan is when the first look of the run began, by the same clock.
	FirstBegan time.Time `json:"first_began"`
	// Introduced tells that the port was open when a complete look first
	// covered it: it is to be explained, and is no news.
	Introduced bool `json:"introduced,omitempty"`
	// Confirmed tells that a connection was completed during this run.
	Confirmed bool `json:"confirmed,omitempty"`
	// WasOpen tells that the view has seen the port open at any time.
	WasOpen bool `json:"was_open,omitempty"`
	// Silent is when a look that followed the last open one, and asked to its end,
	// got no answer (open|filtered), which neither opens nor shuts; zero where none did.
	Silent    time.Time  `json:"silent,omitzero"`
	Service   *Service   `json:"service,omitempty"`
	Listeners []Listener `json:"listeners,omitempty"` // inside
	// OwnersKept tells that an owner was read by an earlier look than the newest.
	OwnersKept bool `json:"owners_kept,omitempty"`
}

// Open reports whether the port was open when last seen.
func (s Sight) Open() bool { return s.State == StateOpen }

// Known reports whether any look says something of the port.
func (s Sight) Known() bool { return s.State != "" }

// LookHead is a look without what it saw.
type LookHead struct {
	ID       string     `json:"id"`
	Seq      uint64     `json:"seq"`
	Started  time.Time  `json:"started"`
	Ended    time.Time  `json:"ended"`
	Received time.Time  `json:"received"`
	Complete bool       `json:"complete"`
	Default  PortState  `json:"default_state,omitempty"`
	Covers   []Coverage `json:"covers,omitempty"`
	Notes    []string   `json:"notes,omitempty"`
}

// Covering is a look and those of its ports for which it is the first, or the
// newest, complete one.
type Covering struct {
	Look  LookHead `json:"look"`
	Ports *PortSet `json:"ports"`
}

// Trail is all that one view's looks say, folded into one value. It is derived:
// the looks are the truth, and Replay makes it again from them.
type Trail struct {
	Key   ViewKey `json:"key"`
	Reach Reach   `json:"reach,omitempty"`
	// Newest is the look with the highest sequence number, complete or not.
	Newest LookHead `json:"newest"`
	// First and Latest part the ports that complete looks covered: by the first
	// look that did, and by the newest. An inside look covers all of them. A look
	// that could tell shut from open takes the place of a first one that could
	// not (open|filtered).
	First  []Covering `json:"first,omitempty"`
	Latest []Covering `json:"latest,omitempty"`
	// Full is the newest complete look at all ports; its exceptions are the gaps.
	Full *LookHead `json:"full,omitempty"`
	// Answered is what Full found closed although its default is filtered.
	Answered *PortSet `json:"answered,omitempty"`
	// Covered is every part that a complete inside look has covered.
	Covered []Coverage `json:"covered,omitempty"`
	// Thorough are complete inside looks that covered all that can explain an
	// open door, oldest first; the older they are, the fewer are kept.
	Thorough []LookHead `json:"thorough,omitempty"`
	// Boot is the machine's life that the newest inside look named, and Rebooted
	// when the first look of that life was received; zero where none was before.
	Boot     *Boot     `json:"boot,omitempty"`
	Rebooted time.Time `json:"rebooted,omitzero"`
	// Sights has every port that a look listed, by protocol and port.
	Sights []Sight `json:"sights,omitempty"`
}

// Replay folds looks of one view, in any order, into their trail.
func Replay(looks []*Look) *Trail {
	t := new(Trail)
	t.AddAll(looks)
	return t
}

// AddAll folds looks that follow those of the trail, in any order.
func (t *Trail) AddAll(looks []*Look) {
	ordered := slices.Clone(looks)
	slices.SortFunc(ordered, func(a, b *Look) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.ID, b.ID))
	})
	for _, l := range ordered {
		t.Add(l)
	}
}

// Looks returns the ids of the looks that the trail names, each once.
func (t *Trail) Looks() []string {
	ids := []string{t.Newest.ID}
	for _, c := range slices.Concat(t.First, t.Latest) {
		ids = append(ids, c.Look.ID)
	}
	if t.Full != nil {
		ids = append(ids, t.Full.ID)
	}
	for _, head := range t.Thorough {
		ids = append(ids, head.ID)
	}
	for _, s := range t.Sights {
		ids = append(ids, s.SinceLook, s.LastLook)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Follows reports whether the look may be added as the next of the trail; one
// that came late needs a Replay of them all.
func (t *Trail) Follows(l *Look) bool { return t.Newest.ID == "" || l.Seq > t.Newest.Seq }

// Add folds the next look into the trail. Only a complete look closes what it
// covered; an incomplete one still tells what is open. A look at an address of
// the vantage's own machine is no look from outside and adds nothing.
func (t *Trail) Add(l *Look) {
	if l.OwnAddress {
		return
	}
	t.Key, t.Reach, t.Newest = l.Key(), l.Reach, headOf(l)
	if b := l.Boot; b != nil {
		if t.Boot != nil && t.Boot.ID != b.ID {
			t.Rebooted = l.Received
		}
		t.Boot = b
	}
	covered := l.Ports
	if l.View == Inside {
		covered = new(PortSet)
		if l.CoversAll(CoversSockets) {
			covered = AllPorts()
		}
	}
	open := t.addOpen(l)
	if l.Unanswered() {
		for _, old := range slices.Clone(t.Sights) {
			if covered.Contains(old.Door.Port) {
				t.silence(old, l)
			}
		}
	}
	if !l.Complete {
		return
	}
	t.addShut(l, covered, open)
	t.addCoverage(l, covered)
}

// addOpen folds what the look saw open and returns those doors.
func (t *Trail) addOpen(l *Look) map[Door]bool {
	open := map[Door]bool{}
	if l.View == Inside {
		for door, listeners := range byDoor(l.Listeners) {
			open[door] = true
			s := t.run(l, door, StateOpen)
			s.Introduced = s.Introduced || s.SinceLook == l.ID && t.newlyCovered(listeners)
			listeners = keepUncovered(listeners, s.Listeners, l)
			s.Listeners, s.OwnersKept = keepOwners(listeners, s.Listeners, l)
			s.Confirmed = true
			t.put(s)
		}
		return open
	}
	for _, o := range l.Observations {
		if o.State != StateOpen {
			continue
		}
		door := Door{l.Proto, o.Port}
		open[door] = true
		s := t.run(l, door, StateOpen)
		s.Reason = o.Reason
		if o.Service != nil {
			s.Confirmed = s.Confirmed || o.Service.Connected
			s.Service = newerService(o.Service, s.Service)
		}
		t.put(s)
	}
	return open
}

// addShut folds what a complete look covered and did not see open. What it
// lists beside that (doors known to answer) is no coverage and shuts nothing.
func (t *Trail) addShut(l *Look, covered *PortSet, open map[Door]bool) {
	for _, o := range l.Observations {
		if o.State == StateOpen || !covered.Contains(o.Port) {
			continue
		}
		door := Door{l.Proto, o.Port}
		if old, found := t.listed(door); found && o.State == StateOpenFiltered && old.State != StateOpenFiltered {
			t.silence(old, l)
			continue
		}
		s := t.run(l, door, o.State)
		s.Reason = o.Reason
		t.put(s)
	}
	shut := l.DefaultState
	if l.View == Inside {
		shut = StateClosed
	}
	for _, old := range slices.Clone(t.Sights) {
		if open[old.Door] || old.LastLook == l.ID || !covered.Contains(old.Door.Port) ||
			l.View == Outside && l.At(old.Door.Port).State != shut {
			continue
		}
		if shut == StateOpenFiltered && old.State != StateOpenFiltered {
			t.silence(old, l)
			continue
		}
		if kept := foreign(old.Listeners); old.Open() && len(kept) > 0 && !l.CoversAll(CoversNamespaces) {
			old.Listeners = kept // the look did not go where these are
			t.put(old)
			continue
		}
		s := t.run(l, old.Door, shut)
		s.Reason = ""
		t.put(s)
	}
}

// silence notes that a door that was open gives no answer any more. One that
// was shut stays as it is: silence agrees with both.
func (t *Trail) silence(s Sight, l *Look) {
	if s.Open() {
		s.Silent = l.Received
		t.put(s)
	}
}

// addCoverage notes which ports the complete look covered.
func (t *Trail) addCoverage(l *Look, covered *PortSet) {
	head := headOf(l)
	fresh := covered.Clone()
	var first []Covering
	for _, c := range t.First {
		if c.Look.Default != StateOpenFiltered || l.DefaultState == StateOpenFiltered {
			fresh.Subtract(c.Ports)
		} else {
			rest := c.Ports.Clone()
			rest.Subtract(covered)
			c.Ports = rest
		}
		if c.Ports.Len() > 0 {
			first = append(first, c)
		}
	}
	if fresh.Len() > 0 {
		first = append(first, Covering{head, fresh})
	}
	t.First = first
	if l.View == Inside {
		t.addParts(l, head)
	}
	var latest []Covering
	for _, c := range t.Latest {
		rest := c.Ports.Clone()
		if rest.Subtract(covered); rest.Len() > 0 {
			latest = append(latest, Covering{c.Look, rest})
		}
	}
	if covered.Len() > 0 {
		latest = append(latest, Covering{head, covered.Clone()})
	}
	t.Latest = latest
	if l.View == Outside && covered.Len() == 65535 {
		t.Full, t.Answered = &head, new(PortSet)
		for _, o := range l.Observations {
			if o.State == StateClosed && l.DefaultState == StateFiltered {
				t.Answered.Add(o.Port)
			}
		}
	}
}

// thoroughKept bounds how many thorough looks a trail remembers. Beyond it every
// second of the older three quarters goes, again and again, so that hourly looks
// still have one between two outside looks a day apart.
const thoroughKept = 64

// addParts notes which parts of the machine the complete inside look covered.
func (t *Trail) addParts(l *Look, head LookHead) {
	for _, part := range l.Covers {
		if !slices.Contains(t.Covered, part) {
			t.Covered = append(t.Covered, part)
		}
	}
	if !l.CoversAll(CoversSockets, CoversNamespaces, CoversDNAT) {
		return
	}
	t.Thorough = append(slices.Clone(t.Thorough), head)
	if len(t.Thorough) > thoroughKept {
		var kept []LookHead
		for i, h := range t.Thorough {
			if i%2 == 0 || i >= thoroughKept-thoroughKept/4 {
				kept = append(kept, h)
			}
		}
		t.Thorough = kept
	}
}

// run continues the door's sight with what the look saw, or begins another one
// where it opened or shut.
func (t *Trail) run(l *Look, door Door, state PortState) Sight {
	s, found := t.listed(door)
	if !found || !sameRun(s.State, state) {
		first := t.covered(t.First, door.Port)
		began := Sight{Door: door, Since: l.Received, SinceLook: l.ID, FirstBegan: l.Started, WasOpen: s.WasOpen,
			Introduced: state == StateOpen && first == nil}
		if !found && state != StateOpen && state != StateOpenFiltered && first != nil && first.Default != StateOpenFiltered {
			// The looks before covered it without listing it: it was shut in them already.
			began.Since, began.SinceLook, began.FirstBegan = first.Received, first.ID, first.Started
		}
		s = began
	}
	s.State, s.Last, s.LastLook, s.Began, s.Silent = state, l.Received, l.ID, l.Started, time.Time{}
	s.WasOpen = s.WasOpen || state == StateOpen
	return s
}

// sameRun reports whether two states are the same thing: open, shut, or not
// told apart.
func sameRun(a, b PortState) bool {
	return (a == StateOpen) == (b == StateOpen) && (a == StateOpenFiltered) == (b == StateOpenFiltered)
}

// At returns what the trail says of a door, listed or not.
func (t *Trail) At(door Door) Sight {
	if s, found := t.listed(door); found {
		return s
	}
	latest := t.covered(t.Latest, door.Port)
	if latest == nil || t.Key.View == Outside && t.Key.Proto != door.Proto {
		return Sight{}
	}
	first := t.covered(t.First, door.Port)
	state := latest.Default
	if t.Key.View == Inside {
		state = StateClosed
	}
	return Sight{Door: door, State: state, Since: first.Received, SinceLook: first.ID, FirstBegan: first.Started,
		Last: latest.Received, LastLook: latest.ID, Began: latest.Started}
}

// Unheard reports whether the view is of UDP and its newest look got too few answers
// to be sure of any silence, as most firewalls have it that drop what they do not let
// in. Such a view cannot see the host's UDP: it is blind to it, and nobody is to blame.
func (t *Trail) Unheard() bool {
	return t.Key.Proto == UDP && t.Newest.ID != "" && !t.Newest.Complete
}

// LastComplete returns the newest complete look that covered the door, nil
// where none did.
func (t *Trail) LastComplete(door Door) *LookHead {
	if t.Key.View == Outside && t.Key.Proto != door.Proto {
		return nil
	}
	return t.covered(t.Latest, door.Port)
}

func (t *Trail) covered(in []Covering, port uint16) *LookHead {
	for i := range in {
		if in[i].Ports.Contains(port) {
			return &in[i].Look
		}
	}
	return nil
}

func (t *Trail) listed(door Door) (Sight, bool) {
	i, found := t.index(door)
	if !found {
		return Sight{}, false
	}
	return t.Sights[i], true
}

func (t *Trail) put(s Sight) {
	i, found := t.index(s.Door)
	if found {
		t.Sights[i] = s
		return
	}
	t.Sights = slices.Insert(t.Sights, i, s)
}

func (t *Trail) index(door Door) (int, bool) {
	return slices.BinarySearchFunc(t.Sights, door, func(s Sight, d Door) int { return compareDoors(s.Door, d) })
}

func compareDoors(a, b Door) int {
	return cmp.Or(cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Port, b.Port))
}

func headOf(l *Look) LookHead {
	return LookHead{ID: l.ID, Seq: l.Seq, Started: l.Started, Ended: l.Ended, Received: l.Received,
		Complete: l.Complete, Default: l.DefaultState, Covers: l.Covers, Notes: l.Notes}
}

func byDoor(listeners []Listener) map[Door][]Listener {
	doors := map[Door][]Listener{}
	for _, l := range listeners {
		door := Door{l.Proto, l.Port}
		doors[door] = append(doors[door], l)
	}
	return doors
}

// foreign returns the listeners of other network namespaces than the one of the
// process that looked.
func foreign(listeners []Listener) []Listener {
	return slices.DeleteFunc(slices.Clone(listeners), func(l Listener) bool { return l.Namespace == 0 })
}

// newlyCovered reports whether all the listeners are where no complete look has
// been before: they are to be explained, and are no news.
func (t *Trail) newlyCovered(listeners []Listener) bool {
	return !slices.Contains(t.Covered, CoversNamespaces) && len(foreign(listeners)) == len(listeners)
}

// keepUncovered adds the listeners that were there before and that the look
// could not see: what it does not cover it does not deny.
func keepUncovered(now, before []Listener, l *Look) []Listener {
	switch {
	case !l.Complete || !l.CoversAll(CoversSockets): // may have missed any of them
	case l.CoversAll(CoversNamespaces):
		return now
	default:
		before = foreign(before)
	}
	kept := slices.Clone(now)
	for _, b := range before {
		same := func(n Listener) bool {
			return n.Address == b.Address && n.Device == b.Device && n.Namespace == b.Namespace
		}
		if !slices.ContainsFunc(now, same) {
			kept = append(kept, b)
		}
	}
	return kept
}

// keepOwners gives listeners whose owner this look could not read the owner
// that an earlier look read: what a look does not cover it does not deny.
func keepOwners(now, before []Listener, l *Look) (list []Listener, earlier bool) {
	if l.CoversAll(CoversOwners) {
		return now, false
	}
	kept := slices.Clone(now)
	for i := range kept {
		if kept[i].Process != nil {
			continue
		}
		for _, b := range before {
			if b.Process != nil && b.Address == kept[i].Address && b.Device == kept[i].Device && b.Namespace == kept[i].Namespace {
				kept[i].Process, kept[i].Others, earlier = b.Process, b.Others, true
			}
		}
	}
	return kept, earlier
}

// newerService prefers what answered last, unless it told less than before of
// the same protocol: a slow answer is no change.
func newerService(now, before *Service) *Service {
	if before == nil || now.Product != "" || now.Name != "" {
		return now
	}
	return before
}
