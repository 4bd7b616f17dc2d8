package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/portvigil/portvigil"
)

// giveFolder makes the data folder where it is not there, and the core's user
// its owner and that of the server's files in it. The folder's owner may have
// put anything in there meanwhile, so no link is followed, and a file that has
// another name elsewhere keeps its owner. What root's check remembers stays root's.
//
// A folder that root has filled with other things is refused: it was named by mistake.
func giveFolder(path string, to identity) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.Mkdir(path, 0o700)
	}
	if errors.Is(err, unix.EROFS) {
		return portvigil.Errorf(portvigil.CodeUnavailable, "%s is read-only", path).
			WithHint("name another folder with --data, or make its disk writable")
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the data folder: %w", err)
	}
	dir, err := os.OpenFile(path, unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Uid == 0 && len(names) > 0 && !slices.ContainsFunc(names, marksFolder) {
		return portvigil.Errorf(portvigil.CodeInvalid, "%s holds other files than a server's", path).
			WithHint("name an empty folder, or one that is not there yet, with --data")
	}
	for _, name := range names {
		if serversFile(name) {
			if err := giveFile(dir, name, st, to); err != nil {
				return err
			}
		}
	}
	if int(st.Uid) == to.uid && int(st.Gid) == to.gid {
		return nil
	}
	return dir.Chown(to.uid, to.gid) // last: it is the record that this was done
}

// marksFolder reports whether only a data folder of ours has a file of the name.
func marksFolder(name string) bool {
	return strings.HasPrefix(name, "portvigil.") || name == checkFile || name == metricsFile
}

// serversFile reports whether the server writes a file of the name.
func serversFile(name string) bool {
	return strings.HasPrefix(name, "portvigil.") || slices.Contains([]string{"key", "lock", metricsFile}, name)
}

// giveFile gives one file of the folder away, if it belongs to root or to who
// had the folder.
func giveFile(dir *os.File, name string, folder unix.Stat_t, to identity) error {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: filepath.Join(dir.Name(), name), Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "stat", Path: filepath.Join(dir.Name(), name), Err: err}
	}
	kind := st.Mode & unix.S_IFMT
	if int(st.Uid) == to.uid || st.Uid != 0 && st.Uid != folder.Uid || st.Dev != folder.Dev || st.Nlink != 1 ||
		kind != unix.S_IFREG && kind != unix.S_IFSOCK {
		return nil
	}
	if err := unix.Fchownat(fd, "", to.uid, to.gid, unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &os.PathError{Op: "chown", Path: filepath.Join(dir.Name(), name), Err: err}
	}
	return nil
}

func closedError(closed, data string, user identity) error {
	return portvigil.Errorf(portvigil.CodeInvalid, "%s is closed to the user %s, as whom the server runs: it cannot reach %s", closed, userName(user.uid), data).
		WithHint("let others enter it (chmod o+x %s), or name another folder with --data", closed)
}
