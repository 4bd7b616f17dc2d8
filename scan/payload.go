package scan

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// payload is what a service is asked over UDP, so that it answers: each is written from
// the protocol's own specification, changes nothing, and asks for a short answer.
type payload struct {
	name  string // of the protocol, as Service.Name has it
	ports []uint16
	bytes string
	// answers reports whether a datagram is an answer of that protocol. Any datagram
	// shows that the port is open; this shows what is behind it.
	answers func(reply []byte) bool
	// wanders tells that the answer comes from another port than was asked.
	wanders bool
}

// named reports whether a datagram shows that its sender speaks the protocol. One that
// sends back what it got speaks none but echo.
func (p *payload) named(reply []byte) bool {
	return p.answers != nil && p.answers(reply) && (string(reply) != p.bytes || p.name == "echo")
}

// payloadTo is what a port is asked: one without an own payload an empty datagram,
// which some answer as well.
func payloadTo(port uint16) payload {
	if i, known := payloadOf[port]; known {
		return payloads[i]
	}
	return payload{}
}

var payloadOf = func() map[uint16]int {
	m := map[uint16]int{}
	for i, p := range payloads {
		for _, port := range p.ports {
			m[port] = i
		}
	}
	return m
}()

func begins(with string) func([]byte) bool {
	return func(reply []byte) bool { return bytes.HasPrefix(reply, []byte(with)) }
}

// dnsQuery is a query for one name (RFC 1035 section 4.1); a responder answers it,
// whatever it makes of it, with the same id.
func dnsQuery(labels string, kind, class string) string {
	return "\x50\x56" + "\x00\x00" + "\x00\x01\x00\x00\x00\x00\x00\x00" + labels + "\x00" + kind + class
}

func isDNS(reply []byte) bool {
	return len(reply) >= 12 && reply[0] == 0x50 && reply[1] == 0x56 && reply[2]&0x80 != 0
}

// rpcNull calls procedure 0 of a program, which does nothing (RFC 5531 section 9).
func rpcNull(program, version uint32) string {
	b := []byte("\x50\x56\x50\x56\x00\x00\x00\x00\x00\x00\x00\x02")
	b = binary.BigEndian.AppendUint32(b, program)
	b = binary.BigEndian.AppendUint32(b, version)
	return string(b) + zeros(4+16)
}

func isRPC(reply []byte) bool {
	return bytes.HasPrefix(reply, []byte("\x50\x56\x50\x56\x00\x00\x00\x01"))
}

func zeros(n int) string { return string(make([]byte, n)) }

const nonce = "portvigi" // eight bytes where a protocol asks for a random number

// stunCookie tells STUN from what else runs on its port (RFC 8489 section 5).
const stunCookie = "\x21\x12\xa4\x42"

// raknetMagic is in each offline message of RakNet.
const raknetMagic = "\x00\xff\xff\x00\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78"

