package scan

import (
	"encoding/binary"
	"net/netip"
)

// reply is a packet that may be the answer to a SYN.
type reply struct {
	target   netip.Addr // that the SYN went to
	kind     answerKind // answerOpen, answerClosed, or answerRejected for any ICMP error
	port     uint16     // that was probed
	source   uint16     // the port that the probe came from
	sequence uint32     // of the probe, as the reply tells it
	icmp     icmpError  // of answerRejected
	hops     uint8      // that a segment took, and one more
	window   int        // that a SYN-ACK offers, in bytes, and one more; 0: not known
}

// answer says what the reply means once its sequence number was found right.
func (r *reply) answer() answer {
	if r.kind == answerRejected {
		return r.icmp.answer()
	}
	return answer{kind: r.kind, hops: r.hops, window: r.window}
}

// ICMP errors that quote what they are about (RFC 792, RFC 4443 section 3).
const (
	icmpTimeExceeded  = 11
	icmp6TimeExceeded = 3
	icmpHeader        = 8
	// quoted is what an error quotes of the segment at least: ports and sequence.
	quoted = 8
)

// parseReply reads an IP packet that came to source: a SYN-ACK or a reset, or an ICMP
// error about a SYN from there, whoever sent that. The packet may
// be cut short after what is read, and its checksums are not looked at: those of
// packets between two interfaces of one machine may not be filled in yet. False
// is any other packet.
func parseReply(packet []byte, source netip.Addr) (reply, bool) {
	from, to, protocol, payload, ok := parseIP(packet)
	if !ok || to != source {
		return reply{}, false
	}
	switch {
	case protocol == protocolTCP:
		r, ok := parseSegment(payload)
		if ok {
			r.target, r.hops = from, hopsOf(packet)+1
		}
		return r, ok
	case protocol == protocolICMP && source.Is4(), protocol == protocolICMPv6 && source.Is6():
		return parseError(payload, from, source)
	}
	return reply{}, false
}

// hopsOf is how many routers an IP packet has passed: by how much its time to live is
// below the next of those that systems begin with.
func hopsOf(packet []byte) uint8 {
	left := packet[8]
	if packet[0]>>4 == 6 {
		left = packet[7]
	}
	for _, begun := range []uint8{32, 64, 128} {
		if left <= begun {
			return begun - left
		}
	}
	return 255 - left
}

// parseSegment reads the TCP header of an answer (RFC 9293 section 3.1): one to a
// SYN acknowledges it, resets too (section 3.10.7.1).
func parseSegment(tcp []byte) (reply, bool) {
	if len(tcp) < 14 {
		return reply{}, false
	}
	r := reply{port: binary.BigEndian.Uint16(tcp), source: binary.BigEndian.Uint16(tcp[2:]), sequence: binary.BigEndian.Uint32(tcp[8:]) - 1}
	switch flags := tcp[13]; {
	case flags&(flagRst|flagAck) == flagRst|flagAck:
		r.kind = answerClosed
	case flags&(flagSyn|flagAck|flagRst) == flagSyn|flagAck:
		r.kind = answerOpen
		if len(tcp) >= 16 {
			r.window = int(binary.BigEndian.Uint16(tcp[14:])) + 1
		}
	default:
		return reply{}, false
	}
	return r, true
}

// parseError reads an ICMP error: its type and code, and the beginning of the
// packet that it is about.
func parseError(icmp []byte, from, source netip.Addr) (reply, bool) {
	if len(icmp) < icmpHeader {
		return reply{}, false
	}
	e := icmpError{v6: source.Is6(), kind: icmp[0], code: icmp[1], sender: from}
	switch {
	case !e.v6 && (e.kind == icmpUnreachable || e.kind == icmpTimeExceeded), e.v6 && (e.kind == icmp6Unreachable || e.kind == icmp6TimeExceeded):
	default:
		return reply{}, false
	}
	sender, target, protocol, tcp, ok := parseIP(icmp[icmpHeader:])
	if !ok || sender != source || protocol != protocolTCP || len(tcp) < quoted {
		return reply{}, false
	}
	e.fromTarget = from == target
	return reply{target: target, kind: answerRejected, source: binary.BigEndian.Uint16(tcp), port: binary.BigEndian.Uint16(tcp[2:]),
		sequence: binary.BigEndian.Uint32(tcp[4:]), icmp: e}, true
}

// parseIP takes the IP header off a packet. Fragments other than the first have
// no header of a higher protocol, and so are none.
func parseIP(packet []byte) (from, to netip.Addr, protocol uint8, payload []byte, ok bool) {
	if len(packet) == 0 {
		return from, to, 0, nil, false
	}
	switch packet[0] >> 4 {
	case 4:
		header := int(packet[0]&0xf) * 4
		if header < ipv4Header || len(packet) < header || binary.BigEndian.Uint16(packet[6:])&0x1fff != 0 {
			return from, to, 0, nil, false
		}
		from, to = netip.AddrFrom4([4]byte(packet[12:16])), netip.AddrFrom4([4]byte(packet[16:20]))
		return from, to, packet[9], packet[header:], true
	case 6:
		if len(packet) < ipv6Header {
			return from, to, 0, nil, false
		}
		from, to = netip.AddrFrom16([16]byte(packet[8:24])), netip.AddrFrom16([16]byte(packet[24:40]))
		protocol, payload, ok = skipExtensions(packet[6], packet[ipv6Header:])
		return from, to, protocol, payload, ok
	}
	return from, to, 0, nil, false
}

// Extension headers of IPv6 (RFC 8200 section 4, RFC 4302).
const (
	extensionHopByHop       = 0
	extensionRouting        = 43
	extensionFragment       = 44
	extensionAuthentication = 51
	extensionDestination    = 60
	mostExtensions          = 8
)

// skipExtensions walks over the extension headers to the protocol above them.
func skipExtensions(next uint8, rest []byte) (protocol uint8, payload []byte, ok bool) {
	for range mostExtensions {
		size := 8
		switch next {
		case extensionHopByHop, extensionRouting, extensionDestination:
			if len(rest) < size {
				return 0, nil, false
			}
			size += int(rest[1]) * 8
		case extensionAuthentication:
			if len(rest) < size {
				return 0, nil, false
			}
			size = (int(rest[1]) + 2) * 4
		case extensionFragment:
			if len(rest) < size || binary.BigEndian.Uint16(rest[2:])>>3 != 0 {
				return 0, nil, false
			}
		default:
			return next, rest, true
		}
		if len(rest) < size {
			return 0, nil, false
		}
		next, rest = rest[0], rest[size:]
	}
	return 0, nil, false
}
