package lab

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// deadPID is the id of a process that has just gone. The kernel counts ids up,
// so that it is not given to another one for a long while.
func deadPID(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestOnlyWhatADeadProcessLeftIsAbandoned(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		fmt.Sprintf("pvlab-%d-1-target", deadPID(t)):  true,
		fmt.Sprintf("pvlab-%d-1-target", os.Getpid()): false,
		"pvlab-target":          false,
		"pvlab--1-target":       false,
		"pvlab-99999999999999-": false,
		"web1":                  false,
	} {
		if got := abandoned(name); got != want {
			t.Errorf("abandoned(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestTheNextLabSweepsUpWhatAKilledOneLeft(t *testing.T) {
	New(t) // skips where there can be no lab
	left := fmt.Sprintf("pvlab-%d-1-left", deadPID(t))
	if out, err := ip("netns", "add", left); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { removeNamespace(left) })
	Require(t, "sleep")
	cmd := exec.Command("ip", "netns", "exec", left, "sleep", "1000")
	p := start(t, cmd, "sleep")
	// Its namespace is the left one once ip has become sleep.
	p.wait(t, "become sleep", func() bool {
		exe, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.PID))
		return err == nil && string(exe) == "sleep\n"
	})
	Sweep()
	if _, err := os.Stat(netns + "/" + left); !os.IsNotExist(err) {
		t.Errorf("the namespace is still there: %v", err)
	}
	if p.Err() == nil {
		t.Error("the process in it ended by itself")
	}
}

func TestAZombieIsNotTakenForAProcessThatRuns(t *testing.T) {
	t.Parallel()
	if zombie(os.Getpid()) {
		t.Error("this process runs")
	}
	if !zombie(deadPID(t)) {
		t.Error("a process that has gone does not run")
	}
}
