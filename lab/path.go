package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
)

// Path is what is between a scanner and a target, which see nothing else:
//
//	scanner            middle, where something stands in it            target
//	┌──────┐      ┌─────────────────────────────────────────┐      ┌──────────┐
//	│ eth0 ┼──────┼ near   a forwarder that asks a wire, or │      │   doors, │
//	│      │      │        a router                     far ┼──────┼ eth0  nft │
//	└──────┘      └─────────────────────────────────────────┘      └──────────┘
//
// What nftables can do is done by the target's packet filter, and then the two are
// joined directly, so that nothing but the path itself takes time.
type Path struct {
	Variant
	Scanner, Target *Host
	Ends            []End // the addresses to look at, with what there is; the first is the target's own, if it has one

	middle    *Host      // nil for nothing
	forwarder *forwarder // nil for none
}

// The addresses at a path's ends.
var (
	scannerFour, targetFour = netip.MustParseAddr("10.97.0.1"), netip.MustParseAddr("10.97.0.2")
	scannerSix, targetSix   = netip.MustParseAddr("fd97::1"), netip.MustParseAddr("fd97::2")
)

// Path makes a path of a variant, with a scanner at one end and the doors open at the
// other. A lab has one. It is gone, like all of the lab, when the lab's test ends.
func (l *Lab) Path(t testing.TB, v Variant) *Path {
	t.Helper()
	p := &Path{Variant: v, Scanner: l.alone("path-scanner"), Target: l.alone("path-target"), Ends: v.routed}
	if v.wire != nil || v.queue > 0 || v.routed != nil {
		p.middle = l.alone("path-middle")
	}
	switch {
	case v.routed != nil:
		p.route()
	case p.middle != nil:
		p.stand(t)
	default:
		p.cable(p.Scanner, "eth0", p.Target, "eth0")
		p.address()
	}
	if p.Ends == nil {
		p.Ends = []End{{p.Target.IP4, v.Truth}}
		if v.six {
			p.Ends[0].Address = p.Target.IP6
		}
	}
	if p.forwarder != nil {
		// It has a limit of its own, which a look at all ports in a second comes near.
		p.Ends[0].May = append(slices.Clone(v.Truth.May), "rate-limited")
	}
	p.open(t)
	return p
}

// cable joins two hosts.
func (p *Path) cable(a *Host, aEnd string, b *Host, bEnd string) {
	l := p.Scanner.lab
	l.t.Helper()
	l.must("-n", a.ns, "link", "add", aEnd, "type", "veth", "peer", "name", bEnd, "netns", b.ns)
	l.must("-n", a.ns, "link", "set", aEnd, "up")
	l.must("-n", b.ns, "link", "set", bEnd, "up")
}

// address gives both ends what the variant has.
func (p *Path) address() {
	l := p.Scanner.lab
	l.t.Helper()
	p.Scanner.IP6, p.Target.IP6 = scannerSix, targetSix
	if !p.six {
		p.Scanner.IP4, p.Target.IP4 = scannerFour, targetFour
	}
	for _, h := range []*Host{p.Scanner, p.Target} {
		if h.IP4.IsValid() {
			l.must("-n", h.ns, "address", "add", h.IP4.String()+"/24", "dev", "eth0")
		}
		l.must("-n", h.ns, "address", "add", h.IP6.String()+"/64", "dev", "eth0", "nodad")
	}
}

// stand puts a forwarder in the middle.
func (p *Path) stand(t testing.TB) {
	t.Helper()
	// The kernel in the middle has no part in what passes.
	p.middle.set(t, "net/ipv6/conf/default/disable_ipv6", "1")
	var near line
	if p.Queues() {
		near = p.slowDevice(t)
	} else {
		p.cable(p.Scanner, "eth0", p.middle, "near")
		p.whole(t, p.Scanner)
		near = p.middle.line(t, "near")
	}
	p.cable(p.middle, "far", p.Target, "eth0")
	p.whole(t, p.Target)
	p.address()
	p.forwarder = startForwarder(near, p.middle.line(t, "far"), p.decide())
	t.Cleanup(func() {
		p.forwarder.stop()
		if p.forwarder.lost > 0 {
			t.Logf("the lab itself lost %d of %d frames on the path %s", p.forwarder.lost, p.forwarder.passed, p.Name)
		}
	})
}

