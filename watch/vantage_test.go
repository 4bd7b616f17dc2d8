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
