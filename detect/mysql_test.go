package detect

import (
	"testing"

	"github.com/portvigil/portvigil"
)

// handshake is the first packet as MariaDB 10.11 sends it, but for the text.
func handshake(text string) string {
	payload := "\x0a" + text + "\x00\x05\x00\x00\x00abcdefgh\x00\xfe\xf7\x2d\x02\x00\xff\x81\x15\x00\x00\x00\x00\x00\x00\x1d\x00\x00\x00" +
		"ijklmnopqrst\x00mysql_native_password\x00"
	return string([]byte{byte(len(payload)), 0, 0, 0}) + payload
}

// refusal is an error packet in place of the handshake.
func refusal(code int, message string) string {
	payload := "\xff" + string([]byte{byte(code), byte(code >> 8)}) + message
	return string([]byte{byte(len(payload)), 0, 0, 0}) + payload
}

func mariadb(version string, p *portvigil.Package) portvigil.Service {
	return portvigil.Service{Name: "mysql", Product: "MariaDB", Version: version,
		CPE: []string{"cpe:2.3:a:mariadb:mariadb:" + version + ":*:*:*:*:*:*:*"}, Package: p, Confidence: sureByBanner}
}

func mysql(version string, p *portvigil.Package) portvigil.Service {
	return portvigil.Service{Name: "mysql", Product: "MySQL", Version: version,
		CPE: []string{"cpe:2.3:a:oracle:mysql:" + version + ":*:*:*:*:*:*:*"}, Package: p, Confidence: sureByBanner}
}

func TestMySQL(t *testing.T) {
	t.Parallel()
	unknown := portvigil.Service{Name: "mysql", Confidence: sureOfProtocol}
	checkExamples(t, []example{
		{name: "MariaDB of Debian 12", answer: handshake("5.5.5-10.11.6-MariaDB-0+deb12u1"),
			want: mariadb("10.11.6", &portvigil.Package{Distro: "debian", Release: "bookworm", Name: "mariadb-server", Source: "mariadb", Version: "1:10.11.6-0+deb12u1"})},
		{name: "MariaDB of Debian 11 carries its series in the name", answer: handshake("5.5.5-10.5.23-MariaDB-0+deb11u1-log"),
			want: mariadb("10.5.23", &portvigil.Package{Distro: "debian", Release: "bullseye", Name: "mariadb-server-10.5", Source: "mariadb-10.5", Version: "1:10.5.23-0+deb11u1"})},
		{name: "MariaDB of Ubuntu 20.04", answer: handshake("5.5.5-10.3.39-MariaDB-0ubuntu0.20.04.2"),
			want: mariadb("10.3.39", &portvigil.Package{Distro: "ubuntu", Release: "focal", Name: "mariadb-server-10.3", Source: "mariadb-10.3", Version: "1:10.3.39-0ubuntu0.20.04.2"})},
		{name: "mariadb.org's own packages are not the distribution's", answer: handshake("5.5.5-10.11.6-MariaDB-1:10.11.6+maria~deb12"), want: mariadb("10.11.6", nil)},
		{name: "a container's MariaDB 11 has no prefix", answer: handshake("11.4.2-MariaDB-ubu2404"), want: mariadb("11.4.2", nil)},
		{name: "MySQL of Ubuntu 22.04", answer: handshake("8.0.36-0ubuntu0.22.04.1"),
			want: mysql("8.0.36", &portvigil.Package{Distro: "ubuntu", Release: "jammy", Name: "mysql-server-8.0", Source: "mysql-8.0", Version: "8.0.36-0ubuntu0.22.04.1"})},
		{name: "Oracle's MySQL", answer: handshake("8.4.0"), want: mysql("8.4.0", nil)},
		{name: "MySQL with a log", answer: handshake("5.7.44-log"), want: mysql("5.7.44", nil)},
		{name: "another house's build is not taken for MySQL", answer: handshake("8.0.31-google"), want: unknown},
		{name: "TiDB's own version", answer: handshake("8.0.11-TiDB-v7.5.1"), want: portvigil.Service{Name: "mysql", Product: "TiDB", Version: "7.5.1",
			CPE: []string{"cpe:2.3:a:pingcap:tidb:7.5.1:*:*:*:*:*:*:*"}, Confidence: sureByBanner}},
		{name: "MariaDB refuses an address", answer: refusal(1130, "Host '10.99.0.1' is not allowed to connect to this MariaDB server"),
			want: portvigil.Service{Name: "mysql", Product: "MariaDB", CPE: []string{"cpe:2.3:a:mariadb:mariadb:*:*:*:*:*:*:*:*"}, Confidence: sureByWording}},
		{name: "MySQL refuses an address", answer: refusal(1130, "#HY000Host '10.99.0.1' is not allowed to connect to this MySQL server"),
			want: portvigil.Service{Name: "mysql", Product: "MySQL", CPE: []string{"cpe:2.3:a:oracle:mysql:*:*:*:*:*:*:*:*"}, Confidence: sureByWording}},
		{name: "too many connections tells no product", answer: refusal(1040, "#08004Too many connections"), want: unknown},
		{name: "terminal codes in a version are no handshake", answer: handshake("5.5.5-\x1b[2J-MariaDB"), want: portvigil.Service{}},
		{name: "half a handshake is none", answer: handshake("8.4.0")[:30], want: portvigil.Service{}},
	})
}
