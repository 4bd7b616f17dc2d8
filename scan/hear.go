package scan

import "time"

// unreachableRow is how many host or net unreachables in a row, not sent by the
// target, end a look (RULES section 1).
const unreachableRow = 100

// result is the answer to a probe and when it was seen.
type result struct {
	probe  probe
	answer answer
	at     time.Duration
}

// record takes what came back.
func (c *conductor) record(results []result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range results {
		c.inFlight--
		if !c.finished {
			c.take(&results[i])
		}
	}
	c.tell()
}

func (c *conductor) take(r *result) {
	a := r.answer
	if r.probe.role == roleOrdinary {
		c.table.of(r.probe.port).flying = false
	}
	if a.kind == answerStrain {
		c.strained(r)
		return
	}
	c.countUnreachable(a)
	c.hear(r.at, r.probe.port, a, r.probe.sent)
	switch a.kind {
	case answerOpen, answerClosed:
		c.pace.answered(r.at - r.probe.sent)
		c.lastGood = c.sends
	case answerRejected:
		c.rejections++
	case answerNone:
		c.pace.silent()
	}
	if r.probe.role == roleOrdinary {
		c.ordinary(r)
		return
	}
	if c.table.ports.Contains(r.probe.port) && a.kind == answerOpen {
		c.table.settle(r.probe.port, a)
	}
	judged := c.doors.settle(r.at, r.probe.number, a)
	for i := range judged {
		c.judge(r.at, &judged[i])
	}
}

// hear notes that something answered. The first door of a kind makes all silence
// before it void: nothing vouches for the path before, and the loss was not measured.
// Any answer makes the unlikely ports worth another try: the way there may have come
// up late, as where the first SYN found no neighbour (RFC 4861 section 7.2.2).
func (c *conductor) hear(now time.Duration, port uint16, a answer, sent time.Duration) {
	c.doors.hear(now, a)
	r := roleOrdinary
	switch a.kind {
	case answerOpen:
		r = roleOpen
	case answerClosed:
		r = roleClosed
	case answerRejected:
		r = roleRejecting
	default:
		return
	}
	c.headOnly = false
	c.distances[r].see(a.hops)
	c.manners.see(a)
	if c.doors.learn(r, port, sent) {
		c.silences.void(c.passBegan, sent)
		clear(c.sure)
		if c.pass > 0 {
			c.table.forget(c.pass)
			c.aim()
		}
	}
}

func (c *conductor) ordinary(r *result) {
	port, pass := r.probe.port, int(r.probe.pass)
	switch r.answer.kind {
	case answerNone, answerUnreachable:
		if c.table.of(port).answer == answerNone && c.silences.hear(silence{port: port, pass: pass, sent: r.probe.sent}) {
			c.count(port, pass)
		}
		return
	case answerOpen:
		c.learnLoss(roleOpen, port, pass)
	case answerClosed:
		c.learnLoss(roleClosed, port, pass)
	}
	c.table.settle(port, r.answer)
}

// count has a port's silence in a pass count. That over the likely ports does not:
// they came first, whatever the way was like then.
func (c *conductor) count(port uint16, pass int) {
	if pass > 0 && c.table.of(port).answer == answerNone {
		c.table.unanswered(port, pass)
	}
}

// learnLoss takes a port that answers in a pass as a sample of the loss, in it and in
// those before, in which it was silent.
func (c *conductor) learnLoss(r role, port uint16, pass int) {
	if pass == 0 || c.table.of(port).answer != answerNone {
		return
	}
	c.losses[r][pass].add(false)
	for before := 1; before < pass; before++ {
		if c.table.of(port).silent.contains(before) {
			c.losses[r][before].add(true)
		}
	}
}

// judge takes what a question to a door says of the way.
func (c *conductor) judge(now time.Duration, v *verdict) {
	q := &v.question
	if q.sampled {
		c.pace.react(now, c.strain.judge(q.role, q.sent, !q.answered, now))
	}
	if v.blocked {
		c.finish(endBlocked)
	}
	if !q.answered || q.role != roleOpen && q.role != roleClosed {
		return
	}
	c.pace.vouched()
	if v.gap {
		c.silences.outage(v.from, q.sent)
	}
	for _, lost := range v.lost {
		if lost.sampled {
			c.losses[q.role][lost.pass].add(true)
		}
	}
	if q.sampled {
		c.losses[q.role][q.pass].add(false)
	}
	c.silences.vouch(c.doors.vouched(), func(s silence) { c.count(s.port, s.pass) })
}

// hearAgain takes an answer that came before, too. A SYN-ACK that is repeated because
// the reset to it was lost (RFC 6298 section 2: after a second) is none of those.
func (c *conductor) hearAgain(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if took < patient {
		c.manners.duplicates++
	}
}

// hearLate takes an answer to a probe that was given up: it shows how long the way
// takes, and is as true as one in time. Engines whose sockets are gone by then have
// none.
func (c *conductor) hearLate(now time.Duration, port uint16, a answer, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return
	}
	c.countUnreachable(a)
	if a.kind == answerUnreachable {
		return
	}
	c.hear(now, port, a, now-took)
	c.manners.late++
	if a.kind != answerRejected {
		c.lastGood = c.sends
		c.pace.answered(took)
	}
	if c.table.ports.Contains(port) && c.table.of(port).sends > 0 {
		c.table.settle(port, a)
		c.tell()
	}
}

func (c *conductor) strained(r *result) {
	c.sends-- // it never left
	c.pace.strained(r.at, c.inFlight)
	if r.probe.role != roleOrdinary {
		c.doors.unasked(r.probe.number)
		return
	}
	c.taken--
	c.table.unsent(r.probe.port)
	c.again = append(c.again, r.probe.port)
}

// countUnreachable ends the look after too many in a row; only an answer breaks
// the row, as routers send few of these errors and leave silence between them.
func (c *conductor) countUnreachable(a answer) {
	switch a.kind {
	case answerUnreachable:
		if c.unreachable++; c.unreachable >= unreachableRow {
			c.finish(endDeadUnreachable)
		}
	case answerOpen, answerClosed, answerRejected:
		c.unreachable = 0
	}
}
