package notify

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// What holds for every channel stands here once; a channel joins by a rig.

// rig starts a receiver of one kind of channel in one mood.
type rig struct {
	kind  Kind
	start func(t *testing.T, mood mood) (Channel, func() []string)
}

// mood is how a receiver treats what it gets.
type mood string

const (
	takes         mood = "takes it"
	later         mood = "asks to come later"
	refuses       mood = "refuses it for good"
	hangs         mood = "never answers"
	breaksOff     mood = "closes half-way"
	talksNonsense mood = "talks nonsense"
)

const (
	testPassword = "correct-horse-battery"
	testPlain    = "AGFubgBjb3JyZWN0LWhvcnNlLWJhdHRlcnk=" // what AUTH PLAIN sends for ann
	testToken    = "XXXXtokenXXXXtokenXXXX"
)

var rigs = []rig{
	{Email, emailRig},
	{Slack, httpRig(Slack)},
	{Webhook, httpRig(Webhook)},
}

func emailRig(t *testing.T, mood mood) (Channel, func() []string) {
	c := Channel{Name: "ops", Kind: Email, To: []string{"ann@example.org"}, From: "portvigil@example.org", Secret: testPassword}
	m := startMail(t, false, withPassword(testPassword))
	address := m.address
	switch mood {
	case later:
		m.refuseTo["ann@example.org"] = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted, " + testPassword}
	case refuses:
		m.refuseTo["ann@example.org"] = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user " + testPassword + " " + testPlain}
	case hangs:
		address = startTalk(t, true)
	case breaksOff:
		address = startTalk(t, false, "220 mail.test", "250-mail.test\r\n250 AUTH PLAIN")
	case talksNonsense:
		address = startTalk(t, false, "HTTP/1.1 400 Bad Request "+testPassword)
	}
	c.SMTP = "smtp://ann@" + address
	return c, func() []string {
		var all []string
		for _, e := range m.taken() {
			_, text, page, err := readMail(e.raw)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, text, page)
		}
		return all
	}
}

func httpRig(k Kind) func(*testing.T, mood) (Channel, func() []string) {
	return func(t *testing.T, mood mood) (Channel, func() []string) {
		answers := map[string]http.HandlerFunc{
			string(later): func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "30")
				http.Error(w, "slow down "+r.URL.Path, http.StatusTooManyRequests)
			},
			string(refuses): func(w http.ResponseWriter, r *http.Request) {
				http.Error(w, "gone: "+r.URL.Path, http.StatusGone)
			},
			string(hangs):     func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			string(breaksOff): func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			string(talksNonsense): func(w http.ResponseWriter, r *http.Request) {
				conn, buffered, err := w.(http.Hijacker).Hijack()
				if err != nil {
					return
				}
				_, _ = buffered.WriteString("220 " + r.URL.Path + "\r\n\r\n")
				_ = buffered.Flush()
				_ = conn.Close()
			},
		}
		r := startHTTP(t, answers[string(mood)])
		c := Channel{Name: "ops", Kind: k, URL: Secret(r.url + "/services/T0/B0/" + testToken)}
		if k == Webhook {
			c.Secret = NewSecret()
		}
		return c, func() []string {
			var all []string
			for _, p := range r.taken() {
				var decoded any
				if err := json.Unmarshal(p.body, &decoded); err != nil {
					t.Fatal(err)
				}
				all = append(all, strings.Join(stringsIn(decoded), "\n"))
			}
			return all
		}
	}
}

// stringsIn returns every text and number of a JSON value.
func stringsIn(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case map[string]any:
		var all []string
		for _, inner := range v {
			all = append(all, stringsIn(inner)...)
		}
		return all
	case []any:
		var all []string
		for _, inner := range v {
			all = append(all, stringsIn(inner)...)
		}
		return all
	case float64:
		text, _ := json.Marshal(v)
		return []string{string(text)}
	}
	return nil
}

