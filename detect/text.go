package detect

import (
	"regexp"
	"strings"
	"unicode"
)

// The most that is taken from a peer into one field. Banners of real daemons
// stay below a third of these.
const (
	maxBanner  = 2 << 10 // bytes
	maxWord    = 64      // bytes of a product or version
	maxTitle   = 200     // runes
	maxSubject = 300     // runes of a certificate's subject or issuer
)

// shortText is a product's name as makers write them.
var shortText = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._+/()-]*$`)

// versionText is a version as makers and distributions write them.
var versionText = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+~:_-]*$`)

// product returns s where it can be the name of a product, else "".
func product(s string) string {
	if len(s) > maxWord || !shortText.MatchString(s) {
		return ""
	}
	return strings.TrimRight(s, " ")
}

// version returns s where it can be a version, which has a digit, else "".
func version(s string) string {
	if len(s) > maxWord || !versionText.MatchString(s) || !strings.ContainsAny(s, "0123456789") {
		return ""
	}
	return s
}

// line makes one line for people of what a peer wrote: valid UTF-8 of printable
// characters, white space collapsed, at most limit runes.
func line(s string, limit int) string {
	// A rune has at most four bytes, and collapsing white space rarely matters.
	if len(s) > 16*limit {
		s = s[:16*limit]
	}
	var b strings.Builder
	runes, gap := 0, false
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case unicode.IsSpace(r):
			gap = runes > 0
			continue
		case !unicode.IsPrint(r):
			continue
		}
		if gap {
			if runes+1 >= limit {
				break
			}
			b.WriteByte(' ')
			runes++
			gap = false
		}
		if runes >= limit {
			break
		}
		b.WriteRune(r)
		runes++
	}
	return b.String()
}

// firstLine returns the text before the first line end, without it.
func firstLine(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimRight(s, "\r")
}
