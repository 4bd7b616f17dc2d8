package lab_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// watchedOverUDP is a story whose target has a known door and was looked at regularly
// once; it returns the records of that.
func watchedOverUDP(t *testing.T, firewall string) (*story, []portvigil.LookRecord) {
	t.Helper()
	s := newStory(t)
	if firewall != "" {
		s.target.Firewall(t, firewall)
	}
	s.target.Listen(t, "-say", `220 hi\r\n`, "tcp/:22")
	s.must(0, "hosts", "add", "target", s.target.IP4.String())
	first := s.must(1, "hosts", "look", "target", "--json")
	s.must(0, "baseline", "approve", "target", "22/tcp", "--why", "ssh", "--owner", "ann")
	s.told(2) // opened, resolved
	return s, records[portvigil.LookRecord](t, first.stdout, "look")
}

// states writes what looks say of ports: "161/udp open udp-response".
func states(t *testing.T, r result) (list []string) {
	t.Helper()
	for _, p := range records[portvigil.PortRecord](t, r.stdout, "port") {
		list = append(list, fmt.Sprintf("%d/%s %s %s", p.Port, p.Proto, p.State, p.Reason))
	}
	return list
}

// verdict is what is concluded of a UDP door of the target; "" where nothing is.
func (s *story) verdict(port uint16) portvigil.Verdict {
	s.t.Helper()
	for _, e := range records[portvigil.Exposure](s.t, s.must(0, "hosts", "show", "target", "--json").stdout, "exposure") {
		if e.Port == port && e.Proto == portvigil.UDP {
			return e.Verdict
		}
	}
	return ""
}

// TestAUDPDoorIsToldAndSeenShut: on a host that is watched from outside alone, a real
// daemon opens a UDP port; it is told once, and ends when the host says that the port
// is closed.
func TestAUDPDoorIsToldAndSeenShut(t *testing.T) {
	t.Parallel()
	s, first := watchedOverUDP(t, "")
	if len(first) != 2 || *first[0].Proto != portvigil.TCP || *first[1].Proto != portvigil.UDP || first[0].Run != first[1].Run {
		t.Fatalf("the first look is %+v, want one at TCP and one at UDP, of one run", first)
	}
	ports, err := portvigil.ParsePortSet(first[1].Ports)
	if err != nil || ports.Len() != 100 || !ports.Contains(161) || !first[1].Complete {
		t.Fatalf("the look at UDP is %+v: %v; want 100 ports, complete", first[1], err)
	}

	daemon := s.target.Listen(t, "-say", "pong", "udp/:161")
	r := s.must(1, "hosts", "look", "target", "--outside", "-p", "22,U:53,161", "--json")
	if diff := cmp.Diff([]string{"22/tcp open syn-ack", "161/udp open udp-response"}, states(t, r)); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	a := s.alert(161)
	if a.Proto != portvigil.UDP || a.Kind != portvigil.Kind(portvigil.UnexpectedExposed) || a.State != portvigil.AlertNew {
		t.Fatalf("the alert is %+v", a)
	}
	s.told(3)
	s.sameFacts("target", "161/udp", a.ID)
	if text := s.must(0, "hosts", "show", "target").stdout; !strings.Contains(text, "161/udp") || !strings.Contains(text, "at "+s.target.IP4.String()+" (udp): last complete look") {
		t.Errorf("hosts show says:\n%s", text)
	}
	s.must(1, "hosts", "look", "target", "-p", "U:161")
	s.told(3)

	s.must(0, "alerts", "resolve", a.ID, "--shut")
	daemon.Stop(t)
	s.must(0, "hosts", "look", "target", "-p", "U:161")
	if got := s.alert(161); got.State != portvigil.AlertResolved || got.Resolution.Kind != portvigil.ResolvedShut {
		t.Fatalf("stopped and seen closed, the alert is %s (%+v)", got.State, got.Resolution)
	}
	s.told(4)

	// It comes back, and a firewall hides it: silence shuts nothing.
	s.target.Listen(t, "-say", "pong", "udp/:161")
	s.must(1, "hosts", "look", "target", "-p", "U:161")
	s.told(5)
	s.target.Firewall(t, `table inet hide {
		chain in { type filter hook input priority 0; udp dport 161 drop
		}
	}`)
	s.must(1, "hosts", "look", "target", "-p", "22,U:53,161")
	if got := s.alert(161); !got.Open() || got.ID != a.ID {
		t.Errorf("silence resolved the alert: %+v", got.Resolution)
	}
	s.told(5)
}

