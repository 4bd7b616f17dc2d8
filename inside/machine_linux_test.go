package inside

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// fakeProcess is a process of a machine that a test makes up.
type fakeProcess struct {
	pid     int
	exe     string
	uid     int
	ticks   int
	cgroup  string
	sockets []uint64
	threads map[int][]uint64 // further threads, with the sockets of their own tables
}

// fakeMachine writes a root with a procfs of plain files and links. Process 1 is
// always there, and the PID namespace is the machine's first one.
func fakeMachine(t testing.TB, processes ...fakeProcess) string {
	t.Helper()
	root := t.TempDir()
	write(t, root, map[string]string{
		"proc/stat":      "cpu 1 2 3\nbtime 1700000000\n",
		"etc/passwd":     "root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/:/bin/false\n",
		"etc/os-release": "ID=debian\nVERSION_CODENAME=bookworm\n",
		"var/lib/dpkg/status": "Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22.1-9\n\n" +
			"Package: systemd\nStatus: install ok installed\nArchitecture: amd64\nVersion: 252.1-1\n",
		"var/lib/dpkg/info/nginx.list":   "/.\n/usr/sbin/nginx\n",
		"var/lib/dpkg/info/systemd.list": "/.\n/lib/systemd/systemd\n",
	})
	folders(t, root, "usr/lib")
	link(t, "usr/lib", filepath.Join(root, "lib"))
	if !slices.ContainsFunc(processes, func(p fakeProcess) bool { return p.pid == 1 }) {
		processes = append(processes, fakeProcess{pid: 1, exe: "/usr/lib/systemd/systemd", cgroup: "0::/init.scope\n"})
	}
	for _, p := range processes {
		dir := fmt.Sprintf("proc/%d", p.pid)
		write(t, root, map[string]string{
			dir + "/stat":   fmt.Sprintf("%d (a (b) c) S 1%s %d 0\n", p.pid, strings.Repeat(" 0", 17), p.ticks),
			dir + "/status": fmt.Sprintf("Name:\tx\nUid:\t0\t%d\t0\t0\n", p.uid),
			dir + "/cgroup": p.cgroup,
		})
		folders(t, root, dir+"/ns", dir+"/fd", dir+"/task/"+strconv.Itoa(p.pid))
		link(t, p.exe, filepath.Join(root, dir, "exe"))
		link(t, root, filepath.Join(root, dir, "root"))
		link(t, "pid:[4026531836]", filepath.Join(root, dir, "ns/pid"))
		descriptors(t, filepath.Join(root, dir, "fd"), p.sockets)
		for tid, sockets := range p.threads {
			folder := fmt.Sprintf("%s/task/%d/fd", dir, tid)
			folders(t, root, folder)
			descriptors(t, filepath.Join(root, folder), sockets)
		}
	}
	return root
}

