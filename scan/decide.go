package scan

import (
	"iter"
	"math"
	"slices"
	"unsafe"

	portvigil "github.com/portvigil/portvigil"
)

// table is what is known of each port of a look at one address.
type table struct {
	*roster
	known  []known // by the number of the port
	v6     bool
	errors [][2]uint8 // types and codes that came

	opened, answered int      // ports
	news             []uint16 // ports whose answer is new, for whoever takes them
	telling          bool     // somebody does
}

// known is what is known of one port: 6 bytes, whatever the answers.
type known struct {
	silent passes     // in which its silence counts
	answer answerKind // answerNone: none so far
	icmp   uint8      // into errors, where the answer is answerRejected
	sends  uint8      // probes that left, at most 255: doors that vouch for the way are tried often
	flying bool       // a probe for its own sake is on its way
}

// knownBytes is what a table takes for each port.
const knownBytes = unsafe.Sizeof(known{})

func newTable(r *roster, v6 bool) *table {
	return &table{roster: r, known: make([]known, r.total()), v6: v6}
}

// of is what is known of a port that the look is about.
func (t *table) of(port uint16) *known { return &t.known[t.index(port)] }

// sent notes that a probe of the port left.
func (t *table) sent(port uint16) {
	if k := t.of(port); k.sends < math.MaxUint8 {
		k.sends++
	}
}

// unsent takes a probe back that the own machine could not send.
func (t *table) unsent(port uint16) {
	if k := t.of(port); k.sends > 0 && k.sends < math.MaxUint8 {
		k.sends--
	}
}

// unreached counts the ports that no probe left for, and of which nothing is known.
func (t *table) unreached() int {
	n := 0
	for i := range t.known {
		if t.known[i].sends == 0 && t.known[i].answer == answerNone {
			n++
		}
	}
	return n
}

// settle notes an answer; the first one stands, but that an open port outweighs
// any other: someone may have opened it during the look.
func (t *table) settle(port uint16, a answer) {
	k := t.of(port)
	if k.answer == answerOpen || k.answer != answerNone && a.kind != answerOpen {
		return
	}
	if k.answer == answerNone {
		t.answered++
	}
	if a.kind == answerOpen {
		t.opened++
	}
	if k.answer = a.kind; t.telling {
		t.news = append(t.news, port)
	}
	if a.kind == answerRejected {
		k.icmp = t.error(a.icmp)
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
func (t *table) unanswered(port uint16, pass int) {
	k := t.of(port)
	k.silent = k.silent.with(pass)
}

// forget takes back what counts of a pass.
func (t *table) forget(pass int) {
	for i := range t.known {
		t.known[i].silent = t.known[i].silent.without(pass)
	}
}

// wanting are the ports that have not answered.
func (t *table) wanting() iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		for i, port := range t.listed {
			if t.known[i].answer == answerNone && !yield(port) {
				return
			}
		}
	}
}

// masks are the different passes in which the silence of ports counts.
func (t *table) masks() map[passes]bool {
	all := map[passes]bool{}
	for i := range t.known {
		if t.known[i].answer == answerNone {
			all[t.known[i].silent] = true
		}
	}
	return all
}

// observation tells the state of a port that was asked for. Silence is filtered;
// a port that was not reached any more looks the same, and the look is then not
// complete.
func (t *table) observation(port uint16) portvigil.Observation {
	o := portvigil.Observation{Port: port, State: portvigil.StateFiltered, Reason: portvigil.ReasonNoResponse}
	k := t.of(port)
	switch k.answer {
	case answerOpen:
		o.State, o.Reason = portvigil.StateOpen, portvigil.ReasonSynAck
	case answerClosed:
		o.State, o.Reason = portvigil.StateClosed, portvigil.ReasonReset
	case answerRejected:
		o.Reason = icmpError{v6: t.v6, kind: t.errors[k.icmp][0], code: t.errors[k.icmp][1]}.reason()
	}
	return o
}

// fill writes the default state, the commonest one that is not open (filtered on
// a tie), and what differs from it.
func (t *table) fill(look *portvigil.Look) {
	closed := 0
	for i := range t.known {
		if t.known[i].answer == answerClosed {
			closed++
		}
	}
	look.DefaultState = portvigil.StateFiltered
	if closed > t.total()-t.opened-closed {
		look.DefaultState = portvigil.StateClosed
	}
	for _, port := range t.listed {
		if o := t.observation(port); o.State != look.DefaultState {
			look.Observations = append(look.Observations, o)
		}
	}
}
