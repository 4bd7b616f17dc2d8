package portvigil

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var compareAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestSavedListingsAreRead(t *testing.T) {
	const unknown = "the saved listing does not tell"
	any4, any6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	for _, c := range []struct {
		name, text string
		want       []Listener
	}{
		{"ss with its header", "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\ntcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*\n",
			[]Listener{{Proto: TCP, Address: any4, Port: 22, Scope: ScopeAny, ProcessUnknown: unknown}}},
		{"ss -H with Windows line ends", "udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*\r\n",
			[]Listener{{Proto: UDP, Address: netip.MustParseAddr("127.0.0.53"), Port: 53, Scope: ScopeLoopback, Device: "lo", ProcessUnknown: unknown}}},
		{"ss -tln without the protocol", "State  Recv-Q Send-Q Local Address:Port\nLISTEN 0 511 *:80 *:*\nLISTEN 0 5 [::]:22 [::]:*\n",
			[]Listener{{Proto: TCP, Address: any6, Port: 80, Scope: ScopeAny, ProcessUnknown: unknown},
				{Proto: TCP, Address: any6, Port: 22, Scope: ScopeAny, V6Only: true, ProcessUnknown: unknown}}},
		{"ss -uln without the protocol", "UNCONN 0 0 [fe80::1]%eth0:546 [::]:*\nUNCONN 0 0 [fe80::2%eth0]:546 [::]:*\n",
			[]Listener{{Proto: UDP, Address: netip.MustParseAddr("fe80::1"), Port: 546, Scope: ScopePrivate, Device: "eth0", ProcessUnknown: unknown},
				{Proto: UDP, Address: netip.MustParseAddr("fe80::2"), Port: 546, Scope: ScopePrivate, Device: "eth0", ProcessUnknown: unknown}}},
		{"ss before version 4.13", "tcp LISTEN 0 128 *:22 *:*\ntcp LISTEN 0 128 :::22 :::*\n",
			[]Listener{{Proto: TCP, Address: any4, Port: 22, Scope: ScopeAny, ProcessUnknown: unknown},
				{Proto: TCP, Address: any6, Port: 22, Scope: ScopeAny, ProcessUnknown: unknown}}},
		{"ss -p with names of any kind", `tcp LISTEN 0 128 *:22 *:* users:(("systemd",pid=1,fd=9),("my "app"/x",pid=7,fd=3),("my "app"/x",pid=7,fd=4))`,
			[]Listener{{Proto: TCP, Address: any6, Port: 22, Scope: ScopeAny, Process: &Process{PID: 7, Exe: `my "app"_x`}, Others: []Process{{PID: 1, Exe: "systemd"}}}}},
		{"lines for one shared socket address as one listener", "tcp LISTEN 0 1 *:80 *:* users:((\"a\",pid=5,fd=1))\ntcp LISTEN 0 1 *:80 *:* users:((\"b\",pid=6,fd=1))\n",
			[]Listener{{Proto: TCP, Address: any6, Port: 80, Scope: ScopeAny, Process: &Process{PID: 5, Exe: "a"}, Others: []Process{{PID: 6, Exe: "b"}}}}},
		{"connections and other sockets are passed over", "nl UNCONN 0 0 rtnl:kernel *\nu_str LISTEN 0 1 /run/x 12 * 0\ntcp ESTAB 0 0 10.0.0.1:22 10.0.0.2:5000\ntcp LISTEN 0 1 10.0.0.1:22 0.0.0.0:*\n\t skmem:(r0)\n",
			[]Listener{{Proto: TCP, Address: netip.MustParseAddr("10.0.0.1"), Port: 22, Scope: ScopePrivate, ProcessUnknown: unknown}}},
		{"netstat", "Active Internet connections (only servers)\nProto Recv-Q Send-Q Local Address Foreign Address State PID/Program name\ntcp 0 0 0.0.0.0:22 0.0.0.0:* LISTEN 812/sshd: /usr/sbin\ntcp6 0 0 :::80 :::* LISTEN -\nudp 0 0 10.0.0.1:123 0.0.0.0:* -\ntcp 0 0 10.0.0.1:22 10.0.0.2:9 ESTABLISHED 9/x\n",
			[]Listener{{Proto: TCP, Address: any4, Port: 22, Scope: ScopeAny, Process: &Process{PID: 812, Exe: "sshd:"}},
				{Proto: TCP, Address: any6, Port: 80, Scope: ScopeAny, ProcessUnknown: unknown},
				{Proto: UDP, Address: netip.MustParseAddr("10.0.0.1"), Port: 123, Scope: ScopePrivate, ProcessUnknown: unknown}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := ImportSS([]byte(c.text))
			if diff := cmp.Diff(c.want, got, compareAddr); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if kind := DetectImport([]byte(c.text)); kind != ImportIsSS && !strings.HasPrefix(c.text, "nl ") {
				t.Errorf("recognised as %q", kind)
			}
		})
	}
}

func TestLinesThatMakeNoSenseAreNamed(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "no listening socket in it; save it with: ss -tuln > FILE"},
		{"Netid State\n", "no listening socket in it"},
		{"tcp LISTEN 0 128 0.0.0.0:ssh 0.0.0.0:*", `line 1: port "ssh" is not a number; save the listing with -n`},
		{"\ntcp LISTEN 0 128 localhost:22 0.0.0.0:*", `line 2: "localhost" is not an address`},
		{"tcp LISTEN 0", `line 1: "tcp LISTEN 0" lacks a column; the listing may be cut off`},
		{"tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n$ ss -tuln\n\x1b[2J", "line 2: \"$ ss -tuln\" is no line of ss -tuln or netstat -tuln; take it out, or save the listing anew\nline 3: \"\\x1b[2J\" is no line"},
		{"tcp LISTEN 0 128 0.0.0.0:0 0.0.0.0:*", `line 1: port "0" is not a number`},
	} {
		got, err := ImportSS([]byte(c.text))
		if err == nil || got != nil || ErrorCode(err) != CodeInvalid || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: %v, code %s\n got %v\nwant %s", c.text, got, ErrorCode(err), err, c.want)
		}
	}
}

// FuzzImportSS: what is read names doors, and the lines' order does not matter
// to which.
func FuzzImportSS(f *testing.F) {
	text, err := os.ReadFile("testdata/importss/debian12.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("tcp 0 0 :::80 :::* LISTEN 1/x\nLISTEN 0 1 *:80 *:*"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ImportSS(text)
		if err != nil {
			return
		}
		lines := strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n")
		slices.Reverse(lines)
		back, err := ImportSS([]byte(strings.Join(lines, "\n")))
		if err != nil || len(back) != len(got) {
			t.Fatalf("%d listeners, backwards %d: %v", len(got), len(back), err)
		}
		for _, l := range got {
			if l.Port == 0 || !l.Address.IsValid() || l.Scope == "" || (l.Process == nil) == (l.ProcessUnknown == "") {
				t.Fatalf("half a listener: %+v", l)
			}
		}
		for _, e := range EntriesFromListeners(got, PortRange{}, "w", "o") {
			if e.Pin.Exe != "" {
				t.Fatalf("a name is pinned as a path: %+v", e)
			}
		}
	})
}
