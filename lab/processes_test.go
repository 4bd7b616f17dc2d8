package lab_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/portvigil/portvigil/lab"
)

// proc is a process as /proc/PID/status tells of it (proc_pid_status(5)).
type proc struct {
	pid, ppid, uid, gid int
	groups              string
	effective           uint64
	permitted           uint64
	inheritable         uint64
	bounding            uint64
	ambient             uint64
	noNewPrivs          bool
}

func readProc(pid int) (p proc, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return p, err
	}
	defer f.Close()
	p.pid = pid
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimSpace(value)
		first, _, _ := strings.Cut(value, "\t")
		number, _ := strconv.Atoi(first)
		set, _ := strconv.ParseUint(value, 16, 64)
		switch name {
		case "PPid":
			p.ppid = number
		case "Uid":
			p.uid = number
		case "Gid":
			p.gid = number
		case "Groups":
			p.groups = value
		case "CapInh":
			p.inheritable = set
		case "CapPrm":
			p.permitted = set
		case "CapEff":
			p.effective = set
		case "CapBnd":
			p.bounding = set
		case "CapAmb":
			p.ambient = set
		case "NoNewPrivs":
			p.noNewPrivs = number == 1
		}
	}
	return p, nil
}

// processNames are the three children of a server.
var processNames = []string{"core", "inside", "scanner"}

// family waits until the server of this process id has its three children and
// returns them by name.
func family(t testing.TB, parent int) map[string]proc {
	t.Helper()
	var found map[string]proc
	await(t, "three children of the server", time.Minute, func() bool {
		found = map[string]proc{}
		for name, p := range childrenOf(parent) {
			found[name] = p
		}
		return len(found) == len(processNames)
	})
	return found
}

func childrenOf(parent int) map[string]proc {
	found := map[string]proc{}
	all, _ := filepath.Glob("/proc/[0-9]*/status") // its only error is a bad pattern
	for _, path := range all {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		p, err := readProc(pid)
		if err != nil || p.ppid != parent {
			continue
		}
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if words := strings.Split(string(line), "\x00"); len(words) > 2 && words[1] == "process" {
			found[words[2]] = p
		}
	}
	return found
}

// await polls for what no event tells: another process's state.
func await(t testing.TB, what string, within time.Duration, happened func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); !happened(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// running reports whether a process is there and no zombie.
func running(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(text), ") ")
	return err == nil && !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

// as runs do on a thread that has the user, groups and capabilities of a
// process, which is all that the kernel goes by for what do tries.
func as(t testing.TB, p proc, do func() error) error {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := become(p); err != nil {
			t.Errorf("take the rights of process %d: %v", p.pid, err)
		}
		done <- do()
	}()
	return <-done
}

func become(p proc) error {
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return err
	}
	// Raw, since the runtime's own calls change every thread.
	for _, call := range [][4]uintptr{
		{unix.SYS_SETGROUPS, 0, 0, 0},
		{unix.SYS_SETRESGID, uintptr(p.gid), uintptr(p.gid), uintptr(p.gid)},
		{unix.SYS_SETRESUID, uintptr(p.uid), uintptr(p.uid), uintptr(p.uid)},
	} {
		if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
			return errno
		}
	}
	set := [2]unix.CapUserData{
		{Effective: uint32(p.effective), Permitted: uint32(p.permitted)},
		{Effective: uint32(p.effective >> 32), Permitted: uint32(p.permitted >> 32)},
	}
	return unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &set[0])
}

// rawSocket tries what a scanner with packets of its own needs.
func rawSocket() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Close(fd)
	}
	return err
}

func openFile(path string) func() error {
	return func() error {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
		if err == nil {
			err = unix.Close(fd)
		}
		return err
	}
}

// openIn returns what the process has open in a folder.
func openIn(t testing.TB, pid int, dir string) []string {
	t.Helper()
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(fds) == 0 {
		t.Fatalf("list what process %d has open: %v, %d", pid, err, len(fds))
	}
	var found []string
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, dir+"/") {
			found = append(found, to)
		}
	}
	return found
}

// what each process may have, as bits of a capability set.
var capabilitiesOf = map[string]uint64{
	"core":    0,
	"inside":  1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH,
	"scanner": 1 << unix.CAP_NET_RAW,
}

// checkFew checks each child's capabilities against what it may have.
func checkFew(t *testing.T, children map[string]proc, may map[string]uint64) {
	t.Helper()
	for name, p := range children {
		want := may[name]
		for set, has := range map[string]uint64{"CapEff": p.effective, "CapPrm": p.permitted, "CapAmb": p.ambient} {
			if has != want {
				t.Errorf("%s of %s is %x, want %x", set, name, has, want)
			}
		}
		if p.inheritable&^want != 0 {
			t.Errorf("CapInh of %s is %x, more than %x", name, p.inheritable, want)
		}
		if !p.noNewPrivs {
			t.Errorf("%s may get new privileges", name)
		}
	}
}

