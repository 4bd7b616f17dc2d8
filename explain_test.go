package portvigil

import (
	"strings"
	"testing"
	"time"
)

func TestFirstSightIsOneAlertOfDoorsToExplain(t *testing.T) {
	s := newStory(t)
	s.outside("22,80,443")
	s.wantTold("alert.opened doors-to-explain")
	if got := s.rows(DoorsToExplain); got != "22/tcp 80/tcp 443/tcp" {
		t.Errorf("rows %s", got)
	}
	if text := s.alerts[0].Text; !strings.Contains(text, "3 doors") {
		t.Errorf("text %q", text)
	}
	s.after(day)
	s.outside("22,80,443,9100")
	s.wantTold("alert.opened " + exposed9100)
	if got := s.rows(DoorsToExplain); got != "22/tcp 80/tcp 443/tcp" {
		t.Errorf("rows %s", got)
	}
}

func TestEachNewViewProtocolOrCoverageAddsItsDoorsToExplain(t *testing.T) {
	s := newStory(t)
	s.outside("22", only("22"))
	s.wantTold("alert.opened doors-to-explain")
	for _, next := range []struct {
		look func()
		rows string
	}{
		{func() { s.outside("22,80") }, "22/tcp 80/tcp"},
		{func() { s.outside("443", atAddress(web6)) }, "22/tcp 80/tcp 443/tcp"},
		{func() { s.outside("8080", from("office", ReachInternal)) }, "22/tcp 80/tcp 443/tcp 8080/tcp"},
		{func() { s.inside(sockets(listens("0.0.0.0:9100", ""))) }, "22/tcp 80/tcp 443/tcp 8080/tcp 9100/tcp"},
		{func() { s.outside("53", udp) }, "22/tcp 80/tcp 443/tcp 8080/tcp 9100/tcp 53/udp"},
	} {
		s.after(time.Minute)
		next.look()
		s.wantTold()
		if got := s.rows(DoorsToExplain); got != next.rows {
			t.Errorf("rows %s, want %s", got, next.rows)
		}
	}
}

func TestApprovingEntriesShrinksWhatIsToExplain(t *testing.T) {
	s := newStory(t)
	s.outside("22,80")
	s.wantTold("alert.opened doors-to-explain")
	s.expects(entry("22"))
	s.wantToldFor(Approval{By: "ann"})
	if got := s.rows(DoorsToExplain); got != "80/tcp" {
		t.Errorf("rows %s", got)
	}
	s.expects(entry("80"))
	s.wantToldFor(Approval{By: "ann"}, "alert.resolved doors-to-explain")
	s.wantAlerts("doors-to-explain resolved:expected")
}

func TestADoorToExplainThatIsShutLeavesTheListAndIsNewsWhenItComesBack(t *testing.T) {
	s := newStory(t)
	s.outside("22,9100")
	s.wantTold("alert.opened doors-to-explain")
	s.after(day)
	s.outside("22")
	s.wantTold()
	if got := s.rows(DoorsToExplain); got != "22/tcp" {
		t.Errorf("rows %s", got)
	}
	s.after(day)
	s.outside("22,9100")
	s.wantTold("alert.opened " + exposed9100)
}

func TestAnAcceptedListComesBackForADoorThatNobodyAccepted(t *testing.T) {
	s := newStory(t)
	s.outside("22")
	s.wantTold("alert.opened doors-to-explain")
	s.act(func(a Alert) (Change, error) { return a.Accept("ann", "later", "ann", s.now.Add(30*day), s.now) })
	s.after(time.Hour)
	s.outside("22", from("office", ReachInternal))
	s.wantTold()
	s.outside("80", atAddress(web6))
	s.wantTold("alert.reopened doors-to-explain")
}

func TestMoreThan100DoorsAtFirstSightAreRangesOfOneAlert(t *testing.T) {
	s := newStory(t)
	s.outside("1001-1150")
	s.wantTold("alert.opened doors-to-explain")
	if got := s.rows(DoorsToExplain); got != "1001-1150/tcp" {
		t.Errorf("rows %s", got)
	}
	if _, err := s.alerts[0].Doors(); ErrorCode(err) != CodeConflict {
		t.Errorf("doors of ranges: %v", err)
	}
}

func TestABlindViewIsOneAlertAndNoDoorIsToldBecauseOfIt(t *testing.T) {
	for name, c := range map[string]struct {
		look  func(*story)
		after time.Duration
		kind  string
	}{
		"outside": {func(s *story) { s.outside("22,80") }, 36 * time.Hour, "host-unreachable"},
		"inside": {func(s *story) { s.inside(sockets(listens("0.0.0.0:22", ""), listens("0.0.0.0:80", ""))) },
			90 * time.Minute, "agent-silent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.expects(entry("22"), entry("80"))
			c.look(s)
			s.after(c.after)
			s.wantTold()
			s.after(time.Second)
			s.wantTold("alert.opened " + c.kind)
			s.after(time.Minute)
			c.look(s)
			s.looks[len(s.looks)-1].Complete = false
			s.wantTold()
			s.after(time.Minute)
			c.look(s)
			s.wantTold("alert.resolved " + c.kind)
		})
	}
}

func TestAHostThatNeverAnsweredIsUnreachable(t *testing.T) {
	s := newStory(t)
	s.outside("", incomplete, noting("no-answer"))
	s.after(36 * time.Hour)
	s.wantTold()
	s.after(time.Hour)
	s.wantTold("alert.opened host-unreachable")
}

func TestTheSameSilenceCalledFalseStaysFalse(t *testing.T) {
	s := newStory(t)
	s.outside("")
	s.after(2 * day)
	s.wantTold("alert.opened host-unreachable")
	s.act(func(a Alert) (Change, error) { return a.False("ann", "it was moved", DoorPrint{}, s.now) })
	s.after(day)
	s.wantTold()
	s.outside("")
	s.wantTold()
	s.after(2 * day)
	s.wantTold("alert.reopened host-unreachable")
}

func TestAViewThatTheHostDoesNotHaveIsNotAskedFor(t *testing.T) {
	s := newStory(t)
	s.after(365 * day)
	s.wantTold()
	s.inside(nil)
	s.wantTold()
}
