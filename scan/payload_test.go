package scan

import (
	"strings"
	"testing"
)

func TestEachPayloadIsSmallAndKnowsItsAnswer(t *testing.T) {
	t.Parallel()
	// What each protocol's specification has a server say to such a question.
	answers := map[string]string{
		"dns":  "\x50\x56\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00",
		"mdns": "\x50\x56\x84\x00\x00\x01\x00\x00\x00\x00\x00\x00", "llmnr": "\x50\x56\x80\x00\x00\x01\x00\x01\x00\x00\x00\x00",
		"ntp":  "\x24\x02" + zeros(22) + nonce + zeros(16),
		"snmp": "\x30\x6b\x02\x01\x03\x30\x0e\x02\x02PV\x02\x03\x00\xff\xe3\x04\x01\x00\x02\x01\x03", "tftp": "\x00\x05\x00\x01File not found\x00",
		"sip": "SIP/2.0 405 Method Not Allowed\r\n\r\n", "isakmp": nonce + nonce + "\x29\x20\x22\x20" + zeros(8),
		"openvpn": "\x40" + nonce + "\x01\x00\x00\x00\x00" + nonce, "stun": "\x01\x01\x00\x0c" + stunCookie + "portvigil123" + zeros(12),
		"upnp": "HTTP/1.1 200 OK\r\n", "netbios-ns": "\x50\x56\x84\x00" + zeros(8), "memcached": "\x50\x56\x00\x00\x00\x01\x00\x00VERSION 1.6.18\r\n",
		"quic": "\x80" + zeros(4) + "\x08" + nonce + "\x08" + nonce + "\x00\x00\x00\x01", "dtls": "\x16\xfe\xff" + zeros(20),
		"l2tp": "\xc8\x02\x00\x14" + zeros(8), "rpcbind": "\x50\x56\x50\x56\x00\x00\x00\x01" + zeros(16), "nfs": "\x50\x56\x50\x56\x00\x00\x00\x01" + zeros(16),
		"coap": "\x70\x00\x50\x56", "xdmcp": "\x00\x01\x00\x05\x00\x00", "asf-rmcp": "\x06\x00\xff\x06\x00\x00\x11\xbe\x40\x00\x00\x10",
		"source-engine": "\xff\xff\xff\xffA1234", "quake3": "\xff\xff\xff\xffinfoResponse\n", "nat-pmp": "\x00\x80\x00\x00\x00\x00\x00\x01",
		"bittorrent-dht": "d1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t2:pv1:y1:re", "ms-sql-m": "\x05\x05\x00ServerName", "echo": "portvigil",
		"chargen": " !\"#$%&'()*+,-./0123456789", "daytime": "Fri Nov 27 08:00:00 2026\r\n", "time": "\xee\x00\x00\x00",
		"gtp": "\x32\x02\x00\x06" + zeros(8), "lantronix": "\x00\x00\x00\xf7", "ubiquiti-discovery": "\x01\x00\x00\x0f", "ethernet-ip": "\x63\x00\x01" + zeros(21),
		"mumble": "\x00\x01\x05\x00" + nonce + zeros(12), "raknet": "\x1c" + zeros(16) + raknetMagic + "\x00\x04MCPE", "plex-gdm": "HTTP/1.0 200 OK\r\n",
		"iax2": "\x80\x01\x00\x01" + zeros(4) + "\x00\x01\x06\x03", "mgcp": "200 5056 OK\r\n", "pcanywhere": "NRhost",
	}
	protocols, ports := map[string]bool{}, map[uint16]string{}
	for _, p := range payloads {
		protocols[p.name] = true
		for _, port := range p.ports {
			if other, twice := ports[port]; twice {
				t.Errorf("port %d is asked by %s and %s", port, other, p.name)
			}
			ports[port] = p.name
		}
		// A datagram that no path cuts (RFC 8200 section 5).
		if len(p.bytes) > 1232 {
			t.Errorf("%s: %d bytes", p.name, len(p.bytes))
		}
		if p.answers == nil {
			t.Errorf("%s: no answer is known", p.name)
			continue
		}
		answer := answers[p.name]
		if p.name == "isakmp" && p.ports[0] == 4500 {
			answer = zeros(4) + answer
		}
		if !p.named([]byte(answer)) {
			t.Errorf("%s: %q is not taken for its answer", p.name, answer)
		}
		if p.name != "echo" && p.named([]byte(p.bytes)) {
			t.Errorf("%s: its own question is taken for an answer", p.name)
		}
		for n := range len(answer) { // whatever is cut off, nothing is read beyond
			p.named([]byte(answer[:n]))
		}
		if p.named(nil) || p.named([]byte("\x00")) {
			t.Errorf("%s: next to nothing is taken for an answer", p.name)
		}
	}
	if len(protocols) < 30 {
		t.Errorf("payloads for %d protocols", len(protocols))
	}
	for _, forbidden := range []string{"monlist", "ssdp:all"} { // answers much longer than the question
		for _, p := range payloads {
			if strings.Contains(p.bytes, forbidden) {
				t.Errorf("%s asks for %s", p.name, forbidden)
			}
		}
	}
}

func FuzzAnAnswerOverUDP(f *testing.F) {
	for _, p := range payloads {
		f.Add(p.ports[0], []byte(p.bytes))
	}
	f.Fuzz(func(t *testing.T, port uint16, reply []byte) {
		p := payloadTo(port)
		if p.named(reply) && (p.name == "" || len(reply) == 0) {
			t.Errorf("port %d: %q names %q", port, reply, p.name)
		}
	})
}
