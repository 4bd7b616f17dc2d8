package main

import (
	"os"
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
}
