package portvigil

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, in, want string }{
		{"an empty string stays empty", "", ""},
		{"plain text stays", "OpenSSH 9.2p1 Debian-2+deb12u3", "OpenSSH 9.2p1 Debian-2+deb12u3"},
		{"letters of any script, marks and symbols stay", "Größe 東京 Ελ עברית ✓ €\u3000x", "Größe 東京 Ελ עברית ✓ €\u3000x"},
		{"a backslash stays", `C:\x41 \\host`, `C:\x41 \\host`},
		{"the replacement character itself stays", "a\ufffdb", "a\ufffdb"},
		{"a terminal code is shown", "\x1b[2J\x1b]0;owned\x07", `\x1b[2J\x1b]0;owned\x07`},
		{"line ends and tabs are shown", "a\r\nBcc: b\tc", `a\x0d\x0aBcc: b\x09c`},
		{"nul and delete are shown", "a\x00b\x7f", `a\x00b\x7f`},
		{"the one-character CSI of C1 is shown", "\u009b31m", `\x9b31m`},
		{"bytes that are no UTF-8 are shown", "a\xff\xc3(\xe2\x82", `a\xff\xc3(\xe2\x82`},
		{"an override of the direction is shown", "user\u202egnp.exe", `user\u{202e}gnp.exe`},
		{"isolates and marks of direction are shown", "\u2066\u2069\u200f\u061c", `\u{2066}\u{2069}\u{200f}\u{61c}`},
		{"zero-width characters are shown", "pay\u200bpal\ufeff", `pay\u{200b}pal\u{feff}`},
		{"line and paragraph separators are shown", "a\u2028b\u2029", `a\u{2028}b\u{2029}`},
		{"a filler that looks like nothing is shown", "\u3164\ufe0f\U000e0041", `\u{3164}\u{fe0f}\u{e0041}`},
		{"private characters are shown", "\ue000", `\u{e000}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := Printable(tc.in); got != tc.want {
				t.Errorf("Printable(%q) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}

// FuzzPrintable holds the laws: the result is valid UTF-8 of shown characters
// only, escaping is done once, and a text that needs none is returned as it is.
func FuzzPrintable(f *testing.F) {
	for _, s := range []string{"", "web1", "\x1b[0m", "\xff", "a\u202eb", "\u009b", "\\x1b", "\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Printable(s)
		if !utf8.ValidString(got) {
			t.Fatalf("Printable(%q) = %q, which is no UTF-8", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
				t.Fatalf("Printable(%q) = %q, which holds %U", s, got, r)
			}
		}
		if twice := Printable(got); twice != got {
			t.Fatalf("Printable(%q) = %q, and again %q", s, got, twice)
		}
		if len(got) < len(s) {
			t.Fatalf("Printable(%q) = %q lost bytes", s, got)
		}
		clean := utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !shown(r) }) < 0
		if clean != (got == s) {
			t.Fatalf("Printable(%q) = %q", s, got)
		}
	})
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                           {"", `""`},
		"what a path is":                    {`C:\x`, `"C:\x"`},
		"what would steer a terminal":       {"a\x1b[2J\n", `"a\x1b[2J\x0a"`},
		"as long as may be":                 {strings.Repeat("x", 100), `"` + strings.Repeat("x", 100) + `"`},
		"a long one, by its beginning":      {strings.Repeat("x", 101), `"` + strings.Repeat("x", 100) + `…"`},
		"one that is cut within a letter":   {strings.Repeat("x", 99) + "ü", `"` + strings.Repeat("x", 99) + `…"`},
		"a long one that is no text at all": {strings.Repeat("\xff", 101), `"` + strings.Repeat(`\xff`, 100) + `…"`},
	} {
		if got := Quoted(c.text); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
