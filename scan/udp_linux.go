package scan

import (
	"context"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	portvigil "github.com/portvigil/portvigil"
)

// mostDatagram is how much of an answer is read.
const mostDatagram = 2048

// udpEngine asks UDP ports by sockets that anybody may open, and hears ICMP errors by
// their error queues (IP_RECVERR, ip(7)).
type udpEngine struct {
	*engine
	decide   *datagrams
	sockets  []udpSocket // the first for all ports but those whose answers wander
	buf      [mostDatagram]byte
	oob      [512]byte
	polls    []unix.PollFd
	reported time.Duration
}

// udpSocket is a socket, and the port that it is for; 0: any.
type udpSocket struct {
	fd   int
	port uint16
}

// runUDP looks by datagrams until the look is done or ctx ends.
func (e *engine) runUDP(ctx context.Context, decide *datagrams) error {
	u := &udpEngine{engine: e, decide: decide, reported: -progressEvery}
	defer u.close()
	if err := u.open(0); err != nil {
		return err
	}
	for i := range payloads {
		for _, port := range payloads[i].ports {
			if payloads[i].wanders && decide.ports.Contains(port) {
				if err := u.open(port); err != nil {
					return err
				}
			}
		}
	}
	for ctx.Err() == nil {
		u.hear()
		now := u.now()
		port, wait, done := decide.next(now)
		if done {
			return nil
		}
		if port != 0 {
			u.send(port)
			wait = 0
		}
		if err := u.wait(wait); err != nil {
			return err
		}
		if now-u.reported >= progressEvery {
			u.reported = now
			u.shown.Store(&Progress{Share: decide.share(), Rate: decide.pace.sentIn.perSecond(now), Open: decide.open()})
		}
	}
	return nil
}

func (u *udpEngine) open(port uint16) error {
	family, level, option := unix.AF_INET, unix.SOL_IP, unix.IP_RECVERR
	if u.address.Is6() {
		family, level, option = unix.AF_INET6, unix.SOL_IPV6, unix.IPV6_RECVERR
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err == nil {
		u.sockets = append(u.sockets, udpSocket{fd: fd, port: port})
		err = unix.SetsockoptInt(fd, level, option, 1)
	}
	if err != nil {
		return portvigil.Errorf(portvigil.CodeUnavailable, "open a UDP socket: %v", err)
	}
	return nil
}

func (u *udpEngine) close() {
	for _, s := range u.sockets {
		shut(s.fd)
	}
}

// send asks a port. An error of an earlier datagram may be told here first (udp(7)):
// it waits in the queue all the same, and the datagram is sent once more.
func (u *udpEngine) send(port uint16) {
	fd := u.sockets[0].fd
	for _, s := range u.sockets[1:] {
		if s.port == port {
			fd = s.fd
		}
	}
	var to unix.Sockaddr = &unix.SockaddrInet4{Port: int(port), Addr: as4(u.address)}
	if u.address.Is6() {
		to = &unix.SockaddrInet6{Port: int(port), Addr: u.address.As16()}
	}
	text := []byte(payloadTo(port).bytes)
	for range 3 {
		switch err := unix.Sendto(fd, text, 0, to); err {
		case nil:
			return
		case unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENETDOWN, unix.EACCES, unix.EPERM, unix.EINVAL:
			u.decide.hear(port, answer{kind: answerUnreachable}, nil) // the own kernel: no route, or a local rule
			return
		}
		u.hear()
	}
	u.decide.unsent(u.now(), port)
}

// hear takes everything that has come in.
func (u *udpEngine) hear() {
	for _, s := range u.sockets {
		for u.datagram(s) {
		}
		for u.queued(s) {
		}
	}
}

// datagram takes one answer, and reports whether there was anything.
func (u *udpEngine) datagram(s udpSocket) bool {
	n, from, err := unix.Recvfrom(s.fd, u.buf[:], 0)
	if err != nil {
		return err != unix.EAGAIN && err != unix.EBADF // an error that the queue tells more of
	}
	address, port := addressOf(from)
	if address != u.address {
		return true
	}
	if s.port != 0 {
		port = s.port
	}
	service := &portvigil.Service{Connected: true, Banner: append([]byte(nil), u.buf[:n]...)}
	if p := payloadTo(port); p.named(u.buf[:n]) {
		service.Name, service.Confidence = p.name, sureOfProtocol
	}
	u.decide.hear(port, answer{kind: answerOpen}, service)
	return true
}

// sureOfProtocol is the confidence in a name that the protocol's own answer shows.
const sureOfProtocol = 90

// queued takes one error of the queue, and reports whether there was one.
func (u *udpEngine) queued(s udpSocket) bool {
	n, oobn, _, to, err := unix.Recvmsg(s.fd, u.buf[:], u.oob[:], unix.MSG_ERRQUEUE)
	if err != nil || n < 0 {
		return false
	}
	e, origin, found := parseExtendedError(u.oob[:oobn])
	address, port := addressOf(to) // where the datagram went
	if !found || address != u.address {
		return true
	}
	e.fromTarget = e.sender == u.address
	a := e.answer()
	switch {
	case origin == unix.SO_EE_ORIGIN_LOCAL:
		a = answer{kind: answerUnreachable}
	case e.isClosed():
		a.kind = answerClosed
	}
	u.decide.hear(port, a, nil)
	return true
}

func addressOf(a unix.Sockaddr) (netip.Addr, uint16) {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(a.Addr), uint16(a.Port)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)
	}
	return netip.Addr{}, 0
}

// wait waits for something to come in, for at most that long.
func (u *udpEngine) wait(most time.Duration) error {
	if most == 0 {
		return nil
	}
	u.polls = u.polls[:0]
	for _, s := range u.sockets {
		u.polls = append(u.polls, unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN})
	}
	millis := int((most + time.Millisecond - 1) / time.Millisecond)
	if _, err := unix.Poll(u.polls, millis); err != nil && err != unix.EINTR {
		return portvigil.Errorf(portvigil.CodeUnavailable, "wait for answers: %v", err)
	}
	return nil
}