// slowDevice gives the scanner a device that is read at the path's pace.
func (p *Path) slowDevice(t testing.TB) line {
	t.Helper()
	var device *tap
	err := p.Scanner.Do(func() (err error) {
		device, err = openTap("eth0", p.queue)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the machine has no TUN/TAP: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	// A queue of a hundredth of a second, as small cards have.
	p.Scanner.lab.must("-n", p.Scanner.ns, "link", "set", "eth0", "txqueuelen", fmt.Sprint(max(p.queue/100, 16)), "up")
	return device
}

// line opens a line on a device of the host.
func (h *Host) line(t testing.TB, device string) (v *veth) {
	t.Helper()
	err := h.Do(func() (err error) {
		v, err = openVeth(device)
		return err
	})
	if err != nil {
		t.Fatalf("open a line on %s of %s: %v", device, h.Name, err)
	}
	return v
}

// whole has a host's packets leave it as they would on a real cable.
func (p *Path) whole(t testing.TB, h *Host) {
	t.Helper()
	if err := h.Do(func() error { return plain("eth0") }); err != nil {
		t.Fatal(err)
	}
}

// decide makes the variant's wire, which is the same for every run of a test.
func (p *Path) decide() wire {
	if p.Variant.wire == nil {
		return cable{}
	}
	return p.Variant.wire(rand.New(rand.NewPCG(6, 9)))
}

// route has a kernel in the middle that forwards, and behind it one host that answers
// for all of a network.
func (p *Path) route() {
	l := p.Scanner.lab
	p.cable(p.Scanner, "eth0", p.middle, "near")
	p.cable(p.middle, "far", p.Target, "eth0")
	p.Scanner.IP4, p.Target.IP4 = scannerFour, netip.MustParseAddr("10.97.1.2")
	p.middle.set(l.t, "net/ipv4/ip_forward", "1")
	for _, step := range []string{
		p.Scanner.ns + " address add 10.97.0.1/24 dev eth0", p.middle.ns + " address add 10.97.0.254/24 dev near",
		p.middle.ns + " address add 10.97.1.1/24 dev far", p.Target.ns + " address add 10.97.1.2/24 dev eth0",
		p.Scanner.ns + " route add default via 10.97.0.254", p.Target.ns + " route add default via 10.97.1.1",
		p.middle.ns + " route add 10.98.0.0/16 via 10.97.1.2", p.middle.ns + " route add unreachable 10.98.2.0/24",
		p.Target.ns + " route add local 10.98.0.0/16 dev lo", // every address of it is the target's own
	} {
		l.must(append([]string{"-n"}, strings.Fields(step)...)...)
	}
}

// open has the target do its part: settings, packet filter, doors.
func (p *Path) open(t testing.TB) {
	t.Helper()
	var doors []string
	for _, port := range Doors() {
		doors = append(doors, fmt.Sprintf("tcp/:%d", port))
	}
	p.Target.Firewall(t, p.rules)
	for _, s := range p.kernel { // some exist once the packet filter asks for them
		p.Target.set(t, s[0], s[1])
	}
	p.Target.Listen(t, doors...)
}

// Renew has the path forget what went over it: bans, limits and cuts begin anew.
func (p *Path) Renew(t testing.TB) {
	t.Helper()
	p.Target.Firewall(t, p.rules)
	if p.forwarder != nil {
		p.forwarder.renew(p.decide())
	}
}

// CountSYN begins to count the SYN to an address where they come out of the scanner: at
// the target's device, or at that of whatever stands before it. A forwarder that had to
// wait for the processor hands on at once what came meanwhile, so that the target's
// seconds would hold what no second of the scanner held. A slow queue cannot be looked
// behind: there the count is the target's, of what the queue let go.
func (p *Path) CountSYN(t testing.TB, address netip.Addr) (count func() Arrivals) {
	t.Helper()
	if p.middle != nil && !p.Queues() {
		return p.middle.CountSYN(t, address)
	}
	return p.Target.CountSYN(t, address)
}

// set writes a setting of the kernel, of the host's network namespace alone: a path
// under /proc/sys/net.
func (h *Host) set(t testing.TB, name, value string) {
	t.Helper()
	err := h.Do(func() error { return os.WriteFile("/proc/sys/"+name, []byte(value), 0) })
	if err != nil {
		t.Fatalf("set %s of %s: %v", name, h.Name, err)
	}
}
