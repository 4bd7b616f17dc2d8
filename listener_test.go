package portvigil

import (
	"net/netip"
	"testing"
)

func TestTheScopeOfASocketIsHowFarItsAddressReaches(t *testing.T) {
	for address, want := range map[string]Scope{
		"127.0.0.1": ScopeLoopback, "127.9.9.9": ScopeLoopback, "::1": ScopeLoopback, "::ffff:127.0.0.1": ScopeLoopback,
		"10.0.0.5": ScopePrivate, "172.16.0.1": ScopePrivate, "192.168.1.1": ScopePrivate, "100.64.0.1": ScopePrivate,
		"fd00::1": ScopePrivate, "fe80::1%eth0": ScopePrivate, "169.254.1.1": ScopePrivate, "224.0.0.251": ScopePrivate, "ff02::fb": ScopePrivate,
		"203.0.113.7": ScopePublic, "2001:db8::7": ScopePublic, "100.128.0.1": ScopePublic,
		"0.0.0.0": ScopeAny, "::": ScopeAny,
	} {
		if got := ScopeOf(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is %s, want %s", address, got, want)
		}
	}
	order := []Scope{ScopeOf(netip.Addr{}), ScopeLoopback, ScopePrivate, ScopePublic, ScopeAny}
	for i, s := range order {
		if s.Rank() != i {
			t.Errorf("%q ranks %d, want %d", s, s.Rank(), i)
		}
	}
}

func TestAListenerExplainsWhatCanEndAtIt(t *testing.T) {
	v6only := listens("[::]:22", "")
	v6only.V6Only = true
	for name, c := range map[string]struct {
		listener Listener
		v4, v6   bool
	}{
		"every IPv4 address":      {listens("0.0.0.0:22", ""), true, false},
		"every address":           {listens("[::]:22", ""), true, true},
		"every IPv6 address":      {v6only, false, true},
		"one address":             {listens("203.0.113.7:22", ""), true, false},
		"one address, mapped":     {listens("[::ffff:203.0.113.7]:22", ""), true, false},
		"another address":         {listens("203.0.113.8:22", ""), false, false},
		"loopback, not the other": {listens("127.0.0.1:22", ""), false, false},
	} {
		if v4, v6 := c.listener.Explains(web4), c.listener.Explains(web6); v4 != c.v4 || v6 != c.v6 {
			t.Errorf("%s: IPv4 %v, IPv6 %v", name, v4, v6)
		}
	}
}
