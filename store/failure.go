package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/portvigil/portvigil"
)

// resultCode returns SQLite's extended result code, 0 where the error is no
// SQLite error (https://www.sqlite.org/rescode.html).
func resultCode(err error) int {
	var e *modernc.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// primary strips what an extended result code adds.
func primary(code int) int { return code & 0xff }

func isBusy(err error) bool { return primary(resultCode(err)) == sqlite3.SQLITE_BUSY }

func (sqlite) isDuplicate(err error) bool {
	code := resultCode(err)
	return code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

func (sqlite) isOrphan(err error) bool {
	return resultCode(err) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

// failure turns what the database or the system said into an Error that tells a
// person what to do. An Error, and the end of a context, pass as they are.
func (s *Store) failure(err error) error {
	var known *portvigil.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	if told, _ := s.engine.fault(err); told != nil {
		return told
	}
	if e := systemFailure(s.dir, err); e != nil {
		return e
	}
	return fmt.Errorf("%s: %w", s.engine.name(), err)
}

// told is failure for a transaction: what is not the database's is the caller's
// own error, and goes back as it came.
func (s *Store) told(ctx context.Context, err error) error {
	_, known := s.engine.fault(err)
	switch {
	case !known:
		return err
	case ctx.Err() != nil: // what was told is that it was cut off
		return ctx.Err()
	}
	return s.failure(err)
}

func (q sqlite) fault(err error) (told error, known bool) {
	code := resultCode(err)
	return databaseFailure(q.dir, code), code != 0
}

func systemFailure(dir string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return diskFull(dir)
	case errors.Is(err, syscall.EROFS):
		return readOnly(dir)
	case errors.Is(err, fs.ErrPermission):
		return denied(dir)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return portvigil.Errorf(portvigil.CodeInvalid, "%s is not a folder", dir).
			WithHint("name another data folder with --data")
	}
	return nil
}

func databaseFailure(dir string, code int) error {
	switch primary(code) {
	case sqlite3.SQLITE_FULL:
		return diskFull(dir)
	case sqlite3.SQLITE_READONLY:
		return readOnly(dir)
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return denied(dir)
	case sqlite3.SQLITE_NOTADB:
		return notOurs(dir, "is not a database")
	case sqlite3.SQLITE_CORRUPT:
		return portvigil.Errorf(portvigil.CodeInternal, "the database in %s is damaged", dir).
			WithHint("stop the server and put a backup in its place")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return portvigil.Errorf(portvigil.CodeUnavailable, "another program holds the database in %s", dir).
			WithHint("end it (fuser %s/%s names it) and try again", dir, databaseFile)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		// The write-ahead log's index reports a full disk as an I/O error.
		if full(dir) {
			return diskFull(dir)
		}
	}
	return nil
}

// full reports whether what is left on the disk is less than one transaction
// may need.
func full(dir string) bool {
	var st unix.Statfs_t
	const enough = 256 << 10
	return unix.Statfs(dir, &st) == nil && st.Bavail*uint64(st.Bsize) < enough
}

func diskFull(dir string) error {
	return portvigil.Errorf(portvigil.CodeUnavailable, "the disk that holds %s is full", dir).
		WithHint("free some space; nothing was changed")
}

func readOnly(dir string) error {
	return portvigil.Errorf(portvigil.CodeUnavailable, "%s is read-only", dir).
		WithHint("make it writable, or name another data folder with --data")
}

func denied(dir string) error {
	return portvigil.Errorf(portvigil.CodeUnavailable, "permission denied in %s", dir).
		WithHint("give the folder to the user that runs portvigil, or name another with --data")
}

func notOurs(dir, what string) error {
	return portvigil.Errorf(portvigil.CodeInvalid, "%s/%s %s", dir, databaseFile, what).
		WithHint("move it away, or name another data folder with --data")
}
