package notify

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/portvigil/portvigil"
)

func TestWebhookVerifiesWithTheSpecificationsLibraryAndKeepsItsID(t *testing.T) {
	t.Parallel()
	r := startHTTP(t, nil)
	c := Channel{Name: "w", Kind: Webhook, URL: Secret(r.url), Secret: NewSecret()}
	s, err := New(c, Options{Version: "1.0"})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := standardwebhooks.NewWebhook(c.Secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Send(t.Context(), opened()); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range r.taken() {
		if err := verifier.Verify(p.body, p.header); err != nil {
			t.Error(err)
		}
		if got := p.header.Get("webhook-id"); got != opened().ID {
			t.Errorf("webhook-id = %q", got)
		}
		if got := p.header.Get("Content-Type") + " " + p.header.Get("User-Agent"); got != "application/json PortVigil/1.0" {
			t.Errorf("headers = %q", got)
		}
		var body struct {
			Type string
			Time time.Time
			Data struct {
				Type string
				portvigil.Alert
			}
		}
		if err := json.Unmarshal(p.body, &body); err != nil {
			t.Fatal(err)
		}
		if body.Type != "alert.opened" || body.Data.Type != "alert" || body.Data.ID != opened().Alert.ID || !body.Time.Equal(opened().Time) {
			t.Errorf("body = %s", p.body)
		}
		if !strings.HasPrefix(string(p.body), `{"type":"alert.opened","time":"`) {
			t.Errorf("body = %s", p.body)
		}
	}
	if n := len(r.taken()); n != 2 {
		t.Errorf("%d posts", n)
	}
}

func TestStatusOfAnAnswerDecides(t *testing.T) {
	t.Parallel()
	for code, temporary := range map[int]bool{
		301: false, 302: false, 307: false, 400: false, 401: false, 403: false, 404: false, 410: false, 413: false,
		408: true, 425: true, 429: true, 500: true, 502: true, 503: true, 504: true,
	} {
		elsewhere := startHTTP(t, nil)
		r := startHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", elsewhere.url)
			w.WriteHeader(code)
		})
		s, err := New(Channel{Name: "w", Kind: Webhook, URL: Secret(r.url), Secret: NewSecret()}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		f, ok := errors.AsType[*Failure](s.Send(t.Context(), opened()))
		if !ok || f.Temporary != temporary {
			t.Errorf("%d: %v", code, f)
		}
		if len(elsewhere.taken()) != 0 {
			t.Errorf("%d: the redirect was followed", code)
		}
		if len(r.taken()) != 1 {
			t.Errorf("%d: %d posts in one attempt", code, len(r.taken()))
		}
	}
}

func TestSlacksWordIsExplained(t *testing.T) {
	t.Parallel()
	r := startHTTP(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no_service", http.StatusNotFound) })
	s, err := New(Channel{Name: "s", Kind: Slack, URL: Secret(r.url + "/" + testToken)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Send(t.Context(), opened())
	if err == nil || !strings.HasSuffix(err.Error(), "answered 404 Not Found; no_service: the webhook was removed or switched off; make a new one") {
		t.Errorf("Send = %v", err)
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, " 5 ": 5 * time.Second, "-1": 0, "soon": 0, "1e3": 0, "99999999999999999999": 0,
		"9999999": 24 * time.Hour,
		seen.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		seen.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(value, seen); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", value, got, want)
		}
	}
}

func TestNewSecretIsOneThatSigns(t *testing.T) {
	t.Parallel()
	key, err := NewSecret().signingKey()
	if err != nil || len(key) != keyMade {
		t.Errorf("signingKey = %d bytes, %v", len(key), err)
	}
	short := Secret(keyPrefix + base64.StdEncoding.EncodeToString(make([]byte, 8)))
	for _, s := range []Secret{"", "abc", "whsec_!!", short} {
		if _, err := s.signingKey(); portvigil.ErrorCode(err) != portvigil.CodeInvalid {
			t.Errorf("signingKey = %v", err)
		}
	}
}
