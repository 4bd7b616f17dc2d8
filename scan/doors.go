package scan

import (
	"math"
	"slices"
	"time"
)

// role tells why a probe is sent: for its own port, or to see whether a door that
// is known to answer still does.
type role uint8

const (
	roleOrdinary  role = iota
	roleGiven          // a reference that the caller knows
	roleOpen           // a port that was open in this look
	roleClosed         // a port that answered with a reset in this look
	roleRejecting      // a port that answered with an ICMP, where nothing else answers
	roles
)

// vouching are the kinds of door whose answers say how likely it is that a port
// was missed. They are told apart, as hosts limit resets on their own.
var vouching = [...]role{roleOpen, roleClosed}

const (
	// restless is how long nothing may be heard with probes in flight before known
	// doors are asked beside the sample.
	restless = 500 * time.Millisecond
	// weakEvery respects that Linux sends one ICMP error a second to a peer
	// (icmp_ratelimit, icmp(7)).
	weakEvery = 2 * time.Second
	// askAgain is the pause before a silent door's neighbour is asked.
	askAgain = 250 * time.Millisecond
	// silentPath is how long every known door may stay silent before the path
	// counts as dead; RULES section 1 asks for an end within 30 s of the cut.
	silentPath     = 10 * time.Second
	weakSilentPath = 20 * time.Second
	// holdAfter unanswered questions in a row ordinary probes wait until a door of
	// the kind answers again.
	holdAfter = 2
	// An outage is a row of unanswered questions that losses as before would make
	// once in outageOdds, of that many at least and at most.
	outageOdds  = 1e-6
	leastOutage = 6
	mostOutage  = 40
	// blockedAfter questions beside the sample in a row that one kind of door leaves
	// unanswered, while another kind answers othersGood times, are a firewall that
	// changed its mind.
	blockedAfter = 5
	othersGood   = 3
	// rejectedAfter rejections in a row from doors that answered before.
	rejectedAfter = 3
	// aloneAfter unanswered questions in a row, one door is no door any more while
	// the others of its kind answer at least as often.
	aloneAfter = 6
	doorsKept  = 8 // of each role
)

// doors asks ports that are known to answer: a random sample of moments between the
// probes, by which the loss is measured, and beside it whenever something is odd.
// The questions are judged in the order in which they were asked.
//
//	        two unanswered in a row         one is answered
//	asking ───────────────────────> holding ──────────────> asking; a row too long for
//	                                  │                     chance was an outage
//	                                  └─ none at all for 10 s: dead
type doors struct {
	kinds     [roles]doorKind
	open      []question    // that are not judged yet
	judged    []verdict     // of the last question that was settled
	first     uint32        // the number of open[0]
	heard     time.Duration // the last open or closed answer to any probe
	heardEver bool
	reacted   time.Duration // the last answer of any kind, rejections too
	failures  int           // since anything that counts was heard
	rejected  int           // those of them that were rejections by ICMP
}

type doorKind struct {
	doors  []door
	next   int
	known  bool          // one of them answered in this look
	out    bool          // a question beside the sample is on its way
	askAt  time.Duration // when the next one may be asked
	row    []question    // unanswered since the last that was answered
	beside int           // those of the row that are beside the sample
	others int           // answers of other kinds since the row began
	good   time.Duration // when the last question that was answered was sent
	tally  tally         // all judged, but outages: what to expect
}

type door struct {
	port   uint16
	row    int // unanswered in a row
	others int // answers of other doors of the kind in the meantime
}

// question is a probe to a door.
type question struct {
	role              role
	port              uint16
	pass              int
	sampled           bool
	sent              time.Duration
	settled, answered bool
	rejected          bool
}

// verdict is what a judged question says of the path.
type verdict struct {
	question question
	blocked  bool
	lost     []question // that chance alone explains: samples of the loss
	gap      bool       // the way was out from the last good question of the kind to this one
	from     time.Duration
}

// learn keeps a port as a door of its role, which answered a probe of that moment.
// It reports whether it is the first of a kind that vouches.
func (d *doors) learn(r role, port uint16, sent time.Duration) (first bool) {
	k := &d.kinds[r]
	if len(k.doors) < doorsKept && !slices.ContainsFunc(k.doors, func(d door) bool { return d.port == port }) {
		k.doors = append(k.doors, door{port: port})
	}
	if k.known || r == roleGiven {
		return false
	}
	k.known, k.good = true, sent
	return r == roleOpen || r == roleClosed
}

// strong reports whether there are doors that vouch for the path.
func (d *doors) strong() bool {
	return len(d.kinds[roleGiven].doors)+len(d.kinds[roleOpen].doors)+len(d.kinds[roleClosed].doors) > 0
}

// asks reports whether doors of the role are asked: rejecting ones only where
// there are no others.
func (d *doors) asks(r role) bool {
	return len(d.kinds[r].doors) > 0 && (r != roleRejecting || !d.strong())
}

// ask asks the next door of a role.
func (d *doors) ask(now time.Duration, r role, pass int, sampled bool) (port uint16, number uint32) {
	k := &d.kinds[r]
	k.next++
	if !sampled {
		k.out = true
	}
	port = k.doors[k.next%len(k.doors)].port
	d.open = append(d.open, question{role: r, port: port, pass: pass, sampled: sampled, sent: now})
	return port, d.first + uint32(len(d.open)) - 1
}

// beside returns the role whose doors are to be asked beside the sample, now: where
// one did not answer, where nothing is heard, or where force says so.
func (d *doors) beside(now time.Duration, inFlight int, force bool) (role, bool) {
	quiet := inFlight > 0 && now-max(d.heard, d.reacted) >= restless
	for r := roleGiven; r < roles; r++ {
		k := &d.kinds[r]
		if !d.asks(r) || k.out || now < k.askAt {
			continue
		}
		if r == roleGiven || len(k.row) >= holdAfter || quiet || force {
			return r, true
		}
	}
	return 0, false
}

