package lab_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// memory is what a process takes, in KiB.
type memory struct {
	rss int64 // with what it shares with others
	pss int64 // of which only its part
}

// readMemory reads /proc/PID/smaps_rollup (proc_pid_smaps(5)).
func readMemory(pid int) (m memory, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return m, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch name {
		case "Rss":
			_, err = fmt.Sscan(value, &m.rss)
		case "Pss":
			_, err = fmt.Sscan(value, &m.pss)
		}
		if err != nil {
			return m, err
		}
	}
	return m, lines.Err()
}

// memoryOf is what the processes of a server take at this moment, by name.
type memories map[string]memory

func memoryOf(server int) memories {
	all := memories{}
	take := func(name string, pid int) {
		if m, err := readMemory(pid); err == nil && m.rss > 0 {
			all[name] = m
		}
	}
	take("parent", server)
	for name, p := range childrenOf(server) {
		take(name, p.pid)
	}
	return all
}

func (m memories) together() (sum memory) {
	for _, one := range m {
		sum.rss += one.rss
		sum.pss += one.pss
	}
	return sum
}

func (m memories) String() string {
	sum := m.together()
	return fmt.Sprintf("RSS %d KiB (parent %d, core %d, inside %d, scanner %d), PSS %d KiB", sum.rss, m["parent"].rss, m["core"].rss, m["inside"].rss, m["scanner"].rss, sum.pss)
}

// take takes one sample.
func (s *fleetSeen) take(server int) {
	m := memoryOf(server)
	if len(m) != 1+len(processNames) {
		s.unreadable++
		return
	}
	s.samples++
	sum := m.together()
	s.rss, s.pss = max(s.rss, sum.rss), max(s.pss, sum.pss)
	if s.each == nil {
		s.each = map[string]int64{}
	}
	for name, one := range m {
		s.each[name] = max(s.each[name], one.rss)
	}
}
