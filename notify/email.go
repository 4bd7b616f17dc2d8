package notify

import (
	"bytes"
	"context"
	"fmt"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/portvigil/portvigil"
)

// email sends mails through a mail server.
type email struct {
	mailer
	from *mail.Address
	to   []*mail.Address
}

func newEmail(c Channel, o Options) (*email, error) {
	server, err := ParseSMTP(c.SMTP)
	if err != nil {
		return nil, err
	}
	from, to, err := parseAddresses(c.From, c.To)
	if err != nil {
		return nil, err
	}
	return &email{mailer: mailer{server, c.Secret, o}, from: from, to: to}, nil
}

// Send implements Sender.
func (e *email) Send(ctx context.Context, m Message) error {
	m = m.linked(e.options.LinkBase)
	raw, err := e.compose(m)
	if err != nil {
		return &Failure{text: harmless("write the mail: "+err.Error(), e.password), err: masked(err, []Secret{e.password})}
	}
	return e.deliver(ctx, envelopeOf(e.from, e.to, raw))
}

// compose writes the whole mail, byte for byte the same on every attempt.
func (e *email) compose(m Message) ([]byte, error) {
	page, err := htmlOf(m)
	if err != nil {
		return nil, err
	}
	msg := letter{from: e.from, to: e.to, subject: Subject(m), text: Text(m), id: m.ID, time: m.Time, agent: e.options.agent()}.message()
	msg.AddAlternativeString(gomail.TypeTextHTML, page)
	// The parent of every mail about an alert is one that was never sent: the
	// first mail's own id is not known to later ones, and clients thread by the
	// common reference (RFC 5322 section 3.6.4).
	thread := "<alert." + identity(m.Alert.ID) + "@portvigil>"
	msg.SetGenHeader(gomail.HeaderReferences, thread)
	msg.SetGenHeader(gomail.HeaderInReplyTo, thread)
	msg.SetGenHeader("X-PortVigil-Event", portvigil.Printable(string(m.Event)))
	var raw bytes.Buffer
	_, err = msg.WriteTo(&raw)
	return raw.Bytes(), err
}

// letter is a mail before it is written.
type letter struct {
	from          *mail.Address
	to            []*mail.Address
	subject, text string
	id            string
	time          time.Time
	agent         string
}

// message lays the letter out with the headers that every mail of ours has.
func (l letter) message() *gomail.Msg {
	id := identity(l.id)
	msg := gomail.NewMsg(gomail.WithBoundary("portvigil-"+id), gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(l.from)
	msg.ToMailAddress(l.to...)
	// "=?" begins an encoded word (RFC 2047) for whoever reads the mail, and what
	// it decodes to has passed no escaper.
	msg.Subject(strings.ReplaceAll(portvigil.Printable(l.subject), "=?", "= ?"))
	msg.SetMessageIDWithValue(id + "@portvigil")
	msg.SetDateWithValue(l.time.UTC())
	// So that holiday replies stay away (RFC 3834 section 5, and Exchange's own).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetGenHeader(gomail.HeaderUserAgent, l.agent)
	msg.SetBodyString(gomail.TypeTextPlain, printableLines(l.text))
	return msg
}

// printableLines is portvigil.Printable for a text of several lines.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = portvigil.Printable(line)
	}
	return strings.Join(lines, "\n")
}

func envelopeOf(from *mail.Address, to []*mail.Address, raw []byte) envelope {
	e := envelope{from: from.Address, raw: raw}
	for _, a := range to {
		e.to = append(e.to, a.Address)
	}
	return e
}

// parseAddresses reads the sender and the recipients, which must not be none.
func parseAddresses(from string, to []string) (*mail.Address, []*mail.Address, error) {
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return nil, nil, invalid("write it as name@example.org", "sender %q is no e-mail address", from)
	}
	if len(to) == 0 {
		return nil, nil, invalid("name one", "the mail has no recipient")
	}
	var recipients []*mail.Address
	for _, text := range to {
		a, err := mail.ParseAddress(text)
		if err != nil {
			return nil, nil, invalid("write it as name@example.org", "recipient %q is no e-mail address", text)
		}
		recipients = append(recipients, a)
	}
	return sender, recipients, nil
}

// Mail sends a plain text through a mail server, as `check --smtp` does. The
// server is written as ParseSMTP reads it, body may have several lines, and
// messageID is the same on every attempt. Errors are as of Sender.Send, or a
// portvigil.Error with CodeInvalid for settings that cannot work.
func Mail(ctx context.Context, server string, password Secret, from string, to []string, subject, body, messageID string) error {
	s, err := ParseSMTP(server)
	if err != nil {
		return err
	}
	if err := s.checkPassword(password); err != nil {
		return err
	}
	o := Options{}.filled(Email)
	raw, e, err := plainMail(from, to, subject, body, messageID, o)
	if err != nil {
		return err
	}
	e.raw = raw
	return mailer{s, password, o}.deliver(ctx, e)
}

// plainMail writes a mail that has only a text.
func plainMail(from string, to []string, subject, body, messageID string, o Options) ([]byte, envelope, error) {
	sender, recipients, err := parseAddresses(from, to)
	if err != nil {
		return nil, envelope{}, err
	}
	var raw bytes.Buffer
	msg := letter{from: sender, to: recipients, subject: subject, text: body, id: messageID, time: o.Now(), agent: o.agent()}.message()
	if _, err := msg.WriteTo(&raw); err != nil {
		return nil, envelope{}, fmt.Errorf("write the mail: %w", err)
	}
	return raw.Bytes(), envelopeOf(sender, recipients, nil), nil
}
