package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/portvigil/portvigil"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	mail := func(smtp string, password Secret) Channel {
		return Channel{Name: "m", Kind: Email, To: []string{"a@example.org"}, From: "P <p@example.org>", SMTP: smtp, Secret: password}
	}
	slack := func(url Secret) Channel { return Channel{Name: "s", Kind: Slack, URL: url} }
	hook := func(url Secret) Channel { return Channel{Name: "w", Kind: Webhook, URL: url, Secret: NewSecret()} }
	for _, tc := range []struct {
		name string
		c    Channel
		want string // part of the error, "" for none
	}{
		{"a mail server by name", mail("smtp://mail.example.org", ""), ""},
		{"a mail server with a user and a password", mail("smtps://ann@mail.example.org:465", "pw"), ""},
		{"no mail server", mail("", ""), "missing"},
		{"a mail server without a scheme", mail("mail.example.org:25", ""), "cannot be read"},
		{"a password in the URL", mail("smtp://ann:hunter2hunter2@mail.example.org", ""), "holds a password"},
		{"a user without a password", mail("smtp://ann@mail.example.org", ""), "no password"},
		{"a password without a user", mail("smtp://mail.example.org", "pw"), "names no user"},
		{"a password in the clear", mail("smtp://ann@mail.example.org?tls=none", "pw"), "could be read"},
		{"a password to anybody", mail("smtp://ann@mail.example.org?tls=opportunistic", "pw"), "could be read"},
		{"an unknown option", mail("smtp://mail.example.org?ssl=1", ""), "unknown option"},
		{"an unknown TLS mode", mail("smtp://mail.example.org?tls=maybe", ""), "unknown"},
		{"implicit TLS without TLS", mail("smtps://mail.example.org?tls=none", ""), "contradicts"},
		{"no recipient", Channel{Name: "m", Kind: Email, From: "p@example.org", SMTP: "smtp://h"}, "recipient"},
		{"a recipient that is none", Channel{Name: "m", Kind: Email, To: []string{"ann"}, From: "p@example.org", SMTP: "smtp://h"}, "no e-mail address"},
		{"a recipient with a line end", Channel{Name: "m", Kind: Email, To: []string{"a@b.c\r\nDATA"}, From: "p@example.org", SMTP: "smtp://h"}, "no e-mail address"},
		{"an incoming webhook of Slack", slack("https://hooks.slack.com/services/T00/B00/" + testToken), ""},
		{"a compatible server", slack("https://mattermost.example.org/hooks/x"), ""},
		{"a receiver on loopback", slack("http://127.0.0.1:8080/services/T/B/X"), ""},
		{"no Slack URL", slack(""), "no URL"},
		{"a Slack URL without a scheme", slack("hooks.slack.com/services/T00/B00/" + testToken), "no scheme"},
		{"a Slack URL with a line end", slack("https://hooks.slack.com/services/T00/B00/" + testToken + "\n"), "holds a space"},
		{"a channel's page", slack("https://example.slack.com/archives/" + testToken), "a page of Slack"},
		{"half a Slack URL", slack("https://hooks.slack.com/services/T00/" + testToken), "not complete"},
		{"a workflow of Slack", slack("https://hooks.slack.com/triggers/T00/1/" + testToken), "workflow"},
		{"Slack in the clear", slack("http://hooks.slack.com/services/T00/B00/" + testToken), "unencrypted"},
		{"a webhook", hook("https://hook.example.org/x?token=" + testToken), ""},
		{"a webhook in a private network", hook("http://10.0.0.5/" + testToken), ""},
		{"a webhook in the clear", hook("http://hook.example.org/" + testToken), "unencrypted"},
		{"a webhook to a cloud's metadata", hook("https://169.254.169.254/" + testToken), "metadata"},
		{"a webhook by mail", hook("mailto:a@example.org"), "no scheme"},
		{"a webhook by file", hook("file:///etc/passwd"), "file://"},
		{"a webhook without a secret", Channel{Name: "w", Kind: Webhook, URL: "https://h.example.org"}, "whsec_"},
		{"no name", Channel{Kind: Slack}, "no name"},
		{"a name with a space", Channel{Name: "a b", Kind: Slack}, "holds"},
		{"an unknown kind", Channel{Name: "p", Kind: "pager"}, "unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			err := tc.c.Validate()
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if where := tc.c.Where(); strings.Contains(where, testToken) || where == "" {
					t.Errorf("Where = %q", where)
				}
				return
			}
			if portvigil.ErrorCode(err) != portvigil.CodeInvalid || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), ";") {
				t.Errorf("Validate = %v, want %q and a hint", err, tc.want)
			}
			for _, secret := range []string{testToken, "hunter2"} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("%v shows a secret", err)
				}
			}
			if _, err := New(tc.c, Options{}); err == nil {
				t.Error("New takes it all the same")
			}
		})
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	c := Channel{Name: "s", Kind: Slack, URL: testToken, Secret: testToken}
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+" "+verb+"\n", c, c.Secret)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("channel", "secret", c.Secret, "channel", c)
	if err := json.NewEncoder(&b).Encode(c); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), testToken) || strings.Contains(b.String(), fmt.Sprintf("%x", testToken)) {
		t.Error(b.String())
	}
	var back Channel
	if err := json.Unmarshal([]byte(`{"secret":"[secret]"}`), &back); err == nil {
		t.Error("a mask was read as a secret")
	}
	if err := json.Unmarshal([]byte(`{"secret":"pw"}`), &back); err != nil || back.Secret.Reveal() != "pw" {
		t.Errorf("Unmarshal = %v", err)
	}
}

// program writes an executable script, which stands for a sendmail.
func program(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sendmail")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSendmailHandsOverTheWholeMail(t *testing.T) {
	out := filepath.Join(t.TempDir(), "mail")
	path := program(t, `echo "$@" >"`+out+`"; cat >>"`+out+`"`)
	if err := Sendmail(t.Context(), path, "p@example.org", []string{"a@example.org"}, "web1 differs", "+ 9100/tcp\n.\nend"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	arguments, raw, _ := strings.Cut(string(got), "\n")
	if arguments != "-t -i" || strings.Contains(raw, "\r") {
		t.Errorf("arguments %q, mail %q", arguments, raw)
	}
	header, text, _, err := readMail([]byte(raw))
	if err != nil || header.Get("To") != "<a@example.org>" || header.Get("Subject") != "web1 differs" || strings.TrimSpace(text) != "+ 9100/tcp\n.\nend" {
		t.Errorf("header %v, text %q, %v", header, text, err)
	}
}

func TestSendmailThatFails(t *testing.T) {
	for _, tc := range []struct {
		name, path, want string
	}{
		{"is not there", "/nonexistent/sendmail", "--smtp"},
		{"is no absolute path", "sendmail", "absolute"},
		{"says why", program(t, "cat >/dev/null; printf 'no \\033[2J relay' >&2; exit 75"), `exit status 75: no \x1b[2J relay`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := Sendmail(t.Context(), tc.path, "p@example.org", []string{"a@example.org"}, "s", "b")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Sendmail = %v, want %q", err, tc.want)
			}
		})
	}
}
