package scan

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// failed reads what an error means. An ICMP in the error queue says more than
// the error number; without one a refusal is a reset. Linux may queue an ICMP
// and leave the socket connecting (it arrived while connect still held the
// socket): the queue counts all the same.
func (w *worker) failed(fd int, errno unix.Errno) answer {
	if n := errorQueue(fd, w.oob[:]); n > 0 {
		if a, ok := w.queued(w.oob[:n]); ok {
			return a
		}
	}
	switch errno {
	case unix.ECONNREFUSED:
		return answer{kind: answerClosed}
	case unix.ECONNRESET, unix.EPIPE:
		return answer{kind: answerOpen} // reset after the handshake was complete
	case unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENETDOWN, unix.EACCES, unix.EPERM, unix.EINVAL, unix.ENONET:
		return answer{kind: answerUnreachable} // the own kernel: no route, no neighbour, or a local rule
	case unix.EADDRNOTAVAIL, unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM, unix.EMFILE, unix.ENFILE:
		return answer{kind: answerStrain}
	}
	return answer{kind: answerNone}
}

// queued reads an error from the queue.
func (w *worker) queued(oob []byte) (answer, bool) {
	e, origin, found := parseExtendedError(oob)
	switch {
	case !found:
		return answer{}, false
	case origin == unix.SO_EE_ORIGIN_LOCAL:
		return answer{kind: answerUnreachable}, true
	}
	e.fromTarget = e.sender == w.engine.address
	return e.answer(), true
}

// parseExtendedError reads struct sock_extended_err and the offender's address
// from ancillary data (linux/errqueue.h):
//
//	0      4       5     6     7    8     12    16
//	│errno │origin │type │code │pad │info │data │ sockaddr of the offender …
func parseExtendedError(oob []byte) (e icmpError, origin uint8, found bool) {
	for len(oob) >= unix.SizeofCmsghdr {
		header, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return icmpError{}, 0, false
		}
		oob = rest
		four := header.Level == unix.SOL_IP && header.Type == unix.IP_RECVERR
		six := header.Level == unix.SOL_IPV6 && header.Type == unix.IPV6_RECVERR
		if !four && !six || len(data) < 16 {
			continue
		}
		switch origin = data[4]; origin {
		case unix.SO_EE_ORIGIN_LOCAL, unix.SO_EE_ORIGIN_ICMP, unix.SO_EE_ORIGIN_ICMP6:
			e = icmpError{v6: origin == unix.SO_EE_ORIGIN_ICMP6, kind: data[5], code: data[6], sender: offender(data[16:])}
			return e, origin, true
		}
	}
	return icmpError{}, 0, false
}

// offender reads the address of a sockaddr, the zero address where there is none.
func offender(raw []byte) netip.Addr {
	if len(raw) < 2 {
		return netip.Addr{}
	}
	switch binary.NativeEndian.Uint16(raw) {
	case unix.AF_INET:
		if len(raw) >= 8 {
			return netip.AddrFrom4([4]byte(raw[4:8]))
		}
	case unix.AF_INET6:
		if len(raw) >= 24 {
			return netip.AddrFrom16([16]byte(raw[8:24])).Unmap()
		}
	}
	return netip.Addr{}
}
