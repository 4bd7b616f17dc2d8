package scan

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"
)

func zeros(n int) string { return string(make([]byte, n)) }

// fixed is a question that holds nothing of ours.
func fixed(text string) func(token, int) string { return func(token, int) string { return text } }

// speaks is what an answer shows that repeats nothing of the question, or too little.
func speaks(is func(reply []byte) bool) func([]byte, token) echo {
	return func(r []byte, _ token) echo {
		if is(r) {
			return echoSpeaks
		}
		return echoNone
	}
}

func begins(with string) func([]byte, token) echo {
	return speaks(func(r []byte) bool { return bytes.HasPrefix(r, []byte(with)) })
}

// proves is for protocols that repeat the token's first n bytes at an offset: an answer
// of the right shape without them is none.
func proves(offset, n int, is func(reply []byte) bool) func([]byte, token) echo {
	return func(r []byte, t token) echo {
		if is(r) && hasAt(r, offset, t.bytes(n)) {
			return echoProves
		}
		return echoNone
	}
}

func hasAt(r []byte, offset int, text string) bool {
	return offset <= len(r) && bytes.HasPrefix(r[offset:], []byte(text))
}

func containsHex(r []byte, t token, n int) bool { return bytes.Contains(r, []byte(t.hex(n))) }

// dnsQuery is a query (RFC 1035 section 4.1). Without recursion: the server asks nobody.
func dnsQuery(t token, labels, kindAndClass string) string {
	return t.bytes(2) + "\x00\x00" + "\x00\x01\x00\x00\x00\x00\x00\x00" + labels + "\x00" + kindAndClass
}

// hearsDNS wants the id back, and believes who repeats the question as it was.
func hearsDNS(ask func(token, int) string) func([]byte, token) echo {
	return func(r []byte, t token) echo {
		if len(r) < 12 || string(r[:2]) != t.bytes(2) || r[2]&0x80 == 0 {
			return echoNone
		}
		return when(hasAt(r, 12, ask(t, 1)[12:]))
	}
}

// A name below localhost, which every server knows that it is nobody's (RFC 6761 section 6.3).
func askDNS(t token, _ int) string {
	return dnsQuery(t, "\x10"+t.hex(8)+"\x09localhost", "\x00\x01\x00\x01")
}

// With the bit that asks for an answer to the asker alone (RFC 6762 section 5.4). As it is
// not from port 5353, the answer repeats id and question (section 6.7).
func askMDNS(t token, _ int) string {
	return dnsQuery(t, t.cased("\x09_services\x07_dns-sd\x04_udp\x05local", 2), "\x00\x0c\x80\x01")
}

// RFC 4795 section 2.1.
func askLLMNR(t token, _ int) string {
	return dnsQuery(t, t.cased("\x09localhost", 2), "\x00\x01\x00\x01")
}

