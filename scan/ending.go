package scan

import portvigil "github.com/portvigil/portvigil"

// ending is why a look ended early.
type ending uint8

const (
	endDone ending = iota
	endDeadSilent
	endDeadUnreachable
	endBlocked
)

// dead ends a look whose known doors are all silent; where some of them were
// rejected before, somebody shut us out.
func (c *conductor) dead() {
	if c.doors.rejected > 0 && c.doors.heardEver {
		c.finish(endBlocked)
		return
	}
	c.finish(endDeadSilent)
}

func (c *conductor) finish(e ending) {
	if !c.finished {
		c.finished, c.end = true, e
	}
}

// complete reports whether RULES section 1 lets the look close and miss ports.
func (c *conductor) complete() bool {
	if c.table.answered == c.table.total() {
		return true
	}
	return c.finished && c.end == endDone && c.vouched() && c.undecided() == 0
}

// undecided counts the ports whose silence is not believed.
func (c *conductor) undecided() int {
	n := 0
	clear(c.sure)
	for port := range c.table.wanting() {
		if !c.vouched() || !c.believes(port) {
			n++
		}
	}
	return n
}

// fill writes what is known into the look.
func (c *conductor) fill(look *portvigil.Look) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.table.fill(look)
	look.Complete = c.complete()
	look.Probes = c.sends
	look.MissProbability, look.Loss = c.miss(), c.loss()
	look.Notes = append(look.Notes, c.notes()...)
}

// miss bounds the probability that a given open port was missed: none where all
// ports answered, and nil where no loss was measured.
func (c *conductor) miss() *float64 {
	p := 0.0
	r := c.reference()
	switch {
	case !c.measured || r == roleOrdinary && c.table.answered < c.table.total():
		return nil
	case r != roleOrdinary:
		for mask := range c.table.masks() {
			p = max(p, c.losses.missed(r, mask))
		}
	}
	return &p
}

// reference is the kind of door that stands for open ports: closed ones where none
// is open, and roleOrdinary for none.
func (c *conductor) reference() role {
	for _, r := range vouching {
		if c.doors.kinds[r].known {
			return r
		}
	}
	return roleOrdinary
}

// loss is what was measured of it, nil where nothing was.
func (c *conductor) loss() *portvigil.Loss {
	r := c.reference()
	t := c.losses.all(r)
	if !c.measured || t.asked == 0 {
		return nil
	}
	return &portvigil.Loss{Estimate: t.share(), Bound: t.bound(), Samples: t.asked}
}
