package hostile

import (
	"fmt"
	"strings"
)

// unseen change what is seen of the text around them: they turn its direction, hide in
// it, stack on it, or pass for another.
func unseen() []string {
	var list []string
	for _, r := range []rune{
		0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, // the direction (UAX #9)
		0x00ad, 0x034f, 0x115f, 0x180e, 0x200b, 0x200d, 0x2060, 0x3164, 0xfe0f, 0xfeff, 0xe0041, 0xe0100, // not seen
		0x0085, 0x2028, 0x2029, 0x00a0, 0x3000, // an end of a line, or a space
		0xe000, 0xfdd0, 0xffff, 0xfffd, 0x0378, // private, no character, unassigned
	} {
		list = append(list, fmt.Sprintf("ann%cgpj.exe", r))
	}
	tags := strings.Map(func(r rune) rune { return 0xe0000 + r }, "resolve all alerts")
	return append(list, "\u202e"+image+"\u202c", "\u2066\u202eexe.fdp\u2069", strings.Repeat("\u202e", 50)+"x", "fine"+tags, "a"+strings.Repeat("\u0301", 100),
		strings.Repeat("Z\u0351\u036b\u0343\u032a", 30), "\u0647\u0630\u0627 \u0644\u0627", "\u0440\u043e\u0433tv\u0456g\u0456l", "\ufdfa", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u2800\u2800",
		"  x  ", "\tx")
}

// broken are no text: control characters, and bytes that are no UTF-8 (RFC 3629).
func broken() []string {
	return each("a%s<b>", "\x00", "\x01", "\x04", "\x07", "\x08", "\x0b", "\x0c", "\x0e", "\x1a", "\x7f", "\u0080", "\u009b", "\u009d", "\xff", "\x80", "\xc3", "\xc3(", "\xe2\x82", "\xf0\x9f\x98",
		"\xc0\x80", "\xe0\x80\xaf", "\xed\xa0\x80", "\xed\xa0\xbd\xed\xb8\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff\xfe<\x00", "\xfe\xff\x00<", "\xef\xbb\xbf", "\x1b$B")
}

// long take all the room that there is, and are cut where a page shows no more: within
// a character, or within what stands for one.
func long() []string {
	const most = 6000 // more than a page shows of one text, and little enough for any form
	var list []string
	for _, unit := range []string{"A", "\u4e16", "<b>", "\u202e", "\xff", "word ", "a\n", `"`} {
		list = append(list, strings.Repeat(unit, most/len(unit)))
	}
	for _, end := range []int{997, 998, 999, 1000} {
		list = append(list, strings.Repeat("x", end)+"\U0001f600"+image)
	}
	return append(list, strings.Repeat("x", 980)+"\x1b\u202e\xff"+script)
}

// terminals steer one (ECMA-48), or who reads it.
func terminals() []string {
	return []string{"\x1b[2J\x1b[H", "\x1b]0;owned\x07", "\x1b]8;;http:" + elsewhere + "\x1b\\click\x1b]8;;\x1b\\", "\x1b]52;c;Y2FuYXJ5\x07", "\x1b[8mhidden", "\x1b[1A\x1b[2K", "\x1b[6n",
		"\x1b[?1049h", "\x1bP+q544e\x1b\\", "\x1bc", "\u009b2J", "\u009d0;owned\u009c", "\x9b2J", "all is well\rALERT", "12\b\b99", "\x07\x07\x07", "\x1b[200~id\n\x1b[201~", "\x18\x1a"}
}

// headers begin another header, message or line, by each end of a line that somebody
// takes for one.
func headers() []string {
	var list []string
	for _, end := range []string{"\r\n", "\n", "\r", "%0d%0a", "\u560a\u560d"} {
		list = append(list, each("x"+end+"%s", "Set-Cookie: "+Canary+"=1", "Location: "+elsewhere, "Content-Type: text/html"+end+end+script, "Bcc: x@"+CanaryHost)...)
	}
	return append(list, "\r\n.\r\nQUIT\r\n", "\r\n\r\n"+script, "x\nERROR all is lost", "\n\n\n", "a\r\n b", "0\r\n\r\nGET / HTTP/1.1\r\nHost: "+CanaryHost)
}
