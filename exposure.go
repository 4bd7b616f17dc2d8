package portvigil

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Waiting times of RULES section 3: between two sights that together tell.
const (
	MissingApart   = 10 * time.Minute
	EphemeralApart = 5 * time.Minute
)

// DefaultEphemeral is Linux's own range of ephemeral ports
// (net.ipv4.ip_local_port_range, Documentation/networking/ip-sysctl.rst).
var DefaultEphemeral = PortRange{32768, 60999}

// Situation is all that the join needs to know of one host.
type Situation struct {
	Host     Host
	Now      time.Time
	Baseline Baseline
	Trails   []Trail
	// Ephemeral is the host's range of ephemeral ports; zero is DefaultEphemeral.
	Ephemeral PortRange
	// AtOnce tells a door that one complete look finds shut as missing, without
	// waiting for the second: for who looks once, as check does.
	AtOnce bool
}

// Exposure is the joined verdict of one endpoint, with what it rests on.
type Exposure struct {
	Endpoint
	// Ports stands for Port where the verdict is about ranges (gap).
	Ports   string    `json:"ports,omitempty"`
	Verdict Verdict   `json:"verdict"`
	Also    []Verdict `json:"also,omitempty"` // what holds as well, in order of precedence
	// Entry is the most specific covering entry, nil where it is not in the baseline.
	Entry       *Entry       `json:"entry,omitempty"`
	Differences []Difference `json:"differences,omitempty"` // of changed
	Allow       *Allow       `json:"allow,omitempty"`       // the line that matched
	Service     *Service     `json:"service,omitempty"`
	Process     *Process     `json:"process,omitempty"`
	Views       AlertViews   `json:"views"`
	Looks       []string     `json:"looks,omitempty"` // ids of the looks that it rests on
	// Awaits and Until tell what a pending verdict waits for, and until when at least.
	Awaits string    `json:"awaits,omitempty"`
	Until  time.Time `json:"until,omitzero"`
	// Introduced tells that every view that sees it open saw so in its first
	// complete look: it is to be explained, and is no news.
	Introduced bool      `json:"introduced,omitempty"`
	Since      time.Time `json:"since,omitzero"` // when the oldest view that sees it so began to
	Print      DoorPrint `json:"print"`          // what would make it another door
}

// Open reports whether something is open or listens there.
func (e *Exposure) Open() bool {
	if e.Views.Inside != nil && e.Views.Inside.State == Listening {
		return true
	}
	return slices.ContainsFunc(e.Views.Outside, func(s Sighting) bool { return s.State == string(StateOpen) })
}

// Severity is what the verdict leads to; "" for nothing.
func (e *Exposure) Severity() Severity {
	switch e.Verdict {
	case Allowed, Pending, Expected, None:
		return ""
	}
	return Kind(e.Verdict).Info().Severity
}

// Tells reports whether somebody has to hear of the verdict.
func (e *Exposure) Tells() bool { return e.Severity() != "" && Kind(e.Verdict).Info().Alerts }

// Join judges every endpoint of the host that a view has seen or an entry
// names. It is total and deterministic: the same situation gives the same
// exposures, by protocol, port and address.
func Join(s Situation) []Exposure {
	if s.Ephemeral == (PortRange{}) {
		s.Ephemeral = DefaultEphemeral
	}
	j := joiner{Situation: s}
	for i := range s.Trails {
		t := &s.Trails[i]
		if t.Key.View == Inside {
			j.inside = t
		} else if t.Newest.ID != "" {
			j.outside = append(j.outside, t)
		}
	}
	var all []Exposure
	for _, door := range j.doors() {
		for _, r := range j.rows(door) {
			all = append(all, j.judge(r))
		}
	}
	all = append(all, j.gaps()...)
	slices.SortStableFunc(all, func(a, b Exposure) int {
		return cmp.Or(compareDoors(a.Door(), b.Door()), a.Address.Compare(b.Address))
	})
	return all
}

// joiner is a situation taken apart.
type joiner struct {
	Situation
	inside  *Trail // nil where the host has none
	outside []*Trail
}

