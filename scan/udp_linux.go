package scan

import (
	"context"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	portvigil "github.com/portvigil/portvigil"
)

const (
	// mostHeard is how much is taken from a socket before the others have their turn, so
	// that a flood of one does not keep the look from asking.
	mostHeard = 256
	// bindTries is how often a port is drawn before all are taken to be in use.
	bindTries = 100
)

// udpEngine asks UDP ports by sockets that anybody may open, and hears ICMP errors by
// their error queues (IP_RECVERR, ip(7)). The kernel gives an error to the socket whose
// addresses and ports it quotes, and looks no further: whether it is about a datagram
// of ours is seen by what it quotes of that.
type udpEngine struct {
	*engine
	decide   *datagrams
	tokens   tokens
	sockets  []udpSocket // of the look: the first for all ports but those whose answers wander
	trial    []udpSocket // of the trial that is under way
	number   int         // of that trial; 0: none
	buf      [mostDatagram]byte
	oob      [512]byte
	polls    []unix.PollFd
	reported time.Duration
}

// udpSocket is a socket, and the port that it is for; 0: any.
type udpSocket struct {
	fd   int
	port uint16
	of   uint32 // the trial's number and the socket's in it; 0: of the look
}

// runUDP looks by datagrams until the look is done or ctx ends.
func (e *engine) runUDP(ctx context.Context, decide *datagrams) error {
	u := &udpEngine{engine: e, decide: decide, tokens: newTokens(), reported: -progressEvery}
	defer u.close()
	if err := u.openAll(); err != nil {
		return err
	}
	for ctx.Err() == nil {
		u.hear()
		now := u.now()
		q, wait, done := decide.next(now)
		if done {
			return nil
		}
		u.follow()
		if q.port != 0 {
			u.send(q)
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

// openAll opens the sockets of the look.
func (u *udpEngine) openAll() error {
	ports := []uint16{0}
	for i := range payloads {
		for _, port := range payloads[i].ports {
			if payloads[i].wanders && u.decide.ports.Contains(port) {
				ports = append(ports, port)
			}
		}
	}
	for _, port := range ports {
		fd, err := u.open()
		if err != nil {
			return portvigil.Errorf(portvigil.CodeUnavailable, "open a UDP socket: %v", err)
		}
		u.sockets = append(u.sockets, udpSocket{fd: fd, port: port})
	}
	return nil
}

// open opens a socket at a random port.
func (u *udpEngine) open() (int, error) {
	family, level, option := unix.AF_INET, unix.SOL_IP, unix.IP_RECVERR
	if u.address.Is6() {
		family, level, option = unix.AF_INET6, unix.SOL_IPV6, unix.IPV6_RECVERR
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return -1, err
	}
	err = unix.SetsockoptInt(fd, level, option, 1)
	for range bindTries {
		if err != nil {
			break
		}
		var any unix.Sockaddr = &unix.SockaddrInet4{Port: int(randomPort())}
		if u.address.Is6() {
			any = &unix.SockaddrInet6{Port: int(randomPort())}
		}
		if err = unix.Bind(fd, any); err != unix.EADDRINUSE {
			break
		}
		err = nil
	}
	if err != nil {
		shut(fd)
		return -1, err
	}
	return fd, nil
}

// follow has the sockets that the trial of the decider needs. Where the machine has none
// left nothing is sent, the trial goes unanswered, and the answer is not believed.
func (u *udpEngine) follow() {
	number := 0
	if r := u.decide.trial; r != nil {
		number = r.number
	}
	if number == u.number {
		return
	}
	closeAll(u.trial)
	u.trial, u.number = u.trial[:0], number
	if number == 0 {
		return
	}
	wander := uint16(0)
	if r := u.decide.trial; r.wanders {
		wander = r.ports[0]
	}
	for i := 1; i <= trialSockets; i++ {
		fd, err := u.open()
		if err != nil {
			closeAll(u.trial) // some alone would not tell a forger
			u.trial = u.trial[:0]
			return
		}
		u.trial = append(u.trial, udpSocket{fd: fd, port: wander, of: uint32(number)<<8 | uint32(i)})
	}
}

func (u *udpEngine) close() {
	closeAll(u.sockets)
	closeAll(u.trial)
}

func closeAll(sockets []udpSocket) {
	for _, s := range sockets {
		shut(s.fd)
	}
}

// from is the socket that a question leaves by.
func (u *udpEngine) from(q inquiry) (udpSocket, bool) {
	if q.socket > 0 {
		if q.socket > len(u.trial) {
			return udpSocket{}, false
		}
		return u.trial[q.socket-1], true
	}
	for _, s := range u.sockets[1:] {
		if s.port == q.port {
			return s, true
		}
	}
	return u.sockets[0], true
}

// send asks a port. An error of an earlier datagram may be told here first (udp(7)):
// it waits in the queue all the same, and the datagram is sent once more.
func (u *udpEngine) send(q inquiry) {
	s, ok := u.from(q)
	if !ok {
		return
	}
	var to unix.Sockaddr = &unix.SockaddrInet4{Port: int(q.port), Addr: as4(u.address)}
	if u.address.Is6() {
		to = &unix.SockaddrInet6{Port: int(q.port), Addr: u.address.As16()}
	}
	text := []byte(payloadTo(q.port).question(u.tokens.of(s.of, q.port), q.try))
	for range 3 {
		switch err := unix.Sendto(s.fd, text, 0, to); err {
		case nil:
			return
		case unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENETDOWN, unix.EACCES, unix.EPERM, unix.EINVAL:
			u.heard(s, q.port, answer{kind: answerUnreachable}, true, nil) // the own kernel: no route, or a local rule
			return
		}
		u.take(s)
	}
	u.decide.unsent(u.now(), q)
}

// hear takes what has come in.
func (u *udpEngine) hear() {
	if n, err := unix.Poll(u.polled(), 0); err != nil || n == 0 {
		return
	}
	for i, s := range u.sockets {
		if u.polls[i].Revents != 0 {
			u.take(s)
		}
	}
	for i, s := range u.trial {
		if u.polls[len(u.sockets)+i].Revents != 0 {
			u.take(s)
		}
	}
}

// polled are all sockets, those of the look first.
func (u *udpEngine) polled() []unix.PollFd {
	u.polls = u.polls[:0]
	for _, list := range [][]udpSocket{u.sockets, u.trial} {
		for _, s := range list {
			u.polls = append(u.polls, unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN})
		}
	}
	return u.polls
}

// take takes what has come to a socket.
func (u *udpEngine) take(s udpSocket) {
	for range mostHeard {
		if !u.datagram(s) {
			break
		}
	}
	for range mostHeard {
		if !u.queued(s) {
			break
		}
	}
}

// heard tells the decider.
func (u *udpEngine) heard(s udpSocket, port uint16, a answer, proven bool, service *portvigil.Service) {
	if s.of == 0 {
		u.decide.hear(port, a, proven, service)
		return
	}
	u.decide.hearIn(int(s.of>>8), int(s.of&0xff), port, a, proven, service)
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
	p := payloadTo(port)
	speaks, proves := p.judge(u.buf[:n], u.tokens.of(s.of, port))
	service := &portvigil.Service{Connected: true, Banner: append([]byte(nil), u.buf[:n]...)}
	if speaks {
		service.Name, service.Confidence = p.name, sureOfProtocol
	}
	u.heard(s, port, answer{kind: answerOpen}, proves, service)
	return true
}

// sureOfProtocol is the confidence in a name that the protocol's own answer shows.
const sureOfProtocol = 90

// queued takes one error of the queue, and reports whether there was one. The data of
// such a message is what the error quotes of the datagram, the port that went to.
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
	u.heard(s, port, a, payloadTo(port).quoted(u.buf[:n], u.tokens.of(s.of, port)), nil)
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
	millis := int((most + time.Millisecond - 1) / time.Millisecond)
	if _, err := unix.Poll(u.polled(), millis); err != nil && err != unix.EINTR {
		return portvigil.Errorf(portvigil.CodeUnavailable, "wait for answers: %v", err)
	}
	return nil
}
