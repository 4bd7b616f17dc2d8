package scan

import (
	"math"

	portvigil "github.com/portvigil/portvigil"
)

// triesNeeded is how often a port has to stay silent, spread over the look and
// while known doors answer, before its silence counts (RULES section 1).
const triesNeeded = 3

// maxSends bounds the probes of one port where silence had to be discarded again
// and again because the known doors were silent too.
const maxSends = 9

// table is what is known of each port: 5 bytes a port, whatever the answers.
type table struct {
	ports  *portvigil.PortSet
	total  int
	answer [1 << 16]answerKind // answerNone: none so far
	icmp   [1 << 16][2]uint8   // type and code where the answer is answerRejected
	silent [1 << 16]uint8      // tries that counted
	sends  [1 << 16]uint8      // probes that left, at most 255: doors that vouch for the way are tried often
	v6     bool

	opened, answered int // ports
	units            int // of 3 a port: progress
}

func newTable(ports *portvigil.PortSet, v6 bool) *table {
	return &table{ports: ports, total: ports.Len(), v6: v6}
}

// sent notes that a probe of the port left.
func (t *table) sent(port uint16) {
	if t.sends[port] < math.MaxUint8 {
		t.sends[port]++
	}
}

// unsent takes a probe back that the own machine could not send.
func (t *table) unsent(port uint16) {
	if n := t.sends[port]; n > 0 && n < math.MaxUint8 {
		t.sends[port]--
	}
}

// unreached counts the ports that no probe left for, and of which nothing is known.
func (t *table) unreached() int {
	n := 0
	for port := range t.ports.All() {
		if t.sends[port] == 0 && t.answer[port] == answerNone {
			n++
		}
	}
	return n
}

// settle notes an answer; the first one stands, but that an open port outweighs
// any other: someone may have opened it during the look.
func (t *table) settle(port uint16, a answer) {
	before := t.answer[port]
	if before == answerOpen || before != answerNone && a.kind != answerOpen {
		return
	}
	if before == answerNone {
		t.answered++
		t.units += triesNeeded - int(t.silent[port])
	}
	if a.kind == answerOpen {
		t.opened++
	}
	t.answer[port] = a.kind
	t.icmp[port] = [2]uint8{a.icmp.kind, a.icmp.code}
}

// unanswered notes a try without an answer.
func (t *table) unanswered(port uint16) {
	if t.answer[port] == answerNone && t.silent[port] < triesNeeded {
		t.silent[port]++
		t.units++
	}
}

// discard takes back a try that was made while known doors were silent too.
func (t *table) discard(port uint16) {
	if t.answer[port] == answerNone && t.silent[port] > 0 {
		t.silent[port]--
		t.units--
	}
}

// wants reports whether the port should be probed (again).
func (t *table) wants(port uint16) bool {
	return t.answer[port] == answerNone && t.silent[port] < triesNeeded && t.sends[port] < maxSends
}

// decided reports whether every port answered or was silent in enough tries.
func (t *table) decided() bool { return t.units == t.total*triesNeeded }

// share is how much of the work is done, 0 to 1.
func (t *table) share() float64 { return float64(t.units) / float64(max(t.total, 1)*triesNeeded) }

// observation tells the state of a port that was asked for. Silence is filtered;
// a port that was not reached any more looks the same, and the look is then not
// complete.
func (t *table) observation(port uint16) portvigil.Observation {
	o := portvigil.Observation{Port: port, State: portvigil.StateFiltered, Reason: portvigil.ReasonNoResponse}
	switch t.answer[port] {
	case answerOpen:
		o.State, o.Reason = portvigil.StateOpen, portvigil.ReasonSynAck
	case answerClosed:
		o.State, o.Reason = portvigil.StateClosed, portvigil.ReasonReset
	case answerRejected:
		o.Reason = icmpError{v6: t.v6, kind: t.icmp[port][0], code: t.icmp[port][1]}.reason()
	}
	return o
}

// fill writes the default state, the commonest one that is not open (filtered on
// a tie), and what differs from it.
func (t *table) fill(look *portvigil.Look) {
	closed := 0
	for port := range t.ports.All() {
		if t.answer[port] == answerClosed {
			closed++
		}
	}
	look.DefaultState = portvigil.StateFiltered
	if closed > t.total-t.opened-closed {
		look.DefaultState = portvigil.StateClosed
	}
	for port := range t.ports.All() {
		if o := t.observation(port); o.State != look.DefaultState {
			look.Observations = append(look.Observations, o)
		}
	}
}