// doors returns every door that a look listed or a single-port entry names.
func (j *joiner) doors() []Door {
	var doors []Door
	for i := range j.Trails {
		for _, s := range j.Trails[i].Sights {
			doors = append(doors, s.Door)
		}
	}
	for _, e := range j.Baseline.Entries {
		if e.Ports.Single() && !e.Expired(j.Now) {
			doors = append(doors, Door{e.Proto, e.Ports.First})
		}
	}
	slices.SortFunc(doors, compareDoors)
	return slices.Compact(doors)
}

// row is one endpoint with what every view says of it.
type row struct {
	endpoint  Endpoint
	outs      []outsideSight
	inside    Sight // zero where the host has no inside view
	listeners []Listener
	// insideFresh tells that the newest complete inside look is fresh.
	insideFresh bool
}

// outsideSight is what one vantage says of one endpoint.
type outsideSight struct {
	Sight
	trail *Trail
	fresh bool
}

// rows parts a door into endpoints: one for each address that a vantage looked
// at, and one for each listener that none of those addresses leads to.
func (j *joiner) rows(door Door) []row {
	var inside Sight
	if j.inside != nil {
		inside = j.inside.At(door)
	}
	var rows []row
	claimed := make([]bool, len(inside.Listeners))
	for _, address := range j.addresses(door) {
		r := j.row(address, door, inside)
		for _, t := range j.outside {
			if t.Key.Address != address {
				continue
			}
			if s := t.At(door); s.Known() {
				r.outs = append(r.outs, outsideSight{s, t, j.fresh(t, door)})
			}
		}
		for i, l := range inside.Listeners {
			if inside.Open() && j.leads(address, l) {
				r.listeners = append(r.listeners, l)
				claimed[i] = true
			}
		}
		rows = append(rows, r)
	}
	rows = append(rows, j.unclaimed(door, inside, claimed)...)
	rows = append(rows, j.named(door, inside, rows)...)
	if len(rows) == 0 {
		rows = append(rows, j.row(netip.Addr{}, door, inside)) // it listened once, and shut
	}
	return rows
}

// named makes rows of what entries name where no other row is covered by them:
// a door that nothing has seen.
func (j *joiner) named(door Door, inside Sight, rows []row) []row {
	var more []row
	for _, e := range j.Baseline.Entries {
		if !e.Ports.Single() || !e.coversShut(Endpoint{Proto: door.Proto, Port: door.Port}, j.Now) {
			continue
		}
		covers := func(r row) bool { return e.coversShut(r.endpoint, j.Now) }
		if slices.ContainsFunc(rows, covers) || slices.ContainsFunc(more, covers) {
			continue
		}
		var at netip.Addr
		if e.Address.IsValid() && e.Address.IsSingleIP() {
			at = e.Address.Addr()
		}
		more = append(more, j.row(at, door, inside))
	}
	return more
}

func (j *joiner) row(address netip.Addr, door Door, inside Sight) row {
	return row{endpoint: Endpoint{j.Host.Name, address, door.Proto, door.Port}, inside: inside,
		insideFresh: j.inside != nil && j.fresh(j.inside, door)}
}

// addresses returns the addresses at which a vantage has seen the door's port.
func (j *joiner) addresses(door Door) []netip.Addr {
	var list []netip.Addr
	for _, t := range j.outside {
		if t.At(door).Known() {
			list = append(list, t.Key.Address)
		}
	}
	slices.SortFunc(list, netip.Addr.Compare)
	return slices.Compact(list)
}

// leads reports whether a connection to the host's address can end at the
// listener. Behind NAT, any listener beyond loopback may be what answers.
func (j *joiner) leads(address netip.Addr, l Listener) bool {
	if l.Explains(address) {
		return true
	}
	switch j.Host.KindOf(address) {
	case AddressNAT, AddressShared:
		return l.Scope != ScopeLoopback
	}
	return false
}

