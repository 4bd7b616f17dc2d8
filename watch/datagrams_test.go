package watch

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// datagramsSince returns the ports of the looks at UDP from the n-th on.
func (w *world) datagramsSince(n int) (list []string) {
	for _, t := range w.out.looksAt(portvigil.UDP)[n:] {
		list = append(list, t.Ports.String())
	}
	return list
}

func (w *world) approve(doors ...string) {
	w.Helper()
	_, err := w.engine.Approve(w.Context(), "ann", web1, portvigil.ApproveRequest{Doors: doors, Why: "as installed", Owner: "ann"})
	w.must(err)
}

func TestARegularLookIsOneAtTCPAndOneAtUDP(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.must(w.store.Update(t.Context(), func(tx Tx) error {
		text := "version: 1\nhost: web1\nentries:\n  - {port: 22, proto: tcp, why: a, owner: b}\n  - {port: 500-501, proto: udp, why: a, owner: b}\n"
		return tx.AddBaseline(portvigil.BaselineVersion{Kind: "host", Name: web1, Version: 2, Text: text})
	}))
	w.report("rep-1", listening(portvigil.UDP, 514, "/usr/sbin/rsyslogd"), listening(portvigil.UDP, 40000, "/bin/resolver"))
	w.run(0)
	n := len(w.out.looked)
	w.run(2 * day)
	looks := w.out.looked[n:]
	if len(looks) < 2 {
		t.Fatalf("%d looks in two days", len(looks))
	}
	for i := 0; i < len(looks); i += 2 {
		tcp, udp := looks[i], looks[i+1]
		if tcp.Proto != portvigil.TCP || tcp.Ports != nil || udp.Proto != portvigil.UDP || udp.Ports.String() != "53,123,161,500-501,514" {
			t.Errorf("%s is asked %s, and then %s %s", tcp.Proto, tcp.Ports, udp.Proto, udp.Ports)
		}
		if tcp.Run != udp.Run || tcp.Run == "" {
			t.Errorf("they are not of one run: %q and %q", tcp.Run, udp.Run)
		}
	}
}

func TestWhatKeepsALookAtTCPKeepsTheOneAtUDP(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	n := len(w.out.looked)
	w.out.err = errBroken
	w.look()
	if got := len(w.out.looked) - n; got != 1 {
		t.Errorf("%d tries, want one", got)
	}
}

func TestOnADeadPathUDPIsAskedOnlyByWhoWantsIt(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.out.complete, w.out.notes = false, []string{"dead-path: 100 times in a row host or net unreachable, and not by the target itself"}
	n := len(w.out.looksAt(portvigil.UDP))
	w.look()
	w.lookAt("22,U:53")
	if diff := cmp.Diff([]string{"53"}, w.datagramsSince(n)); diff != "" {
		t.Errorf("asked over UDP (-want +got):\n%s", diff)
	}
}

func TestAHostThatAnswersNoUDPMakesNoNoise(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.channel("ops")
	w.web(22)
	w.report("rep-0", listening(portvigil.TCP, 22, "/usr/sbin/sshd"), listening(portvigil.UDP, 51820, ""), listening(portvigil.UDP, 68, "/sbin/dhclient"))
	w.approve("22/tcp", "51820/udp", "68/udp")
	w.quiet()
	told := len(w.told())
	udp := len(w.out.looksAt(portvigil.UDP))
	for n := range 10 * 24 {
		w.after(time.Hour)
		w.report(fmt.Sprint("rep-", n+1), listening(portvigil.TCP, 22, "/usr/sbin/sshd"), listening(portvigil.UDP, 51820, ""), listening(portvigil.UDP, 68, "/sbin/dhclient"))
		w.run(0)
		w.quiet()
	}
	if got := len(w.out.looksAt(portvigil.UDP)) - udp; got < 9 || got > 12 {
		t.Errorf("UDP is asked %d times in ten days", got)
	}
	if got := len(w.told()); got != told {
		t.Errorf("people were told: %v", w.told()[told:])
	}
	s := w.status()
	for _, v := range s.Views {
		if !v.Fresh {
			t.Errorf("a view is said to be blind: %+v", v)
		}
	}
	for _, x := range s.Exposures {
		if x.Verdict != portvigil.Expected {
			t.Errorf("%s is %s", x.Door(), x.Verdict)
		}
	}
	list := must(w.engine.Overview(t.Context()))
	if len(list) != 1 || list[0].Open() > 0 || list[0].Doors[portvigil.Unverified] > 0 {
		t.Errorf("the overview has %+v", list)
	}
}

