package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

// several are alerts in every state, each with its number in its text.
func several(n int) []portvigil.Alert {
	severities := []portvigil.Severity{portvigil.Critical, portvigil.High, portvigil.Medium, portvigil.Low}
	list := make([]portvigil.Alert, n)
	for i := range list {
		a := sampleAlert()
		a.ID, a.Host, a.Severity = fmt.Sprintf("id-%04d", i), fmt.Sprintf("db%d", i%7), severities[i%len(severities)]
		a.State = append(slices.Clone(openStates), portvigil.AlertResolved)[i%6]
		a.Opened, a.Changed = noon.Add(-time.Duration(i)*time.Hour), noon.Add(-time.Duration(i)*time.Minute)
		if a.State == portvigil.AlertResolved {
			a.Resolution = &portvigil.Resolution{Kind: portvigil.ResolvedCleared, By: "portvigil", Time: a.Changed}
		}
		a.Text = fmt.Sprintf("number %d is open.", i)
		list[i] = a
	}
	return list
}

func withAlerts(n int) *fakeEngine { return edited(func(e *fakeEngine) { e.alerts = several(n) }) }

// valuesOf are the values of an attribute of the elements that the condition picks.
func valuesOf(t *testing.T, body, key string, picks func(*html.Node) bool) (list []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && picks(n) {
			list = append(list, attribute(n, key))
		}
	}
	return list
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// chosen are the ids that a page would send with its form.
func chosen(t *testing.T, body string) []string {
	return valuesOf(t, body, "value", func(n *html.Node) bool {
		return attribute(n, "name") == "id" && slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "checked" })
	})
}

func TestAlertsAreListedAsTheAddressSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path string
		edit       func(*fakeEngine)
		says       []string
		not        []string
	}{
		{"open ones, the worst first", "/alerts", nil, []string{"Open 10 To be noted 1 Resolved 2 All 12", "Any severity 10 Critical 3 High 2 Medium 3 Low 2",
			"1–10 of 10", "critical number 0 is open. new · opened just now", "critical number 8 is open. investigating · opened 8 hours ago", "said to be shut · opened", "waiting for the baseline · opened"},
			[]string{"number 5 is", "number 11 is", "After these"}},
		{"those to be noted", "/alerts?state=note", nil, []string{"1–1 of 1", "number 5 is open. PortVigil resolved it as over 5 minutes ago"}, []string{"number 0 is"}},
		{"the resolved ones", "/alerts?state=resolved", nil, []string{"1–2 of 2", "number 5 is", "number 11 is"}, []string{"number 0 is"}},
		{"all of a severity, counted in each state", "/alerts?state=all&severity=low", nil, []string{"Open 2 To be noted 0 Resolved 1 All 3", "Any severity 12", "number 3 is", "number 11 is"}, []string{"number 0 is"}},
		{"those of a host", "/alerts?host=db1", nil, []string{"1–2 of 2", "number 1 is", "number 8 is", "Show all"}, nil},
		{"those that have the words", "/alerts?q=number+8", nil, []string{"1–1 of 1", "number 8 is"}, []string{"number 1 is"}},
		{"none is like that", "/alerts?q=nothing", nil, []string{"No alert is like that", "Show all that are open"}, []string{"With the chosen"}},
		{"of a kind there are none", "/alerts?kind=hidden&state=resolved", nil, []string{"No alert is like that", "Show all that are resolved"}, nil},
		{"an unknown state is no error", "/alerts?state=x&order=y&page=z", nil, []string{"1–10 of 10"}, nil},
		{"nothing is open", "/alerts", func(e *fakeEngine) { e.alerts = nil }, []string{"No open alert", "Whether every host can be seen stands on the overview"}, []string{"With the chosen"}},
		{"nothing is to be noted", "/alerts?state=note", func(e *fakeEngine) { e.alerts = nil }, []string{"Nothing to note"}, nil},
		{"nothing has happened yet", "/alerts?state=all", func(e *fakeEngine) { e.alerts = nil }, []string{"Nothing here yet"}, nil},
		{"the first of many", "/alerts?state=all", func(e *fakeEngine) { e.alerts = several(5000) }, []string{"1–100 of 5000", "After these", "300 on a page"}, []string{"Before these"}},
		{"those after them", "/alerts?state=all&page=2", func(e *fakeEngine) { e.alerts = several(5000) }, []string{"101–200 of 5000", "Before these", "After these"}, nil},
		{"a page that is gone is the last one", "/alerts?state=all&page=99", func(e *fakeEngine) { e.alerts = several(120) }, []string{"101–120 of 120"}, []string{"After these"}},
		{"more on a page", "/alerts?state=all&per=300", func(e *fakeEngine) { e.alerts = several(5000) }, []string{"1–300 of 5000"}, []string{"300 on a page"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := withAlerts(12)
			if c.edit != nil {
				c.edit(e)
			}
			w := newSite(base, e).get(t, c.path)
			text := seen(t, w)
			reads(t, w, c.says, c.not)
			if w.Code != http.StatusOK || t.Failed() {
				t.Errorf("answered %d: %.3000s", w.Code, text)
			}
		})
	}
}

