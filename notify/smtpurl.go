package notify

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/portvigil/portvigil"
)

// tlsMode says how a connection to a mail server is encrypted.
type tlsMode string

const (
	// tlsDefault: STARTTLS where the server offers it, and then its certificate
	// has to be right, except on loopback. With a user, or over smtps, it is
	// tlsRequired, except for a user on loopback.
	tlsDefault tlsMode = ""
	// tlsNone: never. Not with a user beyond loopback.
	tlsNone tlsMode = "none"
	// tlsOpportunistic: STARTTLS where it is offered, with any certificate. It
	// keeps out who only listens; who can change traffic could hide STARTTLS as
	// well (RFC 7435). Not with a user beyond loopback.
	tlsOpportunistic tlsMode = "opportunistic"
	// tlsRequired: always, with a certificate that verifies.
	tlsRequired tlsMode = "required"
)

// SMTP is a mail server and how to speak to it.
type SMTP struct {
	host     string
	port     uint16
	user     string
	implicit bool // TLS from the first byte (RFC 8314)
	tls      tlsMode
}

// The ports of RFC 5321, RFC 6409 (submission, by who signs in) and RFC 8314.
const (
	portRelay  = 25
	portSubmit = 587
	portTLS    = 465
)

// ParseSMTP reads a mail server:
//
//	smtp://host                   port 25; STARTTLS where it is offered, verified but on loopback
//	smtp://user@host              port 587; signs in, so that STARTTLS has to be offered and verify
//	smtps://user@host             port 465; TLS from the start
//	smtp://host:2525?tls=none     none, opportunistic (any certificate) or required
//
// Its errors are portvigil.Errors with CodeInvalid. A password is no part of it:
// command lines are seen by every user of a machine.
func ParseSMTP(text string) (SMTP, error) {
	const hint = "write it as smtp://host:25, smtp://user@host:587 or smtps://user@host:465"
	if text == "" {
		return SMTP{}, about("server", invalid("give --smtp smtp://HOST", "the mail server is missing"))
	}
	u, err := url.Parse(text)
	if err != nil || !strings.Contains(text, "://") || u.Hostname() == "" {
		// The text may hold a password, so it is not repeated.
		return SMTP{}, about("server", invalid(hint, "the mail server's URL cannot be read"))
	}
	if _, has := u.User.Password(); has {
		return SMTP{}, about("server", invalid("put the password into a file and give --password-file", "the mail server's URL holds a password"))
	}
	s := SMTP{host: u.Hostname(), user: u.User.Username(), implicit: u.Scheme == "smtps"}
	switch {
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return SMTP{}, about("server", invalid(hint, "the mail server's URL begins with %s://", u.Scheme))
	case u.Path != "" && u.Path != "/" || u.Fragment != "":
		return SMTP{}, about("server", invalid(hint, "the mail server's URL goes on after the port"))
	case strings.ContainsAny(s.user, "\r\n\x00"):
		return SMTP{}, about("user", invalid(hint, "the mail server's user holds a control character"))
	}
	if s.port, err = s.parsePort(u.Port()); err != nil {
		return SMTP{}, about("port", err)
	}
	return s, about("tls", s.parseQuery(u))
}

// Encryption is how a mail server is spoken to, for who chooses it by itself. The
// zero value leaves it to what ParseSMTP does without an option.
type Encryption string

// The encryptions.
const (
	StartTLS      Encryption = "starttls"      // has to be offered, and verify
	TLSFromStart  Encryption = "tls"           // RFC 8314
	Opportunistic Encryption = "opportunistic" // where it is offered, by any certificate
	Unencrypted   Encryption = "none"
)

// SMTPURL writes a mail server as ParseSMTP reads it, from its parts; port and user
// may be empty.
func SMTPURL(host, port, user string, e Encryption) (string, error) {
	host = strings.Trim(host, "[]")
	u := url.URL{Scheme: "smtp", Host: host}
	if strings.Contains(host, ":") {
		u.Host = "[" + host + "]"
	}
	if port != "" {
		if _, err := new(SMTP).parsePort(port); err != nil {
			return "", about("port", err)
		}
		u.Host = net.JoinHostPort(host, port)
	}
	if user != "" {
		u.User = url.User(user)
	}
	switch e {
	case "":
	case TLSFromStart:
		u.Scheme = "smtps"
	case StartTLS:
		u.RawQuery = "tls=required"
	case Opportunistic, Unencrypted:
		u.RawQuery = "tls=" + string(e)
	default:
		return "", about("tls", invalid("choose starttls, tls, opportunistic or none", "encryption %s is unknown", portvigil.Quoted(string(e))))
	}
	text := u.String()
	_, err := ParseSMTP(text)
	return text, err
}

func (s *SMTP) parsePort(text string) (uint16, error) {
	switch {
	case text != "":
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return 0, invalid("give one from 1 to 65535", "%q is no port of a mail server", text)
		}
		return uint16(port), nil
	case s.implicit:
		return portTLS, nil
	case s.user != "":
		return portSubmit, nil
	}
	return portRelay, nil
}

func (s *SMTP) parseQuery(u *url.URL) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return invalid("the only option is ?tls=", "the options of the mail server's URL cannot be read")
	}
	for key := range query {
		if key != "tls" {
			return invalid("the only option is ?tls=", "the mail server's URL has an unknown option %q", key)
		}
	}
	s.tls = tlsMode(query.Get("tls"))
	switch s.tls {
	case tlsDefault, tlsRequired:
	case tlsNone, tlsOpportunistic:
		if s.implicit {
			return invalid("leave it out, or use smtp://", "smtps:// is always encrypted and verified: tls=%s contradicts it", s.tls)
		}
		if s.user != "" && !isLoopback(s.host) {
			return invalid("leave out ?tls=, so that STARTTLS is required and verified", "with tls=%s the password could be read on its way to %s", s.tls, s.host)
		}
	default:
		return invalid("give none, opportunistic or required", "tls=%s is unknown", s.tls)
	}
	return nil
}

// checkPassword holds user and password together.
func (s SMTP) checkPassword(password Secret) error {
	switch {
	case s.user != "" && password == "":
		return about("password", invalid("give --password-file FILE", "the mail server's user %s has no password", s.user))
	case s.user == "" && password != "":
		return about("user", invalid("write it as smtp://user@host", "there is a password, but the mail server's URL names no user"))
	}
	return nil
}

// encryption decides what tlsDefault leaves open: whether STARTTLS has to be
// there, and whether the certificate has to verify.
func (s SMTP) encryption() (required, verified bool) {
	loopback := isLoopback(s.host)
	switch {
	case s.implicit || s.tls == tlsRequired:
		return true, true
	case s.tls == tlsOpportunistic || s.tls == tlsNone:
		return false, false
	}
	return s.user != "" && !loopback, !loopback
}

func (s SMTP) address() string { return net.JoinHostPort(s.host, strconv.Itoa(int(s.port))) }
