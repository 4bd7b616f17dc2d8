package scan

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls that every probe makes, as raw system calls: none of them ever
// blocks, so the Go scheduler need not be told, and it does not take the worker's
// processor away in the middle of one.

// destination is the socket address that a worker connects to, kept so that a
// probe allocates nothing.
type destination struct {
	is6  bool
	four unix.RawSockaddrInet4
	six  unix.RawSockaddrInet6
}

func destinationOf(a netip.Addr) destination {
	if a.Is4() {
		return destination{four: unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.As4()}}
	}
	return destination{is6: true, six: unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: a.As16()}}
}

// socket opens a socket that never blocks and keeps ICMP errors (IP_RECVERR,
// ip(7)): only with those can a reset be told from a rejecting firewall.
func (d *destination) socket() (int, unix.Errno) {
	family, level, option := uintptr(unix.AF_INET), uintptr(unix.SOL_IP), uintptr(unix.IP_RECVERR)
	if d.is6 {
		family, level, option = unix.AF_INET6, unix.SOL_IPV6, unix.IPV6_RECVERR
	}
	fd, _, errno := unix.RawSyscall(unix.SYS_SOCKET, family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if errno != 0 {
		return -1, errno
	}
	on := int32(1)
	if _, _, errno := unix.RawSyscall6(unix.SYS_SETSOCKOPT, fd, level, option, uintptr(unsafe.Pointer(&on)), unsafe.Sizeof(on), 0); errno != 0 {
		shut(int(fd))
		return -1, errno
	}
	return int(fd), 0
}

// connect starts a handshake; EINPROGRESS is the usual answer.
func (d *destination) connect(fd int, port uint16) unix.Errno {
	var errno unix.Errno
	if d.is6 {
		putPort(&d.six.Port, port)
		_, _, errno = unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&d.six)), unix.SizeofSockaddrInet6)
	} else {
		putPort(&d.four.Port, port)
		_, _, errno = unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&d.four)), unix.SizeofSockaddrInet4)
	}
	return errno
}

// putPort writes a port in network byte order.
func putPort(field *uint16, port uint16) {
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(field))[:], port)
}

// pending takes the socket's error (SO_ERROR), 0 for none.
func pending(fd int) unix.Errno {
	var value, size int32 = 0, 4
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_ERROR,
		uintptr(unsafe.Pointer(&value)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	return unix.Errno(value)
}

// errorQueue reads one message of the socket's error queue into oob and returns
// how long its ancillary data is, 0 where the queue is empty.
func errorQueue(fd int, oob []byte) int {
	var payload byte
	vector := unix.Iovec{Base: &payload, Len: 1}
	message := unix.Msghdr{Iov: &vector, Iovlen: 1, Control: &oob[0]}
	message.SetControllen(len(oob))
	_, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&message)), unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if errno != 0 {
		return 0
	}
	return int(message.Controllen)
}

// shut closes a socket. Linux frees the descriptor whatever it returns (close(2)).
func shut(fd int) { unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// itself reports whether the socket's two ends are the same.
func itself(fd int) bool {
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
