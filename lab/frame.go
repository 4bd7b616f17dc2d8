package lab

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// Where things are in an Ethernet frame (IEEE 802.3) with IP in it (RFC 791, RFC 8200),
// and what protocols are called there.
const (
	etherHeader = 14
	etherFour   = 0x0800
	etherSix    = 0x86dd
	ipFour      = 20 // without options
	ipSix       = 40

	protoICMP  = 1
	protoTCP   = 6
	protoICMP6 = 58

	flagSyn, flagRst, flagAck = 1 << 1, 1 << 2, 1 << 4
)

// frame is an Ethernet frame on its way, taken apart as far as a wire looks at it.
// The zero value besides bytes is one that no wire touches: ARP, neighbour discovery,
// or nothing that is IP.
type frame struct {
	bytes []byte
	six   bool
	proto uint8
	rest  []byte // above IP; nil for what no wire touches
}

// readFrame takes a frame apart. What resolves addresses on the link (RFC 826, RFC
// 4861) is left alone, as a path is what lies beyond that.
func readFrame(b []byte) frame {
	f := frame{bytes: b}
	if len(b) < etherHeader {
		return f
	}
	ip := b[etherHeader:]
	switch binary.BigEndian.Uint16(b[12:]) {
	case etherFour:
		if len(ip) < ipFour || len(ip) < int(ip[0]&15)*4 {
			return f
		}
		f.proto, f.rest = ip[9], ip[int(ip[0]&15)*4:]
	case etherSix:
		if len(ip) < ipSix {
			return f
		}
		f.six, f.proto, f.rest = true, ip[6], ip[ipSix:]
		if f.proto == protoICMP6 && len(f.rest) > 0 && f.rest[0] >= 133 && f.rest[0] <= 137 {
			f.rest = nil
		}
	}
	return f
}

// touchable reports whether a wire may do something to the frame.
func (f frame) touchable() bool { return f.rest != nil }

// tcp reports whether the frame holds a TCP segment with its header.
func (f frame) tcp() bool { return f.proto == protoTCP && len(f.rest) >= 20 }

// syn reports whether the frame asks for a connection.
func (f frame) syn() bool { return f.tcp() && f.rest[13]&(flagSyn|flagAck|flagRst) == flagSyn }

// door is the port that a segment goes to.
func (f frame) door() uint16 { return binary.BigEndian.Uint16(f.rest[2:]) }

// to is the address that the frame goes to.
func (f frame) to() (a netip.Addr) {
	ip := f.bytes[etherHeader:]
	if f.six {
		a, _ = netip.AddrFromSlice(ip[24:40])
	} else {
		a, _ = netip.AddrFromSlice(ip[16:20])
	}
	return a
}

// synAck is the answer of an open door to a SYN, with a window of this many bytes, and
// what follows up to there: both directions swapped, the sequence number acknowledged
// (RFC 9293 section 3.5).
func (f frame) synAck(window uint16) []byte {
	const header = 20
	answer := f.back(protoTCP, header)
	tcp := answer[len(answer)-header:]
	copy(tcp[0:2], f.rest[2:4])
	copy(tcp[2:4], f.rest[0:2])
	binary.BigEndian.PutUint32(tcp[4:], 0x50617468) // any
	binary.BigEndian.PutUint32(tcp[8:], binary.BigEndian.Uint32(f.rest[4:])+1)
	tcp[12], tcp[13] = header/4<<4, flagSyn|flagAck
	binary.BigEndian.PutUint16(tcp[14:], window)
	binary.BigEndian.PutUint16(tcp[16:], checksum(answer, protoTCP, tcp))
	return answer
}

// unreachable is an ICMPv6 error about the frame that comes from its addressee: type 1
// (RFC 4443 section 3.1).
func (f frame) unreachable(code uint8) []byte {
	about := f.bytes[etherHeader:]
	answer := f.back(protoICMP6, 8+len(about))
	icmp := answer[len(answer)-8-len(about):]
	icmp[0], icmp[1] = 1, code
	copy(icmp[8:], about)
	binary.BigEndian.PutUint16(icmp[2:], checksum(answer, protoICMP6, icmp))
	return answer
}

// back makes a frame that goes where this one came from, with room for size bytes
// above IP.
func (f frame) back(proto uint8, size int) []byte {
	header := ipFour
	if f.six {
		header = ipSix
	}
	b := make([]byte, etherHeader+header+size)
	copy(b[0:6], f.bytes[6:12])
	copy(b[6:12], f.bytes[0:6])
	copy(b[12:14], f.bytes[12:14])
	from, ip := f.bytes[etherHeader:], b[etherHeader:]
	if f.six {
		ip[0] = 6 << 4
		binary.BigEndian.PutUint16(ip[4:], uint16(size))
		ip[6], ip[7] = proto, 64
		copy(ip[8:24], from[24:40])
		copy(ip[24:40], from[8:24])
		return b
	}
	ip[0], ip[6], ip[8], ip[9] = 4<<4|ipFour/4, 1<<6, 64, proto // not to be fragmented: the id may be zero (RFC 6864)
	binary.BigEndian.PutUint16(ip[2:], uint16(ipFour+size))
	copy(ip[12:16], from[16:20])
	copy(ip[16:20], from[12:16])
	binary.BigEndian.PutUint16(ip[10:], folded(sum(ip[:ipFour])))
	return b
}

// checksum is that of what stands above IP in a frame made by back, with the
// pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1).
func checksum(b []byte, proto uint8, above []byte) uint16 {
	ip := b[etherHeader:]
	addresses := ip[12:20]
	if binary.BigEndian.Uint16(b[12:]) == etherSix {
		addresses = ip[8:40]
	}
	return folded(sum(addresses) + sum(above) + uint32(proto) + uint32(len(above)))
}

func sum(b []byte) (total uint32) {
	for pair := range slices.Chunk(b, 2) {
		total += uint32(pair[0]) << 8
		if len(pair) == 2 {
			total += uint32(pair[1])
		}
	}
	return total
}

func folded(total uint32) uint16 {
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return ^uint16(total)
}
