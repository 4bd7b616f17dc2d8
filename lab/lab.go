package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Lab is one switch and the hosts that hang on it. It is gone, with everything
// that ran in it, when the test that made it ends.
type Lab struct {
	t      testing.TB
	prefix string // of its namespaces: pvlab-PID-N-
	sw     string // the namespace with the bridge
	hosts  int
}

// labs numbers the labs of this process, so that parallel tests do not meet.
var labs atomic.Int32

// New makes a lab. It skips the test, with the reason, where the process is not
// root or the machine cannot make network namespaces.
func New(t testing.TB) *Lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("the lab makes network namespaces, which needs root")
	}
	Require(t, "ip")
	Sweep()
	l := &Lab{t: t, prefix: fmt.Sprintf("pvlab-%d-%d-", os.Getpid(), labs.Add(1))}
	l.sw = l.prefix + "switch"
	t.Cleanup(func() { removeNamespace(l.sw) })
	if out, err := ip("netns", "add", l.sw); err != nil {
		t.Skipf("the machine makes no network namespaces: %s", out)
	}
	l.must("-n", l.sw, "link", "add", "br0", "type", "bridge")
	l.must("-n", l.sw, "link", "set", "br0", "up")
	return l
}

// Require skips the test where a program is missing, naming its package.
func Require(t testing.TB, commands ...string) {
	t.Helper()
	for _, c := range commands {
		if _, err := Find(c); err == nil {
			continue
		}
		for _, n := range append(Needs(), BenchNeeds()...) {
			if n.Command == c {
				t.Skipf("%s is not installed (Debian package %s)", c, n.Package)
			}
		}
		t.Skipf("%s is not installed", c)
	}
}

// must runs ip and fails the test where it fails.
func (l *Lab) must(args ...string) {
	l.t.Helper()
	if out, err := ip(args...); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func ip(args ...string) (string, error) {
	path, err := Find("ip")
	if err != nil {
		return "", err
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// netns is where iproute2 keeps named namespaces (ip-netns(8)).
const netns = "/run/netns"

var ours = regexp.MustCompile(`^pvlab-(\d+)-`)

// Sweep removes what test processes left that could not clear up after
// themselves: programs that Build made and, as root, namespaces with what still
// runs in them and the cgroups of units. It touches only names that carry the
// id of a process that has gone.
func Sweep() {
	for _, name := range abandonedIn(os.TempDir()) {
		// Somebody else's is theirs to remove.
		_ = os.RemoveAll(filepath.Join(os.TempDir(), name))
	}
	if os.Geteuid() != 0 {
		return
	}
	for _, name := range abandonedIn(netns) {
		removeNamespace(name)
	}
	sweepUnits()
}

// abandonedIn lists the names in a folder whose process has gone. A folder that
// is not there has none.
func abandonedIn(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if abandoned(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

func abandoned(name string) bool {
	m := ours.FindStringSubmatch(name)
	if m == nil {
		return false
	}
	pid, err := strconv.ParseInt(m[1], 10, 32) // as wide as the kernel's
	if err != nil {
		return false
	}
	// Killed a moment ago, it may still wait for its parent to notice.
	err = syscall.Kill(int(pid), 0)
	return errors.Is(err, syscall.ESRCH) || err == nil && zombie(int(pid))
}

// removeNamespace ends every process in a namespace and takes its name away;
// the kernel then frees its devices. A process that holds it open from
// elsewhere only keeps it alive without a name.
func removeNamespace(name string) {
	deadline := time.Now().Add(5 * time.Second)
	for killAll(name) && time.Now().Before(deadline) {
		pause()
	}
	// Without the name there is nothing left to remove: somebody swept it.
	_, _ = ip("netns", "delete", name)
}

// killAll kills what runs in a namespace, and says whether there was anything.
// The test process itself may be in the list while one of its threads visits.
func killAll(name string) bool {
	out, err := ip("netns", "pids", name)
	if err != nil {
		return false
	}
	found := false
	for _, word := range strings.Fields(out) {
		pid, err := strconv.Atoi(word)
		if err != nil || pid == os.Getpid() || zombie(pid) {
			continue
		}
		found = true
		// It may have gone in between; then there is nothing to kill.
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return found
}

// zombie tells of a process that is dead and waits for its parent to notice.
func zombie(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return true
	}
	// The state follows the command's closing bracket (proc_pid_stat(5)); the
	// command itself may hold brackets and blanks.
	_, after, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
	return strings.HasPrefix(after, "Z")
}

// pause waits one beat of a poll for something that the kernel does not tell
// of: a listener in another process, a namespace that empties.
func pause() {
	<-time.After(5 * time.Millisecond)
}
