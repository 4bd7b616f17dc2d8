package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

const otherVersion = "this server is of another version than the command that asks"

func newRequest(t *testing.T, h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w
}

func TestAPIErrorsHaveACodeAMessageAndAHint(t *testing.T) {
	t.Parallel()
	hinted := portvigil.Errorf(portvigil.CodeConflict, "host web1 is there already").WithHint("see it with: portvigil hosts show web1")
	for _, c := range []struct {
		name   string
		err    error
		status int
		want   APIError
	}{
		{"invalid is a bad request", portvigil.Errorf(portvigil.CodeInvalid, "no"), 400, APIError{portvigil.CodeInvalid, "no", ""}},
		{"not found", portvigil.Errorf(portvigil.CodeNotFound, "no"), 404, APIError{portvigil.CodeNotFound, "no", ""}},
		{"a conflict keeps its hint apart", hinted, 409, APIError{portvigil.CodeConflict, hinted.Message, hinted.Hint}},
		{"what wraps it stays in front", fmt.Errorf("add web1: %w", hinted), 409,
			APIError{portvigil.CodeConflict, "add web1: host web1 is there already", hinted.Hint}},
		{"a hint that is not at the end stays where it is", fmt.Errorf("%w (twice)", hinted), 409,
			APIError{portvigil.CodeConflict, hinted.Error() + " (twice)", ""}},
		{"out of scope is forbidden", portvigil.Errorf(portvigil.CodeOutOfScope, "no"), 403, APIError{portvigil.CodeOutOfScope, "no", ""}},
		{"unauthorized", portvigil.Errorf(portvigil.CodeUnauthorized, "no"), 401, APIError{portvigil.CodeUnauthorized, "no", ""}},
		{"forbidden", portvigil.Errorf(portvigil.CodeForbidden, "no"), 403, APIError{portvigil.CodeForbidden, "no", ""}},
		{"too many", portvigil.Errorf(portvigil.CodeTooMany, "no"), 429, APIError{portvigil.CodeTooMany, "no", ""}},
		{"unavailable", portvigil.Errorf(portvigil.CodeUnavailable, "no"), 503, APIError{portvigil.CodeUnavailable, "no", ""}},
		{"an internal error shows nothing of itself", errors.New("open /root/key: token=hunter2"), 500,
			APIError{portvigil.CodeInternal, "the server failed", "see the server's log"}},
		{"one that says so neither", portvigil.Errorf(portvigil.CodeInternal, "hunter2"), 500,
			APIError{portvigil.CodeInternal, "the server failed", "see the server's log"}},
		{"a code of later days is a failure", portvigil.Errorf("later", "no"), 500, APIError{"later", "no", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			log, text := logged()
			w := askLogged(t, &fakeEngine{err: c.err}, log, "GET", "/v1/hosts/web1", "")
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			if diff := cmp.Diff(c.want, failure(t, w)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if internal := c.want.Code == portvigil.CodeInternal; strings.Contains(text.String(), "hunter2") != internal {
				t.Errorf("the log has: %s", text)
			}
		})
	}
}

func TestAPIEveryRouteTellsTheEnginesError(t *testing.T) {
	t.Parallel()
	for _, c := range askings {
		if c.asked == "" {
			continue // asks the doorkeeper
		}
		w := ask(t, &fakeEngine{err: portvigil.Errorf(portvigil.CodeUnavailable, "not now")}, c.method, c.path, c.body)
		if got := failure(t, w); w.Code != http.StatusServiceUnavailable || got.Message != "not now" {
			t.Errorf("%s: answered %d %+v", c.name, w.Code, got)
		}
	}
}

func TestAPIThatAClientLeftIsNoFailure(t *testing.T) {
	t.Parallel()
	log, text := logged()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequestWithContext(ctx, "GET", "/v1/hosts", nil)
	asAnn(API(&fakeEngine{err: context.Canceled}, newAccounts(), nil, log)).ServeHTTP(httptest.NewRecorder(), r)
	if text.Len() > 0 {
		t.Errorf("logged: %s", text)
	}
}

func TestAPIRefusesBodiesThatAreNotAsExpected(t *testing.T) {
	t.Parallel()
	const limit = 8 << 20
	padded := func(n int) string { // a valid body of n bytes
		frame := `{"text":""}`
		return `{"text":"` + strings.Repeat("x", n-len(frame)) + `"}`
	}
	for _, c := range []struct {
		name, path, body string
		says             string // "" for accepted
	}{
		{"nothing", "/v1/alerts/A1/comment", "", "EOF"},
		{"no JSON", "/v1/alerts/A1/comment", "text=hello", "invalid character"},
		{"half of it", "/v1/alerts/A1/comment", `{"text":"a`, "unexpected EOF"},
		{"a field that is not known", "/v1/alerts/A1/comment", `{"text":"a","txet":"b"}`, `unknown field "txet"`},
		{"another type", "/v1/alerts/A1/comment", `{"text":1}`, "cannot unmarshal number"},
		{"an object for a list", "/v1/baselines", `{}`, "cannot unmarshal object"},
		{"two values", "/v1/alerts/A1/comment", `{"text":"a"}{"text":"b"}`, "more follows"},
		{"white space after the value is nothing", "/v1/alerts/A1/comment", "{\"text\":\"a\"}\n \n", ""},
		{"as long as may be", "/v1/alerts/A1/comment", padded(limit), ""},
		{"one byte longer", "/v1/alerts/A1/comment", padded(limit + 1), "longer than 8 MiB"},
		{"white space up to beyond the limit", "/v1/alerts/A1/comment", `{"text":"a"}` + strings.Repeat(" ", limit), "longer than 8 MiB"},
		{"a time that is none", "/v1/alerts/A1/ack", `{"until":"tomorrow"}`, "tomorrow"},
		{"an unknown field of an approval", "/v1/baselines/web1/approve", `{"dors":["80/tcp"]}`, `unknown field "dors"`},
		{"an unknown field of a host", "/v1/hosts", `{"name":"a","colour":"red"}`, `unknown field "colour"`},
		{"an unknown field of a channel", "/v1/channels", `{"name":"a","password":"x"}`, `unknown field "password"`},
		{"an unknown field of a resolution", "/v1/alerts/A1/resolve", `{"kind":"shut","force":true}`, `unknown field "force"`},
		{"an unknown field of a wish", "/v1/hosts/web1/look", `{"ports":"80","speed":"11"}`, `unknown field "speed"`},
		{"no network", "/v1/scope", `{"prefix":"everything"}`, "neither an address nor a network"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := &fakeEngine{}
			w := ask(t, e, "POST", c.path, c.body)
			if c.says == "" {
				if w.Code != http.StatusOK {
					t.Errorf("answered %d %s", w.Code, w.Body)
				}
				return
			}
			got := failure(t, w)
			if w.Code != http.StatusBadRequest || got.Code != portvigil.CodeInvalid || !strings.Contains(got.Message, c.says) {
				t.Errorf("answered %d %+v, want it to say %q", w.Code, got, c.says)
			}
			if asked := e.asked(); len(asked) > 0 {
				t.Errorf("the engine was asked all the same: %q", asked)
			}
		})
	}
}

