package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/portvigil/portvigil"
)

// vm is the server's own machine after its first look.
func vm() portvigil.HostStatus {
	return portvigil.HostStatus{Host: portvigil.Host{Name: "vm", Local: true},
		Exposures: []portvigil.Exposure{listening(22, portvigil.ScopeAny, "/usr/sbin/sshd"), listening(5432, portvigil.ScopeAny, "/usr/bin/postgres"),
			listening(631, portvigil.ScopeLoopback, "/usr/sbin/cupsd")},
		Views: []portvigil.ViewStatus{{View: portvigil.Inside, Complete: noon, Fresh: true}}}
}

func starting(edit func(*fakeEngine)) *fakeEngine {
	e := &fakeEngine{host: vm(), hosts: []portvigil.HostStatus{vm()}}
	if edit != nil {
		edit(e)
	}
	return e
}

// oneExplained puts one of its two doors into the baseline.
func oneExplained(e *fakeEngine) {
	entry := listening(22, portvigil.ScopeAny, "/usr/sbin/sshd")
	entry.Verdict, entry.Entry = portvigil.Expected, &portvigil.Entry{Why: "how we log in"}
	e.host.Exposures[0], e.hosts[0].Exposures[0] = entry, entry
	e.baselines = []portvigil.BaselineVersion{{Name: "vm"}}
}

// opened are the steps that are open on the page.
func opened(t *testing.T, body string) (list []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Data != "details" {
			continue
		}
		id, open := "", false
		for _, a := range n.Attr {
			switch a.Key {
			case "id":
				id = a.Val
			case "open":
				open = true
			}
		}
		if open && strings.HasPrefix(id, "step-") {
			list = append(list, strings.TrimPrefix(id, "step-"))
		}
	}
	return list
}

func TestFirstStepsAreTakenUpWhereTheyWereLeft(t *testing.T) {
	t.Parallel()
	both := func(e *fakeEngine) {
		oneExplained(e)
		e.hosts = append(e.hosts, sampleHost())
	}
	for _, c := range []struct {
		name string
		user bool
		path string
		edit func(*fakeEngine)
		open []string
		says []string
	}{
		{"at first one says who one is", false, "/start", nil, []string{"you"},
			[]string{"0 of 5 done", "2 doors to look through", "alerts reach nobody but these pages"}},
		{"then what is open", true, "/start", nil, []string{"doors"}, []string{"1 of 5 done", "SSH is how people and programs log in", "PostgreSQL is a database. Careful:",
			"1 on this machine only", "631/tcp Printing (CUPS)"}},
		{"a step can be left out for now", false, "/start?step=doors", nil, []string{"doors"}, nil},
		{"while the first look runs that is said", true, "/start", func(e *fakeEngine) {
			e.host.Exposures, e.host.Views = nil, nil
			e.underWay = []portvigil.LookUnderWay{{View: portvigil.Inside, Running: true, Progress: &portvigil.LookProgress{Share: 0.25}}}
		}, []string{"doors"}, []string{"the first look runs", "Looking from inside : 25 %", "as soon as the look has ended"}},
		{"what is explained is done, and other hosts are next", true, "/start", oneExplained, []string{"hosts"}, []string{"2 of 5 done", "1 door explained, 1 door left"}},
		{"then a channel", true, "/start", both, []string{"channel"}, []string{"3 of 5 done", "1 other host watched"}},
		{"a channel that never worked is not done", true, "/start", func(e *fakeEngine) {
			both(e)
			e.channels = []portvigil.ChannelRow{{Name: "ops", LastFailure: noon}}
		}, []string{"channel"}, []string{"no message of it has arrived yet"}},
		{"when all is done nothing is open", true, "/start", func(e *fakeEngine) {
			both(e)
			e.channels = []portvigil.ChannelRow{{Name: "ops", LastSuccess: noon}}
		}, nil, []string{"4 of 5 done", "ops works"}},
		{"a machine with nothing open is done", true, "/start", func(e *fakeEngine) { e.host.Exposures = nil }, []string{"hosts"}, []string{"nothing is open beyond this machine"}},
		{"without a host one is added", true, "/start", func(e *fakeEngine) { e.hosts = nil }, []string{"doors"}, []string{"no host is watched yet", "does not look at its own machine"}},
		{"who sees it from outside is named", true, "/start", func(e *fakeEngine) {
			e.hosts[0].Views = append(e.hosts[0].Views, portvigil.ViewStatus{View: portvigil.Outside, Vantage: "office", Complete: noon})
		}, []string{"doors"}, []string{"it is seen from office"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, starting(c.edit))
			cookie := s.signIn(t)
			if c.user {
				cookie = s.signInUser(t)
			}
			w := s.request("GET", c.path, func(r *http.Request) { r.AddCookie(cookie) })
			if wrong := faults(w.Body.String()); len(wrong) > 0 || w.Code != http.StatusOK {
				t.Errorf("answered %d: %q", w.Code, wrong)
			}
			if diff := cmp.Diff(c.open, opened(t, w.Body.String())); diff != "" {
				t.Errorf("open (-want +got)\n%s", diff)
			}
			text := seen(t, w)
			for _, says := range c.says {
				if !strings.Contains(text, says) {
					t.Errorf("it does not say %q:\n%s", says, text)
				}
			}
		})
	}
}

