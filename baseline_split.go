package portvigil

import (
	"bytes"
	"regexp"
)

// documentMark is the line that parts documents; at the start of a line it is
// nothing else, also within a block of text (YAML 1.2.2, section 9.1.2).
var documentMark = regexp.MustCompile(`(?m)^---(?:[ \t].*)?\r?$`)

// SplitBaseline parts a baseline file into its documents, each as it is
// written, for a server that keeps one text a host or group. Errors are those
// of ParseBaseline.
func SplitBaseline(name string, text []byte) ([]BaselineVersion, error) {
	docs, err := ParseBaseline(name, text)
	if err != nil {
		return nil, err
	}
	var parts [][]byte
	from := 0
	for _, mark := range documentMark.FindAllIndex(text, -1) {
		parts = append(parts, text[from:mark[0]])
		from = min(mark[1]+1, len(text))
	}
	parts = append(parts, text[from:])
	var list []BaselineVersion
	for _, part := range parts {
		if len(bytes.TrimSpace(part)) == 0 {
			continue
		}
		own, err := ParseBaseline(name, part)
		if err != nil {
			if len(list) == len(docs) || !hasContent(part) {
				continue // comments only
			}
			return nil, err
		}
		for _, d := range own {
			v := BaselineVersion{Kind: "host", Name: d.Host, Text: string(part)}
			if d.Group != "" {
				v.Kind, v.Name = "group", d.Group
			}
			list = append(list, v)
		}
	}
	return list, nil
}

// hasContent reports whether a line says anything but a comment.
func hasContent(part []byte) bool {
	for line := range bytes.Lines(part) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return true
		}
	}
	return false
}
