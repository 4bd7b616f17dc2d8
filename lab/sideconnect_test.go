package lab_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// connectWanted is the most of nmap's time that connecting is to take.
const connectWanted = 0.90

// TestConnectingBesideNmap has the connect scan and `nmap -sT` take turns at a healthy
// host, on IPv4 and IPv6, and then has the target count what comes at the default
// rate. It fails for a door that is missed, for memory, and for a second with too many
// SYN; time is told, not judged, as a busy machine would.
func TestConnectingBesideNmap(t *testing.T) {
	lab.Require(t, "nmap")
	ports, rounds := portvigil.AllPorts(), *sideRounds
	if rounds == 0 {
		t.Parallel()
		ports, rounds = someOf(3000), 1
	}
	p := lab.New(t).Path(t, lab.Healthy())
	for _, address := range []netip.Addr{p.Target.IP4, p.Target.IP6} {
		raceConnecting(t, p, address, ports, rounds)
		connectPolitely(t, p, address, ports)
	}
}

func raceConnecting(t *testing.T, p *lab.Path, address netip.Addr, ports *portvigil.PortSet, rounds int) {
	t.Helper()
	scanners := []contender{nmaps("-sT -T4"), portvigils("portvigil", "--method", "connect", "--host-rate", "unlimited")}
	runs := map[string][]ran{}
	for range rounds {
		for _, c := range scanners {
			runs[c.name] = append(runs[c.name], c.measure(t, p, address, ports))
		}
	}
	var nmap time.Duration
	for _, c := range scanners {
		s := sumUp(runs[c.name], p.Truth, ports)
		t.Logf("%-10s %-10s %9v, %d to %d of %d doors, peak memory %.1f MB", address, c.name, s.took.Round(time.Millisecond), s.least, s.most, s.doors, float64(s.peakKiB)/1024)
		if !strings.HasPrefix(c.name, "portvigil") {
			nmap = s.took
			continue
		}
		t.Logf("%-10s ratio %.2f (wanted ≤ %.2f)", address, s.took.Seconds()/nmap.Seconds(), connectWanted)
		s.fail(t, c)
		if s.least != s.doors || s.most != s.doors {
			t.Errorf("%s: found %d to %d of %d doors", address, s.least, s.most, s.doors)
		}
		if s.peakKiB > memoryWanted {
			t.Errorf("%s: peak memory %d KiB is above %d", address, s.peakKiB, memoryWanted)
		}
	}
}

func connectPolitely(t *testing.T, p *lab.Path, address netip.Addr, ports *portvigil.PortSet) {
	t.Helper()
	count := p.CountSYN(t, address)
	c := portvigils("portvigil", "--method", "connect")
	s := sumUp([]ran{c.measure(t, p, address, ports)}, p.Truth, ports)
	came := count()
	t.Logf("%-10s default rate: %v, %d of %d doors, %d SYN in all, at most %d in any second (wanted ≤ %d), %d not counted",
		address, s.took.Round(time.Millisecond), s.least, s.doors, came.Total(), came.Most(), rateWanted, came.Missed)
	if came.Most() > rateWanted || came.Missed > 0 || came.Total() < ports.Len() {
		t.Errorf("%s: %d SYN of %d in one second, %d not counted", address, came.Most(), came.Total(), came.Missed)
	}
	if s.fail(t, c); s.least != s.doors {
		t.Errorf("%s: found %d of %d doors at the default rate", address, s.least, s.doors)
	}
}
