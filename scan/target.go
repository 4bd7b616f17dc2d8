package scan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	portvigil "github.com/portvigil/portvigil"
)

// maxNameAddresses bounds the addresses of one name; a name with more is no
// server that somebody documents door by door.
const maxNameAddresses = 64

// Target is one address to look at.
type Target struct {
	Host    string // the name as it was given; the address itself where it came from a network
	Address netip.Addr
}

// Resolve turns an address or a DNS name (every A and AAAA record) into targets, in
// a stable order. Whether they may be looked at is for the caller to check, after
// this. Errors have CodeInvalid, CodeNotFound for a
// name that does not exist, and CodeUnavailable where no resolver answered.
func Resolve(ctx context.Context, name string) ([]Target, error) {
	if address, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return []Target{{Host: name, Address: address.Unmap()}}, nil
	}
	if !plausibleName(name) {
		return nil, noTarget(name)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, lookupError(name, err)
	}
	return named(name, addresses)
}

func noTarget(text string) error {
	return portvigil.Errorf(portvigil.CodeInvalid, "target %s is neither an address, a network nor a name", portvigil.Quoted(text)).
		WithHint("write 192.0.2.7, 192.0.2.0/24, 2001:db8::7 or web1.example.org")
}

func named(name string, addresses []netip.Addr) ([]Target, error) {
	for i := range addresses {
		addresses[i] = addresses[i].Unmap()
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	addresses = slices.Compact(addresses)
	if len(addresses) > maxNameAddresses {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "name %s has %d addresses, more than %d", portvigil.Quoted(name), len(addresses), maxNameAddresses)
	}
	targets := make([]Target, 0, len(addresses))
	for _, a := range addresses {
		targets = append(targets, Target{Host: name, Address: a})
	}
	return targets, nil
}

// plausibleName keeps what is surely no name (spaces, control characters, a
// flag) from the resolver: RFC 1035 section 2.3.4 sizes, and the characters that
// host names and the underscore names in use have; other scripts pass.
func plausibleName(name string) bool {
	if name == "" || len(name) > 253 || strings.HasPrefix(name, "-") {
		return false
	}
	for _, r := range name {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r > 0x9f
		if !letter && r != '-' && r != '.' && r != '_' {
			return false
		}
	}
	return true
}

func lookupError(name string, err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return portvigil.Errorf(portvigil.CodeNotFound, "name %s has no address", portvigil.Quoted(name)).
			WithHint("check how it is spelled, or give the address")
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("resolve %s: %w", portvigil.Quoted(name), err)
	}
	return portvigil.Errorf(portvigil.CodeUnavailable, "resolve %s: %s", portvigil.Quoted(name), portvigil.Printable(err.Error())).
		WithHint("check this machine's DNS, or give the address")
}
