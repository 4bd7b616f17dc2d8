package portvigil

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const nmapHead = `<?xml version="1.0"?><!DOCTYPE nmaprun><nmaprun scanner="nmap"><scaninfo type="connect" protocol="tcp" services="1-100"/>`
const nmapTail = `<runstats><finished time="2" exit="success"/></runstats></nmaprun>`

func readNmap(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("testdata/importnmap/two-hosts.xml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNmapsXMLIsReadAsOutsideLooks(t *testing.T) {
	got, err := ImportNmapXML(strings.NewReader(readNmap(t)))
	if err != nil {
		t.Fatal(err)
	}
	ports, _ := ParsePortSet("1-1024,9100")
	want := []Look{
		{Host: "db1", View: Outside, Vantage: "nmap", Address: netip.MustParseAddr("10.99.0.2"), Proto: TCP, Ports: ports, Method: MethodSYN,
			Started: time.Unix(1700000000, 0).UTC(), Ended: time.Unix(1700000009, 0).UTC(), DefaultState: StateFiltered, Notes: []string{"imported from nmap"},
			Observations: []Observation{
				{Port: 22, State: StateOpen, Reason: ReasonSynAck, Service: &Service{Name: "ssh", Product: "OpenSSH", Version: "9.2p1 Debian 2+deb12u3", Confidence: 100}},
				{Port: 80, State: StateClosed, Reason: ReasonReset},
				{Port: 443, State: StateOpen, Reason: ReasonSynAck, Service: &Service{Name: "http", Product: "nginx", TLS: true, Confidence: 100}},
				{Port: 9100, State: StateOpen, Reason: ReasonSynAck},
			}},
		{Host: "fd00::2", View: Outside, Vantage: "nmap", Address: netip.MustParseAddr("fd00::2"), Proto: TCP, Ports: ports, Method: MethodSYN,
			Started: time.Unix(1700000000, 0).UTC(), Ended: time.Unix(1700000009, 0).UTC(), DefaultState: StateClosed, Notes: []string{"imported from nmap"}},
	}
	comparePorts := cmp.Comparer(func(a, b *PortSet) bool { return a.String() == b.String() })
	if diff := cmp.Diff(want, got, compareAddr, comparePorts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	entries := EntriesFromLooks(got, "w", "o")
	wantEntries := []Entry{
		{Ports: PortRange{22, 22}, Proto: TCP, Service: "OpenSSH", Pin: Pin{Product: "OpenSSH"}, Why: "w", Owner: "o"},
		{Ports: PortRange{443, 443}, Proto: TCP, Service: "nginx", Pin: Pin{Product: "nginx"}, Why: "w", Owner: "o"},
		{Ports: PortRange{9100, 9100}, Proto: TCP, Why: "w", Owner: "o"},
	}
	if diff := cmp.Diff(wantEntries, entries, comparePrefix); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestXMLThatIsNoFinishedScanIsRefused(t *testing.T) {
	whole := readNmap(t)
	const host = `<host><status state="up"/><address addr="10.0.0.1" addrtype="ipv4"/><ports>`
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "there is no <nmaprun> in it"},
		{"another XML", "<html><body/></html>", "there is no <nmaprun> in it"},
		{"no XML", "tcp LISTEN", "there is no <nmaprun> in it"},
		{"a file that was cut off", whole[:len(whole)/2], "nmap did not finish"},
		{"a run without its end", nmapHead + "</nmaprun>", "nmap did not finish"},
		{"a run that failed", nmapHead + `<runstats><finished exit="error" errormsg="x"/></runstats></nmaprun>`, "nmap did not finish"},
		{"a port that is none", nmapHead + host + `<port protocol="tcp" portid="70000"><state state="open"/></port></ports></host>` + nmapTail, `port "70000" is not a number`},
		{"an entity of its own", `<!DOCTYPE nmaprun [<!ENTITY x SYSTEM "file:///etc/passwd">]><nmaprun>` + `<host><address addr="&x;"/></host>` + nmapTail, "no XML of nmap"},
		{"tags that cross", nmapHead + "<host><ports></host>", "no XML of nmap"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			looks, err := ImportNmapXML(strings.NewReader(c.text))
			if err == nil || looks != nil || ErrorCode(err) != CodeInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, code %s: %v", looks, ErrorCode(err), err)
			}
		})
	}
}

func TestFormsAreRecognisedByTheirContent(t *testing.T) {
	for text, want := range map[string]ImportKind{
		readNmap(t):                       ImportIsNmap,
		"\ufeff<nmaprun>":                 ImportIsNmap,
		"<html>":                          "",
		contractBaseline:                  ImportIsBaseline,
		"# ours\n---\nhost: a":            ImportIsBaseline,
		`{"version": 1}`:                  ImportIsBaseline,
		"":                                "",
		"hello: world":                    "",
		"Proto Recv-Q Send-Q":             ImportIsSS,
		"tcp LISTEN 0 1 *:80 *:*":         ImportIsSS,
		"Starting Nmap 7.93\n22/tcp open": "",
	} {
		if got := DetectImport([]byte(text)); got != want {
			t.Errorf("%.40q is recognised as %q, want %q", text, got, want)
		}
	}
}

// FuzzImportNmapXML: what is read are looks that cover what they observed, in
// rising order, none of them complete.
func FuzzImportNmapXML(f *testing.F) {
	f.Add([]byte(readNmap(f)))
	f.Add([]byte(nmapHead + nmapTail))
	f.Fuzz(func(t *testing.T, text []byte) {
		looks, err := ImportNmapXML(strings.NewReader(string(text)))
		if err != nil {
			if ErrorCode(err) != CodeInvalid {
				t.Fatalf("code %s of %v", ErrorCode(err), err)
			}
			return
		}
		for _, l := range looks {
			last := uint16(0)
			for _, o := range l.Observations {
				if o.Port <= last || !l.Ports.Contains(o.Port) {
					t.Fatalf("port %d after %d", o.Port, last)
				}
				last = o.Port
			}
			if l.Complete || l.DefaultState == StateOpen || !l.Address.IsValid() || l.Host == "" {
				t.Fatalf("a look that claims too much: %+v", l)
			}
		}
	})
}
