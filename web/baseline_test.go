package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

const sampleText = `# the shop
version: 1
host: web1
groups: [front]
entries:
  - port: 22   # ssh
    why: administration
    owner: ann

  - {port: 80, proto: tcp} # what for?
  - port: 9100
    why: metrics
    owner: bob
    expires: 2026-01-01
  - {port: 443, why: shop, owner: ann, expires: 2026-12-10, pin: {exe: /usr/sbin/nginx}}
allow:
  - {ports: 32768-60999, proto: udp, process: /usr/bin/java, hours: "01:00-05:00 Europe/Berlin", why: nightly build, owner: ci}
`

func version(n int, text string) portvigil.BaselineVersion {
	return portvigil.BaselineVersion{Kind: "host", Name: "web1", Version: n, Text: text, By: "bob", Why: "as installed", Time: noon}
}

// documented is a site whose one host has the sample as its baseline.
func documented(t *testing.T) (*site, *http.Cookie) {
	t.Helper()
	h := sampleHost()
	s := newSite(base, &fakeEngine{host: h, hosts: []portvigil.HostStatus{h}, versions: []portvigil.BaselineVersion{version(1, sampleText)}})
	return s, s.signInUser(t)
}

// as asks for a page as the one whose cookie it is, and holds it against what every
// page promises.
func (s *site) as(t *testing.T, cookie *http.Cookie, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := s.request("GET", path, func(r *http.Request) { r.AddCookie(cookie) })
	sound(t, path, w)
	return w
}

func sound(t *testing.T, path string, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code == http.StatusSeeOther {
		return
	}
	if wrong := faults(w.Body.String()); len(wrong) > 0 || w.Code >= http.StatusInternalServerError {
		t.Errorf("%s answered %d with faults %q", path, w.Code, wrong)
	}
}

// fill posts a form of a page as a browser does: what the page has in it, with some
// of it typed over.
func (s *site) fill(t *testing.T, cookie *http.Cookie, page *httptest.ResponseRecorder, action string, over url.Values) *httptest.ResponseRecorder {
	t.Helper()
	values := fieldsOf(t, page, action)
	for name, value := range over {
		values[name] = value
	}
	w := s.post(strings.TrimSuffix(action, "#"), values, func(r *http.Request) { r.AddCookie(cookie) })
	sound(t, action, w)
	return w
}

// fieldsOf is what the form with that action would send.
func fieldsOf(t *testing.T, page *httptest.ResponseRecorder, action string) url.Values {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	values := url.Values{}
	found := false
	for n := range root.Descendants() {
		if n.Data != "form" || attribute(n, "action") != action {
			continue
		}
		found = true
		for field := range n.Descendants() {
			name := attribute(field, "name")
			switch {
			case name == "" || field.Data == "button":
			case field.Data == "input" && attribute(field, "type") != "checkbox":
				values.Add(name, attribute(field, "value"))
			case field.Data == "textarea" && field.FirstChild != nil:
				values.Add(name, strings.ReplaceAll(field.FirstChild.Data, "\n", "\r\n"))
			case field.Data == "textarea":
				values.Add(name, "")
			case field.Data == "select":
				for o := range field.Descendants() {
					if o.Data == "option" && slices.ContainsFunc(o.Attr, func(a html.Attribute) bool { return a.Key == "selected" }) {
						values.Add(name, attribute(o, "value"))
					}
				}
			}
		}
	}
	if !found {
		t.Fatalf("there is no form for %s on:\n%s", action, seen(t, page))
	}
	return values
}

func says(t *testing.T, w *httptest.ResponseRecorder, code int, wants ...string) {
	t.Helper()
	text := seen(t, w)
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if w.Code != code {
		t.Errorf("answered %d, want %d", w.Code, code)
	}
}

func TestTheBaselineListCountsWhatNeedsSomebody(t *testing.T) {
	t.Parallel()
	s, cookie := documented(t)
	bare := sampleHost()
	bare.Host.Name = "web2"
	s.engine.hosts = append(s.engine.hosts, bare)
	w := s.as(t, cookie, "/baseline")
	says(t, w, 200, "4 entries in all", "1 not explained", "1 expired, and 1 within 30 days", "web1 4 1 1 1", "by bob", "web2 Nothing is written down yet. Begin")
	s.engine.hosts, s.engine.versions = nil, nil
	says(t, s.as(t, cookie, "/baseline"), 200, "There is no baseline yet", "portvigil hosts add NAME ADDRESS")
}

