package inside

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/portvigil/portvigil"
)

// ownNetwork moves the test into a network namespace that nothing else lives in,
// with the pair of interfaces pv0 and pv1. The namespace goes with the thread,
// which goes with the test's goroutine because it is never unlocked.
func ownNetwork(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("make a network namespace: %v", err)
	}
	for _, command := range []string{
		"ip link set lo up",
		"ip link add pv0 type veth peer name pv1",
		"ip link set pv1 up",
		"ip link set pv0 up",
		"ip addr add 10.98.0.1/24 dev pv0",
		"ip addr add 2001:db8:98::1/64 dev pv0 nodad",
		"ip addr add fe80::98/64 dev pv0 nodad",
	} {
		words := strings.Fields(command)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
	}
}

// doors is what both sides are turned into: who holds each listener, and under
// "v6only" in the name what that socket does not take.
type doors map[string][]int

// byTool asks the real ss(8).
func byTool(t *testing.T) doors {
	t.Helper()
	out, err := exec.Command("ss", "-H", "-t", "-u", "-l", "-n", "-p", "-O").CombinedOutput()
	if err != nil {
		t.Fatalf("ss: %v: %s", err, out)
	}
	pid := regexp.MustCompile(`pid=(\d+),fd=`)
	seen := doors{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		key := fields[0] + " " + fields[4]
		pids := seen[key]
		for _, m := range pid.FindAllStringSubmatch(line, -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, n)
		}
		slices.Sort(pids)
		seen[key] = slices.Compact(pids)
	}
	return seen
}

// byUs writes what see saw as ss writes it: "*" for :: that takes IPv4 too, the
// device after a percent sign.
func byUs(t *testing.T) doors {
	t.Helper()
	m, _ := newMachine("/")
	s, err := see(context.Background(), &m, kernelSockets)
	if err != nil {
		t.Fatal(err)
	}
	seen := doors{}
	for _, l := range merge(s.sockets) {
		address := l.Address.WithZone("").String()
		switch {
		case l.Address.IsUnspecified() && l.Address.Is6() && !l.V6Only:
			address = "*"
		case l.Address.Is6():
			address = "[" + address + "]"
		}
		if l.Device != "" {
			address += "%" + l.Device
		}
		seen[fmt.Sprintf("%s %s:%d", l.Proto, address, l.Port)] = s.pids(l)
	}
	return seen
}

func TestTheListenersEqualThoseOfSS(t *testing.T) {
	ownNetwork(t)
	folder := openFolder(t)
	plain := program(t, filepath.Join(folder, "plain"))
	pv0 := interfaceIndex(t, "pv0")

	start(t, nil, plain, "hold",
		"tcp,0.0.0.0:7001", "tcp,[::]:7002", "tcp,[::]:7003,v6only", "tcp,127.0.0.1:7004", "tcp,[::1]:7005",
		"tcp,10.98.0.1:7006", "tcp,[2001:db8:98::1]:7007", "tcp,[::ffff:127.0.0.1]:7008",
		"tcp,0.0.0.0:7009,device=pv0", "tcp,[fe80::98%"+pv0+"]:7010", "tcp,[::]:7011,device=pv1",
		"udp,0.0.0.0:7001", "udp,[::]:7002", "udp,[::]:7003,v6only", "udp,[::1]:7005",
		"udp,224.0.0.251:7012", "udp,[ff02::fb%"+pv0+"]:7013", "udp,0.0.0.0:7014,device=pv0",
		"udp,127.0.0.1:7015,connect=127.0.0.1:7001", // connected: accepts nothing from others
		"thread,tcp,127.0.0.1:7016", "tcp,127.0.0.1:7017,inherit")
	for range 3 { // workers that share a port, each with its own socket
		start(t, nil, plain, "hold", "tcp,[::]:7020,reuseport", "udp,0.0.0.0:7020,reuseport")
	}
	start(t, nil, plain, "hold", "tcp,0.0.0.0:7021,reuseport", "tcp,[::]:7021,reuseport,v6only")
	start(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}, plain, "hold", "tcp,0.0.0.0:7022")
	start(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}, plain, "hold", "tcp,0.0.0.0:7023")
	start(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET}, plain, "hold", "tcp,0.0.0.0:7024")
	gone := program(t, filepath.Join(folder, "gone"))
	start(t, nil, gone, "hold", "tcp,0.0.0.0:7025")
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	start(t, nil, program(t, filepath.Join(folder, "n\xffme")), "hold", "tcp,0.0.0.0:7026")
	if fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP); err == nil {
		unix.Close(fd)
		start(t, nil, plain, "hold", "mptcp,0.0.0.0:7027")
	}

	want, got := byTool(t), byUs(t)
	// ss reads the main thread's descriptors only, so that for this one it knows
	// no owner; the socket's own thread is the reason to look further.
	const hidden = "tcp 127.0.0.1:7016"
	if len(want[hidden]) != 0 || len(got[hidden]) != 1 {
		t.Errorf("%s: ss tells owners %v, we %v; wanted none and one", hidden, want[hidden], got[hidden])
	}
	delete(want, hidden)
	delete(got, hidden)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listeners differ from those of ss (-ss +ours):\n%s", diff)
	}
	if len(want) < 27 {
		t.Errorf("ss tells %d listeners, so that too little was compared: %v", len(want), slices.Sorted(maps.Keys(want)))
	}
}

func TestASocketInAContainersOwnRootIsToldWithItsPackage(t *testing.T) {
	ownNetwork(t)
	container := openFolder(t)
	exe := program(t, filepath.Join(container, "opt/door"))
	write(t, container, map[string]string{
		"etc/os-release":                "ID=testos\nVERSION_ID=\"7\"\n",
		"var/lib/dpkg/status":           "Package: door\nStatus: install ok installed\nArchitecture: amd64\nSource: doors (1:2-3)\nVersion: 1:2-3+b1\n",
		"var/lib/dpkg/info/door.list":   "/.\n/opt\n/opt/door\n",
		"var/lib/dpkg/info/other.list":  "/opt/doorbell\n",
		"var/lib/dpkg/info/door.md5sum": "",
	})
	pid := start(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS, Credential: &syscall.Credential{}},
		exe, "contain", container, "/opt/door", "tcp,0.0.0.0:7030")
	want := &portvigil.Process{
		PID: pid, Exe: "/opt/door", User: "root",
		Package: &portvigil.Package{Distro: "testos", Release: "7", Name: "door", Source: "doors", Version: "1:2-3+b1"},
	}
	if diff := cmp.Diff(want, ownerOf(t, 7030), ignoreStart); diff != "" {
		t.Errorf("owner in a container (-want +got):\n%s", diff)
	}

	chrooted := start(t, nil, exe, "hold", "chroot="+container, "tcp,0.0.0.0:7031")
	want.PID = chrooted
	if diff := cmp.Diff(want, ownerOf(t, 7031), ignoreStart); diff != "" {
		t.Errorf("owner in a chroot (-want +got):\n%s", diff)
	}
}
