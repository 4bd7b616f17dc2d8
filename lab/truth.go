package lab

import (
	"net/netip"
	"slices"

	"github.com/portvigil/portvigil"
)

// Seen is what a look has to see of a port.
type Seen struct {
	State  portvigil.PortState
	Reason portvigil.Reason // "" where a look may give one or another
}

// Ending is how sure a look may say that it is.
type Ending string

// The endings.
const (
	EndsComplete   Ending = "complete"   // nothing keeps a look from being sure
	EndsEither     Ending = "either"     // waiting makes it sure, giving up does not; both are honest
	EndsIncomplete Ending = "incomplete" // nobody can be sure here
)

// Truth is what there is at an address, against which a look at it is held.
type Truth struct {
	Doors []uint16 // that are open
	Rest  Seen     // every other port, but those that stand apart
	Apart []Apart
	Ends  Ending
	// Tells are the codes of notes of which a look by SYN packets has to have one
	// where it is not empty; May are others that are true.
	Tells, May []string
}

// Apart is a range of ports that are not like the rest.
type Apart struct {
	portvigil.PortRange
	Seen
}

// At is what is to be seen of a port.
func (t Truth) At(port uint16) Seen {
	if slices.Contains(t.Doors, port) {
		return Seen{portvigil.StateOpen, portvigil.ReasonSynAck}
	}
	for _, a := range t.Apart {
		if a.Contains(port) {
			return a.Seen
		}
	}
	return t.Rest
}

// Open counts the doors among ports.
func (t Truth) Open(ports *portvigil.PortSet) (n int) {
	for port := range ports.All() {
		if t.At(port).State == portvigil.StateOpen {
			n++
		}
	}
	return n
}

// End is an address at the end of a path, and what there is.
type End struct {
	Address netip.Addr
	Truth
}
