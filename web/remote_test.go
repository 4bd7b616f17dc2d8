package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

// remoteSite is pages and API as one listener serves them.
type remoteSite struct {
	*site
	handler http.Handler
	tokens  map[portvigil.TokenScope]string
}

func newRemoteSite(t *testing.T) *remoteSite {
	t.Helper()
	s := newSite(base, &fakeEngine{host: sampleHost(), alert: sampleAlert(), look: nil})
	k := newAccounts()
	log, _ := logged()
	r := &remoteSite{site: s, tokens: map[portvigil.TokenScope]string{}}
	r.handler = Site(s.handler, Remote(API(s.engine, k, func() string { return "link" }, log), k, s.keeper, log))
	for _, scope := range []portvigil.TokenScope{portvigil.ReadScope, portvigil.WriteScope, portvigil.AdminScope} {
		_, secret, err := k.AddToken(t.Context(), "root", string(scope), scope, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		r.tokens[scope] = secret
	}
	return r
}

func (s *remoteSite) ask(method, path, authorization string, edit func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, base+path, strings.NewReader("{}"))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func TestRemoteRefuses(t *testing.T) {
	t.Parallel()
	s := newRemoteSite(t)
	good := s.tokens[portvigil.AdminScope]
	cookie := s.signIn(t)
	for name, c := range map[string]struct {
		authorization string
		edit          func(*http.Request)
		challenge     string
	}{
		"nothing":                      {"", nil, ""},
		"another scheme":               {"Basic " + good, nil, ""},
		"no scheme":                    {good, nil, ""},
		"no token":                     {"Bearer ", nil, ""},
		"a session's cookie":           {"", func(r *http.Request) { r.AddCookie(cookie) }, ""},
		"a cookie with the token":      {"", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName, Value: good}) }, ""},
		"the token in the address":     {"", func(r *http.Request) { r.URL.RawQuery = "access_token=" + good }, ""},
		"two headers, one good":        {"Bearer x", func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+good) }, ""},
		"the token of /metrics":        {"Bearer " + metricsToken, nil, `, error="invalid_token"`},
		"a token and more":             {"Bearer " + good + "x", nil, `, error="invalid_token"`},
		"two tokens":                   {"Bearer " + good + " " + good, nil, `, error="invalid_token"`},
		"characters that none has":     {"Bearer pv_\x00\xff", nil, `, error="invalid_token"`},
		"a token as long as the limit": {"Bearer " + strings.Repeat("A", 300), nil, `, error="invalid_token"`},
	} {
		s := newRemoteSite(t) // a new one, which nobody has tried to guess at
		w := s.ask("GET", "/v1/hosts", c.authorization, c.edit)
		if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != `Bearer realm="portvigil"`+c.challenge {
			t.Errorf("%s answered %d, %q", name, w.Code, w.Header().Get("WWW-Authenticate"))
		}
		if failure(t, w).Code != portvigil.CodeUnauthorized || len(s.engine.asked()) > 0 {
			t.Errorf("%s: the engine was asked %q", name, s.engine.asked())
		}
	}
}

func TestRemoteNamesTheTokenInWhatIsDone(t *testing.T) {
	t.Parallel()
	s := newRemoteSite(t)
	w := s.ask("DELETE", "/v1/hosts/web1", "bearer  "+s.tokens[portvigil.WriteScope], nil) // the scheme has no case
	if asked := s.engine.asked(); w.Code != http.StatusOK || len(asked) != 1 || asked[0] != `remove host "web1" by token write` {
		t.Errorf("answered %d %s; the engine was asked %q", w.Code, w.Body, asked)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func TestRemoteStreamsALook(t *testing.T) {
	t.Parallel()
	s := newRemoteSite(t)
	seen := make(chan struct{})
	s.engine.look = func(_ context.Context, send func(portvigil.LookEvent) error) error {
		if err := send(portvigil.LookEvent{Progress: &portvigil.LookProgress{}}); err != nil {
			return err
		}
		<-seen // only a reader who has the first event lets the look go on
		return send(portvigil.LookEvent{Done: &portvigil.LookOutcome{Complete: true}})
	}
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/v1/hosts/web1/look", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.tokens[portvigil.WriteScope])
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewReader(answer.Body)
	first, err := lines.ReadString('\n')
	close(seen)
	rest, err2 := io.ReadAll(lines)
	if !strings.Contains(first, "progress") || !strings.Contains(string(rest), "done") || errors.Join(err, err2) != nil {
		t.Errorf("got %q, then %q, %v", first, rest, errors.Join(err, err2))
	}
}

func TestRemoteSlowsGuesses(t *testing.T) {
	t.Parallel()
	s := newRemoteSite(t)
	last := 0
	for range 20 {
		w := s.ask("GET", "/v1/hosts", "Bearer pv_GUESS", nil)
		if last = w.Code; last == http.StatusTooManyRequests {
			if w.Header().Get("Retry-After") != "1" || failure(t, w).Code != portvigil.CodeTooMany {
				t.Errorf("Retry-After is %q", w.Header().Get("Retry-After"))
			}
			break
		}
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the last answer is %d", last)
	}
}

func FuzzBearer(f *testing.F) {
	for _, seed := range []string{"Bearer pv_ABC", "bearer x=", "Bearer  a b", "Basic eDp5", "", "Bearer \xff", "Bearer =="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		token, err := bearerOf(http.Header{"Authorization": {line}})
		if err != nil {
			if strings.Contains(err.Error(), line) && len(line) > 20 {
				t.Errorf("the error repeats what may be a secret: %v", err)
			}
			return
		}
		again, err := bearerOf(http.Header{"Authorization": {"Bearer " + token}})
		if err != nil || again != token || len(token) > longestToken || !strings.Contains(line, token) {
			t.Errorf("%q is read as %q, and that as %q, %v", line, token, again, err)
		}
	})
}

func TestSourceIsWhoTheNextProxySaw(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		proxied bool
		lines   []string
		want    string
	}{
		{"the peer", false, nil, "192.0.2.1"},
		{"the peer, whatever it says", false, []string{"203.0.113.5"}, "192.0.2.1"},
		{"behind a proxy that says nothing", true, nil, "192.0.2.1"},
		{"what the proxy says", true, []string{"203.0.113.5"}, "203.0.113.5"},
		{"the last one that it says", true, []string{"127.0.0.1, 203.0.113.5"}, "203.0.113.5"},
		{"of the last line", true, []string{"127.0.0.1", "203.0.113.5"}, "203.0.113.5"},
		{"and nonsense is none", true, []string{"203.0.113.5, unknown"}, "192.0.2.1"},
	} {
		r := httptest.NewRequest("GET", "/", nil) // comes from 192.0.2.1:1234
		for _, line := range c.lines {
			r.Header.Add("X-Forwarded-For", line)
		}
		if got := (&Doorkeeper{BehindProxy: c.proxied}).source(r).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
