package scan

import (
	"bytes"
	"strconv"
	"time"
)

// payloads are in no order. Where an answer repeats less than leastSecret bits, or a
// protocol nothing at all, confirm.go asks again.
var payloads = []payload{
	{name: "dns", ports: []uint16{53}, ask: askDNS, hears: hearsDNS(askDNS)},
	{name: "mdns", ports: []uint16{5353}, ask: askMDNS, hears: hearsDNS(askMDNS)},
	{name: "llmnr", ports: []uint16{5355}, ask: askLLMNR, hears: func(r []byte, t token) echo { return min(hearsDNS(askLLMNR)(r, t), echoSpeaks) }},
	// A client's question: no leap information, version 4, mode 3; its time of sending comes
	// back as the origin, which is how clients tell forged answers (RFC 5905 sections 7.3 and 8).
	{name: "ntp", ports: []uint16{123}, ask: func(t token, _ int) string { return "\xe3" + zeros(39) + t.bytes(8) },
		hears: proves(24, 8, func(r []byte) bool { return len(r) >= 48 && r[0]&7 == 4 })},
	{name: "snmp", ports: []uint16{161}, ask: askSNMP, hears: hearsSNMP},
	// A file that is not there: the error comes from another port (RFC 1350 section 4).
	{name: "tftp", ports: []uint16{69}, ask: func(t token, _ int) string { return "\x00\x01portvigil-" + t.hex(8) + "\x00octet\x00" }, wanders: true,
		hears: speaks(func(r []byte) bool { return len(r) >= 4 && r[0] == 0 && (r[1] == 5 || r[1] == 3) })},
	{name: "sip", ports: []uint16{5060}, ask: askSIP, hears: func(r []byte, t token) echo {
		if !bytes.HasPrefix(r, []byte("SIP/2.0 ")) {
			return echoNone
		}
		return when(containsHex(r, t, 8))
	}},
	{name: "isakmp", ports: []uint16{500}, ask: askIKE, hears: hearsIKE},
	{name: "isakmp", ports: []uint16{4500}, ask: func(t token, try int) string { return zeros(4) + askIKE(t, try) }, // RFC 3948 section 2.2
		hears: func(r []byte, t token) echo {
			if !hasAt(r, 0, zeros(4)) {
				return echoNone
			}
			return hearsIKE(r[4:], t)
		}},
	// A hard reset by a client, answered by one by the server (OpenVPN's network protocol, packet types).
	{name: "openvpn", ports: []uint16{1194}, ask: func(t token, _ int) string { return "\x38" + t.bytes(8) + "\x00" + zeros(4) }, hears: hearsOpenVPN},
	{name: "stun", ports: []uint16{3478, 3479, 19302}, ask: func(t token, _ int) string { return "\x00\x01\x00\x00" + stunCookie + t.bytes(12) }, // RFC 8489 section 5
		hears: proves(8, 12, func(r []byte) bool {
			return len(r) >= 20 && r[0] == 1 && (r[1] == 1 || r[1] == 0x11) && hasAt(r, 4, stunCookie)
		})},
	// UPnP device architecture 1.3.2.
	{name: "upnp", ports: []uint16{1900}, ask: func(t token, _ int) string {
		return "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: upnp:rootdevice\r\nUSER-AGENT: portvigil/" + t.hex(8) + "\r\n\r\n"
	}, hears: begins("HTTP/1.1 200")},
	{name: "netbios-ns", ports: []uint16{137}, ask: askNetBIOS, hears: hearsNetBIOS},
	{name: "memcached", ports: []uint16{11211}, ask: func(t token, _ int) string { return t.bytes(2) + "\x00\x00\x00\x01\x00\x00version\r\n" }, // memcached, doc/protocol.txt, "UDP protocol"
		hears: func(r []byte, t token) echo {
			if !hasAt(r, 0, t.bytes(2)) || !hasAt(r, 8, "VERSION ") {
				return echoNone
			}
			return echoSpeaks
		}},
	// A version that is reserved to be refused: the answer lists those that are spoken, and
	// repeats both connection ids (RFC 9000 section 6, RFC 8999 section 6).
	{name: "quic", ports: []uint16{443, 784, 853, 8443},
		ask: func(t token, _ int) string {
			return "\xc0\x1a\x2a\x3a\x4a\x08" + string(t[8:16]) + "\x08" + t.bytes(8) + zeros(1200-23)
		},
		hears: proves(6, 8, func(r []byte) bool {
			return len(r) >= 15 && r[0]&0x80 != 0 && hasAt(r, 1, zeros(4)+"\x08")
		})},
	{name: "dtls", ports: []uint16{4433, 5349, 5684}, ask: askDTLS, hears: hearsDTLS},
	// A request for a tunnel that is never used (RFC 2661 sections 4.4 and 6.1). Its number
	// comes back in the header.
	{name: "l2tp", ports: []uint16{1701}, ask: func(t token, _ int) string {
		return "\xc8\x02\x00\x40" + zeros(8) + "\x80\x08\x00\x00\x00\x00\x00\x01" + "\x80\x08\x00\x00\x00\x02\x01\x00" +
			"\x80\x0a\x00\x00\x00\x03\x00\x00\x00\x03" + "\x80\x0a\x00\x00\x00\x07pvgl" + "\x80\x08\x00\x00\x00\x09" + l2tpTunnel(t) + "\x80\x08\x00\x00\x00\x0a\x00\x01"
	}, hears: func(r []byte, t token) echo {
		if len(r) < 12 || r[0] != 0xc8 || r[1] != 2 || !hasAt(r, 4, l2tpTunnel(t)) {
			return echoNone
		}
		return echoSpeaks
	}},
	{name: "rpcbind", ports: []uint16{111}, ask: rpcNull(100000, 2), hears: hearsRPC},
	{name: "nfs", ports: []uint16{2049}, ask: rpcNull(100003, 3), hears: hearsRPC},
	// Something that is not there, asked for with a token (RFC 7252 section 5.3.1).
	{name: "coap", ports: []uint16{5683}, ask: func(t token, _ int) string { return "\x48\x01" + t.bytes(2) + string(t[2:10]) + "\xb9portvigil" }, hears: hearsCoAP},
	// A question by the server itself, without a user (RFC 5997). Only clients that a server
	// knows are answered.
	{name: "radius", ports: []uint16{1812, 1813}, ask: func(t token, _ int) string {
		return "\x0c" + string(t[16:17]) + "\x00\x26" + t.bytes(16) + "\x50\x12" + zeros(16)
	}, hears: func(r []byte, t token) echo {
		if len(r) < 20 || r[0] != 2 && r[0] != 3 && r[0] != 5 || r[1] != t[16] {
			return echoNone
		}
		return echoSpeaks
	}},
	{name: "xdmcp", ports: []uint16{177}, ask: fixed("\x00\x01\x00\x02\x00\x01\x00"), // X.Org, XDMCP, Query
		hears: speaks(func(r []byte) bool { return len(r) >= 6 && r[1] == 1 && (r[3] == 5 || r[3] == 6) })},
	// The presence of a management controller (ASF 2.0 section 3.2.4.2).
	{name: "asf-rmcp", ports: []uint16{623}, ask: func(t token, _ int) string { return "\x06\x00\xff\x06\x00\x00\x11\xbe\x80" + rmcpTag(t) + "\x00\x00" },
		hears: func(r []byte, t token) echo {
			if len(r) < 10 || r[0] != 6 || r[8] != 0x40 || !hasAt(r, 9, rmcpTag(t)) {
				return echoNone
			}
			return echoSpeaks
		}},
	{name: "source-engine", ports: []uint16{27015, 27016}, ask: fixed("\xff\xff\xff\xffTSource Engine Query\x00"), // Valve, server queries, A2S_INFO
		hears: speaks(func(r []byte) bool {
			return len(r) >= 5 && hasAt(r, 0, "\xff\xff\xff\xff") && (r[4] == 'A' || r[4] == 'I')
		})},
	// What follows getinfo is a challenge, which the answer has again.
	{name: "quake3", ports: []uint16{27960}, ask: func(t token, _ int) string { return "\xff\xff\xff\xffgetinfo " + t.hex(8) },
		hears: func(r []byte, t token) echo {
			if !hasAt(r, 0, "\xff\xff\xff\xffinfoResponse") {
				return echoNone
			}
			return when(containsHex(r, t, 8))
		}},
	{name: "nat-pmp", ports: []uint16{5351}, ask: fixed("\x00\x00"), hears: speaks(func(r []byte) bool { return len(r) >= 8 && r[1] >= 128 })}, // RFC 6886 section 3.2
	{name: "bittorrent-dht", ports: []uint16{6881}, ask: func(t token, _ int) string {
		return "d1:ad2:id20:portvigil-portvigil-e1:q4:ping1:t16:" + t.hex(8) + "1:y1:qe"
	}, // BEP 5
		hears: func(r []byte, t token) echo {
			if !hasAt(r, 0, "d") || !bytes.Contains(r, []byte("1:t16:"+t.hex(8))) {
				return echoNone
			}
			return echoProves
		}},
	// One instance by its name: all of them would be a long answer (MS-SQLR 2.2.3).
	{name: "ms-sql-m", ports: []uint16{1434}, ask: fixed("\x04MSSQLSERVER\x00"), hears: begins("\x05")},
	{name: "echo", ports: []uint16{7}, ask: askAnything}, // RFC 862
	// Any datagram asks these (RFC 864, 867, 868).
	{name: "chargen", ports: []uint16{19}, ask: askAnything, hears: speaks(isChargen)},
	{name: "daytime", ports: []uint16{13}, ask: askAnything, hears: speaks(func(r []byte) bool { return bytes.Count(r, []byte(":")) >= 2 && len(r) < 80 })},
	{name: "time", ports: []uint16{37}, ask: askAnything, hears: speaks(func(r []byte) bool { return isTime(r, time.Now()) })},
	// An echo request with a number (3GPP TS 29.060 section 7.2.1).
	{name: "gtp", ports: []uint16{2123, 2152}, ask: func(t token, _ int) string { return "\x32\x01\x00\x04" + zeros(4) + t.bytes(2) + "\x00\x00" },
		hears: func(r []byte, t token) echo {
			if len(r) < 12 || r[1] != 2 || !hasAt(r, 8, t.bytes(2)) {
				return echoNone
			}
			return echoSpeaks
		}},
	{name: "lantronix", ports: []uint16{30718}, ask: fixed("\x00\x00\x00\xf6"), hears: begins("\x00\x00\x00\xf7")},
	{name: "ubiquiti-discovery", ports: []uint16{10001}, ask: fixed("\x01\x00\x00\x00"), hears: begins("\x01\x00\x00")},
	// ListIdentity; the sender's context comes back (ODVA, CIP volume 2, section 2-3).
	{name: "ethernet-ip", ports: []uint16{44818}, ask: func(t token, _ int) string { return "\x63" + zeros(11) + t.bytes(8) + zeros(4) },
		hears: func(r []byte, t token) echo {
			if len(r) < 24 || r[0] != 0x63 {
				return echoNone
			}
			return when(hasAt(r, 12, t.bytes(8)))
		}},
	// A ping with an identifier (Mumble protocol, "UDP ping").
	{name: "mumble", ports: []uint16{64738}, ask: func(t token, _ int) string { return zeros(4) + t.bytes(8) }, hears: proves(4, 8, func(r []byte) bool { return len(r) >= 24 })},
	// An unconnected ping; the pong has its time again.
	{name: "raknet", ports: []uint16{19132}, ask: func(t token, _ int) string { return "\x01" + t.bytes(8) + raknetMagic + string(t[8:16]) },
		hears: func(r []byte, t token) echo {
			if len(r) <= 33 || r[0] != 0x1c || !bytes.Contains(r, []byte(raknetMagic)) {
				return echoNone
			}
			return when(hasAt(r, 1, t.bytes(8)))
		}},
	{name: "plex-gdm", ports: []uint16{32414}, ask: func(t token, _ int) string {
		return "M-SEARCH * HTTP/1.1\r\nUSER-AGENT: portvigil/" + t.hex(8) + "\r\n\r\n"
	}, hears: begins("HTTP/1.0 200")},
	// RFC 5456 section 6.7.3: our call's number comes back.
	{name: "iax2", ports: []uint16{4569}, ask: func(t token, _ int) string { return iaxCall(t) + zeros(8) + "\x06\x1e" },
		hears: func(r []byte, t token) echo {
			if len(r) < 12 || r[0]&0x80 == 0 || r[10] != 6 || r[2]&0x7f != t[0]&0x7f || r[3] != t[1]|1 {
				return echoNone
			}
			return echoSpeaks
		}},
	// A number of at most nine digits (RFC 3435 section 3.2.1.2).
	{name: "mgcp", ports: []uint16{2427}, ask: func(t token, _ int) string { return "AUEP " + mgcpID(t) + " *@portvigil.invalid MGCP 1.0\r\n\r\n" },
		hears: func(r []byte, t token) echo {
			if len(r) < 4 || !hasAt(r, 3, " "+mgcpID(t)) {
				return echoNone
			}
			return echoSpeaks
		}},
	{name: "pcanywhere", ports: []uint16{5632}, ask: fixed("NQ"), hears: begins("NR")},
	// What these get they keep: logs, traps, flows, metrics. None of them answers.
	{ports: []uint16{9, 162, 514, 1514, 2003, 2055, 4739, 5140, 6343, 8125, 12201, 25826}},
}

