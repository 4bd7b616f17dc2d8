package portvigil

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	exposed9100 = "unexpected-exposed 9100/tcp"
	quiet9100   = "unexpected-listening 9100/tcp"
)

// raised is a host that was known before 9100 opened on it.
func raised(t failer) *story {
	s := newStory(t)
	s.outside("")
	s.after(time.Hour)
	s.outside("9100")
	s.wantTold("alert.opened " + exposed9100)
	s.after(time.Hour)
	return s
}

func TestAnAlertIsToldOnceHoweverOftenItIsSeen(t *testing.T) {
	s := raised(t)
	for range 3 {
		s.outside("9100")
		s.wantTold()
		s.after(day)
	}
	s.wantAlerts(exposed9100 + " new")
}

func TestAPendingDoorIsToldWhenItIsConfirmed(t *testing.T) {
	s := newStory(t)
	s.outside("")
	s.outside("9100", unconfirmed)
	s.wantTold()
	s.after(time.Minute)
	s.outside("9100", only("9100"))
	s.wantTold("alert.opened " + exposed9100)
}

func TestAcknowledgingIsNotResolving(t *testing.T) {
	s := raised(t)
	until := s.now.Add(2 * time.Hour)
	s.act(func(a Alert) (Change, error) { return a.Acknowledge("ann", &until, s.now) })
	s.after(time.Hour)
	s.wantTold()
	s.wantAlerts(exposed9100 + " acknowledged")
	s.act(func(a Alert) (Change, error) { return a.Investigate(s.now) })
	s.wantAlerts(exposed9100 + " investigating")
}

func TestAnAcknowledgementEndsAtItsTime(t *testing.T) {
	s := raised(t)
	until := s.now.Add(2 * time.Hour)
	s.act(func(a Alert) (Change, error) { return a.Acknowledge("ann", &until, s.now) })
	s.after(2 * time.Hour)
	s.wantTold() // nothing but opened, re-opened, risen and resolved is told
	s.wantAlerts(exposed9100 + " new")
}

func TestAnAcknowledgedAlertThatRisesIsNewAgain(t *testing.T) {
	s := newStory(t)
	s.outside("")
	s.inside(nil)
	s.inside(sockets(listens("0.0.0.0:9100", "")))
	s.wantTold("alert.opened " + quiet9100)
	s.act(func(a Alert) (Change, error) { return a.Acknowledge("ann", nil, s.now) })
	s.after(time.Minute)
	s.outside("9100", only("9100"))
	s.wantTold("alert.changed " + exposed9100)
	s.wantAlerts(exposed9100 + " new")
}

func TestShutFromOutsideWhileItListensFallsAndStaysOpen(t *testing.T) {
	s := raised(t)
	listening := sockets(listens("0.0.0.0:9100", "/bin/exporter"))
	s.inside(listening)
	s.wantTold()
	s.after(time.Minute)
	s.outside("")
	s.wantTold()
	s.wantAlerts(quiet9100 + " new")
	// What was told as high before is no news, unless somebody acknowledged less.
	s.outside("9100")
	s.wantTold()
	s.wantAlerts(exposed9100 + " new")
	s.outside("")
	s.wantTold()
	s.act(func(a Alert) (Change, error) { return a.Acknowledge("ann", nil, s.now) })
	s.outside("9100")
	s.wantTold("alert.changed " + exposed9100)
	s.inside(nil)
	s.wantTold()
	s.outside("")
	s.wantTold("alert.resolved " + exposed9100)
}

func TestShutInEveryLiveViewThatSawItIsCleared(t *testing.T) {
	s := raised(t)
	s.outside("9100", from("office", ReachInternal))
	s.wantTold()
	s.outside("")
	s.wantTold()
	s.outside("", from("office", ReachInternal), only("9100"))
	s.wantTold("alert.resolved " + exposed9100)
	s.wantAlerts(exposed9100 + " resolved:cleared")
}

func TestWhatIsNotACompleteLookAtTheDoorDoesNotEndAnAlert(t *testing.T) {
	for name, edits := range map[string][]func(*Look){
		"an incomplete look":                {incomplete},
		"a cut path":                        {incomplete, noting("dead-path: 100 unreachable in a row")},
		"a look at another port":            {only("22")},
		"a look at another address":         {atAddress(web6)},
		"a look from another vantage":       {from("office", ReachInternal)},
		"a look from the server's own side": {ownAddress},
		"a look at UDP":                     {udp},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := raised(t)
			s.outside("", edits...)
			s.wantTold()
			s.wantAlerts(exposed9100 + " new")
		})
	}
}

