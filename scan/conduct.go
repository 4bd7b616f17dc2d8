package scan

import (
	"sync"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

const (
	// unreachableRow is how many host or net unreachables in a row, not sent by
	// the target, end a look (RULES section 1).
	unreachableRow = 100
	// triesApart is the least pause between two passes, as losses come in bursts.
	triesApart = 500 * time.Millisecond
	// lateShare: more than one port in so many that answers only when it is tried
	// again is more than chance.
	lateShare = 100
	lateLeast = 3
)

// probe is one question to one port.
type probe struct {
	port    uint16
	role    role
	try     uint8         // of an ordinary probe, from 1
	patient bool          // wait as long as is possible for the answer
	sent    time.Duration // since the look began
}

// conductor joins plan, pace, doors and table for one look at one address. It
// has no clock and no socket: engines call next, left and record, from any
// number of goroutines, with the time since the look began.
type conductor struct {
	mu       sync.Mutex
	plan     *plan
	pace     *pace
	doors    doors
	table    *table
	late     int      // ports that answered only when tried again
	again    []uint16 // probes that the own machine could not send
	inFlight int
	sends    int // SYN that left, doors included

	unconfirmed []uint16 // silent since the last round of doors, in this order
	pass        int      // from 0
	passEnded   time.Duration
	resting     bool // between two passes
	disbelieved int  // the last pass that showed that those before it lost probes
	headOnly    bool // nothing answered in a whole pass: only the likely ports are tried again

	unreachable int // in a row
	lastGood    int // sends when an open or closed answer came last
	rejections  int
	finished    bool
	end         ending
}

// ending is why a look ended early.
type ending uint8

const (
	endDone ending = iota
	endDeadSilent
	endDeadUnreachable
	endBlocked
)

func newConductor(plan *plan, pace *pace, table *table, references []uint16) *conductor {
	c := &conductor{plan: plan, pace: pace, table: table}
	for _, port := range references {
		if port != 0 {
			c.doors.learn(roleGiven, port)
		}
	}
	return c
}

// next fills buf with probes that may leave now. With none, wait says how long
// until it is worth asking again (an answer may come sooner); done says that the
// look has ended.
func (c *conductor) next(now time.Duration, buf []probe) (n int, wait time.Duration, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pace.ease(now)
	for n < len(buf) && !c.finished {
		if c.doors.dead(now) {
			c.dead()
			break
		}
		if wait = c.pace.wait(now, c.inFlight); wait > 0 {
			wait = min(wait, c.doors.wake(now))
			break
		}
		p, ok := c.choose(now)
		if !ok {
			wait = c.doors.wake(now)
			break
		}
		p.sent = now
		buf[n] = p
		n++
		c.inFlight++
		c.sends++
		c.pace.sent(now)
	}
	return n, wait, c.finished && n == 0
}

// choose picks the next probe: doors before retries before the plan.
func (c *conductor) choose(now time.Duration) (probe, bool) {
	c.doors.begin(now, len(c.unconfirmed), c.inFlight, c.exhausted())
	if port, role, ok := c.doors.ask(now); ok {
		return probe{port: port, role: role, patient: true}, true
	}
	if c.doors.holds() {
		return probe{}, false
	}
	port, ok := c.nextPort(now)
	if !ok {
		return probe{}, false
	}
	c.table.sent(port)
	try := c.table.sends[port]
	return probe{port: port, try: try, patient: try >= triesNeeded}, true
}

func (c *conductor) nextPort(now time.Duration) (uint16, bool) {
	for len(c.again) > 0 {
		port := c.again[len(c.again)-1]
		c.again = c.again[:len(c.again)-1]
		if c.table.answer[port] == answerNone {
			return port, true
		}
	}
	if c.resting {
		if now-c.passEnded < triesApart {
			return 0, false
		}
		c.resting = false
		c.plan.again()
	}
	for {
		port, ok := c.plan.take()
		if !ok {
			c.passOver(now)
			return 0, false
		}
		if c.wants(port) {
			return port, true
		}
	}
}

func (c *conductor) wants(port uint16) bool {
	return c.table.wants(port) && (!c.headOnly || c.plan.heads.Contains(port))
}

// passOver decides, once nothing is in flight any more, whether another pass is
// needed, silence is still to be confirmed, or the look is done.
func (c *conductor) passOver(now time.Duration) {
	if c.inFlight > 0 || len(c.again) > 0 {
		return
	}
	if c.pass == 0 && !c.doors.heardEver && c.rejections == 0 && !c.doors.strong() {
		c.headOnly = true
	}
	for port := range c.table.ports.All() {
		if c.wants(port) {
			c.pass++
			c.resting, c.passEnded = true, now
			return
		}
	}
	if len(c.unconfirmed) == 0 || !c.doors.strong() {
		c.finish(endDone)
	}
}

// exhausted reports whether only the last silence is still to be confirmed, and
// there are doors that can.
func (c *conductor) exhausted() bool {
	return c.doors.strong() && c.inFlight == 0 && !c.resting && len(c.again) == 0 && len(c.unconfirmed) > 0 && c.table.decided()
}

// left notes that the newest probe has really left, after whatever kept the
// engine: the ceiling counts from here.
func (c *conductor) left(now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pace.left(now)
}

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
}

