package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/portvigil/portvigil"
)

// readable returns what the core reads beside its data folder.
func (o *serveOptions) readable() []string {
	paths := o.tlsFolders()
	for _, path := range []string{o.baselineDir, o.keyFile} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// readNamed reads a file that an option names. It says what to do where it cannot
// be read: the server may run as another user than the one who started it.
func readNamed(option, path, next string) ([]byte, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "%s %s may not be read by the user %s, as whom the server runs", option, path, userName(os.Geteuid())).
			WithHint("let that user read it: setfacl -m u:%d:r %s, or a copy of its own, chown %d", os.Geteuid(), path, os.Geteuid())
	case err != nil:
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "%s %s cannot be read: %v", option, path, unwrapPath(err)).
			WithHint("%s", next)
	}
	return text, nil
}

// checkWhole refuses a path that depends on where the server was started.
func checkWhole(path string) error {
	if path == "" || filepath.IsAbs(path) {
		return nil
	}
	return portvigil.Errorf(portvigil.CodeInvalid, "%s is looked for from another folder later", portvigil.Printable(path)).
		WithHint("write the whole path, from / on")
}

const keyFileHelp = "file of the key that seals the secrets of channels and second factors (default: key in the data folder)"

// checkKeyFile says of a key file outside of the data folder why it cannot be
// read, and warns of one that everybody can read. One that is not there is told
// by the store, which knows whether anything is sealed.
func (o *serveOptions) checkKeyFile(log *slog.Logger) error {
	if o.keyFile == "" {
		return nil
	}
	info, err := os.Stat(o.keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := readNamed("--key-file", o.keyFile, "name a file with a key"); err != nil {
		return err
	}
	if err == nil && info.Mode().Perm()&0o004 != 0 {
		log.Warn("everybody on this machine can read the key file", "file", o.keyFile, "next", "chmod o= "+o.keyFile)
	}
	return nil
}
