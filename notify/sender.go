package notify

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"time"

	"github.com/portvigil/portvigil"
)

// Sender delivers messages to one channel.
type Sender interface {
	// Send makes one attempt. nil means that the receiver took the message;
	// every other error is a *Failure, which tells whether to try again. It may
	// be called from several goroutines at once.
	Send(ctx context.Context, m Message) error
}

// The default time for one attempt. Ten seconds is what the receivers of
// webhooks are commonly given (Slack answers within one): a longer wait would
// hold up the messages behind it. Mail servers keep a client waiting on purpose:
// delays of up to 30 s before the greeting are a common measure against spam,
// and RFC 5321 section 4.5.3.2 allows minutes for each step.
const (
	postTimeout = 10 * time.Second
	mailTimeout = 60 * time.Second
)

// Options is what senders share. The zero value is useful.
type Options struct {
	// Client posts to Slack and webhooks, nil for one that uses no proxy, keeps
	// no idle connection and checks certificates against the system's roots. Its
	// redirect policy and its timeout are not used.
	Client *http.Client
	// Timeout bounds one attempt, 0 for 10 s over HTTP and 60 s over SMTP.
	Timeout time.Duration
	// LinkBase stands before an alert's link that has no host: https://host:port.
	LinkBase string
	// Version of the program, for User-Agent; "" for none.
	Version string
	// Hostname is what a mail server is greeted with, "" for the address of the
	// connection in brackets (RFC 5321 section 4.1.4).
	Hostname string
	// RootCAs verify mail servers, nil for the system's roots.
	RootCAs *x509.CertPool
	// Dial connects to mail servers, nil for a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock, nil for time.Now.
	Now func() time.Time
}

// New returns the sender of a channel. Settings that Validate refuses are
// refused here with the same error.
func New(c Channel, o Options) (Sender, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	o = o.filled(c.Kind)
	switch c.Kind {
	case Email:
		return newEmail(c, o)
	case Slack:
		return &slack{receiver: newReceiver(c, o), linkBase: o.LinkBase}, nil
	case Webhook:
		return newWebhook(c, o)
	}
	return nil, portvigil.Errorf(portvigil.CodeInternal, "no sender for channels of kind %q", c.Kind)
}

// filled returns the options with every default in place.
func (o Options) filled(k Kind) Options {
	if o.Timeout <= 0 {
		o.Timeout = postTimeout
		if k == Email {
			o.Timeout = mailTimeout
		}
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Client == nil {
		o.Client = &http.Client{Transport: &http.Transport{
			// Alerts are rare: an idle connection would only be found dead.
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		}}
	}
	return o
}

// agent is how the program names itself to receivers.
func (o Options) agent() string {
	if o.Version == "" {
		return "PortVigil"
	}
	return "PortVigil/" + portvigil.Printable(o.Version)
}