func TestShutWaitsUntilItIsSeenShut(t *testing.T) {
	s := raised(t)
	s.act(func(a Alert) (Change, error) { return a.Shut("ann", s.now) })
	s.after(time.Minute)
	s.outside("9100", only("9100"))
	s.wantTold()
	s.wantAlerts(exposed9100 + " waiting-shut")
	s.outside("", only("9100"))
	s.wantTold("alert.resolved " + exposed9100)
	s.wantAlerts(exposed9100 + " resolved:shut")
	if by := s.alerts[0].Resolution.By; by != "ann" {
		t.Errorf("shut by %q", by)
	}
}

func TestADayLaterADoorThatIsStillOpenIsNewAgain(t *testing.T) {
	s := raised(t)
	s.act(func(a Alert) (Change, error) { return a.Shut("ann", s.now) })
	s.after(day - time.Second)
	s.wantTold()
	s.wantAlerts(exposed9100 + " waiting-shut")
	s.after(time.Second)
	in := s.reconciliation()
	if c := Reconcile(in); len(c) != 1 || c[0].What != "still open" {
		t.Errorf("changes %v, want still open", c)
	}
	s.wantTold()
	s.wantAlerts(exposed9100 + " new")
}

func TestOpenAgainWithin30DaysIsTheSameAlert(t *testing.T) {
	s := raised(t)
	s.outside("")
	s.wantTold("alert.resolved " + exposed9100)
	s.after(30 * day)
	s.outside("9100")
	s.wantTold("alert.reopened " + exposed9100)
	s.wantAlerts(exposed9100 + " new")
	if s.alerts[0].Reopened != 1 || s.alerts[0].Resolution != nil {
		t.Errorf("re-opened %d times, resolution %v", s.alerts[0].Reopened, s.alerts[0].Resolution)
	}
}

func TestLaterItIsAnotherAlertThatIsLinked(t *testing.T) {
	s := raised(t)
	s.outside("")
	s.wantTold("alert.resolved " + exposed9100)
	s.after(30*day + time.Second)
	s.outside("9100")
	s.wantTold("alert.opened " + exposed9100)
	s.wantAlerts(exposed9100+" resolved:cleared", exposed9100+" new")
	if s.alerts[1].Memory.Before != s.alerts[0].ID {
		t.Error("the second alert does not name the first")
	}
}

func TestAnAcceptedAlertComesBackWhenItsDateIsOverOrItRises(t *testing.T) {
	accept := func(s *story, days int) {
		until := s.now.Add(time.Duration(days) * day)
		s.act(func(a Alert) (Change, error) { return a.Accept("ann", "a test", "ann", until, s.now) })
	}
	t.Run("not before", func(t *testing.T) {
		t.Parallel()
		s := raised(t)
		accept(s, 3)
		s.after(3*day - time.Second)
		s.outside("9100")
		s.wantTold()
		s.after(time.Second)
		s.wantTold("alert.reopened " + exposed9100)
	})
	t.Run("above what was accepted, whatever had been told before", func(t *testing.T) {
		t.Parallel()
		s := raised(t)
		s.inside(sockets(listens("0.0.0.0:9100", "")))
		s.outside("")
		s.wantTold()
		s.wantAlerts(quiet9100 + " new")
		accept(s, 30)
		s.after(time.Minute)
		s.wantTold()
		s.outside("9100")
		s.wantTold("alert.reopened " + exposed9100)
	})
	t.Run("when it is hidden", func(t *testing.T) {
		t.Parallel()
		s := raised(t)
		accept(s, 30)
		s.inside(nil, thorough)
		s.after(time.Hour)
		s.outside("9100")
		s.wantTold("alert.reopened hidden 9100/tcp")
	})
}

