package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The files of a data folder, each for its owner alone.
const (
	databaseFile = "portvigil.db"
	lockFile     = "lock"
	keyFile      = "key"
)

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
