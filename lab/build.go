package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Build returns the path of the real program, built as releases are (static, no
// cgo) and once for the whole test process.
func Build(t testing.TB) string {
	t.Helper()
	return buildOnce(t, "./cmd/portvigil")
}

// BuildDoorman returns the path of the program that Listen runs, which holds
// doors open until it is ended.
func BuildDoorman(t testing.TB) string {
	t.Helper()
	return buildOnce(t, "./lab/doorman")
}

// built remembers what this test process has built already: a test process is
// the unit here as it would be for go build's own cache, and linking the program
// for each test would cost more than the tests.
var built sync.Map // from package to func() (string, error)

func buildOnce(t testing.TB, pkg string) string {
	t.Helper()
	once, _ := built.LoadOrStore(pkg, sync.OnceValues(func() (string, error) { return build(pkg) }))
	path, err := once.(func() (string, error))()
	if err != nil {
		t.Fatalf("build %s: %v", pkg, err)
	}
	return path
}

// build compiles into a folder that carries this process's id, so that Sweep
// finds it: a test process has no moment at which all of its tests are over.
func build(pkg string) (string, error) {
	gomod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", fmt.Sprintf("pvlab-%d-build-", os.Getpid()))
	if err != nil {
		return "", err
	}
	// Tests run the program as other users, too.
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	file := filepath.Join(dir, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.version=lab", "-o", file, pkg)
	cmd.Dir = filepath.Dir(strings.TrimSpace(string(gomod)))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)), os.RemoveAll(dir))
	}
	return file, nil
}
