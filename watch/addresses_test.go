package watch

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// lookedAt returns the addresses that were looked at from the n-th look on.
func (w *world) lookedAt(n int) (list []string) {
	for _, l := range w.out.looks()[n:] {
		list = append(list, l.Address.String())
	}
	return list
}

func TestWhatIsNeverScannedIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "169.254.1.1", "224.0.0.1", "0.0.0.0", "255.255.255.255", "::ffff:169.254.169.254"} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.out.names["metadata.example"] = []netip.Addr{addr(home4), addr(address)}
			for _, target := range []string{address, "metadata.example"} {
				_, err := w.engine.AddHost(t.Context(), "ann", portvigil.Host{Name: web1, Targets: []string{target}})
				w.refused(err, portvigil.CodeOutOfScope)
			}
			_, err := w.engine.AddScope(t.Context(), "ann", netip.PrefixFrom(addr(address).Unmap(), addr(address).Unmap().BitLen()), false)
			w.refused(err, portvigil.CodeOutOfScope)
			w.run(0)
			if hosts := must(w.engine.Hosts(t.Context())); len(hosts) > 0 || len(w.out.looks()) > 0 {
				t.Errorf("%d hosts, %d looks", len(hosts), len(w.out.looks()))
			}
		})
	}
}

func TestADeniedNetworkWinsOverAddedHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.engine.AddScope(t.Context(), "ann", netip.MustParsePrefix("203.0.113.0/29"), true)
	w.must(err)
	_, err = w.engine.AddHost(t.Context(), "ann", portvigil.Host{Name: web1, Targets: []string{home4}})
	w.refused(err, portvigil.CodeOutOfScope)
	w.add("web2", []string{"203.0.113.9"}, 22)
	_, err = w.engine.AddScope(t.Context(), "ann", netip.MustParsePrefix("203.0.113.9/32"), true)
	w.must(err)
	w.run(0)
	if looked := w.lookedAt(0); len(looked) > 0 {
		t.Errorf("looked at %v", looked)
	}
	rules, err := w.engine.Scope(t.Context())
	w.must(err)
	if len(rules) != 2 || rules[0].By != "ann" {
		t.Errorf("rules: %+v", rules)
	}
	_, err = w.engine.AddScope(t.Context(), "ann", netip.MustParsePrefix("203.0.113.9/32"), false)
	w.must(err)
	if rules := must(w.engine.Scope(t.Context())); len(rules) != 2 {
		t.Errorf("a network has two rules: %+v", rules)
	}
}

func TestAnAddressThatIsDeniedDuringALookIsNotLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(web1, []string{home4, "203.0.113.8"}, 22)
	w.out.during = func() {
		w.out.during = nil
		_, err := w.engine.AddScope(t.Context(), "ann", netip.MustParsePrefix("203.0.113.8/32"), true)
		w.must(err)
	}
	w.run(0)
	if diff := cmp.Diff([]string{home4}, w.lookedAt(0)); diff != "" {
		t.Errorf("looked at (-want +got):\n%s", diff)
	}
}

func TestANamesNewAddressWaitsUntilItIsAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.out.names["shop.example"] = []netip.Addr{addr(home4)}
	w.out.set(home4, 22)
	w.out.set("198.51.100.1", 22, 23)
	w.add(web1, []string{"shop.example"})
	w.run(0)
	w.out.names["shop.example"] = []netip.Addr{addr(home4), addr("198.51.100.1")}
	n := len(w.out.looks())
	w.after(time.Hour)
	w.look()
	if diff := cmp.Diff([]string{home4}, w.lookedAt(n)); diff != "" {
		t.Errorf("looked at (-want +got):\n%s", diff)
	}
	h := w.status().Host
	if len(h.Waiting) != 1 || h.Waiting[0] != addr("198.51.100.1") || len(h.Addresses) != 1 {
		t.Errorf("waiting is %v, known %v", h.Waiting, h.Addresses)
	}
	_, err := w.engine.AddScope(t.Context(), "ann", netip.MustParsePrefix("198.51.100.0/24"), false)
	w.must(err)
	n = len(w.out.looks())
	w.look()
	if diff := cmp.Diff([]string{home4, "198.51.100.1"}, w.lookedAt(n)); diff != "" {
		t.Errorf("looked at (-want +got):\n%s", diff)
	}
	if h := w.status().Host; len(h.Waiting) > 0 || len(h.Addresses) != 2 {
		t.Errorf("waiting is %v, known %v", h.Waiting, h.Addresses)
	}
}

func TestANameServerThatDoesNotAnswerTakesNothingAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.out.names["shop.example"] = []netip.Addr{addr(home4)}
	w.out.set(home4, 22)
	w.add(web1, []string{"shop.example"})
	w.run(0)
	a := w.only()
	delete(w.out.names, "shop.example")
	w.after(time.Hour)
	w.look()
	if got := w.alert(a.ID); !got.Open() {
		t.Errorf("the alert ended as %s", got.Resolution.Kind)
	}
	if h := w.status().Host; len(h.Addresses) != 1 {
		t.Errorf("known is %v", h.Addresses)
	}
	w.out.names["shop.example"] = nil // it answers that there is none
	w.look()
	if got := w.alert(a.ID); got.Open() {
		t.Error("an address that has gone is still told of")
	}
}

func TestAHostWhoseNameLeadsNowhereIsALookThatFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.out.names["shop.example"] = []netip.Addr{addr(home4)}
	w.add(web1, []string{"shop.example"})
	w.out.names["shop.example"] = nil
	first := w.open(web1)[0]
	w.must(w.engine.MakeLook(t.Context(), first.ID))
	w.view(func(tx Tx) error {
		r, err := tx.Request(first.ID)
		if r.State != portvigil.LookFailed {
			t.Errorf("the look is %s though nothing was looked at", r.State)
		}
		return err
	})
}

func TestAHostIsRefusedWhereItCannotBeOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22)
	for _, c := range []struct {
		name string
		host portvigil.Host
		code portvigil.Code
	}{
		{"a name that is none", portvigil.Host{Name: "web 1", Targets: []string{home4}}, portvigil.CodeInvalid},
		{"no address", portvigil.Host{Name: "web2"}, portvigil.CodeInvalid},
		{"looks too often", portvigil.Host{Name: "web2", Targets: []string{home4}, Outside: time.Second}, portvigil.CodeInvalid},
		{"a name that is taken", portvigil.Host{Name: web1, Targets: []string{home4}}, portvigil.CodeConflict},
		{"a name that leads nowhere", portvigil.Host{Name: "web2", Targets: []string{"nowhere.example"}}, portvigil.CodeInternal},
	} {
		_, err := w.engine.AddHost(t.Context(), "ann", c.host)
		if got := portvigil.ErrorCode(err); got != c.code {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
	if hosts := must(w.engine.Hosts(t.Context())); len(hosts) != 1 {
		t.Errorf("there are %d hosts", len(hosts))
	}
}
