package scan

import (
	"time"
)

const (
	// triesNeeded is how often a port has to stay silent where no loss is measured,
	// spread over the look and while known doors answer, or where nothing answers at
	// all (RULES section 1).
	triesNeeded = 3
	// triesApart is the least pause between two such passes, as losses come in bursts.
	triesApart = 500 * time.Millisecond
	// passesApart is that between two passes whose losses are measured.
	passesApart = 100 * time.Millisecond
	// headsWait is how long the answers of the likely ports are awaited before the
	// others are asked.
	headsWait = 150 * time.Millisecond
	// leastSampled of the probes are questions to doors, and leastQuestions where that
	// is but a quarter of them: by them the pace is found.
	leastSampled   = 0.01
	leastQuestions = 60
)

func (c *conductor) nextPort(now time.Duration) (uint16, bool) {
	for len(c.again) > 0 {
		port := c.again[len(c.again)-1]
		if c.table.of(port).flying {
			break // its probe of the pass before may still be answered
		}
		c.again = c.again[:len(c.again)-1]
		if c.table.of(port).answer == answerNone {
			return port, true
		}
		c.taken++ // it is done without a probe
	}
	if c.resting {
		if now-c.passEnded < c.apart() {
			return 0, false
		}
		c.begin(now)
	}
	for {
		port, ok := c.plan.take()
		if !ok {
			c.passOver(now)
			if c.resting && c.apart() == 0 {
				c.begin(now)
				continue
			}
			return 0, false
		}
		if !c.wants(port) {
			continue
		}
		if !c.table.of(port).flying {
			return port, true
		}
		c.again = append(c.again, port)
	}
}

// passOver decides, once nothing is in flight any more, whether another pass is
// needed, silence is still to be confirmed, or the look is done.
func (c *conductor) passOver(now time.Duration) {
	if c.pass == 0 {
		if c.headsOver == 0 {
			c.headsOver = now
		}
		if c.inFlight > 0 && now-c.headsOver < headsWait {
			return
		}
		c.resting, c.passEnded = true, now
		return
	}
	if len(c.again) > 0 {
		return
	}
	c.taken = c.probes // some answered before their turn came
	if c.inFlight > 0 || c.exhausted() || c.samples[roleOpen].isDue(c.taken) || c.samples[roleClosed].isDue(c.taken) {
		return
	}
	if c.pass == 1 && !c.doors.heardEver && c.rejections == 0 && !c.doors.strong() {
		c.headOnly = true
	}
	clear(c.sure)
	if c.pass < mostPasses {
		for port := range c.table.wanting() {
			if c.wants(port) {
				c.resting, c.passEnded = true, now
				return
			}
		}
	}
	c.finish(endDone)
}

// begin begins the next pass.
func (c *conductor) begin(now time.Duration) {
	c.resting, c.passBegan = false, now
	c.pass++
	c.plan.again()
	clear(c.sure)
	c.taken, c.probes = 0, 0
	for port := range c.table.wanting() {
		if c.wants(port) {
			c.probes++
		}
	}
	c.aim()
}

// aim spreads questions over what is left of this pass, as many as with the passes to
// come lead to the fewest probes.
func (c *conductor) aim() {
	left := max(c.probes-c.taken, 0)
	silent := left
	if c.pass == 1 {
		silent = int(float64(left) * c.silentShare())
	}
	var doubts []doubt
	var kinds []role
	for _, r := range vouching {
		if c.doors.kinds[r].known {
			doubts, kinds = append(doubts, c.doubt(r)), append(kinds, r)
		}
	}
	questions, passes := cheapest(doubts, c.most, left, silent, max(c.tries-c.pass+1, 1), mostPasses-c.pass+1)
	c.ahead = (passes - 1) * silent
	least := max(int(leastSampled*float64(left)), min(left/4, leastQuestions))
	for i, r := range kinds {
		c.samples[r].spread(max(questions[i]+questions[i]/50, least), c.taken, c.probes)
	}
}

// doubt is what is known of a kind before this pass.
func (c *conductor) doubt(r role) doubt {
	d := doubt{}
	for mask := range c.table.masks() {
		if !c.sure[mask] {
			d.missed = max(d.missed, c.losses.missed(r, mask))
		}
	}
	for pass := c.pass - 1; pass > 0; pass-- {
		if t := c.losses[r][pass]; t.asked > 0 {
			d.share = t.share()
			break
		}
	}
	return d
}

// silentShare is the share of the likely ports that did not answer; all where none
// was asked.
func (c *conductor) silentShare() float64 {
	silent := 0
	for _, port := range c.plan.head {
		if c.table.of(port).answer == answerNone {
			silent++
		}
	}
	if len(c.plan.head) == 0 {
		return 1
	}
	return float64(silent) / float64(len(c.plan.head))
}

func (c *conductor) apart() time.Duration {
	switch {
	case c.pass == 0:
		return 0
	case c.measured:
		return passesApart
	}
	return triesApart
}

// exhausted reports whether only the last silence is still to be vouched for, and
// there are doors that can.
func (c *conductor) exhausted() bool {
	return c.pass > 0 && c.inFlight == 0 && !c.resting && len(c.again) == 0 && len(c.silences.waiting) > 0 && c.vouched() && c.plan.over()
}

// wants reports whether a port is to be asked (again).
func (c *conductor) wants(port uint16) bool {
	if c.table.of(port).answer != answerNone || c.headOnly && !c.plan.heads.Contains(port) {
		return false
	}
	return !c.believes(port)
}

// believes reports whether the port's silence so far is believed: that it was silent
// often enough or, where nothing vouches for the way, asked often enough.
func (c *conductor) believes(port uint16) bool {
	if !c.vouched() {
		return c.table.of(port).sends >= triesNeeded
	}
	mask := c.table.of(port).silent
	sure, known := c.sure[mask]
	if !known {
		sure = mask.count() >= c.tries && c.missed(mask) <= c.most
		c.sure[mask] = sure
	}
	return sure
}

// vouched reports whether doors vouch for the way.
func (c *conductor) vouched() bool {
	return c.doors.kinds[roleOpen].known || c.doors.kinds[roleClosed].known
}

// missed bounds how likely it is that a port which answers was silent in those
// passes, of whatever known kind it is.
func (c *conductor) missed(in passes) float64 {
	worst := 0.0
	for _, r := range vouching {
		if c.doors.kinds[r].known {
			worst = max(worst, c.losses.missed(r, in))
		}
	}
	return worst
}
