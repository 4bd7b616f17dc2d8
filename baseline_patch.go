package portvigil

import (
	"bytes"
	"fmt"
	"strings"
)

// patchContext is how many lines a patch shows around what changes.
const patchContext = 3

// BaselinePatch writes what changes in a file as git and patch read it: a
// unified diff with one hunk, from the first line that differs to the last. It is
// "" where nothing changes. A file that is not there yet has no lines.
func BaselinePatch(path string, before, after []byte) string {
	if bytes.Equal(before, after) {
		return ""
	}
	old, now := linesOf(before), linesOf(after)
	first := 0
	for first < len(old) && first < len(now) && old[first] == now[first] {
		first++
	}
	last := 0
	for last < len(old)-first && last < len(now)-first && old[len(old)-1-last] == now[len(now)-1-last] {
		last++
	}
	from, tail := max(first-patchContext, 0), min(last, patchContext)
	var b strings.Builder
	if len(old) == 0 {
		fmt.Fprintf(&b, "--- /dev/null\n+++ b/%s\n", path)
	} else {
		fmt.Fprintf(&b, "--- a/%s\n+++ b/%s\n", path, path)
	}
	oldEnd, nowEnd := len(old)-last, len(now)-last
	fmt.Fprintf(&b, "@@ -%s +%s @@\n", hunkOf(from, oldEnd+tail-from), hunkOf(from, nowEnd+tail-from))
	write := func(mark string, lines []string) {
		for _, line := range lines {
			b.WriteString(mark + line)
			if !strings.HasSuffix(line, "\n") {
				b.WriteString("\n\\ No newline at end of file\n")
			}
		}
	}
	write(" ", old[from:first])
	write("-", old[first:oldEnd])
	write("+", now[first:nowEnd])
	write(" ", old[oldEnd:oldEnd+tail])
	return b.String()
}

// hunkOf writes a range as diff does: an empty one names the line before it.
func hunkOf(from, lines int) string {
	if lines == 0 {
		return fmt.Sprintf("%d,0", from)
	}
	return fmt.Sprintf("%d,%d", from+1, lines)
}

func linesOf(text []byte) (list []string) {
	for line := range bytes.Lines(text) {
		list = append(list, string(line))
	}
	return list
}
