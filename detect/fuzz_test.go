package detect

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/portvigil/portvigil"
)

// A law for every reader of hostile bytes: whatever they are, what comes out is
// bounded, printable, and of the form that its field promises.
func FuzzEveryProtocolReadsHostileBytes(f *testing.F) {
	for _, seed := range []string{
		"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", "SSH-1.99-Cisco-1.25\n", handshake("5.5.5-10.11.6-MariaDB-0+deb12u1"),
		refusal(1130, "Host 'x' is not allowed to connect to this MariaDB server"), "220 mx ESMTP Exim 4.96 \r\n", "220-a\r\n220 (vsFTPd 3.0.3)\r\n",
		"* OK Dovecot ready.\r\n", "+OK Dovecot ready.\r\n", bulk("# Server\r\nredis_version:7.0.15\r\n"), nodeOf150, oldNode,
		"HTTP/1.1 200 OK\r\nServer: Apache/2.4.57 (Debian)\r\n\r\n<title>x\x1b[31m</title>",
		"HTTP/1.1 200 OK\r\n\r\nnode_exporter_build_info{version=\"1.5.0\",branch=\"debian/sid\",revision=\"1.5.0-1\"} 1\n", "\x15\x03\x01\x00\x02\x02\x16", "\x00\x00\x00\x00\x0a",
	} {
		f.Add([]byte(seed), uint16(oddPort))
	}
	f.Fuzz(func(t *testing.T, b []byte, port uint16) {
		v := newVisit(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port), "", Options{})
		for _, p := range v.protocols {
			r, ok := p.read(b, port)
			if !ok {
				continue
			}
			if r.service.Name != p.name || r.rule == "" {
				t.Errorf("%s reads as %q by rule %q", p.name, r.service.Name, r.rule)
			}
			lawful(t, r.service)
		}
		s := portvigil.Service{}
		readMetrics(b, &s)
		lawful(t, s)
		if len(b) > 0 {
			wholeGreeting(b)
			wholeHTTP()(b)
			wholeRESP(b)
			untilBuildInfo()(b)
		}
		looksLikeTLS(b)
		_ = leaf([][]byte{b})
	})
}

var lawfulCPE = regexp.MustCompile(`^cpe:2\.3:a(:(\*|([a-z0-9._-]|\\[!-~])+)){10}$`)

func lawful(t *testing.T, s portvigil.Service) {
	t.Helper()
	if s.Product != product(s.Product) || s.Version != "" && version(s.Version) == "" {
		t.Errorf("product %q or version %q is not of the promised form", s.Product, s.Version)
	}
	if s.Confidence < 0 || s.Confidence > 100 || s.Product == "" && s.Confidence > sureOfProtocol && s.Title == "" {
		t.Errorf("confidence %d for product %q", s.Confidence, s.Product)
	}
	texts := []string{s.Name, s.Title, s.HostKey}
	if p := s.Package; p != nil {
		texts = append(texts, p.Distro, p.Release, p.Name, p.Source, p.Version)
		if p.Version == "" || p.Name == "" {
			t.Errorf("package %+v without a name or version", p)
		}
	}
	for _, text := range texts {
		if utf8.RuneCountInString(text) > maxTitle || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("text %q is too long or not printable", text)
		}
	}
	for _, name := range s.CPE {
		if len(name) > 400 || !lawfulCPE.MatchString(name) {
			t.Errorf("CPE %q is none", name)
		}
	}
}