// checkApart checks what only a start as root can give: a user for each process,
// so that none reaches what is another's.
func checkApart(t *testing.T, children map[string]proc, data string) {
	t.Helper()
	uids := map[int]string{0: "root"}
	for name, p := range children {
		if p.bounding != capabilitiesOf[name] { // only who has CAP_SETPCAP can narrow it
			t.Errorf("CapBnd of %s is %x, want %x", name, p.bounding, capabilitiesOf[name])
		}
		if other, taken := uids[p.uid]; taken {
			t.Errorf("%s and %s are both user %d", name, other, p.uid)
		}
		uids[p.uid] = name
		if p.groups != "" {
			t.Errorf("%s has the groups %s", name, p.groups)
		}
	}
	var folder unix.Stat_t
	if err := unix.Stat(data, &folder); err != nil || int(folder.Uid) != children["core"].uid {
		t.Errorf("the data folder belongs to %d, the core is %d (%v)", folder.Uid, children["core"].uid, err)
	}
	if err := as(t, children["core"], rawSocket); !errors.Is(err, unix.EPERM) {
		t.Errorf("a raw socket of the core: %v, want it refused", err)
	}
	if err := as(t, children["scanner"], rawSocket); err != nil {
		t.Errorf("a raw socket of the scanner: %v", err)
	}
	database := filepath.Join(data, "portvigil.db")
	if err := as(t, children["scanner"], openFile(database)); !errors.Is(err, unix.EACCES) {
		t.Errorf("the database, opened by the scanner: %v, want it refused", err)
	}
}

func TestEachProcessOfAServerHasFewRights(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.scanner.NodeExporterInUnit(t, 9100)
	server := s.scanner.Start(t, s.bin, "--data", s.data, "serve")
	server.WaitOutput(t, ready)
	children := family(t, server.PID)
	checkFew(t, children, capabilitiesOf)
	checkApart(t, children, s.data)
	if strings.Contains(server.Output(), "more rights than") {
		t.Errorf("the server says\n%s", server.Output())
	}
	if len(openIn(t, children["core"].pid, s.data)) == 0 {
		t.Error("the core has nothing open in the data folder: what is looked at is not it")
	}
	for _, name := range []string{"inside", "scanner"} {
		if open := openIn(t, children[name].pid, s.data); len(open) > 0 {
			t.Errorf("%s has open %v", name, open)
		}
	}
	// With those few, everything is seen.
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	look := s.must(1, "hosts", "look", host, "--inside", "--json").stdout
	if !strings.Contains(look, "prometheus-node-exporter.service") || strings.Contains(look, "process_unknown") {
		t.Errorf("the inside view sees\n%s", look)
	}
	server.Stop(t)
	for name, p := range children {
		if running(p.pid) {
			t.Errorf("%s runs still", name)
		}
	}
}

// The first of the README's two commands, as root: a program in a folder of the
// build's own, started by another one.
func TestAServerUnderGoRunHasFewRights(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	gorun := s.scanner.Start(t, "go", "run", "-C", "..", "./cmd/portvigil", "--data", s.data, "serve")
	await(t, "the link", 2*time.Minute, func() bool { return strings.Contains(gorun.Output(), ready) })
	server := onlyChild(t, gorun.PID)
	t.Cleanup(func() { _ = syscall.Kill(server, syscall.SIGKILL) }) // go does not take it along
	children := family(t, server)
	checkFew(t, children, capabilitiesOf)
	checkApart(t, children, s.data)
	if err := syscall.Kill(server, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-gorun.Done()
	for name, p := range children {
		if running(p.pid) {
			t.Errorf("%s runs still", name)
		}
	}
}

// onlyChild returns the one process that this one has started and that runs still.
func onlyChild(t *testing.T, parent int) int {
	t.Helper()
	var found []int
	all, _ := filepath.Glob("/proc/[0-9]*/status") // its only error is a bad pattern
	for _, path := range all {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if p, err := readProc(pid); err == nil && p.ppid == parent && running(pid) {
			found = append(found, pid)
		}
	}
	if len(found) != 1 {
		t.Fatalf("process %d has the children %v, want one", parent, found)
	}
	return found[0]
}

// newServer is a story with one machine and no server yet.
func newServer(t *testing.T) *story {
	return &story{t: t, data: filepath.Join(t.TempDir(), "data"), scanner: lab.New(t).Host("server"), bin: lab.Build(t)}
}

// A server that an ordinary user starts has the same processes with no rights
// at all, and says what it does not see; one that a service manager gives the
// capabilities to has them where they belong.
func TestAServerWithoutRootHasTheSameProcesses(t *testing.T) {
	t.Parallel()
	const nobody = "--reuid=61190 --regid=61190 --clear-groups --no-new-privs "
	few := "+sys_ptrace,+dac_read_search,+net_raw"
	for _, c := range []struct {
		name, priv string
		may        map[string]uint64
		says       bool
	}{
		{"with no capability", nobody + "--inh-caps=-all --bounding-set=-all", map[string]uint64{}, true},
		{"with those of the unit", nobody + "--inh-caps=-all," + few + " --ambient-caps=-all," + few + " --bounding-set=-all," + few, capabilitiesOf, false},
		{"as root that may not become another", "--inh-caps=-all --bounding-set=-setuid,-setgid", map[string]uint64{"inside": capabilitiesOf["inside"], "scanner": capabilitiesOf["scanner"]}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			if s.data = "/tmp/" + filepath.Base(s.scanner.Path()) + "-data"; strings.Contains(c.priv, "--reuid") {
				mustChown(t, s.data, 61190)
			}
			t.Cleanup(func() {
				if err := os.RemoveAll(s.data); err != nil {
					t.Error(err)
				}
			})
			server := s.scanner.Start(t, "setpriv", append(strings.Fields(c.priv), s.bin, "--data", s.data, "serve")...)
			server.WaitOutput(t, ready)
			children := family(t, server.PID)
			checkFew(t, children, c.may)
			if said := strings.Contains(server.Output(), "lacks CAP_SYS_PTRACE"); said != c.says {
				t.Errorf("what is not seen is said: %v, want %v\n%s", said, c.says, server.Output())
			}
			s.must(0, "hosts", "list")
			server.Stop(t)
		})
	}
}

