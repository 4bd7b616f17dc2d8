package scan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	portvigil "github.com/portvigil/portvigil"
)

// route is the kernel's way to an address (rtnetlink(7)).
type route struct {
	link     int        // index of the interface
	hop      netip.Addr // whom to hand packets to: a gateway, or the address itself
	source   netip.Addr // what the kernel would send from
	ethernet bool       // packets need the hop's link-layer address
}

// neighbour is what the kernel knows of the hop's link-layer address.
type neighbour uint8

const (
	neighbourUnknown neighbour = iota // not asked for yet, or not answered yet
	neighbourKnown
	neighbourFailed // asked for, and nobody answered
)

// routes asks the kernel of the calling thread's network namespace.
type routes struct{ conn *netlink.Conn }

func openRoutes() (*routes, error) {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	return &routes{conn}, nil
}

func (r *routes) close() { _ = r.conn.Close() } // nothing is left to lose

// to returns the way to an address. No way has CodeUnavailable.
func (r *routes) to(a netip.Addr) (route, error) {
	none := func(why error) (route, error) {
		return route{}, portvigil.Errorf(portvigil.CodeUnavailable, "no route to %s: %v", a, why).
			WithHint("see what \"ip route get %s\" says on the scanner's machine", a)
	}
	head := make([]byte, unix.SizeofRtMsg)
	head[0], head[1] = familyOf(a), uint8(a.BitLen())
	attributes := netlink.NewAttributeEncoder()
	attributes.Bytes(unix.RTA_DST, a.AsSlice())
	answers, err := r.ask(unix.RTM_GETROUTE, head, attributes)
	if err != nil {
		return none(err)
	}
	if len(answers) == 0 || len(answers[0].Data) < unix.SizeofRtMsg {
		return none(errors.New("the kernel's answer is empty"))
	}
	found := route{hop: a}
	attribute, err := netlink.NewAttributeDecoder(answers[0].Data[unix.SizeofRtMsg:])
	if err != nil {
		return none(err)
	}
	for attribute.Next() {
		switch attribute.Type() {
		case unix.RTA_OIF:
			found.link = int(attribute.Uint32())
		case unix.RTA_GATEWAY:
			found.hop, _ = netip.AddrFromSlice(attribute.Bytes())
		case unix.RTA_VIA: // struct rtvia: a gateway of the other family
			if b := attribute.Bytes(); len(b) > 2 {
				found.hop, _ = netip.AddrFromSlice(b[2:])
			}
		case unix.RTA_PREFSRC:
			found.source, _ = netip.AddrFromSlice(attribute.Bytes())
		}
	}
	if err := attribute.Err(); err != nil {
		return none(err)
	}
	if found.link == 0 || !found.hop.IsValid() || !found.source.IsValid() {
		return none(errors.New("it names no interface or no source address"))
	}
	found.ethernet, err = r.ethernet(found.link)
	if err != nil {
		return none(err)
	}
	return found, nil
}

// ethernet reports whether a link's packets carry Ethernet addresses, so that
// those have to be found out. Loopback does too, and needs none.
func (r *routes) ethernet(link int) (bool, error) {
	head := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(head[4:], uint32(link))
	answers, err := r.ask(unix.RTM_GETLINK, head, netlink.NewAttributeEncoder())
	if err != nil {
		return false, err
	}
	if len(answers) == 0 || len(answers[0].Data) < unix.SizeofIfInfomsg {
		return false, errors.New("the kernel's answer about the interface is empty")
	}
	data := answers[0].Data
	kind, flags := binary.NativeEndian.Uint16(data[2:]), binary.NativeEndian.Uint32(data[8:])
	return kind == unix.ARPHRD_ETHER && flags&unix.IFF_NOARP == 0, nil
}

// neighbour looks the hop's link-layer address up in the kernel's table, 6 bytes
// of it. It asks nobody: that the kernel does once it has a packet for the hop.
func (r *routes) neighbour(to route) (address [6]byte, state neighbour) {
	head := make([]byte, unix.SizeofNdMsg)
	head[0] = familyOf(to.hop)
	binary.NativeEndian.PutUint32(head[4:], uint32(to.link))
	attributes := netlink.NewAttributeEncoder()
	attributes.Bytes(unix.NDA_DST, to.hop.AsSlice())
	answers, err := r.ask(unix.RTM_GETNEIGH, head, attributes)
	if err != nil || len(answers) == 0 || len(answers[0].Data) < unix.SizeofNdMsg {
		return address, neighbourUnknown // ENOENT, or a kernel before 5.0
	}
	data := answers[0].Data
	known := binary.NativeEndian.Uint16(data[8:])
	switch {
	case known&unix.NUD_FAILED != 0:
		return address, neighbourFailed
	case known&(unix.NUD_REACHABLE|unix.NUD_STALE|unix.NUD_DELAY|unix.NUD_PROBE|unix.NUD_PERMANENT) == 0:
		return address, neighbourUnknown
	}
	attribute, err := netlink.NewAttributeDecoder(data[unix.SizeofNdMsg:])
	if err != nil {
		return address, neighbourUnknown
	}
	for attribute.Next() {
		if attribute.Type() == unix.NDA_LLADDR && len(attribute.Bytes()) == len(address) {
			return [6]byte(attribute.Bytes()), neighbourKnown
		}
	}
	return address, neighbourUnknown
}

func (r *routes) ask(what uint16, head []byte, attributes *netlink.AttributeEncoder) ([]netlink.Message, error) {
	rest, err := attributes.Encode()
	if err != nil {
		return nil, err
	}
	return r.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(what), Flags: netlink.Request},
		Data:   append(head, rest...),
	})
}

func familyOf(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
