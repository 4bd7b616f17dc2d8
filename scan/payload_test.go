package scan

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// serverSays is what each protocol's specification has a server say to the question with
// a token, and whether that proves that it saw the question.
func serverSays(p *payload, t token) (answer string, proves bool) {
	q := p.question(t, 1)
	switch p.name {
	case "dns", "mdns":
		return q[:2] + "\x81\x85" + q[4:], true
	case "llmnr":
		return q[:2] + "\x80\x00" + q[4:], false
	case "ntp":
		return "\x24\x02" + zeros(22) + q[40:48] + zeros(16), true
	case "snmp":
		return ber(0x30, ber(0x02, "\x03"), ber(0x30, snmpID(t), ber(0x02, "\x00\xff\xe3"), ber(0x04, "\x00"), ber(0x02, "\x03"))), true
	case "sip":
		return "SIP/2.0 405 Method Not Allowed\r\nCall-ID: " + t.hex(8) + "\r\n\r\n", true
	case "isakmp":
		return q[:len(q)-20] + "respondr" + "\x29\x20\x22\x20" + zeros(8), true
	case "openvpn":
		return "\x40" + "session " + "\x01\x00\x00\x00\x00" + q[1:9] + zeros(4), true
	case "stun":
		return "\x01\x01\x00\x0c" + stunCookie + q[8:20] + zeros(12), true
	case "quic":
		return "\x80" + zeros(4) + "\x08" + q[15:23] + "\x08" + q[6:14] + "\x00\x00\x00\x01", true
	case "dtls":
		return "\x16\xfe\xff\x00\x00" + q[5:11] + zeros(20), true
	case "rpcbind", "nfs":
		return q[:4] + "\x00\x00\x00\x01" + zeros(16), true
	case "coap":
		return "\x68\x84" + q[2:12], true
	case "quake3":
		return "\xff\xff\xff\xffinfoResponse\n\\challenge\\" + t.hex(8), true
	case "bittorrent-dht":
		return "d1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t16:" + t.hex(8) + "1:y1:re", true
	case "echo":
		return q, true
	case "ethernet-ip":
		return "\x63\x00\x02\x00" + zeros(8) + q[12:20] + zeros(4) + "\x00\x00", true
	case "mumble":
		return "\x00\x01\x05\x00" + q[4:12] + zeros(12), true
	case "raknet":
		return "\x1c" + q[1:9] + zeros(8) + raknetMagic + "\x00\x04MCPE", true
	case "netbios-ns":
		return q[:2] + "\x84\x00" + zeros(8), false
	case "memcached":
		return q[:2] + "\x00\x00\x00\x01\x00\x00VERSION 1.6.18\r\n", false
	case "l2tp":
		return "\xc8\x02\x00\x14" + l2tpTunnel(t) + zeros(6), false
	case "radius":
		return "\x02" + q[1:2] + "\x00\x14" + zeros(16), false
	case "asf-rmcp":
		return "\x06\x00\xff\x06\x00\x00\x11\xbe\x40" + q[9:10] + "\x00\x10", false
	case "gtp":
		return "\x32\x02\x00\x06" + zeros(4) + q[8:10] + zeros(4), false
	case "iax2":
		return "\x80\x01" + string([]byte{q[0] & 0x7f}) + q[1:2] + zeros(4) + "\x00\x01\x06\x03", false
	case "mgcp":
		return "200 " + mgcpID(t) + " OK\r\n", false
	case "time":
		return string(binary.BigEndian.AppendUint32(nil, uint32(time.Now().Unix()+2208988800))), false
	}
	return map[string]string{
		"tftp": "\x00\x05\x00\x01File not found\x00", "upnp": "HTTP/1.1 200 OK\r\n", "xdmcp": "\x00\x01\x00\x05\x00\x00",
		"source-engine": "\xff\xff\xff\xffA1234", "nat-pmp": "\x00\x80\x00\x00\x00\x00\x00\x01", "ms-sql-m": "\x05\x05\x00ServerName",
		"chargen": " !\"#$%&'()*+,-./0123456789", "daytime": "Fri Nov 27 08:00:00 2026\r\n", "lantronix": "\x00\x00\x00\xf7",
		"ubiquiti-discovery": "\x01\x00\x00\x0f", "plex-gdm": "HTTP/1.0 200 OK\r\n", "pcanywhere": "NRhost",
	}[p.name], false
}