func TestABaselineShowsWhatIsNotExplainedFirst(t *testing.T) {
	t.Parallel()
	s, cookie := documented(t)
	w := s.as(t, cookie, "/baseline/web1")
	says(t, w, 200, "Version 1, changed", "by bob: as installed", "group front , group shop counts for it as well", "4 entries", "not explained no owner", "expired",
		"pin executable /usr/sbin/nginx", "open from outside", "Comes and goes by design", "32768-60999/udp", "nightly build (owner ci)", "Open, and not written down 9100/tcp")
	text := seen(t, w)
	last := -1
	for _, door := range []string{"80/tcp open from outside", "9100/tcp not looked for", "443/tcp not known", "22/tcp not known"} {
		at := strings.Index(text, door)
		if at < last || at < 0 {
			t.Errorf("%s is at %d, behind %d, in:\n%s", door, at, last, text)
		}
		last = at
	}
}

func TestAnEntryIsChangedInTwoSteps(t *testing.T) {
	t.Parallel()
	s, cookie := documented(t)
	page := s.as(t, cookie, "/baseline/web1/entry?k=1")
	says(t, page, 200, "Change 80/tcp", "Why it should be open")
	check := s.fill(t, cookie, page, "/baseline/web1/entry", url.Values{"why": {"the shop's \"front\""}, "owner": {"ann"}, "step": {"check"}})
	says(t, check, 200, "This is what changes", "- - {port: 80, proto: tcp} # what for?", `+ - {port: 80, proto: tcp, why: "the shop's \"front\"", owner: ann} # what for?`)
	if len(s.engine.versions) != 1 {
		t.Fatal("the first step saved it")
	}
	back := s.fill(t, cookie, check, "/baseline/web1/entry", url.Values{"step": {"edit"}})
	if got := fieldsOf(t, back, "/baseline/web1/entry"); got.Get("why") != "the shop's \"front\"" || got.Get("owner") != "ann" {
		t.Errorf("going back lost what was typed: %v", got)
	}
	for range 2 { // a double click
		w := s.fill(t, cookie, check, "/baseline/web1/entry", url.Values{"reason": {"asked ann"}, "step": {"save"}})
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/baseline/web1" {
			t.Fatalf("answered %d to %s: %s", w.Code, w.Header().Get("Location"), seen(t, w))
		}
	}
	if len(s.engine.versions) != 2 {
		t.Fatalf("there are %d versions", len(s.engine.versions))
	}
	want := strings.Replace(sampleText, "{port: 80, proto: tcp}", `{port: 80, proto: tcp, why: "the shop's \"front\"", owner: ann}`, 1)
	if diff := cmp.Diff(want, s.engine.versions[1].Text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if v := s.engine.versions[1]; v.Why != "asked ann" || v.By != "ann" {
		t.Errorf("saved as %+v", v)
	}
}

func TestAnEntryThatCannotBeReadSaysSoNextToItsField(t *testing.T) {
	t.Parallel()
	s, cookie := documented(t)
	page := s.as(t, cookie, "/baseline/web1/entry")
	w := s.fill(t, cookie, page, "/baseline/web1/entry", url.Values{"port": {"ssh"}, "expires": {"soon"}, "why": {"<b>it</b>"}, "step": {"save"}})
	says(t, w, 400, `"ssh" is not a port; write a number`, `"soon" is not a date`)
	if got := fieldsOf(t, w, "/baseline/web1/entry"); got.Get("why") != "<b>it</b>" || got.Get("port") != "ssh" {
		t.Errorf("what was typed is lost: %v", got)
	}
	if body := w.Body.String(); strings.Count(body, `aria-invalid="true"`) != 2 || !strings.Contains(body, `aria-describedby="f-port-wrong"`) {
		t.Errorf("the fields are not marked:\n%s", body)
	}
	w = s.fill(t, cookie, page, "/baseline/web1/entry", url.Values{"port": {"22"}, "step": {"check"}})
	says(t, w, 409, "Line 6 has an entry for 22/tcp at the same address already; change that one.")
	if len(s.engine.versions) != 1 {
		t.Error("something was saved")
	}
}