// TestAUDPListenerIsAskedFromOutsideAtOnce: what an inside look is the first to see is
// asked from outside in the same moment, and where it has gone from inside, silence is
// all that is left of it.
func TestAUDPListenerIsAskedFromOutsideAtOnce(t *testing.T) {
	t.Parallel()
	s, _ := watchedOverUDP(t, "")
	s.reportListeners()
	daemon := s.target.Listen(t, "-say", "pong", "udp/:5555")
	s.reportListeners()
	s.told(4) // it listens, and then: it answers
	a := s.alert(5555)
	if a.Kind != portvigil.Kind(portvigil.UnexpectedExposed) || a.Process == nil || a.Views.Inside == nil || len(a.Views.Outside) != 1 {
		t.Fatalf("the alert is %+v", a)
	}
	s.target.Firewall(t, `table inet hide {
		chain in { type filter hook input priority 0; udp dport 5555 drop
		}
	}`)
	s.must(1, "hosts", "look", "target", "--outside", "-p", "22,U:53,5555")
	if got := s.verdict(5555); got != portvigil.UnexpectedExposed {
		t.Errorf("silent, with its listener, it is %s", got)
	}
	daemon.Stop(t)
	s.reportListeners()
	if got := s.alert(5555); got.State != portvigil.AlertResolved || got.Resolution.Kind != portvigil.ResolvedCleared {
		t.Fatalf("silent and without its listener, the alert is %s (%+v)", got.State, got.Resolution)
	}
	s.told(5)
}

// TestAHostBehindAFirewallThatDropsMakesNoNoise: it answers no UDP at all, and has
// some in its baseline.
func TestAHostBehindAFirewallThatDropsMakesNoNoise(t *testing.T) {
	t.Parallel()
	s, first := watchedOverUDP(t, `table inet drops {
		chain in { type filter hook input priority 0; policy drop; iif lo accept; ct state established,related accept; tcp dport 22 accept; icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		}
	}`)
	if len(first) != 2 || !first[0].Complete || first[1].Complete {
		t.Fatalf("the looks are %+v, want one complete at TCP and one at UDP that nothing answers", first)
	}
	if !slices.ContainsFunc(first[1].Notes, func(note string) bool { return portvigil.NoteCode(note) == "no-answer" }) {
		t.Errorf("the look at UDP notes %v", first[1].Notes)
	}
	s.target.Listen(t, "-say", "pong", "udp/:1194", "udp/:5353")
	s.reportListeners()
	for _, a := range s.alerts(true) {
		s.must(0, "alerts", "resolve", a.ID, "--expected", "--why", "the private network", "--owner", "ann")
	}
	s.told(4)                            // re-opened for what listens, resolved
	s.must(0, "hosts", "look", "target") // though its UDP is silent
	s.reportListeners()
	s.must(0, "hosts", "look", "target", "--outside", "-p", "22")
	if r := s.must(2, "hosts", "look", "target", "-p", "U:1194"); !strings.Contains(r.stderr, "not complete") {
		t.Errorf("asked for UDP alone it says %s", r.stderr)
	}
	if list := s.alerts(true); len(list) > 0 {
		t.Errorf("alerts are open: %+v", list)
	}
	if got := []portvigil.Verdict{s.verdict(1194), s.verdict(5353)}; got[0] != portvigil.Expected || got[1] != portvigil.Expected {
		t.Errorf("the doors of the baseline are %v", got)
	}
	if text := s.must(0, "hosts", "show", "target").stdout; !strings.Contains(text, "and it answers no UDP; no-answer: ") {
		t.Errorf("hosts show says:\n%s", text)
	}
	s.told(4)
}
