package portvigil

import (
	"testing"
	"time"
)

func TestHiddenIsOpenTwiceAroundAnInsideLookThatExplainsNothing(t *testing.T) {
	// seen opens 9100 from outside, looks inside, and looks again from outside.
	seen := func(s *story, listeners []Listener, edits ...func(*Look)) {
		s.outside("9100")
		s.after(time.Hour)
		s.inside(listeners, append([]func(*Look){thorough}, edits...)...)
		s.after(time.Hour)
		s.outside("9100")
	}
	hidden := "9100/tcp 203.0.113.7 hidden also:unexpected-exposed"
	exposed := "9100/tcp 203.0.113.7 unexpected-exposed"
	runVerdicts(t, []verdictCase{
		{"nothing explains it", func(s *story) { seen(s, nil) }, []string{hidden}},
		{"not even a listener on loopback", func(s *story) { seen(s, sockets(listens("127.0.0.1:9100", ""))) }, []string{hidden}},
		{"a listener explains it", func(s *story) { seen(s, sockets(listens("0.0.0.0:9100", ""))) }, []string{exposed}},
		{"it stays hidden while inside looks go on", func(s *story) {
			seen(s, nil)
			for range 20 {
				s.after(time.Hour)
				s.inside(nil, thorough)
			}
		}, []string{hidden}},
		{"also after a long time of inside looks before", func(s *story) {
			for range 200 {
				s.inside(nil, thorough)
				s.after(time.Hour)
			}
			s.outside("9100")
			for range 23 {
				s.after(time.Hour)
				s.inside(nil, thorough)
			}
			s.after(time.Hour)
			s.outside("9100")
			s.after(time.Hour)
			s.inside(nil, thorough)
		}, []string{hidden}},
		{"a listener that came later explains it", func(s *story) {
			seen(s, nil)
			s.after(time.Hour)
			s.inside(sockets(listens("0.0.0.0:9100", "")), thorough)
		}, []string{exposed}},
		{"the baseline does not hide it", func(s *story) { seen(s, nil); s.expects(entry("9100")) },
			[]string{"9100/tcp 203.0.113.7 hidden"}},
		{"an allow line does not either", func(s *story) { seen(s, nil); s.baseline.Allow = []Allow{{}} },
			[]string{"9100/tcp 203.0.113.7 hidden also:allowed"}},
		{"the address is not known to be the host's own", func(s *story) { s.host.Addresses = nil; seen(s, nil) }, []string{exposed}},
		{"the address is NAT", func(s *story) { s.host.Addresses[0].Kind = AddressNAT; seen(s, nil) }, []string{exposed}},
		{"the inside look is not complete", func(s *story) { seen(s, nil, incomplete) }, []string{exposed}},
		{"the inside look does not cover redirects", func(s *story) { seen(s, nil, covering(CoversSockets, CoversNamespaces)) }, []string{exposed}},
		{"the inside look does not cover namespaces", func(s *story) { seen(s, nil, covering(CoversSockets, CoversDNAT)) }, []string{exposed}},
		{"it was not open again yet", func(s *story) {
			s.outside("9100")
			s.after(time.Hour)
			s.inside(nil, thorough)
		}, []string{exposed}},
		{"the inside look began before it opened", func(s *story) {
			s.inside(nil, thorough)
			s.after(time.Hour)
			s.outside("9100")
			s.after(time.Hour)
			s.outside("9100")
		}, []string{exposed}},
		{"nobody has completed a connection", func(s *story) {
			seen(s, nil)
			for _, l := range s.looks {
				unconfirmed(l)
			}
		}, []string{"9100/tcp 203.0.113.7 pending also:unexpected-exposed"}},
	})
}

