package web

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab/hostile"
)

// fewHostile are hostile texts of every kind, and those that no form would take. All of them
// are tried in a browser (lab).
func fewHostile() []string {
	list := []string{"", strings.Repeat("A", 1<<20), strings.Repeat("\u202e", 1<<18), strings.Repeat("<b>", 1<<18)}
	for i, text := range hostile.Texts() {
		if i%12 == 0 { // of each kind there are more
			list = append(list, text)
		}
	}
	return list
}

// infest puts the text wherever one that is not ours can stand.
func (s *site) infest(text string) {
	container := text
	until := noon
	service := &portvigil.Service{Name: text, Product: text, Version: text, Title: text, HostKey: text, CPE: []string{text}, Banner: []byte(text),
		Certificate: &portvigil.Certificate{Subject: text, Issuer: text, Names: []string{text}, SelfSigned: true}}
	process := &portvigil.Process{PID: 1, Exe: text, User: text, Unit: text, Container: &container, Deleted: true,
		Package: &portvigil.Package{Name: text, Version: text}}
	views := portvigil.AlertViews{Outside: []portvigil.Sighting{{Vantage: text, State: "open", Seen: noon}}, Inside: &portvigil.Sighting{State: text}}
	a := portvigil.Alert{ID: text, Kind: portvigil.Kind(text), Severity: portvigil.Severity(text), Subject: portvigil.Subject{Kind: "k" + text, Name: text}, Host: text,
		Proto: portvigil.TCP, Port: 80, State: portvigil.AlertState(text), Text: text, Edit: text + "\n" + text,
		Memory: portvigil.AlertMemory{Before: text, Print: &portvigil.DoorPrint{Scope: portvigil.Scope(text)}}, Service: service, Process: process, Views: views,
		Endpoints: []portvigil.AlertEndpoint{{Port: 80, Proto: portvigil.Proto(text), Ports: text, Verdict: portvigil.Verdict(text), Service: service, Process: process},
			{Address: netip.MustParseAddr("fe80::1").WithZone("z" + text)}},
		Cause: &portvigil.Cause{Text: text}, Resolution: &portvigil.Resolution{Kind: portvigil.ResolutionKind(text), By: text, Why: text, Owner: text, Until: &until}}
	nameless := *service
	nameless.Product, a.Service = "", &nameless // so that its first bytes are shown
	over := a
	over.State = portvigil.AlertResolved
	door := portvigil.Exposure{Verdict: portvigil.Verdict("x" + text), Ports: text, Service: service, Process: process, Views: views, Awaits: text,
		Entry: &portvigil.Entry{Why: text, Owner: text}, Allow: &portvigil.Allow{Why: text}, Differences: []portvigil.Difference{{Field: text, Want: text, Got: text}}}
	door.Looks = []string{text}
	open := door
	open.Verdict, open.Views.Inside = portvigil.UnexpectedListening, &portvigil.Sighting{State: portvigil.Listening, Seen: noon}
	h := portvigil.HostStatus{Host: portvigil.Host{Name: text, Groups: []string{text}, Addresses: []portvigil.HostAddress{{Name: text}}, Targets: []string{text},
		Waiting: []netip.Addr{netip.MustParseAddr("fe80::1").WithZone("z" + text)}, Maintenance: &portvigil.Maintenance{Until: noon.Add(time.Hour), Why: text, By: text}},
		Exposures: []portvigil.Exposure{door, open}, Alerts: []portvigil.Alert{a},
		Views: []portvigil.ViewStatus{{View: portvigil.View(text), Vantage: text, Address: text, Proto: portvigil.Proto(text), Notes: []string{text}}}}
	e := s.engine
	e.host, e.hosts, e.alert, e.alerts = h, []portvigil.HostStatus{h}, a, []portvigil.Alert{a, over}
	e.channels = []portvigil.ChannelRow{{Name: text, Kind: text, Settings: settingsOf(text), LastError: text + "x", LastFailure: noon}}
	e.acts = []portvigil.Act{{Time: noon, By: text, What: text, Text: text, Host: text, Subject: portvigil.Subject{Kind: "alert", Name: text}},
		{By: text, Subject: portvigil.Subject{Kind: text, Name: text}}}
	e.about = About{Version: text, Go: text, System: text, Revision: text, Database: text, Limits: []string{text}, Processes: []AboutProcess{{Name: text, Does: text, MayNot: text}}}
	s.infestBaseline(text)
	e.timeline = portvigil.Timeline{Host: text, LeftOut: 1,
		Views: []portvigil.TimelineView{{View: portvigil.View(text), Vantage: text, Address: text, Proto: portvigil.Proto(text), Covered: text, Known: []portvigil.Span{{From: noon.Add(-time.Hour), To: noon}}}},
		Doors: []portvigil.TimelineDoor{{View: portvigil.View(text), Vantage: text, Entrance: portvigil.Entrance{Address: netip.MustParseAddr("fe80::1").WithZone("z" + text), Proto: portvigil.Proto(text)},
			Scope: portvigil.Scope(text), Spans: []portvigil.StateSpan{{Span: portvigil.Span{From: noon.Add(-time.Hour), To: noon}, State: portvigil.PastState(text)}}}}}
	e.past = portvigil.Past{Views: []portvigil.PastView{{View: portvigil.View(text), Vantage: text, Address: text, Proto: portvigil.Proto(text), Covered: text}},
		Doors: []portvigil.PastDoor{{View: portvigil.View(text), Vantage: text, Scope: portvigil.Scope(text), State: portvigil.PastState(text), Why: text,
			Entrance: portvigil.Entrance{Proto: portvigil.Proto(text)}, First: portvigil.Mark{Look: text}, Last: portvigil.Mark{Look: text}}}}
	e.underWay = []portvigil.LookUnderWay{{View: portvigil.View(text), Reason: text, Progress: &portvigil.LookProgress{Address: text}}, {Progress: &portvigil.LookProgress{Waits: text}}}
	e.scope = []portvigil.ScopeRule{{By: text}, {By: text, Deny: true}}
	e.edit = text
	e.story = []portvigil.AuditEntry{{Time: noon, By: text, What: text, Text: text}}
}

