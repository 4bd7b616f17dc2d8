package watch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// looksWithin lets time pass, judging once a minute, and returns how many outside
// and inside looks were made.
func (w *world) looksWithin(d time.Duration) (outside, inside int) {
	w.Helper()
	outside, inside = len(w.out.looks()), w.in.looks
	for passed := time.Duration(0); passed < d; passed += time.Minute {
		w.run(time.Minute)
	}
	return len(w.out.looks()) - outside, w.in.looks - inside
}

func TestADoorThatNobodyCompletedAConnectionToIsLookedAtEverMoreRarely(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.channel("ops")
	w.out.set(home4, 22, 9100)
	w.out.confirmed = false
	w.after(time.Hour)
	w.look()
	w.quiet()
	second := w.wanted(reasonSecond)
	if len(second) != 1 || second[0].Ports.String() != "9100" || second[0].Due.Sub(w.clock()) > time.Second {
		t.Fatalf("wanted: %v", w.reasons())
	}
	// Doubling from a second, 2^12 s are more than an hour.
	if n, _ := w.looksWithin(time.Hour); n < 5 || n > 14 {
		t.Errorf("%d looks in an hour at a door that does not let itself be confirmed", n)
	}
	w.out.confirmed = true
	w.run(3 * time.Hour)
	if a := w.only(); a.Port != 9100 {
		t.Errorf("the alert is %v", sentences(w.alerts(true)))
	}
	if open := w.wanted(reasonSecond); len(open) > 0 {
		t.Errorf("wanted though it is confirmed: %v", w.reasons())
	}
}

func TestADoorThatIsConfirmedLaterIsLookedAtSoonThough(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.report("rep-1", listening(portvigil.TCP, 9100, "/bin/a"))
	w.after(20 * day)
	w.report("rep-2", listening(portvigil.TCP, 9100, "/bin/a"))
	w.out.set(home4, 22, 9100)
	w.out.confirmed = false
	w.lookAt("9100")
	second := w.wanted(reasonSecond)
	if len(second) != 1 || second[0].Due.Sub(w.clock()) > time.Second {
		t.Errorf("listening for weeks and newly open, it is looked at in no hurry: %v", w.reasons())
	}
}

func TestADoorThatIsMissingIsLookedAtOnceMore(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.out.set(home4)
	w.after(time.Hour)
	w.look()
	w.quiet()
	second := w.wanted(reasonSecond)
	if len(second) != 1 || second[0].Due.Sub(w.clock()) != portvigil.MissingApart+time.Second {
		t.Fatalf("wanted: %v", w.reasons())
	}
	n, _ := w.looksWithin(time.Hour)
	if a := w.only(); a.Kind != portvigil.Kind(portvigil.Missing) {
		t.Errorf("the alert is %v", sentences(w.alerts(true)))
	}
	if n != 1 {
		t.Errorf("%d looks for a second sight", n)
	}
}

func TestASecondSightThatStaysIncompleteIsAskedForEverMoreRarely(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.out.set(home4)
	w.after(time.Hour)
	w.look()
	w.out.complete = false
	if n, _ := w.looksWithin(4 * time.Hour); n < 3 || n > 7 {
		t.Errorf("%d looks in four hours", n)
	}
	w.quiet()
}

func TestADoorThatOnlyAReportCanTellOfIsLookedAtEverMoreRarely(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.report("rep-1") // nothing listens: the inside decides, and it is not ours to ask
	w.after(time.Hour)
	w.out.set(home4)
	w.lookAt("22")
	if second := w.wanted(reasonSecond); len(second) != 1 || !second[0].Due.After(w.clock()) {
		t.Errorf("wanted: %v", w.reasons())
	}
	if n, _ := w.looksWithin(time.Hour); n > 14 {
		t.Errorf("%d looks within an hour", n)
	}
	w.report("rep-2")
	if a := w.only(); a.Kind != portvigil.Kind(portvigil.Missing) {
		t.Errorf("the alert is %v", sentences(w.alerts(true)))
	}
}

func TestAnEphemeralUDPSocketIsLookedAtFromInsideOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(web1, []string{home4}, 22)
	w.must(w.engine.EnsureLocal(t.Context(), web1))
	w.run(0)
	_, err := w.engine.Approve(t.Context(), "ann", web1, portvigil.ApproveRequest{All: true, Why: "as installed", Owner: "ann"})
	w.must(err)
	w.in.listeners = []portvigil.Listener{listening(portvigil.UDP, 40000, "/bin/resolver")}
	w.after(time.Minute)
	w.askInside()
	w.quiet()
	outside, inside := w.looksWithin(7 * time.Minute)
	if outside != 0 || inside != 1 {
		t.Errorf("%d looks from outside and %d from inside, want 0 and 1: silence decides nothing", outside, inside)
	}
	if a := w.only(); a.Port != 40000 {
		t.Errorf("the alert is %v", sentences(w.alerts(true)))
	}
}