// TestTheShortestWayToABaseline counts what a person does from the link on: it says
// what it takes, and fails where it takes more.
func TestTheShortestWayToABaseline(t *testing.T) {
	t.Parallel()
	s := newSite(base, starting(nil))
	link := strings.TrimPrefix(s.keeper.NewLink(), base)
	w := s.request("GET", link, nil) // opens it
	cookie := w.Result().Cookies()[0]
	as := func(r *http.Request) { r.AddCookie(cookie) }
	if at := w.Header().Get("Location"); at != "/start" {
		t.Fatalf("the link leads to %s", at)
	}
	const name, password = "ann", "correct horse"
	w = s.post("/start", url.Values{"name": {name}, "password": {password}}, as) // types, and clicks
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/start" {
		t.Fatalf("answered %d to %s", w.Code, w.Header().Get("Location"))
	}
	cookie = w.Result().Cookies()[0]
	form := formOf(t, s.request("GET", "/start", as).Body.String(), "/hosts/vm/explain")
	w = s.post("/hosts/vm/explain", form, as) // clicks: all of it is filled in
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/start" {
		t.Fatalf("answered %d to %s: %s", w.Code, w.Header().Get("Location"), seen(t, w))
	}
	want := portvigil.ApproveRequest{Doors: []string{"22/tcp"}, Whys: map[string]string{"22/tcp": "how we log in"}, Owner: "ann"}
	if diff := cmp.Diff(want, s.engine.approved); diff != "" {
		t.Errorf("approved (-want +got)\n%s", diff)
	}
	t.Logf("3 steps (open the link, keep the name and password, approve), %d typed characters", len(name)+len(password))
}

func TestTheFirstUserTypesNoMoreThanHasToBeTyped(t *testing.T) {
	t.Parallel()
	const longer, shorter = "correct horse", "horse"
	for _, c := range []struct {
		name, operator string
		sent           url.Values // nil: the page as it comes
		code           int
		field, typed   string // which has the focus, and what the name's field holds
		says           string
	}{
		{"nobody is known to have started the server", "", nil, 200, "name", "", "Choose a name and a password"},
		{"who started it is suggested", "ann", nil, 200, "password", "ann", "Choose a name and a password"},
		{"a name that is none", "ann", url.Values{"name": {"Bob!"}, "password": {longer}}, 400, "name", "Bob!", "is not usable"},
		{"a password that is too short", "ann", url.Values{"name": {"bob"}, "password": {shorter}}, 400, "password", "bob", "The password is too short"},
		{"without a script it is typed twice", "ann", url.Values{"name": {"bob"}, "password": {longer}, "again": {shorter}}, 400, "password", "bob",
			"The two passwords are not the same; type both again."},
		{"a name that was emptied stays so", "ann", url.Values{"name": {""}, "password": {longer}}, 400, "name", "", "is not usable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, starting(func(e *fakeEngine) { e.operator = c.operator }))
			cookie := s.signIn(t)
			as := func(r *http.Request) { r.AddCookie(cookie) }
			w := s.request("GET", "/start", as)
			if c.sent != nil {
				w = s.post("/start", c.sent, as)
			}
			reads(t, w, []string{c.says}, nil)
			body := w.Body.String()
			if w.Code != c.code || strings.Contains(body, longer) || !slices.Equal(opened(t, body), []string{"you"}) {
				t.Errorf("answered %d: %s", w.Code, body)
			}
			if got := formOf(t, body, "/start").Get("name"); got != c.typed {
				t.Errorf("the name's field holds %q, want %q", got, c.typed)
			}
			if got := focused(t, body); !slices.Equal(got, []string{c.field}) {
				t.Errorf("the focus is on %q, want %q", got, c.field)
			}
		})
	}
}

// focused are the fields that ask for the focus when the page is opened.
func focused(t *testing.T, body string) (names []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Data == "input" && slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "autofocus" }) {
			for _, a := range n.Attr {
				if a.Key == "name" {
					names = append(names, a.Val)
				}
			}
		}
	}
	return names
}

