package web

import (
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/portvigil/portvigil"
)

// maxDiff bounds the lines of a difference on a page.
const maxDiff = 2000

// diffLine is a line of a difference. Mark is "+", "-" or " ", and "@" for where
// it is.
type diffLine struct{ Mark, Text string }

// Class is the class of the line.
func (l diffLine) Class() string {
	switch l.Mark {
	case "+":
		return "add"
	case "-":
		return "cut"
	case "@":
		return "meta"
	}
	return ""
}

// difference is what changes from one text to another, with some lines around it.
func difference(before, after string) some[diffLine] {
	text := diff.Diff("before", []byte(before), "after", []byte(after))
	var lines []diffLine
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if i < 3 || line == "" { // names of the files
			continue
		}
		lines = append(lines, diffLine{line[:1], shown(strings.TrimSuffix(line[1:], "\r"))})
	}
	return first(lines, maxDiff)
}

// patchLines is a patch as a page has it: each line fit to be shown.
func patchLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = portvigil.Printable(strings.TrimSuffix(line, "\r"))
	}
	return strings.Join(lines, "\n")
}