func TestOfTwoEditorsTheSecondSeesWhatTheFirstDidAndLosesNothing(t *testing.T) {
	t.Parallel()
	s, cookie := documented(t)
	page := s.as(t, cookie, "/baseline/web1/entry?k=1")
	check := s.fill(t, cookie, page, "/baseline/web1/entry", url.Values{"why": {"front"}, "owner": {"ann"}, "step": {"check"}})
	// Meanwhile bob removes the entry before it.
	theirs := strings.Replace(sampleText, "  - port: 22   # ssh\n    why: administration\n    owner: ann\n", "", 1)
	s.engine.versions = append(s.engine.versions, version(2, theirs))
	w := s.fill(t, cookie, check, "/baseline/web1/entry", url.Values{"step": {"save"}})
	says(t, w, 409, "Somebody else was faster, so nothing was saved.", "You edited version 1. Version 2 is by bob", "- - port: 22 # ssh")
	if len(s.engine.versions) != 2 {
		t.Fatal("an outdated edit was saved")
	}
	fields := fieldsOf(t, w, "/baseline/web1/entry")
	if fields.Get("why") != "front" || fields.Get("version") != "2" || fields.Get("k") != "0" || fields.Get("port") != "80" {
		t.Errorf("what was typed is lost, or is about another entry: %v", fields)
	}
	w = s.fill(t, cookie, w, "/baseline/web1/entry", url.Values{"step": {"check"}})
	w = s.fill(t, cookie, w, "/baseline/web1/entry", url.Values{"step": {"save"}})
	if w.Code != http.StatusSeeOther || len(s.engine.versions) != 3 {
		t.Fatalf("answered %d: %s", w.Code, seen(t, w))
	}
	if got, want := s.engine.versions[2].Text, strings.Replace(theirs, "proto: tcp}", "proto: tcp, why: front, owner: ann}", 1); got != want {
		t.Errorf("saved is:\n%s", got)
	}
}

func TestAnEntryThatSomebodyRemovedMeanwhileIsAddedAgainOnlyWhenSaid(t *testing.T) {
	t.Parallel()
	s, cookie := documented(t)
	page := s.as(t, cookie, "/baseline/web1/entry?k=1")
	s.engine.versions = append(s.engine.versions, version(2, strings.Replace(sampleText, "  - {port: 80, proto: tcp} # what for?\n", "", 1)))
	w := s.fill(t, cookie, page, "/baseline/web1/entry", url.Values{"why": {"front"}, "step": {"save"}})
	says(t, w, 409, "The entry that you changed was removed.")
	if got := fieldsOf(t, w, "/baseline/web1/entry"); got.Get("k") != "-1" || got.Get("why") != "front" {
		t.Errorf("the form is %v", got)
	}
}

func TestRemovingAnEntrySaysWhatFollows(t *testing.T) {
	t.Parallel()
	s, cookie := documented(t)
	page := s.as(t, cookie, "/baseline/web1/remove?k=1")
	says(t, page, 200, "Remove 80/tcp", "80/tcp is open from outside now.", "it raises an alert, unless another entry covers it", "- - {port: 80, proto: tcp} # what for?")
	if s.as(t, cookie, "/baseline/web1/remove?k=9").Code != http.StatusNotFound || s.as(t, cookie, "/baseline/web1/remove").Code != http.StatusBadRequest {
		t.Error("an entry that is not there can be removed")
	}
	s.engine.versions = append(s.engine.versions, version(2, strings.Replace(sampleText, "administration", "games", 1)))
	w := s.fill(t, cookie, page, "/baseline/web1/remove", url.Values{"step": {"save"}})
	says(t, w, 409, "Somebody else was faster", "games")
	w = s.fill(t, cookie, w, "/baseline/web1/remove", url.Values{"step": {"save"}})
	if w.Code != http.StatusSeeOther || len(s.engine.versions) != 3 || strings.Contains(s.engine.versions[2].Text, "port: 80") {
		t.Errorf("answered %d with %d versions", w.Code, len(s.engine.versions))
	}
	w = s.fill(t, cookie, page, "/baseline/web1/remove", url.Values{"step": {"save"}}) // sent twice
	if w.Code != http.StatusSeeOther || len(s.engine.versions) != 3 {
		t.Errorf("answered %d with %d versions", w.Code, len(s.engine.versions))
	}
}

