package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// StartInUnit starts a program in a cgroup of a unit's name, which is all that
// tells others of a unit: its processes' /proc/PID/cgroup ends in it. No systemd
// is needed, and a real unit of that name is not met, since the lab's lies in a
// slice of its own. It skips the test where the machine has no cgroup v2 that
// can be written.
func (h *Host) StartInUnit(t testing.TB, unit, name string, args ...string) *Process {
	t.Helper()
	Require(t, name)
	root, err := unitRoot(t)
	if err != nil {
		t.Skipf("the machine has no cgroup v2 to make units in: %v", err)
	}
	slice := filepath.Join(root, h.ns+".slice")
	dir := filepath.Join(slice, unit)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Skipf("the machine lets nobody make units: %v", err)
	}
	t.Cleanup(func() { removeCgroup(t, dir, slice) })
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("open unit %s: %v", unit, err)
	}
	defer unix.Close(fd)
	cmd := h.Command(context.Background(), name, args...)
	// clone3 with CLONE_INTO_CGROUP (Linux 5.7): born there, not moved.
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}
	return start(t, cmd, name)
}

// unitRoot is the root of the cgroup v2 hierarchy: where the machine has it
// mounted, else mounted for the length of the test.
func unitRoot(t testing.TB) (string, error) {
	root, err := cgroupMount()
	if err != nil || root != "" {
		return root, err
	}
	root = t.TempDir()
	if err := unix.Mount("cgroup2", root, "cgroup2", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return "", fmt.Errorf("mount cgroup2: %w", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(root, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount cgroup2: %v", err)
		}
	})
	return root, nil
}

// cgroupMount finds the mount point in /proc/self/mountinfo, whose fields are
// those of proc_pid_mountinfo(5); "" where there is none.
func cgroupMount() (string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		// Field 4 is the folder of the hierarchy that is mounted, field 5 where.
		fields := strings.Fields(before)
		if strings.HasPrefix(after, "cgroup2 ") && len(fields) > 4 && fields[3] == "/" {
			return fields[4], nil
		}
	}
	return "", lines.Err()
}

// removeCgroup removes a unit and its slice. The kernel refuses while a process
// of it is still ending, and the slice while another unit is in it.
func removeCgroup(t testing.TB, dir, slice string) {
	for i := 0; ; i++ {
		err := os.Remove(dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			break
		}
		if i == 200 { // a second
			t.Errorf("remove unit: %v", err)
			return
		}
		pause()
	}
	// Not empty, the last unit takes it along.
	_ = os.Remove(slice)
}

// sweepUnits removes the slices of test processes that have gone.
func sweepUnits() {
	root, err := cgroupMount()
	if err != nil || root == "" {
		return
	}
	for _, slice := range abandonedIn(root) {
		units, err := os.ReadDir(filepath.Join(root, slice))
		if err != nil {
			continue
		}
		for _, u := range units {
			if u.IsDir() { // the rest are the kernel's files, which are no entries to remove
				_ = os.Remove(filepath.Join(root, slice, u.Name()))
			}
		}
		_ = os.Remove(filepath.Join(root, slice)) // whoever sweeps next tries again
	}
}