// infestBaseline puts the text into a document, as far as it can be written there,
// and into a review.
func (s *site) infestBaseline(text string) {
	if len(text) > 3000 {
		text = text[:3000]
	}
	entry := portvigil.Entry{Ports: portvigil.PortRange{First: 80, Last: 80}, Proto: portvigil.TCP, Service: text, Why: text, Owner: text, Review: text, From: []string{"x" + text},
		Pin: portvigil.Pin{Product: text, Version: text, Exe: text, User: text, HostKey: text, Certificate: text}}
	d := portvigil.Document{Host: "x", Groups: []string{"g" + text}, Entries: []portvigil.Entry{entry}, Allow: []portvigil.Allow{{Process: "/" + text, Why: text, Owner: text}}}
	v := portvigil.BaselineVersion{Kind: "host", Name: "x", Version: 1, Text: string(portvigil.FormatDocument(d)), By: text, Why: text, Time: noon}
	second := v
	second.Version, second.Text = 2, "# "+strings.Map(func(r rune) rune {
		if unfit(r) && r < 0x200 || r == '\n' || r == 0xfffd {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))+"\n"+v.Text
	decision := portvigil.ReviewDecision{Kind: text, Name: text, Target: text, Verdict: portvigil.ReviewVerdict(text), Text: text, By: text, Time: noon}
	r := portvigil.Review{ID: "R1", By: text, SignedBy: text, Name: text, Remark: text, Decisions: []portvigil.ReviewDecision{decision},
		Left: []portvigil.ReviewedEntry{{Kind: text, Name: text, Target: text}}, Documents: []portvigil.ReviewedDocument{{Kind: text, Name: text}}}
	e := s.engine
	e.versions, e.reviews = []portvigil.BaselineVersion{v, second}, []portvigil.Review{r}
	e.agenda = portvigil.Agenda{Review: &r, Last: &r, Meanwhile: []portvigil.BaselineVersion{v},
		Items: []portvigil.ReviewItem{{Kind: text, Name: text, Entry: entry, Reasons: []portvigil.ReviewReason{portvigil.ReviewReason(text)}, Sight: portvigil.EntrySight(text)}}}
}

// maxPage bounds the infested pages: some forty places, each at most maxShown
// bytes, which escaping makes longer.
const maxPage = 1 << 20

func checkInfested(t rapid.TB, s *site, cookie string, text string) {
	typed := url.QueryEscape(cut(text)) // a browser sends no more in an address
	for _, path := range []string{"/", "/hosts/x", "/alerts", "/alerts?state=all", "/alerts/x", "/refused", "/unsent", "/start", "/hosts", "/scope", "/hosts/x/explain", "/hosts/x/history", "/hosts/x/past?date=2026-11-22",
		"/baseline", "/baseline/x", "/baseline/x/entry?k=0",
		"/baseline/x/text", "/baseline/x/versions", "/baseline/x/remove?k=0", "/baseline/x/restore?of=1", "/review", "/review/R1",
		"/hosts?q=" + typed + "&group=" + typed + "&host=" + typed + "&address=" + typed, "/scope?network=" + typed, "/hosts/x?q=" + typed, "/hosts/x/history?q=" + typed, "/hosts/x/past?date=" + typed + "&time=" + typed,
		"/channels", "/channels/add?kind=email", "/users", "/tokens", "/audit?since=x&who=" + typed, "/settings", "/about"} {
		var body string
		if path == "/refused" {
			body = s.request("GET", "/", nil).Body.String()
		} else if path == "/unsent" {
			typed := strings.ToValidUTF8(cut(text), "?") // a form that is kept has been read already
			body = s.ask(cookie, "/unsent/"+s.keeper.keep(unsent{Action: "/alerts/x/comment", Fields: []field{{"x" + typed, typed}, {"why", typed}}}))
		} else {
			body = s.ask(cookie, path)
		}
		if wrong := faults(body); len(wrong) > 0 {
			t.Errorf("%s with %.60q: %.200q", path, text, wrong)
		}
		if strings.Contains(body, "<h1>This did not work</h1>") {
			t.Errorf("%s with %.60q is not shown: %.3000s", path, text, body)
		}
		if !utf8.ValidString(body) || len(body) > maxPage {
			t.Errorf("%s with %.60q: %d bytes, valid %v", path, text, len(body), utf8.ValidString(body))
		}
		if root, err := html.Parse(strings.NewReader(body)); err == nil {
			for n := range root.Descendants() {
				if n.Parent != nil && n.Parent.Data == "textarea" {
					continue // what is edited there has to be every character as it is
				}
				if i := strings.IndexFunc(n.Data, unfit); n.Type == html.TextNode && i >= 0 {
					t.Errorf("%s with %.60q shows %.60q", path, text, n.Data[i:])
				}
			}
		}
	}
}

// unfit are the characters that change what a reader sees of the rest.
func unfit(r rune) bool {
	return r != '\n' && portvigil.Printable(string(r)) != string(r)
}

// ask gets a page with the session's cookie.
func (s *site) ask(cookie, path string) string {
	return s.request("GET", path, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName, Value: cookie}) }).Body.String()
}

