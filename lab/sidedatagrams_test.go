package lab_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// datagramPorts is how many UDP ports are looked at, those of the daemons among them.
var datagramPorts = flag.Int("datagram-ports", 1000, "at how many UDP ports BenchmarkDatagrams looks")

// datagramDaemon is a real service behind a UDP port.
type datagramDaemon struct {
	name  string // as the look has to name it
	port  uint16
	files map[string]string
	argv  []string // DIR stands for a folder of its own, ADDRESS for the target's; none: it comes with the one before
}

// datagramDaemons are Debian's, each with the least that it takes to answer.
var datagramDaemons = []datagramDaemon{
	{name: "dns", port: 53, argv: []string{"dnsmasq", "-k", "-u", "nobody", "--no-hosts", "--no-resolv", "--listen-address=ADDRESS", "--bind-interfaces", "--pid-file=DIR/pid"}},
	{name: "tftp", port: 69, argv: []string{"atftpd", "--daemon", "--no-fork", "--user", "nobody.nogroup", "DIR"}},
	{name: "rpcbind", port: 111, argv: []string{"rpcbind", "-f"}},
	{name: "ntp", port: 123, files: map[string]string{"conf": "local stratum 8\nallow all\nbindcmdaddress /\npidfile DIR/pid\n"}, argv: []string{"chronyd", "-d", "-x", "-u", "root", "-f", "DIR/conf"}},
	{name: "netbios-ns", port: 137, files: map[string]string{"conf": "[global]\nworkgroup=LAB\nnetbios name=LAB\nbind interfaces only=no\n" +
		"lock directory=DIR\nstate directory=DIR\ncache directory=DIR\npid directory=DIR\nprivate dir=DIR\n"}, argv: []string{"nmbd", "-F", "--no-process-group", "-s", "DIR/conf", "-l", "DIR"}},
	{name: "snmp", port: 161, files: map[string]string{"conf": "agentAddress udp:161\nrocommunity lab\n"}, argv: []string{"snmpd", "-f", "-Lo", "-C", "-c", "DIR/conf", "-p", "DIR/pid"}},
	{name: "isakmp", port: 500, argv: []string{"/usr/lib/ipsec/charon"}},
	{name: "l2tp", port: 1701, files: map[string]string{"conf": "[global]\nport = 1701\n[lns default]\nip range = 10.97.1.2-10.97.1.3\nlocal ip = 10.97.1.1\n"},
		argv: []string{"xl2tpd", "-D", "-c", "DIR/conf", "-p", "DIR/pid", "-C", "DIR/control"}},
	{name: "stun", port: 3478, argv: []string{"turnserver", "-n", "-L", "ADDRESS", "--no-tls", "--no-dtls", "--pidfile", "DIR/pid", "-l", "stdout"}},
	{name: "dtls", port: 4433, argv: []string{"sh", "-c", "openssl req -x509 -newkey rsa:2048 -nodes -keyout DIR/key -out DIR/cert -days 1 -subj /CN=lab && exec openssl s_server -dtls -accept 4433 -cert DIR/cert -key DIR/key -quiet"}},
	{name: "sip", port: 5060, files: map[string]string{"conf": "fork=no\nchildren=1\nlisten=udp:ADDRESS:5060\nloadmodule \"sl.so\"\nrequest_route { sl_send_reply(\"200\",\"OK\"); }\n"},
		argv: []string{"kamailio", "-DD", "-E", "-f", "DIR/conf", "-Y", "DIR", "-P", "DIR/pid"}},
	{name: "coap", port: 5683, argv: []string{"coap-server-openssl", "-A", "ADDRESS"}},
	{name: "memcached", port: 11211, argv: []string{"memcached", "-u", "nobody", "-U", "11211", "-l", "ADDRESS"}},
	{name: "mumble", port: 64738, files: map[string]string{"conf": "database=DIR/db\nwelcometext=lab\n"}, argv: []string{"murmurd", "-fg", "-ini", "DIR/conf"}},
	{name: "echo", port: 7, files: map[string]string{"conf": "echo dgram udp wait root internal\ndaytime dgram udp wait root internal\ntime dgram udp wait root internal\nchargen dgram udp wait root internal\n"},
		argv: []string{"inetutils-inetd", "-d", "DIR/conf"}},
	{name: "daytime", port: 13}, {name: "time", port: 37}, {name: "chargen", port: 19},
}

