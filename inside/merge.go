package inside

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/portvigil/portvigil"
)

// doorway is what sockets have in common that are one listener.
type doorway struct {
	proto   portvigil.Proto
	address netip.Addr
	port    uint16
	device  string
}

// shared is one listener with the inodes of all its sockets.
type shared struct {
	portvigil.Listener
	inodes []uint64
}

// merge joins sockets that are one listener, sorted by protocol, port, address
// and device. One that takes IPv4 as well makes the whole listener take it.
func merge(sockets []Socket) []shared {
	byDoorway := map[doorway]*shared{}
	for _, s := range sockets {
		d := doorway{s.Proto, s.Address, s.Port, s.Device}
		l := byDoorway[d]
		if l == nil {
			l = &shared{Listener: portvigil.Listener{
				Proto: s.Proto, Address: s.Address, Port: s.Port, Device: s.Device,
				Scope: portvigil.ScopeOf(s.Address), V6Only: s.V6Only,
			}}
			byDoorway[d] = l
		}
		l.V6Only = l.V6Only && s.V6Only
		l.inodes = append(l.inodes, s.Inode)
	}
	listeners := make([]shared, 0, len(byDoorway))
	for _, l := range byDoorway {
		slices.Sort(l.inodes)
		listeners = append(listeners, *l)
	}
	slices.SortFunc(listeners, func(a, b shared) int {
		return cmp.Or(
			cmp.Compare(a.Proto, b.Proto),
			cmp.Compare(a.Port, b.Port),
			a.Address.Compare(b.Address),
			cmp.Compare(a.Device, b.Device),
		)
	})
	return listeners
}
