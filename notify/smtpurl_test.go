package notify

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

func TestAMailServerIsWrittenFromItsPartsAsItIsRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, host, port, user string
		encryption             Encryption
		want, field            string
	}{
		{"a relay", "mail.example.org", "", "", "", "smtp://mail.example.org", ""},
		{"with a user and a port", "mail.example.org", "2525", "ann@example.org", StartTLS, "smtp://ann%40example.org@mail.example.org:2525?tls=required", ""},
		{"TLS from the start", "mail.example.org", "", "ann", TLSFromStart, "smtps://ann@mail.example.org", ""},
		{"an IPv6 address", "2001:db8::1", "25", "", Unencrypted, "smtp://[2001:db8::1]:25?tls=none", ""},
		{"an IPv6 address in brackets", "[2001:db8::1]", "", "", Opportunistic, "smtp://[2001:db8::1]?tls=opportunistic", ""},
		{"a URL in place of a name", "smtp://mail.example.org", "", "", "", "", "server"},
		{"a name with a space", "mail example", "", "", "", "", "server"},
		{"no port", "mail.example.org", "x", "", "", "", "port"},
		{"a port that is too high", "mail.example.org", "65536", "", "", "", "port"},
		{"an unknown encryption", "mail.example.org", "", "", "rot13", "", "tls"},
		{"a password in the open", "mail.example.org", "", "ann", Unencrypted, "", "tls"},
		{"a user of two lines", "mail.example.org", "", "ann\r\nRCPT", "", "", "user"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := SMTPURL(c.host, c.port, c.user, c.encryption)
			var unfit *Unfit
			if c.field != "" {
				if !errors.As(err, &unfit) || unfit.Field() != c.field || portvigil.ErrorCode(err) != portvigil.CodeInvalid {
					t.Fatalf("%q, %v: it has to be about %s", got, err, c.field)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			s, err := ParseSMTP(got)
			if err != nil || s.user != c.user {
				t.Errorf("it is read as %+v, %v", s, err)
			}
		})
	}
}

func TestAnUnfitSettingIsNamed(t *testing.T) {
	t.Parallel()
	mail := Channel{Name: "ops", Kind: Email, To: []string{"a@b.c"}, From: "p@b.c", SMTP: "smtp://mail"}
	edited := func(edit func(*Channel)) Channel { c := mail; edit(&c); return c }
	for field, c := range map[string]Channel{
		"name":     edited(func(c *Channel) { c.Name = "a b" }),
		"to":       edited(func(c *Channel) { c.To = []string{"nobody"} }),
		"from":     edited(func(c *Channel) { c.From = "nobody" }),
		"server":   edited(func(c *Channel) { c.SMTP = "" }),
		"port":     edited(func(c *Channel) { c.SMTP = "smtp://mail:0" }),
		"tls":      edited(func(c *Channel) { c.SMTP = "smtp://mail?tls=maybe" }),
		"password": edited(func(c *Channel) { c.SMTP = "smtp://ann@mail" }),
		"user":     edited(func(c *Channel) { c.Secret = "hunter2" }),
		"url":      {Name: "team", Kind: Slack, URL: "http://x"},
		"secret":   {Name: "desk", Kind: Webhook, URL: "https://desk.example.org", Secret: "x"},
	} {
		var unfit *Unfit
		if err := c.Validate(); !errors.As(err, &unfit) || unfit.Field() != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if err := mail.Validate(); err != nil {
		t.Error(err)
	}
}
