package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/portvigil/portvigil"
)

// folderLock is a data folder that this process has for itself. The file holds
// the process's number until it lets go in order.
type folderLock struct {
	file *os.File
	// abandoned: who had the folder before did not let go of it in order.
	abandoned bool
}

// lockFolder makes the folder where it is not there yet, and takes it for this
// process until release; the kernel lets go of it however the process ends.
func lockFolder(dir string) (*folderLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	held := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	pid := lockHolder(f)
	if held != nil {
		_ = f.Close() // nothing was written
		if errors.Is(held, unix.EWOULDBLOCK) {
			return nil, portvigil.Errorf(portvigil.CodeConflict, "another portvigil server%s uses %s", pid, dir).
				WithHint("stop it, or name another data folder with --data")
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), held)
	}
	// The number is for people; the lock itself is the kernel's. On a full disk
	// it stays away without harm.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	}
	return &folderLock{f, pid != ""}, nil
}

// release lets go of the folder at once: a process that is just being started may
// have the file open for a moment more.
func (l *folderLock) release() error {
	_ = l.file.Truncate(0) // where it fails, the next start looks more closely
	return errors.Join(unix.Flock(int(l.file.Fd()), unix.LOCK_UN), l.file.Close())
}

func lockHolder(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return " (process " + portvigil.Printable(pid) + ")"
	}
	return ""
}