func TestALookAtAHostThatAnswersNoUDPIsWholeUnlessUDPWasAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ports string
		want  bool
	}{{"", true}, {"22", true}, {"22,U:53", false}, {"U:53", false}} {
		synctest.Test(t, func(t *testing.T) {
			w := explained(t, 22)
			done := make(chan portvigil.LookOutcome, 1)
			go func() {
				events, err := w.lookNow(t.Context(), portvigil.LookWish{Ports: c.ports})
				if err != nil {
					t.Error(err)
				}
				done <- *events[len(events)-1].Done
			}()
			synctest.Wait()
			w.run(0)
			if got := <-done; got.Complete != c.want {
				t.Errorf("a look at %q is complete: %v, want %v", c.ports, got.Complete, c.want)
			}
		})
	}
}

func TestLookNowTakesUDPPorts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := explained(t, 22)
		w.out.setUDP(home4, []uint16{161}, []uint16{53})
		done := make(chan []string, 1)
		go func() {
			events, err := w.lookNow(t.Context(), portvigil.LookWish{View: portvigil.Outside, Ports: "22,U:53,161"})
			if err != nil {
				t.Error(err)
			}
			var got []string
			for _, e := range events {
				switch {
				case e.Port != nil:
					got = append(got, fmt.Sprintf("%d/%s %s %s", e.Port.Port, e.Port.Proto, e.Port.State, e.Port.Reason))
				case e.Look != nil:
					got = append(got, fmt.Sprintf("look at %s %s: %v", *e.Look.Proto, e.Look.Ports, e.Look.Complete))
				}
			}
			done <- got
		}()
		synctest.Wait()
		w.run(0)
		want := []string{"22/tcp open syn-ack", "look at tcp 22: true", "53/udp closed port-unreachable", "161/udp open udp-response", "look at udp 53,161: true"}
		if diff := cmp.Diff(want, <-done); diff != "" {
			t.Errorf("records (-want +got):\n%s", diff)
		}
	})
}

func TestAUDPDoorThatOpensIsToldAndEndsWhereItSaysThatItIsClosed(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.channel("ops")
	w.out.setUDP(home4, nil, []uint16{161})
	w.look()
	w.quiet()
	w.out.setUDP(home4, []uint16{161}, nil)
	w.after(time.Hour)
	w.look()
	a := w.only()
	if a.Proto != portvigil.UDP || a.Port != 161 || a.Kind != portvigil.Kind(portvigil.UnexpectedExposed) {
		t.Fatalf("the alert is %v", sentences(w.alerts(true)))
	}
	w.out.setUDP(home4, nil, []uint16{53})
	w.after(time.Hour)
	w.look()
	if got := w.alert(a.ID); !got.Open() {
		t.Errorf("silence shut it: %s", got.Text)
	}
	w.out.setUDP(home4, nil, nil)
	w.run(3 * day)
	if got := w.alert(a.ID); !got.Open() {
		t.Errorf("silence of all of it shut it: %s", got.Text)
	}
	w.out.setUDP(home4, nil, []uint16{161})
	w.run(2 * day)
	if got := w.alert(a.ID); got.Open() || got.Resolution.Kind != portvigil.ResolvedCleared {
		t.Errorf("the alert is %s", got.State)
	}
	if diff := cmp.Diff([]string{"alert.opened", "alert.resolved"}, w.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestAUDPListenerThatIsNewInsideIsAskedFromOutsideAtOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer []uint16
		kind   portvigil.Verdict
	}{{"and answers", []uint16{514}, portvigil.UnexpectedExposed}, {"and is silent", nil, portvigil.UnexpectedListening}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := explained(t, 22)
			w.report("rep-1", listening(portvigil.TCP, 22, "/usr/sbin/sshd"))
			w.out.setUDP(home4, c.answer, nil)
			w.after(time.Minute)
			n := len(w.out.looksAt(portvigil.UDP))
			w.report("rep-2", listening(portvigil.TCP, 22, "/usr/sbin/sshd"), listening(portvigil.UDP, 514, "/usr/sbin/rsyslogd"))
			w.run(time.Hour)
			if diff := cmp.Diff([]string{"514"}, w.datagramsSince(n)); diff != "" {
				t.Errorf("asked over UDP (-want +got):\n%s", diff)
			}
			if a := w.only(); a.Kind != portvigil.Kind(c.kind) || a.Process == nil {
				t.Errorf("the alert is %v", sentences(w.alerts(true)))
			}
			// It is stopped, and the firewall lets nobody hear of it.
			w.out.setUDP(home4, nil, nil)
			w.report("rep-3", listening(portvigil.TCP, 22, "/usr/sbin/sshd"))
			w.look()
			w.quiet()
		})
	}
}

