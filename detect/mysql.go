package detect

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/portvigil/portvigil"
)

// mysqlProtocol: the server sends the first packet, "Initial Handshake Packet"
// in MySQL's and MariaDB's protocol documents:
//
//	length 3 (LE)  sequence 1 (0)  0a  version … 00  thread 4  salt 8  00 …
//	length 3 (LE)  sequence 1 (0)  ff  code 2 (LE)  [# state 5]  message …
//
// Nothing is ever sent to it: any answer would be the beginning of a login.
func mysqlProtocol() *protocol {
	return &protocol{name: "mysql", plain: []uint16{3306, 3307}, greets: true, read: readMySQL}
}

// mysqlPacketLength returns the length of the first packet with its header, and
// whether the bytes look like one at all.
func mysqlPacketLength(b []byte) (int, bool) {
	if len(b) < 5 || b[2] != 0 || b[3] != 0 || b[4] != 0x0a && b[4] != 0xff {
		return 0, false
	}
	n := int(b[0]) | int(b[1])<<8
	return n + 4, n >= 4 && n <= 1024
}

func readMySQL(b []byte, _ uint16) (reading, bool) {
	n, ok := mysqlPacketLength(b)
	if !ok || len(b) < n {
		return reading{}, false
	}
	payload := b[4:n]
	if payload[0] == 0xff {
		return readMySQLRefusal(payload[1:])
	}
	text, rest, ok := bytes.Cut(payload[1:], []byte{0})
	// Thread id, salt and the zero after it are there in every version of it.
	if !ok || len(rest) < 4+8+1 || rest[4+8] != 0 || version(strings.ReplaceAll(string(text), " ", "")) == "" {
		return reading{}, false
	}
	r := named("mysql", "mysql: handshake packet")
	mysqlVersion(string(text), &r)
	return r, true
}

// readMySQLRefusal reads an error packet: a server that refuses the scanner's
// address says who it is in the message.
func readMySQLRefusal(b []byte) (reading, bool) {
	if len(b) < 2 {
		return reading{}, false
	}
	code, message := int(b[0])|int(b[1])<<8, string(b[2:])
	if len(message) > 6 && message[0] == '#' {
		message = message[6:]
	}
	// 1040 too many connections, 1129 blocked host, 1130 host not allowed:
	// those that come in place of the handshake (mysqld_error.h).
	if code != 1040 && code != 1129 && code != 1130 {
		return reading{}, false
	}
	r := named("mysql", "mysql: refusal")
	switch {
	case strings.HasSuffix(message, "to connect to this MariaDB server"), strings.Contains(message, "mariadb-admin"):
		r.service.Product, r.service.Confidence = "MariaDB", sureByWording
		r.service.CPE = cpes("", "", maker{"mariadb", "mariadb"})
	case strings.HasSuffix(message, "to connect to this MySQL server"):
		r.service.Product, r.service.Confidence = "MySQL", sureByWording
		r.service.CPE = cpes("", "", maker{"oracle", "mysql"})
	}
	return r, true
}

var (
	// mariaDBVersion: MariaDB before 11 put 5.5.5- in front, for replicas that
	// took a first digit above 9 for an older protocol.
	mariaDBVersion = regexp.MustCompile(`^(?:5\.5\.5-)?(\d{1,3}\.\d{1,3}\.\d{1,3})-MariaDB(?:-(.*))?$`)
	// oracleVersion: builds by other houses add words of their own, and are not
	// taken for Oracle's.
	oracleVersion = regexp.MustCompile(`^(\d{1,3}\.\d{1,3}\.\d{1,3})(?:-(\d{1,3}ubuntu[0-9.]{1,20}))?(?:-(?:log|debug|cll|commercial|enterprise-commercial-advanced))*$`)
	tiDBVersion   = regexp.MustCompile(`^\d\.\d{1,3}\.\d{1,3}-TiDB-v?(\d{1,3}\.\d{1,3}\.\d{1,3})`)
	// debianLike is a revision of the distribution itself; archives of mariadb.org
	// write 1:10.11.6+maria~deb12 or ubu2404.
	debianLike = regexp.MustCompile(`^\d{1,3}(?:ubuntu[0-9.]{1,20}|(?:\.\d)?\+(?:deb\d{1,2}u\d{1,3}|b\d))?$`)
)

// mysqlVersion fills product, version and package from the handshake's text.
func mysqlVersion(text string, r *reading) {
	s := &r.service
	if m := mariaDBVersion.FindStringSubmatch(text); m != nil {
		r.rule, s.Product, s.Version, s.Confidence = "mysql: MariaDB's handshake", "MariaDB", m[1], sureByBanner
		s.CPE = cpes(m[1], "", maker{"mariadb", "mariadb"})
		s.Package = mariaDBPackage(m[1], strings.TrimSuffix(m[2], "-log"))
		return
	}
	if m := tiDBVersion.FindStringSubmatch(text); m != nil {
		r.rule, s.Product, s.Version, s.Confidence = "mysql: TiDB's handshake", "TiDB", m[1], sureByBanner
		s.CPE = cpes(m[1], "", maker{"pingcap", "tidb"})
		return
	}
	m := oracleVersion.FindStringSubmatch(text)
	if m == nil {
		return
	}
	r.rule, s.Product, s.Version, s.Confidence = "mysql: MySQL's handshake", "MySQL", m[1], sureByBanner
	s.CPE = cpes(m[1], "", maker{"oracle", "mysql"})
	if m[2] != "" {
		series := m[1][:strings.LastIndexByte(m[1], '.')]
		s.Package = &portvigil.Package{Distro: "ubuntu", Release: ubuntuRelease(m[2]), Name: "mysql-server-" + series,
			Source: "mysql-" + series, Version: m[1] + "-" + m[2]}
	}
}

// mariaDBPackage returns the distribution's package. Until Debian 11 and Ubuntu
// 22.04 the packages carried the series in their names; the epoch is 1 in all.
func mariaDBPackage(number, revision string) *portvigil.Package {
	if !debianLike.MatchString(revision) {
		return nil
	}
	p := &portvigil.Package{Distro: "debian", Release: debianRelease(revision), Version: "1:" + number + "-" + revision}
	if strings.Contains(revision, "ubuntu") {
		p.Distro, p.Release = "ubuntu", ubuntuRelease(revision)
	}
	if p.Release == "" {
		return nil // without the release the name of the source would be a guess
	}
	p.Name, p.Source = "mariadb-server", "mariadb"
	switch p.Release {
	case "stretch", "buster", "bullseye", "bionic", "focal", "jammy":
		series := number[:strings.LastIndexByte(number, '.')]
		p.Name, p.Source = p.Name+"-"+series, p.Source+"-"+series
	}
	return p
}
