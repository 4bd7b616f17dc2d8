package scan

// plan is the order in which the ports of one address are probed: in a first pass
// known listeners and where well-known services live, then, pass after pass, all of
// them in a pseudo-random order, another one each time. So a burst of loss or a ban
// does not fall on neighbours, and what one pass loses has nothing to do with what
// another does.
type plan struct {
	*roster
	seed  uint64 // of the pass
	order permutation
	whole bool // the pass is over all ports
	pos   int  // into head, or into the order
}

// newPlan orders the ports. Equal seeds give equal orders.
func newPlan(r *roster, seed uint64) *plan { return &plan{roster: r, seed: seed} }

// take returns the next port of this pass, and false after the last.
func (p *plan) take() (uint16, bool) {
	of := len(p.head)
	if p.whole {
		of = len(p.listed)
	}
	if p.pos == of {
		return 0, false
	}
	p.pos++
	if !p.whole {
		return p.head[p.pos-1], true
	}
	return p.port(int(p.order.at(uint64(p.pos - 1)))), true
}

// over reports whether this pass is over.
func (p *plan) over() bool { return p.whole && p.pos == len(p.listed) }

// again begins the next pass, over all ports.
func (p *plan) again() {
	p.whole, p.pos = true, 0
	p.seed++
	p.order = newPermutation(uint64(len(p.listed)), scattered(p.seed))
}
