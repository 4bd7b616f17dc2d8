package web

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// everyPath is what the pages have, and some that they do not have.
var everyPath = []string{"/", "/hosts/web1", "/alerts/A1", "/account", "/metrics", "/nothing", "/favicon.ico", "/pages/style.css", "/v1/hosts", "/enter", "/hosts/", "/hosts/a%2Fb"}

func TestDoorkeeperShowsNothingWithoutASession(t *testing.T) {
	t.Parallel()
	s := newSite(base, &fakeEngine{hosts: nil, host: sampleHost(), alert: sampleAlert()})
	ways := map[string]func(*http.Request){
		"nothing":                           nil,
		"from loopback":                     func(r *http.Request) { r.RemoteAddr = "127.0.0.1:5000" },
		"an empty cookie":                   func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName}) },
		"a made-up session":                 func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName, Value: "AAAA"}) },
		"a link's token as the session":     func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName, Value: s.keeper.NewLink()}) },
		"the word of a proxy":               func(r *http.Request) { r.Header.Set("X-Forwarded-For", "127.0.0.1") },
		"an empty bearer":                   func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") },
		"the metrics' token in another way": func(r *http.Request) { r.Header.Set("Authorization", metricsToken) },
	}
	for name, way := range ways {
		for _, path := range everyPath {
			w := s.request("GET", path, way)
			if w.Code != http.StatusUnauthorized {
				t.Errorf("%s: GET %s answered %d", name, path, w.Code)
			}
			// The form leads back to the path that was asked for, which is no secret.
			body := strings.ReplaceAll(w.Body.String(), `name="next" value="`+path+`"`, "")
			if strings.Contains(body, "web1") || strings.Contains(body, "9100") {
				t.Errorf("%s: GET %s tells of a host: %s", name, path, body)
			}
			if c := w.Result().Cookies(); len(c) > 0 {
				t.Errorf("%s: GET %s sets %v", name, path, c)
			}
		}
	}
	if asked := s.engine.asked(); len(asked) > 0 {
		t.Errorf("the engine was asked: %q", asked)
	}
}

func TestDoorkeeperShowsTheStyleSheetToEverybody(t *testing.T) {
	t.Parallel()
	w := newSite(base, &fakeEngine{}).request("GET", "/style.css", nil)
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/css") {
		t.Errorf("answered %d %s", w.Code, w.Header().Get("Content-Type"))
	}
}

func TestDoorkeeperLinkWorksOnce(t *testing.T) {
	t.Parallel()
	s := newSite(base, &fakeEngine{})
	link, found := strings.CutPrefix(s.keeper.NewLink(), base)
	if !found {
		t.Fatalf("the link is %q", link)
	}
	if w := s.request("HEAD", link, nil); w.Code != http.StatusUnauthorized {
		t.Errorf("HEAD answered %d: it must not use the link up", w.Code)
	}
	w := s.request("GET", link, nil)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/start" { // there is no baseline yet
		t.Fatalf("the first use answered %d to %q", w.Code, w.Header().Get("Location"))
	}
	cookie := w.Result().Cookies()[0]
	again := s.request("GET", link, nil)
	if again.Code != http.StatusUnauthorized || len(again.Result().Cookies()) > 0 {
		t.Errorf("the second use answered %d with %v", again.Code, again.Result().Cookies())
	}
	for _, says := range []string{"This link has been used, or is too old.", "portvigil serve --link"} {
		if !strings.Contains(again.Body.String(), says) {
			t.Errorf("the second use does not say %q:\n%s", says, again.Body)
		}
	}
	if w := s.request("GET", "/", func(r *http.Request) { r.AddCookie(cookie) }); w.Code != http.StatusOK {
		t.Errorf("the second use ended the session of the first: %d", w.Code)
	}
}

func TestDoorkeeperTimesEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		wait    time.Duration
		link    int // what its first use then answers
		session int // what a page then answers to a session of the beginning
	}{
		{"both live for nearly twelve hours", sessionLife - time.Second, http.StatusSeeOther, http.StatusOK},
		{"the session ends after twelve hours", sessionLife, http.StatusSeeOther, http.StatusUnauthorized},
		{"the link lives for nearly a day", linkLife - time.Second, http.StatusSeeOther, http.StatusUnauthorized},
		{"after a day it is too old", linkLife, http.StatusUnauthorized, http.StatusUnauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, &fakeEngine{})
			cookie, link := s.signIn(t), strings.TrimPrefix(s.keeper.NewLink(), base)
			s.now = s.now.Add(c.wait)
			if w := s.request("GET", "/", func(r *http.Request) { r.AddCookie(cookie) }); w.Code != c.session {
				t.Errorf("the session answered %d, want %d", w.Code, c.session)
			}
			if w := s.request("GET", link, nil); w.Code != c.link {
				t.Errorf("the link answered %d, want %d", w.Code, c.link)
			}
		})
	}
}

func TestDoorkeeperForgetsWhatIsOver(t *testing.T) {
	t.Parallel()
	s := newSite(base, &fakeEngine{})
	for range 10 {
		s.signIn(t)
		s.keeper.NewLink()
	}
	s.now = s.now.Add(linkLife)
	s.keeper.NewLink()
	if links, sessions := len(s.keeper.links), len(s.keeper.sessions); links != 1 || sessions != 0 {
		t.Errorf("%d links and %d sessions are kept, want 1 and 0", links, sessions)
	}
}

func TestDoorkeeperCookie(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		edit   func(*http.Request)
		secure bool
	}{
		{"on loopback, where there is no TLS", nil, false},
		{"over TLS", func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, true},
		{"over TLS to a proxy", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "HTTPS") }, true},
		{"through a proxy without TLS", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "http") }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, &fakeEngine{})
			w := s.request("GET", strings.TrimPrefix(s.keeper.NewLink(), base), c.edit)
			got := w.Result().Cookies()[0]
			if len(got.Value) < 26 { // 128 bits in base 32
				t.Errorf("the session %q can be guessed", got.Value)
			}
			got.Value, got.Raw = "", ""
			want := &http.Cookie{Name: cookieName, Path: "/", HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode, MaxAge: 12 * 60 * 60}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestDoorkeeperLinksAndSessionsAreNotOneAnother(t *testing.T) {
	t.Parallel()
	s := newSite(base, &fakeEngine{})
	cookie := s.signIn(t)
	if w := s.request("GET", "/enter?token="+cookie.Value, nil); w.Code != http.StatusUnauthorized {
		t.Errorf("a session opened the door as a link: %d", w.Code)
	}
	if w := newSite(base, &fakeEngine{}).request("GET", "/", func(r *http.Request) { r.AddCookie(cookie) }); w.Code != http.StatusUnauthorized {
		t.Errorf("a session outlived its server: %d", w.Code)
	}
}
