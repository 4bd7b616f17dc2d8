package scan

import (
	"encoding/binary"
	"net/netip"
)

const (
	ipv4Header = 20
	ipv6Header = 40
	// tcpHeader has one option, the segment size, without which some firewalls
	// take a SYN for forged.
	tcpHeader = 24
	// synBytes is the longest SYN, that over IPv6.
	synBytes = ipv6Header + tcpHeader

	flagSyn = 1 << 1
	flagRst = 1 << 2
	flagAck = 1 << 4

	protocolICMP   = 1
	protocolTCP    = 6
	protocolUDP    = 17
	protocolICMPv6 = 58

	hopLimit = 64
	window   = 64240 // 44 segments of 1,460 bytes, as Linux offers
)

// segment is the SYN to one address that every probe is a copy of: an IP and a
// TCP header (RFC 791, RFC 8200, RFC 9293 section 3.1) in which only ports,
// sequence number and checksum differ.
type segment struct {
	bytes [synBytes]byte
	size  int
	tcp   int    // where the TCP header begins
	sum   uint32 // of all that stays the same, with the pseudo-header
}

// newSegment prepares the SYN from source to target, which are of one family.
func newSegment(source, target netip.Addr) segment {
	s := segment{size: ipv4Header + tcpHeader, tcp: ipv4Header}
	if target.Is6() {
		s.size, s.tcp = ipv6Header+tcpHeader, ipv6Header
	}
	ip, tcp := s.bytes[:s.tcp], s.bytes[s.tcp:s.size]
	addresses := ip[12:20]
	size := uint16(1460)
	if target.Is6() {
		ip[0] = 6 << 4
		binary.BigEndian.PutUint16(ip[4:], tcpHeader)
		ip[6], ip[7] = protocolTCP, hopLimit
		addresses = ip[8:40]
		size = 1440
	} else {
		ip[0] = 4<<4 | ipv4Header/4
		binary.BigEndian.PutUint16(ip[2:], uint16(s.size))
		ip[6] = 1 << 6 // don't fragment: the id may be zero then (RFC 6864 section 4.1)
		ip[8], ip[9] = hopLimit, protocolTCP
	}
	copy(addresses, source.AsSlice())
	copy(addresses[len(addresses)/2:], target.AsSlice())
	if target.Is4() {
		binary.BigEndian.PutUint16(ip[10:], folded(sumOf(ip)))
	}
	tcp[12] = tcpHeader / 4 << 4
	tcp[13] = flagSyn
	binary.BigEndian.PutUint16(tcp[14:], window)
	tcp[20], tcp[21] = 2, 4 // option: maximum segment size, 4 bytes long
	binary.BigEndian.PutUint16(tcp[22:], size)
	s.sum = sumOf(addresses) + sumOf(tcp) + protocolTCP + tcpHeader
	return s
}

// write makes a probe, and returns how long it is; into takes synBytes.
func (s *segment) write(into []byte, source, port uint16, sequence uint32) int {
	copy(into, s.bytes[:s.size])
	tcp := into[s.tcp:s.size]
	binary.BigEndian.PutUint16(tcp, source)
	binary.BigEndian.PutUint16(tcp[2:], port)
	binary.BigEndian.PutUint32(tcp[4:], sequence)
	binary.BigEndian.PutUint16(tcp[16:], folded(s.sum+uint32(source)+uint32(port)+sequence>>16+sequence&0xffff))
	return s.size
}

// sumOf adds the 16-bit words of an even number of bytes (RFC 1071).
func sumOf(b []byte) (sum uint32) {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	return sum
}

// folded is the Internet checksum of a sum of 16-bit words (RFC 1071).
func folded(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
