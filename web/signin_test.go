package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

const password = "correct horse battery"

// post sends a form as a browser does from our own page.
func (s *site) post(path string, form url.Values, edit func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", base+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func newSiteWithAnn(t *testing.T) *site {
	t.Helper()
	s := newSite(base, edited(nil))
	if _, err := s.keeper.accounts.AddUser(t.Context(), "root", "ann", password); err != nil {
		t.Fatal(err)
	}
	return s
}

func ann(next string) url.Values {
	return url.Values{"name": {"ann"}, "password": {password}, "next": {next}}
}

// cookieOf is what the answer sets, which has to be one.
func cookieOf(t *testing.T, w *httptest.ResponseRecorder) *http.Cookie {
	t.Helper()
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("answered %d with %d cookies: %s", w.Code, len(cookies), w.Body)
	}
	return cookies[0]
}

func TestSignInLeadsToWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	s := newSiteWithAnn(t)
	w := s.request("GET", "/alerts/A1", nil)
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `name="next" value="/alerts/A1"`) {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	for _, wrong := range append(faults(w.Body.String()), faults(s.request("GET", "/sign-in", nil).Body.String())...) {
		t.Error(wrong)
	}
	w = s.post("/sign-in", ann("/alerts/A1"), nil)
	cookie := cookieOf(t, w)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/alerts/A1" {
		t.Errorf("answered %d to %q", w.Code, w.Header().Get("Location"))
	}
	page := s.request("GET", "/", func(r *http.Request) { r.AddCookie(cookie) })
	if text := seen(t, page); page.Code != http.StatusOK || !strings.Contains(text, "ann Sign out") {
		t.Errorf("answered %d %s", page.Code, text)
	}
	for _, wrong := range faults(page.Body.String()) {
		t.Error(wrong)
	}
	w = s.post("/sign-out", nil, func(r *http.Request) { r.AddCookie(cookie) })
	if w.Code != http.StatusSeeOther || cookieOf(t, w).MaxAge >= 0 {
		t.Errorf("signing out answered %d", w.Code)
	}
	if w := s.request("GET", "/", func(r *http.Request) { r.AddCookie(cookie) }); w.Code != http.StatusUnauthorized {
		t.Errorf("the session goes on: %d", w.Code)
	}
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/": "/", "/hosts/a%2Fb?x=1": "/hosts/a%2Fb?x=1",
		"": "/", "https://evil.example/": "/", "//evil.example/": "/", `/\evil.example/`: "/", "/\t/evil.example": "/", "javascript:x": "/",
		"/sign-out": "/", "/enter?token=T": "/", "evil.example": "/", "/%zz": "/",
	} {
		if got := local(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

func TestSignInRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		form   url.Values
		edit   func(*http.Request)
		status int
		says   string
	}{
		{"a wrong password", url.Values{"name": {"ann"}, "password": {"x"}}, nil, 401, "Name and password do not belong together."},
		{"an unknown name, with the same words", url.Values{"name": {"bob"}, "password": {password}}, nil, 401, "Name and password do not belong together."},
		{"nothing", nil, nil, 401, "Name and password do not belong together."},
		{"a form of another site", ann("/"), func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, "another site's page"},
		{"a form of another port of this machine", ann("/"), func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, 403, "another site's page"},
		{"a form of another site by an old browser", ann("/"), func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "https://evil.example")
		}, 403, "another site's page"},
		{"a form without end", url.Values{"name": {"ann"}, "password": {strings.Repeat("x", 1<<20)}}, nil, 400, "The form is not as expected"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSiteWithAnn(t)
			w := s.post("/sign-in", c.form, c.edit)
			if w.Code != c.status || !strings.Contains(seen(t, w), c.says) || len(w.Result().Cookies()) > 0 {
				t.Errorf("answered %d %s", w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), password) {
				t.Error("the page has the password")
			}
		})
	}
	s := newSiteWithAnn(t)
	if w := s.request("GET", "/sign-in?name=ann&password="+url.QueryEscape(password), nil); len(w.Result().Cookies()) > 0 {
		t.Error("a link signs in")
	}
}