// The names of a node (RFC 1002 section 4.2.17); "*" is written as CK and thirty A.
func askNetBIOS(t token, _ int) string {
	return dnsQuery(t, "\x20CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "\x00\x21\x00\x01")
}

// The answer has no question in it.
func hearsNetBIOS(r []byte, t token) echo {
	if len(r) < 12 || string(r[:2]) != t.bytes(2) || r[2]&0x80 == 0 {
		return echoNone
	}
	return echoSpeaks
}

// rpcNull calls procedure 0 of a program, which does nothing (RFC 5531 section 9).
func rpcNull(program, version uint32) func(token, int) string {
	return func(t token, _ int) string {
		b := []byte(t.bytes(4) + "\x00\x00\x00\x00\x00\x00\x00\x02")
		b = binary.BigEndian.AppendUint32(b, program)
		b = binary.BigEndian.AppendUint32(b, version)
		return string(b) + zeros(4+16)
	}
}

var hearsRPC = proves(0, 4, func(r []byte) bool { return len(r) >= 12 && hasAt(r, 4, "\x00\x00\x00\x01") })

// askIKE is a header of IKE alone, of version 3.0, which does not exist: the answer says
// which do (RFC 7296 sections 2.5 and 3.1).
func askIKE(t token, _ int) string {
	return t.bytes(8) + zeros(8) + "\x00\x30\x22\x08\x00\x00\x00\x00\x00\x00\x00\x1c"
}

var hearsIKE = proves(0, 8, func(r []byte) bool { return len(r) >= 28 })

// stunCookie tells STUN from what else runs on its port (RFC 8489 section 5).
const stunCookie = "\x21\x12\xa4\x42"

// raknetMagic is in each offline message of RakNet.
const raknetMagic = "\x00\xff\xff\x00\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78"

// hearsOpenVPN: a server's hard reset acknowledges ours and says with it whose it was.
// While a server for one peer waits for another's next word it sends the
// acknowledgement alone:
//
//	0      1          9     10             …               …
//	│opcode│own session│count│acknowledged…│session of ours│ packet id
//
// One that knows the session already says nothing for a minute, so that a fixed session
// would be answered by one look, and not by the next.
func hearsOpenVPN(r []byte, t token) echo {
	const serverReset, acknowledgement = 8 << 3, 5 << 3
	switch {
	case len(r) < 22 || r[0] != serverReset && r[0] != acknowledgement || r[9] == 0:
		return echoNone
	case hasAt(r, 10+4*int(r[9]), t.bytes(8)):
		return echoProves
	}
	return echoNone
}

// isChargen looks for neighbours in the order of ASCII, which starts anew after its end
// (RFC 864); where a line begins is anybody's guess.
func isChargen(r []byte) bool {
	run := 1
	for i := 1; i < len(r) && run < 20; i++ {
		if r[i] == r[i-1]+1 || r[i-1] == '~' && r[i] == ' ' {
			run++
		} else {
			run = 1
		}
	}
	return run == 20 && len(r) > 20
}

// askDTLS is a ClientHello of DTLS 1.2 with two cipher suites (RFC 6347 section 4.2,
// RFC 5246 section 7.4.1.2). Its record has a number that nobody guesses: a server that asks for
// a cookie takes the same (RFC 6347 section 4.2.1). One that does not, and serves a single
// peer (openssl s_server), answers no second question, and so stays unconfirmed.
func askDTLS(t token, _ int) string {
	body := "\xfe\xfd" + t.bytes(24) + t.bytes(8) + "\x00" + "\x00" + "\x00\x04\xc0\x2b\xc0\x2f" + "\x01\x00" +
		"\x00\x16" + "\x00\x0a\x00\x04\x00\x02\x00\x17" + "\x00\x0d\x00\x06\x00\x04\x04\x03\x04\x01" + "\x00\x17\x00\x00"
	size := func(n, width int) string {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(n))
		return string(b[8-width:])
	}
	message := "\x01" + size(len(body), 3) + "\x00\x00" + size(0, 3) + size(len(body), 3) + body
	return "\x16\xfe\xff\x00\x00" + dtlsNumber(t) + size(len(message), 2) + message
}

// dtlsNumber is below 2⁴⁷, so that records may follow.
func dtlsNumber(t token) string { return string([]byte{t[0] & 0x7f}) + t.bytes(6)[1:] }

func hearsDTLS(r []byte, t token) echo {
	if len(r) < 13 || r[0] != 22 && r[0] != 21 || r[1] != 0xfe {
		return echoNone
	}
	return when(hasAt(r, 5, dtlsNumber(t)))
}

// ber writes a value of at most 127 bytes (X.690 section 8.1).
func ber(tag byte, parts ...string) string {
	value := strings.Join(parts, "")
	return string([]byte{tag, byte(len(value))}) + value
}

const berInteger, berOctets, berNull, berObject, berSequence = 0x02, 0x04, 0x05, 0x06, 0x30

