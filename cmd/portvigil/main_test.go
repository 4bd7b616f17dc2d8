package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
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

// inOwnNetwork runs the tests again in a network namespace of their own, where
// root may make one: check compares what listens on the whole machine, and
// other tests open and shut doors on it at the same time.
func inOwnNetwork() (code int, done bool) {
	const mark = "PORTVIGIL_TEST_OWN_NETWORK"
	if os.Geteuid() != 0 || os.Getenv(mark) != "" || filepath.Base(os.Args[0]) == "portvigil" {
		return 0, false
	}
	if exec.Command("unshare", "--net", "ip", "link", "set", "lo", "up").Run() != nil {
		return 0, false
	}
	script := `ip link set lo up && exec "$0" "$@"`
	c := exec.Command("unshare", append([]string{"--net", "sh", "-c", script}, os.Args...)...)
	c.Env = append(os.Environ(), mark+"=yes")
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return 1, true
	}
	return 0, true
}

// TestScripts runs every command as a user would.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("HOST", localName())
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"listen":   listenInScript,
			"freeport": freePort,
			"awaitout": awaitFile,
			"exits":    exits,
		},
	})
}

// listenInScript opens a TCP listener on an address for the rest of the script,
// and sets the variable to its port: listen VAR ADDRESS.
func listenInScript(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", net.JoinHostPort(args[1], "0"))
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "SSH-2.0-Test_1.0\r\n")
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
