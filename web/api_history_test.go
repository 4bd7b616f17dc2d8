package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestThePastIsAskedForByATime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		query  string
		status int
		says   string
	}{
		"a moment":            {"?at=2026-05-03T14:00:00%2B02:00", http.StatusOK, `"host":"db 1"`},
		"no moment":           {"", http.StatusBadRequest, "is no time"},
		"something else":      {"?at=noon", http.StatusBadRequest, "2026-05-03T12:00:00Z"},
		"a hostile something": {"?at=%1b%5b2J", http.StatusBadRequest, "is no time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &fakeEngine{}
			w := httptest.NewRecorder()
			asAnn(API(e, newAccounts(), nil, slog.New(slog.DiscardHandler))).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/hosts/db%201/past"+test.query, nil))
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.says) {
				t.Errorf("got %d %s, want %d and %q", w.Code, w.Body, test.status, test.says)
			}
			if asked := e.asked(); test.status == http.StatusOK && (len(asked) != 1 || asked[0] != `host "db 1" at 2026-05-03T12:00:00Z`) {
				t.Errorf("asked %q", asked)
			}
		})
	}
}
