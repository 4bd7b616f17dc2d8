package inside

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// A package database is read by these limits: several times the largest that
// distributions make, small enough that a container's forged one costs seconds
// at most.
const (
	maxDatabase = 128 << 20 // bytes of one file of it
	maxListed   = 512 << 20 // bytes of all dpkg's lists of files
	maxPackages = 50_000
	maxText     = 1 << 20 // bytes of a small text file
)

// queries is what is asked of a package database: the paths of executables, each
// with every other path that leads to the same file.
type queries map[string][]string // path as a database may list it -> executables

// found tells the package of each executable that has one.
type found map[string]*portvigil.Package

// databases are the kinds that are known, in the order of asking. A machine may
// have several (rpm's tools on Debian); the first that knows a file is right.
var databases = [...]struct {
	name string
	// present tells where the database is, "" where there is none.
	present func(tree) string
	read    func(tree, string, queries) (found, error)
}{
	{"dpkg", dpkgPresent, readDpkg},
	{"apk", apkPresent, readApk},
	{"rpm", rpmPresent, readRpm},
}

// findPackages looks the executables up in the databases of a root. all tells
// that a nil package is an answer: every database there was could be read, or the
// root holds no distribution at all (a container of one static binary).
func findPackages(t tree, executables []string) (packages found, all bool, err error) {
	packages = found{}
	asked := aliases(t, executables)
	known := 0
	var failed []error
	for _, db := range databases {
		at := db.present(t)
		if at == "" {
			continue
		}
		known++
		more, err := db.read(t, at, asked)
		if err != nil {
			failed = append(failed, fmt.Errorf("read %s database: %w", db.name, err))
		}
		for exe, p := range more {
			if packages[exe] == nil {
				packages[exe] = p
			}
		}
	}
	d, some := readDistribution(t)
	for _, p := range packages {
		p.Distro, p.Release = d.id, d.release
	}
	if known == 0 && some {
		failed = append(failed, fmt.Errorf("%s has no dpkg, apk or rpm database", d.id))
	}
	return packages, len(failed) == 0, errors.Join(failed...)
}

// readDistribution reads os-release where os-release(5) says that it may be.
func readDistribution(t tree) (d distribution, found bool) {
	for _, path := range []string{"etc/os-release", "usr/lib/os-release"} {
		content, err := t.read(path, maxText)
		if err == nil {
			return parseOSRelease(string(content)), true
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return distribution{id: "linux"}, true
		}
	}
	return distribution{}, false
}

// mergeable are the folders that distributions have turned into links to others
// (usrmerge; Fedora's and Arch's single bin), while packages may still list files
// under the old name, or list them under the new one before the link is made.
var mergeable = []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32", "usr/sbin", "usr/lib64"}

// aliases returns the queries for the executables: each under its own path and
// under those that lead to it through the folders that are links in this root.
func aliases(t tree, executables []string) queries {
	type link struct{ from, to string }
	var links []link
	for _, folder := range mergeable {
		if to, err := t.resolve(folder); err == nil && to != folder && to != "." {
			links = append(links, link{"/" + folder + "/", "/" + to + "/"})
		}
	}
	asked := queries{}
	add := func(path, exe string) {
		if !slices.Contains(asked[path], exe) {
			asked[path] = append(asked[path], exe)
		}
	}
	for _, exe := range executables {
		add(exe, exe)
		for _, l := range links {
			if rest, below := strings.CutPrefix(exe, l.from); below {
				add(l.to+rest, exe)
			}
			if rest, below := strings.CutPrefix(exe, l.to); below {
				add(l.from+rest, exe)
			}
		}
	}
	return asked
}
