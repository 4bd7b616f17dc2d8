package detect

import (
	"regexp"
	"strings"
)

// ftpProtocol: RFC 959 section 4.2: "220 text" or "220-text", 421 or 530 from
// a server that serves nobody now. Nothing is sent to it.
func ftpProtocol() *protocol {
	return &protocol{name: "ftp", plain: []uint16{21, 2121}, secure: []uint16{990}, greets: true, read: readFTP}
}

// ftpServers are the greetings of known servers.
var ftpServers = []*banner{
	{product: "vsftpd", pattern: regexp.MustCompile(`\(vsFTPd (\d[0-9.]*[a-z]?\d*)\)`), makers: []maker{{"vsftpd_project", "vsftpd"}}},
	{product: "ProFTPD", pattern: regexp.MustCompile(`^ProFTPD (\d[0-9.]*(?:rc\d+|[a-z])?) Server\b`), makers: []maker{{"proftpd", "proftpd"}}},
	{product: "ProFTPD", pattern: regexp.MustCompile(`^ProFTPD\b`), makers: []maker{{"proftpd", "proftpd"}}},
	{product: "Pure-FTPd", pattern: regexp.MustCompile(`\bWelcome to Pure-FTPd\b`), makers: []maker{{"pureftpd", "pure-ftpd"}}},
	{product: "FileZilla Server", pattern: regexp.MustCompile(`\bFileZilla Server (?:version )?(\d[0-9.]*)`), makers: []maker{{"filezilla-project", "filezilla_server"}}},
	{product: "Microsoft FTP Service", pattern: regexp.MustCompile(`^Microsoft FTP Service\b`)},
	{product: "pyftpdlib", pattern: regexp.MustCompile(`^pyftpdlib (\d[0-9.]*) ready`)},
}

func readFTP(b []byte, port uint16) (reading, bool) {
	text, ok := replyText(b, "220", "421", "530")
	if !ok {
		return reading{}, false
	}
	if r, ok := recognise("ftp", text, ftpServers); ok {
		return r, true
	}
	if strings.Contains(text, "FTP") && !strings.Contains(text, "SMTP") ||
		ftpProtocol().usual(port, false) || ftpProtocol().usual(port, true) {
		return named("ftp", "ftp: greeting"), true
	}
	return reading{}, false
}