func TestEveryChannel(t *testing.T) {
	t.Parallel()
	for _, r := range rigs {
		for _, tc := range []struct {
			mood      mood
			temporary bool
			wait      time.Duration // over HTTP
		}{
			{takes, false, 0}, {later, true, 30 * time.Second}, {refuses, false, 0}, {hangs, true, 0}, {breaksOff, true, 0}, {talksNonsense, true, 0},
		} {
			t.Run(string(r.kind)+" to a receiver that "+string(tc.mood), func(t *testing.T) {
				t.Parallel()
				c, received := r.start(t, tc.mood)
				o := Options{LinkBase: "https://portvigil.example.org"}
				if tc.mood == hangs {
					o.Timeout = 200 * time.Millisecond
				}
				s, err := New(c, o)
				if err != nil {
					t.Fatal(err)
				}
				err = s.Send(t.Context(), opened())
				if tc.mood == takes {
					if err != nil {
						t.Fatal(err)
					}
					checkFacts(t, received())
					return
				}
				f, ok := errors.AsType[*Failure](err)
				if !ok {
					t.Fatalf("Send = %T %v, want a *Failure", err, err)
				}
				if f.Temporary != tc.temporary {
					t.Errorf("Temporary = %v, want %v: %v", f.Temporary, tc.temporary, f)
				}
				if r.kind != Email && f.RetryAfter != tc.wait {
					t.Errorf("RetryAfter = %v, want %v", f.RetryAfter, tc.wait)
				}
				if tc.mood == hangs && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v does not unwrap to the deadline", err)
				}
				checkNoSecret(t, c, err)
			})
		}
	}
}

// checkFacts holds the same facts against what arrived on any channel.
func checkFacts(t *testing.T, received []string) {
	t.Helper()
	if len(received) == 0 {
		t.Fatal("nothing arrived")
	}
	for _, text := range received {
		for _, want := range []string{
			"web1", "9100", "10.99.0.2", "fd00::2", "Prometheus node exporter", "1.5.0", "/usr/bin/prometheus-node-exporter", "prometheus-node-exporter.service",
			"https://portvigil.example.org/alerts/01890000-0000-7000-8000-0000000000aa",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing in\n%s", want, text)
			}
		}
	}
}

// checkNoSecret walks the whole chain: each error's text may end in a log.
func checkNoSecret(t *testing.T, c Channel, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, secret := range []string{testPassword, testPlain, testToken, "/services/", c.Secret.Reveal(), strings.TrimPrefix(c.Secret.Reveal(), keyPrefix)} {
			if secret != "" && strings.Contains(e.Error(), secret) {
				t.Errorf("%T shows %q: %v", e, secret, e)
			}
		}
	}
}

func TestCallerWhoGivesUpEndsEveryAttempt(t *testing.T) {
	t.Parallel()
	for _, r := range rigs {
		t.Run(string(r.kind), func(t *testing.T) {
			t.Parallel()
			c, _ := r.start(t, hangs)
			s, err := New(c, Options{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if err := s.Send(ctx, opened()); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Send = %v", err)
			}
		})
	}
}

func TestReceiverThatIsNotThereIsTemporary(t *testing.T) {
	t.Parallel()
	for _, c := range []Channel{
		{Name: "m", Kind: Email, To: []string{"a@example.org"}, From: "p@example.org", SMTP: "smtp://127.0.0.1:1"},
		{Name: "s", Kind: Slack, URL: "http://127.0.0.1:1/services/T0/B0/" + testToken},
		{Name: "w", Kind: Webhook, URL: "http://127.0.0.1:1/" + testToken, Secret: NewSecret()},
	} {
		s, err := New(c, Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Send(t.Context(), opened())
		f, ok := errors.AsType[*Failure](err)
		if !ok || !f.Temporary {
			t.Errorf("%s: Send = %v", c.Kind, err)
		}
		checkNoSecret(t, c, err)
	}
}
