package scan

import (
	"testing"

	portvigil "github.com/portvigil/portvigil"
	"pgregory.net/rapid"
)

func TestPortsAreReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, spec, tcp, udp string }{
		{"a list and a range", "22,80,8000-8100", "22,80,8000-8100", ""},
		{"nothing is everything", "", "1-65535", ""},
		{"all", "all", "1-65535", ""},
		{"the dash of habit", "-", "1-65535", ""},
		{"a prefix holds for what follows", "U:53,161,T:22,80", "22,80", "53,161"},
		{"blanks do not matter", " 22 , 80", "22,80", ""},
		{"the commonest", "top:2", "22,80", ""},
		{"common ones and another", "top:1,443", "22,443", ""},
		{"the commonest of UDP", "T:top:1,U:top:2,161", "22", "53,123,161"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := ParsePorts(c.spec)
			if err != nil || s.TCP.String() != c.tcp || s.UDP.String() != c.udp {
				t.Errorf("ParsePorts(%q) = %s and %s, %v; want %s and %s", c.spec, s.TCP, s.UDP, err, c.tcp, c.udp)
			}
		})
	}
}

func TestWrongPortsAreRefusedWithTheirText(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{"0", "65536", "80-22", "x", "22,,80", "top:0", "top:70000", "top:", "U:top:0", "S:22", "1-2-3"} {
		if s, err := ParsePorts(spec); portvigil.ErrorCode(err) != portvigil.CodeInvalid {
			t.Errorf("ParsePorts(%q) = %v, %v; want an error that says invalid", spec, s, err)
		}
	}
}

func TestTopHasAsManyPortsAsAsked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 65535).Draw(t, "n")
		proto := rapid.SampledFrom([]portvigil.Proto{portvigil.TCP, portvigil.UDP}).Draw(t, "proto")
		if got := Top(proto, n).Len(); got != n {
			t.Fatalf("Top(%s, %d) has %d ports", proto, n, got)
		}
		if n > 1 && !Top(proto, n).Covers(Top(proto, n-1)) {
			t.Fatalf("Top(%s, %d) lacks a port of Top(%[1]s, %d)", proto, n, n-1)
		}
	})
}

func TestTheHundredCommonestUDPPortsHaveEveryProtocolThatIsAsked(t *testing.T) {
	t.Parallel()
	if n := len(wellKnownUDP); n != 100 {
		t.Errorf("the list has %d ports, want 100", n)
	}
	seen := map[uint16]bool{}
	for _, port := range wellKnownUDP {
		if seen[port] {
			t.Errorf("%d is in it twice", port)
		}
		seen[port] = true
	}
	for _, p := range payloads {
		for _, port := range p.ports {
			if p.ask != nil && !seen[port] { // those that nothing is asked never answer
				t.Errorf("%d, at which %s is asked, is not in it", port, p.name)
			}
		}
	}
}

func TestRatesAreReadAndWrittenBack(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Rate{"auto": {}, "unlimited": {Unlimited: true}, "300": {PerSecond: 300}} {
		r, err := ParseRate(text)
		if err != nil || r != want || r.String() != text {
			t.Errorf("ParseRate(%q) = %+v (%s), %v", text, r, r, err)
		}
	}
	for _, text := range []string{"0", "-1", "fast", "1.5"} {
		if r, err := ParseRate(text); err == nil {
			t.Errorf("ParseRate(%q) = %v, want an error", text, r)
		}
	}
}

func TestTheLowestCeilingHolds(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name        string
		rate        Rate
		inAll, want int
	}{
		{"auto", Rate{}, 0, 2500},
		{"a host's own", Rate{PerSecond: 100}, 0, 100},
		{"unlimited", Rate{Unlimited: true}, 0, 0},
		{"unlimited a host, but not in all", Rate{Unlimited: true}, 700, 700},
		{"less in all", Rate{}, 50, 50},
		{"more in all", Rate{}, 50000, 2500},
	}
	for _, c := range cases {
		if got := c.rate.ceiling(c.inAll); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func FuzzParsePorts(f *testing.F) {
	f.Add("22,80,8000-8100")
	f.Add("U:53,T:top:3")
	f.Fuzz(func(t *testing.T, spec string) {
		s, err := ParsePorts(spec)
		if err != nil || s.TCP.Len() == 0 {
			return
		}
		again, err := ParsePorts(s.TCP.String())
		if err != nil || *again.TCP != *s.TCP || again.UDP.Len() != 0 {
			t.Errorf("%q reads as %s, and that as %s (%v)", spec, s.TCP, again.TCP, err)
		}
	})
}