func TestMissingIsShutInTwoCompleteLooksTenMinutesApart(t *testing.T) {
	ssh4 := "22/tcp 203.0.113.7 "
	twice := func(s *story, look func()) { look(); s.after(10 * time.Minute); look() }
	runVerdicts(t, []verdictCase{
		{"in the first it is awaited", func(s *story) { s.outside(""); s.expects(entry("22")) }, []string{ssh4 + "pending"}},
		{"less than ten minutes are too few", func(s *story) {
			s.outside("")
			s.after(10*time.Minute - time.Second)
			s.outside("")
			s.expects(entry("22"))
		}, []string{ssh4 + "pending"}},
		{"in two it is missing", func(s *story) { twice(s, func() { s.outside("") }); s.expects(entry("22")) }, []string{ssh4 + "missing"}},
		{"also where it had been open", func(s *story) {
			s.outside("22")
			s.after(day)
			twice(s, func() { s.outside("", only("22")) })
			s.expects(entry("22"))
		}, []string{ssh4 + "missing"}},
		{"an incomplete look misses nothing", func(s *story) {
			s.outside("")
			s.after(time.Hour)
			s.outside("", incomplete)
			s.expects(entry("22"))
		}, []string{ssh4 + "pending"}},
		{"a look elsewhere misses nothing", func(s *story) {
			s.outside("")
			s.after(time.Hour)
			s.outside("", only("80"))
			s.expects(entry("22"))
		}, []string{ssh4 + "pending"}},
		{"open or filtered misses nothing", func(s *story) {
			twice(s, func() { s.outside("", udp) })
			s.expects(entry("53", func(e *Entry) { e.Proto = UDP }))
		}, []string{"53/udp 203.0.113.7 expected"}},
		{"a range requires nothing", func(s *story) { twice(s, func() { s.outside("") }); s.expects(entry("20-22")) }, nil},
		{"an expired entry requires nothing", func(s *story) {
			twice(s, func() { s.outside("") })
			s.expects(entry("22", expiring("2026-03-01")))
		}, nil},
		{"an entry without an address is satisfied at any", func(s *story) {
			twice(s, func() { s.outside("22"); s.outside("", atAddress(web6)) })
			s.expects(entry("22"))
		}, []string{ssh4 + "expected"}},
		{"an entry about one address is not", func(s *story) {
			twice(s, func() { s.outside("22"); s.outside("", atAddress(web6)) })
			s.expects(entry("22", about4("2001:db8::7/128")), entry("20-30", about4("203.0.113.7/32")))
		}, []string{ssh4 + "expected", "22/tcp 2001:db8::7 missing"}},
		{"inside decides where the entry asks for no vantage", func(s *story) {
			twice(s, func() { s.outside(""); s.inside(sockets(listens("0.0.0.0:22", ""))) })
			s.expects(entry("22"))
		}, []string{ssh4 + "expected"}},
		{"and finds it missing", func(s *story) { twice(s, func() { s.inside(nil) }); s.expects(entry("22")) }, []string{"22/tcp missing"}},
		{"outside decides where the entry asks for it", func(s *story) {
			twice(s, func() { s.outside(""); s.inside(nil) })
			s.expects(entry("22", seenFrom("local")))
		}, []string{ssh4 + "missing"}},
		{"a vantage that the host does not have is not asked for", func(s *story) {
			twice(s, func() { s.outside(""); s.inside(nil) })
			s.expects(entry("22", seenFrom("office")))
		}, []string{ssh4 + "missing"}},
		{"without an inside view the vantage asked for does not exist, and nothing is claimed", func(s *story) {
			twice(s, func() { s.outside("") })
			s.expects(entry("22", seenFrom("office")))
		}, nil},
		{"every vantage asked for has to miss it", func(s *story) {
			twice(s, func() { s.outside(""); s.outside("22", from("office", ReachInternal)) })
			s.expects(entry("22"))
		}, []string{ssh4 + "expected"}},
		{"a loopback entry is missed by the inside only", func(s *story) {
			twice(s, func() { s.outside("") })
			s.expects(entry("5432", scoped(ScopeLoopback)))
		}, nil},
		{"a loopback listener is expected where it is written down", func(s *story) {
			s.inside(sockets(listens("127.0.0.1:5432", "")))
			s.expects(entry("5432", scoped(ScopeLoopback)))
		}, []string{"5432/tcp 127.0.0.1 expected"}},
		{"who looks once is told at once", func(s *story) { s.atOnce = true; s.inside(nil); s.expects(entry("22")) }, []string{"22/tcp missing"}},
	})
}

func TestUnverifiedIsAnEntryThatABlindViewIsAskedFor(t *testing.T) {
	runVerdicts(t, []verdictCase{
		{"the outside has not looked for long", func(s *story) {
			s.outside("22")
			s.expects(entry("22"))
			s.after(36*time.Hour + time.Second)
		}, []string{"22/tcp 203.0.113.7 unverified"}},
		{"fresh is up to one and a half intervals", func(s *story) { s.outside("22"); s.expects(entry("22")); s.after(36 * time.Hour) },
			[]string{"22/tcp 203.0.113.7 expected"}},
		{"the inside has not looked for long", func(s *story) {
			s.outside("22")
			s.inside(sockets(listens("0.0.0.0:22", "")))
			s.expects(entry("22"))
			s.after(91 * time.Minute)
		}, []string{"22/tcp 203.0.113.7 unverified"}},
		{"its looks are not complete", func(s *story) { s.outside("22", incomplete); s.expects(entry("22")) },
			[]string{"22/tcp 203.0.113.7 unverified"}},
		{"its looks went elsewhere", func(s *story) {
			s.inside(sockets(listens("0.0.0.0:22", "")))
			s.outside("", only("80"))
			s.expects(entry("22"))
		}, []string{"22/tcp unverified"}},
		{"a range requires nothing", func(s *story) { s.outside("22"); s.expects(entry("20-22")); s.after(2 * day) },
			[]string{"22/tcp 203.0.113.7 expected"}},
		{"a single port that a host's range stands before still asks", func(s *story) {
			s.outside("22")
			s.expects(entry("20-22"), entry("22", func(e *Entry) { e.Group = "web" }))
			s.after(2 * day)
		}, []string{"22/tcp 203.0.113.7 unverified"}},
		{"a vantage that the entry does not ask for does not matter", func(s *story) {
			s.outside("22")
			s.after(2 * day)
			s.outside("22", from("office", ReachInternal))
			s.expects(entry("22", seenFrom("office")), entry("20-30"))
		}, []string{"22/tcp 203.0.113.7 expected"}},
		{"nor one that cannot see its scope", func(s *story) {
			s.outside("")
			s.after(2 * day)
			s.inside(sockets(listens("10.0.0.5:22", "")))
			s.expects(entry("22", scoped(ScopePrivate)))
		}, []string{"22/tcp 10.0.0.5 expected"}},
		{"nor one that cannot see its protocol", func(s *story) {
			s.outside("")
			s.after(2 * day)
			l := listens("10.0.0.5:53", "")
			l.Proto = UDP
			s.inside(sockets(l))
			s.expects(entry("53", func(e *Entry) { e.Proto = UDP }))
		}, []string{"53/udp 10.0.0.5 expected"}},
		{"a view that the host does not have is not asked for", func(s *story) { s.inside(sockets(listens("0.0.0.0:22", ""))); s.expects(entry("22")) },
			[]string{"22/tcp expected"}},
		{"nothing is claimed of what no view can look at", func(s *story) { s.expects(entry("22")) }, nil},
		{"it is no alert", func(s *story) {
			s.outside("22")
			s.expects(entry("22"))
			s.after(2 * day)
			for _, e := range s.join() {
				if e.Tells() || e.Severity() != Low {
					s.t.Errorf("%s tells", e.Verdict)
				}
			}
		}, []string{"22/tcp 203.0.113.7 unverified"}},
	})
}

