package portvigil

import (
	"net/netip"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestASavedListingBecomesABaseline(t *testing.T) {
	text, err := os.ReadFile("testdata/importss/debian12.txt")
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := ImportSS(text)
	if err != nil {
		t.Fatal(err)
	}
	entries := EntriesFromListeners(listeners, PortRange{32768, 60999}, "", "ann")
	got := string(FormatDocument(Document{Host: "web1", Entries: entries}))
	want := `version: 1
host: web1
entries:
  - port: 22
    proto: tcp
    scope: any
    service: sshd
    why: ""
    owner: ann
  - port: 80
    proto: tcp
    scope: any
    service: nginx
    why: ""
    owner: ann
  - port: 5432
    proto: tcp
    scope: private
    service: postgres
    why: ""
    owner: ann
  - port: 68
    proto: udp
    scope: any
    service: dhclient
    why: ""
    owner: ann
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := ParseBaseline("b", []byte(got))
	if err != nil || !again[0].Entries[0].Unexplained() {
		t.Errorf("it is not read as unexplained: %v", err)
	}
}

func TestFirstEntriesPinWhatAllOwnersShare(t *testing.T) {
	owned := func(address string, port uint16, owners ...Process) Listener {
		l := listenerOn(address, port)
		l.Process, l.Others = &owners[0], owners[1:]
		return l
	}
	sshd, systemd := Process{PID: 5, Exe: "/usr/sbin/sshd"}, Process{PID: 1, Exe: "/usr/lib/systemd/systemd"}
	dnsmasq, unbound := Process{PID: 6, Exe: "/usr/sbin/dnsmasq"}, Process{PID: 7, Exe: "/usr/sbin/unbound"}
	got := EntriesFromListeners([]Listener{
		owned("::", 22, sshd, systemd), owned("0.0.0.0", 22, sshd),
		owned("0.0.0.0", 23, systemd),
		owned("10.0.0.1", 53, dnsmasq), owned("10.0.0.2", 53, unbound), owned("127.0.0.1", 53, unbound),
		owned("10.0.0.1", 80, sshd, dnsmasq),
	}, PortRange{}, "", "")
	want := []Entry{
		{Ports: PortRange{22, 22}, Proto: TCP, Scope: ScopeAny, Service: "sshd", Pin: Pin{Exe: sshd.Exe}},
		{Ports: PortRange{23, 23}, Proto: TCP, Scope: ScopeAny},
		{Ports: PortRange{53, 53}, Proto: TCP, Scope: ScopePrivate, Service: "dnsmasq", Pin: Pin{Exe: dnsmasq.Exe}, Address: netip.MustParsePrefix("10.0.0.1/32")},
		{Ports: PortRange{53, 53}, Proto: TCP, Scope: ScopePrivate, Service: "unbound", Pin: Pin{Exe: unbound.Exe}, Address: netip.MustParsePrefix("10.0.0.2/32")},
		{Ports: PortRange{80, 80}, Proto: TCP, Scope: ScopePrivate, Service: "sshd"},
	}
	if diff := cmp.Diff(want, got, comparePrefix); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
