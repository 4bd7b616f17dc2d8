package inside

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links may be followed for one path; the kernel
// stops at 40 too (path_resolution(7)).
const maxLinks = 40

// tree reads files below one root that may belong to somebody hostile: a
// container's. Nothing outside of it is reached, whatever its links say, and a
// pipe or device in a file's place is refused before it can block.
type tree struct{ root *os.Root }

// openTree opens the folder as a root. Close it.
func openTree(folder string) (tree, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return tree{}, fmt.Errorf("open root: %w", err)
	}
	return tree{root}, nil
}

func (t tree) Close() error { return t.root.Close() }

// resolve follows the symbolic links of a path as a process with this root would:
// absolute ones begin at the root, which os.Root by itself refuses.
func (t tree) resolve(path string) (string, error) {
	var at []string
	rest := strings.Split(path, "/")
	for links := 0; len(rest) > 0; {
		element := rest[0]
		rest = rest[1:]
		switch element {
		case "", ".":
			continue
		case "..":
			at = at[:max(0, len(at)-1)]
			continue
		}
		next := strings.Join(append(at, element), "/")
		info, err := t.root.Lstat(next)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = append(at, element)
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("follow %s: %w", path, syscall.ELOOP)
		}
		target, err := t.root.Readlink(next)
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(target, "/") {
			at = nil
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	if len(at) == 0 {
		return ".", nil
	}
	return strings.Join(at, "/"), nil
}

// open opens a regular file.
func (t tree) open(path string) (*os.File, error) {
	resolved, err := t.resolve(path)
	if err != nil {
		return nil, err
	}
	if info, err := t.root.Lstat(resolved); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, notRegular(path, err))
	}
	// Should a pipe have taken its place since, opening does not wait for it.
	f, err := t.root.OpenFile(resolved, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(err, notRegular(path, err))
	}
	return f, nil
}

func notRegular(path string, other error) error {
	if other != nil {
		return nil
	}
	return fmt.Errorf("open %s: it is no regular file", path)
}

// read returns a whole regular file of at most limit bytes.
func (t tree) read(path string, limit int64) ([]byte, error) {
	f, err := t.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	if info, err := f.Stat(); err == nil && info.Size() < limit {
		b.Grow(int(info.Size()) + bytes.MinRead)
	}
	n, err := io.Copy(&b, io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if n > limit {
		return nil, fmt.Errorf("read %s: it is larger than %d bytes", path, limit)
	}
	return b.Bytes(), nil
}

// below opens a folder of the tree as a tree of its own. Close it.
func (t tree) below(path string) (tree, error) {
	resolved, err := t.resolve(path)
	if err != nil {
		return tree{}, err
	}
	root, err := t.root.OpenRoot(resolved)
	if err != nil {
		return tree{}, err
	}
	return tree{root}, nil
}

// names lists a folder, sorted; at most limit names.
func (t tree) names(path string, limit int) ([]string, error) {
	resolved, err := t.resolve(path)
	if err != nil {
		return nil, err
	}
	d, err := t.root.OpenFile(resolved, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(limit + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("list %s: %w", path, err)
	}
	if len(names) > limit {
		return nil, fmt.Errorf("list %s: it has more than %d entries", path, limit)
	}
	slices.Sort(names)
	return names, nil
}

// isFile reports whether the path leads to a regular file.
func (t tree) isFile(path string) bool {
	resolved, err := t.resolve(path)
	if err != nil {
		return false
	}
	info, err := t.root.Lstat(resolved)
	return err == nil && info.Mode().IsRegular()
}