func TestEachPayloadIsSmallAndKnowsItsAnswer(t *testing.T) {
	t.Parallel()
	secret := newTokens().of(0, 53)
	protocols, ports := map[string]bool{}, map[uint16]string{}
	for i := range payloads {
		p := &payloads[i]
		for _, port := range p.ports {
			if other, twice := ports[port]; twice {
				t.Errorf("port %d is asked by %s and %s", port, other, p.name)
			}
			ports[port] = p.name
		}
		for try := 1; try <= datagramTries; try++ {
			q := p.question(secret, try)
			// A datagram that no path cuts (RFC 8200 section 5).
			if len(q) > 1232 {
				t.Errorf("%s: %d bytes", p.name, len(q))
			}
			for _, forbidden := range []string{"monlist", "ssdp:all"} { // answers much longer than the question
				if strings.Contains(q, forbidden) {
					t.Errorf("%s asks for %s", p.name, forbidden)
				}
			}
			if speaks, _ := p.judge([]byte(q), secret); speaks && p.name != "echo" {
				t.Errorf("%s: its own question is taken for an answer", p.name)
			}
		}
		if p.name == "" {
			if p.question(secret, 1) != "" {
				t.Errorf("%d and others are asked something", p.ports[0])
			}
			continue
		}
		protocols[p.name] = true
		answer, proves := serverSays(p, secret)
		if gotSpeaks, gotProves := p.judge([]byte(answer), secret); !gotSpeaks || gotProves != proves {
			t.Errorf("%s: %q is taken for its answer: %v, proves: %v", p.name, answer, gotSpeaks, gotProves)
		}
		for n := range len(answer) { // whatever is cut off, nothing is read beyond
			p.judge([]byte(answer[:n]), secret)
		}
		for _, other := range []string{"", "\x00", string(make([]byte, mostDatagram))} {
			if speaks, proves := p.judge([]byte(other), secret); speaks || proves {
				t.Errorf("%s: %d bytes of nothing are taken for an answer", p.name, len(other))
			}
		}
	}
	if len(protocols) < 30 {
		t.Errorf("payloads for %d protocols", len(protocols))
	}
}

// TestAnAnswerToAnotherQuestionProvesNothing: an answer to another look, port or socket.
func TestAnAnswerToAnotherQuestionProvesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := &payloads[rapid.IntRange(0, len(payloads)-1).Draw(t, "protocol")]
		secrets := tokens{rapid.Uint64().Draw(t, "k0"), rapid.Uint64().Draw(t, "k1")}
		ours := secrets.of(rapid.Uint32().Draw(t, "socket"), p.ports[0])
		for _, other := range []token{secrets.of(1<<30, p.ports[0]), newTokens().of(0, p.ports[0]), {}, ours.inverse()} {
			answer, _ := serverSays(p, other)
			if _, proves := p.judge([]byte(answer), ours); proves {
				t.Fatalf("%s: %q proves that its sender saw %q", p.name, answer, p.question(ours, 1))
			}
			if q := p.question(other, 1); p.quoted([]byte(q), ours) {
				t.Fatalf("%s: an error that quotes %q is taken for one about %q", p.name, q, p.question(ours, 1))
			}
		}
	})
}

