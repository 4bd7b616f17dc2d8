package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

// settingsOf is a channel's settings as they are stored, for a place of any text.
func settingsOf(where string) json.RawMessage {
	text, err := json.Marshal(map[string]string{"where": where})
	if err != nil {
		panic(err)
	}
	return text
}

// made is the signing secret of every webhook that a test adds.
const made = "whsec_SHOWN-ONCE"

// aboutField is an error about one field, as the channels have it.
type aboutField struct {
	error
	field string
}

func (u aboutField) Field() string { return u.field }
func (u aboutField) Unwrap() error { return u.error }

// makeChannel stands for what cmd makes of a draft: a port that is no number does
// not fit, and a webhook gets a secret.
func (s *site) makeChannel(d ChannelDraft) (NewChannel, string, error) {
	c := NewChannel{Name: d.Name, Kind: d.Kind, Settings: settingsOf("there"), Secret: d.URL + d.Password}
	switch {
	case d.Port == "x":
		return c, "", aboutField{portvigil.Errorf(portvigil.CodeInvalid, `"x" is no port`).WithHint("give --port"), "port"}
	case d.Kind == webhookKind:
		return c, made, nil
	}
	return c, "", nil
}

func TestChannelsSayHowTheyFare(t *testing.T) {
	t.Parallel()
	failing := portvigil.Alert{ID: "A7", Kind: portvigil.ChannelFailing, Subject: portvigil.Subject{Kind: "channel", Name: "team"}, State: portvigil.AlertNew,
		Severity: portvigil.High, Text: "team does not take messages."}
	e := edited(func(e *fakeEngine) {
		e.alerts, e.queued = []portvigil.Alert{failing, sampleAlert()}, map[string]int{"C2": 3}
		e.channels = []portvigil.ChannelRow{
			{ID: "C1", Name: "ops", Kind: emailKind, Settings: settingsOf("ops@example.org through mail:25"), LastSuccess: noon.Add(-time.Hour)},
			{ID: "C2", Name: "team", Kind: slackKind, Settings: settingsOf("https://hooks.slack.com"), LastError: "post to Slack: no_service", LastFailure: noon, FailingSince: noon},
			{ID: "C3", Name: "desk", Kind: webhookKind, Settings: json.RawMessage("]")},
		}
	})
	w := newSite(base, e).get(t, "/channels")
	text := seen(t, w)
	for _, says := range []string{"ops e-mail works Leads to ops@example.org through mail:25 Last success 1 hour ago Waiting nothing",
		"team Slack failing Leads to https://hooks.slack.com", "Last error post to Slack: no_service", "Make a new address in Slack",
		"3 messages not delivered yet", "high team does not take messages.", "desk webhook not tried yet Leads to not known"} {
		if !strings.Contains(text, says) {
			t.Errorf("it does not say %q: %s", says, text)
		}
	}
	if strings.Index(text, "team Slack") > strings.Index(text, "ops e-mail") {
		t.Error("what fails does not stand first")
	}
	if wrong := faults(w.Body.String()); len(wrong) > 0 {
		t.Error(wrong)
	}
}

func TestAChannelIsAddedTestedAndRemoved(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, path, form, asked, next, says string }{
		{"e-mail", "/channels", "kind=email&name=ops&to=a@b.c, d@e.f&from=p@b.c&server=mail&user=ann&password=hunter2",
			`add channel ops email settings={"where":"there"} secret=hunter2 by ann`, "/channels", "Now send a test"},
		{"slack", "/channels", "kind=slack&name=team&url=https://hooks.slack.com/services/hunter2",
			`add channel team slack settings={"where":"there"} secret=https://hooks.slack.com/services/hunter2 by ann`, "/channels", "Now send a test"},
		{"test", "/channels/ops/test", "", `test channel "ops" by ann`, "/channels", "ops took the test message"},
		{"remove", "/channels/ops/remove", "", `remove channel "ops" by ann`, "/channels", "ops is removed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, edited(nil))
			cookie := s.signInUser(t)
			w := s.send(c.path, c.form, cookie)
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != c.next {
				t.Fatalf("answered %d to %q: %s", w.Code, w.Header().Get("Location"), seen(t, w))
			}
			if asked := s.engine.asked(); !slices.Contains(asked, c.asked) {
				t.Errorf("asked was %q, want %q", asked, c.asked)
			}
			if text := s.ask(cookie.Value, c.next); !strings.Contains(text, c.says) || strings.Contains(text, "hunter2") {
				t.Errorf("the next page has to say %q, and no secret: %s", c.says, text)
			}
			if strings.Contains(s.log.String(), "hunter2") {
				t.Errorf("the log has the secret: %s", s.log)
			}
		})
	}
}

