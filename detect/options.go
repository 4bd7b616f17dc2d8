package detect

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// DefaultUserAgent is what web servers read in their log when
// Options.UserAgent is empty.
const DefaultUserAgent = "PortVigil (+https://portvigil.example; port scan by your operator)"

// The defaults of Options.
const (
	// A greeting comes after a round trip, unless the server first looks up
	// the name of who connects: resolvers give up on one server after 5 s.
	defaultTimeout    = 6 * time.Second
	defaultBannerWait = 1500 * time.Millisecond
	// Each endpoint is another service, so ten at once are one or two
	// connections for each; OpenSSH alone bears ten by default (MaxStartups).
	defaultParallel = 10
)

// Options say how to ask. The zero value is ready for use.
type Options struct {
	// Timeout bounds everything about one endpoint; 0 means 6 s.
	Timeout time.Duration
	// BannerWait is how long a port is listened to before something is asked;
	// 0 means 1.5 s. Ports where a protocol usually speaks first get three
	// times as long, within Timeout.
	BannerWait time.Duration
	// UserAgent stands in every HTTP request; "" means DefaultUserAgent.
	// It should carry the version and how to reach the operator.
	UserAgent string
	// Explain is told every byte sent and received and which rule said what;
	// nil for nobody. Annotate calls it for one step at a time.
	Explain func(Step)
	// Dial makes every connection; nil means a plain net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Parallel is how many endpoints Annotate asks at once; 0 means 10.
	Parallel int
	// Silent sends nothing: connect, listen, leave.
	Silent bool
	// Look is what is known of the host's other ports; nil means nothing. It
	// tells printers, which print what they are sent.
	Look *portvigil.Look
}

// StepKind is what a Step tells.
type StepKind string

// The kinds of step.
const (
	StepConnected StepKind = "connected"
	StepSent      StepKind = "sent"
	StepReceived  StepKind = "received"
	StepEnded     StepKind = "ended" // the connection, and why
	StepRule      StepKind = "rule"  // a rule recognised an answer
	StepNote      StepKind = "note"  // why something was or was not done
)

// Step is one thing that happened while an endpoint was asked.
type Step struct {
	Endpoint netip.AddrPort
	At       time.Duration // since the endpoint's first connection was begun
	Kind     StepKind
	Probe    string // listen, http, tls, redis, ssh-hostkey, http-metrics
	Bytes    []byte // sent or received, as they went: hostile until escaped
	Text     string // for people; may quote the peer: hostile until escaped
}

// filled returns the options with every default in place.
func (o Options) filled() Options {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.BannerWait <= 0 {
		o.BannerWait = defaultBannerWait
	}
	if o.Parallel <= 0 {
		o.Parallel = defaultParallel
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	// A line break would end the header and begin another.
	o.UserAgent = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, o.UserAgent)
	if o.UserAgent == "" {
		o.UserAgent = DefaultUserAgent
	}
	return o
}
