package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// folded has the baseline follow a folder.
func folded(e *fakeEngine) { e.folder = "/etc/portvigil/baseline.d" }

// unwritten has hosts and no baseline.
func unwritten(e *fakeEngine) { e.versions = nil }

// ofGroup has the document be one of the group shop.
func ofGroup(e *fakeEngine) {
	e.versions = nil
	for n, text := range []string{"version: 1\ngroup: shop\nentries:\n  - {port: 9100, why: metrics, owner: ann}\n", "version: 1\ngroup: shop\nentries: []\n"} {
		v := version(n+1, text)
		v.Kind, v.Name = "group", "shop"
		e.versions = append(e.versions, v)
	}
}

// shop gets a page of the group's document.
func shop(page string, query ...string) func(*visitor) *httptest.ResponseRecorder {
	return func(c *visitor) *httptest.ResponseRecorder {
		return c.get("/baseline/shop" + page + "?" + strings.Join(append(query, "kind=group"), "&"))
	}
}

// grown has a document with more entries, versions and lines than a page shows.
func grown(e *fakeEngine) {
	text := strings.Builder{}
	text.WriteString("version: 1\nhost: web1\nentries:\n")
	for n := range maxDiff + 10 {
		fmt.Fprintf(&text, "  - {port: %d, why: x}\n", 1000+n)
	}
	e.versions = nil
	for n := range maxVersions + 1 {
		e.versions = append(e.versions, version(n+1, "version: 1\nhost: web1\nentries: []\n"))
	}
	e.versions = append(e.versions, version(maxVersions+2, text.String()))
	for n := range uint16(maxDoors + 1) {
		e.host.Exposures = append(e.host.Exposures, listening(40000+n, portvigil.ScopeAny, ""))
	}
	for range 20 {
		e.hosts = append(e.hosts, e.hosts[0])
	}
}

// fills sends the form of a page as it stands there, with some of it typed over, and
// what is answered goes through the same again for the next.
func fills(path, action string, overs ...string) func(*visitor) *httptest.ResponseRecorder {
	return func(c *visitor) *httptest.ResponseRecorder {
		c.Helper()
		w := c.get(path)
		for _, over := range overs {
			typed := fieldsOf(c.T, w, action)
			for name, values := range parsed(c.T, over) {
				typed[name] = values
			}
			w = c.took(c.site.post(action, typed, c.edit))
		}
		return w
	}
}

// overtakenBy has somebody write another version after a page was shown and before its
// form is sent.
func overtakenBy(text, path, action, over string) func(*visitor) *httptest.ResponseRecorder {
	return func(c *visitor) *httptest.ResponseRecorder {
		c.Helper()
		typed := fieldsOf(c.T, c.get(path), action)
		for name, values := range parsed(c.T, over) {
			typed[name] = values
		}
		e := c.site.engine
		e.versions = append(e.versions, version(len(e.versions)+1, text))
		return c.took(c.site.post(action, typed, c.edit))
	}
}