// TestAlertsAddressSaysAllOfTheList goes from a list to its address and back.
func TestAlertsAddressSaysAllOfTheList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "web1", "a&b=c", "9100/tcp", "ü %2F?#", "<b>"})
		want := alertQuery{Tab: rapid.SampledFrom([]string{tabOpen, tabNote, tabResolved, tabAll}).Draw(t, "tab"), Severity: text.Draw(t, "severity"),
			Kind: text.Draw(t, "kind"), Host: text.Draw(t, "host"), Group: text.Draw(t, "group"), Text: text.Draw(t, "text"),
			Order: rapid.SampledFrom([]portvigil.AlertOrder{portvigil.ByChanged, portvigil.ByOpened, portvigil.BySeverity}).Draw(t, "order"),
			Page:  rapid.IntRange(1, 60).Draw(t, "page"), Many: rapid.Bool().Draw(t, "many")}
		u, err := url.Parse(want.path())
		if err != nil || u.Path != "/alerts" || local(want.path()) != want.path() {
			t.Fatalf("%q is no address of ours: %v", want.path(), err)
		}
		if diff := cmp.Diff(want, alertQueryOf(u.Query())); diff != "" {
			t.Fatalf("%s (-want +got)\n%s", want.path(), diff)
		}
	})
}

// TestAlertsLinksKeepWhatWasChosen follows every link that chooses.
func TestAlertsLinksKeepWhatWasChosen(t *testing.T) {
	t.Parallel()
	s := newSite(base, withAlerts(60))
	body := s.get(t, "/alerts?host=db1&severity=high&state=all").Body.String()
	links := valuesOf(t, body, "href", func(n *html.Node) bool { return strings.HasPrefix(attribute(n, "href"), "/alerts?") })
	if len(links) < 6 {
		t.Fatalf("there are %d links", len(links))
	}
	for _, link := range links {
		if !strings.Contains(link, "host=db1") && link != "/alerts?state=all" { // the one that shows all again
			t.Errorf("%s forgets the host", link)
		}
		if w := s.get(t, link); w.Code != http.StatusOK {
			t.Errorf("%s answered %d", link, w.Code)
		}
	}
}

func TestAlertsAreDecidedTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, form, asked, says string }{
		{"acknowledged", "do=ack", `ack "%s" until <nil> by ann`, "3 alerts acknowledged."},
		{"acknowledged for a time", "do=ack&ack-until=1h", `ack "%s" until 2026-11-23 13:00:00 +0000 UTC by ann`, "3 alerts acknowledged."},
		{"shut", "do=shut", `resolve "%s" shut why= owner= by ann`, "3 alerts to be looked at until the doors are seen shut."},
		{"expected", "do=expected&why=w&owner=o", `resolve "%s" expected why=w owner=o by ann`, "3 alerts resolved as expected."},
		{"false", "do=false&why=w", `resolve "%s" false why=w owner= by ann`, "3 alerts resolved as false."},
		{"accepted", "do=accepted&why=w&owner=o&until=2027-01-01", `resolve "%s" accepted why=w owner=o by ann`, "3 alerts resolved as accepted."},
		{"under investigation", "do=investigate", `investigate "%s" by ann`, "3 alerts under investigation."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, withAlerts(12))
			cookie := s.signInUser(t)
			w := s.send("/alerts?host=db1", "id=id-0001&id=id-0008&id=id-0002&id=id-0008&"+c.form, cookie)
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/alerts?host=db1" {
				t.Fatalf("answered %d to %q: %s", w.Code, w.Header().Get("Location"), seen(t, w))
			}
			for _, id := range []string{"id-0001", "id-0002", "id-0008"} {
				want := fmt.Sprintf(c.asked, id)
				if n := len(slices.DeleteFunc(s.engine.asked(), func(call string) bool { return call != want })); n != 1 {
					t.Errorf("%s was asked %d times: %q", want, n, s.engine.asked())
				}
			}
			if text := seen(t, s.request("GET", "/alerts?host=db1", func(r *http.Request) { r.AddCookie(cookie) })); !strings.Contains(text, c.says) {
				t.Errorf("the list does not say %q: %s", c.says, text)
			}
		})
	}
}

