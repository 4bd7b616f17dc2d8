package scan

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// The kernel is asked for a hop's link-layer address again and again, ever more
	// seldom, until it knows it, and afterwards, as it may change.
	seekFirst = 2 * time.Millisecond
	seekLast  = 100 * time.Millisecond
	seekAgain = time.Second
	// hopsKept bounds how many hops are remembered: targets on the own link are each
	// a hop of their own.
	hopsKept = 4096
)

type hopKey struct {
	link    int
	address netip.Addr
}

// hop is whom packets are handed to on their way: a gateway, or the target itself.
type hop struct {
	route  route
	known  bool                      // its link-layer address is; packets go past the kernel's IP
	failed bool                      // nobody answers for it
	link   unix.RawSockaddrLinklayer // where to
	sought time.Duration             // when it was asked for last, since the sweep began; 0: never
	every  time.Duration             // how often it is
}

// hop is the one that a route leads to.
func (s *synEngine) hop(to route) *hop {
	key := hopKey{to.link, to.hop}
	if h := s.hops[key]; h != nil {
		return h
	}
	if len(s.hops) >= hopsKept {
		clear(s.hops) // looks that are under way keep theirs
	}
	h := hopOf(to)
	s.hops[key] = h
	return h
}

func hopOf(to route) *hop {
	protocol := uint16(unix.ETH_P_IP)
	if to.source.Is6() {
		protocol = unix.ETH_P_IPV6
	}
	h := &hop{route: to, every: seekFirst,
		link: unix.RawSockaddrLinklayer{Family: unix.AF_PACKET, Protocol: networkOrder(protocol), Ifindex: int32(to.link), Halen: 6}}
	if !to.ethernet {
		h.every = seekAgain // nobody has to be found
	}
	return h
}

// lies tells where the hop is.
func (h *hop) lies(address [6]byte) {
	h.known, h.failed, h.every = true, false, seekAgain
	copy(h.link.Addr[:], address[:])
}

// seek keeps a hop's link-layer address up to date. Until the kernel knows it,
// probes go through the kernel, which then asks for it.
func (s *synEngine) seek(h *hop, now time.Duration) {
	if !h.route.ethernet || h.sought > 0 && now-h.sought < h.every {
		return
	}
	h.sought = max(now, 1)
	address, state := s.routes.neighbour(h.route)
	if state == neighbourKnown {
		h.lies(address)
		return
	}
	h.known, h.failed, h.every = false, state == neighbourFailed, min(h.every*5/4, seekLast)
}
