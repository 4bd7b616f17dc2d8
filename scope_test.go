package portvigil

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
)

func TestOnlyWhatIsInScopeIsEverScanned(t *testing.T) {
	s := TargetScope{
		Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("2001:db8::/32")},
		Deny:  []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
	}
	for address, in := range map[string]bool{
		"203.0.113.7": true, "2001:db8::7": true, "::ffff:203.0.113.7": true, "10.0.0.5": true, "127.0.0.1": true,
		"2001:db9::7": false, "198.51.100.9": false, "::ffff:198.51.100.9": false,
		"169.254.169.254": false, "::ffff:169.254.169.254": false, "fd00:ec2::254": false, "100.100.100.200": false,
		"169.254.1.1": false, "fe80::1%eth0": false, "224.0.0.1": false, "ff02::1": false, "255.255.255.255": false,
		"0.0.0.0": false, "0.1.2.3": false, "::": false,
	} {
		err := s.Check(netip.MustParseAddr(address), false)
		if (err == nil) != in || err != nil && ErrorCode(err) != CodeOutOfScope {
			t.Errorf("%s: %v, want in scope: %v", address, err, in)
		}
	}
}

func TestAnAddedHostIsInScopeButDenyWins(t *testing.T) {
	s := TargetScope{Deny: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}
	if err := s.Check(web4, false); err == nil {
		t.Error("an address that nobody allowed is in scope")
	}
	if err := s.Check(web4, true); err != nil {
		t.Errorf("an added one is not: %v", err)
	}
	for _, address := range []string{"198.51.100.9", "169.254.169.254"} {
		if err := s.Check(netip.MustParseAddr(address), true); err == nil {
			t.Errorf("%s is in scope because it was added", address)
		}
	}
}

func TestAnErrorSaysWhatToDoAndKeepsItsCode(t *testing.T) {
	plain := Errorf(CodeNotFound, "host %s is not known", "web1")
	hinted := plain.WithHint("add it with: portvigil hosts add %s", "web1")
	if plain.Hint != "" || hinted.Error() != "host web1 is not known; add it with: portvigil hosts add web1" {
		t.Errorf("%q, %q", plain, hinted)
	}
	for _, c := range []struct {
		err  error
		want Code
	}{{nil, ""}, {errors.New("disk"), CodeInternal}, {fmt.Errorf("look: %w", hinted), CodeNotFound}} {
		if got := ErrorCode(c.err); got != c.want {
			t.Errorf("%v has code %q, want %q", c.err, got, c.want)
		}
	}
}
