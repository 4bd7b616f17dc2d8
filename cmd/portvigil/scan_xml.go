package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/portvigil/portvigil/scan"
)

// xmlFile is a file in nmap's format that is written beside its place, and takes that
// once it is whole.
type xmlFile struct {
	*scan.NmapXML
	path string
	file *os.File
}

func newXMLFile(path string) (*xmlFile, error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".portvigil-*.xml")
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, unwrapPath(err))
	}
	return &xmlFile{NmapXML: scan.NewNmapXML(file, scan.XMLMeta{Version: version, Args: strings.Join(os.Args, " "), Started: time.Now()}), path: path, file: file}, nil
}

// discard removes what was not finished, so that a file of before stays as it was.
func (x *xmlFile) discard() {
	_ = x.file.Close()           // it is closed already where it was finished,
	_ = os.Remove(x.file.Name()) // and has another name then
}

// finish writes the end of the file and gives it its name.
func (x *xmlFile) finish() error {
	err := errors.Join(x.Close(time.Now()), x.file.Chmod(0o644), x.file.Close())
	if err == nil {
		err = os.Rename(x.file.Name(), x.path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", x.path, unwrapPath(err))
	}
	return nil
}
