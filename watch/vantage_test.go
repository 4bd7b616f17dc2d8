package watch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

// fleet is a world with n hosts that have no open door, looked at once.
func fleet(t failer, n int) *world {
	t.Helper()
	w := newWorld(t)
	for i := range n {
		w.add(fmt.Sprintf("web%d", i+1), []string{fmt.Sprintf("203.0.113.%d", i+1)})
	}
	w.run(0)
	w.quiet()
	return w
}

// pass lets time go by as a server does that judges between looks.
func (w *world) pass(d time.Duration) {
	w.Helper()
	for ; d > 0; d -= 2 * time.Hour {
		w.run(2 * time.Hour)
	}
}

// ofKind returns the open alerts of a kind.
func (w *world) ofKind(kind portvigil.Kind) []portvigil.Alert {
	w.Helper()
	return slices.DeleteFunc(w.alerts(true), func(a portvigil.Alert) bool { return a.Kind != kind })
}

func TestAVantageThatIsBlindForManyHostsIsOneAlert(t *testing.T) {
	t.Parallel()
	w := fleet(t, 5)
	w.channel("ops")
	w.out.complete = false
	w.pass(4 * day)
	a := w.only()
	if a.Kind != portvigil.VantageBlind || a.Subject != portvigil.VantageSubject("local") || a.Severity != portvigil.High {
		t.Fatalf("the alert is %+v", a)
	}
	w.out.complete = true
	w.pass(2 * day)
	w.quiet()
	if want := []string{"alert.opened", "alert.resolved"}; !slices.Equal(w.told(), want) {
		t.Errorf("told %v, want %v", w.told(), want)
	}
}

func TestTwoHostsThatCannotBeReachedAreTwoAlerts(t *testing.T) {
	t.Parallel()
	w := fleet(t, 2)
	w.out.complete = false
	w.pass(4 * day)
	if got := w.ofKind(portvigil.HostUnreachable); len(got) != 2 || len(w.alerts(true)) != 2 {
		t.Errorf("open are %v", sentences(w.alerts(true)))
	}
}

func TestAHostThatStaysUnreachableGetsItsOwnAlertOnceTheVantageSeesAgain(t *testing.T) {
	t.Parallel()
	w := fleet(t, 5)
	w.out.complete = false
	w.pass(4 * day)
	if a := w.only(); a.Kind != portvigil.VantageBlind {
		t.Fatalf("open is %v", sentences(w.alerts(true)))
	}
	w.out.complete = true
	w.out.mu.Lock()
	w.out.silent = "203.0.113.5"
	w.out.mu.Unlock()
	w.pass(3 * day)
	if a := w.only(); a.Kind != portvigil.HostUnreachable || a.Host != "web5" {
		t.Errorf("open are %v", sentences(w.alerts(true)))
	}
}

func TestAHostThatWasUnreachableBeforeStaysSoWhileTheVantageIsBlind(t *testing.T) {
	t.Parallel()
	w := fleet(t, 5)
	w.out.mu.Lock()
	w.out.silent = "203.0.113.5"
	w.out.mu.Unlock()
	w.pass(3 * day)
	a := w.only()
	w.out.complete = false
	w.pass(4 * day)
	if b := w.alert(a.ID); !b.Open() || len(w.alerts(true)) != 2 {
		t.Errorf("open are %v", sentences(w.alerts(true)))
	}
}

// minutes lets time go by as Run does.
func (w *world) minutes(n int) {
	w.Helper()
	for range n {
		w.run(time.Minute)
	}
}

func TestAVantageThatLostItsNetworkIsToldOfWhenAFewLooksFailedAndNotADayLater(t *testing.T) {
	t.Parallel()
	w := fleet(t, 40)
	w.channel("ops")
	w.out.complete = false
	began := w.clock()
	for len(w.alerts(true)) == 0 && w.clock().Sub(began) < day {
		w.minutes(10)
	}
	if a := w.only(); a.Kind != portvigil.VantageBlind {
		t.Fatalf("open are %v", sentences(w.alerts(true)))
	}
	// Two regular looks of forty a day have to fail, beginning with the first
	// quarter of the day after the hosts were added.
	if took := w.clock().Sub(began); took > day/2 {
		t.Errorf("it took %s", took)
	}
	w.minutes(120)
	if n := len(w.wanted(reasonVantage)); n == 0 || n > probedHosts {
		t.Errorf("%d looks are wanted to tell whether it sees: %v", n, w.reasons())
	}
	before := len(w.out.looks())
	w.minutes(60)
	if n := len(w.out.looks()) - before; n > 60/15*probedHosts+20 {
		t.Errorf("%d looks within an hour of blindness", n)
	}
	w.out.complete = true
	began = w.clock()
	for len(w.alerts(true)) > 0 && w.clock().Sub(began) < day {
		w.minutes(1)
	}
	if took := w.clock().Sub(began); took > latest+caughtUp+2*time.Minute {
		t.Errorf("it took %s until the vantage is said to see again", took)
	}
	w.pass(2 * day)
	w.quiet()
	if want := []string{"alert.opened", "alert.resolved"}; !slices.Equal(w.told(), want) {
		t.Errorf("told %v, want %v", w.told(), want)
	}
}

func TestAHostThatIsDownMakesNoBlindVantage(t *testing.T) {
	t.Parallel()
	w := fleet(t, 12)
	w.out.mu.Lock()
	w.out.silent = "203.0.113.5"
	w.out.mu.Unlock()
	w.pass(4 * day)
	if a := w.only(); a.Kind != portvigil.HostUnreachable {
		t.Errorf("open are %v", sentences(w.alerts(true)))
	}
}

func TestHostsThatWereSaidToBeUnreachableShareTheCauseOfTheirVantage(t *testing.T) {
	t.Parallel()
	w := fleet(t, 2)
	w.out.complete = false
	for len(w.alerts(true)) < 2 {
		w.minutes(10)
	}
	// A third host is added while the two are said to be down.
	w.add("web3", []string{"203.0.113.3"})
	w.minutes(2)
	alerts := w.alerts(true)
	if len(w.ofKind(portvigil.VantageBlind)) != 1 || len(alerts) != 3 {
		t.Fatalf("open are %v", sentences(alerts))
	}
	for _, a := range alerts {
		if a.Cause == nil || a.Cause.Kind != portvigil.CauseVantage || a.Cause.Count != 3 {
			t.Errorf("the cause of %q is %+v", a.Text, a.Cause)
		}
	}
}