func TestAFalseAlarmComesBackWhenSomethingElseAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		next func(*story)
		back bool
	}{
		"the same":               {func(s *story) { s.outside("9100", serving("nginx")) }, false},
		"an unknown product":     {func(s *story) { s.outside("9100") }, false},
		"another product":        {func(s *story) { s.outside("9100", serving("Apache httpd")) }, true},
		"another reach":          {func(s *story) { s.outside("9100", serving("nginx"), from("office", ReachInternal)) }, true},
		"an owner comes to know": {func(s *story) { s.inside(sockets(listens("0.0.0.0:9100", "/bin/nginx"))) }, false},
		"another one on another address": {func(s *story) {
			s.outside("9100", serving("Apache httpd"), atAddress(web6))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := raised(t)
			s.outside("9100", serving("nginx"))
			s.wantTold()
			s.act(func(a Alert) (Change, error) { return a.False("ann", "a honeypot", DoorPrint{}, s.now) })
			s.wantTold()
			s.after(time.Hour)
			c.next(s)
			if c.back {
				s.wantTold("alert.reopened " + exposed9100)
			} else {
				s.wantTold()
			}
		})
	}
}

func TestApprovingAnEntryResolvesTheAlertAsExpected(t *testing.T) {
	s := raised(t)
	s.expects(entry("9100"))
	s.wantToldFor(Approval{"ann", "monitoring", "ann"}, "alert.resolved "+exposed9100)
	s.wantAlerts(exposed9100 + " resolved:expected")
	if res := s.alerts[0].Resolution; res.By != "ann" || res.Why != "monitoring" || res.Owner != "ann" {
		t.Errorf("resolution %+v", res)
	}
	s.after(day)
	s.outside("9100")
	s.wantTold()
}

func TestAnExpectedAlertComesBackWhenItsEntryIsGoneOrExpired(t *testing.T) {
	for name, entries := range map[string][]Entry{"gone": nil, "expired": {entry("9100", expiring("2026-03-02"))}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := raised(t)
			s.expects(entry("9100"))
			s.wantTold("alert.resolved " + exposed9100)
			s.wantAlerts(exposed9100 + " resolved:expected")
			s.after(day)
			s.baseline.Entries = entries
			s.wantTold("alert.reopened " + exposed9100)
		})
	}
}

func TestAnEntryThatWasThereBeforeDoesNotMakeAShutDoorExpected(t *testing.T) {
	s := newStory(t)
	office := from("office", ReachInternal)
	s.expects(entry("9100", seenFrom("office")))
	s.outside("")
	s.outside("9100", office)
	s.outside("9100")
	s.wantTold("alert.opened " + exposed9100)
	s.after(time.Hour)
	s.outside("")
	s.wantTold("alert.resolved " + exposed9100)
	s.wantAlerts(exposed9100 + " resolved:cleared")
}

func TestMissingAndChangedEndWhenTheDoorIsAsWrittenDown(t *testing.T) {
	s := newStory(t)
	s.expects(entry("22", pinned(Pin{Product: "OpenSSH"})))
	s.outside("")
	s.wantTold()
	s.after(10 * time.Minute)
	s.outside("", only("22"))
	s.wantTold("alert.opened missing 22/tcp")
	s.outside("22", serving("dropbear"))
	s.wantTold()
	s.wantAlerts("changed 22/tcp new")
	s.outside("22", serving("OpenSSH"))
	s.wantTold("alert.resolved changed 22/tcp")
	s.wantAlerts("changed 22/tcp resolved:cleared")
}

func TestAddressesAreRowsOfOneAlert(t *testing.T) {
	s := newStory(t)
	s.outside("")
	s.outside("", atAddress(web6))
	s.outside("9100")
	s.outside("9100", atAddress(web6))
	s.wantTold("alert.opened " + exposed9100)
	if rows := s.alerts[0].Endpoints; len(rows) != 2 {
		t.Errorf("%d rows, want 2", len(rows))
	}
	s.outside("")
	s.wantTold()
}

func TestMoreThan100NewDoorsInOneLookAreOneAlert(t *testing.T) {
	for name, c := range map[string]struct {
		ports string
		edits []func(*Look)
		told  int
	}{
		"a hundred are told one by one":          {"1001-1100", nil, 100},
		"a hundred and one are a flood":          {"1001-1101", nil, 1},
		"few are one where everything answers":   {"1001-1003", []func(*Look){noting("answers-everywhere: every port")}, 1},
		"few are told one by one where it slows": {"1001-1003", []func(*Look){noting("rate-limited")}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.outside("")
			s.after(day)
			s.outside(c.ports, c.edits...)
			if told := s.reconcile(); len(told) != c.told {
				t.Errorf("%d told, want %d: %.3v", len(told), c.told, told)
			}
			s.wantTold()
		})
	}
}

