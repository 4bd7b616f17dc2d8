package watch

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// model is RULES.md once more, for one host, written from that page and not from
// the code: slow and plain. It keeps every look and judges from all of them each
// time, without trails, and its alerts have no more than the page speaks of.
// From outside its UDP stays silent, as behind most firewalls. What it leaves out: UDP
// that answers, several namespaces, floods and causes.
type model struct {
	host       portvigil.Host
	now        time.Time
	looks      []*portvigil.Look
	entries    []portvigil.Entry
	allow      []portvigil.Allow
	alerts     []*modelAlert
	maintained time.Time // nothing is told until then
	approved   bool      // somebody explained doors just now
}

// said is what one view says of one door: the unbroken run of open, or of shut,
// that its newest look ends.
type said struct {
	view                  portvigil.ViewKey
	reach                 portvigil.Reach
	known, open, wasOpen  bool
	since, last           time.Time // received
	lastBegan             time.Time
	introduced, confirmed bool
	product               string
	listeners             []portvigil.Listener
	ownersOld             bool
	complete              *portvigil.Look // the newest complete one that covered the door
}

// key of every series of looks that counts, inside first.
func (m *model) views() (keys []portvigil.ViewKey) {
	for _, l := range m.looks {
		if !l.OwnAddress && !slices.Contains(keys, l.Key()) {
			keys = append(keys, l.Key())
		}
	}
	slices.SortFunc(keys, func(a, b portvigil.ViewKey) int {
		return cmp.Or(cmp.Compare(a.View, b.View), cmp.Compare(a.Vantage, b.Vantage), a.Address.Compare(b.Address))
	})
	return keys
}

// of returns the looks of a series by their number, whenever they came.
func (m *model) of(key portvigil.ViewKey) []*portvigil.Look {
	list := slices.DeleteFunc(slices.Clone(m.looks), func(l *portvigil.Look) bool { return l.OwnAddress || l.Key() != key })
	slices.SortFunc(list, func(a, b *portvigil.Look) int { return cmp.Compare(a.Seq, b.Seq) })
	return list
}

// says tells what the view says of the door (RULES 1): an incomplete look tells
// what is open, a complete one that covered the door also that it is shut.
func (m *model) says(key portvigil.ViewKey, door portvigil.Door) said {
	s := said{view: key}
	for _, l := range m.of(key) {
		s.reach = l.Reach
		covers := l.Complete && (key.View == portvigil.Inside && slices.Contains(l.Covers, portvigil.CoversSockets) ||
			key.View == portvigil.Outside && l.Ports.Contains(door.Port))
		if key.View == portvigil.Outside && door.Proto != key.Proto {
			continue
		}
		open, service, listeners := sees(l, door)
		if open || covers {
			if !s.known || s.open != open {
				s = said{view: key, reach: l.Reach, known: true, open: open, wasOpen: s.wasOpen, since: l.Received,
					introduced: open && s.complete == nil, complete: s.complete}
			}
			s.last, s.lastBegan, s.wasOpen = l.Received, l.Started, s.wasOpen || open
			s.confirmed = s.confirmed || open && (key.View == portvigil.Inside || service != nil && service.Connected)
			if service != nil && service.Product != "" {
				s.product = service.Product
			}
			s.remember(l, listeners, covers)
		}
		if covers {
			s.complete = l
		}
	}
	return s
}

func sees(l *portvigil.Look, door portvigil.Door) (open bool, service *portvigil.Service, listeners []portvigil.Listener) {
	for _, o := range l.Observations {
		if o.Port == door.Port && o.State == portvigil.StateOpen {
			return true, o.Service, nil
		}
	}
	for _, x := range l.Listeners {
		if x.Proto == door.Proto && x.Port == door.Port {
			listeners = append(listeners, x)
		}
	}
	return len(listeners) > 0, nil, listeners
}

