package scan

import (
	"math/rand/v2"
	"sync"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

// mostFlying bounds the probes in flight of a look that needs no descriptor for each.
const mostFlying = 1 << 13

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
	mu        sync.Mutex
	plan      *plan
	pace      *pace
	strain    strain
	doors     doors
	samples   [roles]sample
	silences  silences
	losses    ledger
	distances [roles]distance
	manners   manners
	table     *table
	measured  bool     // the loss that is measured is a bound
	most      float64  // the doubt of missing a port with which its silence is believed
	tries     int      // in which it has to be silent for that, at least
	again     []uint16 // probes that have to be made anew in this pass
	inFlight  int
	sends     int // SYN that left, doors included

	pass      int // 0: over the likely ports
	taken     int // of this pass: probes that left
	probes    int // of this pass, in all
	ahead     int // probes that are likely in the passes to come
	headsOver time.Duration
	passBegan time.Duration
	passEnded time.Duration
	resting   bool            // between two passes
	sure      map[passes]bool // of this pass: whether silence in those passes is believed
	headOnly  bool            // nothing answered in a whole pass: only the likely ports are tried again
	shown     float64         // share of the work that was last told

	settled func([]portvigil.Observation) // takes the ports that have answered; nil: nobody does

	unreachable int // in a row
	lastGood    int // sends when an open or closed answer came last
	rejections  int
	finished    bool
	end         ending
}

func newConductor(plan *plan, pace *pace, table *table, references []uint16) *conductor {
	c := &conductor{plan: plan, pace: pace, table: table, most: mostWrong / float64(max(table.total(), 1)), tries: triesNeeded, probes: len(plan.head), sure: map[passes]bool{}}
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

// resume takes what answered in an earlier part of this look. Those ports are not asked
// for their own sake; some of them are to vouch for the way.
func (c *conductor) resume(known []portvigil.Observation) {
	for _, o := range known {
		a, ok := answerOf(o.Reason, c.table.v6)
		if !ok || !c.table.ports.Contains(o.Port) {
			continue
		}
		c.table.settle(o.Port, a)
		if a.kind != answerRejected {
			c.doors.learn(roleGiven, o.Port, 0)
		}
	}
}

// tellTo has f told, in batches, which ports answer from now on. It is called with the
// conductor locked.
func (c *conductor) tellTo(f func([]portvigil.Observation)) { c.settled, c.table.telling = f, true }

// tell tells which ports have answered since it did so last.
func (c *conductor) tell() {
	if c.settled == nil || len(c.table.news) == 0 {
		return
	}
	var list []portvigil.Observation
	for _, port := range c.table.news {
		list = append(list, c.table.observation(port))
	}
	c.table.news = c.table.news[:0]
	c.settled(list)
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
	c.table.of(port).flying = true
	try := c.table.of(port).sends
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

// left notes that the newest probe has really left, after whatever kept the
// engine: the ceiling counts from here.
func (c *conductor) left(now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pace.left(now)
}

// Progress is how far a look has come.
type Progress struct {
	Share float64 // of the work, 0 to 1; retries that turn out to be needed are counted from the start
	Rate  float64 // SYN per second over the last second
	Open  int     // ports found open so far
	Loss  float64 // share of the questions to known doors that was lost so far, 0 to 1
	Limit float64 // SYN/s that the look is slowed down to, as a limiter was found; 0: none was
}

func (c *conductor) progress(now time.Duration) Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	ahead := c.ahead + max(c.probes-c.taken, 0)
	if c.pass == 0 {
		ahead += c.table.total()
	}
	c.shown = max(c.shown, float64(c.sends)/float64(max(c.sends+ahead, 1)))
	p := Progress{Share: c.shown, Rate: c.pace.sentIn.perSecond(now), Open: c.table.opened, Loss: c.losses.all(c.reference()).share()}
	if c.strain.limited {
		p.Limit = c.pace.limit
	}
	return p
}

// timeout is how long answers are awaited at present.
func (c *conductor) timeout() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pace.timeout()
}
