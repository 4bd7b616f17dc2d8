package portvigil

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// SuggestEntry returns the entry that approving a door writes: for every address
// of the host, with the scope as seen, and with the default pins (product, exe,
// host key) as far as they are known. Service and process may be nil. Pid 1 is
// never pinned: it keeps the sockets of services that systemd starts on demand.
func SuggestEntry(d Door, scope Scope, s *Service, p *Process, why, owner string) Entry {
	e := Entry{Ports: PortRange{d.Port, d.Port}, Proto: d.Proto, Scope: scope, Why: why, Owner: owner}
	if s != nil {
		e.Service = cmp.Or(s.Product, s.Name)
		e.Pin.Product, e.Pin.HostKey = s.Product, s.HostKey
	}
	if p != nil && p.PID != 1 {
		e.Pin.Exe = pinnable(p.Exe)
		e.Service = cmp.Or(e.Service, p.Exe[strings.LastIndexByte(p.Exe, '/')+1:])
	}
	return e
}

// pinnable returns a path of an executable, and "" for a bare name: an import
// knows only that, and it would differ from every path.
func pinnable(exe string) string {
	if strings.HasPrefix(exe, "/") {
		return exe
	}
	return ""
}

// EntriesFromListeners returns the entries of a first baseline: one a door, with
// the widest scope seen, so that wildcards of IPv4 and IPv6 are one entry; one an
// address where different programs stand behind the same door. Listeners on
// loopback are left out, and UDP sockets on ephemeral ports (the zero range for
// none), which resolvers and QUIC clients open and close all the time.
func EntriesFromListeners(ls []Listener, ephemeral PortRange, why, owner string) []Entry {
	doors := make(map[Door][]Listener)
	for _, l := range ls {
		fleeting := l.Proto == UDP && ephemeral != PortRange{} && ephemeral.Contains(l.Port)
		if l.Scope != ScopeLoopback && !fleeting && l.Port != 0 {
			d := Door{l.Proto, l.Port}
			doors[d] = append(doors[d], l)
		}
	}
	var out []Entry
	for _, d := range slices.SortedFunc(maps.Keys(doors), compareDoors) {
		all := doors[d]
		if len(leaders(all)) < 2 {
			out = append(out, entryOf(d, all, why, owner))
			continue
		}
		byAddress := make(map[netip.Addr][]Listener)
		for _, l := range all {
			a := l.Address.Unmap().WithZone("")
			byAddress[a] = append(byAddress[a], l)
		}
		for _, a := range slices.SortedFunc(maps.Keys(byAddress), netip.Addr.Compare) {
			e := entryOf(d, byAddress[a], why, owner)
			if !a.IsUnspecified() {
				e.Address = netip.PrefixFrom(a, a.BitLen())
			}
			out = append(out, e)
		}
	}
	return out
}

// leaders returns the different executables that lead the listeners.
func leaders(ls []Listener) []string {
	var out []string
	for _, l := range ls {
		if l.Process != nil {
			out = appendNew(out, l.Process.Exe)
		}
	}
	return out
}

// entryOf returns the entry for listeners that are one door. Its executable is
// pinned only where all owners share it, as a pin holds for all of them.
func entryOf(d Door, ls []Listener, why, owner string) Entry {
	seen := SeenOf(ls, nil)
	e := SuggestEntry(d, seen.Scope, nil, ls[0].Process, why, owner)
	for _, l := range ls[1:] {
		if e.Service == "" {
			e.Service = SuggestEntry(d, "", nil, l.Process, "", "").Service
		}
	}
	e.Pin.Exe = ""
	if len(seen.Exes) == 1 && !slices.ContainsFunc(ls, onlyPidOne) {
		e.Pin.Exe = pinnable(seen.Exes[0])
	}
	return e
}

func onlyPidOne(l Listener) bool {
	return l.Process != nil && l.Process.PID == 1 && len(l.Others) == 0
}

// EntriesFromLooks returns the entries of a first baseline from the doors that
// outside looks saw open: one a door, whatever addresses it was seen at.
func EntriesFromLooks(looks []Look, why, owner string) []Entry {
	doors := make(map[Door]*Service)
	for _, l := range looks {
		for _, o := range l.Observations {
			d := Door{l.Proto, o.Port}
			known, found := doors[d]
			if o.State == StateOpen && (!found || known == nil) {
				doors[d] = o.Service
			}
		}
	}
	var out []Entry
	for _, d := range slices.SortedFunc(maps.Keys(doors), compareDoors) {
		e := SuggestEntry(d, "", doors[d], nil, why, owner)
		out = append(out, e)
	}
	return out
}