func TestAnErrorProvesByWhatItQuotes(t *testing.T) {
	t.Parallel()
	secret := newTokens().of(0, 4242)
	q := payloadTo(4242).question(secret, 1)
	for _, c := range []struct {
		name string
		part string
		want bool
	}{
		{"all of it", q, true},
		{"the header alone", "", false},
		{"what anybody knows", q[:10], false},
		{"two bytes of the token", q[:14], false},
		{"all but the last byte", q[:len(q)-1], true},
		{"more than was sent", q + "\x00", false},
		{"another token", payloadTo(4242).question(secret.inverse(), 1), false},
	} {
		if got := payloadTo(4242).quoted([]byte(c.part), secret); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if payloadTo(514).quoted(nil, secret) {
		t.Error("nothing quotes an empty datagram")
	}
	for port, first := range map[uint16]int{53: 28, 123: 48, 161: 20, 500: 8, 7: 26} { // within the 548 bytes that Linux quotes
		p := payloadTo(port)
		if q := p.question(secret, 1); !p.quoted([]byte(q[:first]), secret) {
			t.Errorf("%s: %d bytes of the question prove nothing", p.name, first)
		}
	}
}

func TestSecretsDifferByLookSocketAndPort(t *testing.T) {
	t.Parallel()
	one, other := newTokens(), newTokens()
	seen := map[token]bool{}
	for _, s := range []tokens{one, other} {
		for socket := range uint32(100) {
			for port := range uint16(100) {
				seen[s.of(socket, port)] = true
			}
		}
	}
	if len(seen) != 20000 {
		t.Errorf("%d different tokens for 20,000 questions", len(seen))
	}
}

func TestAServerForOnePeerAcknowledgesAnother(t *testing.T) {
	t.Parallel()
	secret := newTokens().of(0, 1194)
	for _, c := range []struct {
		name, reply string
		want        echo
	}{
		{"a reset", "\x40session \x01" + zeros(4) + secret.bytes(8) + zeros(4), echoProves},
		{"an acknowledgement alone", "\x28session \x01" + zeros(4) + secret.bytes(8), echoProves},
		{"of somebody else's session", "\x28session \x01" + zeros(4) + "session2", echoNone},
		{"of nothing", "\x28session \x00" + secret.bytes(8) + zeros(8), echoNone},
		{"of more than there is", "\x28session \xff" + zeros(4) + secret.bytes(8), echoNone},
	} {
		if got := hearsOpenVPN([]byte(c.reply), secret); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestCharactersAreKnownWhereverTheyBegin(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"opqrstuvwxyz{|}~ !\"#$%&'()*+,-./0123\r\n": true, "0123456789:;<=>?@ABCD\r\n": true,
		"abcdefghijklm": false, "hello hello hello hello hello": false, "": false,
	} {
		if isChargen([]byte(text)) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
}

func TestTheTimeIsThatOfNow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string {
		return string(binary.BigEndian.AppendUint32(nil, uint32(now.Add(d).Unix()+2208988800)))
	}
	for _, c := range []struct {
		name, reply string
		want        bool
	}{
		{"now", at(0), true}, {"an hour behind", at(-time.Hour), true}, {"of eight bytes", at(0) + zeros(4), true},
		{"a year ago", at(-365 * 24 * time.Hour), false}, {"zero", zeros(4), false}, {"none", "", false},
		{"eight bytes of something else", at(0) + "abcd", false}, {"cut", at(0)[:3], false},
	} {
		if got := isTime([]byte(c.reply), now); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	late := time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC) // the number began anew in 2036
	if !isTime(binary.BigEndian.AppendUint32(nil, uint32(late.Unix()+2208988800)), late) {
		t.Error("it ends in 2036")
	}
}

func TestAgentsOfOlderVersionsAreAskedLater(t *testing.T) {
	t.Parallel()
	secret := newTokens().of(0, 161)
	p := payloadTo(161)
	for try, version := range map[int]string{1: "\x03", 2: "\x01", 3: "\x00"} {
		if q := p.question(secret, try); q[2:5] != "\x02\x01"+version {
			t.Errorf("try %d asks in %q", try, q)
		}
		if try == 1 {
			continue
		}
		zero := ber(berInteger, "\x00")
		answer := ber(berSequence, ber(berInteger, version), ber(berOctets, "public"), ber(0xa2, snmpID(secret), zero, zero, ber(berSequence)))
		if speaks, proves := p.judge([]byte(answer), secret); !speaks || !proves {
			t.Errorf("the answer in version %q: %v, proves: %v", version, speaks, proves)
		}
	}
}

// FuzzAnAnswerOverUDP: whatever comes, nothing is proven that does not hold the token.
func FuzzAnAnswerOverUDP(f *testing.F) {
	for i := range payloads {
		answer, _ := serverSays(&payloads[i], token{})
		f.Add(payloads[i].ports[0], []byte(answer))
		f.Add(payloads[i].ports[0], []byte(payloads[i].question(token{}, 1)))
	}
	f.Add(uint16(161), []byte("\x30\x84\x00\x00\x00\x09\x02\x01\x03\x30\x04\x02\x02"))
	f.Fuzz(func(t *testing.T, port uint16, reply []byte) {
		p := payloadTo(port)
		secret := newTokens().of(0, port) // nobody knows it
		speaks, proves := p.judge(reply, secret)
		if proves {
			t.Errorf("port %d: %q proves that its sender saw %q", port, reply, p.question(secret, 1))
		}
		if speaks && (p.name == "" || len(reply) == 0) {
			t.Errorf("port %d: %q names %q", port, reply, p.name)
		}
		if p.quoted(reply, secret) {
			t.Errorf("port %d: %q is taken for our question", port, reply)
		}
	})
}

// FuzzBER: what is taken off the front and what is left are all there was.
func FuzzBER(f *testing.F) {
	f.Add([]byte(askSNMP(token{}, 1)))
	f.Add([]byte("\x30\x82\x00\x01a"))
	f.Add([]byte("\x30\x80\x00\x00"))
	f.Fuzz(func(t *testing.T, r []byte) {
		value, rest, ok := berTake(r, berSequence)
		if !ok {
			return
		}
		head := len(r) - len(value) - len(rest)
		if head < 2 || head > 4 || string(r[head:]) != string(value)+string(rest) {
			t.Errorf("%q is %q and %q", r, value, rest)
		}
	})
}
