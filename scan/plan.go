package scan

import (
	portvigil "github.com/portvigil/portvigil"
)

// plan is the order in which ports are probed: in a first pass known listeners and
// where well-known services live, then, pass after pass, all of them in a
// pseudo-random order, another one each time. So a burst of loss or a ban does not
// fall on neighbours, and what one pass loses has nothing to do with what another
// does. The order is computed as it goes: nothing is stored per port but one bit.
type plan struct {
	ports *portvigil.PortSet
	head  []uint16           // the ports that come first, all of them in ports
	heads *portvigil.PortSet // the same as a set
	seed  uint64
	keys  [feistelRounds]uint32
	whole bool // the pass is over all ports
	pos   int  // into head, or into the permutation of 0…65535
}

// newPlan orders the ports; first may be nil. Equal seeds give equal orders.
func newPlan(ports, first *portvigil.PortSet, seed uint64) *plan {
	p := &plan{ports: ports, heads: new(portvigil.PortSet), seed: seed}
	early := func(port uint16) {
		if ports.Contains(port) && !p.heads.Contains(port) {
			p.heads.Add(port)
			p.head = append(p.head, port)
		}
	}
	for port := range first.All() {
		early(port)
	}
	for _, port := range wellKnown {
		early(port)
	}
	p.rekey()
	return p
}

// take returns the next port of this pass, and false after the last.
func (p *plan) take() (uint16, bool) {
	if !p.whole {
		if p.pos == len(p.head) {
			return 0, false
		}
		p.pos++
		return p.head[p.pos-1], true
	}
	for p.pos < 1<<16 {
		port := p.permute(uint16(p.pos))
		p.pos++
		if p.ports.Contains(port) {
			return port, true
		}
	}
	return 0, false
}

// over reports whether this pass is over.
func (p *plan) over() bool { return p.whole && p.pos == 1<<16 }

// again begins the next pass, over all ports.
func (p *plan) again() {
	p.whole, p.pos = true, 0
	p.rekey()
}

// feistelRounds is enough for an order without visible pattern; nothing here is
// secret.
const feistelRounds = 4

// permute is a balanced Feistel network over 16 bits: whatever the round
// function, each of the 65,536 values is reached from exactly one other.
func (p *plan) permute(i uint16) uint16 {
	left, right := uint8(i>>8), uint8(i)
	for _, key := range p.keys {
		left, right = right, left^round(right, key)
	}
	return uint16(left)<<8 | uint16(right)
}

func round(half uint8, key uint32) uint8 {
	x := uint32(half)*0x9e3779b1 + key
	x ^= x >> 15
	x *= 0x2c1b3c6d
	x ^= x >> 12
	return uint8(x >> 8)
}

// rekey draws the round keys from the seed and advances it (splitmix64, Steele
// et al. 2014).
func (p *plan) rekey() {
	for i := range p.keys {
		p.seed += 0x9e3779b97f4a7c15
		z := p.seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		p.keys[i] = uint32(z ^ z>>31)
	}
}
