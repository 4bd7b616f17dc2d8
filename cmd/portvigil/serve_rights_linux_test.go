package main

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWhatTheServerLacksIsTold(t *testing.T) {
	t.Parallel()
	const all = 1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_NET_RAW
	users := map[string]identity{}
	for _, c := range []struct {
		name      string
		permitted uint64
		noLocal   bool
		want      []string // capabilities that are named
	}{
		{"all", all, false, nil},
		{"none", 0, false, []string{"CAP_SYS_PTRACE", "CAP_NET_RAW"}},
		{"no packets", all &^ (1 << unix.CAP_NET_RAW), false, []string{"CAP_NET_RAW"}},
		{"nobody looks inside", 1 << unix.CAP_NET_RAW, true, nil},
	} {
		r := &rights{permitted: c.permitted, users: users}
		told := r.limits(serveOptions{noLocal: c.noLocal})
		if len(told) != len(c.want) {
			t.Errorf("%s: %q", c.name, told)
			continue
		}
		for i, name := range c.want {
			if !strings.Contains(told[i], name) {
				t.Errorf("%s: %q does not name %s", c.name, told[i], name)
			}
		}
	}
}
