package detect

import (
	"context"
	"slices"

	"github.com/portvigil/portvigil"
)

// The steps of confidence; doc.go says what they mean.
const (
	sureOfProtocol  = 50
	sureByOwnWords  = 60
	sureByWording   = 70
	sureByBanner    = 80
	sureByStructure = 90
)

// protocol is what is known of one protocol: when to ask, what to send, how to
// read.
type protocol struct {
	// name as Service.Name has it.
	name string
	// plain and secure are the ports where it is usual, bare and over TLS.
	plain, secure []uint16
	// greets tells that the server speaks first.
	greets bool
	// request is what to send where nobody spoke; nil for a protocol that is
	// never asked. It must change nothing and may fill one line of a log.
	request func(v *visit) []byte
	// whole reports whether the answer to request is complete, so that nobody
	// waits for more; a fresh function for each answer.
	whole func() func(answer []byte) bool
	// limit is how many bytes of an answer are read.
	limit int
	// read says what an answer shows, whoever was asked for it: a pure
	// function of hostile bytes. port is for what looks alike in two protocols.
	read func(answer []byte, port uint16) (reading, bool)
	// further asks for what the first answer did not tell, on the connection
	// (where it is still of use) or another one; nil for nothing.
	further func(ctx context.Context, v *visit, w *wire, answer []byte, r *reading)
}

// reading is what one rule concluded from one answer. Its service always has a
// Name and a Confidence.
type reading struct {
	service portvigil.Service
	rule    string
}

// protocols returns every protocol in the order in which they read an answer:
// the strictest first, those that share "220 " and "+OK" last.
func protocols() []*protocol {
	return []*protocol{
		sshProtocol(), mysqlProtocol(), httpProtocol(), imapProtocol(), redisProtocol(),
		smtpProtocol(), ftpProtocol(), pop3Protocol(),
	}
}

// named returns the reading for a protocol whose product is not known.
func named(name, rule string) reading {
	return reading{portvigil.Service{Name: name, Confidence: sureOfProtocol}, rule}
}

// greeter reports whether some protocol that speaks first is usual there.
func (v *visit) greeter(port uint16, secure bool) bool {
	return slices.ContainsFunc(v.protocols, func(p *protocol) bool {
		return p.greets && p.usual(port, secure)
	})
}

// usual reports whether the protocol is usual at the port.
func (p *protocol) usual(port uint16, secure bool) bool {
	if secure {
		return slices.Contains(p.secure, port)
	}
	return slices.Contains(p.plain, port)
}
