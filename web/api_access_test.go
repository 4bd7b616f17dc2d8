package web

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

var update = flag.Bool("update", false, "renew the files in testdata")

const accessFile = "testdata/access.txt"

// TestAccessIsAsTheTableSays asks for each route as askers who may come, and
// holds the statuses against a table that people have read. A new route is
// a line that somebody has to agree to: go test ./web -run Access -update.
func TestAccessIsAsTheTableSays(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	fmt.Fprintf(&b, "# What each route answers to who asks: nobody, somebody who is signed in on the pages, a token of each scope, the socket.\n%-50s", "# route")
	for _, who := range askers {
		fmt.Fprintf(&b, " %7s", who.name)
	}
	for _, r := range (&api{}).routes() {
		fmt.Fprintf(&b, "\n%-50s", r.pattern)
		for _, who := range askers {
			w := who.ask(t, serve(t), r)
			fmt.Fprintf(&b, " %7d", w.Code)
			if got := w.Header().Get("WWW-Authenticate"); got != who.challenge(r, w.Code) {
				t.Errorf("%s tells %s %q", r.pattern, who.name, got)
			}
		}
	}
	b.WriteByte('\n')
	if *update {
		if err := os.WriteFile(accessFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(accessFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("access (-want +got)\n%s", diff)
	}
}

// TestAccessOfNobodyReachesNothing looks behind the statuses: who is refused has
// asked the engine nothing.
func TestAccessOfNobodyReachesNothing(t *testing.T) {
	t.Parallel()
	for _, r := range (&api{}).routes() {
		for _, who := range askers {
			s := serve(t)
			w := who.ask(t, s, r)
			if refused := w.Code != http.StatusOK; refused && len(s.engine.asked()) > 0 {
				t.Errorf("%s answered %s %d, and the engine was asked %q", r.pattern, who.name, w.Code, s.engine.asked())
			}
			if may := who.scope.Covers(r.scope); may != (w.Code == http.StatusOK) {
				t.Errorf("%s, which needs %s, answered %s %d %s", r.pattern, r.scope, who.name, w.Code, w.Body)
			}
		}
	}
}

// asker is somebody who may come.
type asker struct {
	name   string
	scope  portvigil.TokenScope // what they may do; "" for nothing
	socket bool
	cookie bool
}

var askers = []asker{
	{name: "nobody"},
	{name: "session", cookie: true},
	{name: "read", scope: portvigil.ReadScope},
	{name: "write", scope: portvigil.WriteScope},
	{name: "admin", scope: portvigil.AdminScope},
	{name: "socket", scope: portvigil.AdminScope, socket: true},
}

func (who asker) ask(t *testing.T, s *served, r route) *httptest.ResponseRecorder {
	t.Helper()
	q, w := requestOf(t, r), httptest.NewRecorder()
	if who.cookie {
		q.AddCookie(s.session)
	}
	if who.socket {
		s.socket.ServeHTTP(w, q)
		return w
	}
	if who.scope != "" {
		q.Header.Set("Authorization", "Bearer "+s.tokens[who.scope])
	}
	s.listener.ServeHTTP(w, q)
	return w
}

// challenge is what who is refused is told that it takes (RFC 6750, section 3).
func (who asker) challenge(r route, status int) string {
	switch status {
	case http.StatusUnauthorized:
		return `Bearer realm="portvigil"`
	case http.StatusForbidden:
		return `Bearer realm="portvigil", error="insufficient_scope", scope="` + string(r.scope) + `"`
	}
	return ""
}

func TestAccessAScopeHoldsThoseBeforeIt(t *testing.T) {
	t.Parallel()
	for _, r := range (&api{}).routes() {
		if !portvigil.AdminScope.Covers(r.scope) {
			t.Errorf("%s has the scope %q", r.pattern, r.scope)
		}
		if reads := strings.HasPrefix(r.pattern, "GET "); reads != (r.scope == portvigil.ReadScope) && r.scope != portvigil.AdminScope {
			t.Errorf("%s is open to %s", r.pattern, r.scope)
		}
	}
}
