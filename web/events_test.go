package web

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

// TestAPageIsToldWhatWasWritten reads the stream as a browser does.
func TestAPageIsToldWhatWasWritten(t *testing.T) {
	t.Parallel()
	s := newSite(base, edited(func(e *fakeEngine) { e.told = make(chan portvigil.ChangeNote, 1) }))
	cookie := s.signIn(t)
	server := httptest.NewServer(s.handler)
	defer server.Close()
	ctx, leave := context.WithTimeout(t.Context(), 20*time.Second)
	defer leave()
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/events?since=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(cookie)
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Fatalf("answered %d, %s", answer.StatusCode, got)
	}
	s.engine.told <- portvigil.ChangeNote{Hosts: []string{"web1"}, Alerts: []string{"A1"}}
	lines := bufio.NewScanner(answer.Body)
	var event []string
	for len(event) < 2 && lines.Scan() {
		if text := lines.Text(); strings.HasPrefix(text, "event:") || strings.HasPrefix(text, "data:") {
			event = append(event, text)
		}
	}
	if got, want := strings.Join(event, "|"), `event: changed|data: {"hosts":["web1"],"alerts":["A1"]}`; got != want {
		t.Errorf("got %s, want %s (%v)", got, want, lines.Err())
	}
	close(s.engine.told) // the engine ends, and so does the stream
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream broke: %v", err)
	}
}
