package web

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// listening is a door of vm that its own kernel shows.
func listening(port uint16, scope portvigil.Scope, exe string) portvigil.Exposure {
	x := portvigil.Exposure{Endpoint: portvigil.Endpoint{Host: "vm", Proto: portvigil.TCP, Port: port}, Verdict: portvigil.UnexpectedListening,
		Views: portvigil.AlertViews{Inside: &portvigil.Sighting{State: portvigil.Listening, Seen: noon}}, Print: portvigil.DoorPrint{Scope: scope}}
	if scope == portvigil.ScopeLoopback {
		x.Verdict = portvigil.None
	}
	if exe != "" {
		x.Process = &portvigil.Process{Exe: exe, User: "root"}
	}
	return x
}

// seenFrom is the door as a vantage sees it open as well.
func seenFrom(x portvigil.Exposure, vantage, address string) portvigil.Exposure {
	x.Verdict, x.Address = portvigil.UnexpectedExposed, netip.MustParseAddr(address)
	x.Views.Outside = []portvigil.Sighting{{Vantage: vantage, State: string(portvigil.StateOpen), Seen: noon}}
	return x
}

func TestOnlyWhatIsUsualAndHarmlessIsTicked(t *testing.T) {
	t.Parallel()
	const anybody, office = portvigil.ScopeAny, portvigil.ScopePrivate
	hidden, expected := listening(23, anybody, ""), listening(24, anybody, "")
	hidden.Verdict, expected.Verdict = portvigil.Hidden, portvigil.Expected
	fleeting := listening(40000, anybody, "")
	fleeting.Proto, fleeting.Verdict = portvigil.UDP, portvigil.Pending
	s := portvigil.HostStatus{Exposures: []portvigil.Exposure{
		listening(22, anybody, "/usr/sbin/sshd"), listening(80, anybody, "/tmp/x"), listening(2375, anybody, "/usr/bin/dockerd"),
		listening(3306, portvigil.ScopeLoopback, "/usr/sbin/mariadbd"), listening(5432, anybody, "/usr/lib/postgresql/15/bin/postgres"),
		listening(6379, office, "/usr/bin/redis-server"), seenFrom(listening(9200, office, "/usr/bin/elasticsearch"), "office", "10.0.0.1"),
		listening(31337, anybody, ""), listening(8080, anybody, "/usr/bin/python3.11"), listening(8443, anybody, "/usr/bin/docker-proxy"), listening(443, anybody, ""), hidden, expected, fleeting,
	}}
	found, loopback := foundDoors(s)
	var got []string
	for _, f := range found {
		got = append(got, fmt.Sprintf("%s ticked=%v risky=%v why=%q by %s", f.Door, f.Usual, f.Risk != "", f.Why, f.Reaches))
	}
	want := []string{
		`2375/tcp ticked=false risky=true why="" by every network that the firewall lets in`,
		`5432/tcp ticked=false risky=true why="database" by every network that the firewall lets in`,
		`9200/tcp ticked=false risky=true why="search" by open from outside`,
		`80/tcp ticked=false risky=false why="" by every network that the firewall lets in`,
		`31337/tcp ticked=false risky=false why="" by every network that the firewall lets in`,
		`8080/tcp ticked=false risky=false why="website" by every network that the firewall lets in`,
		`40000/udp ticked=false risky=false why="" by every network that the firewall lets in`,
		`22/tcp ticked=true risky=false why="how we log in" by every network that the firewall lets in`,
		`6379/tcp ticked=true risky=false why="cache" by private networks`,
		`8443/tcp ticked=true risky=false why="website" by every network that the firewall lets in`,
		`443/tcp ticked=true risky=false why="website" by every network that the firewall lets in`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(loopback) != 1 || loopback[0].Door != "3306/tcp" {
		t.Errorf("on loopback: %+v", loopback)
	}
}

func TestADoorOfSeveralAddressesIsFoundOnceAsFarAsItReaches(t *testing.T) {
	t.Parallel()
	s := portvigil.HostStatus{Exposures: []portvigil.Exposure{listening(631, portvigil.ScopeLoopback, ""),
		listening(631, portvigil.ScopePrivate, "/usr/sbin/cupsd"), seenFrom(listening(631, portvigil.ScopePublic, ""), "office", "10.0.0.1")}}
	found, loopback := foundDoors(s)
	if len(found) != 1 || len(loopback) != 0 || found[0].Reaches != "open from outside" || found[0].Risk == "" || found[0].Process == nil {
		t.Errorf("found %+v, on loopback %+v", found, loopback)
	}
}
