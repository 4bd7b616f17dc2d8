package inside

import (
	"bytes"

	"github.com/portvigil/portvigil"
)

// apkPresent knows the place of apk-tools 2, and that of version 3 with a merged
// /usr.
func apkPresent(t tree) string {
	for _, path := range []string{"lib/apk/db/installed", "usr/lib/apk/db/installed"} {
		if t.isFile(path) {
			return path
		}
	}
	return ""
}

// readApk scans the database of installed packages (apk-package(5)).
func readApk(t tree, path string, asked queries) (found, error) {
	content, err := t.read(path, maxDatabase)
	if err != nil {
		return nil, err
	}
	packages := found{}
	parseApk(content, func(file string, p portvigil.Package) {
		for _, exe := range asked[file] {
			packages[exe] = &p
		}
	})
	return packages, nil
}

// parseApk calls do for every file of every package. A package is a block of
// lines up to an empty one: P its name, V version, o origin (the source
// package), then folders (F) each with its files (R).
func parseApk(content []byte, do func(file string, p portvigil.Package)) {
	var p portvigil.Package
	var folder string
	eachLine(content, func(line []byte) {
		if len(line) == 0 {
			p, folder = portvigil.Package{}, ""
			return
		}
		key, value, found := bytes.Cut(line, []byte(":"))
		if !found || len(key) != 1 {
			return
		}
		switch key[0] {
		case 'P':
			p.Name, p.Source = text(string(value)), text(string(value))
		case 'V':
			p.Version = text(string(value))
		case 'o':
			p.Source = text(string(value))
		case 'F':
			folder = "/"
			if len(value) > 0 {
				folder = "/" + string(value) + "/"
			}
		case 'R':
			if p.Name != "" && p.Version != "" && folder != "" {
				do(folder+string(value), p)
			}
		}
	})
}