// l2tpTunnel is not zero, which would be none.
func l2tpTunnel(t token) string { return string([]byte{t[0], t[1] | 1}) }

// rmcpTag is not 255, which asks for no answer (ASF 2.0 section 3.2.2.3).
func rmcpTag(t token) string { return string([]byte{t[0] & 0x7f}) }

// iaxCall is the number of a call, of 15 bits and not zero, in a full frame (RFC 5456 section 8.1.1).
func iaxCall(t token) string { return string([]byte{0x80 | t[0], t[1] | 1}) }

func mgcpID(t token) string {
	n := uint32(t[0])<<24 | uint32(t[1])<<16 | uint32(t[2])<<8 | uint32(t[3])
	return strconv.Itoa(int(100_000_000 + n%900_000_000))
}

// hearsCoAP: an acknowledgement with our token, or a reset with our message's number.
func hearsCoAP(r []byte, t token) echo {
	if len(r) < 4 || r[0]&0xf0 != 0x60 && r[0]&0xf0 != 0x70 && r[0]&0xf0 != 0x50 && r[0]&0xf0 != 0x40 {
		return echoNone
	}
	if r[0]&0x0f == 8 && hasAt(r, 4, string(t[2:10])) {
		return echoProves
	}
	if hasAt(r, 2, t.bytes(2)) && r[0]&0xe0 == 0x60 {
		return echoSpeaks
	}
	return echoNone
}
