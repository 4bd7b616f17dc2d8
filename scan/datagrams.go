package scan

import (
	"fmt"
	"slices"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

const (
	// datagramTries is how often a silent UDP port is asked, datagramsApart between two
	// passes: Linux sends a peer one error a second (icmp_ratelimit, icmp(7)).
	datagramTries  = 3
	datagramsApart = 1100 * time.Millisecond
	// referenceTries is how often a door that answered is asked whether it still does.
	referenceTries = 4
	// leastLimited is how many closed ports answer at once before a host's limit of
	// errors shows: Linux lets a burst of six through.
	leastLimited = 4
)

// datagrams decides a look at UDP ports, without a socket or a clock. An open port
// answers what it understands, a closed one with an ICMP error, of which hosts send
// few; silence is open or filtered, and nothing more can be known of it. An answer that
// anybody may have sent is asked for again (confirm.go).
type datagrams struct {
	confirm
	plan  *plan
	pace  *pace
	ports *portvigil.PortSet
	v6    bool
	state [1 << 16]answerKind
	icmp  map[uint16]icmpError          // that rejected
	name  map[uint16]*portvigil.Service // of open ports
	sends [1 << 16]uint8
	later []inquiry // that the own machine could not send

	probes      int
	pass        int
	passEnded   time.Duration
	resting     bool
	late        int // closed ports that said so only when they were asked again
	closed      int
	unreachable int      // in a row
	references  []uint16 // doors that answered, of the best kind that there is
	worth       int      // of that kind: 0 is none, then closed, open, and what proves that it saw the question
	asked       int      // how often references were asked in the end
	askedAt     time.Duration
	vouched     bool // one answered
	finished    bool
	dead        bool
	told        func(portvigil.Observation) // takes each port that has answered; nil: nobody does
}

func newDatagrams(plan *plan, pace *pace, v6 bool) *datagrams {
	return &datagrams{plan: plan, pace: pace, ports: plan.ports, v6: v6, icmp: map[uint16]icmpError{}, name: map[uint16]*portvigil.Service{}, pass: 1, confirm: newConfirm()}
}

// next returns what to ask next. Without a port, wait says how long until it is worth
// asking again; done says that the look has ended.
func (d *datagrams) next(now time.Duration) (q inquiry, wait time.Duration, done bool) {
	if d.finished {
		return inquiry{}, 0, true
	}
	if wait = d.pace.wait(now, 0); wait > 0 {
		return inquiry{}, min(wait, wake), false
	}
	if q, ok := d.confirm.ask(now, d.believe); ok {
		return d.send(now, q), 0, false
	}
	if d.resting && len(d.later) == 0 {
		if left := d.passEnded + datagramsApart - now; left > 0 {
			return inquiry{}, min(left, wake), false
		}
		switch {
		case d.another():
			d.resting = false
		case d.confirming():
			return inquiry{}, wake, false
		default:
			return d.askReference(now)
		}
	}
	for n := len(d.later); n > 0; n = len(d.later) {
		q := d.later[n-1]
		if d.later = d.later[:n-1]; q.socket == 0 && d.wants(q.port) {
			return d.ask(now, q.port), 0, false
		}
	}
	for {
		port, ok := d.plan.take()
		switch {
		case ok && d.wants(port):
			return d.ask(now, port), 0, false
		case ok:
		case !d.plan.whole:
			d.plan.again() // the likely ports came first, and silent ones are asked again at once
		default:
			d.resting, d.passEnded = true, now
			return inquiry{}, wake, false
		}
	}
}

// ask asks a port for its own sake.
func (d *datagrams) ask(now time.Duration, port uint16) inquiry {
	d.sends[port] = min(d.sends[port]+1, 255)
	return d.send(now, inquiry{port: port, try: min(int(d.sends[port]), datagramTries)})
}

func (d *datagrams) send(now time.Duration, q inquiry) inquiry {
	d.probes++
	d.pace.sent(now)
	return q
}

// unsent takes a question back that the own machine could not send: that is no silence.
// A trial asks what was not answered again anyway.
func (d *datagrams) unsent(now time.Duration, q inquiry) {
	d.probes--
	if q.socket == 0 {
		if d.sends[q.port] < 255 {
			d.sends[q.port]--
		}
		d.later = append(d.later, q)
	}
	d.pace.strained(now, 0)
}

func (d *datagrams) wants(port uint16) bool {
	return d.state[port] == answerNone && int(d.sends[port]) < d.pass && d.doubts[port] == nil
}

// another begins another pass where a port is silent, and reports whether one does.
func (d *datagrams) another() bool {
	if d.pass == datagramTries {
		return false
	}
	for port := range d.ports.All() {
		if d.state[port] == answerNone && d.doubts[port] == nil {
			d.pass++
			d.plan.again()
			return true
		}
	}
	return false
}

// askReference asks a door that answered once more, so that it is known that the way
// was there to the end; another door each time, as some answer a socket only once.
func (d *datagrams) askReference(now time.Duration) (inquiry, time.Duration, bool) {
	d.resting, d.passEnded = true, now-datagramsApart // back here
	switch {
	case len(d.references) == 0 || d.vouched || d.asked == referenceTries && now-d.askedAt >= datagramsApart:
		d.finished = true
		return inquiry{}, 0, true
	case d.asked > 0 && now-d.askedAt < datagramsApart:
		return inquiry{}, wake, false
	}
	d.asked++
	d.askedAt = now
	return d.send(now, inquiry{port: d.references[(d.asked-1)%len(d.references)], try: (d.asked-1)%datagramTries + 1}), 0, false
}

// hear takes an answer that came from a port to the socket of the look, or an error
// about one; proven tells that its sender saw the question.
func (d *datagrams) hear(port uint16, a answer, proven bool, service *portvigil.Service) {
	if d.finished || !d.ports.Contains(port) || d.sends[port] == 0 {
		return
	}
	if a.kind == answerUnreachable {
		if d.unreachable++; d.unreachable >= unreachableRow {
			d.finished, d.dead = true, true
		}
		return
	}
	d.unreachable = 0
	if d.asked > 0 && (proven || d.worth < worthProof) && slices.Contains(d.references, port) {
		d.vouched = true
	}
	switch {
	case d.settled(port, a):
	case proven:
		d.settle(port, a, true, service)
	default:
		d.doubt(port, a, service)
	}
}

// hearIn takes what came to a socket of a trial.
func (d *datagrams) hearIn(number int, socket int, port uint16, a answer, proven bool, service *portvigil.Service) {
	switch {
	case d.finished || a.kind == answerUnreachable || !d.ports.Contains(port):
	case proven && !d.settled(port, a):
		d.settle(port, a, true, service)
	default:
		d.confirm.hear(number, socket, port, a, service)
	}
}

// settled reports whether an answer changes nothing: the first that is believed stands,
// but that an open port outweighs any other.
func (d *datagrams) settled(port uint16, a answer) bool {
	return d.state[port] == answerOpen || d.state[port] != answerNone && a.kind != answerOpen
}

// believe settles what a trial confirmed.
func (d *datagrams) believe(port uint16, was *suspect) {
	if !d.settled(port, was.answer) {
		d.settle(port, was.answer, false, was.service)
	}
}

func (d *datagrams) settle(port uint16, a answer, proven bool, service *portvigil.Service) {
	delete(d.doubts, port)
	d.state[port] = a.kind
	switch a.kind {
	case answerRejected:
		d.icmp[port] = a.icmp
	case answerOpen:
		d.name[port] = service
		if proven {
			d.refer(port, worthProof)
		} else {
			d.refer(port, worthOpen)
		}
	case answerClosed:
		if d.closed++; d.sends[port] > 1 {
			d.late++
		}
		d.refer(port, worthClosed)
	}
	if d.told != nil {
		d.told(d.observation(port))
	}
}

// resume takes what answered in an earlier part of this look. Those ports are asked again
// only to vouch for the way.
func (d *datagrams) resume(known []portvigil.Observation) {
	for _, o := range known {
		a := answer{kind: answerOpen}
		switch o.State {
		case portvigil.StateOpen:
		case portvigil.StateClosed:
			a.kind = answerClosed
		case portvigil.StateFiltered:
			var ok bool
			if a, ok = answerOf(o.Reason, d.v6); !ok {
				continue
			}
		default:
			continue
		}
		if d.ports.Contains(o.Port) && !d.settled(o.Port, a) {
			d.settle(o.Port, a, false, o.Service)
		}
	}
}

const worthClosed, worthOpen, worthProof = 1, 2, 3

// refer takes a port as a reference, and forgets those that are worth less.
func (d *datagrams) refer(port uint16, worth int) {
	switch {
	case d.asked > 0 || worth < d.worth || worth == d.worth && len(d.references) == referenceTries:
	case worth > d.worth:
		d.references, d.worth = []uint16{port}, worth
	default:
		d.references = append(d.references, port)
	}
}

// isClosed reports whether an ICMP error is a closed UDP port's own (RFC 1122 section
// 4.1.3.1, RFC 4443 section 3.1).
func (e icmpError) isClosed() bool {
	return e.fromTarget && (!e.v6 && e.kind == icmpUnreachable && e.code == icmpPortUnreachable || e.v6 && e.kind == icmp6Unreachable && e.code == icmp6PortUnreachable)
}

// limited reports whether the host sends fewer errors than it has closed ports: some
// ports said only later that they are closed, and the error for others never came.
func (d *datagrams) limited() bool { return d.late > 0 && d.closed >= leastLimited }

// complete is RULES section 1: each port has a state, and a door answered before and
// after.
func (d *datagrams) complete() bool {
	for port := range d.ports.All() {
		if _, failed := d.failed[port]; d.state[port] == answerNone && int(d.sends[port]) < datagramTries && !failed {
			return false
		}
	}
	if open, errors := d.unconfirmed(&d.state); d.forged > 0 && open+errors > 0 {
		return false
	}
	return d.finished && !d.dead && d.vouched
}

func (d *datagrams) share() float64 {
	done := 0
	for port := range d.ports.All() {
		if d.state[port] != answerNone {
			done += datagramTries
		} else {
			done += min(int(d.sends[port]), datagramTries)
		}
	}
	return float64(done) / float64(datagramTries*max(d.ports.Len(), 1))
}

func (d *datagrams) open() (n int) {
	for port := range d.name {
		if d.state[port] == answerOpen {
			n++
		}
	}
	return n
}

func (d *datagrams) observation(port uint16) portvigil.Observation {
	o := portvigil.Observation{Port: port, State: portvigil.StateOpenFiltered, Reason: portvigil.ReasonNoResponse}
	switch d.state[port] {
	case answerOpen:
		o.State, o.Reason, o.Service = portvigil.StateOpen, portvigil.ReasonUDPResponse, d.name[port]
	case answerClosed:
		o.State, o.Reason = portvigil.StateClosed, portvigil.ReasonPortUnreachable
	case answerRejected:
		o.State, o.Reason = portvigil.StateFiltered, d.icmp[port].reason()
	default:
		if d.limited() {
			o.Reason = portvigil.ReasonICMPLimited
		}
	}
	return o
}

// fill writes what is known into the look: the default state is the commonest that is
// not open.
func (d *datagrams) fill(look *portvigil.Look) {
	count := map[portvigil.PortState]int{}
	for port := range d.ports.All() {
		count[d.observation(port).State]++
	}
	look.DefaultState = portvigil.StateFiltered
	for _, s := range []portvigil.PortState{portvigil.StateOpenFiltered, portvigil.StateClosed} {
		if count[s] > count[look.DefaultState] {
			look.DefaultState = s
		}
	}
	for port := range d.ports.All() {
		if o := d.observation(port); o.State != look.DefaultState {
			look.Observations = append(look.Observations, o)
		}
	}
	look.Complete, look.Probes = d.complete(), d.probes
	look.Notes = append(look.Notes, d.notes(count)...)
}

func (d *datagrams) notes(count map[portvigil.PortState]int) (notes []string) {
	add := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	open, errors := d.unconfirmed(&d.state)
	switch {
	case d.forged > 0:
		add("forged-answers: somebody who does not see the questions sends in the host's name; not believed were the answers of %d ports and the errors about %d", open, errors)
	case open > 0:
		add("unconfirmed: %d that answered did not when asked again from elsewhere, so that anybody may have sent it", open)
	}
	switch {
	case d.complete():
	case d.dead:
		add("dead-path: %d times in a row host or net unreachable, and not by the target itself", d.unreachable)
	case d.finished && len(d.references) == 0:
		add("no-answer: none of %d datagrams was answered, so nothing vouches for the way", d.probes)
	case d.finished && !d.vouched:
		add("dead-path: port %d answered, and does not any more", d.references[0])
	}
	if d.limited() && count[portvigil.StateOpenFiltered] > 0 {
		add("icmp-limited: the host sends few errors about closed ports, so %d silent ones may be closed, too", count[portvigil.StateOpenFiltered])
	}
	return notes
}