func TestAFloodHasRangesAsRowsAndEndsAsOne(t *testing.T) {
	flooded := func(t *testing.T) *story {
		s := newStory(t)
		s.outside("")
		s.after(day)
		s.outside("1001-1150")
		s.wantTold("alert.opened many-doors")
		return s
	}
	t.Run("rows are ranges", func(t *testing.T) {
		s := flooded(t)
		if got := s.rows(ManyDoors); got != "1001-1150/tcp" {
			t.Errorf("rows %s", got)
		}
		if !strings.Contains(s.alerts[0].Text, "150 doors") {
			t.Errorf("text %q", s.alerts[0].Text)
		}
	})
	t.Run("another new door is told on its own", func(t *testing.T) {
		s := flooded(t)
		s.outside("1001-1150,9100")
		s.wantTold("alert.opened " + exposed9100)
	})
	t.Run("the last ones are still in it", func(t *testing.T) {
		s := flooded(t)
		s.outside("1001-1002")
		s.wantTold()
		if got := s.rows(ManyDoors); got != "1001/tcp 1002/tcp" {
			t.Errorf("rows %s", got)
		}
		s.act(func(a Alert) (Change, error) { return a.Shut("ann", s.now) })
		s.outside("")
		s.wantTold("alert.resolved many-doors")
		s.wantAlerts("many-doors resolved:shut")
	})
	t.Run("accepted, the rest of it stays accepted", func(t *testing.T) {
		s := flooded(t)
		s.act(func(a Alert) (Change, error) {
			return a.Accept("ann", "an appliance", "ann", s.now.Add(9*day), s.now)
		})
		s.outside("1001-1050")
		s.wantTold()
		s.outside("1001-1050,9100")
		s.wantTold("alert.opened " + exposed9100)
	})
	t.Run("approved as a range it is expected", func(t *testing.T) {
		s := flooded(t)
		s.expects(entry("1001-1150"))
		s.wantToldFor(Approval{By: "ann"}, "alert.resolved many-doors")
		s.wantAlerts("many-doors resolved:expected")
	})
	t.Run("much later it is another alert that is linked", func(t *testing.T) {
		s := flooded(t)
		s.outside("")
		s.wantTold("alert.resolved many-doors")
		s.after(31 * day)
		s.outside("1001-1150")
		s.wantTold("alert.opened many-doors")
		if len(s.alerts) != 2 || s.alerts[1].Memory.Before != s.alerts[0].ID {
			t.Error("the second flood does not name the first")
		}
	})
}

func TestARemovedHostsAlertsAreCleared(t *testing.T) {
	s := raised(t)
	for _, c := range Gone(s.alerts, Reconciliation{Host: s.host, Now: s.now, Approval: Approval{By: "ann"}}) {
		if c.Told != AlertIsResolved {
			t.Errorf("told %q", c.Told)
		}
		s.apply(c)
	}
	s.wantAlerts(exposed9100 + " resolved:cleared")
	if again := Gone(s.alerts, Reconciliation{Host: s.host, Now: s.now}); len(again) > 0 {
		t.Error("a resolved alert ended again")
	}
}

func TestAnAddressThatHasGoneTakesItsAlertsWithIt(t *testing.T) {
	s := raised(t)
	s.looks = nil
	s.outside("", atAddress(web6))
	s.wantTold("alert.resolved " + exposed9100)
	if why := s.alerts[0].Resolution.Why; strings.Contains(why, "seen shut") {
		t.Errorf("it claims %q, which nobody saw", why)
	}
}

func ExampleAlert_Sentence() {
	a := Alert{Kind: Kind(UnexpectedExposed), Host: "web1", Proto: TCP, Port: 9100, Service: &Service{Product: "Prometheus node exporter", Version: "1.8"}}
	fmt.Println(a.Sentence())
	// Output: web1 has 9100/tcp open to the outside (Prometheus node exporter 1.8); it is not in the baseline.
}