// baselineShapes are the pages about what should be open, and its review.
func baselineShapes() (list []shape) {
	const documents, document, entry, text, versions, change = "GET /baseline", "GET /baseline/{name}", "GET /baseline/{name}/entry", "GET /baseline/{name}/text", "GET /baseline/{name}/versions", "POST /baseline/{name}/entry"
	const at, remove = "/baseline/web1/entry", "/baseline/web1/remove"
	bare := func(e *fakeEngine) { unwritten(e); e.hosts = nil }
	noHost := func(e *fakeEngine) {
		e.fails = map[string]error{"host": portvigil.Errorf(portvigil.CodeNotFound, "there is no host web1")}
	}
	blank := func(e *fakeEngine) {
		e.versions = []portvigil.BaselineVersion{version(1, "version: 1\nhost: web1\nentries: []\n")}
	}
	pinless := func(e *fakeEngine) {
		e.versions = []portvigil.BaselineVersion{version(1, "version: 1\nhost: web1\nentries:\n  - {port: 22, address: 10.0.0.1, scope: private, from: [office], service: SSH, pin: {product: }, review: monthly}\nallow:\n  - {ports: 1-9}\n  - {process: /usr/bin/java}\n")}
	}
	list = []shape{
		{name: "baselines", route: documents}, {name: "baselines of groups", route: documents, site: ofGroup},
		{name: "no baseline and no host", route: documents, site: bare}, {name: "hosts without a baseline", route: documents, site: func(e *fakeEngine) { crowd(e); unwritten(e) }, long: true},
		{name: "baselines that follow a folder", route: documents, site: folded},
		{name: "a baseline", route: document}, {name: "a baseline of a group", route: document, site: ofGroup, show: shop("")},
		{name: "a baseline that is not written yet", route: document, site: unwritten}, {name: "a baseline of a group that is not written yet", route: document, site: unwritten, show: shop("")}, {name: "a baseline without entries", route: document, site: blank},
		{name: "a baseline of a host that is not watched", route: document, site: noHost}, {name: "a baseline in a folder", route: document, site: folded},
		{name: "a baseline with what is seldom", route: document, site: pinless}, {name: "a very long baseline", route: document, site: grown, long: true},
		{name: "a group of very many hosts", route: document, show: shop(""), site: func(e *fakeEngine) { grown(e); ofGroup(e) }},

		{name: "an entry to add", route: entry, query: "?port=9100&proto=tcp"}, {name: "an entry to change", route: entry, query: "?k=1"},
		{name: "an entry of a group", route: entry, show: shop("/entry", "k=0"), site: func(e *fakeEngine) { ofGroup(e); e.versions = e.versions[:1] }}, {name: "an entry in a folder", route: entry, query: "?k=1&review=1", site: folded},
		{name: "an entry that does not fit", route: change, ends: 400, form: "version=2&k=-1&proto=tcp&port=ssh&expires=soon&step=save&pin.hostkey=x&scope=odd&why=a%00b"},
		{name: "an entry that is there already", route: change, ends: 409, show: fills(at, at, "port=22&step=check")},
		{name: "an entry that somebody else changed", route: change, ends: 409, show: overtakenBy(strings.Replace(sampleText, "administration", "games", 1), at+"?k=1", at, "why=front&step=save")},
		{name: "an entry that somebody else removed", route: change, ends: 409, show: overtakenBy("version: 1\nhost: web1\nentries: []\n", at+"?k=1", at, "why=front&step=save")},
		{name: "an entry to be saved", route: change, show: fills(at+"?k=1", at, "why=front&owner=ann&step=check")},
		{name: "an entry that is saved", route: change, show: fills(at+"?k=1", at, "why=front&owner=ann&step=check", "reason=asked+ann&step=save")},
		{name: "an entry that changes nothing", route: change, show: fills(at+"?k=1", at, "step=check")},
		{name: "an entry as a patch", route: change, site: folded, show: fills(at+"?k=1", at, "why=front&owner=ann&step=check")},

		{name: "an entry to remove", route: "GET /baseline/{name}/remove", query: "?k=1"},
		{name: "an entry of a group to remove", route: "GET /baseline/{name}/remove", show: shop("/remove", "k=0"), site: func(e *fakeEngine) { ofGroup(e); e.versions = e.versions[:1] }},
		{name: "an entry to remove that somebody else changed", route: "POST /baseline/{name}/remove", ends: 409, show: overtakenBy(strings.Replace(sampleText, "administration", "games", 1), remove+"?k=1", remove, "step=save")},
		{name: "an entry that cannot be removed from the baseline", route: "POST /baseline/{name}/remove", ends: 409, site: fails("write", portvigil.CodeConflict, "it is written at the moment"), show: fills(remove+"?k=1", remove, "step=save")},
		{name: "no such entry", route: "GET /baseline/{name}/remove", query: "?k=9", ends: http.StatusNotFound},
	}
	return slices.Concat(list, textShapes(text, versions), reviewShapes())
}

