package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/portvigil/portvigil"
)

// readBaseline reads a baseline file.
func readBaseline(path string) ([]portvigil.Document, error) {
	text, err := readBaselineText(path)
	if err != nil {
		return nil, err
	}
	return portvigil.ParseBaseline(path, text)
}

// largestBaseline is in bytes; ParseBaseline has its own, lower bound, and
// names it. This one keeps a device or a log from being read into memory.
const largestBaseline = 64 << 20

func readBaselineText(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, portvigil.Errorf(portvigil.CodeNotFound, "there is no baseline at %s", path).
			WithHint("write one from what is open now: portvigil check --init --baseline %s", path)
	case err != nil:
		return nil, fmt.Errorf("read baseline %s: %w", path, unwrapPath(err))
	case info.IsDir():
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "baseline %s is a folder", path).WithHint("name the file in it")
	case info.Size() > largestBaseline:
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "baseline %s is too large to be one", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read baseline %s: %w", path, unwrapPath(err))
	}
	return text, nil
}

// replaceFile writes a file as a whole: whoever reads it sees the old text or
// the new one, also when the disk is full or the process is killed in between.
// It keeps the mode of a file that was there.
func replaceFile(path string, text []byte, mode fs.FileMode) error {
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	if err := writeAside(path, text, mode, os.Rename); err != nil {
		return fmt.Errorf("write %s: %w", path, unwrapPath(err))
	}
	return nil
}

// createFile writes a file that must not be there yet, as a whole or not at all.
func createFile(path string, text []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w", path, unwrapPath(err))
	}
	err := writeAside(path, text, mode, os.Link)
	switch {
	case errors.Is(err, fs.ErrExist):
		return portvigil.Errorf(portvigil.CodeConflict, "%s is there already, and is left as it is", path).
			WithHint("edit it, approve doors with: portvigil baseline approve --file %s, or name another file", path)
	case err != nil:
		return fmt.Errorf("write %s: %w", path, unwrapPath(err))
	}
	return nil
}

// writeAside writes a temporary file beside path, makes sure that it is on
// disk, and puts it in its place.
func writeAside(path string, text []byte, mode fs.FileMode, place func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".portvigil-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return place(f.Name(), path)
}
