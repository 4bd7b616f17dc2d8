package lab

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Host is a network namespace with loopback and one interface, eth0, on the
// lab's switch. It shares files, users and process ids with the machine.
type Host struct {
	Name string
	IP4  netip.Addr // 10.99.0.N/24
	IP6  netip.Addr // fd99::N/64

	lab  *Lab
	ns   string // its namespace's name
	port string // its end of the cable in the switch's namespace
}

// Host adds a host to the lab. The first has the addresses 10.99.0.1 and
// fd99::1, and so on; all hosts of a lab see each other, and nothing else does.
func (l *Lab) Host(name string) *Host {
	l.t.Helper()
	l.hosts++
	n := l.hosts
	h := l.alone(name)
	h.IP4 = netip.AddrFrom4([4]byte{10, 99, 0, byte(n)})
	h.IP6 = netip.MustParseAddr(fmt.Sprintf("fd99::%x", n))
	h.port = fmt.Sprintf("port%d", n)
	l.must("-n", l.sw, "link", "add", h.port, "type", "veth", "peer", "name", "eth0", "netns", h.ns)
	l.must("-n", l.sw, "link", "set", h.port, "master", "br0", "up")
	l.must("-n", h.ns, "address", "add", h.IP4.String()+"/24", "dev", "eth0")
	// nodad: duplicate address detection (RFC 4862) would keep the address
	// unusable for a second.
	l.must("-n", h.ns, "address", "add", h.IP6.String()+"/64", "dev", "eth0", "nodad")
	l.must("-n", h.ns, "link", "set", "eth0", "up")
	return h
}

// alone makes a host that has loopback and nothing else.
func (l *Lab) alone(name string) *Host {
	l.t.Helper()
	h := &Host{Name: name, lab: l, ns: l.prefix + name}
	l.t.Cleanup(func() { removeNamespace(h.ns) })
	l.must("netns", "add", h.ns)
	l.must("-n", h.ns, "link", "set", "lo", "up")
	return h
}

// AddAddress gives the host a further address on eth0: "10.99.0.77/24".
func (h *Host) AddAddress(prefix string) {
	h.lab.t.Helper()
	args := []string{"-n", h.ns, "address", "add", prefix, "dev", "eth0"}
	if p, err := netip.ParsePrefix(prefix); err == nil && p.Addr().Is6() {
		args = append(args, "nodad")
	}
	h.lab.must(args...)
}

// Addr is the host's IPv4 address with a port: "10.99.0.2:9100".
func (h *Host) Addr(port uint16) string { return netip.AddrPortFrom(h.IP4, port).String() }

// Addr6 is the host's IPv6 address with a port: "[fd99::2]:9100".
func (h *Host) Addr6(port uint16) string { return netip.AddrPortFrom(h.IP6, port).String() }

// Path is the file that stands for the host's network namespace.
func (h *Host) Path() string { return filepath.Join(netns, h.ns) }

// Command is a program that will run on the host. `ip netns exec` becomes the
// program (it calls execve), so the command's pid is the program's own.
func (h *Host) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	h.lab.t.Helper()
	iproute, err := Find("ip")
	if err != nil {
		h.lab.t.Fatalf("find ip: %v", err)
	}
	// Not found, the name is left to ip, whose error then says so.
	if path, err := Find(name); err == nil {
		name = path
	}
	return exec.CommandContext(ctx, iproute, append([]string{"netns", "exec", h.ns, name}, args...)...)
}

// Firewall replaces the host's packet filter by rules in nft's language.
func (h *Host) Firewall(t testing.TB, rules string) {
	t.Helper()
	Require(t, "nft")
	cmd := h.Command(t.Context(), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader("flush ruleset\n" + rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("set the firewall of %s: %v: %s", h.Name, err, out)
	}
}

// Cut takes the cable out at the switch: nothing reaches the host, and nobody
// answers for it. The host keeps its addresses.
func (h *Host) Cut(t testing.TB) {
	t.Helper()
	h.lab.must("-n", h.lab.sw, "link", "set", h.port, "down")
}

// Mend puts the cable back.
func (h *Host) Mend(t testing.TB) {
	t.Helper()
	h.lab.must("-n", h.lab.sw, "link", "set", h.port, "up")
}
