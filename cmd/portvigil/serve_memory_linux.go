package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A server is four processes of one program, and each goes through much of it
// once: every package sets itself up, the commands and their flags are put
// together, in the core the schema and the pages are made ready. What that
// touched would stay in the memory of each for good, though it is not used again:
// of the program's file alone 17 MB in each. So a process that has begun gives it
// back. These pages are the file's own and never written to: what is used again
// comes from the kernel's cache, where the processes share it.

// A process that looks has begun within a second; the core, which opens the
// database and meets those who waited for it, within some.
const (
	beginsFor  = time.Second
	settlesFor = 9 * time.Second // after that
)

// collectAt is by how many percent the heap grows until garbage is collected, in
// place of Go's 100: the processes wait for most of the time, and what they save
// in memory costs them no time that can be measured. GOGC in the environment wins.
const collectAt = 50

// A burst, as when somebody lists all hosts, lasts seconds, and what it leaves stays
// for minutes. So garbage is collected more often where Go's memory comes near the
// limit: thrice what was alive when it was last set, for then a burst is slower and
// not ordinary work, and never less than what a few hundred hosts take.
const (
	limitEvery = time.Minute
	leastLimit = 40 << 20
	limitTimes = 3
)

// memory is what a process of the server knows of its own.
type memory struct {
	program []pages
	limited bool // GOMEMLIMIT in the environment sets no limit of its own
}

// pages are where a part of the program's file is in memory.
type pages struct{ from, to uintptr }

// spareMemory is called when a process begins, and before it is confined: after
// that it may not get to know where its program is.
func (a *app) spareMemory() memory {
	if a.getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	m := memory{limited: a.getenv("GOMEMLIMIT") == ""}
	m.limit()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return m // without /proc there is only the heap to give back
	}
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return m
	}
	defer maps.Close()
	m.program = programIn(maps, program)
	return m
}

// programIn reads proc_pid_smaps(5), and returns the parts of the program that
// nobody has written to. In a program that is linked with C's library, as go run
// links it where there is a C compiler, the loader writes the addresses of that
// library's functions into pages which nobody may write to afterwards: given back,
// they would have none.
func programIn(maps io.Reader, program string) (list []pages) {
	last := false // whether the line is about the last of the list
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		word, value, _ := strings.Cut(lines.Text(), " ")
		switch {
		case !strings.HasSuffix(word, ":"): // the beginning of another part
			var p pages
			if p, last = pagesIn(lines.Text(), program); last {
				list = append(list, p)
			}
		case last && (word == "Anonymous:" || word == "Swap:") && strings.TrimSpace(value) != "0 kB":
			list, last = list[:len(list)-1], false
		}
	}
	return list
}

// pagesIn reads the first line of a part, and says whether it is one of the program
// that may not be written to, its instructions or its constants:
//
//	00400000-01173000 r-xp 00000000 fe:00 4242    /usr/bin/portvigil
func pagesIn(line, program string) (p pages, ok bool) {
	where, ok := strings.CutSuffix(line, " "+program)
	if !ok {
		return p, false
	}
	var rights string
	if _, err := fmt.Sscanf(where, "%x-%x %s", &p.from, &p.to, &rights); err != nil {
		return p, false
	}
	return p, rights == "r--p" || rights == "r-xp"
}

// limit sets the limit anew.
func (m memory) limit() {
	if !m.limited {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetMemoryLimit(max(leastLimit, limitTimes*int64(min(live[0].Value.Uint64(), math.MaxInt64/limitTimes))))
}

// giveBack gives the kernel what is not in use at the moment.
func (m memory) giveBack() {
	debug.FreeOSMemory()
	for _, p := range m.program {
		// Where the kernel does not want it, nothing has changed.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, p.from, p.to-p.from, unix.MADV_DONTNEED)
	}
}