func TestFirstStepsTellWhatCameUpSinceThereIsABaseline(t *testing.T) {
	t.Parallel()
	opened := func(e *fakeEngine) {
		for _, id := range []string{"A1", "A2", "A3", "A4"} {
			e.alerts = append(e.alerts, portvigil.Alert{ID: id, Kind: portvigil.Kind(portvigil.UnexpectedListening), Host: "vm", State: portvigil.AlertNew, Severity: portvigil.Medium})
		}
	}
	for _, c := range []struct {
		name  string
		edit  func(*fakeEngine)
		links int
	}{
		{"before, the step asks for all that is open", opened, 0},
		{"then the worst are told", func(e *fakeEngine) { opened(e); oneExplained(e) }, maxMeanwhile},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newSite(base, starting(c.edit)).get(t, "/start")
			reads(t, w, nil, nil)
			if got := strings.Count(w.Body.String(), `href="/alerts/A`); got != c.links {
				t.Errorf("it leads to %d alerts, want %d", got, c.links)
			}
		})
	}
}

func TestTheOverviewLeadsToTheFirstStepsUntilTheyAreDone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		user bool
		edit func(*fakeEngine)
		due  string // "" for nothing
	}{
		{"nobody can sign in yet", false, oneExplained, "First steps: choose a name and a password, so that you come in without a link. Go on"},
		{"nobody has said what should be open", true, nil, "First steps: say what is open on vm, and why. Go on"},
		{"the first look runs", true, func(e *fakeEngine) { e.hosts[0].Exposures, e.hosts[0].Views = nil, nil }, "First steps: say what is open on vm, and why. Go on"},
		{"there is a baseline", true, oneExplained, ""},
		{"nothing is open", true, func(e *fakeEngine) { e.hosts[0].Exposures = nil }, ""},
		{"no host is watched", true, func(e *fakeEngine) { e.hosts = nil }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, starting(c.edit))
			cookie := s.signIn(t)
			if c.user {
				cookie = s.signInUser(t)
			}
			w := s.request("GET", "/", func(r *http.Request) { r.AddCookie(cookie) })
			text := seen(t, w)
			if c.due == "" && strings.Contains(text, "First steps") || !strings.Contains(text, c.due) {
				t.Errorf("it has to say %q: %s", c.due, text)
			}
		})
	}
}

// formOf is what a browser sends of a form of the page that nobody changed.
func formOf(t *testing.T, body, action string) url.Values {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	values := url.Values{}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" || !slices.Contains(n.Attr, html.Attribute{Key: "action", Val: action}) {
			continue
		}
		for field := range n.Descendants() {
			at := map[string]string{}
			for _, a := range field.Attr {
				at[a.Key] = a.Val
			}
			_, checked := at["checked"]
			if name := at["name"]; field.Data == "input" && name != "" && (at["type"] != "checkbox" || checked) {
				values.Add(name, at["value"])
			}
		}
		return values
	}
	t.Fatalf("there is no form for %s", action)
	return nil
}

func TestWhatIsWrongInTheFormOfDoorsIsSaidAtItsFieldAndNothingIsLost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, form string
		code       int
		says       string
	}{
		{"no door", "owner=ann", 400, "No door is ticked; tick those that belong there."},
		{"no reason for one", "door=22/tcp&why+22/tcp=&owner=ann", 400, "Say why 22/tcp is open; or take its tick away."},
		{"nobody answers for them", "door=22/tcp&why+22/tcp=mine&owner=+", 400, "Say who answers for these doors; your own name will do."},
		{"what is no door", "door=http&owner=ann", 400, `Port "http" is not a number`},
	} {
		for _, next := range []string{"/start", "/hosts/vm"} {
			t.Run(fmt.Sprintf("%s, sent from %s", c.name, next), func(t *testing.T) {
				t.Parallel()
				s := newSite(base, starting(nil))
				w := s.send("/hosts/vm/explain", c.form+"&why+5432/tcp=kept&next="+url.QueryEscape(next), s.signInUser(t))
				body := w.Body.String()
				if text := seen(t, w); w.Code != c.code || !strings.Contains(text, c.says) {
					t.Errorf("answered %d: %s", w.Code, text)
				}
				if wrong := faults(body); len(wrong) > 0 {
					t.Errorf("%q", wrong)
				}
				if !strings.Contains(body, `value="kept"`) || strings.Contains(body, "First steps</h1>") != (next == "/start") {
					t.Errorf("what was typed is lost, or it is another page")
				}
				if slices.ContainsFunc(s.engine.asked(), func(c string) bool { return strings.HasPrefix(c, "approve") }) {
					t.Errorf("asked was %q", s.engine.asked())
				}
			})
		}
	}
}

func TestABaselineThatFollowsAFolderSaysWhichEditToMake(t *testing.T) {
	t.Parallel()
	s := newSite(base, starting(func(e *fakeEngine) { e.edit = "+++ vm.yaml\n+ - port: 22" }))
	w := s.send("/hosts/vm/explain", "door=22/tcp&why+22/tcp=ours&owner=ann&next=/start", s.signInUser(t))
	if text := seen(t, w); w.Code != http.StatusConflict || !strings.Contains(text, "make the edit below there") || !strings.Contains(text, "- port: 22") {
		t.Errorf("answered %d: %s", w.Code, text)
	}
}
