package scan

import (
	portvigil "github.com/portvigil/portvigil"
)

// roster is the ports of a look, numbered from 0 in rising order, so that what is
// kept of each takes no more room than there are ports; and those of them that come
// first. It is never changed, and looks at many addresses share one.
type roster struct {
	ports  *portvigil.PortSet
	listed []uint16
	number [1 << 16]uint16    // of a port in listed; meaningless for any other port
	first  uint16             // the lowest
	dense  bool               // no port is missing between the lowest and the highest
	head   []uint16           // the ports that come first: known listeners, well-known services
	heads  *portvigil.PortSet // the same as a set
}

// newRoster numbers the ports; first may be nil.
func newRoster(ports, first *portvigil.PortSet) *roster {
	r := &roster{ports: ports, listed: make([]uint16, 0, ports.Len()), heads: new(portvigil.PortSet)}
	for port := range ports.All() {
		r.number[port] = uint16(len(r.listed))
		r.listed = append(r.listed, port)
	}
	if n := len(r.listed); n > 0 {
		r.first = r.listed[0]
		r.dense = int(r.listed[n-1]-r.first) == n-1
	}
	early := func(port uint16) {
		if ports.Contains(port) && !r.heads.Contains(port) {
			r.heads.Add(port)
			r.head = append(r.head, port)
		}
	}
	for port := range first.All() {
		early(port)
	}
	for _, port := range wellKnown {
		early(port)
	}
	return r
}

// total is how many ports there are.
func (r *roster) total() int { return len(r.listed) }

// index is the number of one of the ports. It and port save looks at all ports, in which
// each step is a jump through memory, two of the three jumps of each probe.
func (r *roster) index(port uint16) int {
	if r.dense {
		return int(port - r.first)
	}
	return int(r.number[port])
}

// port is the one with a number.
func (r *roster) port(number int) uint16 {
	if r.dense {
		return r.first + uint16(number)
	}
	return r.listed[number]
}