// remember joins the listeners of a look to those before: what a look does not
// cover it does not deny, neither listeners nor owners.
func (s *said) remember(l *portvigil.Look, now []portvigil.Listener, covers bool) {
	before := s.listeners
	s.listeners, s.ownersOld = slices.Clone(now), false
	for _, b := range before {
		at := slices.IndexFunc(now, func(n portvigil.Listener) bool { return n.Address == b.Address })
		switch {
		case at < 0 && !covers:
			s.listeners = append(s.listeners, b)
		case at >= 0 && now[at].Process == nil && b.Process != nil && !slices.Contains(l.Covers, portvigil.CoversOwners):
			s.listeners[at].Process, s.ownersOld = b.Process, true
		}
	}
}

// fresh: the newest complete look is at most one and a half intervals old.
func (m *model) fresh(s said) bool {
	return s.complete != nil && m.now.Sub(s.complete.Received) <= m.host.Interval(s.view.View)*3/2
}

// place is an endpoint of a door with what is said of it.
type place struct {
	door      portvigil.Door
	address   netip.Addr
	outs      []said
	inside    said
	listeners []portvigil.Listener
}

// doors that a view saw, or that an entry requires.
func (m *model) doors() (doors []portvigil.Door) {
	for _, l := range m.looks {
		if l.OwnAddress {
			continue
		}
		for _, o := range l.Observations {
			if covered := l.Complete && l.Ports.Contains(o.Port); o.State == portvigil.StateOpen || covered {
				doors = append(doors, portvigil.Door{Proto: l.Proto, Port: o.Port})
			}
		}
		for _, x := range l.Listeners {
			doors = append(doors, portvigil.Door{Proto: x.Proto, Port: x.Port})
		}
	}
	for _, e := range m.entries {
		if e.Ports.First == e.Ports.Last && m.valid(e) {
			doors = append(doors, portvigil.Door{Proto: e.Proto, Port: e.Ports.First})
		}
	}
	slices.SortFunc(doors, func(a, b portvigil.Door) int {
		return cmp.Or(cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Port, b.Port))
	})
	return slices.Compact(doors)
}

// places parts a door: each address that was looked at, then each listener that
// none of those leads to, else the door without an address.
func (m *model) places(door portvigil.Door) (list []place) {
	var outs []said
	inside := said{}
	for _, key := range m.views() {
		s := m.says(key, door)
		if key.View == portvigil.Inside {
			inside = s
		} else if s.known {
			outs = append(outs, s)
		}
	}
	claimed := map[netip.Addr]bool{}
	for _, o := range outs {
		at := slices.IndexFunc(list, func(p place) bool { return p.address == o.view.Address })
		if at < 0 {
			p := place{door: door, address: o.view.Address, inside: inside}
			for _, l := range inside.listeners {
				if l.Address == p.address || l.Address.IsUnspecified() {
					p.listeners, claimed[l.Address] = append(p.listeners, l), true
				}
			}
			list, at = append(list, p), len(list)
		}
		list[at].outs = append(list[at].outs, o)
	}
	for _, l := range inside.listeners {
		if !claimed[l.Address] {
			address := l.Address
			if address.IsUnspecified() {
				address = netip.Addr{}
			}
			list = append(list, place{door: door, address: address, inside: inside, listeners: []portvigil.Listener{l}})
		}
	}
	if len(list) == 0 {
		list = append(list, place{door: door, inside: inside})
	}
	return list
}

// valid: an entry counts to the end of its last day, UTC.
func (m *model) valid(e portvigil.Entry) bool {
	return e.Expires.IsZero() || m.now.Before(time.Date(e.Expires.Year, e.Expires.Month, e.Expires.Day, 24, 0, 0, 0, time.UTC))
}

func (m *model) about(e portvigil.Entry, door portvigil.Door) bool {
	return m.valid(e) && e.Proto == door.Proto && e.Ports.First <= door.Port && door.Port <= e.Ports.Last
}

// coversOut and coversIn are RULES 2; the model's entries name no address.
func (m *model) coversOut(e portvigil.Entry, door portvigil.Door, o said) bool {
	asked := len(e.From) == 0 || slices.Contains(e.From, o.view.Vantage) || slices.Contains(e.From, string(o.reach))
	return m.about(e, door) && asked && e.Scope != portvigil.ScopeLoopback &&
		(e.Scope != portvigil.ScopePrivate || o.reach != portvigil.ReachInternet)
}
