package inside

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/portvigil/portvigil"
)

// The layouts of sock_diag(7), linux/inet_diag.h. Numbers are the machine's own
// byte order, ports and addresses the network's.
//
//	inet_diag_req_v2  0 family  1 protocol  2 ext  3 pad  4 states u32  8 sockid
//	inet_diag_msg     0 family  1 state  2 timer  3 retrans  4 sockid
//	                  52 expires u32  56 rqueue  60 wqueue  64 uid  68 inode
//	sockid            0 sport  2 dport  4 src[16]  20 dst[16]  36 if u32  40 cookie[8]
const (
	sockDiagByFamily = 20 // SOCK_DIAG_BY_FAMILY
	diagRequestLen   = 56
	diagMessageLen   = 72

	attrV6Only = 11 // INET_DIAG_SKV6ONLY, u8; given for listening and closed IPv6 sockets

	familyIPv4 = 2  // AF_INET
	familyIPv6 = 10 // AF_INET6

	protocolTCP = 6
	protocolUDP = 17

	// stateClose is how the kernel has a UDP socket that is bound and not
	// connected (ss writes UNCONN), stateListen a TCP one that accepts.
	stateClose  = 7
	stateListen = 10
)

// diagRequest asks for all sockets of one family and protocol in one state.
func diagRequest(family, protocol, state uint8) []byte {
	b := make([]byte, diagRequestLen)
	b[0], b[1] = family, protocol
	binary.NativeEndian.PutUint32(b[4:], 1<<state)
	return b
}

// diagSocket is a parsed inet_diag_msg.
type diagSocket struct {
	family, state uint8
	address       netip.Addr
	port          uint16
	device        uint32 // interface index, 0 for all
	inode         uint32
	v6only        bool
}

var errShortMessage = errors.New("message is cut short")

// parseDiag reads the body of one answer, without its netlink header.
func parseDiag(b []byte) (diagSocket, error) {
	if len(b) < diagMessageLen {
		return diagSocket{}, fmt.Errorf("read socket of %d bytes: %w", len(b), errShortMessage)
	}
	s := diagSocket{
		family: b[0],
		state:  b[1],
		port:   binary.BigEndian.Uint16(b[4:]),
		device: binary.NativeEndian.Uint32(b[40:]),
		inode:  binary.NativeEndian.Uint32(b[68:]),
	}
	switch s.family {
	case familyIPv4:
		s.address = netip.AddrFrom4([4]byte(b[8:12]))
	case familyIPv6:
		s.address = netip.AddrFrom16([16]byte(b[8:24]))
	default:
		return diagSocket{}, fmt.Errorf("read socket: address family %d is neither IPv4 nor IPv6", s.family)
	}
	err := eachAttribute(b[diagMessageLen:], func(kind uint16, value []byte) {
		if kind == attrV6Only && len(value) >= 1 {
			s.v6only = value[0] != 0
		}
	})
	if err != nil {
		return diagSocket{}, fmt.Errorf("read socket: %w", err)
	}
	return s, nil
}

// eachAttribute walks netlink attributes (netlink(7), struct nlattr): length and
// type of 16 bits each, then the value, padded to 4 bytes.
func eachAttribute(b []byte, do func(kind uint16, value []byte)) error {
	const header, flags = 4, 0xc000 // NLA_F_NESTED and NLA_F_NET_BYTEORDER
	for len(b) > 0 {
		if len(b) < header {
			return errShortMessage
		}
		n := int(binary.NativeEndian.Uint16(b))
		if n < header || n > len(b) {
			return fmt.Errorf("attribute of %d bytes in %d: %w", n, len(b), errShortMessage)
		}
		do(binary.NativeEndian.Uint16(b[2:])&^flags, b[header:n])
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}

// socket turns the kernel's view into ours; name tells an interface by its index.
func (s diagSocket) socket(proto portvigil.Proto, name func(uint32) string) Socket {
	out := Socket{Proto: proto, Address: s.address, Port: s.port, V6Only: s.v6only, Inode: uint64(s.inode)}
	if s.device != 0 {
		out.Device = name(s.device)
		// A link-local address means nothing without its interface, and the
		// kernel binds such a socket to the zone's interface (ipv6(7)).
		if s.address.Is6() && (s.address.IsLinkLocalUnicast() || s.address.IsLinkLocalMulticast()) {
			out.Address = s.address.WithZone(out.Device)
		}
	}
	return out
}
