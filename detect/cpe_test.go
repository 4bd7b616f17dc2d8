package detect

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCPE(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, got, want string }{
		{"version and update", cpe("openbsd", "openssh", "9.2", "p1"), "cpe:2.3:a:openbsd:openssh:9.2:p1:*:*:*:*:*:*"},
		{"no version is any", cpe("f5", "nginx", "", ""), "cpe:2.3:a:f5:nginx:*:*:*:*:*:*:*:*"},
		{"what would separate is escaped", cpe("a", "b", "1:2+x~y", "-"), `cpe:2.3:a:a:b:1\:2\+x\~y:\-:*:*:*:*:*:*`},
		{"case and spaces", cpe("A", "B C", "1.0RC1", ""), "cpe:2.3:a:a:b_c:1.0rc1:*:*:*:*:*:*:*"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, c.got, c.want)
		}
	}
}

func TestACPENameHasThirteenComponents(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String()
		name := cpe(s.Draw(t, "vendor"), s.Draw(t, "product"), s.Draw(t, "version"), s.Draw(t, "update"))
		bare := strings.NewReplacer(`\\`, "", `\:`, "").Replace(name)
		if n := strings.Count(bare, ":"); n != 12 {
			t.Fatalf("%q has %d separators, want 12", name, n)
		}
	})
}

func TestALineIsCleanAndBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 50).Draw(t, "limit")
		got := line(string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")), limit)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > limit || strings.TrimSpace(got) != got || strings.Contains(got, "  ") {
			t.Fatalf("line %q is not clean within %d runes", got, limit)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("line %q has %U", got, r)
			}
		}
	})
}
