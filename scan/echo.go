package scan

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
	"strings"

	"github.com/dchest/siphash"
)

// token is what a question carries that nobody can guess: fresh for each look, socket
// and port. Who sends it back has seen the question.
type token [24]byte

// tokens makes them out of a secret of the look, so that none is stored.
type tokens struct{ k0, k1 uint64 }

func newTokens() tokens {
	k := NewKey()
	return tokens{binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:])}
}

// of is the token of what is sent from the socket to the port.
func (s tokens) of(socket uint32, port uint16) (t token) {
	var text [7]byte
	binary.BigEndian.PutUint32(text[:], socket)
	binary.BigEndian.PutUint16(text[4:], port)
	for i := 0; i < len(t); i += 8 {
		text[6] = byte(i)
		binary.BigEndian.PutUint64(t[i:], siphash.Hash(s.k0, s.k1, text[:]))
	}
	return t
}

// bytes are the first n as they are, hex those as text.
func (t token) bytes(n int) string { return string(t[:n]) }

func (t token) hex(n int) string {
	const digits = "0123456789abcdef"
	text := make([]byte, 0, 2*n)
	for _, b := range t[:n] {
		text = append(text, digits[b>>4], digits[b&15])
	}
	return string(text)
}

// cased writes a name's letters large or small, as the bits of the token say from the
// byte on: DNS compares names without regard to that and repeats them as they are
// (draft-vixie-dnsext-dns0x20).
func (t token) cased(name string, from int) string {
	text := []byte(name)
	bit := 0
	for i, c := range text {
		if c < 'a' || c > 'z' {
			continue
		}
		if t[from+bit/8]>>(bit%8)&1 == 1 {
			text[i] = c - 'a' + 'A'
		}
		bit++
	}
	return string(text)
}

func (t token) inverse() (other token) {
	for i, b := range t {
		other[i] = ^b
	}
	return other
}

// leastSecret is how many bits that nobody can guess an answer has to repeat to be
// believed at once; with the 15 of our own port (randomPort) a forger has to guess 45.
// A million datagrams hit with a probability of 3e-8.
const leastSecret = 30

// echo is what a datagram shows of its sender.
type echo uint8

const (
	echoNone   echo = iota // nothing: anybody may have sent it
	echoSpeaks             // the protocol, and no more: anybody may have sent it
	echoProves             // the protocol, and that its sender saw the question
)

// when is echoProves if the condition holds, else echoSpeaks.
func when(proves bool) echo {
	if proves {
		return echoProves
	}
	return echoSpeaks
}

// question is what is sent at a try, from 1 on.
func (p *payload) question(t token, try int) string {
	if p.ask == nil {
		return ""
	}
	return p.ask(t, try)
}

// judge tells whether an answer names the protocol, and whether its sender saw the
// question. Who sends the question back speaks none but echo.
func (p *payload) judge(reply []byte, t token) (speaks, proves bool) {
	for try := 1; try <= datagramTries; try++ {
		if q := p.question(t, try); q != "" && string(reply) == q {
			return p.name == "echo", p.secret(len(q), t, try)
		}
	}
	if p.hears == nil {
		return false, false
	}
	e := p.hears(reply, t)
	return p.name != "" && e != echoNone, e == echoProves
}

// quoted reports whether what an ICMP error quotes of a datagram shows that its sender
// saw the datagram. Linux quotes what fits into 576 bytes (RFC 1812 section 4.3.2.3), others
// only the UDP header (RFC 792), which shows nothing.
func (p *payload) quoted(part []byte, t token) bool {
	for try := 1; try <= datagramTries; try++ {
		if strings.HasPrefix(p.question(t, try), string(part)) && p.secret(len(part), t, try) {
			return true
		}
	}
	return false
}

// secret reports whether the first n bytes of a question hold leastSecret bits of its
// token: that many of them turn when the token is inverted. A hexadecimal digit counts
// for four at most, a letter of a name for one.
func (p *payload) secret(n int, t token, try int) bool {
	one, other := p.question(t, try), p.question(t.inverse(), try)
	turned := 0
	for i := range min(n, len(one), len(other)) {
		turned += bits.OnesCount8(one[i] ^ other[i])
	}
	return turned >= leastSecret
}

// Source ports of questions are drawn by ourselves: the kernel's choice may be guessed.
// Below lie the ports of services, which are not to find theirs taken.
const (
	lowestPort  = 1 << 15
	sourcePorts = 1<<16 - lowestPort
)

func randomPort() uint16 {
	var two [2]byte
	_, _ = rand.Read(two[:]) // never fails: crypto/rand ends the program instead
	return lowestPort | binary.BigEndian.Uint16(two[:])
}
