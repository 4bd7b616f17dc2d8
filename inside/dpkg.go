package inside

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/portvigil/portvigil"
)

const (
	dpkgStatus     = "var/lib/dpkg/status"
	dpkgInfo       = "var/lib/dpkg/info"
	dpkgDiversions = "var/lib/dpkg/diversions"
)

func dpkgPresent(t tree) string {
	if t.isFile(dpkgStatus) {
		return dpkgStatus
	}
	return ""
}

// readDpkg finds out which package lists each path (info/PACKAGE.list, one path a
// line) and what the status file says of that package.
func readDpkg(t tree, _ string, asked queries) (found, error) {
	diverted := diversions{}
	if content, err := t.read(dpkgDiversions, maxText); err == nil {
		diverted = parseDiversions(string(content))
	}
	listed, err := dpkgListed(t, diverted.rename(asked))
	if err != nil {
		return nil, err
	}
	status, err := t.read(dpkgStatus, maxDatabase)
	if err != nil {
		return nil, err
	}
	packages := found{}
	for p := range parseDpkgStatus(status) {
		for _, name := range []string{p.name, p.name + ":" + p.architecture} {
			for _, exe := range listed[name] {
				packages[exe] = p.domain()
			}
		}
	}
	return packages, nil
}

// listing is what a path in a list of files tells: which executable it is, if
// the list's package may own it.
type listing struct {
	exe string
	// only and never name packages that diversions bind the path to, or take it
	// from; "" where there is none.
	only, never string
}

func (l listing) ownedBy(name string) bool {
	name, _, _ = strings.Cut(name, ":")
	return (l.only == "" || l.only == name) && l.never != name
}

// dpkgListed scans the lists of files for the paths and returns, for each list
// that has some, the executables that they are.
func dpkgListed(t tree, asked map[string][]listing) (map[string][]string, error) {
	info, err := t.below(dpkgInfo)
	if err != nil {
		return nil, err
	}
	defer info.Close()
	// dpkg keeps about a dozen files a package here.
	names, err := info.names(".", 12*maxPackages)
	if err != nil {
		return nil, err
	}
	listed := map[string][]string{}
	var content bytes.Buffer
	budget := int64(maxListed)
	for _, file := range names {
		name, isList := strings.CutSuffix(file, ".list")
		if !isList {
			continue
		}
		f, err := info.open(file)
		if err != nil {
			return nil, err
		}
		content.Reset()
		n, err := io.Copy(&content, io.LimitReader(f, budget))
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		if budget -= n; budget <= 0 {
			return nil, fmt.Errorf("read lists of files: they are larger than %d bytes", maxListed)
		}
		eachLine(content.Bytes(), func(line []byte) {
			for _, l := range asked[string(line)] {
				if l.ownedBy(name) {
					listed[name] = append(listed[name], l.exe)
				}
			}
		})
	}
	return listed, nil
}

// eachLine calls do with every line, without its end.
func eachLine(b []byte, do func(line []byte)) {
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		do(line)
		b = rest
	}
}

// diversions are dpkg's redirections of files (dpkg-divert(1)), by both names.
type diversions struct {
	by   map[string]string    // path -> package whose own file stays there; ":" for the administrator's
	from map[string]diversion // path that a file was moved to -> where it comes from
}

type diversion struct{ path, by string }

// parseDiversions reads three lines a diversion: the path, where the file goes
// instead, and the package that keeps the path (":" for a local one).
func parseDiversions(content string) diversions {
	d := diversions{by: map[string]string{}, from: map[string]diversion{}}
	lines := strings.Split(content, "\n")
	for i := 0; i+2 < len(lines); i += 3 {
		path, to, by := lines[i], lines[i+1], lines[i+2]
		d.by[path] = by
		d.from[to] = diversion{path, by}
	}
	return d
}

// rename returns under which name, and of which package, each path is listed.
func (d diversions) rename(asked queries) map[string][]listing {
	listings := map[string][]listing{}
	for path, executables := range asked {
		for _, exe := range executables {
			if was, moved := d.from[path]; moved {
				listings[was.path] = append(listings[was.path], listing{exe: exe, never: was.by})
				continue
			}
			listings[path] = append(listings[path], listing{exe: exe, only: d.by[path]})
		}
	}
	return listings
}

// dpkgPackage is one installed package of the status file.
type dpkgPackage struct{ name, architecture, source, version string }

func (p dpkgPackage) domain() *portvigil.Package {
	return &portvigil.Package{Name: text(p.name), Source: text(p.source), Version: text(p.version)}
}

// parseDpkgStatus yields the packages of a status file (deb822(5)) whose files are
// there: those that are not merely known by their settings.
func parseDpkgStatus(content []byte) func(yield func(dpkgPackage) bool) {
	return func(yield func(dpkgPackage) bool) {
		var p dpkgPackage
		var state string
		flush := func() bool {
			complete := p.name != "" && p.version != "" &&
				state != "config-files" && state != "not-installed"
			if p.source == "" {
				p.source = p.name
			}
			goOn := !complete || yield(p)
			p, state = dpkgPackage{}, ""
			return goOn
		}
		for len(content) > 0 {
			line, rest, _ := bytes.Cut(content, []byte("\n"))
			content = rest
			if len(line) == 0 {
				if !flush() {
					return
				}
				continue
			}
			name, value, _ := bytes.Cut(line, []byte(":"))
			switch string(name) {
			case "Package":
				p.name = oneWord(value)
			case "Architecture":
				p.architecture = oneWord(value)
			case "Version":
				p.version = oneWord(value)
			case "Source": // NAME, or NAME (VERSION) where that differs
				if fields := strings.Fields(string(value)); len(fields) > 0 {
					p.source = fields[0]
				}
			case "Status": // want, error flag, state
				if fields := strings.Fields(string(value)); len(fields) == 3 {
					state = fields[2]
				}
			}
		}
		flush()
	}
}

// oneWord returns a value that is one word, as names and versions are, else "".
func oneWord(value []byte) string {
	if words := strings.Fields(string(value)); len(words) == 1 {
		return words[0]
	}
	return ""
}
