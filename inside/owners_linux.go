package inside

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// owners tells which processes hold which sockets, as one walk over /proc saw it.
type owners struct {
	pids     map[uint64][]int // by socket inode; each list rises
	denied   int              // processes whose descriptors may not be read
	vanished int              // processes that ended while they were read
}

// ownerWalk is one walk over /proc.
type ownerWalk struct {
	proc   string
	wanted map[uint64]bool
	// compare tells that kcmp(2) and proc mean the same processes by the same
	// numbers, see samePIDs.
	compare bool
	seen    owners
	dirent  []byte // scratch for getdents(2)
	link    []byte // scratch for readlinkat(2)
}

// errDenied is for descriptors that belong to somebody else.
var errDenied = errors.New("permission denied")

// findOwners walks the descriptors of all threads that proc (a mounted procfs)
// shows and tells who holds the wanted sockets. Its only error is ctx's, or a
// proc that cannot be listed at all.
func findOwners(ctx context.Context, proc string, wanted map[uint64]bool) (owners, error) {
	w := &ownerWalk{
		proc: proc, wanted: wanted, compare: samePIDs(proc),
		seen:   owners{pids: map[uint64][]int{}},
		dirent: make([]byte, 16<<10), link: make([]byte, 64),
	}
	pids, err := w.numbers(unix.AT_FDCWD, proc)
	if err != nil {
		return owners{}, fmt.Errorf("list processes in %s: %w", proc, err)
	}
	if len(w.wanted) == 0 {
		return w.seen, ctx.Err()
	}
	slices.Sort(pids)
	for _, pid := range pids {
		if err := ctx.Err(); err != nil {
			return owners{}, err
		}
		switch err := w.process(pid); {
		case errors.Is(err, errDenied):
			w.seen.denied++
		case err != nil:
			w.seen.vanished++
		}
	}
	return w.seen, nil
}

// process reads the descriptors of one process: those of its main thread, and
// those of every thread that has a table of its own (unshare(CLONE_FILES), or a
// main thread that has ended). Threads that share one are told by kcmp(2), which
// costs one call a thread instead of one a descriptor.
func (w *ownerWalk) process(pid int) error {
	dir, err := unix.Open(filepath.Join(w.proc, strconv.Itoa(pid)), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if err := w.table(dir, "fd", pid); err != nil {
		return err
	}
	threads, err := w.numbers(dir, "task")
	if err != nil {
		return err
	}
	tables := []int{pid} // a thread for each table that has been read
	for _, tid := range threads {
		if tid == pid || slices.ContainsFunc(tables, func(t int) bool { return w.shared(t, tid) }) {
			continue
		}
		// A thread that ends meanwhile takes nothing with it that matters here.
		err := w.table(dir, "task/"+strconv.Itoa(tid)+"/fd", pid)
		if errors.Is(err, errDenied) {
			return err
		}
		if w.compare {
			tables = append(tables, tid)
		}
	}
	return nil
}

// table reads one directory of descriptors and notes the wanted sockets.
func (w *ownerWalk) table(dir int, path string, pid int) error {
	fds, err := unix.Openat(dir, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return deniedOr(err)
	}
	defer unix.Close(fds)
	return w.names(fds, func(name string) error {
		n, err := unix.Readlinkat(fds, name, w.link)
		switch {
		case err == unix.ENOENT: // closed in between
			return nil
		case err != nil:
			return deniedOr(err)
		}
		inode, ok := socketInode(w.link[:n])
		if !ok || !w.wanted[inode] {
			return nil
		}
		if pids := w.seen.pids[inode]; len(pids) == 0 || pids[len(pids)-1] != pid {
			w.seen.pids[inode] = append(pids, pid)
		}
		return nil
	})
}

// shared reports whether two threads have one table of descriptors; "cannot
// tell" is no.
func (w *ownerWalk) shared(a, b int) bool {
	const kcmpFiles = 2 // linux/kcmp.h
	if !w.compare {
		return false
	}
	order, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(a), uintptr(b), kcmpFiles, 0, 0, 0)
	return errno == 0 && order == 0
}

// numbers lists the entries of a directory that are numbers: processes, threads.
func (w *ownerWalk) numbers(dir int, path string) ([]int, error) {
	fd, err := unix.Openat(dir, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, deniedOr(err)
	}
	defer unix.Close(fd)
	var numbers []int
	err = w.names(fd, func(name string) error {
		if n, err := strconv.Atoi(name); err == nil && n > 0 {
			numbers = append(numbers, n)
		}
		return nil
	})
	return numbers, err
}

// names calls do for every entry of an open directory.
func (w *ownerWalk) names(fd int, do func(name string) error) error {
	for {
		n, err := unix.ReadDirent(fd, w.dirent)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return deniedOr(err)
		}
		_, _, names := unix.ParseDirent(w.dirent[:n], -1, nil)
		for _, name := range names {
			if err := do(name); err != nil {
				return err
			}
		}
	}
}

func deniedOr(err error) error {
	if err == unix.EACCES || err == unix.EPERM {
		return errDenied
	}
	return err
}
