package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// datagramDaemon is a real service behind a UDP port.
type datagramDaemon struct {
	name  string // as the look has to name it
	port  int
	deb   string // Debian's package
	files map[string]string
	argv  []string // DIR stands for a folder of its own
}

// datagramDaemons are Debian's, each with the least that it takes to answer.
var datagramDaemons = []datagramDaemon{
	{name: "dns", port: 53, deb: "dnsmasq-base", argv: []string{"dnsmasq", "-k", "-u", "nobody", "--no-hosts", "--no-resolv", "--listen-address=" + targetFour, "--bind-interfaces", "--pid-file=DIR/pid"}},
	{name: "tftp", port: 69, deb: "atftpd", argv: []string{"atftpd", "--daemon", "--no-fork", "--user", "nobody.nogroup", "DIR"}},
	{name: "rpcbind", port: 111, deb: "rpcbind", argv: []string{"rpcbind", "-f"}},
	{name: "ntp", port: 123, deb: "chrony", files: map[string]string{"conf": "local stratum 8\nallow all\nbindcmdaddress /\npidfile DIR/pid\n"}, argv: []string{"chronyd", "-d", "-x", "-u", "root", "-f", "DIR/conf"}},
	{name: "netbios-ns", port: 137, deb: "samba", files: map[string]string{"conf": "[global]\nworkgroup=LAB\nnetbios name=LAB\nbind interfaces only=no\n" +
		"lock directory=DIR\nstate directory=DIR\ncache directory=DIR\npid directory=DIR\nprivate dir=DIR\n"}, argv: []string{"nmbd", "-F", "--no-process-group", "-s", "DIR/conf", "-l", "DIR"}},
	{name: "snmp", port: 161, deb: "snmpd", files: map[string]string{"conf": "agentAddress udp:161\nrocommunity lab\n"}, argv: []string{"snmpd", "-f", "-Lo", "-C", "-c", "DIR/conf", "-p", "DIR/pid"}},
	{name: "isakmp", port: 500, deb: "strongswan-charon", argv: []string{"/usr/lib/ipsec/charon"}},
	{name: "l2tp", port: 1701, deb: "xl2tpd", files: map[string]string{"conf": "[global]\nport = 1701\n[lns default]\nip range = 10.97.1.2-10.97.1.3\nlocal ip = 10.97.1.1\n"},
		argv: []string{"xl2tpd", "-D", "-c", "DIR/conf", "-p", "DIR/pid", "-C", "DIR/control"}},
	{name: "stun", port: 3478, deb: "coturn", argv: []string{"turnserver", "-n", "-L", targetFour, "--no-tls", "--no-dtls", "--pidfile", "DIR/pid", "-l", "stdout"}},
	{name: "dtls", port: 4433, deb: "openssl", argv: []string{"sh", "-c", "openssl req -x509 -newkey rsa:2048 -nodes -keyout DIR/key -out DIR/cert -days 1 -subj /CN=lab && exec openssl s_server -dtls -accept 4433 -cert DIR/cert -key DIR/key -quiet"}},
	{name: "sip", port: 5060, deb: "kamailio", files: map[string]string{"conf": "fork=no\nchildren=1\nlisten=udp:" + targetFour + ":5060\nloadmodule \"sl.so\"\nrequest_route { sl_send_reply(\"200\",\"OK\"); }\n"},
		argv: []string{"kamailio", "-DD", "-E", "-f", "DIR/conf", "-Y", "DIR", "-P", "DIR/pid"}},
	{name: "coap", port: 5683, deb: "libcoap3-bin", argv: []string{"coap-server-openssl", "-A", targetFour}},
	{name: "memcached", port: 11211, deb: "memcached", argv: []string{"memcached", "-u", "nobody", "-U", "11211", "-l", targetFour}},
	{name: "mumble", port: 64738, deb: "mumble-server", files: map[string]string{"conf": "database=DIR/db\nwelcometext=lab\n"}, argv: []string{"murmurd", "-fg", "-ini", "DIR/conf"}},
	{name: "echo", port: 7, deb: "inetutils-inetd", files: map[string]string{"conf": "echo dgram udp wait root internal\ndaytime dgram udp wait root internal\ntime dgram udp wait root internal\nchargen dgram udp wait root internal\n"},
		argv: []string{"inetutils-inetd", "-d", "DIR/conf"}},
	// These come with the one before.
	{name: "daytime", port: 13}, {name: "time", port: 37}, {name: "chargen", port: 19},
}

