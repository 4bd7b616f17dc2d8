package portvigil

import (
	"net/netip"
	"slices"
	"time"
)

// View tells from where something was seen.
type View string

// The views.
const (
	Inside  View = "inside"
	Outside View = "outside"
)

// Reach tells from which side of the border a vantage looks.
type Reach string

// The reaches. A baseline's "from" may name them beside vantages.
const (
	ReachInternet Reach = "internet"
	ReachInternal Reach = "internal"
)

// Method tells how an outside look probed, or where an inside look read.
type Method string

// The methods.
const (
	MethodConnect  Method = "connect"
	MethodSYN      Method = "syn"
	MethodUDP      Method = "udp"
	MethodSockDiag Method = "sock_diag"
)

// PortState is what an outside look found at a port. The zero value is "not
// looked", which is none of the others.
type PortState string

// The states.
const (
	StateOpen         PortState = "open"
	StateClosed       PortState = "closed"        // an answer says so
	StateFiltered     PortState = "filtered"      // no answer, or a prohibiting ICMP
	StateOpenFiltered PortState = "open|filtered" // UDP: silence
)

// Reason tells which answer, or the lack of one, made a state.
type Reason string

// The reasons that are not an ICMP type and code. Those are written as
// "icmp-3-13" or "icmp6-1-1" (type, code), port-unreachable aside.
const (
	ReasonSynAck          Reason = "syn-ack"
	ReasonReset           Reason = "reset"
	ReasonNoResponse      Reason = "no-response"
	ReasonPortUnreachable Reason = "port-unreachable"
	ReasonUDPResponse     Reason = "udp-response"
	ReasonICMPLimited     Reason = "icmp-limited" // UDP: silence of a host that sends few errors
)

// Coverage is a part of a machine that an inside look can cover. What a look
// does not cover it does not deny.
type Coverage string

// What inside looks can cover.
const (
	CoversSockets    Coverage = "sockets"
	CoversOwners     Coverage = "owners"
	CoversPackages   Coverage = "packages"
	CoversNamespaces Coverage = "namespaces"
	CoversDNAT       Coverage = "dnat"
	CoversFirewall   Coverage = "firewall"
)

// Observation is what one outside look saw of one port that differs from the
// look's default state. It is never edited afterwards.
type Observation struct {
	Port    uint16    `json:"port"`
	State   PortState `json:"state"`
	Reason  Reason    `json:"reason"`
	Service *Service  `json:"service,omitempty"` // of an open port, once something asked
}

// Loss is the share of probes that went unanswered though they should have been.
type Loss struct {
	Estimate float64 `json:"estimate"` // 0 to 1
	Bound    float64 `json:"bound"`    // upper confidence bound, 0 to 1
	Samples  int     `json:"samples"`
}

// Look is one run of one view on one address and protocol; an inside look has
// neither. It is stored as it came and never edited.
type Look struct {
	ID      string
	Run     string // shared by looks that were started together
	Host    string // name
	View    View
	Vantage string     // who looked from outside; "" inside
	Reach   Reach      // of the vantage; "" inside
	Address netip.Addr // invalid inside
	Proto   Proto      // "" inside
	Ports   *PortSet   // what an outside look covered; nil inside
	Covers  []Coverage // what an inside look covered; nil outside
	Method  Method
	// Seq orders the looks of one view, whatever the clocks say.
	Seq            uint64
	Started, Ended time.Time // by the clock of who looked
	Received       time.Time // by the server's; zero while there is none
	Complete       bool
	// MissProbability bounds the chance that a given open port was missed; nil
	// where the method has no such bound.
	MissProbability *float64
	Loss            *Loss
	Probes          int
	// DefaultState holds for every covered port without an Observation; never open.
	DefaultState PortState
	Observations []Observation // outside, by rising port
	Listeners    []Listener    // inside
	Notes        []string
	Boot         *Boot // inside: of the machine; nil where it is not known
	// OwnAddress tells that the vantage's own machine holds the address: such a
	// look is not from outside and never counts.
	OwnAddress bool
}

// Boot is one life of a machine, from when it was started until it is shut down.
type Boot struct {
	ID   string    `json:"id"`   // a random name of this life, the kernel's boot_id
	Time time.Time `json:"time"` // when it began, by the machine's clock
}

// ViewKey names the series of looks in which the highest sequence number wins.
type ViewKey struct {
	View    View
	Vantage string
	Address netip.Addr
	Proto   Proto
}

// Key returns the series that the look belongs to.
func (l *Look) Key() ViewKey {
	return ViewKey{View: l.View, Vantage: l.Vantage, Address: l.Address, Proto: l.Proto}
}

// Unanswered reports whether the look asked UDP ports to its end and heard nothing,
// neither that one is open nor that one is closed.
func (l *Look) Unanswered() bool {
	return l.Proto == UDP && !l.Complete && slices.ContainsFunc(l.Notes, func(note string) bool { return NoteCode(note) == "no-answer" })
}

// CoversAll reports whether the look covers every one of the given parts.
func (l *Look) CoversAll(parts ...Coverage) bool {
	for _, p := range parts {
		if !slices.Contains(l.Covers, p) {
			return false
		}
	}
	return true
}

// At returns what the look saw at a port: its observation, or the default state
// where it covered the port, or the zero Observation where it did not.
func (l *Look) At(port uint16) Observation {
	i, found := slices.BinarySearchFunc(l.Observations, port, func(o Observation, p uint16) int {
		return int(o.Port) - int(p)
	})
	switch {
	case found:
		return l.Observations[i]
	case l.Ports.Contains(port):
		return Observation{Port: port, State: l.DefaultState}
	}
	return Observation{}
}

// Count returns how many covered ports are in the state.
func (l *Look) Count(state PortState) int {
	n, listed := 0, 0
	for _, o := range l.Observations {
		if l.Ports.Contains(o.Port) {
			listed++
		}
		if o.State == state {
			n++
		}
	}
	if state == l.DefaultState {
		n += l.Ports.Len() - listed
	}
	return n
}