func TestTheYAMLIsEditedAndItsErrorsHaveAPlace(t *testing.T) {
	t.Parallel()
	s, cookie := documented(t)
	page := s.as(t, cookie, "/baseline/web1/text")
	if got := strings.ReplaceAll(fieldsOf(t, page, "/baseline/web1/text").Get("text"), "\r\n", "\n"); got != sampleText {
		t.Errorf("the text is %q", got)
	}
	same := s.fill(t, cookie, page, "/baseline/web1/text", url.Values{"step": {"check"}})
	says(t, same, 200, "Nothing would change.")
	for name, c := range map[string]struct{ text, says string }{
		"a port that is none":      {strings.Replace(sampleText, "port: 9100", "port: 91000", 1), `Line 11, column 11: Entries[2].port: "91000" is not a port`},
		"a key that is not known":  {strings.Replace(sampleText, "owner: bob", "ownr: bob", 1), `did you mean "owner"?`},
		"an alias":                 {sampleText + "x: &a [*a]\n", "Line 18, column 4: Anchors and aliases have no place"},
		"brackets without an end":  {"[[[[[[[[[[[[[[[[", "Lists within lists"},
		"another host":             {strings.Replace(sampleText, "host: web1", "host: web2", 1), "It is about host web2"},
		"a script":                 {"<script>alert(1)</script>", "Line 1, column 1"},
		"nothing":                  {"", "The file is empty"},
		"a control character":      {sampleText + "# \x1b[2J", "control character"},
		"a text that leaves":       {"</textarea><script>alert(1)</script>", "Line 1, column 1"},
		"two documents":            {sampleText + "---\nversion: 1\nhost: web2\n", "A second document"},
		"many errors":              {"version: 1\nhost: web1\nentries:\n" + strings.Repeat("  - {port: x}\n", 200), "150 more errors"},
		"a tag, to make something": {"!!python/object/apply:os.system ['id']", "has no meaning in a baseline"},
	} {
		w := s.fill(t, cookie, page, "/baseline/web1/text", url.Values{"text": {c.text}, "step": {"save"}})
		if text := seen(t, w); w.Code != 400 || !strings.Contains(text, c.says) && !strings.Contains(text, begun(c.says)) {
			t.Errorf("%s: answered %d, without %q:\n%s", name, w.Code, c.says, text)
		}
		if strings.Contains(w.Body.String(), "<script>alert") {
			t.Errorf("%s: a script got out", name)
		}
		if got := strings.ReplaceAll(fieldsOf(t, w, "/baseline/web1/text").Get("text"), "\r\n", "\n"); got != c.text {
			t.Errorf("%s: what was typed is lost: %q", name, got)
		}
	}
	edited := strings.Replace(sampleText, "metrics", "metrics of the shop", 1)
	check := s.fill(t, cookie, page, "/baseline/web1/text", url.Values{"text": {strings.ReplaceAll(edited, "\n", "\r\n")}, "step": {"check"}})
	says(t, check, 200, "- why: metrics", "+ why: metrics of the shop")
	for range 2 {
		if w := s.fill(t, cookie, check, "/baseline/web1/text", url.Values{"step": {"save"}}); w.Code != http.StatusSeeOther {
			t.Fatalf("answered %d: %s", w.Code, seen(t, w))
		}
	}
	if len(s.engine.versions) != 2 || s.engine.versions[1].Text != edited {
		t.Fatalf("there are %d versions; the newest is:\n%s", len(s.engine.versions), s.engine.versions[1].Text)
	}
	w := s.fill(t, cookie, page, "/baseline/web1/text", url.Values{"text": {strings.Replace(sampleText, "bob", "eve", 1)}, "step": {"save"}})
	says(t, w, 409, "Somebody else was faster", "+ why: metrics of the shop")
	if got := fieldsOf(t, w, "/baseline/web1/text"); !strings.Contains(got.Get("text"), "eve") || got.Get("version") != "2" {
		t.Errorf("what was typed is lost: %v", got)
	}
	if len(s.engine.versions) != 2 {
		t.Error("an outdated text was saved")
	}
}

func TestCharactersThatDeceiveAreTold(t *testing.T) {
	t.Parallel()
	s, cookie := documented(t)
	s.engine.versions[0].Text += "# \u202e}sdrawkcab{\n"
	says(t, s.as(t, cookie, "/baseline/web1/text"), 200, "Line 18 has characters that cannot be seen")
}

