package detect

import (
	"regexp"
	"strings"
)

// imapProtocol: RFC 9051 section 7.1: an untagged OK, PREAUTH or BYE.
func imapProtocol() *protocol {
	return &protocol{name: "imap", plain: []uint16{143}, secure: []uint16{993}, greets: true, read: readIMAP}
}

// imapServers are the greetings of known servers.
var imapServers = []*banner{
	{product: "Dovecot", pattern: regexp.MustCompile(`\bDovecot\b.* ready`), makers: []maker{{"dovecot", "dovecot"}}},
	{product: "Courier IMAP", pattern: regexp.MustCompile(`\bCourier-IMAP ready\b`)},
	{product: "Cyrus IMAP", pattern: regexp.MustCompile(`\bCyrus IMAP v?(\d[0-9.]*)`), makers: []maker{{"cyrus", "imap"}}},
	{product: "Microsoft Exchange", pattern: regexp.MustCompile(`\bMicrosoft Exchange IMAP4 service\b`)},
}

func readIMAP(b []byte, port uint16) (reading, bool) {
	text := firstLine(b[:min(len(b), maxBanner)])
	if !strings.HasPrefix(text, "* OK") && !strings.HasPrefix(text, "* PREAUTH") && !strings.HasPrefix(text, "* BYE") {
		return reading{}, false
	}
	if r, ok := recognise("imap", text, imapServers); ok {
		return r, true
	}
	if strings.Contains(strings.ToUpper(text), "IMAP") || imapProtocol().usual(port, false) || imapProtocol().usual(port, true) {
		return named("imap", "imap: greeting"), true
	}
	return reading{}, false
}
