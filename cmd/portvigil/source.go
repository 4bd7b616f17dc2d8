package main

import (
	"net"
	"net/netip"
)

// sourceFor returns the address that this machine would send from. Connecting
// a UDP socket asks the routing table and sends nothing.
func sourceFor(to netip.Addr) (netip.Addr, bool) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 9)))
	if err != nil {
		return netip.Addr{}, false
	}
	defer c.Close()
	from, ok := netip.AddrFromSlice(c.LocalAddr().(*net.UDPAddr).IP)
	return from.Unmap(), ok
}
