package scan

import (
	"math/bits"
	"slices"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

// How an answer is believed that shows nothing of the question: a port of ours is
// guessed among 32,768, and then the answer of a protocol that repeats nothing (chargen,
// TFTP, SSDP, bytes that nobody knows), or an ICMP error that quotes no more than the
// ports, may be anybody's. So the port is asked again in a trial:
//
//	64 fresh sockets at random ports   A A A A . . . . . . . … .
//	                                   │ │ │ │ └─ these ask nothing, and listen
//	                                   └─┴─┴─┴─ these ask: each has to be answered
//
// Who sees the questions answers the four, and only them. Who does not has to hit all
// four and none of the sixty, whatever he sends. Say that he reaches a share p of the
// ports in the window: that comes off with p⁴(1-p)⁶⁰, at most 3.2e-7, at p = 1/16. For one of
// a single port he floods with 2,048 datagrams, more of them are worse. A trial looks at what
// came three times at most, and after three trials in which a socket that asked nothing
// got an answer none is begun any more: so over a whole look, of any length, under any
// flood, for all its ports together, the probability that one is wrongly called open is below 4e-6.
// Errors have three sockets that ask: p³(1-p)⁶¹ is at most 5.6e-6, 6e-5 for a look.
// (TestTheOddsOfABlindForger computes both.)
//
// What it costs: a third of a second, in which the look goes on; a host that quotes
// nothing and limits its errors to 200 a second needs that for each twenty closed
// ports. What a forger can do is to hide ports that show nothing: they are open or
// filtered then, and the look is not complete and says why.
const (
	trialSockets = 64
	openAsks     = 4 // of these ask about a port that seemed to be open
	errorAsks    = 3 // and about one for which an ICMP error came
	// trialWindow is how long answers are awaited, and the last time twice that.
	trialWindow = 300 * time.Millisecond
	trialTries  = 3
	trialPorts  = 20
	mostForged  = 3 // trials
)

// inquiry is what the engine is to send: from which socket, and which of the
// protocol's ways to ask, from 1 on. Socket 0 is the one of the whole look; others are
// of the trial.
type inquiry struct {
	port   uint16
	socket int
	try    int
}

// suspect is an answer that is not believed yet.
type suspect struct {
	answer  answer
	service *portvigil.Service
	heard   uint64 // sockets of the trial that had the same answer, a bit each
}

func (d *suspect) asks() int {
	if d.answer.kind == answerOpen {
		return openAsks
	}
	return errorAsks
}

func (d *suspect) confirmed() bool { return bits.OnesCount64(d.heard) >= d.asks() }

// trial asks about ports in doubt from fresh sockets.
type trial struct {
	number  int
	ports   []uint16
	wanders bool // the only port is one whose answers come from another
	todo    []inquiry
	asked   time.Duration // when the last question left
	tries   int
	forged  bool // a socket that asked nothing heard an answer
}

// confirm is the part of a look at UDP ports that believes nobody.
type confirm struct {
	doubts  map[uint16]*suspect
	waiting []uint16 // ports in doubt that are in no trial yet
	trial   *trial   // nil: none
	trials  int
	failed  map[uint16]answerKind // what was said of ports, and not confirmed
	doubted map[uint16]int        // how many trials a port was in
	forged  int                   // trials in which somebody answered what was not asked
}

func newConfirm() confirm {
	return confirm{doubts: map[uint16]*suspect{}, failed: map[uint16]answerKind{}, doubted: map[uint16]int{}}
}

// doubt has a port asked again because of an answer that shows nothing.
func (c *confirm) doubt(port uint16, a answer, service *portvigil.Service) {
	switch before := c.doubts[port]; {
	case before != nil:
		if a.kind == answerOpen && slices.Contains(c.waiting, port) {
			before.answer, before.service = a, service // it outweighs an error
		}
	case c.doubted[port] >= datagramTries || c.forged >= mostForged:
		c.fail(port, a.kind)
	default:
		c.doubts[port] = &suspect{answer: a, service: service}
		c.waiting = append(c.waiting, port)
	}
}

// fail notes an answer that is not believed; that a port seemed open outweighs others.
func (c *confirm) fail(port uint16, kind answerKind) {
	if c.failed[port] != answerOpen {
		c.failed[port] = kind
	}
}

// confirming reports whether any port is in doubt.
func (c *confirm) confirming() bool { return len(c.doubts) > 0 }

// ask returns the next question of the trial, and false where there is none now. What
// came until the end of a window is settled by believe.
func (c *confirm) ask(now time.Duration, believe func(uint16, *suspect)) (inquiry, bool) {
	if c.trial == nil && !c.begin() {
		return inquiry{}, false
	}
	r := c.trial
	if n := len(r.todo); n > 0 {
		q := r.todo[n-1]
		r.todo, r.asked = r.todo[:n-1], now
		return q, true
	}
	window := trialWindow
	if r.tries == trialTries {
		window *= 2
	}
	if now-r.asked < window {
		return inquiry{}, false
	}
	c.judge(believe)
	return inquiry{}, false
}

// begin draws the ports of a trial. One whose answers come from another port is alone
// in it: else nobody could tell what they are about.
func (c *confirm) begin() bool {
	if len(c.waiting) == 0 {
		return false
	}
	r := &trial{number: c.trials + 1, wanders: payloadTo(c.waiting[0]).wanders}
	c.waiting = slices.DeleteFunc(c.waiting, func(port uint16) bool {
		if c.doubts[port] == nil {
			return true // it was settled meanwhile
		}
		if payloadTo(port).wanders != r.wanders || len(r.ports) == trialPorts || r.wanders && len(r.ports) == 1 {
			return false
		}
		r.ports = append(r.ports, port)
		return true
	})
	if len(r.ports) == 0 {
		return false
	}
	c.trials, c.trial = r.number, r
	c.again()
	return true
}

// again asks what was not answered in the trial yet.
func (c *confirm) again() {
	r := c.trial
	r.tries++
	for _, port := range r.ports {
		d := c.doubts[port]
		if d == nil || d.confirmed() {
			continue
		}
		for socket := 1; socket <= d.asks(); socket++ {
			if d.heard&(1<<(socket-1)) == 0 {
				r.todo = append(r.todo, inquiry{port: port, socket: socket, try: r.tries})
			}
		}
	}
}

// judge looks at what came in the window.
func (c *confirm) judge(believe func(uint16, *suspect)) {
	r := c.trial
	if r.forged {
		if c.forged++; c.forged >= mostForged {
			for port, d := range c.doubts {
				c.fail(port, d.answer.kind)
			}
			clear(c.doubts)
			c.waiting = nil
		}
		c.end()
		return
	}
	open := 0
	for _, port := range r.ports {
		switch d := c.doubts[port]; {
		case d == nil:
		case d.confirmed():
			delete(c.doubts, port)
			believe(port, d)
		default:
			open++
		}
	}
	if open == 0 || r.tries == trialTries {
		c.end()
		return
	}
	c.again()
}

// end ends the trial: what it has not confirmed is not believed, and is asked anew
// from the beginning where a pass is left.
func (c *confirm) end() {
	for _, port := range c.trial.ports {
		if d := c.doubts[port]; d != nil {
			c.doubted[port]++
			c.fail(port, d.answer.kind)
			delete(c.doubts, port)
		}
	}
	c.trial = nil
}

// hear takes what a socket of the trial heard from a port.
func (c *confirm) hear(number, socket int, port uint16, a answer, service *portvigil.Service) {
	r := c.trial
	if r == nil || r.number != number || !slices.Contains(r.ports, port) {
		return
	}
	d := c.doubts[port]
	if d == nil {
		return
	}
	if socket > d.asks() {
		r.forged = true
		return
	}
	if a.kind != d.answer.kind || a.kind == answerRejected && (a.icmp.kind != d.answer.icmp.kind || a.icmp.code != d.answer.icmp.code) {
		return
	}
	d.heard |= 1 << (socket - 1)
	if service != nil && (d.service == nil || d.service.Name == "") {
		d.service = service
	}
}

// unconfirmed are the ports about which something was said that is not believed.
func (c *confirm) unconfirmed(state *[1 << 16]answerKind) (open, errors int) {
	for port, kind := range c.failed {
		switch {
		case state[port] != answerNone:
		case kind == answerOpen:
			open++
		default:
			errors++
		}
	}
	return open, errors
}
