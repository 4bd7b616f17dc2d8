package main

import (
	"os"
	"os/user"
	"slices"
	"strings"
	"testing"
)

func TestPagesInFindsOnlyWhatIsNeverWrittenOfTheProgram(t *testing.T) {
	t.Parallel()
	const program = "/usr/bin/port vigil"
	for _, c := range []struct {
		name, line string
		want       pages
		ok         bool
	}{
		{"instructions", "00400000-01173000 r-xp 00000000 fe:00 4242                       /usr/bin/port vigil", pages{0x400000, 0x1173000}, true},
		{"constants", "7fd130410000-7fd130790000 r--p 00d73000 fe:00 4242 /usr/bin/port vigil", pages{0x7fd130410000, 0x7fd130790000}, true},
		{"variables", "02008000-020c1000 rw-p 01c08000 fe:00 4242 /usr/bin/port vigil", pages{0x2008000, 0x20c1000}, false},
		{"another file", "00400000-01173000 r-xp 00000000 fe:00 4242 /opt/usr/bin/port vigil", pages{}, false},
		{"no file", "c000000000-c000400000 rw-p 00000000 00:00 0 ", pages{}, false},
		{"nothing", "", pages{}, false},
	} {
		got, ok := pagesIn(c.line, program)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s: got %+v, %v", c.name, got, ok)
		}
	}
}

func TestPagesThatTheLoaderWroteAreKept(t *testing.T) {
	t.Parallel()
	const smaps = `00400000-00401000 r-xp 00000000 fe:00 7 /bin/pv
Size:                  4 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me
00500000-00501000 r--p 00001000 fe:00 7 /bin/pv
Anonymous:             4 kB
Swap:                  0 kB
00600000-00601000 r--p 00002000 fe:00 7 /bin/pv
Anonymous:             0 kB
Swap:                  4 kB
00700000-00701000 r--p 00003000 fe:00 7 /bin/pv
Anonymous:             0 kB
Swap:                  0 kB
00800000-00801000 rw-p 00000000 00:00 0
Anonymous:             4 kB
`
	want := []pages{{0x400000, 0x401000}, {0x700000, 0x701000}}
	if got := programIn(strings.NewReader(smaps), "/bin/pv"); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAProcessRunsOnAfterItGaveItsMemoryBack(t *testing.T) {
	t.Parallel()
	m := (&app{getenv: func(name string) string { return name }}).spareMemory()
	if len(m.program) < 2 {
		t.Fatalf("found %d parts of the program in memory, want its instructions and constants", len(m.program))
	}
	m.giveBack()
	if _, err := os.ReadFile("/proc/self/stat"); err != nil {
		t.Error(err)
	}
	if _, err := user.LookupId("0"); err != nil { // asks C's library, where there is one
		t.Error(err)
	}
}