var payloads = []payload{
	{name: "dns", ports: []uint16{53}, bytes: dnsQuery("\x09localhost", "\x00\x01", "\x00\x01"), answers: isDNS},
	// With the bit that asks for an answer to the asker alone (RFC 6762 section 5.4).
	{name: "mdns", ports: []uint16{5353}, bytes: dnsQuery("\x09_services\x07_dns-sd\x04_udp\x05local", "\x00\x0c", "\x80\x01"), answers: isDNS},
	{name: "llmnr", ports: []uint16{5355}, bytes: dnsQuery("\x09localhost", "\x00\x01", "\x00\x01"), answers: isDNS}, // RFC 4795
	// A client's question: no leap information, version 4, mode 3 (RFC 5905 section 7.3).
	{name: "ntp", ports: []uint16{123}, bytes: "\xe3" + zeros(39) + nonce,
		answers: func(r []byte) bool { return len(r) >= 48 && r[0]&7 == 4 && string(r[24:32]) == nonce }},
	// A get-request without an engine, which is answered by a report with the engine's id (RFC 3412, RFC 3414 section 4).
	{name: "snmp", ports: []uint16{161}, bytes: snmpDiscovery,
		answers: func(r []byte) bool {
			return len(r) > 12 && r[0] == 0x30 && bytes.Contains(r, []byte("\x02\x01\x03\x30"))
		}},
	// A file that is not there: the error comes from another port (RFC 1350 section 4).
	{name: "tftp", ports: []uint16{69}, bytes: "\x00\x01portvigil\x00octet\x00", wanders: true,
		answers: func(r []byte) bool { return len(r) >= 4 && r[0] == 0 && (r[1] == 5 || r[1] == 3) }},
	{name: "sip", ports: []uint16{5060}, bytes: "OPTIONS sip:portvigil SIP/2.0\r\nVia: SIP/2.0/UDP portvigil.invalid;branch=z9hG4bKportvigil;rport\r\nMax-Forwards: 1\r\n" +
		"To: <sip:portvigil@portvigil.invalid>\r\nFrom: <sip:portvigil@portvigil.invalid>;tag=pv\r\nCall-ID: portvigil\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", // RFC 3261 section 11
		answers: begins("SIP/2.0 ")},
	// A major version that does not exist: the answer says which do (RFC 7296 section 2.5).
	{name: "isakmp", ports: []uint16{500}, bytes: ikeHeader, answers: isIKE},
	{name: "isakmp", ports: []uint16{4500}, bytes: zeros(4) + ikeHeader, // RFC 3948 section 2.2
		answers: func(r []byte) bool { return len(r) >= 4 && isIKE(r[4:]) }},
	// A hard reset by a client, answered by one by the server (OpenVPN's network protocol, packet types).
	{name: "openvpn", ports: []uint16{1194}, bytes: "\x38" + nonce + "\x00" + zeros(4), answers: func(r []byte) bool { return len(r) >= 14 && r[0] == 0x40 }},
	{name: "stun", ports: []uint16{3478, 3479, 19302}, bytes: "\x00\x01\x00\x00" + stunCookie + "portvigil123", // RFC 8489 section 5
		answers: func(r []byte) bool { return len(r) >= 20 && r[0] == 1 && r[1] == 1 && string(r[4:8]) == stunCookie }},
	{name: "upnp", ports: []uint16{1900}, bytes: "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n", // UPnP device architecture 1.3.2
		answers: begins("HTTP/1.1 200")},
	// The names of a node (RFC 1002 section 4.2.17); "*" is written as CK and thirty A.
	{name: "netbios-ns", ports: []uint16{137}, bytes: "\x50\x56\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x20CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\x00\x00\x21\x00\x01", answers: isDNS},
	{name: "memcached", ports: []uint16{11211}, bytes: "\x50\x56\x00\x00\x00\x01\x00\x00version\r\n", // memcached, doc/protocol.txt, "UDP protocol"
		answers: func(r []byte) bool { return len(r) > 8 && bytes.HasPrefix(r[8:], []byte("VERSION ")) }},
	// A version that is reserved to be refused: the answer lists those that are spoken (RFC 9000 section 6).
	{name: "quic", ports: []uint16{443, 784, 853, 8443}, bytes: "\xc0\x1a\x2a\x3a\x4a\x08" + nonce + "\x08" + nonce + zeros(1200-23),
		answers: func(r []byte) bool {
			return len(r) >= 15 && r[0]&0x80 != 0 && string(r[1:5]) == zeros(4) && string(r[6:14]) == nonce
		}},
	// A client's greeting without a cookie, which is asked for (RFC 6347 section 4.2.1).
	{name: "dtls", ports: []uint16{4433, 5349, 5684}, bytes: dtlsHello, answers: func(r []byte) bool { return len(r) >= 13 && (r[0] == 22 || r[0] == 21) && r[1] == 0xfe }},
	// A request for a tunnel that is never used (RFC 2661 sections 4.4 and 6.1).
	{name: "l2tp", ports: []uint16{1701}, bytes: "\xc8\x02\x00\x40" + zeros(8) + "\x80\x08\x00\x00\x00\x00\x00\x01" + "\x80\x08\x00\x00\x00\x02\x01\x00" +
		"\x80\x0a\x00\x00\x00\x03\x00\x00\x00\x03" + "\x80\x0a\x00\x00\x00\x07pvgl" + "\x80\x08\x00\x00\x00\x09\x50\x56" + "\x80\x08\x00\x00\x00\x0a\x00\x01",
		answers: func(r []byte) bool { return len(r) >= 12 && r[0] == 0xc8 && r[1] == 2 }},
	{name: "rpcbind", ports: []uint16{111}, bytes: rpcNull(100000, 2), answers: isRPC},
	{name: "nfs", ports: []uint16{2049}, bytes: rpcNull(100003, 3), answers: isRPC},
	// An empty message that asks to be acknowledged is answered by a reset (RFC 7252 section 4.3).
	{name: "coap", ports: []uint16{5683}, bytes: "\x40\x00\x50\x56", answers: begins("\x70\x00\x50\x56")},
	{name: "xdmcp", ports: []uint16{177}, bytes: "\x00\x01\x00\x02\x00\x01\x00", answers: func(r []byte) bool { return len(r) >= 6 && r[1] == 1 && (r[3] == 5 || r[3] == 6) }}, // X.Org, XDMCP, Query
	// The presence of a management controller (ASF 2.0 section 3.2.4.2).
	{name: "asf-rmcp", ports: []uint16{623}, bytes: "\x06\x00\xff\x06\x00\x00\x11\xbe\x80\x00\x00\x00", answers: func(r []byte) bool { return len(r) >= 9 && r[0] == 6 && r[8] == 0x40 }},
	{name: "source-engine", ports: []uint16{27015, 27016}, bytes: "\xff\xff\xff\xffTSource Engine Query\x00", // Valve, server queries, A2S_INFO
		answers: func(r []byte) bool {
			return len(r) >= 5 && string(r[:4]) == "\xff\xff\xff\xff" && (r[4] == 'A' || r[4] == 'I')
		}},
	{name: "quake3", ports: []uint16{27960}, bytes: "\xff\xff\xff\xffgetinfo pv", answers: begins("\xff\xff\xff\xffinfoResponse")},
	{name: "nat-pmp", ports: []uint16{5351}, bytes: "\x00\x00", answers: func(r []byte) bool { return len(r) >= 8 && r[1] >= 128 }}, // RFC 6886 section 3.2
	{name: "bittorrent-dht", ports: []uint16{6881}, bytes: "d1:ad2:id20:portvigil-portvigil-e1:q4:ping1:t2:pv1:y1:qe", // BEP 5
		answers: func(r []byte) bool { return bytes.HasPrefix(r, []byte("d")) && bytes.Contains(r, []byte("1:t2:pv")) }},
	// One instance by its name: all of them would be a long answer (MS-SQLR 2.2.3).
	{name: "ms-sql-m", ports: []uint16{1434}, bytes: "\x04MSSQLSERVER\x00", answers: begins("\x05")},
	{name: "echo", ports: []uint16{7}, bytes: "portvigil", answers: func(r []byte) bool { return string(r) == "portvigil" }}, // RFC 862
	// An empty datagram asks these (RFC 864, 867, 868), as it asks any port without a
	// payload of its own.
	{name: "chargen", ports: []uint16{19}, answers: func(r []byte) bool { return len(r) > 20 && bytes.Contains(r, []byte(" !\"#$%&'()")) }},
	{name: "daytime", ports: []uint16{13}, answers: func(r []byte) bool { return bytes.Count(r, []byte(":")) >= 2 && len(r) < 80 }},
	{name: "time", ports: []uint16{37}, answers: func(r []byte) bool { return len(r) == 4 }},
	{name: "gtp", ports: []uint16{2123, 2152}, bytes: "\x32\x01\x00\x04" + zeros(8), answers: func(r []byte) bool { return len(r) >= 8 && r[1] == 2 }}, // 3GPP TS 29.060 section 7.2.1
	{name: "lantronix", ports: []uint16{30718}, bytes: "\x00\x00\x00\xf6", answers: begins("\x00\x00\x00\xf7")},
	{name: "ubiquiti-discovery", ports: []uint16{10001}, bytes: "\x01\x00\x00\x00", answers: begins("\x01\x00\x00")},
	{name: "ethernet-ip", ports: []uint16{44818}, bytes: "\x63" + zeros(23), answers: func(r []byte) bool { return len(r) >= 24 && r[0] == 0x63 }}, // ODVA, ListIdentity
	{name: "mumble", ports: []uint16{64738}, bytes: zeros(4) + nonce, answers: func(r []byte) bool { return len(r) >= 24 && string(r[4:12]) == nonce }},
	{name: "raknet", ports: []uint16{19132}, bytes: "\x01" + zeros(8) + raknetMagic + nonce, answers: func(r []byte) bool { return len(r) > 33 && r[0] == 0x1c && bytes.Contains(r, []byte(raknetMagic)) }},
	{name: "plex-gdm", ports: []uint16{32414}, bytes: "M-SEARCH * HTTP/1.1\r\n\r\n", answers: begins("HTTP/1.0 200")},
	{name: "iax2", ports: []uint16{4569}, bytes: "\x80\x01" + zeros(8) + "\x06\x1e", answers: func(r []byte) bool { return len(r) >= 12 && r[0]&0x80 != 0 && r[10] == 6 }}, // RFC 5456 section 6.7.3
	{name: "mgcp", ports: []uint16{2427}, bytes: "AUEP 5056 *@portvigil.invalid MGCP 1.0\r\n\r\n", // RFC 3435 section 3.2.2.1
		answers: func(r []byte) bool { return len(r) > 8 && string(r[3:8]) == " 5056" }},
	{name: "pcanywhere", ports: []uint16{5632}, bytes: "NQ", answers: begins("NR")},
}