// textShapes are a document as its text, and its versions.
func textShapes(text, versions string) []shape {
	const change, at = "POST /baseline/{name}/text", "/baseline/web1/text"
	deceiving := func(e *fakeEngine) { e.versions[1].Text += "# \u202e}sdrawkcab{\n" }
	group := func(e *fakeEngine) { ofGroup(e) }
	return []shape{
		{name: "a baseline as text", route: text}, {name: "a text to begin with", route: text, site: unwritten}, {name: "a text that deceives", route: text, site: deceiving},
		{name: "the text of a group", route: text, show: shop("/text"), site: group}, {name: "a text in a folder", route: text, site: folded},
		{name: "a text that is wrong", route: change, ends: 400, show: fills(at, at, "text=version:+1%0ahost:+web1%0aentries:%0a++-+{port:+x}%0a&step=save")},
		{name: "a text that is none", route: change, ends: 400, show: fills(at, at, "text=&step=save")},
		{name: "a text that somebody else changed", route: change, ends: 409, show: overtakenBy(strings.Replace(sampleText, "administration", "games", 1), at, at, "text=version:+1%0ahost:+web1%0aentries:+[]%0a&step=save")},
		{name: "a text that cannot be saved", route: change, ends: 503, site: fails("write", portvigil.CodeUnavailable, "the database is full"), show: fills(at, at, "text=version:+1%0ahost:+web1%0aentries:+[]%0a&step=save")},
		{name: "a text to be saved", route: change, show: fills(at, at, "text=version:+1%0ahost:+web1%0aentries:+[]%0a&step=check")},
		{name: "a very long text to be saved", route: change, site: grown, long: true, show: fills(at, at, "text=version:+1%0ahost:+web1%0aentries:+[]%0a&step=check")},
		{name: "versions of a baseline", route: versions}, {name: "the first version", route: versions, site: func(e *fakeEngine) { e.versions = e.versions[:1] }},
		{name: "versions that are the same", route: versions, query: "?from=1&to=1"}, {name: "versions of a group", route: versions, show: shop("/versions"), site: group},
		{name: "very many versions", route: versions, site: grown, long: true},
		{name: "a version to restore", route: "GET /baseline/{name}/restore", query: "?of=1"},
		{name: "a version to restore that somebody else changed", route: "POST /baseline/{name}/restore", ends: 409, show: overtakenBy(sampleText+"# theirs\n", "/baseline/web1/restore?of=1", "/baseline/web1/restore", "step=save")},
	}
}

// reviewShapes are the monthly review.
func reviewShapes() []shape {
	const review, decide, past = "GET /review", "POST /review/decide", "GET /review/{id}"
	none := func(e *fakeEngine) { e.agenda, e.reviews = portvigil.Agenda{}, nil }
	decided := func(e *fakeEngine) {
		for i := range e.agenda.Items {
			e.agenda.Items[i].Decision = &e.agenda.Review.Decisions[0]
		}
	}
	many := func(e *fakeEngine) {
		e.agenda.Items = slices.Repeat(e.agenda.Items[:1], maxReviewed+1)
		for i := range e.agenda.Items {
			e.agenda.Items[i].Index = i
		}
		e.agenda.Meanwhile = slices.Repeat(e.agenda.Meanwhile, 26)
		e.reviews = slices.Repeat(e.reviews, maxPast+1)
		e.agenda.Review.Decisions = slices.Repeat(e.agenda.Review.Decisions, maxDecided+1)
	}
	long := func(e *fakeEngine) {
		e.reviews[0].Decisions = slices.Repeat(e.reviews[0].Decisions, maxDoors+1)
		e.reviews[0].Left, e.reviews[0].Remark = slices.Repeat(e.reviews[0].Left, maxDecided+1), ""
	}
	short := func(e *fakeEngine) { e.reviews[0].Decisions, e.reviews[0].Left = nil, nil }
	const item = "of=host&name=web1&version=2&index=2&target=82/tcp&"
	return []shape{
		{name: "a review", route: review}, {name: "nothing to review", route: review, site: none}, {name: "a review that is decided", route: review, site: decided},
		{name: "a review in a folder", route: review, site: folded}, {name: "a long review", route: review, site: many, long: true},
		{name: "a decision without a reason", route: decide, form: item + "verdict=keep", site: fails("decide", portvigil.CodeInvalid, "the reason is missing"), ends: 400},
		{name: "a decision", route: decide, form: item + "verdict=close"}, {name: "a decision as a patch", route: decide, form: item + "verdict=close", site: folded},
		{name: "entries that cannot be kept", route: "POST /review/keep", form: "of=host&name=web1&version=2", site: fails("decide", portvigil.CodeConflict, "somebody else was faster"), ends: 409},
		{name: "a review that cannot be signed", route: "POST /review/sign", form: "name=Ann&remark=all+well&leave=1", site: fails("sign", portvigil.CodeInvalid, "the name is missing"), ends: 400},
		{name: "a review that was signed", route: "POST /review/sign", form: "name=Ann"},
		{name: "a review of before", route: past, show: func(c *visitor) *httptest.ResponseRecorder { return c.get("/review/R1") }},
		{name: "a long review of before", route: past, site: long, long: true, show: func(c *visitor) *httptest.ResponseRecorder { return c.get("/review/R1") }},
		{name: "a review of before without a decision", route: past, site: short, show: func(c *visitor) *httptest.ResponseRecorder { return c.get("/review/R1") }},
		{name: "no such review", route: past, ends: http.StatusNotFound},
	}
}
