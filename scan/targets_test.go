package scan

import (
	"context"
	"net/netip"
	"testing"

	portvigil "github.com/portvigil/portvigil"
	"pgregory.net/rapid"
)

func targetsOf(t *testing.T, names ...string) *Targets {
	t.Helper()
	all := new(Targets)
	for _, name := range names {
		if err := all.Add(context.Background(), name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestNetworksAreCountedAndNotListed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		total       uint64
		first, last string
	}{
		{"10.0.0.77/30", 4, "10.0.0.76", "10.0.0.79"},
		{"10.0.0.0/8", 1 << 24, "10.0.0.0", "10.255.255.255"},
		{"255.255.255.254/32", 1, "255.255.255.254", "255.255.255.254"},
		{"2001:db8::/96", 1 << 32, "2001:db8::", "2001:db8::ffff:ffff"},
		{"::ffff:10.0.0.0/126", 4, "10.0.0.0", "10.0.0.3"},
		{"[2001:db8::1]", 1, "2001:db8::1", "2001:db8::1"},
	} {
		all := targetsOf(t, c.name)
		first, _ := all.At(0)
		last, _ := all.At(c.total - 1)
		if all.Len() != c.total || first.Address.String() != c.first || last.Address.String() != c.last {
			t.Errorf("%s: %d from %s to %s", c.name, all.Len(), first.Address, last.Address)
		}
	}
}

func TestWhatNoScanGetsThroughIsRefused(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]portvigil.Code{
		"2001:db8::/64": portvigil.CodeInvalid, "10.0.0.0/33": portvigil.CodeInvalid, "10.0.0.0/": portvigil.CodeInvalid, "": portvigil.CodeInvalid,
		"169.254.169.254": portvigil.CodeOutOfScope, "224.0.0.1": portvigil.CodeOutOfScope, "255.255.255.255": portvigil.CodeOutOfScope,
	} {
		if err := new(Targets).Add(context.Background(), name); portvigil.ErrorCode(err) != code {
			t.Errorf("%q: %v, want the code %s", name, err, code)
		}
	}
}

// TestEachAddressIsATargetOnce: however networks overlap, each of their addresses that
// is not left out is there once, by the name that it was given first.
func TestEachAddressIsATargetOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		network := func(name string) netip.Prefix {
			if rapid.Bool().Draw(t, name+" is of IPv6") {
				from := netip.AddrFrom16([16]byte{0: 0xfd, 15: rapid.Byte().Draw(t, name)})
				return netip.PrefixFrom(from, rapid.IntRange(120, 128).Draw(t, name+" bits")).Masked()
			}
			from := netip.AddrFrom4([4]byte{10, 0, rapid.ByteRange(0, 1).Draw(t, name+" net"), rapid.Byte().Draw(t, name)})
			return netip.PrefixFrom(from, rapid.IntRange(24, 32).Draw(t, name+" bits")).Masked()
		}
		var all Targets
		want := map[netip.Addr]bool{}
		for range rapid.IntRange(1, 5).Draw(t, "networks") {
			p := network("network")
			if err := all.Add(context.Background(), p.String()); err != nil {
				t.Fatal(err)
			}
			for a := p.Addr(); p.Contains(a); a = a.Next() {
				want[a] = true
			}
		}
		for range rapid.IntRange(0, 2).Draw(t, "exclusions") {
			p := network("excluded")
			all.Scope.Deny = append(all.Scope.Deny, p)
			for a := p.Addr(); p.Contains(a); a = a.Next() {
				delete(want, a)
			}
		}
		got := map[netip.Addr]bool{}
		for i := range all.Len() {
			it, ok := all.At(i)
			if !ok {
				continue
			}
			if got[it.Address] || !want[it.Address] {
				t.Fatalf("%s is there again, or should not be", it.Address)
			}
			got[it.Address] = true
		}
		if len(got) != len(want) {
			t.Fatalf("%d targets, want %d", len(got), len(want))
		}
	})
}

func TestMetadataAddressesInANetworkAreLeftOut(t *testing.T) {
	t.Parallel()
	if link := targetsOf(t, "169.254.169.252/30"); link.Any() {
		t.Error("a link-local network has targets")
	}
	whole := targetsOf(t, "100.100.100.200/31")
	if _, ok := whole.At(0); ok || !whole.Any() {
		t.Error("a metadata address is a target, or its neighbour is none")
	}
	none := targetsOf(t, "10.0.0.0/8", "2001:db8::/96")
	none.Scope.Deny = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	if none.Any() {
		t.Error("networks that are left out have targets")
	}
}
