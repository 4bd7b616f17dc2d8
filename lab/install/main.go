// Install brings the Debian packages that the lab needs onto the machine: only
// those that are missing, only as root, and without starting any of their
// daemons. It says once what it is about to install. Then it has npm install
// axe-core into the user's cache, which needs no root. With -bench it installs what
// only measurements need, too.
//
// It never fails the build: where it may not or cannot install, it says why in
// one line, and the tests that need the programs are skipped with the reason
// (lab/runtests turns a skip into a failure where CI=true).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/portvigil/portvigil/lab"
)

// patience is how long one apt-get may take; MariaDB is 200 MB on a slow mirror.
const patience = 8 * time.Minute

func main() {
	bench := flag.Bool("bench", false, "also what only measurements need")
	flag.Parse()
	needs := lab.Needs()
	if *bench {
		needs = append(needs, lab.BenchNeeds()...)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, needs); err != nil {
		fmt.Fprintln(os.Stderr, "lab: "+err.Error())
	}
	if err := axe(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "lab: "+err.Error())
	}
}

// axe installs what pages are judged with.
func axe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	did, err := lab.InstallAxe(ctx)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("no npm here, so pages are not judged by axe-core")
	case err != nil:
		return fmt.Errorf("install axe-core, with which pages are judged: %w", err)
	case did:
		fmt.Println("lab: installed axe-core into the cache")
	}
	return nil
}

func run(ctx context.Context, needs []lab.Need) error {
	missing := lab.Missing(needs)
	if len(missing) == 0 {
		return nil
	}
	names := make([]string, len(missing))
	for i, n := range missing {
		names[i] = n.Package
	}
	list := strings.Join(names, " ")
	if os.Geteuid() != 0 {
		return fmt.Errorf("not root, so lab tests are skipped; they would also need: apt-get install %s", list)
	}
	if _, err := lab.Find("apt-get"); err != nil {
		return fmt.Errorf("no apt-get here, so tests that need %s are skipped", list)
	}
	fmt.Printf("lab: installing %s (their daemons are not started)\n", list)
	enable, err := denyStarts(policyFile)
	if err != nil {
		return fmt.Errorf("keep the packages from starting their daemons: %w", err)
	}
	defer enable()
	if err := aptGet(ctx, "update"); err != nil {
		return err
	}
	return aptGet(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, names...)...)
}

// aptGet shows what apt says only when it fails: on success it is noise.
func aptGet(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-q", "-o", "DPkg::Lock::Timeout=120"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	// A terminated apt unlocks dpkg; a killed one leaves it half configured.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w: %s", args[0], err, lastLines(string(out), 5))
	}
	return nil
}

// policyFile is asked by invoke-rc.d before a package starts its daemon; exit
// code 101 forbids it (Debian's policy-rc.d specification).
const policyFile = "/usr/sbin/policy-rc.d"

// denyStarts writes the policy, unless the machine has one of its own, and
// returns what takes it away again.
func denyStarts(path string) (undo func(), err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString("#!/bin/sh\nexit 101\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return func() {
		if err := os.Remove(path); err != nil {
			fmt.Fprintf(os.Stderr, "lab: %v; remove it by hand, or no package starts its daemon\n", err)
		}
	}, nil
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
