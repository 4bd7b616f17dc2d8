package lab_test

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/portvigil/portvigil/lab"
)

// TestNdiffReadsOurFiles shows two looks to nmap's own comparison: it finds the one
// door that was opened between them, and nothing in two looks at the same.
func TestNdiffReadsOurFiles(t *testing.T) {
	t.Parallel()
	lab.Require(t, "ndiff")
	p := lab.New(t).Path(t, lab.DefaultDrop())
	dir := t.TempDir()
	look := func(name string) string {
		file := filepath.Join(dir, name)
		lookAlong(t, p, p.Target.IP4, "-p", "20-100", "--xml", file)
		return file
	}
	before, again := look("before.xml"), look("again.xml")
	p.Target.Firewall(t, "table inet path { \n chain in { type filter hook input priority 0; tcp dport 53 accept; tcp dport != { 22, 80, 443 } drop; }\n}\n")
	after := look("after.xml")
	if lines := differences(t, before, again); len(lines) > 0 {
		t.Errorf("of two looks at the same it tells %q", lines)
	}
	lines := differences(t, before, after)
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "+53/tcp open") {
		t.Errorf("of the door that was opened it tells %q", lines)
	}
}

// differences are the lines about ports that ndiff marks as of one file alone.
func differences(t *testing.T, a, b string) (lines []string) {
	t.Helper()
	path, err := lab.Find("ndiff")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, a, b)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	// 1 is "they differ", and the times of the looks do that already.
	if exit := new(exec.ExitError); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		t.Fatalf("ndiff: %v: %s", err, stderr.Bytes())
	}
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); strings.Contains(line, "/tcp") && (line[0] == '+' || line[0] == '-') {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	slices.Sort(lines)
	return lines
}
