package portvigil

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func outsideLook() *Look {
	at := time.Date(2026, 11, 1, 10, 0, 0, 5000, time.UTC)
	return &Look{ID: "look-2", Run: "run-1", Host: "web1", View: Outside, Vantage: "local", Reach: ReachInternal,
		Address: netip.MustParseAddr("10.99.0.2"), Proto: TCP, Ports: PortsOf(22, 80, 81, 443), Method: MethodConnect,
		Started: at, Ended: at.Add(time.Second), Complete: true, Probes: 9, DefaultState: StateFiltered, OwnAddress: true,
		Loss: &Loss{Estimate: 0.1, Bound: 0.5, Samples: 3}, Notes: []string{"rate-limited: a few"}, Observations: []Observation{
			{Port: 22, State: StateOpen, Reason: ReasonSynAck, Service: &Service{Name: "ssh", Banner: []byte("SSH-2.0-\xff\x00\r\n"), Connected: true}},
			{Port: 80, State: StateClosed, Reason: ReasonReset},
			{Port: 9000, State: StateOpen, Reason: ReasonSynAck}, // a reference, which is no coverage
		}}
}

// recordsOf returns the lines that tell of a look, its own last.
func recordsOf(t testing.TB, l *Look) []string {
	t.Helper()
	var all []any
	for _, r := range l.Listeners {
		all = append(all, ListenerRecord{Type: "listener", Time: l.Ended, Listener: r})
	}
	for _, r := range PortRecords(l) {
		all = append(all, r)
	}
	var lines []string
	for _, r := range append(all, RecordOfLook(l)) {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(text))
	}
	return lines
}

func build(lines []string) (look *Look, err error) {
	var b LookBuilder
	for _, line := range lines {
		if look, err = b.Add([]byte(line)); look != nil || err != nil {
			return look, err
		}
	}
	return nil, nil
}

func TestALookIsWhatItsRecordsSay(t *testing.T) {
	t.Parallel()
	for _, want := range []*Look{insideLook(), outsideLook()} {
		got, err := build(recordsOf(t, want))
		if err != nil {
			t.Fatal(err)
		}
		same := cmp.Options{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b *PortSet) bool {
			return (a == nil) == (b == nil) && (a == nil || a.String() == b.String())
		})}
		if diff := cmp.Diff(want, got, same); diff != "" {
			t.Errorf("the look that was told (-) and built (+):\n%s", diff)
		}
	}
}

func TestRecordsThatAreNoWholeLookAreRefused(t *testing.T) {
	t.Parallel()
	whole := recordsOf(t, outsideLook())
	edit := func(i int, old, with string) []string {
		lines := append([]string(nil), whole...)
		if !strings.Contains(lines[i], old) {
			t.Fatalf("line %d has no %s: %s", i, old, lines[i])
		}
		lines[i] = strings.ReplaceAll(lines[i], old, with)
		return lines
	}
	for name, c := range map[string]struct {
		lines []string
		says  string
	}{
		"a port was lost":            {whole[1:], "speaks of"},
		"a port came twice":          {append([]string{whole[0]}, whole...), "follows port 22"},
		"ports that fall":            {[]string{whole[1], whole[0]}, "follows port 80"},
		"a port of another address":  {edit(1, "10.99.0.2", "10.99.0.3"), "follows port"},
		"a look at another address":  {edit(3, "10.99.0.2", "10.99.0.3"), "its ports are of"},
		"a port without a state":     {edit(0, `"state":"open"`, `"state":""`), "no port or state"},
		"everything is open":         {edit(3, `"default_state":"filtered"`, `"default_state":"open"`), "default state"},
		"no default state":           {edit(3, `"default_state":"filtered"`, `"default_state":null`), "default state"},
		"no address":                 {edit(3, `"10.99.0.2"`, `null`), "no address"},
		"another count":              {edit(3, `"closed":1`, `"closed":2`), "speaks of"},
		"ports that are none":        {edit(3, `22,80-81,443`, `22-`), "port"},
		"a view that is none":        {edit(3, `"view":"outside"`, `"view":"above"`), "neither from inside nor"},
		"a port beyond the last one": {edit(0, `"port":22`, `"port":65558`), "a port's record"},
	} {
		look, err := build(c.lines)
		if look != nil || ErrorCode(err) != CodeInvalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v; want no look, and an error that says %q", name, look, err, c.says)
		}
	}
}

// What is built has an observation for nothing twice, and tells again what it
// was built from.
func FuzzLookBuilder(f *testing.F) {
	for _, l := range []*Look{insideLook(), outsideLook()} {
		f.Add(strings.Join(recordsOf(f, l), "\n"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		look, err := build(strings.Split(text, "\n"))
		if err != nil || look == nil {
			return
		}
		again, err := build(recordsOf(t, look))
		if err != nil {
			t.Fatalf("what was built cannot be built again: %v", err)
		}
		if a, b := recordsOf(t, look), recordsOf(t, again); cmp.Diff(a, b) != "" {
			t.Errorf("built (-) and built again (+):\n%s", cmp.Diff(a, b))
		}
	})
}
