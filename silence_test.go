package portvigil

import (
	"testing"
	"time"
)

func overUDP(e *Entry) { e.Proto = UDP }

// unheard makes a look at UDP of one that nothing answers.
func unheard(l *Look) {
	udp(l)
	incomplete(l)
	l.Notes = []string{"no-answer: none of 300 datagrams was answered, so nothing vouches for the way"}
}

func resolver(bound string) Listener {
	l := listens(bound, "/usr/sbin/named")
	l.Proto = UDP
	return l
}

func TestSilenceOverUDPMissesNothingAndUnverifiesNothing(t *testing.T) {
	dns := "53/udp 203.0.113.7 "
	asked := func(e *Entry) { overUDP(e); e.From = []string{"internet"} }
	apart := func(s *story, looks ...func()) {
		for _, look := range looks {
			look()
			s.after(10 * time.Minute)
		}
	}
	runVerdicts(t, []verdictCase{
		{"a host that never answers cannot be seen, however old the look", func(s *story) {
			s.outside("", unheard)
			s.expects(entry("53", asked))
			s.after(10 * day)
		}, nil},
		{"with an inside view that one says whether it is there", func(s *story) {
			s.outside("", unheard)
			s.inside(sockets(resolver("0.0.0.0:53")))
			s.expects(entry("53", asked))
		}, []string{"53/udp expected"}},
		{"and whether it is missing, also where the entry asks for the outside", func(s *story) {
			s.outside("", unheard)
			apart(s, func() { s.inside(nil) }, func() { s.inside(nil) })
			s.expects(entry("53", asked))
		}, []string{"53/udp missing"}},
		{"one that answered once and does not any more is no other case", func(s *story) {
			s.outside("", udp, found(StateClosed, 7))
			s.after(3 * day)
			s.outside("", unheard)
			s.expects(entry("53", asked))
		}, []string{dns + "expected"}},
		{"one that was not looked at is", func(s *story) {
			s.outside("", udp, found(StateClosed, 7))
			s.expects(entry("53", asked))
			s.after(3 * day)
		}, []string{dns + "unverified"}},
		{"silence with a complete inside look without a listener is shut", func(s *story) {
			s.outside("", udp)
			apart(s, func() { s.inside(nil) }, func() { s.inside(nil) })
			s.expects(entry("53", asked))
		}, []string{dns + "missing"}},
		{"silence with a listener is as it should be", func(s *story) {
			s.outside("", udp)
			s.inside(sockets(resolver("0.0.0.0:53")))
			s.expects(entry("53", asked))
		}, []string{dns + "expected"}},
	}[:])
}

func TestARejectingFirewallMissesNoUDPDoorThatNobodySawOpen(t *testing.T) {
	dns := "53/udp 203.0.113.7 "
	rejects := func(s *story) {
		s.outside("", udp, found(StateClosed, 53))
		s.after(10 * time.Minute)
		s.outside("", udp, found(StateClosed, 53))
	}
	asked := func(e *Entry) { overUDP(e); e.From = []string{"internet"} }
	runVerdicts(t, []verdictCase{
		{"what was never open from there", func(s *story) { rejects(s); s.expects(entry("53", overUDP)) }, nil},
		{"what was", func(s *story) {
			s.outside("53", udp)
			s.after(day)
			rejects(s)
			s.expects(entry("53", overUDP))
		}, []string{dns + "missing"}},
		{"what is to be open from there", func(s *story) { rejects(s); s.expects(entry("53", asked)) }, []string{dns + "missing"}},
		{"also after somebody has asked another port, which is silent", func(s *story) {
			rejects(s)
			s.outside("", unheard, only("9999"))
			s.expects(entry("53", asked))
		}, []string{dns + "missing"}},
		{"in one look that is all there is", func(s *story) { s.atOnce = true; rejects(s); s.expects(entry("53", overUDP)) }, []string{dns + "missing"}},
		{"what listens inside is there", func(s *story) {
			rejects(s)
			s.inside(sockets(resolver("0.0.0.0:53")))
			s.expects(entry("53", overUDP))
		}, []string{dns + "expected"}},
	})
}

func TestWhatFellSilentIsShutWhereTheWayIsThereAndNothingListens(t *testing.T) {
	exposed := "53/udp 203.0.113.7 unexpected-exposed"
	both := func(s *story) {
		s.outside("53", udp, found(StateClosed, 7))
		s.inside(sockets(resolver("0.0.0.0:53")))
		s.after(time.Hour)
		s.inside(nil)
	}
	runVerdicts(t, []verdictCase{
		{"the inside view alone does not deny it", both, []string{exposed}},
		{"nor with silence that may be that of the way", func(s *story) { both(s); s.outside("", unheard) }, []string{exposed}},
		{"it does with silence of a host that answers TCP", func(s *story) { both(s); s.outside("22"); s.outside("", unheard); s.expects(entry("22")) },
			[]string{"22/tcp 203.0.113.7 expected"}},
		{"not with a look at TCP from before", func(s *story) { s.outside("22"); both(s); s.outside("", unheard); s.expects(entry("22")) },
			[]string{"22/tcp 203.0.113.7 expected", exposed}},
		{"without an inside view silence shuts nothing", func(s *story) {
			s.outside("53", udp, found(StateClosed, 7))
			s.after(day)
			s.outside("22")
			s.outside("", unheard)
			s.expects(entry("22"))
		}, []string{"22/tcp 203.0.113.7 expected", exposed}},
		{"its own answer that it is closed does", func(s *story) {
			s.outside("53", udp)
			s.after(day)
			s.outside("", udp, found(StateClosed, 53))
		}, nil},
	})
}