func TestAnOldVersionIsComparedAndRestoredAsANewOne(t *testing.T) {
	t.Parallel()
	s, cookie := documented(t)
	s.engine.versions = append(s.engine.versions, version(2, strings.Replace(sampleText, "administration", "games", 1)), version(3, strings.Replace(sampleText, "administration", "chess", 1)))
	says(t, s.as(t, cookie, "/baseline/web1/versions"), 200, "From version 2 to 3", "- why: games", "+ why: chess", "as installed")
	says(t, s.as(t, cookie, "/baseline/web1/versions?from=3&to=1"), 200, "From version 3 to 1", "- why: chess", "+ why: administration")
	says(t, s.as(t, cookie, "/baseline/web1/versions?from=0&to=1"), 200, "Version 1, the first", "+version: 1")
	for _, odd := range []string{"?from=4", "?to=9", "?from=x", "?to=-1"} {
		if w := s.as(t, cookie, "/baseline/web1/versions"+odd); w.Code != http.StatusNotFound {
			t.Errorf("%s answered %d", odd, w.Code)
		}
	}
	page := s.as(t, cookie, "/baseline/web1/restore?of=1")
	says(t, page, 200, "Restore version 1", "- why: chess", "+ why: administration")
	for range 2 {
		if w := s.fill(t, cookie, page, "/baseline/web1/restore", url.Values{"step": {"save"}}); w.Code != http.StatusSeeOther {
			t.Fatalf("answered %d: %s", w.Code, seen(t, w))
		}
	}
	if n := len(s.engine.versions); n != 4 || s.engine.versions[3].Text != sampleText || s.engine.versions[3].Why != "restored version 1" {
		t.Errorf("there are %d versions, the newest %+v", n, s.engine.versions[n-1])
	}
	s.engine.versions = append(s.engine.versions, version(5, strings.Replace(sampleText, "administration", "go", 1)))
	says(t, s.fill(t, cookie, page, "/baseline/web1/restore", url.Values{"of": {"2"}, "step": {"save"}}), 409, "Somebody else was faster", "- why: go", "+ why: games")
}

func TestWhereAFolderIsFollowedNothingIsSavedHere(t *testing.T) {
	t.Parallel()
	s, cookie := documented(t)
	s.engine.folder = "/srv/baseline"
	for _, path := range []string{"/baseline", "/baseline/web1", "/baseline/web1/entry?k=1", "/baseline/web1/text", "/review"} {
		says(t, s.as(t, cookie, path), 200, "The baseline follows the folder /srv/baseline , so")
	}
	page := s.as(t, cookie, "/baseline/web1/entry?k=1")
	for _, step := range []string{"check", "save"} {
		w := s.fill(t, cookie, page, "/baseline/web1/entry", url.Values{"why": {"front"}, "step": {step}})
		says(t, w, 200, "Nothing was saved", "--- a/web1.yaml", "git apply FILE")
		if strings.Contains(w.Body.String(), `value="save"`) {
			t.Error("it can be saved")
		}
	}
	says(t, s.as(t, cookie, "/baseline/web1/remove?k=1"), 200, "Nothing was saved", "--- a/web1.yaml")
}

func TestAHostWithoutABaselineGetsItsFirstEntry(t *testing.T) {
	t.Parallel()
	s, cookie := documented(t)
	s.engine.versions = nil
	says(t, s.as(t, cookie, "/baseline/web1"), 200, "Nothing is written down yet", "Add the first entry")
	page := s.as(t, cookie, "/baseline/web1/entry?port=9100&proto=tcp")
	w := s.fill(t, cookie, page, "/baseline/web1/entry", url.Values{"why": {"metrics"}, "owner": {"ann"}, "step": {"save"}})
	if w.Code != http.StatusSeeOther || len(s.engine.versions) != 1 || !strings.HasPrefix(s.engine.versions[0].Text, "version: 1\nhost: web1\nentries:\n  - port: 9100\n") {
		t.Errorf("answered %d: %+v", w.Code, s.engine.versions)
	}
}

// TestLineEndsStayAsTheyWere: a browser sends every line end as Windows writes it.
func TestLineEndsStayAsTheyWere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{"a\n", "a\r\n", "b\n", "b\r\n", "\n", "\r\n"})
		lines := rapid.SliceOfN(line, 1, 8).Draw(t, "lines")
		before := strings.Join(lines, "") + rapid.SampledFrom([]string{"", "end"}).Draw(t, "end")
		browser := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n") }
		if got := lineEndsOf(before, browser(before)); got != before {
			t.Fatalf("%q became %q", before, got)
		}
		k := rapid.IntRange(0, len(lines)).Draw(t, "k")
		head, tail := strings.Join(lines[:k], ""), before[len(strings.Join(lines[:k], "")):]
		got := lineEndsOf(before, browser(head+"new\n"+tail))
		if !strings.HasPrefix(got, head) || !strings.HasSuffix(got, tail) || strings.ReplaceAll(got, "\r\n", "\n") != strings.ReplaceAll(head+"new\n"+tail, "\r\n", "\n") {
			t.Fatalf("%q with a line at %d became %q", before, k, got)
		}
	})
}
