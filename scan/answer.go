package scan

import (
	"fmt"
	"net/netip"

	portvigil "github.com/portvigil/portvigil"
)

// answerKind is what came back for a probe.
type answerKind uint8

const (
	answerNone        answerKind = iota // nothing, in the time that it was given
	answerOpen                          // the handshake was completed
	answerClosed                        // a reset, and no ICMP
	answerRejected                      // an ICMP that says the port may not be reached
	answerUnreachable                   // host or net unreachable, not sent by the target
	answerStrain                        // the own machine could not send
)

// answer is what an engine reports for a probe.
type answer struct {
	kind answerKind
	icmp icmpError // of answerRejected
	hops uint8     // that it took, and one more; 0: not known
	// window is what a SYN-ACK offers, in bytes, and one more; 0: not known.
	window int
}

// answerOf is the answer that a reason of a TCP port's state stands for; false is none.
func answerOf(r portvigil.Reason, v6 bool) (answer, bool) {
	switch r {
	case portvigil.ReasonSynAck:
		return answer{kind: answerOpen}, true
	case portvigil.ReasonReset:
		return answer{kind: answerClosed}, true
	case portvigil.ReasonPortUnreachable:
		e := icmpError{v6: v6, kind: icmpUnreachable, code: icmpPortUnreachable}
		if v6 {
			e.kind, e.code = icmp6Unreachable, icmp6PortUnreachable
		}
		return answer{kind: answerRejected, icmp: e}, true
	}
	e, format := icmpError{v6: v6}, "icmp-%d-%d"
	if v6 {
		format = "icmp6-%d-%d"
	}
	if n, err := fmt.Sscanf(string(r), format, &e.kind, &e.code); err != nil || n != 2 {
		return answer{}, false
	}
	return answer{kind: answerRejected, icmp: e}, true
}

// icmpError is the type and code of an ICMP or ICMPv6 error.
type icmpError struct {
	v6         bool
	kind       uint8
	code       uint8
	sender     netip.Addr // invalid where it is unknown
	fromTarget bool       // sent by the address that was probed itself
}

// ICMP types and codes (RFC 792, RFC 1812 section 5.2.7.1; RFC 4443 section 3).
const (
	icmpUnreachable       = 3
	icmpPortUnreachable   = 3
	icmpNetProhibited     = 9
	icmpHostProhibited    = 10
	icmpAdminProhibited   = 13
	icmp6Unreachable      = 1
	icmp6AdminProhibited  = 1
	icmp6PortUnreachable  = 4
	icmp6PolicyFailed     = 5
	icmp6RejectRoute      = 6
	icmpProtoUnreachable  = 2
	icmpPrecedenceCutoff  = 15
	icmpPrecedenceViolate = 14
)

// answer tells a rejecting firewall from a dead path. What the target sends
// itself is always an answer. From elsewhere a prohibition is one too (a firewall
// in front), host or net unreachable and an expired time are not: they say
// nothing about a port.
func (e icmpError) answer() answer {
	if e.fromTarget || e.prohibits() {
		return answer{kind: answerRejected, icmp: e}
	}
	return answer{kind: answerUnreachable, icmp: e}
}

func (e icmpError) prohibits() bool {
	if e.v6 {
		if e.kind != icmp6Unreachable {
			return false
		}
		switch e.code {
		case icmp6AdminProhibited, icmp6PortUnreachable, icmp6PolicyFailed, icmp6RejectRoute:
			return true
		}
		return false
	}
	if e.kind != icmpUnreachable {
		return false
	}
	switch e.code {
	case icmpProtoUnreachable, icmpPortUnreachable, icmpNetProhibited, icmpHostProhibited,
		icmpAdminProhibited, icmpPrecedenceViolate, icmpPrecedenceCutoff:
		return true
	}
	return false
}

// reason is the wire word for the error.
func (e icmpError) reason() portvigil.Reason {
	switch {
	case e.v6 && e.kind == icmp6Unreachable && e.code == icmp6PortUnreachable,
		!e.v6 && e.kind == icmpUnreachable && e.code == icmpPortUnreachable:
		return portvigil.ReasonPortUnreachable
	case e.v6:
		return portvigil.Reason(fmt.Sprintf("icmp6-%d-%d", e.kind, e.code))
	}
	return portvigil.Reason(fmt.Sprintf("icmp-%d-%d", e.kind, e.code))
}
