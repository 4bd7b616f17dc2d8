package inside

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestAProcessMayBeCalledAnything(t *testing.T) {
	for _, name := range []string{"sshd", "a b", ") R 1", "((", ")", "1 2 3 (x) S"} {
		stat := "812 (" + name + ") S" + strings.Repeat(" 5", 18) + " 4711 6 7\n"
		if got, err := parseStartTicks(stat); err != nil || got != 4711 {
			t.Errorf("%q started at tick %d (%v), wanted 4711", name, got, err)
		}
	}
}

func TestACutProcessStatIsAnError(t *testing.T) {
	for _, stat := range []string{"", "812", "812 (x)", "812 (x) S 1 2", "812 (x) S" + strings.Repeat(" x", 30)} {
		if got, err := parseStartTicks(stat); err == nil {
			t.Errorf("%q gives %d", stat, got)
		}
	}
}

func TestBootTimeIsReadFromItsLine(t *testing.T) {
	got, err := parseBoot("cpu 1 2\nintr 5\nbtime 1700000000\nprocesses 9\n")
	if want := time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("booted at %v (%v), wanted %v", got, err, want)
	}
	for _, bad := range []string{"", "cpu 1\n", "btime x\n"} {
		if got, err := parseBoot(bad); err == nil {
			t.Errorf("%q gives %v", bad, got)
		}
	}
}

func TestTheEffectiveUserCounts(t *testing.T) {
	got, err := parseStatusUID("Name:\tUid:\t9\t9\nUmask:\t0022\nUid:\t1000\t33\t34\t35\nGid:\t1\t2\t3\t4\n")
	if err != nil || got != 33 {
		t.Errorf("user is %d (%v), wanted 33", got, err)
	}
	for _, bad := range []string{"", "Uid:\t1\n", "Uid:\t1\t-1\t1\t1\n", "Uid:\t1\t4294967296\t1\t1\n"} {
		if got, err := parseStatusUID(bad); err == nil {
			t.Errorf("%q gives %d", bad, got)
		}
	}
}

func TestOnlyALinkToASocketHasASocketsInode(t *testing.T) {
	if inode, ok := socketInode([]byte("socket:[4294967295]")); !ok || inode != 4294967295 {
		t.Errorf("inode %d, %v", inode, ok)
	}
	for _, bad := range []string{"", "socket:[", "socket:[]", "socket:[x]", "pipe:[5]", "/socket:[5]", "socket:[5", "socket:[99999999999999999999]"} {
		if inode, ok := socketInode([]byte(bad)); ok {
			t.Errorf("%q has inode %d", bad, inode)
		}
	}
}

func TestEphemeralPortsAreTwoRisingNumbers(t *testing.T) {
	if r, err := parseEphemeral("32768\t60999\n"); err != nil || r != defaultEphemeral {
		t.Errorf("range %v, %v", r, err)
	}
	for _, bad := range []string{"", "5", "5 4", "1 2 3", "1 65536", "-1 5", "a b"} {
		if r, err := parseEphemeral(bad); err == nil {
			t.Errorf("%q gives %v", bad, r)
		}
	}
	root := t.TempDir()
	if r, err := Ephemeral(root); err == nil || r != defaultEphemeral {
		t.Errorf("without a procfs: %v, %v", r, err)
	}
	write(t, root, map[string]string{"proc/sys/net/ipv4/ip_local_port_range": "1024 65535\n"})
	if r, err := Ephemeral(root); err != nil || r.First != 1024 || r.Last != 65535 {
		t.Errorf("range %v, %v", r, err)
	}
}

// What is read is written back into the same place, whatever the name is.
func FuzzParseStartTicks(f *testing.F) {
	f.Add("sshd", uint64(4711))
	f.Add(") S 1 2 3", uint64(0))
	f.Fuzz(func(t *testing.T, name string, ticks uint64) {
		stat := fmt.Sprintf("812 (%s) S%s %d 6\n", name, strings.Repeat(" 5", 18), ticks)
		if got, err := parseStartTicks(stat); err != nil || got != ticks {
			t.Errorf("%q: tick %d (%v), wanted %d", stat, got, err, ticks)
		}
		if _, err := parseStartTicks(name); err == nil && strings.Count(name, " ") < 1 && len(strings.Fields(name)) < 20 {
			t.Errorf("%q is too short for a process", name)
		}
	})
}

// A number of a user is read only from a line that says so.
func FuzzParseStatusUID(f *testing.F) {
	f.Add("Name:\tx\nUid:\t0\t33\t0\t0\n")
	f.Fuzz(func(t *testing.T, status string) {
		uid, err := parseStatusUID(status)
		if err == nil && !strings.Contains(status, "Uid:") {
			t.Errorf("%q gives %d", status, uid)
		}
	})
}

// text is always text, leaves text alone, and so changes nothing twice.
func FuzzText(f *testing.F) {
	f.Add("caf\xe9")
	f.Add("\xff\xfe\u00e9")
	f.Fuzz(func(t *testing.T, raw string) {
		got := text(raw)
		if !utf8.ValidString(got) || text(got) != got || utf8.ValidString(raw) && got != raw {
			t.Errorf("%q becomes %q", raw, got)
		}
	})
}
