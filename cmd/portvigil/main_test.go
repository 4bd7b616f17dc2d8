package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary the program itself, so that scripts run it
// with its real exit codes and streams.
func TestMain(m *testing.M) {
	if code, done := inOwnNetwork(); done {
		os.Exit(code)
	}
	testscript.Main(m, map[string]func(){
		"portvigil": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			code := run(ctx, &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}, os.Args[1:])
			stop()
			os.Exit(code)
		},
	})
}

// ownNetwork marks a test process that inOwnNetwork started.
const ownNetwork = "PORTVIGIL_TEST_OWN_NETWORK"

// inOwnNetwork runs the tests again in a network namespace of their own, where
// one can be made: by root, or in a user namespace in which nothing else is
// privileged. check compares what listens on the whole machine, and other tests
// open and shut doors on it at the same time. The mounts are their own as well,
// so that a script can have a small disk.
func inOwnNetwork() (code int, done bool) {
	if os.Getenv(ownNetwork) != "" || filepath.Base(os.Args[0]) == "portvigil" {
		return 0, false
	}
	own := []string{"--net", "--mount", "sh", "-c", `ip link set lo up && exec "$0" "$@"`}
	if os.Geteuid() != 0 {
		own = []string{"--user", "--map-current-user", "--keep-caps", "--net", "--mount", "sh", "-c",
			`ip link set lo up && exec setpriv --ambient-caps=-all --inh-caps=-all "$0" "$@"`}
	}
	if exec.Command("unshare", append(own, "true")...).Run() != nil {
		return 0, false
	}
	c := exec.Command("unshare", append(own, os.Args...)...)
	c.Env = append(os.Environ(), ownNetwork+"=yes")
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return 1, true
	}
	return 0, true
}

// TestScripts runs every command as a user would.
func TestScripts(t *testing.T) { runScripts(t, "testdata/script") }

// TestScriptsAlone runs the commands that look at the whole machine, where
// nobody else opens doors on it meanwhile: not even another of these scripts.
func TestScriptsAlone(t *testing.T) {
	if os.Getenv(ownNetwork) == "" {
		t.Skip("no network namespace of their own can be made: needs root, or user namespaces and iproute2")
	}
	files, err := filepath.Glob("testdata/alone/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("find the scripts: %v, %d", err, len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runScripts(t, "", file) })
	}
}

// runScripts runs the scripts of a folder, or the named ones. It returns when
// all have ended, so that two calls of one test never overlap.
func runScripts(t *testing.T, dir string, files ...string) {
	testscript.Run(t, testscript.Params{
		Dir:   dir,
		Files: files,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("HOST", localName())
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "root" {
				return false, fmt.Errorf("there is no condition %q", name)
			}
			return os.Geteuid() == 0, nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"listen":    listenInScript,
			"freeport":  freePort,
			"awaitout":  awaitFile,
			"exits":     exits,
			"newer":     makeNewer,
			"firstdata": firstData,
			"idof":      idOf,
			"secretof":  secretOf,
			"turnon":    turnOn,
		},
	})
}

// listenInScript opens a TCP listener on an address for the rest of the script,
// and sets the variable to its port: listen VAR ADDRESS [BANNER]. The banner is
// a Go string literal without its quotes, so that it may hold any byte.
func listenInScript(ts *testscript.TestScript, _ bool, args []string) {
	banner := "SSH-2.0-Test_1.0\r\n"
	if len(args) > 2 {
		var err error
		banner, err = strconv.Unquote(`"` + args[2] + `"`)
		ts.Check(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(args[1], "0"))
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, banner)
			c.Close()
		}
	}()
	ts.Setenv(args[0], fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
}

// freePort sets the variable to a port on which nothing listens: freeport VAR.
func freePort(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
	ts.Check(l.Close())
}

// awaitFile waits until a file is there: awaitout FILE.
func awaitFile(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		select {
		case <-deadline.C:
			ts.Fatalf("%s did not appear within a minute", args[0])
		case <-tick.C:
		}
	}
}

// idOf sets the variable to the id of the last record in a file: idof VAR FILE.
func idOf(ts *testscript.TestScript, _ bool, args []string) {
	var record struct {
		ID string `json:"id"`
	}
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		ts.Check(json.Unmarshal([]byte(line), &record))
	}
	if record.ID == "" {
		ts.Fatalf("%s has no record with an id", args[1])
	}
	ts.Setenv(args[0], record.ID)
}

// secretOf writes the secret of the last record in a file into another one:
// secretof SECRET FILE.
func secretOf(ts *testscript.TestScript, _ bool, args []string) {
	var record struct {
		Token string `json:"token"`
	}
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		ts.Check(json.Unmarshal([]byte(line), &record))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(record.Token+"\n"), 0o600))
}

// makeNewer makes the database in a data folder look like one that a later
// version of the program wrote: newer FOLDER.
func makeNewer(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", filepath.Join(ts.MkAbs(args[0]), "portvigil.db"))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)")
	ts.Check(err)
}

// firstData fills a data folder with what the first version of the program left
// on SQLite: firstdata FOLDER.
func firstData(ts *testscript.TestScript, _ bool, args []string) {
	text, err := os.ReadFile("../../store/testdata/first.sqlite.sql")
	ts.Check(err)
	key, err := os.ReadFile("../../store/testdata/first.sqlite.key")
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), "key"), key, 0o600))
	db, err := sql.Open("sqlite", filepath.Join(ts.MkAbs(args[0]), "portvigil.db"))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(string(text))
	ts.Check(err)
}

// exits runs portvigil and demands its exit code: exits CODE ARG…
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("portvigil", args[1:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("portvigil %s ended with %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}
