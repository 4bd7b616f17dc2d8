package web

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestGuardRefusesOtherNamesOfALoopbackServer(t *testing.T) {
	t.Parallel()
	const proxied = "http://127.0.0.2:7979"
	for _, c := range []struct {
		name, base, host string
		taken            bool
	}{
		{"its own address", base, "127.0.0.1:7979", true},
		{"its address at another port, through ssh -L", base, "127.0.0.1:8080", true},
		{"localhost", base, "localhost:7979", true},
		{"in any case", base, "LocalHost", true},
		{"IPv6 loopback", "http://[::1]:7979", "[::1]:7979", true},
		{"a name that was led here", base, "evil.example:7979", false},
		{"a name that begins like loopback", base, "127.0.0.1.evil.example", false},
		{"a name that ends like localhost", base, "evil.localhost.example", false},
		{"no name", base, "", false},
		{"this machine's other address", base, "192.168.1.5:7979", false},
		{"behind a proxy any name may be right", proxied, "portvigil.example", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(c.base, &fakeEngine{})
			s.keeper.BehindProxy = c.base == proxied
			cookie := s.signInAs(t, c.base)
			for _, path := range append([]string{"/style.css"}, everyPath...) {
				r := httptest.NewRequest("GET", base+path, nil)
				r.Host = c.host
				r.AddCookie(cookie)
				w := httptest.NewRecorder()
				s.handler.ServeHTTP(w, r)
				if taken := w.Code != http.StatusMisdirectedRequest; taken != c.taken {
					t.Errorf("GET %s answered %d", path, w.Code)
				}
				if !c.taken && !strings.Contains(w.Body.String(), "localhost and 127.0.0.1") {
					t.Errorf("GET %s does not say what to do: %q", path, w.Body)
				}
			}
		})
	}
}

// signInAs signs in under the server's own name.
func (s *site) signInAs(t *testing.T, own string) *http.Cookie {
	t.Helper()
	r := httptest.NewRequest("GET", s.keeper.NewLink(), nil)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("the link of %s answered %d", own, w.Code)
	}
	return w.Result().Cookies()[0]
}

func TestGuardTakesNoMethodButThoseOfLinksAndForms(t *testing.T) {
	t.Parallel()
	s := newSite(base, &fakeEngine{host: sampleHost(), alert: sampleAlert()})
	cookie, link := s.signIn(t), strings.TrimPrefix(s.keeper.NewLink(), base)
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"} {
		for _, path := range append([]string{link, "/alerts/A1/ack"}, everyPath...) {
			w := s.request(method, path, func(r *http.Request) { r.AddCookie(cookie) })
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("%s %s answered %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
			for name := range w.Header() {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s lets other origins in: %s", method, path, name)
				}
			}
		}
	}
	if asked := s.engine.asked(); len(asked) > 0 {
		t.Errorf("the engine was asked: %q", asked)
	}
	if w := s.request("GET", link, nil); w.Code != http.StatusSeeOther {
		t.Errorf("one of them used the link up: %d", w.Code)
	}
}

func TestGuardTakesNoFormOfAnotherSite(t *testing.T) {
	t.Parallel()
	s := newSite(base, &fakeEngine{host: sampleHost(), alert: sampleAlert()})
	cookie := s.signIn(t)
	for name, set := range map[string]func(http.Header){
		"another origin":          func(h http.Header) { h.Set("Origin", "http://evil.example") },
		"another port":            func(h http.Header) { h.Set("Origin", "http://127.0.0.1:1") },
		"no origin that is told":  func(h http.Header) { h.Set("Origin", "null") },
		"another site, as told":   func(h http.Header) { h.Set("Sec-Fetch-Site", "cross-site") },
		"the same site elsewhere": func(h http.Header) { h.Set("Sec-Fetch-Site", "same-site") },
	} {
		for _, path := range append([]string{"/sign-in", "/alerts/A1/ack"}, everyPath...) {
			w := s.request("POST", path, func(r *http.Request) { r.AddCookie(cookie); set(r.Header) })
			if w.Code != http.StatusForbidden {
				t.Errorf("%s: POST %s answered %d", name, path, w.Code)
			}
		}
	}
	if asked := s.engine.asked(); len(asked) > 0 {
		t.Errorf("the engine was asked: %q", asked)
	}
}

func TestGuardEveryAnswerForbidsForeignScriptFramesSniffingAndStoring(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"Content-Security-Policy":      "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Cache-Control":                "no-store",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	}
	s := newSite(base, &fakeEngine{host: sampleHost(), alert: sampleAlert()})
	cookie := s.signIn(t)
	known := func(r *http.Request) { r.AddCookie(cookie) }
	link := strings.TrimPrefix(s.keeper.NewLink(), base)
	misled := func(r *http.Request) { r.Host = "evil.example" }
	for _, path := range append([]string{"/style.css", link}, everyPath...) {
		for who, edit := range map[string]func(*http.Request){"a stranger": nil, "somebody known": known, "somebody misled": misled} {
			w := s.request("GET", path, edit)
			for name, value := range want {
				if got := w.Header().Values(name); len(got) != 1 || got[0] != value {
					t.Errorf("GET %s by %s (%d): %s is %q", path, who, w.Code, name, got)
				}
			}
			if w.Code < 300 && w.Header().Get("Content-Type") == "" {
				t.Errorf("GET %s by %s has no content type", path, who)
			}
		}
	}
}

func TestGuardOverTLS(t *testing.T) {
	t.Parallel()
	s := newSite(base, &fakeEngine{})
	w := s.request("GET", "/sign-in", func(r *http.Request) { r.TLS, r.Host = &tls.ConnectionState{}, "portvigil.example.org" })
	if w.Code != http.StatusOK || w.Header().Get("Strict-Transport-Security") != "max-age=31536000" {
		t.Errorf("answered %d, HSTS %q: the browser has compared the name", w.Code, w.Header().Get("Strict-Transport-Security"))
	}
	if w := s.request("GET", "/sign-in", nil); w.Header().Get("Strict-Transport-Security") != "" {
		t.Error("without TLS a browser is told to use it")
	}
}