func TestAHostThatAnswersNoUDPIsReachedAllTheSame(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	for range 10 {
		s.outside("")
		s.outside("", unheard)
		s.wantTold()
		s.after(day)
	}
	s.after(day)
	s.wantTold("alert.opened host-unreachable") // as TCP has it
	sights := VantageSights(s.host, s.trails(), s.now)
	if len(sights) != 1 || sights[0].Sees {
		t.Errorf("the vantage is said to see it: %+v", sights)
	}
	s.outside("7", udp)
	s.wantTold("alert.opened doors-to-explain")
	if sights = VantageSights(s.host, s.trails(), s.now); sights[0].Sees || !sights[0].Newest.Before(s.now) {
		t.Errorf("an answer over UDP is said to be one over TCP: %+v", sights)
	}
}

// An installation that is upgraded has looked at TCP for long when UDP comes.
func TestUDPThatComesToHostsThatAreWatchedFloodsNobody(t *testing.T) {
	t.Parallel()
	watched := func(t *testing.T) *story {
		s := newStory(t)
		known := sockets(listens("0.0.0.0:22", ""), resolver("0.0.0.0:53"), resolver("0.0.0.0:68"), resolver("0.0.0.0:161"), resolver("0.0.0.0:500"))
		s.expects(entry("22"), entry("53", overUDP), entry("68", overUDP), entry("51820", overUDP, scoped(ScopePublic)))
		for range 3 {
			s.inside(known)
			s.outside("22")
			s.after(day)
		}
		s.inside(known)
		s.wantTold("alert.opened doors-to-explain", "alert.opened missing 51820/udp")
		return s
	}
	for _, c := range []struct {
		name string
		come func(*story)
		rows string // of what is to be explained
	}{
		{"nothing answers", func(s *story) { s.outside("", unheard) }, "161/udp 500/udp"},
		{"all of it answers", func(s *story) { s.outside("53,68,161,500", udp, only("53,68,161,500")) }, "161/udp 500/udp"},
		{"a firewall rejects", func(s *story) { s.outside("", udp, only("53,68,161,500,51820"), elsewise(StateClosed)) }, "161/udp 500/udp"},
		{"a door that nothing explains inside", func(s *story) { s.outside("53,4500", udp, found(StateClosed, 7, 9)) }, "161/udp 500/udp 4500/udp"},
		{"very many doors", func(s *story) { s.outside("1000-1300", udp, only("1-2000")) }, "161,500/udp 1000-1300/udp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := watched(t)
			for range 3 {
				c.come(s)
				s.wantTold()
				s.after(20 * time.Minute)
			}
			s.wantAlerts("doors-to-explain new", "missing 51820/udp new")
			if got := s.rows(DoorsToExplain); got != c.rows {
				t.Errorf("to explain is %s, want %s", got, c.rows)
			}
		})
	}
	t.Run("what opens after that is news", func(t *testing.T) {
		t.Parallel()
		s := watched(t)
		s.outside("53", udp, found(StateClosed, 7))
		s.wantTold()
		s.after(time.Hour)
		s.outside("53,123", udp, found(StateClosed, 7))
		s.wantTold("alert.opened unexpected-exposed 123/udp")
	})
}

// A host that is only seen from outside has its baseline from a list of its sockets,
// as like as not.
func TestUDPThatComesMissesNothingOfAListOfSockets(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.expects(entry("22"), entry("53", overUDP), entry("123", overUDP), entry("51820", overUDP))
	s.outside("22")
	s.wantTold()
	for range 3 {
		s.after(day)
		s.outside("22")
		s.outside("", udp, found(StateClosed, 53, 123))
		s.wantTold()
		s.wantVerdicts("22/tcp 203.0.113.7 expected", "51820/udp 203.0.113.7 expected")
	}
	s.wantAlerts()
}

func TestWhatNoViewCanTellOfAUDPDoorIsNotSaidToBeShut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		tell func(*story)
		want EntrySight
	}{
		{"it was asked and is silent", func(s *story) { s.outside("", udp) }, SightUnknown},
		{"its host answers no UDP", func(s *story) { s.outside("22"); s.outside("", unheard) }, SightUnknown},
		{"nobody has asked it", func(s *story) { s.outside("22") }, SightUnknown},
		{"it says so itself", func(s *story) { s.outside("", udp, found(StateClosed, 53)) }, SightShut},
		{"nothing listens", func(s *story) { s.outside("", udp); s.inside(nil) }, SightShut},
		{"it answers", func(s *story) { s.outside("53", udp) }, SightOpen},
		{"it listens", func(s *story) { s.outside("", udp); s.inside(sockets(resolver("0.0.0.0:53"))) }, SightListening},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.expects(entry("53", overUDP))
			c.tell(s)
			doors := DoorSights(s.join())
			if got := SightOf(s.baseline.Entries[0], doors); got != c.want {
				t.Errorf("it is %q, want %q", got, c.want)
			}
			items := ReviewItems([]Reviewed{{DocumentStatus: DocumentStatus{
				Document: Document{Entries: s.baseline.Entries}, Hosts: []SeenHost{{Name: "web1", Doors: doors}}}}}, nil, nil, s.now)
			told := false
			for _, i := range items {
				for _, r := range i.Reasons {
					told = told || r == ReviewNotOpen
				}
			}
			if told != (c.want == SightShut) {
				t.Errorf("not open for a month: %v", told)
			}
		})
	}
}