func TestGapIsWhatTheFirewallLetsThroughThoughNothingListens(t *testing.T) {
	runVerdicts(t, []verdictCase{
		{"closed where the others are filtered, as ranges", func(s *story) { s.outside("22", found(StateClosed, 80, 81, 443)); s.expects(entry("22")) },
			[]string{"22/tcp 203.0.113.7 expected", "80-81,443/tcp 203.0.113.7 gap"}},
		{"not where closed is the commonest", func(s *story) { s.outside("", elsewise(StateClosed)) }, nil},
		{"not what is in the baseline", func(s *story) { s.outside("", found(StateClosed, 80)); s.expects(entry("80-81")) }, nil},
		{"not where something listens", func(s *story) { s.outside("", found(StateClosed, 80)); s.inside(sockets(listens("0.0.0.0:80", ""))) },
			[]string{"80/tcp 203.0.113.7 unexpected-listening"}},
		{"one a host, whatever the addresses and vantages", func(s *story) {
			s.outside("", found(StateClosed, 80))
			s.outside("", found(StateClosed, 80), from("office", ReachInternal))
			s.outside("", found(StateClosed, 443), atAddress(web6))
		}, []string{"80,443/tcp gap"}},
		{"going by the last complete look at all ports", func(s *story) {
			s.outside("", found(StateClosed, 80))
			s.after(day)
			s.outside("", incomplete)
			s.outside("", only("22"))
		}, []string{"80/tcp 203.0.113.7 gap"}},
		{"not what a later look found filtered", func(s *story) {
			s.outside("", found(StateClosed, 80))
			s.after(day)
			s.outside("", only("80"))
		}, nil},
		{"a look at some ports finds none", func(s *story) { s.outside("", only("1-1000"), found(StateClosed, 80)) }, nil},
	})
}

func TestWhatABlindViewSawOpenIsDeniedByALiveOneThatHadSeenItToo(t *testing.T) {
	both := func(s *story) {
		s.outside("9100")
		s.inside(sockets(listens("0.0.0.0:9100", "")))
		s.after(time.Hour)
		s.inside(nil)
	}
	exposed := "9100/tcp 203.0.113.7 unexpected-exposed"
	runVerdicts(t, []verdictCase{
		{"while both are live it is open", both, []string{exposed}},
		{"when the one is blind, the other decides", func(s *story) { both(s); s.after(2 * day); s.inside(nil) }, nil},
		{"and time alone does not bring it back", func(s *story) {
			both(s)
			s.after(2 * day)
			s.inside(nil)
			s.after(30 * day)
		}, nil},
		{"when both are blind, nobody denies it", func(s *story) { both(s); s.after(30 * day) }, []string{exposed}},
		{"one that never saw it open does not deny it", func(s *story) {
			s.outside("9100")
			s.inside(nil)
			s.after(2 * day)
			s.inside(nil)
		}, []string{exposed}},
		{"an incomplete look that sees it open is believed", func(s *story) {
			both(s)
			s.after(2 * day)
			s.inside(nil)
			s.outside("9100", incomplete)
		}, []string{exposed}},
		{"UDP that fell silent is shut with a complete inside look without a listener", func(s *story) {
			s.outside("53", udp)
			s.after(time.Hour)
			s.outside("", udp)
			s.inside(nil)
		}, nil},
		{"and open without an inside view", func(s *story) {
			s.outside("53", udp)
			s.after(time.Hour)
			s.outside("", udp)
		}, []string{"53/udp 203.0.113.7 unexpected-exposed"}},
		{"silence with a listener is listening", func(s *story) {
			s.outside("", udp)
			l := listens("0.0.0.0:53", "")
			l.Proto = UDP
			s.inside(sockets(l))
		}, []string{"53/udp 203.0.113.7 unexpected-listening"}},
	})
}
