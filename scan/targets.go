package scan

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	portvigil "github.com/portvigil/portvigil"
)

// mostFree bounds a network: 2^32 addresses, all of IPv4. At a hundred ports of each
// that takes longer than anybody waits.
const mostFree = 32

// Targets is any number of addresses by the names and networks that they were given
// by, numbered from 0, in memory that goes by how many were named. The zero value has
// none.
type Targets struct {
	// Scope leaves addresses out; those that are named are in it unless denied.
	Scope  portvigil.TargetScope
	blocks []block
	first  map[netip.Prefix]int // the first block with the network
	widths []int                // how long the prefixes of either family are; those of IPv6 and 256
	total  uint64
}

// block is a network or one address.
type block struct {
	host   string // a DNS name; "": the address itself
	prefix netip.Prefix
	from   uint64 // the number of its first address
}

// Add adds an address, a network (CIDR, its first and last address too: which are
// special depends on how it is cut, which is not known here) or a DNS name (every A
// and AAAA record). Errors are those of Resolve.
func (t *Targets) Add(ctx context.Context, name string) error {
	if strings.Contains(name, "/") {
		prefix, err := netip.ParsePrefix(name)
		if err != nil {
			return noTarget(name)
		}
		if a := prefix.Addr(); a.Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(a.Unmap(), prefix.Bits()-96) // the same addresses by another name (RFC 4291 section 2.5.5.2)
		}
		prefix = prefix.Masked()
		if free := prefix.Addr().BitLen() - prefix.Bits(); free > mostFree {
			return portvigil.Errorf(portvigil.CodeInvalid, "network %s has more addresses than any scan gets through (2^%d)", prefix, free).
				WithHint("give the addresses that are in use, or parts of at most 2^%d", mostFree)
		}
		t.add(block{prefix: prefix})
		return nil
	}
	found, err := Resolve(ctx, name)
	if err != nil {
		return err
	}
	for _, f := range found {
		if why := portvigil.NeverTarget(f.Address); why != "" && len(found) == 1 {
			return neverTarget(f.Address, why)
		}
		t.add(block{host: f.Host, prefix: netip.PrefixFrom(f.Address, f.Address.BitLen())})
	}
	return nil
}

func neverTarget(a netip.Addr, why string) error {
	return portvigil.Errorf(portvigil.CodeOutOfScope, "%s is never scanned: it is %s", a, why)
}

func (t *Targets) add(b block) {
	if _, known := t.first[b.prefix]; known {
		return
	}
	if t.first == nil {
		t.first = map[netip.Prefix]int{}
	}
	b.from = t.total
	t.first[b.prefix] = len(t.blocks)
	t.blocks = append(t.blocks, b)
	t.total += 1 << (b.prefix.Addr().BitLen() - b.prefix.Bits())
	width := b.prefix.Bits()
	if b.prefix.Addr().Is6() {
		width += 256
	}
	for _, known := range t.widths {
		if known == width {
			return
		}
	}
	t.widths = append(t.widths, width)
}

// Len is how many addresses were named, those that are left out and those that were
// named twice included.
func (t *Targets) Len() uint64 { return t.total }

// Any reports whether there is a target at all.
func (t *Targets) Any() bool {
	for _, b := range t.blocks {
		if slices.ContainsFunc(t.Scope.Deny, func(p netip.Prefix) bool { return p.Bits() <= b.prefix.Bits() && p.Contains(b.prefix.Addr()) }) {
			continue // all of it is left out, however many that are
		}
		for i := range uint64(1) << (b.prefix.Addr().BitLen() - b.prefix.Bits()) {
			if _, ok := t.At(b.from + i); ok {
				return true
			}
		}
	}
	return false
}

// At returns a target by its number, and false for one that is left out: by the
// scope, as an address that is never a target, or as it was named before.
func (t *Targets) At(i uint64) (Target, bool) {
	low, high := 0, len(t.blocks)
	for high-low > 1 {
		if mid := (low + high) / 2; t.blocks[mid].from <= i {
			low = mid
		} else {
			high = mid
		}
	}
	b := &t.blocks[low]
	a := plus(b.prefix.Addr(), i-b.from)
	if t.Scope.Check(a, true) != nil || t.named(a) != low {
		return Target{}, false
	}
	it := Target{Host: b.host, Address: a}
	if it.Host == "" {
		it.Host = a.String()
	}
	return it, true
}

// named is the first block that holds the address.
func (t *Targets) named(a netip.Addr) int {
	first := len(t.blocks)
	for _, width := range t.widths {
		if (width >= 256) != a.Is6() {
			continue
		}
		prefix, err := a.Prefix(width % 256)
		if i, known := t.first[prefix]; err == nil && known {
			first = min(first, i)
		}
	}
	return first
}

// plus is the address so many after a; n has at most mostFree bits.
func plus(a netip.Addr, n uint64) netip.Addr {
	bytes := a.AsSlice()
	for i := len(bytes) - 1; n > 0 && i >= 0; i-- {
		n += uint64(bytes[i])
		bytes[i] = byte(n)
		n >>= 8
	}
	sum, _ := netip.AddrFromSlice(bytes)
	return sum
}
