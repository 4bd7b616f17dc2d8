package watch

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// reported submits an inside look of a machine in one of its lives.
func (w *world) reported(h portvigil.Host, boot string, listeners ...portvigil.Listener) {
	w.Helper()
	l := &portvigil.Look{ID: portvigil.NewID(), View: portvigil.Inside, Method: portvigil.MethodSockDiag, Complete: true,
		Covers:  []portvigil.Coverage{portvigil.CoversSockets, portvigil.CoversOwners},
		Started: w.clock(), Ended: w.clock(), Listeners: listeners, Boot: &portvigil.Boot{ID: boot, Time: w.clock().Add(-time.Minute)}}
	w.must(w.engine.submit(w.Context(), h, l))
}

// served is a host with four doors that are expected, seen from inside only.
func served(t *testing.T) (*world, portvigil.Host, []portvigil.Listener) {
	t.Helper()
	w := newWorld(t)
	h := w.add(web1, []string{home4})
	w.run(0)
	var list []portvigil.Listener
	for _, port := range []uint16{22, 80, 443, 5432} {
		list = append(list, listening(portvigil.TCP, port, "/bin/a"))
	}
	w.reported(h, "life-1", list...)
	_, err := w.engine.Approve(t.Context(), "ann", web1, portvigil.ApproveRequest{All: true, Why: "as installed", Owner: "ann"})
	w.must(err)
	w.quiet()
	w.channel("ops")
	return w, h, list
}

func TestWhatARebootTookAndDidNotBringBackIsOneMessage(t *testing.T) {
	t.Parallel()
	w, h, list := served(t)
	w.after(time.Hour)
	w.reported(h, "life-2", list[0])
	w.after(11 * time.Minute)
	w.reported(h, "life-2", list[0])
	alerts := w.ofKind(portvigil.Kind(portvigil.Missing))
	if len(alerts) != 3 {
		t.Fatalf("open are %v", sentences(w.alerts(true)))
	}
	for _, a := range alerts {
		if a.Cause == nil || a.Cause.Kind != portvigil.CauseReboot || a.Cause.Count != 3 || a.Cause.ID != "life-2" {
			t.Errorf("the cause of %s is %+v", a.Text, a.Cause)
		}
	}
	w.must(w.engine.sweep(t.Context()))
	told := w.deliveries()
	if len(told) != 1 || told[0].Event != portvigil.AlertOpened {
		t.Fatalf("told %v", w.told())
	}
	if text := string(told[0].Body); strings.Count(text, "(missing)") != 2 || !strings.Contains(text, "started anew") {
		t.Errorf("the message is %s", text)
	}
	w.after(time.Minute)
	w.reported(h, "life-2", list...)
	w.quiet()
	if diff := cmp.Diff([]string{"alert.opened", "alert.resolved"}, w.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestADoorThatFollowsARebootJoinsTheOthers(t *testing.T) {
	t.Parallel()
	w, h, list := served(t)
	w.after(time.Hour)
	w.reported(h, "life-2", append(slices.Clone(list), listening(portvigil.TCP, 9100, "/bin/b"))...)
	w.after(time.Minute)
	w.reported(h, "life-2", append(slices.Clone(list), listening(portvigil.TCP, 9100, "/bin/b"), listening(portvigil.TCP, 9200, "/bin/b"))...)
	if len(w.told()) != 1 {
		t.Errorf("told %v before the sweep", w.told())
	}
	for _, a := range w.alerts(true) {
		if a.Cause == nil || a.Cause.Count != 2 {
			t.Errorf("the cause of %s is %+v", a.Text, a.Cause)
		}
	}
	w.must(w.engine.sweep(t.Context()))
	if diff := cmp.Diff([]string{"alert.opened", "alert.opened"}, w.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestADoorThatOpensLongAfterARebootHasNoCause(t *testing.T) {
	t.Parallel()
	w, h, list := served(t)
	w.after(time.Hour)
	w.reported(h, "life-2", list...)
	w.after(portvigil.CauseWithin + time.Minute)
	w.reported(h, "life-2", append(slices.Clone(list), listening(portvigil.TCP, 9100, "/bin/b"))...)
	if a := w.only(); a.Cause != nil {
		t.Errorf("the cause is %+v", a.Cause)
	}
}

func TestAFirstReportIsNoReboot(t *testing.T) {
	t.Parallel()
	w, h, list := served(t)
	w.after(time.Minute)
	w.reported(h, "life-1", append(slices.Clone(list), listening(portvigil.TCP, 9100, "/bin/b"))...)
	if a := w.only(); a.Cause != nil {
		t.Errorf("the cause is %+v", a.Cause)
	}
}
