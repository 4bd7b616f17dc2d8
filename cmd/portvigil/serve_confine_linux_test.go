package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// confinedAs marks a test process that is to confine itself and to try things.
const confinedAs = "PORTVIGIL_TEST_CONFINED_AS"

// TestConfinedProcesses tries what each process may do to files that belong to
// its own user, so that nothing but its confinement is in the way.
func TestConfinedProcesses(t *testing.T) {
	if process := os.Getenv(confinedAs); process != "" {
		tryConfined(process, os.Getenv("PORTVIGIL_TEST_DIR"))
		os.Exit(0) // what was to be tidied up cannot be any more; who started this does it
	}
	t.Parallel()
	if landlockVersion() == 0 {
		t.Skip("this kernel has no Landlock")
	}
	for process, want := range map[string]string{
		processCore:    "data read ok, data write ok, data socket ok, other read refused, other write refused, names read ok, run refused",
		processScanner: "data read refused, data write refused, data socket refused, other read refused, other write refused, names read ok, run refused",
	} {
		dir := t.TempDir()
		for _, folder := range []string{"data", "other"} {
			if err := errors.Join(os.Mkdir(filepath.Join(dir, folder), 0o700), os.WriteFile(filepath.Join(dir, folder, "portvigil.db"), []byte("x"), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		c := exec.Command(program, "-test.run=^TestConfinedProcesses$")
		c.Env = append(os.Environ(), ownNetwork+"=yes", confinedAs+"="+process, "PORTVIGIL_TEST_DIR="+dir, "TMPDIR="+dir)
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		if err := c.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", process, err, out.String())
		}
		if got, _, _ := strings.Cut(out.String(), "\n"); got != want {
			t.Errorf("%s may\n%s\nwant\n%s", process, got, want)
		}
	}
}

func tryConfined(process, dir string) {
	a := &app{getenv: func(string) string { return "" }}
	confine := confineScanner
	if process == processCore {
		confine = func() error { return a.confineCore(filepath.Join(dir, "data")) }
	}
	if err := confine(); err != nil {
		fmt.Println(err)
		return
	}
	var tried []string
	try := func(what string, err error) {
		answer := "ok"
		if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
			answer = "refused"
		} else if err != nil {
			answer = err.Error()
		}
		tried = append(tried, what+" "+answer)
	}
	read := func(path string) error { _, err := os.ReadFile(path); return err }
	for _, folder := range []string{"data", "other"} {
		try(folder+" read", read(filepath.Join(dir, folder, "portvigil.db")))
		try(folder+" write", os.WriteFile(filepath.Join(dir, folder, "portvigil.db"), []byte("y"), 0o600))
		if folder == "data" {
			l, err := listenSocket(filepath.Join(dir, folder, "s"))
			try(folder+" socket", err)
			if err == nil {
				l.Close()
			}
		}
	}
	try("names read", read("/etc/hosts"))
	try("run", exec.Command("/proc/self/exe", "-test.run=^$").Run())
	fmt.Println(strings.Join(tried, ", "))
}

func TestGiveFolderFollowsNothingOutOfTheFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("files are given away by root alone")
	}
	t.Parallel()
	dir, elsewhere := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "shadow")
	must := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) }
	in := func(name string) string { return filepath.Join(dir, name) }
	must(os.Mkdir(dir, 0o700), write(elsewhere), write(in("portvigil.db")), write(in("key")), write(in("check.json")), write(in("notes.txt")),
		os.Symlink(elsewhere, in("lock")), os.Link(elsewhere, in("portvigil.db-wal")), os.Mkdir(in("portvigil.d"), 0o700), unix.Mkfifo(in("portvigil.sock"), 0o600))
	to := identity{firstUser + 7, firstUser + 7}
	for range 2 { // the second time the folder is the core's
		must(giveFolder(dir, to))
	}
	for path, want := range map[string]int{
		dir: to.uid, in("portvigil.db"): to.uid, in("key"): to.uid,
		in("check.json"): 0, in("notes.txt"): 0, in("lock"): 0, in("portvigil.d"): 0, in("portvigil.sock"): 0,
		elsewhere: 0, // by either of its two other names
	} {
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil || int(st.Uid) != want {
			t.Errorf("%s belongs to %d, want %d (%v)", path, st.Uid, want, err)
		}
	}
}

func TestAFolderOfOtherThingsIsNotTaken(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("files are given away by root alone")
	}
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "passwd"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := giveFolder(dir, identity{firstUser, firstUser})
	if err == nil || !strings.Contains(err.Error(), "holds other files than a server's") {
		t.Errorf("%v", err)
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil || st.Uid != 0 {
		t.Errorf("the folder belongs to %d (%v)", st.Uid, err)
	}
}