func TestAWebhooksSecretIsShownOnce(t *testing.T) {
	t.Parallel()
	s := newSite(base, edited(func(e *fakeEngine) {
		e.channels = []portvigil.ChannelRow{{Name: "desk", Kind: webhookKind, Settings: settingsOf("https://desk"), Secret: []byte(made)}}
	}))
	cookie := s.signInUser(t)
	w := s.send("/channels", "kind=webhook&name=desk&url=https://desk/hunter2", cookie)
	if body := w.Body.String(); w.Code != http.StatusOK || strings.Count(body, made) != 1 || strings.Contains(body, "hunter2") {
		t.Errorf("answered %d: %s", w.Code, body)
	}
	for _, path := range []string{"/channels", "/audit", "/", "/about"} {
		if strings.Contains(s.ask(cookie.Value, path), made) {
			t.Errorf("%s shows it again", path)
		}
	}
	if strings.Contains(s.log.String(), made) {
		t.Error("the log has it")
	}
}

func TestAChannelThatDoesNotFitSaysSoAtItsFieldAndKeepsNoSecret(t *testing.T) {
	t.Parallel()
	const rest = "&kind=email&user=ann&password=hunter2&url=hunter2"
	for _, c := range []struct{ name, form, field, says string }{
		{"no name", "to=a@b.c&from=p@b.c&server=mail", "name", "The name is missing; call it"},
		{"no recipient", "name=ops&from=p@b.c&server=mail", "to", "The recipient is missing; write an address"},
		{"no sender", "name=ops&to=a@b.c&server=mail", "from", "The sender is missing"},
		{"no server", "name=ops&to=a@b.c&from=p@b.c", "server", "The mail server is missing"},
		{"a port that is no number", "name=ops&to=a@b.c&from=p@b.c&server=mail&port=x", "port", "is no port; give one from 1 to 65535, or leave it empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, edited(nil))
			w := s.send("/channels", c.form+rest, s.signInUser(t))
			body := w.Body.String()
			_, after, found := strings.Cut(body, `name="`+c.field+`"`)
			field, _, _ := strings.Cut(after, "</label>")
			if w.Code != http.StatusBadRequest || !found || !strings.Contains(field, c.says) || !strings.Contains(field, `aria-invalid="true"`) {
				t.Errorf("answered %d; the field has %q", w.Code, field)
			}
			if strings.Contains(body, "hunter2") || strings.Contains(body, "--") || !strings.Contains(body, `value="ann"`) {
				t.Errorf("the page has to keep what is no secret, and speak of no flag: %s", body)
			}
			if wrong := faults(body); len(wrong) > 0 {
				t.Error(wrong)
			}
			if strings.Contains(s.log.String(), "hunter2") {
				t.Errorf("the log has the secret: %s", s.log)
			}
		})
	}
}

func TestATestThatFailsSaysWhatTheReceiverAnswered(t *testing.T) {
	t.Parallel()
	s := newSite(base, edited(func(e *fakeEngine) {
		e.channels = []portvigil.ChannelRow{{Name: "ops", Kind: emailKind}, {Name: "team", Kind: slackKind}}
		e.fails = map[string]error{"test": portvigil.Errorf(portvigil.CodeUnavailable, "channel ops did not take the test message: 550 no").WithHint("mend it")}
	}))
	w := s.send("/channels/ops/test", "", s.signInUser(t))
	text := seen(t, w)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(text, "ops e-mail not tried yet Channel ops did not take the test message: 550 no; mend it.") || strings.Count(text, "550 no") != 1 {
		t.Errorf("answered %d: %s", w.Code, text)
	}
}

func TestWhatToDoAboutAFailingChannelFitsWhatItSaid(t *testing.T) {
	t.Parallel()
	for said, c := range map[string]struct{ kind, todo string }{
		"":                                {emailKind, ""},
		"dial tcp: connection refused":    {emailKind, "Nothing answers"},
		"lookup mail: no such host":       {webhookKind, "spelled right"},
		"x509: certificate has expired":   {emailKind, "does not verify"},
		"535 5.7.8 Error: authentication": {emailKind, "the user or the password"},
		"no_service":                      {slackKind, "Make a new address in Slack"},
		"answered 403 Forbidden":          {webhookKind, "signing secret"},
		"something else":                  {emailKind, "send a test"},
	} {
		got := channelRemedy(portvigil.ChannelRow{Kind: c.kind, LastError: said})
		if !strings.Contains(got, c.todo) || (got == "") != (c.todo == "") {
			t.Errorf("%q over %s: %q, want %q", said, c.kind, got, c.todo)
		}
	}
}

func TestAnInternalErrorOfAChannelIsNotShown(t *testing.T) {
	t.Parallel()
	if err := ofField(errors.New("hunter2")); Describe(err).Message != "the server failed" {
		t.Error(err)
	}
}