func TestAnEphemeralUDPSocketOfAReportIsAwaitedInSilence(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.report("rep-1")
	w.after(time.Minute)
	w.report("rep-2", listening(portvigil.UDP, 40000, "/bin/resolver"))
	before := len(w.out.looksAt(portvigil.UDP))
	if outside, _ := w.looksWithin(time.Hour); outside != 0 || len(w.out.looksAt(portvigil.UDP)) != before {
		t.Errorf("%d looks at TCP for a UDP socket, %d at UDP", outside, len(w.out.looksAt(portvigil.UDP))-before)
	}
	w.report("rep-3", listening(portvigil.UDP, 40000, "/bin/resolver"))
	if a := w.only(); a.Port != 40000 {
		t.Errorf("the alert is %v", sentences(w.alerts(true)))
	}
}

func TestANewListenerThatNoLookCanTellOfIsLookedAtEverMoreRarely(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(*outsideWorld)
	}{
		{"the way is cut", func(o *outsideWorld) { o.complete = false }},
		{"the look fails", func(o *outsideWorld) { o.err = errBroken }},
		{"the address is the vantage's own machine", func(o *outsideWorld) { o.own = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := explained(t, 22)
			w.report("rep-1")
			c.spoil(w.out)
			w.after(time.Minute)
			w.report("rep-2", listening(portvigil.TCP, 9100, "/bin/a"))
			before := len(w.out.looks())
			w.until(w.clock().Add(time.Second)) // as long as a look takes
			w.run(time.Hour)
			if n := len(w.out.looks()) - before; n < 3 || n > 14 {
				t.Errorf("%d looks within an hour", n)
			}
		})
	}
}

func TestALookAtANewListenerThatEndsAtOnceIsNotRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.report("rep-1", listening(portvigil.TCP, 22, "/usr/sbin/sshd"))
	w.after(time.Hour)
	w.out.complete = false // and takes no time
	w.report("rep-2", listening(portvigil.TCP, 22, "/usr/sbin/sshd"), listening(portvigil.TCP, 9100, "/bin/a"))
	if n, _ := w.looksWithin(time.Minute); n < 2 || n > 8 {
		t.Errorf("%d looks within a minute", n)
	}
}

func TestALookFromTheHostItselfNeverCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.out.own = true
	w.web(22, 80)
	w.look()
	w.quiet()
	s := w.status()
	if len(s.Views) > 0 || len(s.Exposures) > 0 {
		t.Errorf("something is concluded from it: %+v %+v", s.Views, s.Exposures)
	}
	w.run(5 * day)
	w.quiet() // nor is a view blind that the host does not have
}

func TestARequestThatIsRunningIsNotAskedForOnceMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(web1, []string{home4, "203.0.113.8"}, 22)
	w.out.confirmed = false
	w.run(0)
	if open := w.wanted(reasonSecond); len(open) != 1 {
		t.Errorf("two addresses of one look are asked for apart: %v", w.reasons())
	}
	w.run(time.Minute)
	if open := w.wanted(reasonSecond); len(open) != 1 {
		t.Errorf("wanted: %v", w.reasons())
	}
}

func tcp(ports ...uint16) *portvigil.PortSpec {
	return &portvigil.PortSpec{TCP: portvigil.PortsOf(ports...)}
}

func TestPlannedIsWhatCoversThePortsAndIsDueByThen(t *testing.T) {
	t.Parallel()
	due := dawn.Add(time.Minute)
	request := func(edits ...func(*portvigil.LookRequest)) portvigil.LookRequest {
		r := portvigil.LookRequest{View: portvigil.Outside, Reason: reasonSecond, Ports: tcp(22, 80), Due: due, State: portvigil.LookWanted}
		for _, edit := range edits {
			edit(&r)
		}
		return r
	}
	for _, c := range []struct {
		name string
		open portvigil.LookRequest
		want bool
	}{
		{"the same", request(), true},
		{"one that is due before", request(func(r *portvigil.LookRequest) { r.Due = dawn }), true},
		{"not one that is due after", request(func(r *portvigil.LookRequest) { r.Due = due.Add(1) }), false},
		{"one that is running, whenever it was due", request(func(r *portvigil.LookRequest) { r.Due, r.State = due.Add(1), portvigil.LookRunning }), true},
		{"one for more ports", request(func(r *portvigil.LookRequest) { r.Ports = &portvigil.PortSpec{TCP: portvigil.AllPorts()} }), true},
		{"not one for the same ports of the other protocol", request(func(r *portvigil.LookRequest) { r.Ports = &portvigil.PortSpec{UDP: r.Ports.TCP} }), false},
		{"not one for fewer ports", request(func(r *portvigil.LookRequest) { r.Ports = tcp(22) }), false},
		{"not one for another reason", request(func(r *portvigil.LookRequest) { r.Reason = reasonShut }), false},
		{"not one of another view", request(func(r *portvigil.LookRequest) { r.View, r.Ports = portvigil.Inside, nil }), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := planned([]portvigil.LookRequest{c.open}, portvigil.Outside, tcp(22, 80), reasonSecond, due)
			if got != c.want {
				t.Errorf("planned: %v, want %v", got, c.want)
			}
		})
	}
}

func TestTheRowsOfAnAlertNameItsPorts(t *testing.T) {
	t.Parallel()
	a := portvigil.Alert{Endpoints: []portvigil.AlertEndpoint{
		{Proto: portvigil.TCP, Port: 22},
		{Proto: portvigil.TCP, Port: 1000, Ports: "1000-1002,2000"},
		{Proto: portvigil.UDP, Port: 53},
	}}
	if diff := cmp.Diff("22,1000-1002,2000,U:53", portsOf(a).String()); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
}
