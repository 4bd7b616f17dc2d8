package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/portvigil/portvigil"
)

// seen is what a reader finds on a page: its text without markup, with one space
// between words and elements.
func seen(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// reads fails the test where a page breaks what every page promises, does not say
// something that it has to, or says what it must not.
func reads(t *testing.T, w *httptest.ResponseRecorder, says, not []string) {
	t.Helper()
	for _, wrong := range faults(w.Body.String()) {
		t.Error(wrong)
	}
	text := seen(t, w)
	for _, s := range says {
		if !strings.Contains(text, s) {
			t.Errorf("it does not say %q", s)
		}
	}
	for _, s := range not {
		if strings.Contains(text, s) {
			t.Errorf("it says %q", s)
		}
	}
}

// void are the elements without an end tag that the pages use (HTML 13.1.2).
var void = []string{"meta", "link", "br", "input", "img"}

// faults holds a page against what every page promises; it returns what is wrong.
func faults(text string) []string {
	var wrong []string
	if !strings.HasPrefix(text, "<!doctype html>\n<html lang=\"en\">") {
		wrong = append(wrong, "it has no doctype or language")
	}
	count, ids := map[string]int{}, map[string]bool{}
	var open []string
	tokens := html.NewTokenizer(strings.NewReader(text))
	for tokens.Next() != html.ErrorToken {
		token := tokens.Token()
		switch token.Type {
		case html.StartTagToken, html.SelfClosingTagToken:
			count[token.Data]++
			if token.Type == html.StartTagToken && !slices.Contains(void, token.Data) {
				open = append(open, token.Data)
			}
			wrong = append(wrong, badAttributes(token, ids)...)
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				wrong = append(wrong, "</"+token.Data+"> ends nothing")
				continue
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		wrong = append(wrong, "never ended: "+strings.Join(open, " "))
	}
	for _, name := range []string{"title", "h1", "header", "main", "footer"} {
		if count[name] != 1 {
			wrong = append(wrong, name+" is not there once")
		}
	}
	for _, name := range []string{"style", "iframe", "object", "base"} {
		if count[name] > 0 {
			wrong = append(wrong, "it has <"+name+">")
		}
	}
	if !strings.Contains(text, `<meta name="viewport" content="width=device-width, initial-scale=1">`) {
		wrong = append(wrong, "it has no viewport")
	}
	return wrong
}

// badAttributes finds code, style and what is loaded from elsewhere. The one script
// is the one that we serve.
func badAttributes(token html.Token, ids map[string]bool) []string {
	var wrong []string
	if own := []html.Attribute{{Key: "src", Val: "/app.js"}, {Key: "defer"}}; token.Data == "script" && !slices.Equal(token.Attr, own) {
		wrong = append(wrong, "it has a script that is not ours")
	}
	for _, a := range token.Attr {
		switch {
		case strings.HasPrefix(a.Key, "on"), a.Key == "style":
			wrong = append(wrong, token.Data+" has "+a.Key)
		case a.Key == "src" && (!strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "//")):
			wrong = append(wrong, "something is loaded from elsewhere: "+a.Val)
		case a.Key == "href" && strings.HasPrefix(a.Val, "#") && a.Val != "#": // a place on the page
		case a.Key == "href" && a.Val == "https://spec.openapis.org/oas/v3.1.1": // the one that leads out: what OpenAPI is
		case a.Key == "href" && (!strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "//")):
			wrong = append(wrong, "a link leaves: "+a.Val)
		case a.Key == "action" && (!strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "//")):
			wrong = append(wrong, "a form leaves: "+a.Val)
		case a.Key == "id" && ids[a.Val]:
			wrong = append(wrong, "two have the id "+a.Val)
		case a.Key == "id":
			ids[a.Val] = true
		case a.Key == "datetime":
			if _, err := time.Parse(time.RFC3339, a.Val); err != nil {
				wrong = append(wrong, "a time is none: "+a.Val)
			}
		}
	}
	return wrong
}

func TestPagesFaultsAreFound(t *testing.T) {
	t.Parallel()
	page := newSite(base, &fakeEngine{}).request("GET", "/", nil).Body.String()
	if wrong := faults(page); len(wrong) > 0 {
		t.Fatalf("a good page has faults: %q", wrong)
	}
	for _, spoil := range []string{"</p>", "<b>", "<script></script>", `<script src="/other.js"></script>`, `<img src="//evil.example/x">`, `<form action="//evil.example/"></form>`, `<a href="//evil.example/"></a>`, `<a href="javascript:x"></a>`,
		`<p onclick="x"></p>`, `<p style="x"></p>`, "<h1></h1>", `<time datetime="x"></time>`} {
		if wrong := faults(strings.Replace(page, "</main>", spoil+"</main>", 1)); len(wrong) == 0 {
			t.Errorf("nothing is wrong with %s", spoil)
		}
	}
}

