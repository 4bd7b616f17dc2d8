package detect

import (
	"testing"

	"github.com/portvigil/portvigil"
)

func openssh(version, cpeVersion string, p *portvigil.Package) portvigil.Service {
	return portvigil.Service{Name: "ssh", Product: "OpenSSH", Version: version,
		CPE: []string{"cpe:2.3:a:openbsd:openssh:" + cpeVersion + ":*:*:*:*:*:*"}, Package: p, Confidence: sureByBanner}
}

func opensshPackage(distro, release, version string) *portvigil.Package {
	return &portvigil.Package{Distro: distro, Release: release, Name: "openssh-server", Source: "openssh", Version: version}
}

func TestSSH(t *testing.T) {
	t.Parallel()
	checkExamples(t, []example{
		{name: "Debian 12 tells its package", answer: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
			want: openssh("9.2p1", "9.2:p1", opensshPackage("debian", "bookworm", "1:9.2p1-2+deb12u3"))},
		{name: "Debian 11 tells its package", answer: "SSH-2.0-OpenSSH_8.4p1 Debian-5+deb11u3\r\n",
			want: openssh("8.4p1", "8.4:p1", opensshPackage("debian", "bullseye", "1:8.4p1-5+deb11u3"))},
		{name: "a Debian package without an update tells no release", answer: "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
			want: openssh("9.2p1", "9.2:p1", opensshPackage("debian", "", "1:9.2p1-2"))},
		{name: "a backport is told as one", answer: "SSH-2.0-OpenSSH_9.9p1 Debian-3~bpo12+1\r\n",
			want: openssh("9.9p1", "9.9:p1", opensshPackage("debian", "bookworm-backports", "1:9.9p1-3~bpo12+1"))},
		{name: "Debian 13 packs 10.0p1, which calls itself 10.0p2", answer: "SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n",
			want: openssh("10.0p2", "10.0:p2", opensshPackage("debian", "", "1:10.0p1-7"))},
		{name: "Ubuntu 22.04", answer: "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.10\r\n",
			want: openssh("8.9p1", "8.9:p1", opensshPackage("ubuntu", "jammy", "1:8.9p1-3ubuntu0.10"))},
		{name: "Ubuntu 24.04", answer: "SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13.5\r\n",
			want: openssh("9.6p1", "9.6:p1", opensshPackage("ubuntu", "noble", "1:9.6p1-3ubuntu13.5"))},
		{name: "Ubuntu 14.04 packs 6.6p1, which calls itself 6.6.1p1", answer: "SSH-2.0-OpenSSH_6.6.1p1 Ubuntu-2ubuntu2.13\r\n",
			want: openssh("6.6.1p1", "6.6.1:p1", opensshPackage("ubuntu", "trusty", "1:6.6p1-2ubuntu2.13"))},
		{name: "Raspbian", answer: "SSH-2.0-OpenSSH_7.9p1 Raspbian-10+deb10u2\r\n",
			want: openssh("7.9p1", "7.9:p1", opensshPackage("raspbian", "buster", "1:7.9p1-10+deb10u2"))},
		{name: "Red Hat tells no package", answer: "SSH-2.0-OpenSSH_8.7\r\n", want: openssh("8.7", "8.7:*", nil)},
		{name: "FreeBSD's comment is no package", answer: "SSH-2.0-OpenSSH_9.3 FreeBSD-20230719\r\n", want: openssh("9.3", "9.3:*", nil)},
		{name: "a patched build keeps its version", answer: "SSH-2.0-OpenSSH_7.8p1-hpn14v16\r\n", want: openssh("7.8p1", "7.8:p1", nil)},
		{name: "lines before the identification", answer: "Authorised use only\r\nSSH-2.0-OpenSSH_9.6\r\n", want: openssh("9.6", "9.6:*", nil)},
		{name: "Windows has its own versions", answer: "SSH-2.0-OpenSSH_for_Windows_8.6\r\n",
			want: portvigil.Service{Name: "ssh", Product: "OpenSSH for Windows", Version: "8.6", Confidence: sureByOwnWords}},
		{name: "Dropbear", answer: "SSH-2.0-dropbear_2022.83\r\n", want: portvigil.Service{Name: "ssh", Product: "Dropbear", Version: "2022.83",
			CPE: []string{"cpe:2.3:a:dropbear_ssh_project:dropbear_ssh:2022.83:*:*:*:*:*:*:*"}, Confidence: sureByBanner}},
		{name: "Dropbear without a version", answer: "SSH-2.0-dropbear\r\n", want: portvigil.Service{Name: "ssh", Product: "Dropbear",
			CPE: []string{"cpe:2.3:a:dropbear_ssh_project:dropbear_ssh:*:*:*:*:*:*:*:*"}, Confidence: sureByBanner}},
		{name: "libssh", answer: "SSH-2.0-libssh_0.10.6\r\n", want: portvigil.Service{Name: "ssh", Product: "libssh", Version: "0.10.6",
			CPE: []string{"cpe:2.3:a:libssh:libssh:0.10.6:*:*:*:*:*:*:*"}, Confidence: sureByBanner}},
		{name: "Go's library has no version", answer: "SSH-2.0-Go\r\n", want: portvigil.Service{Name: "ssh", Product: "Go", Confidence: sureByOwnWords}},
		{name: "Cisco in its own words", answer: "SSH-1.99-Cisco-1.25\n", want: portvigil.Service{Name: "ssh", Product: "Cisco", Version: "1.25", Confidence: sureByOwnWords}},
		{name: "terminal codes are no product", answer: "SSH-2.0-\x1b[2J\x1b]0;owned\x07_1.0\r\n", want: portvigil.Service{Name: "ssh", Confidence: sureOfProtocol}},
		{name: "a server with too many connections says that it is OpenSSH", answer: "Exceeded MaxStartups\r\n",
			want: portvigil.Service{Name: "ssh", Product: "OpenSSH", CPE: []string{"cpe:2.3:a:openbsd:openssh:*:*:*:*:*:*:*:*"}, Confidence: sureByWording}},
		{name: "half an identification is none", answer: "SSH-2.0-OpenSSH_9.2p1 Deb", want: portvigil.Service{}},
	})
}
