package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/portvigil/portvigil"
)

// The files of a data folder, each for its owner alone.
const (
	databaseFile = "portvigil.db"
	lockFile     = "lock"
	keyFile      = "key"
)

// lockFolder makes the folder where it is not there yet, and takes it for this
// process until the file is closed; the kernel lets go of it however the
// process ends.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder := lockHolder(f)
		_ = f.Close() // nothing was written
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, portvigil.Errorf(portvigil.CodeConflict, "another portvigil server%s uses %s", holder, dir).
				WithHint("stop it, or name another data folder with --data")
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	// The number is for people; the lock itself is the kernel's. On a full disk
	// it stays away without harm.
	if f.Truncate(0) == nil {
		_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return f, nil
}

// unlockFolder lets go of the folder at once: a process that is just being started
// may have the file open for a moment more.
func unlockFolder(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

func lockHolder(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return " (process " + portvigil.Printable(pid) + ")"
	}
	return ""
}

// databaseHeader is how every SQLite 3 file begins (https://www.sqlite.org/fileformat2.html).
const databaseHeader = "SQLite format 3\x00"

// prepareDatabaseFile makes the file with its narrow mode before SQLite would
// make it with a wide one; the write-ahead log takes over the mode. It reports
// whether there is a database in it already.
func prepareDatabaseFile(path string) (exists bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Chmod(0o600); err != nil {
		return false, err
	}
	head := make([]byte, len(databaseHeader))
	switch n, err := io.ReadFull(f, head); {
	case n == 0 && errors.Is(err, io.EOF):
		return false, nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return false, err
	case string(head) != databaseHeader:
		return false, notOurs(filepath.Dir(path), "is not a database")
	}
	return true, nil
}

// writeOnce writes a file that must not be there, and waits until it is on disk.
func writeOnce(path string, data []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder waits until the names in a folder are on disk.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func fileExists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
