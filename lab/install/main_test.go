package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestStartsAreDeniedUntilUndone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy-rc.d")
	undo, err := denyStarts(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode()&0o111 == 0 {
		t.Fatalf("the policy is not there as a program: %v, %v", info, err)
	}
	undo()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the policy is still there: %v", err)
	}
}

func TestTheMachinesOwnPolicyStays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy-rc.d")
	if err := os.WriteFile(path, []byte("own"), 0o755); err != nil {
		t.Fatal(err)
	}
	undo, err := denyStarts(path)
	if err != nil {
		t.Fatal(err)
	}
	undo()
	if got, err := os.ReadFile(path); err != nil || string(got) != "own" {
		t.Errorf("the machine's own policy is now %q, %v", got, err)
	}
}

func TestOnlyTheLastLinesOfAptAreTold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "a\n": "a", "a\nb\nc\n": "b\nc"} {
		if got := lastLines(in, 2); got != want {
			t.Errorf("lastLines(%q, 2) = %q, want %q", in, got, want)
		}
	}
}
