package portvigil_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/portvigil/portvigil"

// room is a row of the import table: a folder at the top, and the other folders
// that its packages and tests may import, each with the reason. Packages of one
// room may import each other.
type room struct {
	may map[string]string
	// not lists packages from outside that the room refuses, with the reason.
	not map[string]string
}

const (
	speaksDomain = "the domain's words are the one language between rooms"
	wires        = "the one place that knows all rooms, so that no room has to know another"
	noShell      = "what a program prints is no interface, and starting one needs rights that the room gives up"
	pureRoot     = "rules are pure functions, so that a test of them is a table"
)

// rooms is the import table. "." is the module root. Only tests may import lab;
// that is looked at apart.
var rooms = map[string]room{
	".": {not: map[string]string{
		"os": pureRoot, "os/exec": pureRoot, "net/http": pureRoot, "database/sql": pureRoot, "log/slog": pureRoot,
	}},
	"scan":     {may: map[string]string{".": speaksDomain}, not: map[string]string{"os/exec": noShell}},
	"detect":   {may: map[string]string{".": speaksDomain}, not: map[string]string{"os/exec": noShell}},
	"inside":   {may: map[string]string{".": speaksDomain}, not: map[string]string{"os/exec": noShell}},
	"advisory": {may: map[string]string{".": speaksDomain}, not: map[string]string{"os/exec": noShell}},
	"watch": {may: map[string]string{".": speaksDomain}, not: map[string]string{
		"database/sql": "it asks for storage through interfaces that it declares",
		"net/http":     "it asks for views and messages through interfaces that it declares",
	}},
	"notify": {may: map[string]string{".": speaksDomain}},
	"fleet":  {may: map[string]string{".": speaksDomain}},
	"ledger": {may: map[string]string{".": speaksDomain}},
	"store":  {may: map[string]string{".": speaksDomain}},
	"web": {may: map[string]string{".": speaksDomain}, not: map[string]string{
		"database/sql": "it asks for storage through interfaces that it declares",
	}},
	"cmd": {may: map[string]string{
		".": speaksDomain, "scan": wires, "detect": wires, "inside": wires, "advisory": wires, "watch": wires,
		"notify": wires, "fleet": wires, "ledger": wires, "store": wires, "web": wires,
	}},
	"lab": {may: map[string]string{".": speaksDomain}},
}

// badNames are package names that say nothing of what lives there, and so
// attract what has no home.
var badNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "base"}

// pkg is what go list tells of a package.
type pkg struct {
	ImportPath, Name, Dir              string
	GoFiles                            []string
	Imports, TestImports, XTestImports []string
}

// list asks go for every package as one system would build it.
func list(t *testing.T, goos string) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Dir,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, stderr.String())
	}
	var packages []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("read go list's answer: %v", err)
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		t.Fatal("go list knows no package")
	}
	return packages
}

// roomOf names the room of an import path, and says whether it is ours.
func roomOf(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	rest, ours := strings.CutPrefix(importPath, module+"/")
	name, _, _ := strings.Cut(rest, "/")
	return name, ours
}

func TestRoomsImportOnlyWhatTheTableAllows(t *testing.T) {
	t.Parallel()
	for _, goos := range []string{"linux", "darwin"} {
		for _, p := range list(t, goos) {
			for _, complaint := range judge(p) {
				t.Errorf("%s (%s) %s", p.ImportPath, goos, complaint)
			}
		}
	}
}

// judge holds one package against the table.
func judge(p pkg) []string {
	name, _ := roomOf(p.ImportPath)
	here, known := rooms[name]
	if !known {
		return []string{"is in no room of the import table: give " + name + " a row, with what it may import and why"}
	}
	var complaints []string
	for _, i := range p.Imports {
		if why, refused := here.not[i]; refused {
			complaints = append(complaints, "imports "+i+": "+why)
		}
		if room, ours := roomOf(i); ours && room == "lab" && name != "lab" {
			complaints = append(complaints, "imports the lab, which is for tests")
		}
	}
	for _, i := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
		room, ours := roomOf(i)
		if !ours || room == name || room == "lab" {
			continue
		}
		if _, allowed := here.may[room]; !allowed {
			complaints = append(complaints, "imports "+i+": no room knows another; declare an interface here, and let cmd/portvigil wire it")
		}
	}
	return complaints
}

func TestRoomsJudgeRefusesWhatTheTableDoesNotAllow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		pkg     pkg
		refused bool
	}{
		{"a room may import the root", pkg{ImportPath: module + "/scan", Imports: []string{module, "net"}}, false},
		{"a room may import its own packages", pkg{ImportPath: module + "/store", Imports: []string{module + "/store/sqlite"}}, false},
		{"a room's tests may import the lab", pkg{ImportPath: module + "/scan", XTestImports: []string{module + "/lab"}}, false},
		{"the command may import every room", pkg{ImportPath: module + "/cmd/portvigil", Imports: []string{module + "/scan", module + "/web"}}, false},
		{"no room imports another", pkg{ImportPath: module + "/watch", Imports: []string{module + "/store"}}, true},
		{"no room's tests import another", pkg{ImportPath: module + "/watch", TestImports: []string{module + "/store"}}, true},
		{"the root imports nothing of ours", pkg{ImportPath: module, Imports: []string{module + "/scan"}}, true},
		{"nobody imports the command", pkg{ImportPath: module + "/web", Imports: []string{module + "/cmd/portvigil"}}, true},
		{"only tests import the lab", pkg{ImportPath: module + "/cmd/portvigil", Imports: []string{module + "/lab"}}, true},
		{"the inside view starts no programs", pkg{ImportPath: module + "/inside", Imports: []string{"os/exec"}}, true},
		{"a new folder needs a row", pkg{ImportPath: module + "/misc"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := judge(c.pkg); (len(got) > 0) != c.refused {
				t.Errorf("refused: %v, want %v: %v", len(got) > 0, c.refused, got)
			}
		})
	}
}

func TestRoomsAreNamedAfterWhatLivesThere(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "linux") {
		if slices.Contains(badNames, p.Name) || slices.Contains(badNames, path.Base(p.ImportPath)) {
			t.Errorf("%s: a package of that name becomes a place for what has no home; name it after the thing in it", p.ImportPath)
		}
	}
}

func TestRoomsSayInTheirDocWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "linux") {
		if p.Name == "main" || len(p.GoFiles) == 0 {
			continue
		}
		text, err := os.ReadFile(filepath.Join(p.Dir, "doc.go"))
		if err != nil {
			t.Errorf("%s has no doc.go: its question, its promises, what it refuses, where to begin", p.ImportPath)
			continue
		}
		if !strings.Contains(string(text), "// Package "+p.Name+" ") {
			t.Errorf("%s/doc.go has no package comment", p.ImportPath)
		}
	}
}
