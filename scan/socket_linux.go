package scan

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// destination is the address that one worker connects to, with the socket
// address kept so that a probe allocates nothing.
type destination struct {
	address netip.Addr
	four    unix.SockaddrInet4
	six     unix.SockaddrInet6
}

func destinationOf(a netip.Addr) destination {
	d := destination{address: a}
	if a.Is4() {
		d.four.Addr = a.As4()
	} else {
		d.six.Addr = a.As16()
	}
	return d
}

// socket opens a socket that never blocks and keeps ICMP errors (IP_RECVERR,
// ip(7)): only with those can a reset be told from a rejecting firewall.
func (d *destination) socket() (int, error) {
	family, level, option := unix.AF_INET, unix.SOL_IP, unix.IP_RECVERR
	if d.address.Is6() {
		family, level, option = unix.AF_INET6, unix.SOL_IPV6, unix.IPV6_RECVERR
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, err
	}
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		_ = unix.Close(fd) // the first error is the one that tells
		return -1, err
	}
	return fd, nil
}

func (d *destination) connect(fd int, port uint16) error {
	if d.address.Is4() {
		d.four.Port = int(port)
		return unix.Connect(fd, &d.four)
	}
	d.six.Port = int(port)
	return unix.Connect(fd, &d.six)
}

// itself reports whether the socket's two ends are the same.
func (d *destination) itself(fd int) bool {
	local, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	peer, err := unix.Getpeername(fd)
	if err != nil {
		return false
	}
	switch l := local.(type) {
	case *unix.SockaddrInet4:
		p, ok := peer.(*unix.SockaddrInet4)
		return ok && l.Port == p.Port && l.Addr == p.Addr
	case *unix.SockaddrInet6:
		p, ok := peer.(*unix.SockaddrInet6)
		return ok && l.Port == p.Port && l.Addr == p.Addr
	}
	return false
}

// pending takes the socket's error, 0 for none.
func pending(fd int) unix.Errno {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return 0
	}
	return unix.Errno(n)
}

// failed reads what an error means. An ICMP in the error queue says more than
// the error number; without one a refusal is a reset. Linux may queue an ICMP
// and leave the socket connecting (it arrived while connect still held the
// socket): the queue counts all the same.
func (w *worker) failed(fd int, err error) answer {
	if e, ok := w.queued(fd); ok {
		return e
	}
	switch {
	case errors.Is(err, unix.ECONNREFUSED):
		return answer{kind: answerClosed}
	case errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		return answer{kind: answerOpen} // reset after the handshake was complete
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTDOWN),
		errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM),
		errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENONET):
		return answer{kind: answerUnreachable} // the own kernel: no route, no neighbour, or a local rule
	case errors.Is(err, unix.EADDRNOTAVAIL), errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENOBUFS),
		errors.Is(err, unix.ENOMEM), errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		return answer{kind: answerStrain}
	}
	return answer{kind: answerNone}
}

// queued reads the socket's error queue for an ICMP error.
func (w *worker) queued(fd int) (answer, bool) {
	var payload [1]byte
	_, n, _, _, err := unix.Recvmsg(fd, payload[:], w.oob[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return answer{}, false
	}
	e, origin, found := parseExtendedError(w.oob[:n])
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