// ikeHeader is a header of IKE alone, of version 3.0 (RFC 7296 section 3.1).
const ikeHeader = nonce + "\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x30\x22\x08\x00\x00\x00\x00\x00\x00\x00\x1c"

func isIKE(reply []byte) bool { return len(reply) >= 28 && string(reply[:8]) == nonce }

// dtlsHello is a ClientHello of DTLS 1.2 with two cipher suites (RFC 6347 section 4.2,
// RFC 5246 section 7.4.1.2).
var dtlsHello = func() string {
	body := "\xfe\xfd" + nonce + nonce + nonce + nonce + "\x00" + "\x00" + "\x00\x04\xc0\x2b\xc0\x2f" + "\x01\x00" +
		"\x00\x16" + "\x00\x0a\x00\x04\x00\x02\x00\x17" + "\x00\x0d\x00\x06\x00\x04\x04\x03\x04\x01" + "\x00\x17\x00\x00"
	size := func(n, width int) string {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(n))
		return string(b[8-width:])
	}
	message := "\x01" + size(len(body), 3) + "\x00\x00" + size(0, 3) + size(len(body), 3) + body
	return "\x16\xfe\xff\x00\x00" + zeros(6) + size(len(message), 2) + message
}()

// ber writes a value of at most 127 bytes (X.690 section 8.1).
func ber(tag byte, parts ...string) string {
	value := strings.Join(parts, "")
	return string([]byte{tag, byte(len(value))}) + value
}

// snmpDiscovery is a message of version 3 that asks for nothing and may be reported on.
var snmpDiscovery = func() string {
	const integer, octets, sequence, get = 0x02, 0x04, 0x30, 0xa0
	zero, empty := ber(integer, "\x00"), ber(octets)
	header := ber(sequence, ber(integer, "\x50\x56"), ber(integer, "\x00\xff\xe3"), ber(octets, "\x04"), ber(integer, "\x03"))
	security := ber(octets, ber(sequence, empty, zero, zero, empty, empty, empty))
	return ber(sequence, ber(integer, "\x03"), header, security, ber(sequence, empty, empty, ber(get, ber(integer, "\x50\x56"), zero, zero, ber(sequence))))
}()
