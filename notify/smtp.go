package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

// envelope is what a mail server is given: bare addresses and a whole message.
type envelope struct {
	from string
	to   []string
	raw  []byte
}

// mailer makes one attempt at one mail server.
type mailer struct {
	server   SMTP
	password Secret
	options  Options
}

// deliver hands the mail to the server. From the moment that the server has
// taken it nothing is an error any more: a farewell that fails must not lead to
// a second copy.
func (m mailer) deliver(ctx context.Context, e envelope) error {
	ctx, cancel := context.WithTimeout(ctx, m.options.Timeout)
	defer cancel()
	conn, err := m.options.Dial(ctx, "tcp", m.server.address())
	if err != nil {
		return m.failure(ctx, "connect", err)
	}
	defer func() { _ = conn.Close() }()
	// The SMTP client waits without a context: closing the connection is what
	// wakes it when the time is over or the caller gives up.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()

	client, step, err := m.open(ctx, &bounded{Conn: conn, left: longestTalk})
	if err != nil {
		return m.failure(ctx, step, err)
	}
	missed, step, err := send(client, e)
	if err != nil {
		return m.failure(ctx, step, err)
	}
	_ = client.Quit()
	if len(missed) == 0 {
		return nil
	}
	text := fmt.Sprintf("mail through %s: taken for %d of %d recipients; refused: %s",
		m.server.address(), len(e.to)-len(missed), len(e.to), missed[0].Error())
	f := &Failure{text: harmless(text, m.secrets()...)}
	for _, r := range missed {
		f.Missed = append(f.Missed, r.address)
	}
	return f
}

// open greets, encrypts and signs in. The step names what it was at when it failed.
func (m mailer) open(ctx context.Context, conn net.Conn) (_ *smtp.Client, step string, _ error) {
	required, verified := m.server.encryption()
	config := &tls.Config{ServerName: m.server.host, RootCAs: m.options.RootCAs, InsecureSkipVerify: !verified, MinVersion: tls.VersionTLS12}
	name := m.helloName(conn)
	if m.server.implicit {
		encrypted := tls.Client(conn, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, "start TLS", err
		}
		conn = encrypted
	}
	client, err := smtp.NewClient(conn, m.server.host)
	if err != nil {
		return nil, "read the greeting", err
	}
	if err := client.Hello(name); err != nil {
		return nil, "say hello", err
	}
	if !m.server.implicit && m.server.tls != tlsNone {
		offered, _ := client.Extension("STARTTLS")
		if required && !offered {
			return nil, "start TLS", errNoTLS
		}
		if offered {
			if err := client.StartTLS(config); err != nil {
				return nil, "start TLS", err
			}
		}
	}
	if m.server.user == "" {
		return client, "", nil
	}
	return client, "sign in", m.signIn(client)
}

// helloName is our name for the server: without one, the literal of our own
// address, as RFC 5321 section 4.1.4 asks of a client that has no name.
func (m mailer) helloName(conn net.Conn) string {
	if m.options.Hostname != "" {
		return m.options.Hostname
	}
	own, ok := conn.LocalAddr().(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case own.IP.To4() != nil:
		return "[" + own.IP.String() + "]"
	}
	return "[IPv6:" + own.IP.String() + "]"
}

// What no later attempt can change, because the server lacks it.
var (
	errNoTLS  = errors.New("the server offers no STARTTLS, and the password or ?tls=required asks for it")
	errNoAuth = errors.New("the server offers no sign-in that we know (PLAIN, LOGIN, SCRAM-SHA-256, CRAM-MD5)")
)

func (m mailer) signIn(client *smtp.Client) error {
	_, offered := client.Extension("AUTH")
	offer := strings.Fields(strings.ToUpper(offered))
	user, password, host := m.server.user, m.password.Reveal(), m.server.host
	clear := isLoopback(host) // elsewhere the connection is encrypted by now
	switch {
	case slices.Contains(offer, "SCRAM-SHA-256"):
		return client.Auth(smtp.ScramSHA256Auth(user, password))
	case slices.Contains(offer, "PLAIN"):
		return client.Auth(smtp.PlainAuth("", user, password, host, clear))
	case slices.Contains(offer, "LOGIN"):
		return client.Auth(smtp.LoginAuth(user, password, host, clear))
	case slices.Contains(offer, "CRAM-MD5"):
		return client.Auth(smtp.CRAMMD5Auth(user, password))
	}
	return errNoAuth
}

// refusal is a recipient whom the server does not want.
type refusal struct {
	address string
	err     error
}

func (r refusal) Error() string { return r.address + ": " + r.err.Error() }

// send runs the transaction. One recipient who is refused does not keep the mail
// from the others; with nobody left it is an error.
func send(client *smtp.Client, e envelope) (missed []refusal, step string, err error) {
	if err := client.Mail(e.from); err != nil {
		return nil, "name the sender", err
	}
	for _, to := range e.to {
		if err := client.Rcpt(to); err != nil {
			missed = append(missed, refusal{to, err})
		}
	}
	if len(missed) == len(e.to) {
		return nil, "name the recipient " + missed[0].address, missed[0].err
	}
	w, err := client.Data()
	if err != nil {
		return nil, "begin the message", err
	}
	if _, err := w.Write(e.raw); err != nil {
		return nil, "send the message", err
	}
	if err := w.Close(); err != nil {
		return nil, "end the message", err
	}
	return missed, "", nil
}

// secrets are the password, and what AUTH PLAIN sends in base64 (RFC 4616).
func (m mailer) secrets() []Secret {
	return []Secret{m.password, "\x00" + Secret(m.server.user) + "\x00" + m.password}
}

// failure puts an error of a step into words. An answer of 5xx is final (RFC 5321
// section 4.2.1), as is a server that lacks what we need; everything else, such
// as 4xx, a broken connection or a certificate that is out of date, may pass.
func (m mailer) failure(ctx context.Context, step string, err error) *Failure {
	if ctx.Err() != nil {
		err = ctx.Err() // not the closed connection that it led to
	}
	f := failed("mail through "+m.server.address()+": "+step, err, m.secrets()...)
	switch answer, answered := errors.AsType[*textproto.Error](err); {
	case errors.Is(err, errNoTLS) || errors.Is(err, errNoAuth):
		f.Temporary = false
	case answered:
		f.Temporary = answer.Code/100 != 5
		if step == "sign in" {
			// Its text may repeat what we sent, in whatever form.
			f.text = harmless(fmt.Sprintf("mail through %s: sign in as %s: answered %d; check user and password",
				m.server.address(), m.server.user, answer.Code), m.secrets()...)
			f.err = nil
		}
	}
	return f
}

// longestTalk bounds, in bytes, what a server may say in one attempt: a hundred
// answers of ordinary length, and a certificate chain.
const longestTalk = 256 << 10

// bounded is a connection that ends when the other side talks without end.
type bounded struct {
	net.Conn
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("the server does not stop talking")
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
