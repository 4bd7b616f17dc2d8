package portvigil

import (
	"slices"
	"strings"
)

// Seen is what the views know of what stands behind a door. What is empty is
// not known, and never differs from anything.
type Seen struct {
	Product     string
	Version     string
	Exes        []string // of every owner of the door
	Users       []string // of every owner of the door
	HostKey     string
	Certificate string // SHA-256 of the leaf, hex
	Scope       Scope
}

// Difference is a value that stands in an entry and is seen to be another.
type Difference struct {
	Field string `json:"field"` // the key in the baseline file
	Want  string `json:"want"`
	Got   string `json:"got"`
}

// SeenOf gathers what is known about a door from its listeners and from the
// service that answered, if any did. Pid 1 counts as an owner only where it is
// the only one: systemd keeps the sockets of the services that it starts on
// demand, and would otherwise differ from every pin.
func SeenOf(listeners []Listener, s *Service) Seen {
	var seen Seen
	if s != nil {
		seen.Product, seen.Version, seen.HostKey = s.Product, s.Version, s.HostKey
		if s.Certificate != nil {
			seen.Certificate = s.Certificate.SHA256
		}
	}
	for _, l := range listeners {
		if l.Scope.Rank() > seen.Scope.Rank() {
			seen.Scope = l.Scope
		}
		for _, p := range l.owners() {
			seen.Exes = appendNew(seen.Exes, p.Exe)
			seen.Users = appendNew(seen.Users, p.User)
		}
	}
	return seen
}

// owners returns every known owner, without pid 1 where there are others.
func (l Listener) owners() []Process {
	if l.Process == nil {
		return nil
	}
	all := append([]Process{*l.Process}, l.Others...)
	without := slices.DeleteFunc(slices.Clone(all), func(p Process) bool { return p.PID == 1 })
	if len(without) == 0 {
		return all
	}
	return without
}

func appendNew(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// Differs returns what is seen to differ from the entry: pins of every owner of
// the door, and a scope that is wider than the one written. A narrower scope,
// and what is not known, does not differ.
func (e Entry) Differs(s Seen) []Difference {
	var out []Difference
	compare := func(field, want string, same func(a, b string) bool, got ...string) {
		for _, g := range got {
			if want != "" && g != "" && !same(want, g) {
				out = append(out, Difference{field, want, g})
			}
		}
	}
	compare("product", e.Pin.Product, strings.EqualFold, s.Product)
	compare("version", e.Pin.Version, exactly, s.Version)
	compare("exe", e.Pin.Exe, exactly, s.Exes...)
	compare("user", e.Pin.User, exactly, s.Users...)
	compare("hostkey", e.Pin.HostKey, exactly, s.HostKey)
	compare("certificate", e.Pin.Certificate, sameHex, s.Certificate)
	if e.Scope != "" && s.Scope.Rank() > e.Scope.Rank() {
		out = append(out, Difference{"scope", string(e.Scope), string(s.Scope)})
	}
	return out
}

func exactly(a, b string) bool { return a == b }

// sameHex compares fingerprints as tools write them: in either case, with or
// without colons.
func sameHex(a, b string) bool {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, ":", "")) }
	return plain(a) == plain(b)
}

// Judge holds what is seen against the entries that cover it, the most specific
// first. It returns nil where at least one of them agrees, else how the most
// specific one differs; without an entry nothing differs.
func Judge(covering []Entry, s Seen) []Difference {
	var first []Difference
	for i, e := range covering {
		d := e.Differs(s)
		if len(d) == 0 {
			return nil
		}
		if i == 0 {
			first = d
		}
	}
	return first
}
