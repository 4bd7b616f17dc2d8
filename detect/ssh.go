package detect

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/portvigil/portvigil"
)

// sshProtocol: RFC 4253 section 4.2. The server sends
//
//	SSH-2.0-softwareversion SP comments CR LF
//
// and may send other lines before it.
func sshProtocol() *protocol {
	return &protocol{name: "ssh", plain: []uint16{22, 2222}, greets: true, read: readSSH, further: askHostKey}
}

// openSSH is OpenSSH's version and update: 9.2p1 is 9.2 with its first portable
// release. What follows (-hpn14v15) is a patch set.
var openSSH = regexp.MustCompile(`^OpenSSH_(\d{1,3}(?:\.\d{1,3}){1,2})(p\d{1,3})?(?:$|[^0-9.p])`)

// otherSSH splits a software string at the first "_", "-" or "/" before a digit.
var otherSSH = regexp.MustCompile(`^(.+?)[_/-]([0-9].*)$`)

func readSSH(b []byte, _ uint16) (reading, bool) {
	id, ok := sshIdentification(b)
	if !ok {
		return overloadedSSH(b)
	}
	_, rest, _ := strings.Cut(strings.TrimPrefix(id, "SSH-"), "-")
	software, comments, _ := strings.Cut(rest, " ")
	r := named("ssh", "ssh: identification string")
	s := &r.service
	m := openSSH.FindStringSubmatch(software)
	switch {
	case m != nil:
		r.rule, s.Product, s.Version, s.Confidence = "ssh: OpenSSH", "OpenSSH", m[1]+m[2], sureByBanner
		s.CPE = cpes(m[1], m[2], maker{"openbsd", "openssh"})
		s.Package = openSSHPackage(s.Version, comments)
	case strings.HasPrefix(software, "dropbear"):
		r.rule, s.Product, s.Confidence = "ssh: Dropbear", "Dropbear", sureByBanner
		s.Version = version(strings.TrimPrefix(software, "dropbear_"))
		s.CPE = cpes(s.Version, "", maker{"dropbear_ssh_project", "dropbear_ssh"})
	case strings.HasPrefix(software, "libssh"):
		r.rule, s.Product, s.Confidence = "ssh: libssh", "libssh", sureByBanner
		s.Version = version(strings.TrimLeft(strings.TrimPrefix(software, "libssh"), "_-"))
		s.CPE = cpes(s.Version, "", maker{"libssh", "libssh"})
	default:
		name, number := software, ""
		if m := otherSSH.FindStringSubmatch(software); m != nil {
			name, number = m[1], m[2]
		}
		if s.Product = product(strings.ReplaceAll(name, "_", " ")); s.Product != "" {
			r.rule, s.Version, s.Confidence = "ssh: software string", version(number), sureByOwnWords
		}
	}
	return r, true
}

// sshIdentification returns the identification string, which is at most 255
// bytes long, among the first lines.
func sshIdentification(b []byte) (string, bool) {
	for range 20 {
		text, rest, more := bytes.Cut(b, []byte("\n"))
		text = bytes.TrimRight(text, "\r")
		if (bytes.HasPrefix(text, []byte("SSH-2.0-")) || bytes.HasPrefix(text, []byte("SSH-1."))) &&
			more && len(text) <= 255 && bytes.Count(text, []byte("-")) >= 2 {
			return string(text), true
		}
		if !more {
			break
		}
		b = rest
	}
	return "", false
}

// overloadedSSH knows what OpenSSH says before it hangs up on whom it will not
// serve now: too many connections, or a penalty (since 9.8).
func overloadedSSH(b []byte) (reading, bool) {
	switch text := firstLine(b); text {
	case "Exceeded MaxStartups", "Not allowed at this time":
		return reading{portvigil.Service{Name: "ssh", Product: "OpenSSH", Confidence: sureByWording,
			CPE: cpes("", "", maker{"openbsd", "openssh"})}, "ssh: OpenSSH says " + text}, true
	}
	return reading{}, false
}

// openSSHRevision is what Debian and its children put into the comments:
// Debian-2+deb12u3, Ubuntu-3ubuntu0.10, Raspbian-5+b1.
var openSSHRevision = regexp.MustCompile(`^(Debian|Ubuntu|Raspbian)-([0-9][A-Za-z0-9.+~]{0,40})$`)

// openSSHOrigins are the packages whose version is not what the program says
// of itself: the sources of 10.0p1 and 6.6p1 (as patched) say otherwise.
var openSSHOrigins = map[string]string{"10.0p2": "10.0p1", "6.6.1p1": "6.6p1"}

// openSSHUbuntu are Ubuntu's long-term releases by OpenSSH's version: the
// revisions do not name theirs, but no other release that is still maintained
// has had the same version. Source: packages.ubuntu.com.
var openSSHUbuntu = map[string]string{
	"6.6p1": "trusty", "7.2p2": "xenial", "7.6p1": "bionic", "8.2p1": "focal", "8.9p1": "jammy", "9.6p1": "noble",
}

// openSSHPackage returns the distribution's package that the comments name. The
// epoch 1 is in all versions of openssh of Debian and Ubuntu since 2002.
func openSSHPackage(version, comments string) *portvigil.Package {
	m := openSSHRevision.FindStringSubmatch(comments)
	if m == nil {
		return nil
	}
	if origin := openSSHOrigins[version]; origin != "" {
		version = origin
	}
	p := &portvigil.Package{Distro: strings.ToLower(m[1]), Name: "openssh-server", Source: "openssh",
		Version: "1:" + version + "-" + m[2], Release: debianRelease(m[2])}
	if p.Distro == "ubuntu" {
		p.Release = openSSHUbuntu[version]
	}
	return p
}
