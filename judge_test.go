package portvigil

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// verdictCase is one situation and all that the join says of it but "none".
type verdictCase struct {
	name string
	make func(*story)
	want []string
}

func runVerdicts(t *testing.T, cases []verdictCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			c.make(s)
			s.wantVerdicts(c.want...)
		})
	}
}

func scoped(scope Scope) func(*Entry) { return func(e *Entry) { e.Scope = scope } }

func seenFrom(who ...string) func(*Entry) { return func(e *Entry) { e.From = who } }

func about4(cidr string) func(*Entry) {
	return func(e *Entry) { e.Address = netip.MustParsePrefix(cidr) }
}

func pinned(p Pin) func(*Entry) { return func(e *Entry) { e.Pin = p } }

func expiring(date string) func(*Entry) {
	return func(e *Entry) { e.Expires, _ = ParseDate(date) }
}

func TestExposedIsWhatIsOpenFromOutsideAndNotInTheBaseline(t *testing.T) {
	runVerdicts(t, []verdictCase{
		{"open and not in the baseline", func(s *story) { s.outside("9100") },
			[]string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"open and in the baseline", func(s *story) { s.outside("9100"); s.expects(entry("9100")) },
			[]string{"9100/tcp 203.0.113.7 expected"}},
		{"in the baseline as a range", func(s *story) { s.outside("9100"); s.expects(entry("9000-9200")) },
			[]string{"9100/tcp 203.0.113.7 expected"}},
		{"in the baseline for UDP only", func(s *story) {
			s.outside("9100")
			s.expects(entry("9000-9200", func(e *Entry) { e.Proto = UDP }))
		}, []string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"in the baseline for another address", func(s *story) { s.outside("9100"); s.expects(entry("9000-9200", about4("203.0.113.8/32"))) },
			[]string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"in the baseline for the network of the address", func(s *story) { s.outside("9100"); s.expects(entry("9000-9200", about4("203.0.113.0/24"))) },
			[]string{"9100/tcp 203.0.113.7 expected"}},
		{"in the baseline of a group", func(s *story) {
			s.outside("9100")
			s.expects(entry("9100", func(e *Entry) { e.Group = "exporters" }))
		}, []string{"9100/tcp 203.0.113.7 expected"}},
		{"in the baseline for a vantage that does not see it", func(s *story) { s.outside("9100"); s.expects(entry("9000-9200", seenFrom("office"))) },
			[]string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"in the baseline for its reach", func(s *story) { s.outside("9100"); s.expects(entry("9100", seenFrom("internet"))) },
			[]string{"9100/tcp 203.0.113.7 expected"}},
		{"expected by one vantage and not by another", func(s *story) {
			s.outside("9100")
			s.outside("9100", from("office", ReachInternal))
			s.expects(entry("9100", seenFrom("office")))
		}, []string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"a loopback entry covers nothing outside", func(s *story) { s.outside("9100"); s.expects(entry("9000-9200", scoped(ScopeLoopback))) },
			[]string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"a private entry covers nothing seen from the internet", func(s *story) { s.outside("9100"); s.expects(entry("9000-9200", scoped(ScopePrivate))) },
			[]string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"a private entry covers what is seen from within", func(s *story) {
			s.outside("9100", from("office", ReachInternal))
			s.expects(entry("9100", scoped(ScopePrivate)))
		}, []string{"9100/tcp 203.0.113.7 expected"}},
		{"an entry counts to the end of its last day in UTC", func(s *story) {
			s.now = time.Date(2026, 3, 2, 23, 59, 59, 0, time.UTC)
			s.outside("9100")
			s.expects(entry("9100", expiring("2026-03-02")))
		}, []string{"9100/tcp 203.0.113.7 expected"}},
		{"and not a moment longer", func(s *story) {
			s.now = time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)
			s.outside("9100")
			s.expects(entry("9100", expiring("2026-03-02")))
		}, []string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"listening and exposed is exposed", func(s *story) { s.outside("9100"); s.inside(sockets(listens("0.0.0.0:9100", "/bin/exporter"))) },
			[]string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"each address is an endpoint", func(s *story) {
			s.outside("22")
			s.outside("22", atAddress(web6))
			s.expects(entry("22", about4("203.0.113.7/32")))
		},
			[]string{"22/tcp 203.0.113.7 expected", "22/tcp 2001:db8::7 unexpected-exposed"}},
	})
}

