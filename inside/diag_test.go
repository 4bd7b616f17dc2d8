package inside

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// message builds an inet_diag_msg with attributes behind it.
func message(family, state uint8, address netip.Addr, port uint16, device, inode uint32, attributes ...byte) []byte {
	b := make([]byte, diagMessageLen)
	b[0], b[1] = family, state
	binary.BigEndian.PutUint16(b[4:], port)
	copy(b[8:24], address.AsSlice())
	binary.NativeEndian.PutUint32(b[40:], device)
	binary.NativeEndian.PutUint32(b[68:], inode)
	return append(b, attributes...)
}

func attribute(kind uint16, value ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func TestAKernelsSocketIsReadFieldByField(t *testing.T) {
	any6 := netip.IPv6Unspecified()
	link := netip.MustParseAddr("fe80::1")
	only := append(attribute(8, 1), attribute(attrV6Only, 1)...)
	tests := []struct {
		name string
		b    []byte
		want Socket
	}{
		{"IPv4", message(familyIPv4, stateListen, netip.MustParseAddr("127.0.0.1"), 80, 0, 7),
			Socket{Proto: portvigil.TCP, Address: netip.MustParseAddr("127.0.0.1"), Port: 80, Inode: 7}},
		{"IPv6 that takes IPv4 too", message(familyIPv6, stateListen, any6, 443, 0, 8, attribute(attrV6Only, 0)...),
			Socket{Proto: portvigil.TCP, Address: any6, Port: 443, Inode: 8}},
		{"IPv6 alone, after another attribute", message(familyIPv6, stateListen, any6, 443, 0, 8, only...),
			Socket{Proto: portvigil.TCP, Address: any6, Port: 443, Inode: 8, V6Only: true}},
		{"bound to an interface", message(familyIPv4, stateListen, netip.IPv4Unspecified(), 67, 3, 9),
			Socket{Proto: portvigil.TCP, Address: netip.IPv4Unspecified(), Port: 67, Device: "eth3", Inode: 9}},
		{"link-local, which means nothing without its zone", message(familyIPv6, stateListen, link, 22, 3, 9),
			Socket{Proto: portvigil.TCP, Address: link.WithZone("eth3"), Port: 22, Device: "eth3", Inode: 9}},
	}
	for _, test := range tests {
		s, err := parseDiag(test.b)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got := s.socket(portvigil.TCP, func(i uint32) string { return "eth" + string(rune('0'+i)) })
		if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestAMessageThatIsNoSocketIsAnError(t *testing.T) {
	whole := message(familyIPv4, stateListen, netip.IPv4Unspecified(), 80, 0, 1)
	for name, b := range map[string][]byte{
		"cut short":                  whole[:diagMessageLen-1],
		"another family":             message(1, stateListen, netip.IPv4Unspecified(), 80, 0, 1),
		"half an attribute's header": append(whole[:diagMessageLen:diagMessageLen], 1, 2),
		"an attribute of no length":  append(whole[:diagMessageLen:diagMessageLen], 0, 0, 11, 0),
		"an attribute past the end":  append(whole[:diagMessageLen:diagMessageLen], 9, 0, 11, 0, 1),
	} {
		if s, err := parseDiag(b); err == nil {
			t.Errorf("%s gives %+v", name, s)
		}
	}
}

func TestSocketsThatShareADoorAreOneListener(t *testing.T) {
	any6 := netip.IPv6Unspecified()
	got := merge([]Socket{
		{Proto: portvigil.UDP, Address: any6, Port: 53, Inode: 9},
		{Proto: portvigil.TCP, Address: any6, Port: 53, Inode: 4, V6Only: true},
		{Proto: portvigil.TCP, Address: any6, Port: 53, Inode: 3},
		{Proto: portvigil.TCP, Address: any6, Port: 53, Inode: 5, Device: "eth0", V6Only: true},
		{Proto: portvigil.TCP, Address: netip.MustParseAddr("127.0.0.1"), Port: 53, Inode: 2},
	})
	want := []shared{
		{portvigil.Listener{Proto: portvigil.TCP, Address: netip.MustParseAddr("127.0.0.1"), Port: 53, Scope: portvigil.ScopeLoopback}, []uint64{2}},
		{portvigil.Listener{Proto: portvigil.TCP, Address: any6, Port: 53, Scope: portvigil.ScopeAny}, []uint64{3, 4}},
		{portvigil.Listener{Proto: portvigil.TCP, Address: any6, Port: 53, Scope: portvigil.ScopeAny, Device: "eth0", V6Only: true}, []uint64{5}},
		{portvigil.Listener{Proto: portvigil.UDP, Address: any6, Port: 53, Scope: portvigil.ScopeAny}, []uint64{9}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(shared{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
}

// What is read, written again, reads the same.
func FuzzParseDiag(f *testing.F) {
	f.Add(message(familyIPv6, stateListen, netip.IPv6Unspecified(), 443, 2, 8, attribute(attrV6Only, 1)...))
	f.Add(message(familyIPv4, stateClose, netip.IPv4Unspecified(), 53, 0, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseDiag(b)
		if err != nil {
			return
		}
		var only byte
		if s.v6only {
			only = 1
		}
		again, err := parseDiag(message(s.family, s.state, s.address, s.port, s.device, s.inode, attribute(attrV6Only, only)...))
		if err != nil || again != s {
			t.Errorf("%+v reads again as %+v (%v)", s, again, err)
		}
	})
}