func TestAUDPDoorThatIsSaidToBeShutIsAskedForBesideDoorsThatAnswer(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.report("rep-1", listening(portvigil.TCP, 22, "/usr/sbin/sshd"))
	w.out.setUDP(home4, []uint16{514}, nil)
	w.after(time.Minute)
	w.report("rep-2", listening(portvigil.TCP, 22, "/usr/sbin/sshd"), listening(portvigil.UDP, 514, "/usr/sbin/rsyslogd"))
	w.run(0)
	a := w.only()
	w.out.setUDP(home4, nil, nil)
	w.after(time.Minute)
	_, err := w.engine.Resolve(t.Context(), "ann", a.ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedShut})
	w.must(err)
	if next := w.wanted(reasonShut); len(next) != 1 || next[0].Ports.String() != "22,U:514" {
		t.Fatalf("wanted: %v", w.reasons())
	}
	w.run(2 * time.Minute)
	if got := w.alert(a.ID); got.State != portvigil.AlertWaitingShut {
		t.Errorf("silence alone has it %s", got.State)
	}
	w.report("rep-3", listening(portvigil.TCP, 22, "/usr/sbin/sshd"))
	if got := w.alert(a.ID); got.Open() || got.Resolution.Kind != portvigil.ResolvedShut {
		t.Errorf("with nothing inside the alert is %s", got.State)
	}
}

func TestAUDPEntryThatAsksForTheOutsideIsLookedAtOnceMore(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.must(w.store.Update(t.Context(), func(tx Tx) error {
		text := "version: 1\nhost: web1\nentries:\n  - {port: 22, proto: tcp, why: a, owner: b}\n  - {port: 161, proto: udp, from: [local], why: a, owner: b}\n"
		return tx.AddBaseline(portvigil.BaselineVersion{Kind: "host", Name: web1, Version: 2, Text: text})
	}))
	w.out.setUDP(home4, nil, []uint16{161})
	n := len(w.out.looksAt(portvigil.UDP))
	w.look()
	w.quiet()
	w.run(time.Hour)
	if diff := cmp.Diff([]string{"53,123,161", "161"}, w.datagramsSince(n)); diff != "" {
		t.Errorf("asked over UDP (-want +got):\n%s", diff)
	}
	if a := w.only(); a.Kind != portvigil.Kind(portvigil.Missing) || a.Proto != portvigil.UDP {
		t.Errorf("the alert is %v", sentences(w.alerts(true)))
	}
}

// Hosts that were watched without UDP so far have no trail of it.
func TestUDPThatComesWithAnUpgradeIsToldOnceAHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.channel("ops")
	w.out.setUDP(home4, []uint16{53, 123, 161}, []uint16{514})
	var hosts []portvigil.Host
	for n := range 20 {
		address := fmt.Sprintf("198.51.100.%d", n+1)
		hosts = append(hosts, w.add(fmt.Sprintf("host%02d", n), []string{address}, 22))
		if n%2 == 0 {
			w.out.setUDP(address, []uint16{53, 123, 161}, []uint16{514})
		}
	}
	w.run(0)
	w.must(w.store.Update(t.Context(), func(tx Tx) error {
		for _, h := range hosts {
			trails, err := tx.Trails(h.ID)
			if err != nil {
				return err
			}
			for _, trail := range trails {
				if trail.Key.Proto == portvigil.UDP {
					if err := tx.RemoveTrail(h.ID, trail.Key); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}))
	for _, h := range hosts {
		_, err := w.engine.Approve(t.Context(), "ann", h.Name, portvigil.ApproveRequest{Doors: []string{"22/tcp"}, Why: "as installed", Owner: "ann"})
		w.must(err)
		w.must(w.store.Update(t.Context(), func(tx Tx) error { return w.engine.evaluate(tx, h, portvigil.Approval{}) }))
	}
	w.quiet()
	told := len(w.told())
	w.run(3 * day)
	open := w.alerts(true)
	for _, a := range open {
		if a.Kind != portvigil.DoorsToExplain {
			t.Errorf("an alert is %s: %s", a.Kind, a.Text)
		}
	}
	if len(open) != len(hosts)/2 || len(w.told())-told > len(hosts)/2 {
		t.Errorf("%d alerts are open, and people were told %v", len(open), w.told()[told:])
	}
}