func folders(t testing.TB, root string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func link(t testing.TB, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func descriptors(t testing.TB, folder string, sockets []uint64) {
	t.Helper()
	link(t, "/dev/null", filepath.Join(folder, "0"))
	link(t, "pipe:[7]", filepath.Join(folder, "1"))
	for i, inode := range sockets {
		link(t, fmt.Sprintf("socket:[%d]", inode), filepath.Join(folder, strconv.Itoa(i+2)))
	}
}

// given lists the same sockets every time.
func given(sockets ...Socket) func(context.Context) ([]Socket, error) {
	return func(context.Context) ([]Socket, error) { return sockets, nil }
}

func tcp(address string, inode uint64) Socket {
	at := netip.MustParseAddrPort(address)
	return Socket{Proto: portvigil.TCP, Address: at.Addr(), Port: at.Port(), Inode: inode}
}

func takeFrom(t *testing.T, root string, sockets ...Socket) *portvigil.Look {
	t.Helper()
	look, err := Take(context.Background(), Options{Root: root, Sockets: given(sockets...)})
	if err != nil {
		t.Fatal(err)
	}
	return look
}

func TestTheOldestOwnerStandsForTheListenerAndOthersAreToldByExecutable(t *testing.T) {
	root := fakeMachine(t,
		fakeProcess{pid: 1, exe: "/usr/lib/systemd/systemd", sockets: []uint64{5}, cgroup: "0::/init.scope\n"},
		fakeProcess{pid: 90, exe: "/usr/sbin/nginx", uid: 33, ticks: 700, sockets: []uint64{5}},
		fakeProcess{pid: 80, exe: "/usr/sbin/nginx", uid: 0, ticks: 650, sockets: []uint64{5}, cgroup: "0::/system.slice/nginx.service\n"},
		fakeProcess{pid: 70, exe: "/opt/helper", uid: 1000, ticks: 900, threads: map[int][]uint64{71: {6}}},
	)
	look := takeFrom(t, root, tcp("0.0.0.0:80", 5), tcp("0.0.0.0:80", 6))
	booted := time.Unix(1700000000, 0).UTC()
	want := []portvigil.Listener{{
		Proto: portvigil.TCP, Address: netip.IPv4Unspecified(), Port: 80, Scope: portvigil.ScopeAny,
		Process: &portvigil.Process{
			PID: 80, Exe: "/usr/sbin/nginx", User: "root", Started: booted.Add(6500 * time.Millisecond), Unit: "nginx.service",
			Package: &portvigil.Package{Distro: "debian", Release: "bookworm", Name: "nginx", Source: "nginx", Version: "1.22.1-9"},
		},
		Others: []portvigil.Process{
			{PID: 70, Exe: "/opt/helper", User: "1000", Started: booted.Add(9 * time.Second)},
			{
				PID: 1, Exe: "/usr/lib/systemd/systemd", User: "root", Started: booted, Unit: "init.scope",
				Package: &portvigil.Package{Distro: "debian", Release: "bookworm", Name: "systemd", Source: "systemd", Version: "252.1-1"},
			},
		},
	}}
	if diff := cmp.Diff(want, look.Listeners, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
	if !look.CoversAll(portvigil.CoversSockets, portvigil.CoversOwners, portvigil.CoversPackages) || len(look.Notes) > 0 {
		t.Errorf("covers %v with notes %q, wanted all and none", look.Covers, look.Notes)
	}
}

func TestProcessOneStandsForAListenerThatItAloneHolds(t *testing.T) {
	root := fakeMachine(t, fakeProcess{pid: 1, exe: "/usr/lib/systemd/systemd", sockets: []uint64{5}})
	if p := takeFrom(t, root, tcp("[::]:22", 5)).Listeners[0].Process; p == nil || p.PID != 1 {
		t.Errorf("owner is %+v, wanted process 1", p)
	}
}

func TestAListenerWithoutAProcessSaysWhy(t *testing.T) {
	hides := func(root string) error { return os.RemoveAll(filepath.Join(root, "proc/1")) }
	nested := func(root string) error {
		path := filepath.Join(root, "proc/1/ns/pid")
		if err := os.Remove(path); err != nil {
			return err
		}
		return os.Symlink("pid:[4026532999]", path)
	}
	ends := func(root string) error { return os.Remove(filepath.Join(root, "proc/50/exe")) }
	none := func(root string) error { return os.RemoveAll(filepath.Join(root, "proc")) }
	tests := []struct {
		name   string
		change func(root string) error
		inode  uint64
		want   string
		owners bool // is it still a look at the owners?
	}{
		{"nobody holds it: it is the kernel's", nil, 9, unknownKernel, true},
		{"no descriptor can lead to it: it is the kernel's", nil, 0, unknownKernel, true},
		{"nobody holds it, but there are processes that this procfs does not show", nested, 9, unknownOutside, false},
		{"processes are hidden", hides, 9, denial(), false},
		{"its process ended while it was read", ends, 5, unknownVanished, false},
		{"there is no procfs", none, 5, unknownNoProc, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := fakeMachine(t, fakeProcess{pid: 50, exe: "/usr/sbin/nginx", sockets: []uint64{5}})
			if test.change != nil {
				if err := test.change(root); err != nil {
					t.Fatal(err)
				}
			}
			look := takeFrom(t, root, tcp("0.0.0.0:2049", test.inode))
			if l := look.Listeners[0]; l.Process != nil || l.ProcessUnknown != test.want {
				t.Errorf("owner %+v, unknown because %q, wanted %q", l.Process, l.ProcessUnknown, test.want)
			}
			if got := look.CoversAll(portvigil.CoversOwners); got != test.owners {
				t.Errorf("covers owners: %v, wanted %v", got, test.owners)
			}
			if !look.Complete {
				t.Error("the sockets were all listed, and the look is not complete")
			}
		})
	}
}

func TestASocketThatClosesMeanwhileIsLeftOut(t *testing.T) {
	root := fakeMachine(t, fakeProcess{pid: 50, exe: "/usr/sbin/nginx", sockets: []uint64{5}})
	calls := 0
	look, err := Take(context.Background(), Options{Root: root, Sockets: func(context.Context) ([]Socket, error) {
		calls++
		if calls == 1 {
			return []Socket{tcp("0.0.0.0:80", 5), tcp("0.0.0.0:81", 9)}, nil
		}
		return []Socket{tcp("0.0.0.0:80", 5)}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(look.Listeners) != 1 || look.Listeners[0].Port != 80 || calls != 2 {
		t.Errorf("after %d readings: %+v", calls, look.Listeners)
	}
}

func TestALookWithoutAllSocketsIsIncompleteAndCoversNothing(t *testing.T) {
	root := fakeMachine(t, fakeProcess{pid: 50, exe: "/usr/sbin/nginx", sockets: []uint64{5}})
	look, err := Take(context.Background(), Options{Root: root, Sockets: func(context.Context) ([]Socket, error) {
		return []Socket{tcp("0.0.0.0:80", 5)}, fmt.Errorf("no udp_diag")
	}})
	if err != nil {
		t.Fatal(err)
	}
	if look.Complete || len(look.Covers) > 0 || len(look.Listeners) != 1 || len(look.Notes) != 1 {
		t.Errorf("complete %v, covers %v, notes %q, listeners %v", look.Complete, look.Covers, look.Notes, look.Listeners)
	}
}

func TestWithoutADatabasePackagesAreNotCovered(t *testing.T) {
	root := fakeMachine(t, fakeProcess{pid: 50, exe: "/usr/sbin/nginx", sockets: []uint64{5}})
	if err := os.RemoveAll(filepath.Join(root, "var")); err != nil {
		t.Fatal(err)
	}
	look := takeFrom(t, root, tcp("0.0.0.0:80", 5))
	if look.CoversAll(portvigil.CoversPackages) || !look.CoversAll(portvigil.CoversOwners) || len(look.Notes) != 1 {
		t.Errorf("covers %v, notes %q", look.Covers, look.Notes)
	}
}

// A large machine: 2,000 processes of 50 descriptors each. They share one folder
// of descriptors, because 100,000 links take longer to make than all the rest.
func BenchmarkFindOwners(b *testing.B) {
	var sockets []uint64
	for i := range 48 {
		sockets = append(sockets, uint64(100+i))
	}
	root := fakeMachine(b, fakeProcess{pid: 2, exe: "/usr/sbin/nginx", sockets: sockets})
	proc := filepath.Join(root, "proc")
	for pid := 3; pid <= 2001; pid++ {
		folders(b, proc, fmt.Sprintf("%d/task/%d", pid, pid))
		link(b, "../2/fd", filepath.Join(proc, strconv.Itoa(pid), "fd"))
	}
	for b.Loop() {
		seen, err := findOwners(context.Background(), proc, map[uint64]bool{100: true})
		if err != nil || len(seen.pids[100]) != 2000 {
			b.Fatalf("%d owners, %v", len(seen.pids[100]), err)
		}
	}
}

func BenchmarkTakeOnThisMachine(b *testing.B) {
	for b.Loop() {
		if _, err := Take(context.Background(), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
