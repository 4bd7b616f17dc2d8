package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/portvigil/portvigil/web/account"
)

// filled is what a browser sends with the one form of a page that has the action.
func filled(t *testing.T, w *httptest.ResponseRecorder, action string) url.Values {
	t.Helper()
	root, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{}
	found := 0
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" || attribute(n, "action") != action {
			continue
		}
		found++
		for in := range n.Descendants() {
			if in.Type == html.ElementNode && in.Data == "input" && attribute(in, "name") != "" {
				form.Add(attribute(in, "name"), attribute(in, "value"))
			}
		}
	}
	if found != 1 {
		t.Fatalf("there are %d forms with the action %q: %s", found, action, w.Body)
	}
	return form
}

// TestAFormWhoseSessionEndedIsSentAfterTheSignIn goes the whole way: a form that
// came too late, a wrong password, the right one, the page that shows it, done.
func TestAFormWhoseSessionEndedIsSentAfterTheSignIn(t *testing.T) {
	t.Parallel()
	s := newSiteWithAnn(t)
	cookie := cookieOf(t, s.post("/sign-in", ann("/"), nil))
	s.now = s.now.Add(sessionLife)
	old := func(r *http.Request) { r.AddCookie(cookie) }
	typed := "the shop\nneeds it: \"<b>\" & ü"
	w := s.post("/alerts/A1/resolve", url.Values{"kind": {"expected"}, "why": {typed}, "owner": {"bob"}, "password": {"hunter2"}, "since": {"x"}}, old)
	if w.Code != http.StatusUnauthorized || !strings.Contains(seen(t, w), "Your session has ended. What you typed is kept on this page") {
		t.Fatalf("answered %d: %s", w.Code, seen(t, w))
	}
	if strings.Contains(w.Body.String(), "hunter2") {
		t.Error("a password is written into the page")
	}
	for _, wrong := range faults(w.Body.String()) {
		t.Error(wrong)
	}
	form := filled(t, w, "/sign-in")
	form.Set("name", "ann")
	form.Set("password", "wrong")
	w = s.post("/sign-in", form, old)
	form = filled(t, w, "/sign-in")
	if w.Code != http.StatusUnauthorized || form.Get("name") != "ann" || len(s.keeper.unsent) > 0 {
		t.Errorf("answered %d with %v; kept are %d before the password is right", w.Code, form, len(s.keeper.unsent))
	}
	form.Set("password", password)
	w = s.post("/sign-in", form, old)
	next := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(next, "/unsent/") {
		t.Fatalf("answered %d to %q", w.Code, next)
	}
	known := cookieOf(t, w)
	w = s.request("GET", next, func(r *http.Request) { r.AddCookie(known) })
	text := seen(t, w)
	for _, says := range []string{"You are signed in again: send it now?", "It is sent as ann", "Decision expected", "Owner bob", `Why the shop needs it: "<b>" & ü`} {
		if !strings.Contains(text, says) {
			t.Errorf("it does not say %q: %s", says, text)
		}
	}
	for _, wrong := range faults(w.Body.String()) {
		t.Error(wrong)
	}
	if !strings.Contains(w.Body.String(), `href="/alerts/A1"`) {
		t.Error("nothing leads back to the alert")
	}
	again := filled(t, w, "/alerts/A1/resolve")
	if diff := cmp.Diff(url.Values{"kind": {"expected"}, "why": {typed}, "owner": {"bob"}, "since": {"x"}}, again); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	w = s.post("/alerts/A1/resolve", again, func(r *http.Request) { r.AddCookie(known) })
	if want := `resolve "A1" expected why=the shop needs it: "<b>" & ü owner=bob by ann`; w.Code != http.StatusSeeOther || !slices.Contains(s.engine.asked(), want) {
		t.Errorf("answered %d; asked was %q", w.Code, s.engine.asked())
	}
}

func TestUnsentKeepsFormsOfOursOnly(t *testing.T) {
	t.Parallel()
	s := newSiteWithAnn(t)
	for _, c := range []struct {
		name, action string
		kept         bool
	}{
		{"a form of an alert", "/alerts/A1/ack", true},
		{"one for many, with what narrows the list", "/alerts?host=db1", true},
		{"one of another site", "https://evil.example/alerts", false},
		{"one without a scheme", "//evil.example/alerts", false},
		{"to sign out", "/sign-out", false},
		{"to sign in", "/sign-in", false},
		{"a page that takes none", "/hosts/web1", false},
		{"no page", "/nothing", false},
		{"nothing", "", false},
	} {
		form := ann("/")
		form.Set(keptAction, c.action)
		form.Set(keptPrefix+"why", "w")
		w := s.post("/sign-in", form, nil)
		if next := w.Header().Get("Location"); w.Code != http.StatusSeeOther || strings.HasPrefix(next, "/unsent/") != c.kept || !c.kept && next != "/" {
			t.Errorf("%s: answered %d to %q", c.name, w.Code, next)
		}
	}
}

