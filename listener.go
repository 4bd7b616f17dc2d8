package portvigil

import (
	"net/netip"
	"time"
)

// Scope says how far a listener can be reached, going by the address that it is
// bound to. Scopes order loopback < private < public < any; the zero value is
// unknown and orders below all.
type Scope string

// The scopes.
const (
	ScopeLoopback Scope = "loopback" // 127.0.0.0/8, ::1
	ScopePrivate  Scope = "private"  // RFC 1918, RFC 4193, RFC 6598, link-local, multicast
	ScopePublic   Scope = "public"   // one globally routed address
	ScopeAny      Scope = "any"      // 0.0.0.0 or ::
)

// Rank orders the scopes: 0 unknown, 1 loopback … 4 any.
func (s Scope) Rank() int {
	switch s {
	case ScopeLoopback:
		return 1
	case ScopePrivate:
		return 2
	case ScopePublic:
		return 3
	case ScopeAny:
		return 4
	}
	return 0
}

// sharedAddressSpace is RFC 6598's carrier-grade NAT space, which the standard
// library does not count as private.
var sharedAddressSpace = netip.MustParsePrefix("100.64.0.0/10")

// ScopeOf returns the scope of a socket that is bound to the address. An IPv4
// address mapped into IPv6 counts as the IPv4 one.
func ScopeOf(a netip.Addr) Scope {
	a = a.Unmap()
	switch {
	case !a.IsValid():
		return ""
	case a.IsUnspecified():
		return ScopeAny
	case a.IsLoopback():
		return ScopeLoopback
	case a.IsPrivate(), a.IsLinkLocalUnicast(), a.IsMulticast(), sharedAddressSpace.Contains(a):
		return ScopePrivate
	}
	return ScopePublic
}

// Listener is a socket that accepts traffic, as its own kernel lists it. Sockets
// that share protocol, address, port, device and namespace are one Listener.
type Listener struct {
	Proto   Proto      `json:"proto"`
	Address netip.Addr `json:"address"` // unspecified (0.0.0.0, ::) for a wildcard
	Port    uint16     `json:"port"`
	Scope   Scope      `json:"scope"`
	// V6Only tells that a listener on :: takes no IPv4 (IPV6_V6ONLY).
	V6Only bool `json:"v6only,omitempty"`
	// Device is the interface that it is bound to (SO_BINDTODEVICE), "" for all.
	Device string `json:"device,omitempty"`
	// Namespace is the inode of its network namespace, 0 for the one of the
	// process that looked.
	Namespace uint64 `json:"namespace,omitempty"`
	// Process is the oldest owner other than pid 1 (pid 1 where it is the only
	// one); nil where it cannot be known, and ProcessUnknown then says why.
	Process        *Process  `json:"process"`
	ProcessUnknown string    `json:"process_unknown,omitempty"`
	Others         []Process `json:"others,omitempty"` // every other executable that holds it
}

// Explains reports whether a connection to the address could end at this
// listener, going by what it is bound to.
func (l Listener) Explains(a netip.Addr) bool {
	a, bound := a.Unmap(), l.Address.Unmap()
	if !bound.IsUnspecified() {
		return bound == a.WithZone("")
	}
	if bound.Is4() {
		return a.Is4()
	}
	return a.Is6() || !l.V6Only
}

// Process is an owner of a listener.
type Process struct {
	PID int `json:"pid"`
	// Exe is the path of the executable, as the process itself would see it,
	// without the kernel's " (deleted)"; bytes that are no UTF-8 stand as \xNN.
	Exe     string    `json:"exe"`
	Deleted bool      `json:"deleted"` // the file has been replaced or removed since
	User    string    `json:"user,omitempty"`
	Started time.Time `json:"started"`
	Unit    string    `json:"unit,omitempty"` // systemd unit
	// Container is the id of the container that it runs in, nil for none.
	Container *string  `json:"container"`
	Package   *Package `json:"package,omitempty"` // owner of Exe
}