// resolved is the sample alert after somebody accepted it.
func resolved() portvigil.Alert {
	a := sampleAlert()
	until := noon.Add(24 * time.Hour)
	a.State, a.Resolution = portvigil.AlertResolved,
		&portvigil.Resolution{Kind: portvigil.ResolvedAccepted, By: "bob", Why: "until the move", Owner: "ann", Until: &until, Time: noon.Add(-time.Minute)}
	return a
}

func edited(edit func(*fakeEngine)) *fakeEngine {
	h := sampleHost()
	e := &fakeEngine{host: h, hosts: []portvigil.HostStatus{h}, alert: sampleAlert(), alerts: []portvigil.Alert{sampleAlert()},
		channels: []portvigil.ChannelRow{{Name: "ops", Settings: json.RawMessage("{}")}},
		story:    []portvigil.AuditEntry{{Time: noon.Add(-3 * time.Hour), By: "portvigil", What: "opened", Text: "it was opened"}}}
	if edit != nil {
		edit(e)
	}
	return e
}

func TestPagesSayWhatIsAndWhatToDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path string
		edit       func(*fakeEngine)
		status     int
		says       []string
		not        []string
	}{
		{"an empty overview says how to begin", "/", func(e *fakeEngine) { *e = fakeEngine{} }, 200,
			[]string{"Nothing is watched yet", "Add a host", "Alerts reach nobody but this page", "Add e-mail, Slack or a webhook"}, []string{"All is well", "as expected"}},
		{"the overview has alerts, hosts and what ended", "/", func(e *fakeEngine) {
			a := resolved()
			a.ID, a.Changed = "A2", noon.Add(-time.Minute)
			e.alerts = append(e.alerts, a)
		}, 200,
			[]string{"1 alert needs somebody high 1", "high web1 has 9100/tcp open", "new · opened 3 hours ago", "2/2 views are fresh", "Hosts web1 high 1 alert",
				"What changed today accepted web1 has", "was high · by bob · 1 minute ago"}, []string{"reach nobody"}},
		{"what was high and ended by itself is to be noted", "/", func(e *fakeEngine) {
			a := resolved()
			a.Resolution.Kind, a.Resolution.By = portvigil.ResolvedCleared, "portvigil"
			e.alerts = []portvigil.Alert{a}
		}, 200, []string{"No open alert 1 serious one ended by itself", "Ended by themselves", "over web1 has", "until somebody has noted it", "Nothing beside what stands above"}, []string{"All is well"}},
		{"a quiet overview says so", "/", func(e *fakeEngine) { e.alerts, e.hosts[0].Alerts = nil, nil }, 200, []string{"All is well 2 doors on 1 host, each as expected", "Nothing needs you now"}, nil},
		{"a host that cannot be seen is not as expected", "/", func(e *fakeEngine) {
			e.alerts, e.hosts[0].Alerts, e.hosts[0].Views[1].Fresh = nil, nil, false
		}, 200, []string{"No open alert, but not all of it can be seen 1 of 2 views", "web1 , outside at 10.0.0.1: blind since 5 minutes ago"}, []string{"as expected", "All is well"}},
		{"nor one that nobody looked at", "/", func(e *fakeEngine) { e.alerts, e.hosts[0].Alerts, e.hosts[0].Views = nil, nil, nil }, 200,
			[]string{"not looked at yet"}, []string{"as expected"}},
		{"a host shows its doors, those to look at first, and its views", "/hosts/web1", nil, 200,
			[]string{"10.0.0.1 shop", "9100/tcp 10.0.0.1 unexpected, open to the outside Why It is open from outside, and no entry of the baseline covers it. open from office, 5 minutes ago listening 2 minutes ago Prometheus node exporter 1.5.0 /usr/bin/exporter · prometheus · exporter.service not in the baseline not known 80/tcp",
				"the shop (ann)", "outside from office at 10.0.0.1, tcp: last complete look 5 minutes ago", "Next look: outside in 3 hours"}, []string{"81/tcp"}},
		{"a host that answers no UDP is seen as far as it can be", "/hosts/web1", func(e *fakeEngine) {
			allWell(e)
			e.host.Views = append(e.host.Views, silentView())
		}, 200, []string{"what is seen is as expected", "outside from office at 10.0.0.1, udp: it answers no UDP Nothing answered: none of 300 datagrams"}, []string{"not all of it can be seen"}},
		{"in a list as well", "/hosts", func(e *fakeEngine) { allWell(e); e.hosts[0].Views = append(e.hosts[0].Views, silentView()) }, 200,
			[]string{"as expected", "outside 10.0.0.1: 5 minutes ago · outside 10.0.0.1 (udp): no answer"}, []string{"not all of it can be seen"}},
		{"a host without a look says how to look", "/hosts/web1", func(e *fakeEngine) {
			e.host = portvigil.HostStatus{Host: portvigil.Host{Name: "web1", Targets: []string{"10.0.0.1"}}}
		}, 200, []string{"Nothing is known yet", "Look now", "outside : none yet", "ssh web1 portvigil check --json | portvigil hosts report web1 -"},
			[]string{"as expected"}},
		{"a host with nothing open says as far as was seen", "/hosts/web1", func(e *fakeEngine) { e.host.Exposures, e.host.Alerts = nil, nil }, 200,
			[]string{"No door is open or expected, as far as the views below have seen", "as expected"}, nil},
		{"the server's own machine is told to be seen from elsewhere", "/hosts/web1", func(e *fakeEngine) {
			e.host = portvigil.HostStatus{Host: portvigil.Host{Name: "web1", Local: true}, Views: sampleHost().Views[:1], NextInside: noon}
		}, 200, []string{"no machine sees itself from outside", "This server’s own machine", "Next look: inside now"}, nil},
		{"an unknown host is not found", "/hosts/web2", func(e *fakeEngine) { e.err = portvigil.Errorf(portvigil.CodeNotFound, "there is no host web2") }, 404,
			[]string{"Not found There is no host web2."}, nil},
		{"an unknown page too", "/nothing", nil, 404, []string{"Not found There is no page at /nothing."}, nil},
		{"an internal error is not shown", "/", func(e *fakeEngine) { e.err = errors.New("hunter2") }, 500,
			[]string{"This did not work The server failed; see the server's log."}, []string{"hunter2", "Not found"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newSite(base, edited(c.edit)).get(t, c.path)
			text := seen(t, w)
			if w.Code != c.status {
				t.Errorf("answered %d, want %d", w.Code, c.status)
			}
			reads(t, w, c.says, c.not)
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}

func TestPagesAnswerHEAD(t *testing.T) {
	t.Parallel()
	s := newSite(base, edited(nil))
	cookie := s.signIn(t)
	if w := s.request("HEAD", "/", func(r *http.Request) { r.AddCookie(cookie) }); w.Code != http.StatusOK {
		t.Errorf("answered %d", w.Code)
	}
}

func TestPagesListTheWorstFirst(t *testing.T) {
	t.Parallel()
	var alerts []portvigil.Alert
	for _, s := range []portvigil.Severity{portvigil.Low, portvigil.Critical, portvigil.Medium, portvigil.High} {
		a := sampleAlert()
		a.Severity, a.Text = s, "it has been "+string(s)+";"
		alerts = append(alerts, a)
	}
	e := edited(func(e *fakeEngine) { e.alerts, e.host.Alerts = alerts, alerts })
	for _, path := range []string{"/", "/hosts/web1"} {
		var got []string
		for _, word := range strings.SplitAfter(seen(t, newSite(base, e).get(t, path)), "it has been ")[1:] {
			severity, _, _ := strings.Cut(word, ";")
			got = append(got, severity)
		}
		if diff := cmp.Diff([]string{"critical", "high", "medium", "low"}, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", path, diff)
		}
	}
}

func TestTheOverviewOffersWhatAnAlertAllows(t *testing.T) {
	t.Parallel()
	e := edited(func(e *fakeEngine) {
		e.alerts = nil
		for _, info := range alertKinds() {
			e.alerts = append(e.alerts, anAlert("A-"+string(info.Kind), info.Kind, portvigil.AlertNew))
		}
	})
	w := newSite(base, e).get(t, "/")
	expected, shut := 0, 0
	for i := range e.alerts[:maxNeeds] {
		a := &e.alerts[i]
		can := choicesOf(a)
		for _, c := range []struct {
			form  string
			want  bool
			count *int
		}{{"expected", can.Expect, &expected}, {"shut", can.Shut, &shut}} {
			if got := strings.Contains(w.Body.String(), `href="/alerts/`+a.ID+"#"+c.form+`"`); got != c.want {
				t.Errorf("%s: %s is offered: %v, want %v", a.Kind, c.form, got, c.want)
			}
			if c.want {
				*c.count++
			}
		}
	}
	if expected == 0 || shut <= expected {
		t.Errorf("%d can be expected and %d shut: the sample lacks one", expected, shut)
	}
}

func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	door, row := sampleHost().Exposures[2], sampleAlert().Endpoints[0]
	e := edited(func(e *fakeEngine) {
		e.host.Exposures, e.alert.Endpoints = slices.Repeat([]portvigil.Exposure{door}, 10_000), slices.Repeat([]portvigil.AlertEndpoint{row}, 10_000)
		e.alert.Port, e.alert.Kind = 0, portvigil.ManyDoors
		e.alerts = slices.Repeat([]portvigil.Alert{sampleAlert()}, 1000)
		e.host.Alerts = e.alerts
	})
	s := newSite(base, e)
	for path, says := range map[string]string{"/": "1000 alerts need somebody", "/hosts/web1": "1 to 40 of 10000, those to look at first", "/alerts/A1": "9500 more: portvigil alerts show", "/alerts": "1–100 of 1000"} {
		w := s.get(t, path)
		if !strings.Contains(seen(t, w), says) || w.Body.Len() > 1<<20 {
			t.Errorf("%s has %d bytes, and has to say %q", path, w.Body.Len(), says)
		}
	}
}