func TestHostileTextIsEscapedAndBoundedOnEveryPage(t *testing.T) {
	t.Parallel()
	s := newSite(base, &fakeEngine{})
	cookie := s.signIn(t).Value
	for _, text := range fewHostile() {
		s.infest(text)
		checkInfested(t, s, cookie, text)
		if s.log.Len() > 0 {
			t.Errorf("%.60q: a page failed: %s", text, s.log)
		}
	}
}

func TestHostileTextOfAnyMakeIsEscaped(t *testing.T) {
	t.Parallel()
	part := rapid.OneOf(rapid.SampledFrom([]string{"<", ">", "\"", "'", "&", "/", "{{", "}}", "<!--", "javascript:", "\x00", "\x1b[", "\u202e", "\xff", "="}),
		rapid.SampledFrom(hostile.Texts()), rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	s := newSite(base, &fakeEngine{})
	cookie := s.signIn(t).Value
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(part, 0, 6).Draw(t, "parts"), "")
		s.infest(text)
		checkInfested(t, s, cookie, text)
	})
}

func TestHostilePathsAreEscapedInTheAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(base, &fakeEngine{})
	cookie := s.signIn(t).Value
	for _, path := range []string{"/%3Cscript%3Ealert(1)%3C/script%3E", "/x%1b%5B2J%00%ff", "/%E2%80%AEx", "/" + strings.Repeat("x", 60_000)} {
		body := s.ask(cookie, path)
		if wrong := faults(body); len(wrong) > 0 || strings.ContainsFunc(body, unfit) || len(body) > 10_000 {
			t.Errorf("%.60s: %q\n%.2000q", path, wrong, body)
		}
	}
}

func TestShownIsBoundedAndPrintable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Repeat(rapid.String().Draw(t, "text"), rapid.IntRange(0, 300).Draw(t, "times"))
		got := shown(text)
		if strings.ContainsFunc(got, unfit) || strings.Contains(got, "\n") {
			t.Fatalf("shown has what it must not have: %q", got)
		}
		if len(text) <= maxShown && got != portvigil.Printable(text) || len(text) > maxShown && !strings.HasSuffix(got, "…") {
			t.Fatalf("%d bytes became %q", len(text), got)
		}
		if whole := strings.TrimSuffix(got, "…"); len(text) > maxShown && !strings.HasPrefix(portvigil.Printable(text), whole) {
			t.Fatalf("a character was cut in two: %q", got[len(got)-20:])
		}
	})
}

func TestWordsTellTimesAsPeopleDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d        time.Duration
		ago, due string
	}{
		{0, "just now", "now"}, {59 * time.Second, "just now", "now"}, {61 * time.Second, "in 1 minute", "in 1 minute"},
		{-59 * time.Second, "just now", "now"}, {-time.Minute, "1 minute ago", "now"}, {-119 * time.Minute, "1 hour ago", "now"},
		{-47 * time.Hour, "47 hours ago", "now"}, {-48 * time.Hour, "2 days ago", "now"}, {50 * time.Hour, "in 2 days", "in 2 days"},
	} {
		if got := ago(noon.Add(c.d), noon); got != c.ago {
			t.Errorf("ago(%s) is %q, want %q", c.d, got, c.ago)
		}
		if got := due(noon.Add(c.d), noon); got != c.due {
			t.Errorf("due(%s) is %q, want %q", c.d, got, c.due)
		}
	}
	if got := ago(time.Time{}, noon); got != "never" {
		t.Errorf("no time is %q", got)
	}
}