func TestAPIAnswersInJSONWhatItHasNoRouteFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method, path string
		status             int
		allow              string
		want               APIError
	}{
		{"an unknown path", "GET", "/v1/nothing", 404, "", APIError{portvigil.CodeNotFound, "there is no /v1/nothing", otherVersion}},
		{"the root", "GET", "/", 404, "", APIError{portvigil.CodeNotFound, "there is no /", otherVersion}},
		{"a page is none of the API's", "GET", "/hosts/web1", 404, "", APIError{portvigil.CodeNotFound, "there is no /hosts/web1", otherVersion}},
		{"a name that is empty", "DELETE", "/v1/hosts/", 404, "", APIError{portvigil.CodeNotFound, "there is no /v1/hosts/", otherVersion}},
		{"a path with control codes", "GET", "/v1/%1b%5B2J", 404, "", APIError{portvigil.CodeNotFound, `there is no /v1/\x1b[2J`, otherVersion}},
		{"another method", "PUT", "/v1/hosts", 405, "GET, HEAD, POST",
			APIError{portvigil.CodeInvalid, "PUT is not for /v1/hosts", "use GET, HEAD, POST"}},
		{"GET where something would change", "GET", "/v1/link", 405, "POST", APIError{portvigil.CodeInvalid, "GET is not for /v1/link", "use POST"}},
		{"GET of a look", "GET", "/v1/hosts/web1/look", 405, "POST",
			APIError{portvigil.CodeInvalid, "GET is not for /v1/hosts/web1/look", "use POST"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := &fakeEngine{}
			w := ask(t, e, c.method, c.path, "")
			if w.Code != c.status || w.Header().Get("Allow") != c.allow {
				t.Errorf("answered %d, Allow %q", w.Code, w.Header().Get("Allow"))
			}
			if diff := cmp.Diff(c.want, failure(t, w)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if asked := e.asked(); len(asked) > 0 {
				t.Errorf("the engine was asked: %q", asked)
			}
		})
	}
}