func TestListeningIsWhatListensBeyondLoopbackAndIsNotOpenFromOutside(t *testing.T) {
	runVerdicts(t, []verdictCase{
		{"on a wildcard", func(s *story) { s.inside(sockets(listens("0.0.0.0:9100", ""))) },
			[]string{"9100/tcp unexpected-listening"}},
		{"on both wildcards, which stand for every address once", func(s *story) {
			s.inside(sockets(listens("0.0.0.0:9100", ""), listens("[::]:9100", "")))
		}, []string{"9100/tcp unexpected-listening"}},
		{"on a private address", func(s *story) { s.inside(sockets(listens("10.0.0.5:9100", ""))) },
			[]string{"9100/tcp 10.0.0.5 unexpected-listening"}},
		{"on loopback it is nothing", func(s *story) { s.inside(sockets(listens("127.0.0.1:9100", ""), listens("[::1]:9100", ""))) }, nil},
		{"in the baseline", func(s *story) { s.inside(sockets(listens("0.0.0.0:9100", ""))); s.expects(entry("9100")) },
			[]string{"9100/tcp expected"}},
		{"in the baseline for a vantage, which inside does not ask", func(s *story) {
			s.inside(sockets(listens("0.0.0.0:9100", "")))
			s.expects(entry("9100", seenFrom("office")))
		}, []string{"9100/tcp expected"}},
		{"a wildcard is not covered by an entry about one address", func(s *story) {
			s.inside(sockets(listens("0.0.0.0:9100", "")))
			s.expects(entry("9000-9200", about4("10.0.0.5/32")))
		}, []string{"9100/tcp unexpected-listening"}},
		{"behind a firewall that a vantage looked through", func(s *story) {
			s.outside("")
			s.inside(sockets(listens("0.0.0.0:9100", "")))
		}, []string{"9100/tcp 203.0.113.7 unexpected-listening"}},
		{"not open any more", func(s *story) {
			s.outside("9100")
			s.inside(sockets(listens("0.0.0.0:9100", "")))
			s.after(day)
			s.outside("")
			s.inside(sockets(listens("0.0.0.0:9100", "")))
		}, []string{"9100/tcp 203.0.113.7 unexpected-listening"}},
		{"v6 only, where a vantage sees IPv4", func(s *story) {
			s.outside("9100")
			l := listens("[::]:9100", "")
			l.V6Only = true
			s.inside(sockets(l))
		}, []string{"9100/tcp unexpected-listening", "9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"on ::, which takes IPv4 too", func(s *story) { s.outside("9100"); s.inside(sockets(listens("[::]:9100", ""))) },
			[]string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"behind NAT, any listener beyond loopback may be what answers", func(s *story) {
			s.host.Addresses[0].Kind = AddressNAT
			s.outside("9100")
			s.inside(sockets(listens("10.0.0.5:9100", "")))
		}, []string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"behind a shared address too", func(s *story) {
			s.host.Addresses[0].Kind = AddressShared
			s.outside("9100")
			s.inside(sockets(listens("10.0.0.5:9100", ""), listens("127.0.0.1:9100", "")))
		}, []string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"on an own address, only what is bound to it", func(s *story) {
			s.outside("9100")
			s.inside(sockets(listens("10.0.0.5:9100", "")))
		}, []string{"9100/tcp 10.0.0.5 unexpected-listening", "9100/tcp 203.0.113.7 unexpected-exposed"}},
	})
}

func TestPendingIsWhatASecondSightIsAwaitedFor(t *testing.T) {
	resolver := Listener{Proto: UDP, Address: netip.IPv4Unspecified(), Port: 40000, Scope: ScopeAny}
	known := resolver
	known.Port = 161
	runVerdicts(t, []verdictCase{
		{"an open port waits for a completed connection", func(s *story) { s.outside("9100", unconfirmed) },
			[]string{"9100/tcp 203.0.113.7 pending also:unexpected-exposed"}},
		{"which may be another vantage's", func(s *story) { s.outside("9100", unconfirmed); s.outside("9100", from("office", ReachInternal)) },
			[]string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"or an earlier look's", func(s *story) { s.outside("9100"); s.after(day); s.outside("9100", unconfirmed) },
			[]string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"an expected one waits for nothing", func(s *story) { s.outside("9100", unconfirmed); s.expects(entry("9100")) },
			[]string{"9100/tcp 203.0.113.7 expected"}},
		{"an ephemeral UDP socket waits for a second look", func(s *story) { s.inside(sockets(resolver)) },
			[]string{"40000/udp pending also:unexpected-listening"}},
		{"five minutes after the first", func(s *story) {
			s.inside(sockets(resolver))
			s.after(5*time.Minute - time.Second)
			s.inside(sockets(resolver))
		}, []string{"40000/udp pending also:unexpected-listening"}},
		{"and is told then", func(s *story) {
			s.inside(sockets(resolver))
			s.after(5 * time.Minute)
			s.inside(sockets(resolver))
		}, []string{"40000/udp unexpected-listening"}},
		{"or at once when it answers", func(s *story) {
			s.inside(sockets(resolver))
			s.outside("40000", udp)
		}, []string{"40000/udp 203.0.113.7 unexpected-exposed"}},
		{"one that came again in between waits anew", func(s *story) {
			s.inside(sockets(resolver))
			s.after(time.Hour)
			s.inside(nil)
			s.after(time.Hour)
			s.inside(sockets(resolver))
		}, []string{"40000/udp pending also:unexpected-listening"}},
		{"another UDP port is told at once", func(s *story) { s.inside(sockets(known)) }, []string{"161/udp unexpected-listening"}},
	})
}

func TestAPendingVerdictSaysWhatItAwaitsAndUntilWhen(t *testing.T) {
	s := newStory(t)
	s.outside("", only("22"))
	s.expects(entry("22"))
	e := s.join()[0]
	if e.Verdict != Pending || e.Awaits == "" || !e.Until.Equal(dawn.Add(MissingApart)) || e.Tells() {
		t.Errorf("%+v", e)
	}
}

func TestAllowedIsWhatAnAllowLineMatches(t *testing.T) {
	java := Allow{Process: "/usr/bin/java", Why: "nightly build", Owner: "ci"}
	with := func(lines ...Allow) func(*story) { return func(s *story) { s.baseline.Allow = lines } }
	join := func(steps ...func(*story)) func(*story) {
		return func(s *story) {
			for _, step := range steps {
				step(s)
			}
		}
	}
	listening := func(s *story) { s.inside(sockets(listens("0.0.0.0:9100", "/usr/bin/java"))) }
	runVerdicts(t, []verdictCase{
		{"by its process", join(with(java), listening), []string{"9100/tcp allowed"}},
		{"of every owner", join(with(java), func(s *story) {
			l := listens("0.0.0.0:9100", "/usr/bin/java")
			l.Others = []Process{{PID: 7, Exe: "/tmp/x"}}
			s.inside(sockets(l))
		}), []string{"9100/tcp unexpected-listening"}},
		{"but not systemd, which holds sockets for others", join(with(java), func(s *story) {
			l := listens("0.0.0.0:9100", "/usr/bin/java")
			l.Others = []Process{{PID: 1, Exe: "/usr/lib/systemd/systemd"}}
			s.inside(sockets(l))
		}), []string{"9100/tcp allowed"}},
		{"not where no view can check it", join(with(java), func(s *story) { s.outside("9100") }), []string{"9100/tcp 203.0.113.7 unexpected-exposed"}},
		{"not where the view is not fresh", join(with(java), listening, func(s *story) { s.after(91 * time.Minute) }),
			[]string{"9100/tcp unexpected-listening"}},
		{"not where only an earlier look read the owner", join(with(java), listening, func(s *story) {
			s.after(time.Hour)
			s.inside(sockets(listens("0.0.0.0:9100", "")), covering(CoversSockets))
		}), []string{"9100/tcp unexpected-listening"}},
		{"by its ports, whoever sees them", join(with(Allow{Ports: PortRange{9000, 9200}}), func(s *story) { s.outside("9100") }),
			[]string{"9100/tcp 203.0.113.7 allowed"}},
		{"within the hours", join(with(Allow{Hours: Hours{From: 7 * 60, To: 9 * 60}}), listening), []string{"9100/tcp allowed"}},
		{"not beyond them", join(with(Allow{Hours: Hours{From: 9 * 60, To: 10 * 60}}), listening), []string{"9100/tcp unexpected-listening"}},
		{"in the baseline is expected, allowed or not", join(with(java), listening, func(s *story) { s.expects(entry("9100")) }),
			[]string{"9100/tcp expected"}},
		{"allowed goes before pending", join(with(Allow{}), func(s *story) { s.outside("9100", unconfirmed) }),
			[]string{"9100/tcp 203.0.113.7 allowed"}},
	})
}

func TestChangedIsADifferentPinOrAWiderScope(t *testing.T) {
	openSSH := pinned(Pin{Product: "OpenSSH"})
	runVerdicts(t, []verdictCase{
		{"another product", func(s *story) { s.outside("22", serving("dropbear")); s.expects(entry("22", openSSH)) },
			[]string{"22/tcp 203.0.113.7 changed"}},
		{"the same product", func(s *story) { s.outside("22", serving("OpenSSH")); s.expects(entry("22", openSSH)) },
			[]string{"22/tcp 203.0.113.7 expected"}},
		{"something unknown never differs", func(s *story) { s.outside("22"); s.expects(entry("22", openSSH)) },
			[]string{"22/tcp 203.0.113.7 expected"}},
		{"a pin without a value pins nothing", func(s *story) {
			s.outside("22", serving("dropbear"))
			s.expects(entry("22", pinned(Pin{Empty: []string{"product"}})))
		}, []string{"22/tcp 203.0.113.7 expected"}},
		{"one of several covering entries agrees", func(s *story) {
			s.outside("22", serving("dropbear"))
			s.expects(entry("22", openSSH), entry("1-1024", pinned(Pin{Product: "dropbear"})))
		}, []string{"22/tcp 203.0.113.7 expected"}},
		{"none of several agrees", func(s *story) {
			s.outside("22", serving("dropbear"))
			s.expects(entry("22", openSSH), entry("1-1024", pinned(Pin{Product: "nginx"})))
		}, []string{"22/tcp 203.0.113.7 changed"}},
		{"another product for another vantage", func(s *story) {
			s.outside("22", serving("OpenSSH"))
			s.outside("22", serving("dropbear"), from("office", ReachInternal))
			s.expects(entry("22", openSSH))
		}, []string{"22/tcp 203.0.113.7 changed"}},
		{"another executable among its owners", func(s *story) {
			l := listens("0.0.0.0:22", "/usr/sbin/sshd")
			l.Others = []Process{{PID: 7, Exe: "/tmp/x"}}
			s.inside(sockets(l))
			s.expects(entry("22", pinned(Pin{Exe: "/usr/sbin/sshd"})))
		}, []string{"22/tcp changed"}},
		{"a wider scope", func(s *story) {
			s.inside(sockets(listens("0.0.0.0:22", "")))
			s.expects(entry("22", scoped(ScopePrivate)))
		}, []string{"22/tcp changed"}},
		{"a narrower scope is none", func(s *story) {
			s.inside(sockets(listens("10.0.0.5:22", "")))
			s.expects(entry("22", scoped(ScopePublic)))
		}, []string{"22/tcp 10.0.0.5 expected"}},
		{"a multicast socket has scope private", func(s *story) {
			l := listens("224.0.0.251:5353", "")
			l.Proto = UDP
			s.inside(sockets(l))
			s.expects(entry("5353", scoped(ScopePrivate), func(e *Entry) { e.Proto = UDP }))
		}, []string{"5353/udp 224.0.0.251 expected"}},
		{"changed stands beside what is exposed", func(s *story) {
			s.outside("22", serving("dropbear"))
			s.outside("22", serving("dropbear"), from("office", ReachInternal))
			s.expects(entry("22", openSSH, seenFrom("office")))
		}, []string{"22/tcp 203.0.113.7 unexpected-exposed also:changed"}},
		{"what is shut by now has not changed", func(s *story) {
			s.outside("22", serving("dropbear"))
			s.inside(sockets(listens("0.0.0.0:22", "")))
			s.expects(entry("1-1024", openSSH))
			s.after(2 * day)
			s.inside(nil)
		}, nil},
	})
}

func TestDifferencesAreOfTheMostSpecificEntry(t *testing.T) {
	s := newStory(t)
	s.outside("22", serving("dropbear"))
	s.expects(entry("1-1024", pinned(Pin{Product: "nginx"})), entry("22", pinned(Pin{Product: "OpenSSH"})),
		entry("22", pinned(Pin{Product: "Apache httpd"}), func(e *Entry) { e.Group = "web" }))
	e := s.join()[0]
	want := []Difference{{"product", "OpenSSH", "dropbear"}}
	if diff := cmp.Diff(want, e.Differences); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if e.Entry.Pin.Product != "OpenSSH" {
		t.Errorf("named is the entry of %s", e.Entry.Pin.Product)
	}
	if text := e.Sentence(); !strings.Contains(text, "product is dropbear, not OpenSSH") {
		t.Errorf("sentence %q", text)
	}
}
