package notify

import (
	"net/mail"
	"strings"

	"github.com/portvigil/portvigil"
)

// Kind is the sort of a channel.
type Kind string

// The kinds.
const (
	Email   Kind = "email"
	Slack   Kind = "slack"
	Webhook Kind = "webhook"
)

// Kinds returns every kind, for help texts and their tests.
func Kinds() []Kind { return []Kind{Email, Slack, Webhook} }

// Channel is the settings of one way to reach people, as they are stored.
type Channel struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`

	To   []string `json:"to,omitempty"`   // e-mail: recipients
	From string   `json:"from,omitempty"` // e-mail: sender
	// SMTP is the mail server, as ParseSMTP reads it.
	SMTP string `json:"smtp,omitempty"`

	// URL is where Slack's incoming webhook or the receiver of a webhook is. It
	// is a secret: whoever knows Slack's may post, others hold a token.
	URL Secret `json:"url,omitempty"`
	// Secret is the SMTP password, or the webhook's signing key (NewSecret).
	Secret Secret `json:"secret,omitempty"`
}

// Where says for lists and logs where a channel leads, without any secret.
func (c Channel) Where() string {
	switch c.Kind {
	case Email:
		s, err := ParseSMTP(c.SMTP)
		if err != nil {
			return portvigil.Printable(strings.Join(c.To, ", "))
		}
		return portvigil.Printable(strings.Join(c.To, ", ") + " through " + s.address())
	case Slack, Webhook:
		return portvigil.Printable(c.URL.host())
	}
	return ""
}

// Unfit is the error of one setting of a channel; it wraps a portvigil.Error.
type Unfit struct {
	setting string
	err     error
}

// Error says what is wrong with the setting, and what to do.
func (u *Unfit) Error() string { return u.err.Error() }

// Unwrap returns the error that a code and a hint can be read from.
func (u *Unfit) Unwrap() error { return u.err }

// Field names the setting for who asks for settings in a form: name, to, from,
// server, port, tls, user, password, url or secret.
func (u *Unfit) Field() string { return u.setting }

// about says which setting an error is about; nil stays nil.
func about(setting string, err error) error {
	if err == nil {
		return nil
	}
	return &Unfit{setting, err}
}

// Validate returns a portvigil.Error with CodeInvalid and what to do where the
// settings cannot work, as an Unfit where one setting is to blame. It asks no
// network.
func (c Channel) Validate() error {
	if err := checkName(c.Name); err != nil {
		return about("name", err)
	}
	switch c.Kind {
	case Email:
		return c.checkEmail()
	case Slack:
		return about("url", checkSlackURL(c.URL))
	case Webhook:
		if err := checkURL(c.URL); err != nil {
			return about("url", err)
		}
		_, err := c.Secret.signingKey()
		return about("secret", err)
	}
	return invalid("give --kind email, slack or webhook", "channel kind %q is unknown", c.Kind)
}

// longestName is in bytes; a name stands in subjects, metrics and tables.
const longestName = 64

func checkName(name string) error {
	const hint = "take letters, digits, dots, dashes and underscores, at most 64"
	if name == "" {
		return invalid(hint, "the channel has no name")
	}
	for _, r := range name {
		if r > '~' || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r) {
			return invalid(hint, "channel name %q holds %q", name, r)
		}
	}
	if len(name) > longestName {
		return invalid(hint, "the channel name is %d characters long", len(name))
	}
	return nil
}

func (c Channel) checkEmail() error {
	if len(c.To) == 0 {
		return about("to", invalid("give --to ADDRESS", "an e-mail channel needs a recipient"))
	}
	for _, to := range c.To {
		if _, err := mail.ParseAddress(to); err != nil {
			return about("to", invalid("write it as name@example.org", "recipient %q is no e-mail address", to))
		}
	}
	if c.From == "" {
		return about("from", invalid("give --from ADDRESS", "an e-mail channel needs a sender"))
	}
	if _, err := mail.ParseAddress(c.From); err != nil {
		return about("from", invalid("write it as name@example.org", "sender %q is no e-mail address", c.From))
	}
	s, err := ParseSMTP(c.SMTP)
	if err != nil {
		return err
	}
	return s.checkPassword(c.Secret)
}

func invalid(hint, format string, args ...any) error {
	return portvigil.Errorf(portvigil.CodeInvalid, format, args...).WithHint("%s", hint)
}