// BenchmarkDatagrams looks at a thousand UDP ports, some with Debian's own daemons
// behind them, and has nmap do the same, which takes a quarter of an hour. It fails for
// a daemon that nmap finds open and portvigil does not.
func BenchmarkDatagrams(b *testing.B) {
	lab.Require(b, "nmap")
	l := lab.New(b)
	p := &lab.Path{Scanner: l.Host("scanner"), Target: l.Host("target")} // no doors but the daemons'
	running := startDatagramDaemons(b, p.Target)
	ports := portvigil.PortsOf()
	for _, d := range datagramDaemons {
		ports.Add(d.port)
	}
	for port := uint16(3); ports.Len() < *datagramPorts; port += 61 {
		ports.Add(port)
	}
	for range b.N {
		ours := lookAlong(b, p, p.Target.IP4, "-p", "U:"+ports.String())
		began := time.Now()
		out, err := p.Scanner.Command(b.Context(), "nmap", "-sU", "-T4", "-n", "-Pn", "-oX", "-", "-p", ports.String(), p.Target.IP4.String()).Output()
		took := time.Since(began)
		if err != nil {
			b.Fatalf("nmap: %v", err)
		}
		theirs, err := nmapStates(out)
		if err != nil {
			b.Fatalf("read nmap's file: %v", err)
		}
		fmt.Printf("%d daemons among %d UDP ports: portvigil %v, complete %v, %q; nmap -sU -T4 %v (ratio %.2f, wanted ≤ 0.10)\n", len(running), ports.Len(),
			ours.took.Round(time.Millisecond), ours.Complete, codes(ours.Notes), took.Round(time.Millisecond), ours.took.Seconds()/took.Seconds())
		for _, d := range running {
			saw, name := ours.At(d.port), "-"
			if saw.Service != nil {
				name = saw.Service.Name
			}
			fmt.Printf("  %5d %-10s portvigil %-13s %-12s nmap %s\n", d.port, d.name, saw.State, name, theirs[d.port])
			if theirs[d.port] == portvigil.StateOpen && saw.State != portvigil.StateOpen {
				b.Errorf("%s at %d is open to nmap, and %s to portvigil", d.name, d.port, saw.State)
			}
		}
	}
}

// startDatagramDaemons starts those that are installed, and waits until they listen.
func startDatagramDaemons(b *testing.B, h *lab.Host) (running []datagramDaemon) {
	b.Helper()
	var last *lab.Process
	for _, d := range datagramDaemons {
		if len(d.argv) > 0 {
			last = nil
			if _, err := lab.Find(d.argv[0]); err != nil {
				fmt.Printf("left out, as it is not installed: %s\n", d.argv[0])
				continue
			}
			last = h.Start(b, d.argv[0], prepare(b, h, d)[1:]...)
		}
		if last != nil {
			last.WaitListen(b, portvigil.UDP, d.port)
			running = append(running, d)
		}
	}
	return running
}

// prepare gives a daemon its folder and files, and returns its command.
func prepare(b *testing.B, h *lab.Host, d datagramDaemon) []string {
	b.Helper()
	// Some of them become somebody else, who may not pass through b.TempDir.
	dir, err := os.MkdirTemp("", fmt.Sprintf("pvlab-%d-datagrams-", os.Getpid()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) }) // what is left the next lab sweeps up
	if err := os.Chmod(dir, 0o777); err != nil {
		b.Fatal(err)
	}
	words := strings.NewReplacer("DIR", dir, "ADDRESS", h.IP4.String())
	for name, text := range d.files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(words.Replace(text)), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	argv := slices.Clone(d.argv)
	for i := range argv {
		argv[i] = words.Replace(argv[i])
	}
	return argv
}
