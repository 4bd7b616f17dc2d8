package scan

import (
	"context"
	"net"
	"net/netip"
	"testing"

	portvigil "github.com/portvigil/portvigil"
)

// doorsOn opens n ports on an address until the test ends.
func doorsOn(t *testing.T, address string, n int) *portvigil.PortSet {
	t.Helper()
	open := new(portvigil.PortSet)
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		if err != nil {
			t.Skipf("this machine has no %s: %v", address, err)
		}
		t.Cleanup(func() { l.Close() })
		open.Add(uint16(l.Addr().(*net.TCPAddr).Port))
	}
	return open
}

func TestDoorsOnLoopbackAreFound(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1", "::1"} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			open := doorsOn(t, address, 20)
			ports := new(portvigil.PortSet)
			ports.Union(open)
			ports.AddRange(portvigil.PortRange{First: 20000, Last: 30000})
			look, err := Look(context.Background(), Target{"me", netip.MustParseAddr(address)},
				Options{Ports: ports, HostRate: Rate{Unlimited: true}, Vantage: "here", Run: "r", Reach: portvigil.ReachInternal})
			if err != nil {
				t.Fatal(err)
			}
			if !look.Complete || look.DefaultState != portvigil.StateClosed || !look.OwnAddress || look.Probes < ports.Len() || look.MissProbability != nil {
				t.Errorf("complete %v, default %s, own %v, %d probes, notes %q", look.Complete, look.DefaultState, look.OwnAddress, look.Probes, look.Notes)
			}
			for port := range open.All() {
				if o := look.At(port); o.State != portvigil.StateOpen || o.Reason != portvigil.ReasonSynAck {
					t.Errorf("port %d is %+v", port, o)
				}
			}
			if look.Host != "me" || look.Vantage != "here" || look.Run != "r" || look.Method != portvigil.MethodConnect || look.Ended.Before(look.Started) {
				t.Errorf("the look says of itself %+v", look)
			}
		})
	}
}

func TestALookThatIsStoppedTellsWhatItKnows(t *testing.T) {
	t.Parallel()
	open := doorsOn(t, "127.0.0.1", 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	look, err := Look(ctx, Target{"me", netip.MustParseAddr("127.0.0.1")}, Options{
		Ports: portvigil.AllPorts(), First: open, HostRate: Rate{PerSecond: 200},
		Progress: func(p Progress) {
			if p.Open > 0 {
				cancel()
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	last := look.Notes[len(look.Notes)-1]
	if look.Complete || portvigil.NoteCode(last) != "stopped" || look.Count(portvigil.StateOpen) == 0 {
		t.Errorf("complete %v, %d open, notes %q", look.Complete, look.Count(portvigil.StateOpen), look.Notes)
	}
}

func TestWhatIsNeverATargetIsRefused(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"169.254.169.254", "::ffff:169.254.169.254", "224.0.0.1", "0.0.0.0", "fe80::1", "fd00:ec2::254"} {
		_, err := Look(context.Background(), Target{Host: "x", Address: netip.MustParseAddr(address)}, Options{Ports: portvigil.PortsOf(80)})
		if portvigil.ErrorCode(err) != portvigil.CodeOutOfScope {
			t.Errorf("%s: %v, want out of scope", address, err)
		}
	}
	if _, err := Look(context.Background(), Target{Host: "x", Address: netip.MustParseAddr("127.0.0.1")}, Options{}); portvigil.ErrorCode(err) != portvigil.CodeInvalid {
		t.Errorf("no ports: %v, want invalid", err)
	}
}

func TestTargetsAreResolved(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, text  string
		count       int
		first, last string
		code        portvigil.Code
	}{
		{name: "an address", text: "10.1.2.3", count: 1, first: "10.1.2.3", last: "10.1.2.3"},
		{name: "an IPv6 address in brackets", text: "[2001:db8::1]", count: 1, first: "2001:db8::1", last: "2001:db8::1"},
		{name: "a mapped address is the IPv4 one", text: "::ffff:10.1.2.3", count: 1, first: "10.1.2.3", last: "10.1.2.3"},
		{name: "a network", text: "10.0.0.0/24", code: portvigil.CodeInvalid},
		{name: "no network", text: "10.0.0.0/33", code: portvigil.CodeInvalid},
		{name: "nothing", text: "", code: portvigil.CodeInvalid},
		{name: "a flag", text: "-oX", code: portvigil.CodeInvalid},
		{name: "terminal codes", text: "a\x1b[2Jb", code: portvigil.CodeInvalid},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := Resolve(context.Background(), c.text)
			if portvigil.ErrorCode(err) != c.code {
				t.Fatalf("Resolve(%q): %v, want the code %q", c.text, err, c.code)
			}
			if err != nil {
				return
			}
			if len(got) != c.count || got[0].Address.String() != c.first || got[len(got)-1].Address.String() != c.last {
				t.Errorf("%d targets from %v", len(got), got[0])
			}
		})
	}
}

func TestANameStandsForAllOfItsAddressesOnce(t *testing.T) {
	t.Parallel()
	parse := netip.MustParseAddr
	got, err := named("db1", []netip.Addr{parse("2001:db8::1"), parse("::ffff:10.0.0.1"), parse("10.0.0.1")})
	if err != nil || len(got) != 2 || got[0] != (Target{"db1", parse("10.0.0.1")}) || got[1] != (Target{"db1", parse("2001:db8::1")}) {
		t.Errorf("got %v, %v", got, err)
	}
}
