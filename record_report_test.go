package portvigil

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// report writes a look as check --json prints it.
func report(t testing.TB, l *Look) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	for _, listener := range l.Listeners {
		if err := e.Encode(ListenerRecord{Type: "listener", Time: l.Ended, Listener: listener}); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Encode(FindingRecord{Type: "finding", Time: l.Ended}); err != nil {
		t.Fatal(err)
	}
	if err := e.Encode(RecordOfLook(l)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func insideLook() *Look {
	at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	return &Look{ID: "look-1", Run: "run-1", Host: "web1", View: Inside, Covers: []Coverage{CoversSockets, CoversOwners}, Method: MethodSockDiag,
		Started: at, Ended: at.Add(time.Second), Complete: true, Notes: []string{"1 process vanished while being read"}, Listeners: []Listener{
			{Proto: TCP, Address: netip.MustParseAddr("::"), Port: 9100, Scope: ScopeAny,
				Process: &Process{PID: 812, Exe: "/usr/bin/prometheus-node-exporter", User: "prometheus", Started: at}},
			{Proto: UDP, Address: netip.MustParseAddr("127.0.0.1"), Port: 323, Scope: ScopeLoopback, ProcessUnknown: "belongs to another user"},
		}}
}

func TestAReportIsTheLookThatCheckMade(t *testing.T) {
	t.Parallel()
	want := insideLook()
	got, err := ReadInsideReport(strings.NewReader(report(t, want)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("the look that was reported (-) and read (+):\n%s", diff)
	}
}

func TestABrokenReportIsRefusedWithWhatIsWrong(t *testing.T) {
	t.Parallel()
	whole := report(t, insideLook())
	lines := strings.SplitAfter(whole, "\n")
	for name, c := range map[string]struct{ text, says string }{
		"nothing at all":            {"", "ends without a look record"},
		"cut off before the look":   {lines[0] + lines[1], "ends without a look record"},
		"cut off within a line":     {whole[:len(whole)/2], "no JSON record"},
		"a listener was lost":       {lines[0] + lines[3], "there are 1 listeners, and the look speaks of 2"},
		"words for people":          {"web1 is as its baseline says\n", "line 1 of the report: no JSON record"},
		"a look from outside":       {strings.Join(recordsOf(t, outsideLook()), "\n"), "not from inside"},
		"no id":                     {strings.ReplaceAll(whole, "look-1", ""), "no usable id"},
		"an id without end":         {strings.ReplaceAll(whole, "look-1", strings.Repeat("x", 65)), "no usable id"},
		"an unknown protocol":       {strings.ReplaceAll(whole, `"proto":"udp"`, `"proto":"dccp"`), "line 2 of the report"},
		"a door without a port":     {strings.ReplaceAll(whole, `"port":323`, `"port":0`), "no address or port"},
		"an address that is none":   {strings.ReplaceAll(whole, `"127.0.0.1"`, `"127.0.0.256"`), "line 2 of the report"},
		"a line that does not end":  {`{"type":"` + strings.Repeat("x", maxReportLine+1), "a line of more than"},
		"a time that is no time":    {strings.ReplaceAll(whole, "2026-11-01T", "yesterday"), "of the report"},
		"a page of HTML, by a typo": {"<!doctype html>", "portvigil check --json"},
	} {
		_, err := ReadInsideReport(strings.NewReader(c.text))
		if ErrorCode(err) != CodeInvalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want an invalid report that says %q", name, err, c.says)
		}
	}
}

func TestAReportOfALaterVersionIsRead(t *testing.T) {
	t.Parallel()
	text := `{"type":"weather","rain":true}` + "\n" + strings.ReplaceAll(report(t, insideLook()), `"type":"listener",`, `"type":"listener","later":{"a":1},`)
	if _, err := ReadInsideReport(strings.NewReader(text)); err != nil {
		t.Error(err)
	}
}

// What is read from a report can be joined and shown, whatever it is.
func FuzzReadInsideReport(f *testing.F) {
	f.Add(report(f, insideLook()))
	f.Add("{}\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ReadInsideReport(strings.NewReader(text))
		if err != nil {
			if l != nil {
				t.Errorf("an error, and a look: %v", err)
			}
			return
		}
		var trail Trail
		l.Seq = 1
		trail.Add(l)
		host := Host{Name: "web1", Outside: DefaultOutsideInterval, Inside: DefaultInsideInterval}
		for _, e := range Join(Situation{Host: host, Now: time.Now(), Trails: []Trail{trail}}) {
			if s := e.Sentence(); s != Printable(s) {
				t.Errorf("a sentence that is not fit for a terminal: %q", s)
			}
		}
	})
}

func TestALookSaysWhichLifeOfItsMachineItIsOf(t *testing.T) {
	t.Parallel()
	look := Look{ID: "1", View: Inside, Complete: true, Boot: &Boot{ID: "0c9b5c7e", Time: time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)}}
	text, err := json.Marshal(RecordOfLook(&look))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadInsideReport(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(look.Boot, got.Boot); diff != "" {
		t.Errorf("boot (-want +got):\n%s", diff)
	}
	look.Boot.ID = strings.Repeat("x", 65)
	if text, err = json.Marshal(RecordOfLook(&look)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadInsideReport(strings.NewReader(string(text))); ErrorCode(err) != CodeInvalid {
		t.Errorf("an id of 65 characters is taken: %v", err)
	}
}
