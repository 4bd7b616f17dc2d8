package inside

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/portvigil/portvigil"
)

// machine is what is the same for all processes of one look.
type machine struct {
	root   string // where its files begin
	proc   string // its procfs
	booted time.Time
	users  map[uint32]string
	rootID fileID // of root itself
	mounts string // the mount namespace that root belongs to, "" unknown
}

// fileID tells a file from every other one of the running system.
type fileID struct{ device, inode uint64 }

// owner is a process that holds a socket.
type owner struct {
	portvigil.Process
	ticks uint64 // when it started, in clock ticks since boot: exact, unlike Started
	// rawExe is Exe as the kernel has its bytes, for looking it up.
	rawExe string
	// rootID tells which root the executable is to be looked up in.
	rootID fileID
	// ownRoot tells that this root is not the machine's.
	ownRoot bool
}

// errVanished is for processes that ended while they were read.
var errVanished = errors.New("vanished while reading")

// newMachine reads what all processes share. What cannot be read is left out and
// told in notes.
func newMachine(root string) (m machine, notes []string) {
	m = machine{root: root, proc: filepath.Join(root, "proc")}
	stat, err := os.ReadFile(filepath.Join(m.proc, "stat"))
	if err == nil {
		m.booted, err = parseBoot(string(stat))
	}
	if err != nil {
		notes = append(notes, fmt.Sprintf("start times are not known: %v", err))
	}
	t, err := openTree(root)
	if err != nil {
		return m, append(notes, fmt.Sprintf("users and packages are not known: %v", err))
	}
	defer t.Close()
	const enough = 16 << 20 // 100,000 users
	passwd, err := t.read("etc/passwd", enough)
	if err != nil {
		notes = append(notes, fmt.Sprintf("users are told by number: %v", err))
	}
	m.users = parsePasswd(string(passwd))
	m.rootID, _ = identify(root)
	m.mounts, _ = os.Readlink(filepath.Join(m.proc, "self/ns/mnt"))
	return m, notes
}

// identify follows links, the magic ones of procfs too.
func identify(path string) (fileID, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return fileID{}, err
	}
	return fileID{uint64(st.Dev), st.Ino}, nil
}

// samePIDs reports whether a procfs numbers processes as this process's system
// calls do. NSpid in its own status then is one number: it lists the process's
// number in the namespace of the procfs and in every one below it.
func samePIDs(proc string) bool {
	status, err := os.ReadFile(filepath.Join(proc, "self/status"))
	if err != nil {
		return false
	}
	numbers := strings.Fields(statusField(string(status), "NSpid"))
	return len(numbers) == 1 && numbers[0] == strconv.Itoa(os.Getpid())
}

// read reads one process. The error is errVanished or errDenied.
func (m *machine) read(pid int) (owner, error) {
	dir := filepath.Join(m.proc, strconv.Itoa(pid))
	ticks, err := startTicks(dir)
	if err != nil {
		return owner{}, err
	}
	o := owner{ticks: ticks}
	o.PID = pid
	if !m.booted.IsZero() {
		o.Started = m.booted.Add(time.Duration(ticks) * clockTick)
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return owner{}, errVanished
	}
	uid, err := parseStatusUID(string(status))
	if err != nil {
		return owner{}, errVanished
	}
	if groups, err := os.ReadFile(filepath.Join(dir, "cgroup")); err == nil {
		g := parseCgroup(string(groups))
		o.Unit = g.unit
		if g.container != "" {
			o.Container = &g.container
		}
	}
	if err := m.executable(dir, &o); err != nil {
		return owner{}, err
	}
	o.User = m.user(uid, dir, &o)
	// The number may have passed to another process since it was first read.
	if again, err := startTicks(dir); err != nil || again != ticks {
		return owner{}, errVanished
	}
	return o, nil
}

func startTicks(dir string) (uint64, error) {
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return 0, errVanished
	}
	return parseStartTicks(string(stat))
}

// deletedSuffix is what the kernel appends to the name of a file that is gone
// (proc_pid_exe(5)). A file's own name may end so as well.
const deletedSuffix = " (deleted)"

// executable fills in Exe and Deleted, and the root to look them up in.
func (m *machine) executable(dir string, o *owner) error {
	exe := filepath.Join(dir, "exe")
	path, err := os.Readlink(exe)
	switch {
	case errors.Is(err, os.ErrPermission):
		return errDenied
	case err != nil:
		return errVanished
	}
	path = m.seenByItself(dir, path, o)
	if name, found := strings.CutSuffix(path, deletedSuffix); found && !m.leadsTo(dir, path, exe, o) {
		o.Deleted, path = true, name
	}
	o.rawExe, o.Exe = path, text(path)
	return nil
}

// seenByItself turns the link's target into the path that the process would see.
// The kernel writes it from the reader's root where it can be reached from there
// (a chroot's shows with the chroot's path before it), else from the top of the
// process's own mounts (a container's).
func (m *machine) seenByItself(dir, path string, o *owner) string {
	o.rootID = m.rootID
	id, err := identify(filepath.Join(dir, "root"))
	if err != nil || id == m.rootID {
		return path
	}
	root, err := os.Readlink(filepath.Join(dir, "root"))
	if err != nil {
		return path
	}
	if root != "/" {
		inner, found := strings.CutPrefix(path, root+"/")
		if !found { // it went into its chroot after it was started
			return path
		}
		path = "/" + inner
	}
	o.rootID, o.ownRoot = id, true
	return path
}

// leadsTo reports whether the path, as the process sees it, is the executable.
func (m *machine) leadsTo(dir, path, exe string, o *owner) bool {
	root := m.root
	if o.ownRoot {
		root = filepath.Join(dir, "root")
	}
	at, err := identify(filepath.Join(root, path))
	running, err2 := identify(exe)
	return err == nil && err2 == nil && at == running
}

// user names the process's user by the machine's passwd file. That file knows
// nothing of the users of a container, so there they stay numbers, root aside.
func (m *machine) user(uid uint32, dir string, o *owner) string {
	name, known := m.users[uid]
	if known && uid != 0 && o.ownRoot {
		mounts, err := os.Readlink(filepath.Join(dir, "ns/mnt"))
		known = err == nil && mounts == m.mounts
	}
	if !known {
		return strconv.FormatUint(uint64(uid), 10)
	}
	return name
}