// unclaimed makes rows of the listeners that no looked-at address leads to.
func (j *joiner) unclaimed(door Door, inside Sight, claimed []bool) []row {
	if !inside.Open() {
		return nil
	}
	var rows []row
	for i, l := range inside.Listeners {
		if claimed[i] {
			continue
		}
		address := l.Address
		if address.IsUnspecified() {
			address = netip.Addr{} // every address of the host
		}
		at := slices.IndexFunc(rows, func(r row) bool { return r.endpoint.Address == address })
		if at < 0 {
			rows = append(rows, j.row(address, door, inside))
			at = len(rows) - 1
		}
		rows[at].listeners = append(rows[at].listeners, l)
	}
	return rows
}

// fresh reports whether the view's newest complete look that covered the door
// is at most one and a half intervals old.
func (j *joiner) fresh(t *Trail, door Door) bool {
	head := t.LastComplete(door)
	return head != nil && j.Now.Sub(head.Received) <= j.Host.Interval(t.Key.View)*3/2
}

// liveUntil returns until when the view counts as live for the door: as long as
// its newest complete look that covered it is fresh, or, where it saw it open,
// the newest look that did.
func (j *joiner) liveUntil(t *Trail, s Sight) time.Time {
	var last time.Time
	if s.Open() {
		last = s.Last
	}
	if head := t.LastComplete(s.Door); head != nil && head.Received.After(last) {
		last = head.Received
	}
	return last.Add(j.Host.Interval(t.Key.View) * 3 / 2)
}

// gaps makes one exposure a protocol of the ports that the firewall lets
// through to the host though nothing listens there.
func (j *joiner) gaps() []Exposure {
	found := map[Proto]*Exposure{}
	sets := map[Proto]*PortSet{}
	for _, t := range j.outside {
		gap := j.gapOf(t)
		if gap.Len() == 0 {
			continue
		}
		proto := t.Key.Proto
		e := found[proto]
		if e == nil {
			e = &Exposure{Endpoint: Endpoint{j.Host.Name, t.Key.Address, proto, 0}, Verdict: Gap, Since: t.Full.Received}
			found[proto], sets[proto] = e, new(PortSet)
		}
		if e.Address != t.Key.Address {
			e.Address = netip.Addr{} // of several
		}
		if t.Full.Received.Before(e.Since) {
			e.Since = t.Full.Received
		}
		sets[proto].Union(gap)
		e.Looks = append(e.Looks, t.Full.ID)
		e.Views.Outside = append(e.Views.Outside, Sighting{t.Key.Vantage, string(StateClosed), t.Full.Received})
	}
	var list []Exposure
	for _, proto := range []Proto{TCP, UDP} {
		if e := found[proto]; e != nil {
			e.Ports, e.Port = sets[proto].String(), sets[proto].Ranges()[0].First
			list = append(list, *e)
		}
	}
	return list
}

// gapOf returns the ports that the newest complete look at all of them found
// closed behind a firewall, that no entry explains, where nothing is open for
// any other vantage and nothing listens beyond loopback.
func (j *joiner) gapOf(t *Trail) *PortSet {
	gap := new(PortSet)
	if t.Full == nil {
		return gap
	}
	for port := range t.Answered.All() {
		door := Door{t.Key.Proto, port}
		if t.At(door).State == StateClosed && !j.documented(t, door) && !j.somewhereOpen(door) {
			gap.Add(port)
		}
	}
	return gap
}

func (j *joiner) somewhereOpen(door Door) bool {
	if j.inside != nil {
		if s := j.inside.At(door); s.Open() && slices.ContainsFunc(s.Listeners, func(l Listener) bool { return l.Scope != ScopeLoopback }) {
			return true
		}
	}
	return slices.ContainsFunc(j.outside, func(t *Trail) bool { return t.At(door).Open() })
}

func (j *joiner) documented(t *Trail, door Door) bool {
	return slices.ContainsFunc(j.Baseline.Entries, func(e Entry) bool {
		return e.CoversOutside(t.Key.Address, door, t.Key.Vantage, t.Reach, j.Now)
	})
}
