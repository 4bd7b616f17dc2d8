package portvigil

import (
	"net/netip"
	"regexp"
	"strings"
	"time"
)

// AddressKind tells what an address is to a host.
type AddressKind string

// The kinds; the zero value is unknown, and what it leads to is claimed less surely.
const (
	AddressOwn    AddressKind = "own"    // seen on one of the host's interfaces
	AddressNAT    AddressKind = "nat"    // leads to the host
	AddressShared AddressKind = "shared" // load balancer or CDN
)

// HostAddress is one address of a host.
type HostAddress struct {
	Address netip.Addr  `json:"address"`
	Kind    AddressKind `json:"kind,omitempty"`
	// Name is the DNS name that led to the address, "" for one that was given.
	Name string `json:"name,omitempty"`
}

// Defaults of a host's schedule.
const (
	DefaultOutsideInterval = 24 * time.Hour
	DefaultInsideInterval  = time.Hour
)

// Host is a server that is watched.
type Host struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Groups []string `json:"groups,omitempty"`
	// Targets are the addresses and DNS names as they were given; names are
	// resolved anew for each look.
	Targets []string `json:"targets"`
	// Addresses is what the targets last led to.
	Addresses []HostAddress `json:"addresses,omitempty"`
	// Waiting are addresses that a name newly leads to, outside of the allowed
	// networks: somebody has to allow them first.
	Waiting []netip.Addr `json:"waiting,omitempty"`
	// Outside and Inside are how often each view is to look; positive.
	Outside time.Duration `json:"outside"`
	Inside  time.Duration `json:"inside"`
	// Local tells that this is the server's own machine, seen from inside by it.
	Local bool      `json:"local,omitempty"`
	Added time.Time `json:"added"`
	// Maintenance is the window in which nothing is told of the host; nil for none.
	Maintenance *Maintenance `json:"maintenance,omitempty"`
}

// Maintenance is a time in which nothing is told of a host. Looks go on and
// alerts are raised; what people would not know of is told when it ends.
type Maintenance struct {
	Until time.Time `json:"until"`
	Why   string    `json:"why"`
	By    string    `json:"by"`
	Since time.Time `json:"since"`
}

// InMaintenance reports whether nothing is to be told of the host now.
func (h *Host) InMaintenance(now time.Time) bool {
	return h.Maintenance != nil && now.Before(h.Maintenance.Until)
}

// hostName holds what a host may be called: what fits a file name, a YAML
// scalar and a line of a terminal without quoting.
var hostName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$`)

// CheckHostName returns an Error for a name that no host may have.
func CheckHostName(name string) error {
	if !hostName.MatchString(name) {
		return Errorf(CodeInvalid, "host name %s is not usable", Quoted(name)).
			WithHint("use letters, digits, dots, dashes and underscores, at most 253")
	}
	return nil
}

// CheckGroupName returns an Error for a name that no group of hosts may have: it names
// a baseline as a host's name does.
func CheckGroupName(name string) error {
	if !hostName.MatchString(name) {
		return Errorf(CodeInvalid, "group name %s is not usable", Quoted(name)).
			WithHint("use letters, digits, dots, dashes and underscores, at most 253")
	}
	return nil
}

// IsDNSName reports whether a target is a name rather than an address.
func IsDNSName(target string) bool {
	_, err := netip.ParseAddr(target)
	return err != nil && hostName.MatchString(strings.TrimSuffix(target, "."))
}

// Interval returns how often the view is to look at the host.
func (h *Host) Interval(v View) time.Duration {
	if v == Inside {
		return h.Inside
	}
	return h.Outside
}

// KindOf returns what the address is to the host, "" where it is not known.
func (h *Host) KindOf(a netip.Addr) AddressKind {
	for _, known := range h.Addresses {
		if known.Address == a {
			return known.Kind
		}
	}
	return ""
}