// snmpID is a number of four bytes that is above zero, as agents want it.
func snmpID(t token) string {
	return ber(berInteger, string([]byte{0x40 | t[0]&0x3f})+t.bytes(4)[1:])
}

// askSNMP asks in version 3 without an engine, which is answered by a report with the
// engine's id (RFC 3412, RFC 3414 section 4), then for sysUpTime in versions 2c (RFC 3416)
// and 1 (RFC 1157).
func askSNMP(t token, try int) string {
	const get = 0xa0
	zero, empty := ber(berInteger, "\x00"), ber(berOctets)
	if try > 1 {
		upTime := ber(berSequence, ber(berObject, "\x2b\x06\x01\x02\x01\x01\x03\x00"), ber(berNull))
		version := map[int]string{2: "\x01", 3: "\x00"}[try]
		return ber(berSequence, ber(berInteger, version), ber(berOctets, "public"), ber(get, snmpID(t), zero, zero, ber(berSequence, upTime)))
	}
	header := ber(berSequence, snmpID(t), ber(berInteger, "\x00\xff\xe3"), ber(berOctets, "\x04"), ber(berInteger, "\x03"))
	security := ber(berOctets, ber(berSequence, empty, zero, zero, empty, empty, empty))
	return ber(berSequence, ber(berInteger, "\x03"), header, security, ber(berSequence, empty, empty, ber(get, snmpID(t), zero, zero, ber(berSequence))))
}

func hearsSNMP(r []byte, t token) echo {
	message, _, ok := berTake(r, berSequence)
	if !ok {
		return echoNone
	}
	version, rest, ok := berTake(message, berInteger)
	if !ok || len(version) != 1 {
		return echoNone
	}
	switch version[0] {
	case 3:
		header, _, ok := berTake(rest, berSequence)
		if !ok {
			return echoNone
		}
		return when(hasAt(header, 0, snmpID(t)))
	case 0, 1:
		const response = 0xa2
		_, rest, ok = berTake(rest, berOctets)
		if !ok {
			return echoNone
		}
		pdu, _, ok := berTake(rest, response)
		if !ok {
			return echoNone
		}
		return when(hasAt(pdu, 0, snmpID(t)))
	}
	return echoNone
}

// berTake takes a value of a kind off the front.
func berTake(r []byte, tag byte) (value, rest []byte, ok bool) {
	if len(r) < 2 || r[0] != tag {
		return nil, nil, false
	}
	n, at := int(r[1]), 2
	if n > 0x80 { // the length has a length (X.690 section 8.1.3.5)
		n, at = 0, 2+n&0x7f
		if at > 4 || len(r) < at {
			return nil, nil, false
		}
		for _, b := range r[2:at] {
			n = n<<8 | int(b)
		}
	}
	if r[1] == 0x80 || len(r)-at < n {
		return nil, nil, false
	}
	return r[at : at+n], r[at+n:], true
}

// RFC 3261 section 11. The answer repeats Via, From and Call-ID (section 8.2.6.2).
func askSIP(t token, _ int) string {
	id := t.hex(8)
	return "OPTIONS sip:portvigil SIP/2.0\r\nVia: SIP/2.0/UDP portvigil.invalid;branch=z9hG4bK" + id + ";rport\r\nMax-Forwards: 1\r\n" +
		"To: <sip:portvigil@portvigil.invalid>\r\nFrom: <sip:portvigil@portvigil.invalid>;tag=" + id + "\r\nCall-ID: " + id + "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
}

// isTime reports whether an answer is the seconds since 1900 (RFC 868), a day more or
// less. Some daemons on 64 bits send eight bytes.
func isTime(r []byte, now time.Time) bool {
	const unixAfter1900 = 2208988800 // RFC 868
	if len(r) != 4 && (len(r) != 8 || string(r[4:]) != zeros(4)) {
		return false
	}
	off := int32(binary.BigEndian.Uint32(r) - uint32(now.Unix()+unixAfter1900))
	return off > -86400 && off < 86400
}
