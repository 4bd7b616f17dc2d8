package portvigil

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns s safe for one line of a terminal, a log, a plain-text mail
// or a CSV cell: what a scanned host sent can neither move the cursor, start a
// new line, nor turn the direction of the text around it.
//
// Control characters (C0, DEL, C1) and bytes that are no UTF-8 become \xNN;
// format characters (bidirectional controls, zero-width and tag characters),
// line and paragraph separators, private, unassigned and invisible code points
// become \u{N}. Everything else stays as it is, the backslash too, so that a
// path reads as its owner wrote it: the form is for reading, not for decoding.
// Applying it twice changes nothing.
//
// HTML, Slack and JSON have their own escapers, which come after this one.
func Printable(s string) string {
	first := firstUnprintable(s)
	if first < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	b.WriteString(s[:first])
	for rest := s[first:]; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, rest[0])
		case unicode.IsControl(r): // U+0000 to U+001F and U+007F to U+009F
			fmt.Fprintf(&b, `\x%02x`, r)
		case !shown(r):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
		rest = rest[size:]
	}
	return b.String()
}

// mostQuoted is how many bytes of a text an error quotes: enough to know it again.
const mostQuoted = 100

// Quoted returns a text as an error quotes it: printable, between quotes, and of a long
// one the beginning.
func Quoted(s string) string {
	if len(s) <= mostQuoted {
		return `"` + Printable(s) + `"`
	}
	end := mostQuoted
	for end > mostQuoted-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return `"` + Printable(s[:end]) + `…"`
}

// firstUnprintable returns where the first thing to escape begins, -1 for
// nowhere: nearly all texts need no copy.
func firstUnprintable(s string) int {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || !shown(r) {
			return i
		}
		i += size
	}
	return -1
}

// shown reports whether the character leaves a mark or a plain space and
// nothing else. IsGraphic leaves out the categories Cc, Cf, Co, Cs, Cn, Zl and
// Zp; the two properties name what is graphic by category, yet invisible (the
// Hangul fillers, variation selectors).
func shown(r rune) bool {
	return unicode.IsGraphic(r) &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
