package detect

import (
	"slices"
)

// The steps that are no protocol of their own; the others are named after the
// protocol that is asked.
const (
	stepListen = "listen"
	stepTLS    = "tls"
	stepHTTP   = "http"
	stepRedis  = "redis"
)

// order returns the steps to take, going by the port alone; every answer may
// change it. Where a protocol is usual, waiting for somebody else's greeting
// would only cost time: a greeting is heard after a question, too.
func (v *visit) order(secure bool) []string {
	port := v.endpoint.Port()
	usual := func(name string, secure bool) bool {
		return slices.ContainsFunc(v.protocols, func(p *protocol) bool { return p.name == name && p.usual(port, secure) })
	}
	switch {
	case secure && usual(stepHTTP, true):
		return []string{stepHTTP, stepRedis}
	case secure:
		return []string{stepListen, stepHTTP, stepRedis}
	case v.greeter(port, false):
		return []string{stepListen, stepHTTP, stepRedis, stepTLS}
	case usual(stepHTTP, true), v.greeter(port, true), slices.Contains(tlsPorts, port):
		return []string{stepTLS, stepHTTP, stepRedis}
	case usual(stepHTTP, false):
		return []string{stepHTTP, stepRedis, stepTLS}
	case usual(stepRedis, false):
		return []string{stepRedis, stepHTTP, stepTLS}
	}
	return []string{stepListen, stepHTTP, stepRedis, stepTLS}
}

// patience returns how long a step waits. With the defaults a port that never
// says anything takes 1.5 s to listen, 2 s for HTTP, 1 s for Redis and 1.5 s for
// TLS: six in all. Where a protocol is usual, its step may take two thirds.
func (v *visit) patience(step string, secure bool) hearing {
	all, port := v.o.Timeout, v.endpoint.Port()
	for _, p := range v.protocols {
		if p.name == step && p.usual(port, secure) {
			return hearing{first: all * 2 / 3, rest: all / 2}
		}
	}
	switch step {
	case stepListen:
		h := hearing{first: v.o.BannerWait, rest: v.o.BannerWait, limit: maxBanner, whole: wholeGreeting}
		switch {
		case v.greeter(port, secure):
			h.first *= 3 // the server may look up who connects
		case secure:
			h.first /= 4 // the handshake took the server's start and the way there
		}
		return h
	case stepTLS:
		return hearing{first: all / 4}
	case stepRedis:
		return hearing{first: all / 6, rest: all / 6}
	}
	return hearing{first: all / 3, rest: all / 2}
}

// wholeGreeting reports whether a greeting has come to an end: a packet of the
// MySQL protocol has its length in front; everybody else ends a line, and marks
// one that others follow with a hyphen (RFC 5321 section 4.2.1: "220-").
func wholeGreeting(b []byte) bool {
	if n, ok := mysqlPacketLength(b); ok {
		return len(b) >= n
	}
	if _, ok := sshIdentification(b); ok {
		return true // what follows is binary
	}
	if b[len(b)-1] != '\n' {
		return false
	}
	last := lastLine(b)
	return len(last) < 4 || last[3] != '-' || !digits(last[:3])
}

// lastLine returns the last complete line, without its end.
func lastLine(b []byte) []byte {
	b = b[:len(b)-1]
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] == '\n' {
			return b[i+1:]
		}
	}
	return b
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
