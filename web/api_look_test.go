package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

func TestLookStreamsEachEventAsItComes(t *testing.T) {
	t.Parallel()
	seen := make(chan struct{})
	e := &fakeEngine{look: func(_ context.Context, send func(portvigil.LookEvent) error) error {
		if err := send(portvigil.LookEvent{Progress: &portvigil.LookProgress{Share: 0.5, Open: 2}}); err != nil {
			return err
		}
		<-seen // only a reader who has the first event lets the look go on
		return send(portvigil.LookEvent{Done: &portvigil.LookOutcome{Complete: true, OpenAlerts: 1}})
	}}
	server := apiServer(t, e)
	answer := postLook(t, t.Context(), server, `{"view":"outside","ports":"80"}`)
	if got := answer.Header.Get("Content-Type"); got != "application/jsonl" {
		t.Errorf("content type %q", got)
	}
	lines := bufio.NewReader(answer.Body)
	if got, err := lines.ReadString('\n'); err != nil || got != `{"progress":{"share":0.5,"rate":0,"open":2}}`+"\n" {
		t.Fatalf("the first event is %q, %v", got, err)
	}
	close(seen)
	rest, err := io.ReadAll(lines)
	if want := `{"done":{"complete":true,"open_alerts":1}}` + "\n"; err != nil || string(rest) != want {
		t.Errorf("the rest is %q, %v, want %q", rest, err, want)
	}
	if diff := cmp.Diff([]string{`look at "web1" outside 80`}, e.asked()); diff != "" {
		t.Errorf("asked (-want +got)\n%s", diff)
	}
}

func TestLookEndsWhenTheClientLeaves(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	e := &fakeEngine{look: func(ctx context.Context, send func(portvigil.LookEvent) error) error {
		err := send(portvigil.LookEvent{Progress: &portvigil.LookProgress{}})
		if err == nil {
			<-ctx.Done()
			err = ctx.Err()
		}
		ended <- err
		return err
	}}
	server := apiServer(t, e)
	ctx, leave := context.WithCancel(t.Context())
	answer := postLook(t, ctx, server, `{}`)
	if _, err := bufio.NewReader(answer.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the engine's look ended with %v", err)
	}
}

func TestLookTellsAnErrorWhereTheStreamIs(t *testing.T) {
	t.Parallel()
	refused := portvigil.Errorf(portvigil.CodeUnavailable, "no view").WithHint("report it")
	for _, c := range []struct {
		name   string
		begun  bool
		err    error
		status int
		want   string
	}{
		{"before the first event it is an answer", false, refused, 503, `{"code":"unavailable","message":"no view","hint":"report it"}`},
		{"an internal one shows nothing", false, errors.New("hunter2"), 500,
			`{"code":"internal","message":"the server failed","hint":"see the server's log"}`},
		{"later it is the last event, with its hint", true, refused, 200, `{"done":{"complete":false,"open_alerts":0,"error":"no view; report it"}}`},
		{"an internal one shows nothing then either", true, errors.New("hunter2"), 200,
			`{"done":{"complete":false,"open_alerts":0,"error":"the server failed; see the server's log"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := &fakeEngine{look: func(_ context.Context, send func(portvigil.LookEvent) error) error {
				if c.begun {
					if err := send(portvigil.LookEvent{Progress: &portvigil.LookProgress{}}); err != nil {
						return err
					}
				}
				return c.err
			}}
			log, text := logged()
			w := askLogged(t, e, log, "POST", "/v1/hosts/web1/look", `{}`)
			lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
			if got := lines[len(lines)-1]; w.Code != c.status || got != c.want {
				t.Errorf("answered %d %s, want %d %s", w.Code, got, c.status, c.want)
			}
			for _, line := range lines {
				if !json.Valid([]byte(line)) {
					t.Errorf("no line of JSON: %s", line)
				}
			}
			if strings.Contains(c.err.Error(), "hunter2") != strings.Contains(text.String(), "hunter2") {
				t.Errorf("the log has: %s", text)
			}
		})
	}
}

func apiServer(t *testing.T, e Engine) *httptest.Server {
	t.Helper()
	log, _ := logged()
	s := httptest.NewServer(asAnn(API(e, newAccounts(), nil, log)))
	t.Cleanup(s.Close)
	return s
}

func postLook(t *testing.T, ctx context.Context, s *httptest.Server, wish string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "POST", s.URL+"/v1/hosts/web1/look", strings.NewReader(wish))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}
