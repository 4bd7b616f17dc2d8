package scan

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var (
	ourFour, theirFour = netip.MustParseAddr("10.96.0.1"), netip.MustParseAddr("10.96.0.2")
	ourSix, theirSix   = netip.MustParseAddr("fd00:96::1"), netip.MustParseAddr("fd00:96::2")
	routerFour         = netip.MustParseAddr("10.96.0.254")
	routerSix          = netip.MustParseAddr("fd00:96::fe")
)

// probeBytes is a probe as it leaves.
func probeBytes(source, target netip.Addr, from, port uint16, sequence uint32) []byte {
	s := newSegment(source, target)
	packet := make([]byte, synBytes)
	return packet[:s.write(packet, from, port, sequence)]
}

func TestProbesAreWellFormed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		source, target := ourFour, theirFour
		if rapid.Bool().Draw(t, "six") {
			source, target = ourSix, theirSix
		}
		from, port := rapid.Uint16().Draw(t, "from"), rapid.Uint16().Draw(t, "port")
		sequence := rapid.Uint32().Draw(t, "sequence")
		packet := probeBytes(source, target, from, port, sequence)
		gotSource, gotTarget, protocol, tcp, ok := parseIP(packet)
		if !ok || gotSource != source || gotTarget != target || protocol != protocolTCP || len(tcp) != tcpHeader {
			t.Fatalf("%x is from %s to %s, protocol %d, %d bytes", packet, gotSource, gotTarget, protocol, len(tcp))
		}
		if got := binary.BigEndian.Uint16(tcp); got != from {
			t.Fatalf("from port %d, want %d", got, from)
		}
		if got := binary.BigEndian.Uint16(tcp[2:]); got != port {
			t.Fatalf("to port %d, want %d", got, port)
		}
		if got := binary.BigEndian.Uint32(tcp[4:]); got != sequence {
			t.Fatalf("sequence number %d, want %d", got, sequence)
		}
		// A receiver adds everything up, the checksums too, and gets only ones (RFC 1071).
		if target.Is4() && folded(sumOf(packet[:ipv4Header])) != 0 {
			t.Fatalf("the header's checksum is wrong: %x", packet[:ipv4Header])
		}
		pseudo := append(append(append([]byte{}, source.AsSlice()...), target.AsSlice()...), 0, protocolTCP, 0, byte(len(tcp)))
		if folded(sumOf(pseudo)+sumOf(tcp)) != 0 {
			t.Fatalf("the segment's checksum is wrong: %x", tcp)
		}
	})
}

// answering turns a probe round: what the target sends back, with the flags.
func answering(probe []byte, flags uint8) []byte {
	source, target, _, tcp, _ := parseIP(probe)
	s := newSegment(target, source)
	packet := make([]byte, synBytes)
	packet = packet[:s.write(packet, binary.BigEndian.Uint16(tcp[2:]), binary.BigEndian.Uint16(tcp), 1234)]
	answer := packet[s.tcp:]
	binary.BigEndian.PutUint32(answer[8:], binary.BigEndian.Uint32(tcp[4:])+1)
	answer[13] = flags
	return packet
}

// quoting is an ICMP error about a probe, cut to so many bytes of the segment.
func quoting(probe []byte, from netip.Addr, kind, code uint8, segment int) []byte {
	source, _, _, tcp, _ := parseIP(probe)
	quote := probe[:len(probe)-len(tcp)+segment]
	icmp := append([]byte{kind, code, 0, 0, 0, 0, 0, 0}, quote...)
	if source.Is4() {
		head := make([]byte, ipv4Header)
		head[0], head[9] = 4<<4|5, protocolICMP
		copy(head[12:], from.AsSlice())
		copy(head[16:], source.AsSlice())
		return append(head, icmp...)
	}
	head := make([]byte, ipv6Header)
	head[0], head[6] = 6<<4, protocolICMPv6
	copy(head[8:], from.AsSlice())
	copy(head[24:], source.AsSlice())
	return append(head, icmp...)
}

// extended puts an extension header of 16 bytes between IPv6 and what follows.
func extended(packet []byte, kind uint8) []byte {
	extension := make([]byte, 16)
	extension[0], extension[1] = packet[6], 1
	if kind == extensionAuthentication {
		extension[1] = 2 // in units of 4 bytes, less 2
	}
	out := append(append(append([]byte{}, packet[:ipv6Header]...), extension...), packet[ipv6Header:]...)
	out[6] = kind
	return out
}

func TestRepliesAreReadAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	four := probeBytes(ourFour, theirFour, 40001, 443, 99)
	six := probeBytes(ourSix, theirSix, 40001, 443, 99)
	from := func(kind answerKind, hops uint8) reply {
		r := reply{kind: kind, port: 443, source: 40001, sequence: 99, hops: hops + 1}
		if kind == answerOpen {
			r.window = window + 1
		}
		return r
	}
	cut := from(answerOpen, 0)
	cut.window = 0
	is := func(kind answerKind) reply { return from(kind, 0) }
	icmp := func(e icmpError) reply {
		return reply{kind: answerRejected, port: 443, source: 40001, sequence: 99, icmp: e}
	}
	after := func(packet []byte, left uint8) []byte {
		at := 8
		if packet[0]>>4 == 6 {
			at = 7
		}
		packet[at] = left
		return packet
	}
	fragment := answering(four, flagSyn|flagAck)
	fragment[7] = 1
	options := append(append([]byte{4<<4 | 6}, answering(four, flagSyn|flagAck)[1:ipv4Header]...), 1, 1, 1, 1)
	options = append(options, answering(four, flagSyn|flagAck)[ipv4Header:]...)
	for _, c := range []struct {
		name   string
		packet []byte
		want   reply // zero: no reply
	}{
		{"SYN-ACK", answering(four, flagSyn|flagAck), is(answerOpen)},
		{"SYN-ACK with congestion bits", answering(four, flagSyn|flagAck|0x40), is(answerOpen)},
		{"SYN-ACK over IPv6", answering(six, flagSyn|flagAck), is(answerOpen)},
		{"SYN-ACK behind IP options", options, is(answerOpen)},
		{"SYN-ACK cut after the flags", answering(four, flagSyn|flagAck)[:ipv4Header+14], cut},
		{"SYN-ACK cut before them", answering(four, flagSyn|flagAck)[:ipv4Header+13], reply{}},
		{"SYN-ACK behind destination options", extended(answering(six, flagSyn|flagAck), extensionDestination), is(answerOpen)},
		{"SYN-ACK behind an authentication header", extended(answering(six, flagSyn|flagAck), extensionAuthentication), is(answerOpen)},
		{"SYN-ACK behind an unknown header", extended(answering(six, flagSyn|flagAck), 200), reply{}},
		{"later fragment", fragment, reply{}},
		{"reset", answering(four, flagRst|flagAck), is(answerClosed)},
		{"reset over IPv6", answering(six, flagRst|flagAck), is(answerClosed)},
		{"reset from seven hops away", after(answering(four, flagRst|flagAck), 57), from(answerClosed, 7)},
		{"reset over IPv6 from two, which began with 255", after(answering(six, flagRst|flagAck), 253), from(answerClosed, 2)},
		{"reset from twenty, which began with 128", after(answering(four, flagRst|flagAck), 108), from(answerClosed, 20)},
		{"reset that acknowledges nothing", answering(four, flagRst), reply{}},
		{"acknowledgment alone", answering(four, flagAck), reply{}},
		{"a SYN of their own", answering(four, flagSyn), reply{}},
		{"our own probe, heard back", four, reply{}},
		{"port unreachable", quoting(four, theirFour, 3, 3, 8), icmp(icmpError{kind: 3, code: 3, sender: theirFour, fromTarget: true})},
		{"prohibited by a router", quoting(four, routerFour, 3, 13, 8), icmp(icmpError{kind: 3, code: 13, sender: routerFour})},
		{"time exceeded", quoting(four, routerFour, 11, 0, 8), icmp(icmpError{kind: 11, sender: routerFour})},
		{"echo reply", quoting(four, theirFour, 0, 0, 8), reply{}},
		{"too little quoted", quoting(four, theirFour, 3, 3, 7), reply{}},
		{"an error about somebody else's packet", quoting(probeBytes(ourFour, routerFour, 40001, 443, 99), theirFour, 3, 3, 8), reply{kind: answerRejected, target: routerFour, port: 443, source: 40001, sequence: 99, icmp: icmpError{kind: 3, code: 3, sender: theirFour}}},
		{"ICMPv6 port unreachable", quoting(six, theirSix, 1, 4, 24), icmp(icmpError{v6: true, kind: 1, code: 4, sender: theirSix, fromTarget: true})},
		{"ICMPv6 no route, by a router", quoting(six, routerSix, 1, 0, 24), icmp(icmpError{v6: true, kind: 1, sender: routerSix})},
		{"neighbour advertisement", quoting(six, theirSix, 136, 0, 24), reply{}},
		{"empty", nil, reply{}},
	} {
		source, target := ourFour, theirFour
		if len(c.packet) > 0 && c.packet[0]>>4 == 6 {
			source, target = ourSix, theirSix
		}
		if c.want != (reply{}) && !c.want.target.IsValid() {
			c.want.target = target
		}
		got, ok := parseReply(c.packet, source)
		if ok != (c.want != reply{}) {
			t.Errorf("%s: taken for a reply: %v", c.name, ok)
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(reply{}, icmpError{}), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
	if _, ok := parseReply(answering(four, flagSyn|flagAck), routerFour); ok {
		t.Error("an answer to somebody else is taken for ours")
	}
}

// FuzzReply looks for packets that break the parser, or that it takes although
// they are for somebody else.
func FuzzReply(f *testing.F) {
	four, six := probeBytes(ourFour, theirFour, 40001, 443, 99), probeBytes(ourSix, theirSix, 40001, 443, 99)
	for _, packet := range [][]byte{nil, four, six, answering(four, flagSyn|flagAck), answering(six, flagRst|flagAck),
		extended(answering(six, flagSyn|flagAck), extensionHopByHop), quoting(four, routerFour, 3, 13, 8), quoting(six, theirSix, 1, 4, 24)} {
		f.Add(packet)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		for _, ours := range []netip.Addr{ourFour, ourSix} {
			r, ok := parseReply(packet, ours)
			if !ok {
				continue
			}
			from, to, _, _, _ := parseIP(packet)
			if to != ours || r.kind != answerRejected && from != r.target {
				t.Errorf("a packet from %s to %s is taken for a reply from %s", from, to, r.target)
			}
			if r.kind == answerRejected && r.icmp.fromTarget != (from == r.target) {
				t.Errorf("the error came from %s, which the reply does not tell: %+v", from, r)
			}
		}
	})
}
