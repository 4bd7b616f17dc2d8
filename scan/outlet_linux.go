package scan

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	portvigil "github.com/portvigil/portvigil"
)

// Probes come from several ports, all but the first trySources for doors. Each try of a
// port comes from another one: to the target it is a connection of its own, whatever
// became of the one before, and its answer tells which try it is to.
const (
	trySources  = 8
	fewSources  = 64   // to begin with
	mostSources = 1024 // where many questions to one door are on their way at once
)

// outlet is the way out from one of this machine's addresses, and back to it.
type outlet struct {
	source  netip.Addr
	packets *packets
	held    []int          // sockets that keep the ports from everybody else
	ports   []uint16       // where probes come from
	indexOf map[uint16]int // into ports
}

// outlet is the one from an address, opened where there was none yet. The error has
// CodeForbidden without CAP_NET_RAW.
func (s *synEngine) outlet(source netip.Addr) (_ *outlet, err error) {
	if o := s.outlets[source]; o != nil {
		return o, nil
	}
	o := &outlet{source: source, indexOf: map[uint16]int{}}
	defer func() {
		if err != nil {
			o.close()
		}
	}()
	for range fewSources {
		if err = o.more(); err != nil {
			return nil, unavailable(fmt.Errorf("take a port to send from: %w", err))
		}
	}
	frames := manyFrames
	if s.sweep.ceiling > 0 && s.sweep.total == 1 {
		frames = fewFrames
	}
	if o.packets, err = openPackets(source, frames); err != nil {
		return nil, unavailable(err)
	}
	s.outlets[source] = o
	return o, nil
}

// more takes another port to send from.
func (o *outlet) more() error {
	fd, port, err := hold(o.source)
	if err != nil {
		return err
	}
	o.indexOf[port] = len(o.ports)
	o.held, o.ports = append(o.held, fd), append(o.ports, port)
	return nil
}

func unavailable(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return portvigil.Errorf(portvigil.CodeForbidden, "SYN packets of its own: %v", err).
			WithHint("run as root or with CAP_NET_RAW, or use --method connect")
	}
	return portvigil.Errorf(portvigil.CodeUnavailable, "%v", err)
}

func (o *outlet) close() {
	for _, fd := range o.held {
		shut(fd)
	}
	if o.packets != nil {
		o.packets.close()
	}
}

// hold binds a port and never uses it: nobody else gets it meanwhile, and the
// kernel answers a SYN-ACK to it with a reset, so that nothing stays half-open.
func hold(source netip.Addr) (fd int, port uint16, err error) {
	fd, err = unix.Socket(int(familyOf(source)), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, 0, err
	}
	var address unix.Sockaddr = &unix.SockaddrInet4{Addr: as4(source)}
	if source.Is6() {
		address = &unix.SockaddrInet6{Addr: source.As16()}
	}
	if err = unix.Bind(fd, address); err == nil {
		address, err = unix.Getsockname(fd)
	}
	if err != nil {
		shut(fd)
		return -1, 0, err
	}
	switch a := address.(type) {
	case *unix.SockaddrInet4:
		return fd, uint16(a.Port), nil
	case *unix.SockaddrInet6:
		return fd, uint16(a.Port), nil
	}
	shut(fd)
	return -1, 0, net.UnknownNetworkError("of a bound socket")
}

func as4(a netip.Addr) (four [4]byte) {
	if a.Is4() {
		return a.As4()
	}
	return four
}