func (c *conductor) take(r *result) {
	a := r.answer
	if a.kind == answerStrain {
		c.strained(r)
		return
	}
	c.countUnreachable(a)
	c.hearFirst(a)
	c.doors.hear(r.at, a)
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
	c.judge(r.at, c.doors.answered(r.at, r.probe.role, a))
}

// hearFirst discards the tries made before the first answer of a door: nothing
// vouches for the path before it. Any answer makes the unlikely ports worth
// another try: the way there may have come up late, as where the first SYN found
// no neighbour (RFC 4861 section 7.2.2).
func (c *conductor) hearFirst(a answer) {
	switch a.kind {
	case answerOpen, answerClosed:
		if !c.doors.heardEver {
			c.discard()
		}
		c.headOnly = false
	case answerRejected:
		c.headOnly = false
	}
}

func (c *conductor) ordinary(r *result) {
	port := r.probe.port
	switch r.answer.kind {
	case answerNone, answerUnreachable:
		c.table.unanswered(port)
		c.unconfirmed = append(c.unconfirmed, port)
		return
	case answerOpen:
		c.doors.learn(roleOpen, port)
	case answerClosed:
		c.doors.learn(roleClosed, port)
	case answerRejected:
		c.doors.learn(roleRejecting, port)
	}
	if c.table.silent[port] > 0 && r.answer.kind != answerRejected {
		c.late++ // it answers, so an earlier try of it was lost
		if c.late >= lateLeast && c.late*lateShare > c.table.answered {
			c.disbelieve(r.at)
		}
	}
	c.table.settle(port, r.answer)
}

// disbelieve takes back every try of the passes before, once a pass: they lost
// probes, at a rate that is not reached again.
func (c *conductor) disbelieve(now time.Duration) {
	if c.disbelieved == c.pass {
		return
	}
	c.disbelieved = c.pass
	c.pace.lostEarlier(now)
	for port := range c.table.ports.All() {
		for c.table.silent[port] > 0 && c.table.answer[port] == answerNone {
			c.table.discard(port)
		}
	}
	c.unconfirmed = c.unconfirmed[:0]
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
	c.hearFirst(a)
	c.doors.hear(now, a)
	if a.kind != answerRejected {
		c.lastGood = c.sends
		c.pace.answered(took)
	}
	if c.table.ports.Contains(port) && c.table.sends[port] > 0 {
		c.table.settle(port, a)
	}
}

func (c *conductor) strained(r *result) {
	c.sends-- // it never left
	c.pace.strained(r.at, c.inFlight)
	if r.probe.role != roleOrdinary {
		c.doors.unasked(r.probe.role)
		return
	}
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

func (c *conductor) judge(now time.Duration, v verdict) {
	switch v {
	case pathLossy:
		c.pace.lost(now)
	case pathBlocked:
		c.finish(endBlocked)
	case pathConfirmed:
		if !c.doors.strong() {
			return
		}
		if c.doors.tainted {
			c.discard()
		}
		c.doors.tainted = false
		c.pace.well()
		c.unconfirmed = c.unconfirmed[:0]
	}
}

// discard takes back the tries that were not confirmed.
func (c *conductor) discard() {
	for _, port := range c.unconfirmed {
		c.table.discard(port)
	}
	c.unconfirmed = c.unconfirmed[:0]
}

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
	if c.table.answered == c.table.total {
		return true
	}
	return c.finished && c.end == endDone && c.doors.heardEver && c.table.decided() && len(c.unconfirmed) == 0
}

// Progress is how far a look has come.
type Progress struct {
	Share float64 // of the work, 0 to 1; retries that turn out to be needed are counted from the start
	Rate  float64 // SYN per second over the last second
	Open  int     // ports found open so far
}

func (c *conductor) progress(now time.Duration) Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Progress{Share: c.table.share(), Rate: c.pace.sentIn.perSecond(now), Open: c.table.opened}
}

// timeout is how long answers are awaited at present.
func (c *conductor) timeout() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pace.timeout()
}

// fill writes what is known into the look.
func (c *conductor) fill(look *portvigil.Look) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.table.fill(look)
	look.Complete = c.complete()
	look.Probes = c.sends
	look.Notes = append(look.Notes, c.notes()...)
}