// benchUDP has PortVigil and nmap look at a thousand UDP ports, among them those of
// real daemons.
func benchUDP(ctx context.Context, binary string) error {
	binary, ok := builtBinary(binary)
	if !ok {
		return fmt.Errorf("%s is not built: make build", binary)
	}
	n, err := newNet(ctx)
	if err != nil {
		return err
	}
	defer n.close()
	dir, err := os.MkdirTemp("", "portvigil-udp-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	run, stop := context.WithCancel(ctx)
	var running []*exec.Cmd
	defer func() {
		stop()
		for _, cmd := range running {
			_ = cmd.Wait() // it was told to end
		}
	}()
	var wanted, missing []string
	for _, d := range datagramDaemons {
		if len(d.argv) > 0 {
			if _, err := exec.LookPath(d.argv[0]); err != nil {
				missing = append(missing, d.deb)
				continue
			}
			cmd, err := n.daemon(run, dir, d)
			if err != nil {
				return err
			}
			running = append(running, cmd)
		}
		wanted = append(wanted, fmt.Sprintf("%d %s", d.port, d.name))
	}
	if len(missing) > 0 {
		fmt.Printf("left out, as not installed: apt-get install --no-install-recommends %s\n", strings.Join(missing, " "))
	}
	time.Sleep(4 * time.Second) // the slowest of them makes a key first
	ports := thousand()
	for _, c := range []contender{
		{name: "portvigil", argv: func(address, _ string) []string { return []string{binary, "scan", address, "-p", "U:" + ports} }},
		{name: "nmap -sU -T4", argv: func(address, _ string) []string {
			return []string{"nmap", "-sU", "-T4", "-n", "-Pn", "-p", ports, "--open", address}
		}},
	} {
		fmt.Printf("\n%s, %d daemons (%s) among %d ports:\n", c.name, len(wanted), strings.Join(wanted, ", "), strings.Count(ports, ",")+1)
		cmd := in(ctx, n.scanner, c.argv(targetFour, "")...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		began := time.Now()
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		fmt.Printf("%s took %v\n", c.name, time.Since(began).Round(10*time.Millisecond))
	}
	return nil
}

// daemon starts one in the target's namespace.
func (n *network) daemon(ctx context.Context, dir string, d datagramDaemon) (*exec.Cmd, error) {
	own := filepath.Join(dir, d.name)
	if err := os.MkdirAll(own, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(own, 0o777); err != nil { // some of them become somebody else
		return nil, err
	}
	for name, text := range d.files {
		if err := os.WriteFile(filepath.Join(own, name), []byte(strings.ReplaceAll(text, "DIR", own)), 0o644); err != nil {
			return nil, err
		}
	}
	argv := slices.Clone(d.argv)
	for i := range argv {
		argv[i] = strings.ReplaceAll(argv[i], "DIR", own)
	}
	cmd := in(ctx, n.target, argv...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", d.name, err)
	}
	return cmd, nil
}

// thousand are a thousand ports: those of the daemons, and others spread evenly.
func thousand() string {
	ports := map[int]bool{}
	for _, d := range datagramDaemons {
		ports[d.port] = true
	}
	for port := 3; len(ports) < 1000; port += 61 {
		ports[port] = true
	}
	var list []string
	for port := range 1 << 16 {
		if ports[port] {
			list = append(list, fmt.Sprint(port))
		}
	}
	return strings.Join(list, ",")
}
