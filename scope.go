package portvigil

import (
	"net/netip"
	"slices"
)

// metadataAddresses are where clouds hand out credentials to whoever asks from
// the machine itself; none of them is ever anybody's server. Sources: the
// documentation of AWS, Azure (also its wire server), GCP, Alibaba and Oracle.
var metadataAddresses = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"),
	netip.MustParseAddr("169.254.170.2"),
	netip.MustParseAddr("fd00:ec2::254"),
	netip.MustParseAddr("fd20:ce::254"),
	netip.MustParseAddr("168.63.129.16"),
	netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("192.0.0.192"),
}

var thisNetwork = netip.MustParsePrefix("0.0.0.0/8")

// NeverTarget says why an address is never scanned, whoever asks for it, or
// returns "" for one that may be in scope.
func NeverTarget(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return "no address"
	case slices.Contains(metadataAddresses, a):
		return "a cloud metadata address"
	case a.IsUnspecified() || a.Is4() && thisNetwork.Contains(a):
		return "no address of a host"
	case a.IsLinkLocalUnicast():
		return "a link-local address"
	case a.IsMulticast():
		return "a multicast address"
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "the broadcast address"
	}
	return ""
}

// TargetScope is the operator's list of what may be scanned. Deny wins over
// allow, and over the addresses of added hosts.
type TargetScope struct {
	Allow []netip.Prefix
	Deny  []netip.Prefix
}

// Check returns an Error with CodeOutOfScope where the address may not be
// scanned. An address that was added with a host is in scope unless denied.
func (s TargetScope) Check(a netip.Addr, added bool) error {
	a = a.Unmap().WithZone("")
	if why := NeverTarget(a); why != "" {
		return Errorf(CodeOutOfScope, "%s is never scanned: it is %s", a, why)
	}
	for _, p := range s.Deny {
		if p.Contains(a) {
			return Errorf(CodeOutOfScope, "%s is out of scope: %s is denied", a, p)
		}
	}
	if added {
		return nil
	}
	for _, p := range s.Allow {
		if p.Contains(a) {
			return nil
		}
	}
	return Errorf(CodeOutOfScope, "%s is out of scope: no allowed network holds it", a).
		WithHint("allow it with: portvigil scope allow %s", a)
}
