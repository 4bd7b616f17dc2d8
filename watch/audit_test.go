package watch

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

func TestWhatPeopleDoIsWrittenDown(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	later := func(err error) {
		t.Helper()
		w.must(err)
		w.after(time.Minute)
	}
	_, err := w.engine.Comment(t.Context(), "bob", a.ID, "mine")
	later(err)
	_, err = w.engine.StartMaintenance(t.Context(), "bob", web1, w.clock().Add(time.Hour), "new disk")
	later(err)
	_, err = w.engine.EndMaintenance(t.Context(), "bob", web1)
	later(err)
	later(w.engine.TestChannel(t.Context(), "bob", "ops"))
	later(w.engine.RemoveChannel(t.Context(), "bob", "ops"))
	_, err = w.engine.AddScope(t.Context(), "bob", netip.MustParsePrefix("192.0.2.7/24"), true)
	later(err)
	later(w.engine.RemoveHost(t.Context(), "bob", web1))
	w.refused(w.engine.RemoveHost(t.Context(), "bob", web1), portvigil.CodeNotFound) // and is not written down

	all, total, err := w.engine.Audit(t.Context(), portvigil.ActFilter{By: "bob"})
	w.must(err)
	var got []string
	for _, x := range slices.Backward(all) {
		got = append(got, x.What+": "+x.Subject.Kind+" "+x.Subject.Name)
	}
	want := []string{"comment: alert " + a.ID, "maintenance started: host web1", "maintenance ended: host web1", "channel tested: channel ops",
		"channel removed: channel ops", "network denied: network 192.0.2.0/24", "cleared: alert " + a.ID, "host removed: host web1"}
	if diff := cmp.Diff(want, got); diff != "" || total != len(want) {
		t.Errorf("%d acts (-want +got):\n%s", total, diff)
	}
	people, _, err := w.engine.Audit(t.Context(), portvigil.ActFilter{People: true, Host: web1})
	w.must(err)
	for _, x := range people {
		if x.By == System || x.Host != web1 {
			t.Errorf("%+v is no act of a person at web1", x)
		}
	}
	oldest := people[len(people)-1]
	if oldest.What != portvigil.ActHostAdded || oldest.By != "ann" || oldest.Text != home4 {
		t.Errorf("the first act is %+v, want ann adding the host at %s", oldest, home4)
	}
	page, total, err := w.engine.Audit(t.Context(), portvigil.ActFilter{People: true, Host: web1, Limit: 2, Offset: 1})
	w.must(err)
	if diff := cmp.Diff(people[1:3], page); diff != "" || total != len(people) {
		t.Errorf("a page of %d (-want +got):\n%s", total, diff)
	}
}

func TestAlertsAreFoundByTheGroupOfTheirHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.out.set(home4, 22)
	w.out.set(historyOther, 22)
	for name, address := range map[string]string{web1: home4, "db1": historyOther} {
		_, err := w.engine.AddHost(t.Context(), "ann", portvigil.Host{Name: name, Targets: []string{address}, Groups: []string{"all", "only-" + name}})
		w.must(err)
	}
	w.run(0)
	for filter, want := range map[string]int{"all": 2, "only-db1": 1, "none": 0} {
		page, total, err := w.engine.AlertsWhere(t.Context(), portvigil.AlertFilter{Group: filter, Attention: true})
		w.must(err)
		if len(page) != want || total != want {
			t.Errorf("group %s: %d alerts of %d, want %d", filter, len(page), total, want)
		}
	}
	counts, err := w.engine.AlertCounts(t.Context(), portvigil.AlertFilter{Group: "all"})
	w.must(err)
	if diff := cmp.Diff([]portvigil.AlertCount{{State: portvigil.AlertNew, Severity: portvigil.Medium, Attention: true, Count: 2}}, counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}