func TestSignInSaysHowLongToWait(t *testing.T) {
	t.Parallel()
	s := newSiteWithAnn(t)
	for range 5 {
		s.post("/sign-in", url.Values{"name": {"ann"}, "password": {"wrong"}}, nil)
	}
	w := s.post("/sign-in", ann("/"), nil)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.Contains(seen(t, w), "try again in") {
		t.Errorf("answered %d, Retry-After %q: %s", w.Code, w.Header().Get("Retry-After"), seen(t, w))
	}
	if w := s.get(t, "/"); w.Code != http.StatusOK {
		t.Errorf("the one-time link is held up: %d", w.Code)
	}
}

func TestSessionEndsWithThePassword(t *testing.T) {
	t.Parallel()
	s := newSiteWithAnn(t)
	cookie := cookieOf(t, s.post("/sign-in", ann("/"), nil))
	byLink := s.signIn(t)
	if _, err := s.keeper.accounts.ResetPassword(t.Context(), "root", "ann", "another one altogether"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/hosts/web1", "/metrics"} {
		if w := s.request("GET", path, func(r *http.Request) { r.AddCookie(cookie) }); w.Code != http.StatusUnauthorized {
			t.Errorf("GET %s answered %d after the password was reset", path, w.Code)
		}
		if w := s.request("GET", path, func(r *http.Request) { r.AddCookie(byLink) }); w.Code != http.StatusOK {
			t.Errorf("GET %s answered %d to a session of nobody's password", path, w.Code)
		}
	}
}

func TestFirstUserComesByTheLink(t *testing.T) {
	t.Parallel()
	s := newSite(base, edited(nil))
	form := url.Values{"name": {"ann"}, "password": {password}, "again": {password}}
	if w := s.post("/start", form, nil); w.Code != http.StatusUnauthorized {
		t.Errorf("a stranger becomes the first user: %d", w.Code)
	}
	cookie := s.signIn(t)
	known := func(r *http.Request) { r.AddCookie(cookie) }
	if text := seen(t, s.request("GET", "/", known)); !strings.Contains(text, "First steps: choose a name and a password") {
		t.Errorf("the overview does not lead there: %s", text)
	}
	for _, wrong := range faults(s.request("GET", "/start", known).Body.String()) {
		t.Error(wrong)
	}
	for says, spoil := range map[string]url.Values{
		"The two passwords are not the same; type both again.": {"name": {"ann"}, "password": {password}, "again": {"x"}},
		"The password is too short":                            {"name": {"ann"}, "password": {"x"}, "again": {"x"}},
		"is not usable":                                        {"name": {"<b>"}, "password": {password}, "again": {password}},
	} {
		w := s.post("/start", spoil, known)
		if w.Code != http.StatusBadRequest || !strings.Contains(seen(t, w), says) || strings.Contains(w.Body.String(), "<b>") {
			t.Errorf("answered %d, want %q: %s", w.Code, says, w.Body)
		}
	}
	w := s.post("/start", form, known)
	own := cookieOf(t, w)
	text := seen(t, s.request("GET", "/", func(r *http.Request) { r.AddCookie(own) }))
	if w.Code != http.StatusSeeOther || !strings.Contains(text, "ann Sign out") || strings.Contains(text, "choose a name") {
		t.Errorf("answered %d; then: %s", w.Code, text)
	}
	if w := s.request("GET", "/", known); w.Code != http.StatusUnauthorized {
		t.Errorf("the session of the link goes on beside it: %d", w.Code)
	}
	second := s.signIn(t)
	if w := s.post("/start", form, func(r *http.Request) { r.AddCookie(second) }); w.Code != http.StatusConflict {
		t.Errorf("a second first user: %d", w.Code)
	}
}
