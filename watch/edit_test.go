package watch

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

func pointer[T any](v T) *T { return &v }

func TestEditingAHostChangesWhatIsNamedAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.web(22)
	h, err := w.engine.EditHost(t.Context(), "ann", web1, portvigil.HostEdit{Groups: pointer([]string{"shop"})})
	w.must(err)
	got := []any{h.ID, h.Groups, h.Targets, h.Outside, h.Inside}
	if diff := cmp.Diff([]any{before.ID, []string{"shop"}, []string{home4}, before.Outside, before.Inside}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if list := w.wanted(reasonAsked); len(list) != 0 {
		t.Errorf("a look was asked for: %v", w.reasons())
	}
}

func TestAGroupsBaselineHoldsForAHostThatJoinsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22)
	_, err := w.engine.ImportBaseline(t.Context(), "ann", []portvigil.BaselineVersion{{Kind: docGroup, Name: "shop",
		Text: "version: 1\ngroup: shop\nentries:\n  - {port: 22, proto: tcp, why: ssh, owner: ann}\n"}})
	w.must(err)
	w.only() // 22 is not explained for web1
	_, err = w.engine.EditHost(t.Context(), "ann", web1, portvigil.HostEdit{Groups: pointer([]string{"shop"})})
	w.must(err)
	w.quiet()
}

func TestOtherTargetsAreLookedAtSoonAndOldOnesClaimNothing(t *testing.T) {
	t.Parallel()
	const other = "203.0.113.8"
	w := explained(t, 22)
	w.out.set(other, 22, 80)
	_, err := w.engine.EditHost(t.Context(), "ann", web1, portvigil.HostEdit{Targets: pointer([]string{other})})
	w.must(err)
	if list := w.wanted(reasonAsked); len(list) != 1 || list[0].View != portvigil.Outside {
		t.Errorf("wanted: %v", w.reasons())
	}
	s := must(w.engine.Host(t.Context(), web1))
	for _, v := range s.Views {
		if v.Address == home4 {
			t.Errorf("a view of the old address is left: %+v", v)
		}
	}
	w.run(0)
	s = must(w.engine.Host(t.Context(), web1))
	if len(s.Host.Addresses) != 1 || s.Host.Addresses[0].Address != netip.MustParseAddr(other) || len(s.Views) != 2 { // of TCP and of UDP
		t.Errorf("looked at %+v with %+v", s.Host.Addresses, s.Views)
	}
}

func TestAnIntervalThatIsShorterIsKeptToAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22)
	_, err := w.engine.EditHost(t.Context(), "ann", web1, portvigil.HostEdit{Outside: pointer(time.Hour)})
	w.must(err)
	list := w.wanted(reasonSchedule)
	if len(list) != 1 || list[0].Due.Sub(w.clock()) > 5*time.Hour/4 {
		t.Errorf("wanted: %v", w.reasons())
	}
}

func TestAnEditThatNoHostCanBeIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.web(22)
	_, err := w.engine.AddScope(t.Context(), "ann", netip.MustParsePrefix("198.51.100.0/24"), true)
	w.must(err)
	w.out.names["metadata.example"] = []netip.Addr{netip.MustParseAddr("169.254.169.254")}
	for _, c := range []struct {
		name string
		host string
		edit portvigil.HostEdit
		code portvigil.Code
	}{
		{"no address is left", web1, portvigil.HostEdit{Targets: &[]string{}}, portvigil.CodeInvalid},
		{"an interval too short", web1, portvigil.HostEdit{Outside: pointer(time.Second)}, portvigil.CodeInvalid},
		{"a group that none can be", web1, portvigil.HostEdit{Groups: &[]string{"shop", "../x"}}, portvigil.CodeInvalid},
		{"a denied network", web1, portvigil.HostEdit{Targets: &[]string{"198.51.100.7"}}, portvigil.CodeOutOfScope},
		{"what is never scanned", web1, portvigil.HostEdit{Targets: &[]string{"metadata.example"}}, portvigil.CodeOutOfScope},
		{"a host that is not there", "web2", portvigil.HostEdit{}, portvigil.CodeNotFound},
	} {
		_, err := w.engine.EditHost(t.Context(), "ann", c.host, c.edit)
		if got := portvigil.ErrorCode(err); got != c.code {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
	after := must(w.engine.Host(t.Context(), web1)).Host
	if diff := cmp.Diff([]any{before.Targets, before.Outside}, []any{after.Targets, after.Outside}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheMachineItselfMayGetAnAddressAndIsThenLookedAtFromOutside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.engine.EnsureLocal(t.Context(), web1))
	w.run(0)
	w.out.set(home4, 22)
	_, err := w.engine.EditHost(t.Context(), "ann", web1, portvigil.HostEdit{Targets: pointer([]string{home4})})
	w.must(err)
	if list := w.wanted(reasonFirst); len(list) != 1 || list[0].View != portvigil.Outside {
		t.Errorf("wanted: %v", w.reasons())
	}
	w.run(day)
	if list := w.wanted(reasonSchedule); len(list) != 2 {
		t.Errorf("on the schedule: %v", w.reasons())
	}
}
