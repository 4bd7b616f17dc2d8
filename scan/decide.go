package scan

import (
	"iter"
	"math"
	"slices"

	portvigil "github.com/portvigil/portvigil"
)

// table is what is known of each port: 6 bytes a port, whatever the answers.
type table struct {
	ports  *portvigil.PortSet
	total  int
	answer [1 << 16]answerKind // answerNone: none so far
	icmp   [1 << 16]uint8      // into errors, where the answer is answerRejected
	silent [1 << 16]passes     // in which its silence counts
	sends  [1 << 16]uint8      // probes that left, at most 255: doors that vouch for the way are tried often
	flying [1 << 16]bool       // a probe for its own sake is on its way
	v6     bool
	errors [][2]uint8 // types and codes that came

	opened, answered int // ports
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
	}
	if a.kind == answerOpen {
		t.opened++
	}
	t.answer[port] = a.kind
	if a.kind == answerRejected {
		t.icmp[port] = t.error(a.icmp)
	}
}

// error is the number of an error's type and code. There are less than a byte's worth
// of those that reject; what somebody makes up beyond is told as the last.
func (t *table) error(e icmpError) uint8 {
	is := [2]uint8{e.kind, e.code}
	i := slices.Index(t.errors, is)
	if i < 0 && len(t.errors) <= math.MaxUint8 {
		i, t.errors = len(t.errors), append(t.errors, is)
	}
	return uint8(min(uint(i), math.MaxUint8))
}

// unanswered notes that the port's silence in a pass counts.
func (t *table) unanswered(port uint16, pass int) { t.silent[port] = t.silent[port].with(pass) }

// forget takes back what counts of a pass.
func (t *table) forget(pass int) {
	for port := range t.ports.All() {
		t.silent[port] = t.silent[port].without(pass)
	}
}

// wanting are the ports that have not answered.
func (t *table) wanting() iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		for port := range t.ports.All() {
			if t.answer[port] == answerNone && !yield(port) {
				return
			}
		}
	}
}

// masks are the different passes in which the silence of ports counts.
func (t *table) masks() map[passes]bool {
	all := map[passes]bool{}
	for port := range t.wanting() {
		all[t.silent[port]] = true
	}
	return all
}

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
		o.Reason = icmpError{v6: t.v6, kind: t.errors[t.icmp[port]][0], code: t.errors[t.icmp[port]][1]}.reason()
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
