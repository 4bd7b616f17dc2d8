package detect

import (
	"testing"

	"github.com/portvigil/portvigil"
)

func mail(name, product, version string, makers ...maker) portvigil.Service {
	return portvigil.Service{Name: name, Product: product, Version: version, CPE: cpes(version, "", makers...), Confidence: sureByBanner}
}

func TestSMTP(t *testing.T) {
	t.Parallel()
	sendmail := mail("smtp", "Sendmail", "8.17.1.9", maker{"proofpoint", "sendmail"})
	sendmail.Package = &portvigil.Package{Distro: "debian", Release: "bookworm", Name: "sendmail-bin", Source: "sendmail", Version: "8.17.1.9-2+deb12u2"}
	unknown := portvigil.Service{Name: "smtp", Confidence: sureOfProtocol}
	checkExamples(t, []example{
		{name: "Postfix of Debian hides its version", answer: "220 mail.example.org ESMTP Postfix (Debian/GNU)\r\n", want: mail("smtp", "Postfix", "", maker{"postfix", "postfix"})},
		{name: "Postfix's teaser to those who do not wait", answer: "220-mail.example.org ESMTP Postfix\r\n", want: mail("smtp", "Postfix", "", maker{"postfix", "postfix"})},
		{name: "Exim", answer: "220 mx.example.org ESMTP Exim 4.96 Mon, 01 Jan 2024 00:00:00 +0000\r\n", want: mail("smtp", "Exim", "4.96", maker{"exim", "exim"})},
		{name: "Exim's security release", answer: "220 mx.example.org ESMTP Exim 4.97.1 Mon, 01 Jan 2024 00:00:00 +0000\r\n", want: mail("smtp", "Exim", "4.97.1", maker{"exim", "exim"})},
		{name: "Exim in several lines", answer: "220-mx.example.org ESMTP Exim 4.98 #2 Mon\r\n220-We do not authorize the use of this system\r\n220 and/or bulk e-mail.\r\n",
			want: mail("smtp", "Exim", "4.98", maker{"exim", "exim"})},
		{name: "Sendmail tells Debian's revision", answer: "220 a.example.org ESMTP Sendmail 8.17.1.9/8.17.1.9/Debian-2+deb12u2; Mon, 1 Jan 2024 00:00:00 GMT; (No UCE/UBE)\r\n", want: sendmail},
		{name: "OpenSMTPD", answer: "220 mx.example.org ESMTP OpenSMTPD\r\n", want: mail("smtp", "OpenSMTPD", "", maker{"opensmtpd", "opensmtpd"})},
		{name: "an unknown server says its protocol", answer: "220 mx.example.org ESMTP ready\r\n", want: unknown},
		{name: "a bare greeting is known by its port", port: 25, answer: "220 mx.example.org\r\n", want: unknown},
		{name: "a bare greeting at an odd port is nobody's", answer: "220 welcome\r\n", want: portvigil.Service{}},
	})
}

func TestFTP(t *testing.T) {
	t.Parallel()
	unknown := portvigil.Service{Name: "ftp", Confidence: sureOfProtocol}
	checkExamples(t, []example{
		{name: "vsftpd", answer: "220 (vsFTPd 3.0.3)\r\n", want: mail("ftp", "vsftpd", "3.0.3", maker{"vsftpd_project", "vsftpd"})},
		{name: "ProFTPD of Debian hides its version", answer: "220 ProFTPD Server (Debian) [::ffff:127.0.0.1]\r\n", want: mail("ftp", "ProFTPD", "", maker{"proftpd", "proftpd"})},
		{name: "ProFTPD with a version", answer: "220 ProFTPD 1.3.5e Server (Debian) [192.0.2.1]\r\n", want: mail("ftp", "ProFTPD", "1.3.5e", maker{"proftpd", "proftpd"})},
		{name: "Pure-FTPd", answer: "220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n220-You are user number 1 of 50 allowed.\r\n220 You will be disconnected after 15 minutes of inactivity.\r\n",
			want: mail("ftp", "Pure-FTPd", "", maker{"pureftpd", "pure-ftpd"})},
		{name: "FileZilla", answer: "220-FileZilla Server 1.8.1\r\n220 Please visit https://filezilla-project.org/\r\n", want: mail("ftp", "FileZilla Server", "1.8.1", maker{"filezilla-project", "filezilla_server"})},
		{name: "an unknown server says its protocol", answer: "220 FTP Server ready.\r\n", want: unknown},
		{name: "a bare greeting is known by its port", port: 21, answer: "220 welcome\r\n", want: unknown},
	})
}

func TestIMAPAndPOP3(t *testing.T) {
	t.Parallel()
	checkExamples(t, []example{
		{name: "Dovecot's IMAP", answer: "* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS] Dovecot (Debian) ready.\r\n", want: mail("imap", "Dovecot", "", maker{"dovecot", "dovecot"})},
		{name: "Cyrus tells its version", answer: "* OK [CAPABILITY IMAP4rev1 LITERAL+ ID] mail Cyrus IMAP 3.6.1-Debian-3.6.1-4+deb12u2 server ready\r\n", want: mail("imap", "Cyrus IMAP", "3.6.1", maker{"cyrus", "imap"})},
		{name: "Courier", answer: "* OK [CAPABILITY IMAP4rev1] Courier-IMAP ready. Copyright 1998-2022 Double Precision, Inc.\r\n", want: mail("imap", "Courier IMAP", "")},
		{name: "an untagged OK at an odd port is nobody's", answer: "* OK hello\r\n", want: portvigil.Service{}},
		{name: "Dovecot's POP3", answer: "+OK Dovecot (Debian) ready.\r\n", want: mail("pop3", "Dovecot", "", maker{"dovecot", "dovecot"})},
		{name: "POP3 is known by its port", port: 110, answer: "+OK ready <1896.697170952@dbc.example>\r\n", want: portvigil.Service{Name: "pop3", Confidence: sureOfProtocol}},
		{name: "an OK at an odd port is nobody's", answer: "+OK\r\n", want: portvigil.Service{}},
	})
}
