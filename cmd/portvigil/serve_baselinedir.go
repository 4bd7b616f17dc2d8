package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/watch"
)

// checkBaselineDir refuses what is no folder before anything is started. Whether
// the core may read it is seen when it does: it may run as another user.
func checkBaselineDir(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return portvigil.Errorf(portvigil.CodeInvalid, "--baseline-dir %s: %v", portvigil.Printable(path), unwrapPath(err)).
			WithHint("make it, or clone the repository of the baseline there")
	case !info.IsDir():
		return portvigil.Errorf(portvigil.CodeInvalid, "--baseline-dir %s is no folder", portvigil.Printable(path)).
			WithHint("for one file: portvigil baseline import %s", portvigil.Printable(path))
	}
	return nil
}

// folder is the folder that the baseline follows; the zero value for none.
func (o *serveOptions) folder() watch.Folder {
	if o.baselineDir == "" {
		return watch.Folder{}
	}
	path := o.baselineDir
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	return watch.Folder{FS: os.DirFS(path), Path: path}
}

// showEdit prints the edit that somebody has to make where the server edits
// nothing: the patch to stdout, what it is for to stderr.
func (a *app) showEdit(edit string) error {
	fmt.Fprintln(a.stderr, "Nothing is changed yet: the baseline follows a folder. This is the edit to make there (git apply takes it):")
	for line := range strings.Lines(edit) {
		if _, err := fmt.Fprintln(a.stdout, portvigil.Printable(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}