// hear notes an answer to any probe.
func (d *doors) hear(now time.Duration, a answer) {
	switch a.kind {
	case answerOpen, answerClosed:
		d.heard, d.reacted, d.heardEver = now, now, true
		d.failures, d.rejected = 0, 0
	case answerRejected:
		d.reacted = now
		if !d.strong() {
			d.failures = 0
		}
	}
}

// settle takes what became of a question, and returns those that can be judged now,
// until it is called again.
func (d *doors) settle(now time.Duration, number uint32, a answer) []verdict {
	q := &d.open[number-d.first]
	q.settled = true
	q.answered = a.kind == answerOpen || a.kind == answerClosed || q.role == roleRejecting && a.kind == answerRejected
	q.rejected = a.kind == answerRejected
	k := &d.kinds[q.role]
	if !q.sampled {
		k.out, k.askAt = false, now+askAgain
		if q.role == roleRejecting {
			k.askAt = now + weakEvery
		} else if q.answered {
			k.askAt = now + restless
		}
	}
	if !q.answered && a.kind != answerStrain {
		d.failures++
		if q.rejected {
			d.rejected++
		}
	}
	n := 0
	d.judged = d.judged[:0]
	for ; n < len(d.open) && d.open[n].settled; n++ {
		if v, ok := d.judge(d.open[n]); ok {
			d.judged = append(d.judged, v)
		}
	}
	d.open = slices.Delete(d.open, 0, n)
	d.first += uint32(n)
	return d.judged
}

// unasked takes back a question that could not be sent.
func (d *doors) unasked(number uint32) {
	q := &d.open[number-d.first]
	if !q.sampled {
		d.kinds[q.role].out = false
	}
	q.settled, q.role = true, roleOrdinary // which nobody judges
}

func (d *doors) judge(q question) (verdict, bool) {
	k := &d.kinds[q.role]
	if q.role == roleOrdinary {
		return verdict{}, false
	}
	if q.answered {
		return d.good(q), true
	}
	k.row = append(k.row, q)
	if !q.sampled {
		k.beside++
	}
	v := verdict{question: q}
	v.blocked = d.rejected >= rejectedAfter && d.rejected == d.failures && d.heardEver ||
		k.beside >= blockedAfter && k.others >= othersGood && (q.role == roleOpen || q.role == roleClosed)
	d.alone(k, q)
	if q.role == roleGiven && d.heardEver && len(k.row) >= holdAfter {
		k.doors, k.row = nil, nil // others answer: these are no doors any more
	}
	return v, true
}

func (d *doors) good(q question) verdict {
	k := &d.kinds[q.role]
	v := verdict{question: q, from: k.good, gap: len(k.row) >= k.outage()}
	if !v.gap {
		v.lost = k.row
		k.tally.asked += len(k.row)
		k.tally.lost += len(k.row)
	}
	k.tally.asked++
	k.row, k.beside, k.others, k.good = nil, 0, 0, max(k.good, q.sent)
	for r := range d.kinds {
		if role(r) != q.role {
			d.kinds[r].others++
		}
	}
	for i := range k.doors {
		if k.doors[i].port == q.port {
			k.doors[i].row, k.doors[i].others = 0, 0
		} else {
			k.doors[i].others++
		}
	}
	if q.role == roleGiven {
		k.doors = slices.DeleteFunc(k.doors, func(d door) bool { return d.port == q.port }) // it is one of its kind now
	}
	return v
}

// alone forgets a door that is silent while its neighbours answer: it has a limit
// of its own, or is none any more. What it did not answer says nothing of the way.
func (d *doors) alone(k *doorKind, q question) {
	for i := range k.doors {
		it := &k.doors[i]
		if it.port != q.port {
			continue
		}
		if it.row++; it.row >= aloneAfter && it.others >= it.row && len(k.doors) > 1 {
			k.doors = slices.Delete(k.doors, i, i+1)
			k.row = slices.DeleteFunc(k.row, func(r question) bool { return r.port == q.port })
		}
		return
	}
}

// outage is how many unanswered questions in a row are more than chance.
func (k *doorKind) outage() int {
	share := (float64(k.tally.lost) + 1) / (float64(k.tally.asked) + 2)
	return min(max(int(math.Ceil(math.Log(outageOdds)/math.Log(share))), leastOutage), mostOutage)
}

// vouched is until when silence is vouched for: doors of each kind answered
// questions that were sent then or later.
func (d *doors) vouched() time.Duration {
	until, any := forever, false
	for _, r := range vouching {
		if k := &d.kinds[r]; k.known && len(k.doors) > 0 {
			until, any = min(until, k.good), true
		}
	}
	if !any {
		return -1
	}
	return until
}

// holds reports whether ordinary probes wait until a silent door answers again.
func (d *doors) holds() bool {
	if !d.heardEver {
		return false // references alone may be wrong; the rest is still to be found
	}
	for _, r := range vouching {
		if k := &d.kinds[r]; len(k.row) >= holdAfter && len(k.doors) > 0 {
			return true
		}
	}
	return false
}

// dead reports whether every known door has been silent for too long.
func (d *doors) dead(now time.Duration) bool {
	if d.strong() {
		return d.failures >= 4 && now-d.heard >= silentPath
	}
	return d.failures >= 6 && now-d.reacted >= weakSilentPath
}

// wake is when doors need attention next.
const wake = 50 * time.Millisecond