func mustChown(t *testing.T, dir string, uid int) {
	t.Helper()
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, uid, uid)); err != nil {
		t.Fatal(err)
	}
}

// What is killed comes back; what was being looked at is looked at again; and
// with the parent, which nothing can restart, all are gone at once.
func TestAProcessThatIsKilledIsStartedAgain(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.server.Stop(t)
	s.target.Firewall(t, `table inet f {
		chain in { type filter hook input priority 0; policy accept; tcp dport 2000-2099 drop; }
	}`)
	s.target.Listen(t, "tcp/:1999")
	server := s.scanner.Start(t, s.bin, "--data", s.data, "serve", "-v")
	server.WaitOutput(t, ready)
	first := family(t, server.PID)
	s.must(0, "hosts", "add", "target", s.target.IP4.String(), "--outside", "24h")

	looked := make(chan result, 1)
	go func() { looked <- s.run("hosts", "look", "target", "--outside", "--json") }() // joins the first look
	await(t, "a look that runs", time.Minute, func() bool { return hearing(first["scanner"].pid) })
	for _, name := range []string{"scanner", "inside"} {
		if err := unix.Kill(first[name].pid, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if r := <-looked; !strings.Contains(r.stdout, "begun-again") || !strings.Contains(r.stdout, `"port":1999`) {
		t.Errorf("the look that was cut off ended with %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	second := family(t, server.PID)
	if second["core"].pid != first["core"].pid || second["scanner"].pid == first["scanner"].pid || second["inside"].pid == first["inside"].pid {
		t.Errorf("the processes were %v and are %v", first, second)
	}
	checkFew(t, second, capabilitiesOf)

	if err := unix.Kill(second["core"].pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "a core that answers again", time.Minute, func() bool { return s.run("hosts", "list").code == 0 })
	third := family(t, server.PID)
	if third["core"].pid == second["core"].pid {
		t.Errorf("the core was killed, and is %v", third["core"])
	}
	checkFew(t, third, capabilitiesOf)
	s.must(1, "hosts", "look", "target", "--outside", "-p", "1999") // there is an alert: nobody has explained the door

	server.Signal(syscall.SIGKILL)
	await(t, "the end of all processes", 2*time.Second, func() bool {
		for _, p := range third {
			if running(p.pid) {
				return false
			}
		}
		return true
	})
}

// hearing reports whether a packet socket is open in a process's network namespace:
// the scanner has some while it looks (proc_pid_net(5); the first line is the head).
func hearing(pid int) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/packet", pid))
	return bytes.Count(text, []byte("\n")) > 1
}

// A process that stands still is no use, and is replaced.
func TestAProcessThatHangsIsReplaced(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	server := s.scanner.Start(t, s.bin, "--data", s.data, "serve")
	server.WaitOutput(t, ready)
	before := family(t, server.PID)
	// Who answers has told the parent that it is alive; before that it has long to begin.
	await(t, "a core that answers", time.Minute, func() bool { return s.run("hosts", "list").code == 0 })
	for _, p := range before {
		if err := unix.Kill(p.pid, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	server.WaitOutput(t, "killed=core")
	await(t, "processes that are others", time.Minute, func() bool {
		now := childrenOf(server.PID)
		for _, name := range processNames {
			if now[name].pid == 0 || now[name].pid == before[name].pid {
				return false
			}
		}
		return true
	})
	await(t, "a core that answers again", time.Minute, func() bool { return s.run("hosts", "list").code == 0 })
	server.Stop(t)
}
