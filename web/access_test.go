package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/portvigil/portvigil"
)

// anyOf replaces what stands for a part of a path by one.
func anyOf(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	path = strings.NewReplacer("{$}", "", "{", "", "}", "", "...", "").Replace(path)
	return method, path
}

// TestPagesAreShownToThoseTheyAreFor asks each route as each kind of reader. The
// table is the routes themselves: a new one is asked, too.
func TestPagesAreShownToThoseTheyAreFor(t *testing.T) {
	t.Parallel()
	open := []string{"GET /enter", "GET /sign-in", "POST /sign-in", "POST /sign-out", "GET /sign-in/code", "POST /sign-in/code", "GET /style.css", "GET /app.js", "GET /mark.svg"}
	for pattern, route := range (&pages{}).routes() {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			method, path := anyOf(pattern)
			if (route.audience == everybody) != slices.Contains(open, pattern) {
				t.Errorf("it is for %v: what anybody may see stands in this test", route.audience)
			}
			s := newSite(base, edited(nil))
			cookie := s.signIn(t)
			signed := newSite(base, edited(nil))
			user := signed.signInUser(t)
			for _, who := range []struct {
				name string
				site *site
				in   bool // whether it is a session
				edit func(*http.Request)
			}{
				{"nobody", s, false, nil},
				{"somebody with a made-up cookie", s, false, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName, Value: "made-up"}) }},
				{"a program with a token", s, false, func(r *http.Request) { r.Header.Set("Authorization", "Bearer pv_"+strings.Repeat("x", 26)) }},
				{"who came by a link", s, true, func(r *http.Request) { r.AddCookie(cookie) }},
				{"a user", signed, true, func(r *http.Request) { r.AddCookie(user) }},
			} {
				before := len(who.site.engine.asked())
				w := who.site.request(method, path, who.edit)
				asked := who.site.engine.asked()[before:]
				refused := w.Code == http.StatusUnauthorized
				if route.audience != everybody && refused == who.in {
					t.Errorf("%s: answered %d", who.name, w.Code)
				}
				if !who.in && route.audience != everybody && len(asked) > 0 {
					t.Errorf("%s had the engine asked %q", who.name, asked)
				}
				if w.Code >= http.StatusInternalServerError {
					t.Errorf("%s: answered %d: %s", who.name, w.Code, who.site.log)
				}
			}
		})
	}
}

// signInUser makes a user and signs in with the password.
func (s *site) signInUser(t *testing.T) *http.Cookie {
	t.Helper()
	if _, err := s.keeper.accounts.AddUser(t.Context(), "ann", "ann", "a long enough password"); err != nil {
		t.Fatal(err)
	}
	w := s.send("/sign-in", "name=ann&password=a+long+enough+password", nil)
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("signing in answered %d with %d cookies", w.Code, len(cookies))
	}
	return cookies[0]
}

// send posts a form as a browser does, with the session's cookie where there is one.
func (s *site) send(path, form string, cookie *http.Cookie) *httptest.ResponseRecorder {
	values, _ := url.ParseQuery(form)
	return s.post(path, values, func(r *http.Request) {
		if cookie != nil {
			r.AddCookie(cookie)
		}
	})
}

// TestFormsAreDoneInTheNameOfWhoSendsThem goes through what a page can do to an alert.
func TestFormsAreDoneInTheNameOfWhoSendsThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, path, form, asked, says string }{
		{"acknowledge", "/alerts/A1/ack", "", `ack "A1" until <nil> by ann`, "it stays open, and is yours"},
		{"acknowledge for hours", "/alerts/A1/ack", "until=4h", `ack "A1" until 2026-11-23 16:00:00 +0000 UTC by ann`, "it stays open, and is yours"},
		{"investigate", "/alerts/A1/investigate", "", `investigate "A1" by ann`, "somebody works on it"},
		{"comment", "/alerts/A1/comment", "text=+asked+bob+", `comment "A1" "asked bob" by ann`, "Your comment is in the story"},
		{"expected", "/alerts/A1/resolve", "kind=expected&why=the+shop&owner=bob", `resolve "A1" expected why=the shop owner=bob by ann`, "the baseline has it now"},
		{"a false alarm", "/alerts/A1/resolve", "kind=false&why=a+decoy", `resolve "A1" false why=a decoy owner= by ann`, "Resolved as false"},
		{"look now", "/hosts/web1/look", "", `ask for look at "web1" `, "A look is on its way"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, edited(nil))
			cookie := s.signInUser(t)
			w := s.send(c.path, c.form, cookie)
			if w.Code != http.StatusSeeOther {
				t.Fatalf("answered %d: %s", w.Code, seen(t, w))
			}
			if asked := s.engine.asked(); !slices.Contains(asked, c.asked) {
				t.Errorf("asked was %q, want %q", asked, c.asked)
			}
			for _, first := range []bool{true, false} {
				next := seen(t, s.request("GET", w.Header().Get("Location"), func(r *http.Request) { r.AddCookie(cookie) }))
				if strings.Contains(next, c.says) != first {
					t.Errorf("the next page has to say %q, once: %s", c.says, next)
				}
			}
		})
	}
}

func TestAFormThatCannotBeDoneSaysWhyAndKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := newSite(base, edited(nil))
	cookie := s.signInUser(t)
	w := s.send("/alerts/A1/ack", "until=tomorrow", cookie)
	text := seen(t, w)
	if w.Code != http.StatusBadRequest || !strings.Contains(text, `"tomorrow" is no date; write it as 2026-11-23`) {
		t.Errorf("answered %d: %s", w.Code, text)
	}
	if asked := s.engine.asked(); slices.ContainsFunc(asked, func(c string) bool { return strings.HasPrefix(c, "ack") }) {
		t.Errorf("asked was %q", asked)
	}
	s.engine.err = portvigil.Errorf(portvigil.CodeConflict, "it is resolved")
	if w := s.send("/alerts/A1/ack", "", cookie); w.Code != http.StatusConflict {
		t.Errorf("answered %d", w.Code)
	}
}
