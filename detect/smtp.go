package detect

import (
	"regexp"
	"strings"

	"github.com/portvigil/portvigil"
)

// smtpProtocol: RFC 5321 section 4.2: "220 domain text" or "220-domain text",
// or 554 from a server that serves nobody now. Nothing is sent to it.
func smtpProtocol() *protocol {
	return &protocol{name: "smtp", plain: []uint16{25, 465, 587, 2525}, secure: []uint16{465},
		greets: true, read: readSMTP}
}

// smtpServers are the greetings of known servers, after "220 domain ".
var smtpServers = []*banner{
	{product: "Postfix", pattern: regexp.MustCompile(`\bE?SMTP Postfix\b(?: (\d[0-9.]*))?`), makers: []maker{{"postfix", "postfix"}}},
	{product: "Exim", pattern: regexp.MustCompile(`\bE?SMTP Exim (\d[0-9A-Za-z._+-]*)`), makers: []maker{{"exim", "exim"}}},
	{product: "Sendmail", pattern: regexp.MustCompile(`\bE?SMTP Sendmail (\d[0-9.]*)[/;]`), makers: []maker{{"proofpoint", "sendmail"}}},
	{product: "OpenSMTPD", pattern: regexp.MustCompile(`\bE?SMTP OpenSMTPD\b`), makers: []maker{{"opensmtpd", "opensmtpd"}}},
	{product: "Microsoft Exchange", pattern: regexp.MustCompile(`\bMicrosoft ESMTP MAIL Service ready\b`), makers: nil},
	{product: "Microsoft SMTP Service", pattern: regexp.MustCompile(`\bMicrosoft ESMTP MAIL Service, Version: (\d[0-9.]*)`), makers: nil},
	{product: "Haraka", pattern: regexp.MustCompile(`\bE?SMTP Haraka/?(\d[0-9.]*)?`), makers: nil},
}

// sendmailDebian is the revision that Debian's build adds: 8.17.1.9/Debian-2.
var sendmailDebian = regexp.MustCompile(`Sendmail (\d[0-9.]{0,20})/[^/; ]{1,30}/Debian-(\d[0-9A-Za-z.+~]{0,30});`)

func readSMTP(b []byte, port uint16) (reading, bool) {
	text, ok := replyText(b, "220", "421", "554")
	if !ok {
		return reading{}, false
	}
	if r, ok := recognise("smtp", text, smtpServers); ok {
		if m := sendmailDebian.FindStringSubmatch(text); m != nil {
			r.service.Package = &portvigil.Package{Distro: "debian", Release: debianRelease(m[2]), Name: "sendmail-bin",
				Source: "sendmail", Version: m[1] + "-" + m[2]}
		}
		return r, true
	}
	// FTP greets with 220 too; a server that names the protocol is believed,
	// one that does not is known by its port.
	if !strings.Contains(text, "FTP") && (strings.Contains(text, "SMTP") || smtpProtocol().usual(port, false)) {
		return named("smtp", "smtp: greeting"), true
	}
	return reading{}, false
}
