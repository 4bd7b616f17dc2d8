package detect

import (
	"regexp"
	"strings"
)

// pop3Protocol: RFC 1939 section 4: "+OK text".
func pop3Protocol() *protocol {
	return &protocol{name: "pop3", plain: []uint16{110}, secure: []uint16{995}, greets: true, read: readPOP3}
}

// pop3Servers are the greetings of known servers.
var pop3Servers = []*banner{
	{product: "Dovecot", pattern: regexp.MustCompile(`^Dovecot\b.* ready`), makers: []maker{{"dovecot", "dovecot"}}},
	{product: "Courier POP3", pattern: regexp.MustCompile(`^Hello there\.`)},
	{product: "Cyrus IMAP", pattern: regexp.MustCompile(`\bCyrus POP3 v?(\d[0-9.]*)`), makers: []maker{{"cyrus", "imap"}}},
	{product: "Microsoft Exchange", pattern: regexp.MustCompile(`\bMicrosoft Exchange POP3 service\b`)},
}

func readPOP3(b []byte, port uint16) (reading, bool) {
	text, ok := strings.CutPrefix(firstLine(b[:min(len(b), maxBanner)]), "+OK")
	if !ok || text != "" && text[0] != ' ' {
		return reading{}, false
	}
	text = strings.TrimSpace(text)
	if r, ok := recognise("pop3", text, pop3Servers); ok {
		return r, true
	}
	if strings.Contains(text, "POP3") || pop3Protocol().usual(port, false) || pop3Protocol().usual(port, true) {
		return named("pop3", "pop3: greeting"), true
	}
	return reading{}, false
}
