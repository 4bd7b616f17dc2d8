package watch

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// record writes a complete inside look as check --json does.
func (w *world) record(id string, listeners ...portvigil.Listener) *bytes.Buffer {
	w.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, l := range listeners {
		w.must(e.Encode(portvigil.ListenerRecord{Type: "listener", Time: w.clock(), Listener: l}))
	}
	w.must(e.Encode(portvigil.LookRecord{Type: "look", Time: w.clock(), ID: id, Run: "run-" + id, Host: web1, View: portvigil.Inside,
		Covers: []portvigil.Coverage{portvigil.CoversSockets, portvigil.CoversOwners}, Method: portvigil.MethodSockDiag,
		Started: w.clock(), Ended: w.clock(), Complete: true, Open: len(listeners)}))
	return &b
}

// report has web1 report what listens.
func (w *world) report(id string, listeners ...portvigil.Listener) {
	w.Helper()
	_, err := w.engine.Report(w.Context(), web1, w.record(id, listeners...))
	w.must(err)
}

// askInside makes an inside look now.
func (w *world) askInside() {
	w.Helper()
	_, _, err := w.engine.ask(w.Context(), web1, portvigil.Inside, nil)
	w.must(err)
	w.run(0)
}

func TestAReportAddsTheProcessToTheOpenAlert(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	w.after(time.Minute)
	w.report("rep-1", listening(portvigil.TCP, 9100, "/usr/bin/prometheus-node-exporter"))
	got := w.alert(a.ID)
	if got.Process == nil || got.Process.Exe != "/usr/bin/prometheus-node-exporter" {
		t.Errorf("the alert's process is %+v", got.Process)
	}
	if diff := cmp.Diff([]string{"alert.opened"}, w.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestAReportThatComesTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.report("rep-1")
	w.after(time.Minute)
	w.report("rep-2", listening(portvigil.TCP, 9100, "/bin/a"))
	a := w.only()
	w.after(time.Minute)
	w.report("rep-3")
	if got := w.alert(a.ID); got.Open() {
		t.Fatalf("the alert is %s", got.State)
	}
	w.report("rep-2", listening(portvigil.TCP, 9100, "/bin/a"))
	w.quiet()
	var looks []*portvigil.Look
	w.view(func(tx Tx) error {
		h, err := tx.Host(web1)
		if err == nil {
			looks, err = tx.LooksOfRun(h.ID, "run-rep-2")
		}
		return err
	})
	if len(looks) != 1 {
		t.Errorf("the look is stored %d times", len(looks))
	}
}

func TestAReportIsRefusedForAHostThatIsNotThereOrWhereItIsNone(t *testing.T) {
	t.Parallel()
	w := explained(t)
	_, err := w.engine.Report(t.Context(), "web2", w.record("rep-1"))
	w.refused(err, portvigil.CodeNotFound)
	_, err = w.engine.Report(t.Context(), web1, bytes.NewBufferString("hello\n"))
	w.refused(err, portvigil.CodeInvalid)
}

func TestAReportOfAHostThatGoesMeanwhileIsRefused(t *testing.T) {
	t.Parallel()
	w := explained(t)
	w.store.before = func() {
		w.store.before = nil
		w.must(w.engine.RemoveHost(t.Context(), "ann", web1))
	}
	_, err := w.engine.Report(t.Context(), web1, w.record("rep-1"))
	w.refused(err, portvigil.CodeNotFound)
}

func TestAListenerThatIsNewInsideIsLookedAtFromOutsideAtOnce(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.report("rep-1", listening(portvigil.TCP, 22, "/usr/sbin/sshd"))
	if open := w.wanted(reasonInside); len(open) > 0 {
		t.Errorf("a known door is looked at: %v", w.reasons())
	}
	w.out.set(home4, 22, 9100)
	w.after(time.Minute)
	w.report("rep-2", listening(portvigil.TCP, 22, "/usr/sbin/sshd"), listening(portvigil.TCP, 9100, "/bin/a"), listening(portvigil.UDP, 514, "/bin/b"))
	open := w.wanted(reasonInside)
	if len(open) != 1 || open[0].Ports.String() != "9100,U:514" || open[0].Due.After(w.clock()) {
		t.Fatalf("wanted: %v", w.reasons())
	}
	w.run(0)
	for _, a := range w.alerts(true) {
		if a.Port == 9100 && a.Kind != portvigil.Kind(portvigil.UnexpectedExposed) {
			t.Errorf("the alert is %s, want unexpected-exposed", a.Kind)
		}
	}
	w.after(time.Second)
	if w.run(time.Minute); len(w.wanted(reasonInside)) > 0 || len(w.out.looks()) != 2 {
		t.Errorf("it is looked at again: %v", w.reasons())
	}
}