func TestAlertsThatCannotBeDecidedStayChosenWithTheReason(t *testing.T) {
	t.Parallel()
	e := withAlerts(12)
	e.refuse = map[string]error{"id-0001": portvigil.Errorf(portvigil.CodeConflict, "a hidden door cannot be accepted").WithHint("find out what answers there first")}
	s := newSite(base, e)
	w := s.send("/alerts?host=db1", "do=accepted&why=the+move&owner=bob&until=2027-01-01&id=id-0001&id=id-0002&id=id-0008", s.signInUser(t))
	text, body := seen(t, w), w.Body.String()
	for _, wrong := range faults(body) {
		t.Error(wrong)
	}
	for _, says := range []string{"2 alerts resolved as accepted; for 1 it could not be done", "A hidden door cannot be accepted; find out what answers there first."} {
		if !strings.Contains(text, says) {
			t.Errorf("it does not say %q: %s", says, text)
		}
	}
	for _, keeps := range []string{`value="the move"`, `value="bob"`, `value="2027-01-01"`, `<option value="accepted" selected>`, `action="/alerts?host=db1"`} {
		if !strings.Contains(body, keeps) {
			t.Errorf("it does not keep %s", keeps)
		}
	}
	if ids := chosen(t, body); !slices.Contains(ids, "id-0001") || w.Code != http.StatusConflict {
		t.Errorf("answered %d with %q chosen", w.Code, ids)
	}
}

func TestAlertsFormThatMakesNoSenseDoesNothing(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range maxChosen + 1 {
		fmt.Fprintf(&many, "id=id-%d&", i)
	}
	for _, c := range []struct{ name, form, says string }{
		{"nothing chosen", "do=ack", "No alert is chosen; tick those that you mean."},
		{"nothing to do", "id=id-0001&id=id-0002", "Nothing is chosen to be done"},
		{"something else to do", "do=cleared&id=id-0001", "Nothing is chosen to be done"},
		{"expected without a reason", "do=expected&owner=o&id=id-0001", "The reason is missing"},
		{"accepted without a date", "do=accepted&owner=o&why=w&id=id-0001", "The date is missing"},
		{"acknowledged until nonsense", "do=ack&ack-until=x&id=id-0001", `"x" is no date`},
		{"too many", many.String() + "do=ack", "501 alerts are more than are decided on at once; choose at most 500."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, withAlerts(12))
			w := s.send("/alerts", c.form, s.signInUser(t))
			if text := seen(t, w); w.Code != http.StatusBadRequest || !strings.Contains(text, c.says) {
				t.Errorf("answered %d, and has to say %q: %s", w.Code, c.says, text)
			}
			if strings.Contains(c.form, "id-0001") && !slices.Contains(chosen(t, w.Body.String()), "id-0001") {
				t.Error("what was chosen is not any more")
			}
			for _, call := range s.engine.asked() {
				if strings.HasPrefix(call, "ack") || strings.HasPrefix(call, "resolve") {
					t.Errorf("asked was %q", call)
				}
			}
		})
	}
}

// TestAlertsPageIsLight holds a list of 5,000 alerts to what a phone on a slow
// line loads: 150 KB with style and script.
func TestAlertsPageIsLight(t *testing.T) {
	t.Parallel()
	s := newSite(base, withAlerts(5000))
	total := s.get(t, "/alerts?state=all").Body.Len()
	for _, path := range []string{"/style.css", "/app.js", "/mark.svg"} {
		total += s.get(t, path).Body.Len()
	}
	if total > 150_000 {
		t.Errorf("the list takes %d bytes", total)
	}
}
