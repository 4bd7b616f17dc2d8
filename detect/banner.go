package detect

import (
	"regexp"
	"strings"

	"github.com/portvigil/portvigil"
)

// banner is how one product greets in a protocol of text lines.
type banner struct {
	product string
	// pattern recognises the greeting; its first group, where there is one, is
	// the version.
	pattern *regexp.Regexp
	makers  []maker // for CPE; nil where the dictionary has none that is sure
}

// recognise returns the reading of the first banner whose pattern matches.
func recognise(name, text string, known []*banner) (reading, bool) {
	for _, k := range known {
		m := k.pattern.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		s := portvigil.Service{Name: name, Product: k.product, Confidence: sureByBanner}
		if len(m) > 1 {
			s.Version = version(strings.TrimRight(m[1], ".-"))
		}
		s.CPE = cpes(s.Version, "", k.makers...)
		return reading{s, name + ": " + k.product}, true
	}
	return reading{}, false
}

// replyText returns the text of a reply as SMTP and FTP have it, if it has one
// of the codes: "220 text" or lines of "220-text". All lines are joined by a
// space, the codes left out.
func replyText(b []byte, codes ...string) (string, bool) {
	var lines []string
	for text := range strings.Lines(string(b[:min(len(b), maxBanner)])) {
		text = strings.TrimRight(text, "\r\n")
		if len(lines) > 0 && (len(text) < 4 || text[:3] != string(b[:3])) {
			lines = append(lines, text) // FTP: lines between need no code
			continue
		}
		if !hasCode(text, codes) {
			return "", false
		}
		lines = append(lines, strings.TrimLeft(text[3:], " -"))
	}
	return strings.Join(lines, " "), len(lines) > 0
}

// hasCode reports whether the line is a reply with one of the codes.
func hasCode(text string, codes []string) bool {
	for _, code := range codes {
		if rest, ok := strings.CutPrefix(text, code); ok && rest != "" && (rest[0] == ' ' || rest[0] == '-') {
			return true
		}
	}
	return false
}
