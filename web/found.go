package web

import (
	"cmp"
	"slices"

	"github.com/portvigil/portvigil"
)

// foundDoor is a door of a host that is open and that nobody has explained, with
// what helps to say whether it belongs there.
type foundDoor struct {
	Door    string // PORT/PROTO
	Service *portvigil.Service
	Process *portvigil.Process
	Reaches string // who can reach it, in words
	opinion
	exposed bool
	scope   portvigil.Scope
	pending bool
}

// foundDoors are the open doors of a host that no entry covers, those to look at
// first before the others, and those that are open on loopback only.
func foundDoors(s portvigil.HostStatus) (found, loopback []foundDoor) {
	at := map[portvigil.Door]int{}
	var all []foundDoor
	for i := range s.Exposures {
		x := &s.Exposures[i]
		unexplained := x.Verdict != portvigil.Hidden && (x.Tells() || x.Verdict == portvigil.Pending)
		if !x.Open() || !unexplained && !onLoopback(x) {
			continue
		}
		n, there := at[x.Door()]
		if !there {
			n = len(all)
			at[x.Door()] = n
			all = append(all, foundDoor{Door: x.Door().String()})
		}
		all[n].add(x)
	}
	for door, n := range at {
		all[n].describe(door)
	}
	for _, f := range all {
		if f.scope == portvigil.ScopeLoopback && !f.exposed {
			loopback = append(loopback, f)
		} else {
			found = append(found, f)
		}
	}
	slices.SortStableFunc(found, func(a, b foundDoor) int {
		return cmp.Or(-compareBools(a.Risk != "", b.Risk != ""), compareBools(a.Usual, b.Usual))
	})
	return found, loopback
}

// compareBools orders false before true.
func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// onLoopback reports whether only the machine itself can reach the door.
func onLoopback(x *portvigil.Exposure) bool {
	return x.Verdict == portvigil.None && listens(x) && x.Print.Scope == portvigil.ScopeLoopback
}

func listens(x *portvigil.Exposure) bool {
	return x.Views.Inside != nil && x.Views.Inside.State == portvigil.Listening
}

// seenOpen reports whether a view from outside sees the door open.
func seenOpen(v portvigil.AlertViews) bool {
	return slices.ContainsFunc(v.Outside, func(s portvigil.Sighting) bool { return s.State == string(portvigil.StateOpen) })
}

func (f *foundDoor) add(x *portvigil.Exposure) {
	if f.Service == nil {
		f.Service = x.Service
	}
	if f.Process == nil {
		f.Process = x.Process
	}
	if x.Print.Scope.Rank() > f.scope.Rank() {
		f.scope = x.Print.Scope
	}
	f.exposed = f.exposed || seenOpen(x.Views)
	f.pending = f.pending || x.Verdict == portvigil.Pending
}

// describe says who reaches the door, and what we think of it.
func (f *foundDoor) describe(door portvigil.Door) {
	f.Reaches = reachWords(f.scope, f.exposed)
	f.opinion = opinionOf(door, f.Service, f.Process, f.scope, f.exposed)
	switch {
	case f.known:
	case f.pending && door.Proto == portvigil.UDP:
		f.Is = "A program seems to ask others from here (a resolver, a browser); such doors come and go."
	case f.scope == portvigil.ScopeLoopback && !f.exposed:
		f.Is = "Not one that we know."
	}
}

// reachWords says who can reach a door, going by what it is bound to.
func reachWords(s portvigil.Scope, exposed bool) string {
	switch {
	case exposed:
		return "open from outside"
	case s == portvigil.ScopeLoopback:
		return "this machine only"
	case s == portvigil.ScopePrivate:
		return "private networks"
	case s == portvigil.ScopePublic:
		return "a public address"
	case s == portvigil.ScopeAny:
		return "every network that the firewall lets in"
	}
	return "not known"
}