func TestUnsentIsBoundedAndEnds(t *testing.T) {
	t.Parallel()
	s := newSite(base, edited(nil))
	first := s.keeper.keep(unsent{Action: "/alerts/A1/ack"})
	for range maxUnsent {
		s.now = s.now.Add(time.Second)
		s.keeper.keep(unsent{Action: "/alerts/A1/ack"})
	}
	last := s.keeper.keep(unsent{Action: "/alerts/A1/ack"})
	if _, found := s.keeper.kept(first); found || len(s.keeper.unsent) != maxUnsent {
		t.Errorf("%d are kept, the oldest among them: %v", len(s.keeper.unsent), found)
	}
	if _, found := s.keeper.kept(last); !found {
		t.Error("the newest is not kept")
	}
	s.now = s.now.Add(unsentLife)
	if _, found := s.keeper.kept(last); found {
		t.Error("it is kept for good")
	}
	if w := s.get(t, "/unsent/"+last); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
		t.Errorf("answered %d to %q", w.Code, w.Header().Get("Location"))
	}
	w := s.post("/alerts/A1/comment", url.Values{"text": {strings.Repeat("x", maxSignIn)}}, nil)
	if w.Code != http.StatusUnauthorized || w.Body.Len() > 10_000 || !strings.Contains(seen(t, w), "too long to be kept here") {
		t.Errorf("answered %d with %d bytes", w.Code, w.Body.Len())
	}
}

// TestUnsentKnowsEveryFieldForASecret goes through the pages themselves: a field
// that hides what is typed has a name that is never written into another page.
func TestUnsentKnowsEveryFieldForASecret(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("pages/*.html")
	if err != nil || len(names) == 0 {
		t.Fatal("no pages", err)
	}
	found := 0
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range valuesOf(t, string(text), "name", func(n *html.Node) bool { return n.Data == "input" && attribute(n, "type") == "password" }) {
			found++
			if !secretField(field) {
				t.Errorf("%s: %q would be kept", name, field)
			}
		}
	}
	if found == 0 {
		t.Error("no page has a field for a password: this test looks for it wrongly")
	}
	for _, plain := range []string{"why", "owner", "text", "until", "kind", "id", "door", "name"} {
		if secretField(plain) {
			t.Errorf("%q is not kept", plain)
		}
	}
}

// TestAFormWhoseSessionEndedComesThroughTheSecondFactor has the code come in time,
// and too late: the form is there in both.
func TestAFormWhoseSessionEndedComesThroughTheSecondFactor(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"in time": false, "too late": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSiteInTime(t)
			b := s.browser("x")
			b.signIn(t)
			secret, _ := b.turnOn(t)
			b.jar = map[string]string{}
			s.now = s.now.Add(sessionLife)
			form := filled(t, b.fill("/alerts/A1/comment", "text", "asked bob"), "/sign-in")
			form.Set("name", "ann")
			form.Set("password", password)
			w := b.took(s.post("/sign-in", form, b.edit))
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/sign-in/code" {
				t.Fatalf("answered %d to %q", w.Code, w.Header().Get("Location"))
			}
			w = b.get("/sign-in/code")
			next := valuesOf(t, w.Body.String(), "value", func(n *html.Node) bool { return attribute(n, "name") == "next" })
			if len(next) == 0 || !strings.HasPrefix(next[0], "/unsent/") {
				t.Fatalf("the form for the code leads to %q", next)
			}
			if w := s.request("GET", next[0], b.edit); w.Code != http.StatusUnauthorized {
				t.Errorf("half a sign-in is shown what was typed: %d", w.Code)
			}
			if late {
				s.now = s.now.Add(account.HalfLife)
				form = filled(t, b.fill("/sign-in/code", "code", "123456", "next", next[0]), "/sign-in")
				form.Set("name", "ann")
				form.Set("password", password)
				b.took(s.post("/sign-in", form, b.edit))
			}
			w = b.fill("/sign-in/code", "code", s.code(t, secret))
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != next[0] {
				t.Fatalf("answered %d to %q: %s", w.Code, w.Header().Get("Location"), seen(t, w))
			}
			if text := seen(t, b.get(next[0])); !strings.Contains(text, "Comment asked bob") {
				t.Errorf("it is lost: %s", text)
			}
		})
	}
}
