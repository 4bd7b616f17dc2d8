package scan

import (
	"math/bits"
	"math/rand/v2"
	"sync"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

const (
	// unreachableRow is how many host or net unreachables in a row, not sent by
	// the target, end a look (RULES section 1).
	unreachableRow = 100
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
	// mostFlying bounds the probes in flight of a look that needs no descriptor for each.
	mostFlying = 1 << 13
	// leastSampled of the probes are questions to doors, and leastQuestions where that
	// is but a quarter of them: by them the pace is found.
	leastSampled   = 0.01
	leastQuestions = 60
)

// probe is one question to one port.
type probe struct {
	port    uint16
	role    role
	try     uint8         // of an ordinary probe, from 1
	patient bool          // wait as long as is possible for the answer
	number  uint32        // of a question to a door
	pass    uint8         // of an ordinary probe
	sent    time.Duration // since the look began
}

// conductor joins plan, pace, doors and table for one look at one address. It
// has no clock and no socket: engines call next, left and record, from any
// number of goroutines, with the time since the look began.
//
// The look goes in passes over the ports that are silent. Doors that are known to
// answer are asked at random moments among the probes, and what of them is lost
// bounds, pass by pass, how likely it is that an open port was silent in all.
type conductor struct {
	mu       sync.Mutex
	plan     *plan
	pace     *pace
	strain   strain
	doors    doors
	samples  [roles]sample
	silences silences
	losses   ledger
	table    *table
	measured bool     // the loss that is measured is a bound
	most     float64  // the doubt of missing a port with which its silence is believed
	tries    int      // in which it has to be silent for that, at least
	again    []uint16 // probes that have to be made anew in this pass
	inFlight int
	sends    int // SYN that left, doors included

	pass      int // 0: over the likely ports
	taken     int // of this pass: probes that left
	probes    int // of this pass, in all
	ahead     int // probes that are likely in the passes to come
	headsOver time.Duration
	passBegan time.Duration
	passEnded time.Duration
	resting   bool            // between two passes
	sure      map[uint32]bool // of this pass: whether silence in those passes is believed
	headOnly  bool            // nothing answered in a whole pass: only the likely ports are tried again
	shown     float64         // share of the work that was last told

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
	c := &conductor{plan: plan, pace: pace, table: table, most: mostMissedUnsure, tries: triesNeeded, probes: len(plan.head), sure: map[uint32]bool{}}
	random := rand.New(rand.NewPCG(plan.seed, 0))
	for r := range c.samples {
		c.samples[r].random = random
	}
	for _, port := range references {
		if port != 0 {
			c.doors.learn(roleGiven, port, 0)
		}
	}
	return c
}

// measure has silence believed by the loss alone, as an engine allows that hears each
// answer, however late it comes.
func (c *conductor) measure() {
	c.measured, c.most, c.tries = true, mostMissed, 1
	c.pace.brief = briefest
	c.pace.maxWindow = mostFlying
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
			wait = min(wait, wake)
			break
		}
		p, ok := c.choose(now)
		if !ok {
			wait = wake
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

// choose picks the next probe: a question that is due before a port.
func (c *conductor) choose(now time.Duration) (probe, bool) {
	if r, ok := c.doors.beside(now, c.inFlight, c.exhausted()); ok {
		return c.question(now, r, false), true
	}
	if c.doors.holds() {
		return probe{}, false
	}
	if p, ok := c.sampled(now); ok {
		return p, true
	}
	port, ok := c.nextPort(now)
	if !ok {
		return c.sampled(now) // what falls due at the end of a pass
	}
	c.taken++
	c.table.sent(port)
	c.table.flying[port] = true
	try := c.table.sends[port]
	return probe{port: port, try: try, pass: uint8(c.pass), patient: !c.measured && try >= triesNeeded}, true
}

// sampled asks a door whose question among the probes is due.
func (c *conductor) sampled(now time.Duration) (probe, bool) {
	for _, r := range vouching {
		if len(c.doors.kinds[r].doors) > 0 && c.samples[r].due(c.taken) {
			return c.question(now, r, true), true
		}
	}
	return probe{}, false
}

func (c *conductor) question(now time.Duration, r role, sampled bool) probe {
	// One beside the sample is patient once it matters whether the door is silent.
	patient := !sampled && (c.doors.kinds[r].beside > 0 || r == roleGiven)
	port, number := c.doors.ask(now, r, c.pass, sampled)
	return probe{port: port, role: r, number: number, patient: patient}
}

func (c *conductor) nextPort(now time.Duration) (uint16, bool) {
	for len(c.again) > 0 {
		port := c.again[len(c.again)-1]
		if c.table.flying[port] {
			break // its probe of the pass before may still be answered
		}
		c.again = c.again[:len(c.again)-1]
		if c.table.answer[port] == answerNone {
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
			return 0, false
		}
		if !c.wants(port) {
			continue
		}
		if !c.table.flying[port] {
			return port, true
		}
		c.again = append(c.again, port)
	}
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

// wants reports whether a port is to be asked (again).
func (c *conductor) wants(port uint16) bool {
	if c.table.answer[port] != answerNone || c.headOnly && !c.plan.heads.Contains(port) {
		return false
	}
	return !c.believes(port)
}

// believes reports whether the port's silence so far is believed: that it was silent
// often enough or, where nothing vouches for the way, asked often enough.
func (c *conductor) believes(port uint16) bool {
	if !c.vouched() {
		return c.table.sends[port] >= triesNeeded
	}
	mask := c.table.silent[port]
	sure, known := c.sure[mask]
	if !known {
		sure = bits.OnesCount32(mask) >= c.tries && c.missed(mask) <= c.most
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
func (c *conductor) missed(mask uint32) float64 {
	worst := 0.0
	for _, r := range vouching {
		if c.doors.kinds[r].known {
			worst = max(worst, c.losses.missed(r, mask))
		}
	}
	return worst
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

// exhausted reports whether only the last silence is still to be vouched for, and
// there are doors that can.
func (c *conductor) exhausted() bool {
	return c.pass > 0 && c.inFlight == 0 && !c.resting && len(c.again) == 0 && len(c.silences.waiting) > 0 && c.vouched() && c.plan.over()
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
		if c.table.answer[port] == answerNone {
			silent++
		}
	}
	if len(c.plan.head) == 0 {
		return 1
	}
	return float64(silent) / float64(len(c.plan.head))
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
	if r.probe.role == roleOrdinary {
		c.table.flying[r.probe.port] = false
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
	for _, v := range c.doors.settle(r.at, r.probe.number, a) {
		c.judge(r.at, &v)
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
	if c.doors.learn(r, port, sent) {
		c.silences.void(c.passBegan, sent)
		c.table.forget(c.pass)
		clear(c.sure)
		if c.pass > 0 {
			c.aim()
		}
	}
}

func (c *conductor) ordinary(r *result) {
	port, pass := r.probe.port, int(r.probe.pass)
	switch r.answer.kind {
	case answerNone, answerUnreachable:
		if c.table.answer[port] == answerNone && c.silences.hear(silence{port: port, pass: pass, sent: r.probe.sent}) {
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
	if pass > 0 && c.table.answer[port] == answerNone {
		c.table.unanswered(port, pass)
	}
}

// learnLoss takes a port that answers in a pass as a sample of the loss, in it and in
// those before, in which it was silent.
func (c *conductor) learnLoss(r role, port uint16, pass int) {
	if pass == 0 || c.table.answer[port] != answerNone {
		return
	}
	c.losses[r][pass].add(false)
	for before := range pass {
		if c.table.silent[port]&(1<<before) != 0 {
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

// Progress is how far a look has come.
type Progress struct {
	Share float64 // of the work, 0 to 1; retries that turn out to be needed are counted from the start
	Rate  float64 // SYN per second over the last second
	Open  int     // ports found open so far
}

func (c *conductor) progress(now time.Duration) Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	ahead := c.ahead + max(c.probes-c.taken, 0)
	if c.pass == 0 {
		ahead += c.table.total
	}
	c.shown = max(c.shown, float64(c.sends)/float64(max(c.sends+ahead, 1)))
	return Progress{Share: c.shown, Rate: c.pace.sentIn.perSecond(now), Open: c.table.opened}
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
	look.MissProbability, look.Loss = c.miss(), c.loss()
	look.Notes = append(look.Notes, c.notes()...)
}

// miss bounds the probability that a given open port was missed: none where all
// ports answered, and nil where no loss was measured.
func (c *conductor) miss() *float64 {
	p := 0.0
	r := c.reference()
	switch {
	case !c.measured || r == roleOrdinary && c.table.answered < c.table.total:
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
