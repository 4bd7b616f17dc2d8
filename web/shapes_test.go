package web

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/portvigil/portvigil"
)

// shape is a page as somebody may come to see it. The zero value of each field is
// what is usual: a busy site, ann, and the route's own path.
type shape struct {
	name  string
	route string // that answers with it, as the table of routes has it
	query string
	form  string                                    // what is sent
	site  func(*fakeEngine)                         // what is otherwise than on a busy site
	by    func(*visitor)                            // who comes, and what they did before
	ends  int                                       // the status; 0: 200
	show  func(*visitor) *httptest.ResponseRecorder // how one comes to it, where that takes more than the route and a form

	one  bool // of a kind, each of which is worth a look, though it shows nothing else
	long bool // as a page can be: its rows are those of a shorter one
}

// visitor is somebody at a site.
type visitor struct {
	*testing.T
	*browser
}

// shapes are all of them. A route that answers with a page has at least one, and
// each branch of each template is shown by one (TestEveryBranchOfAPageIsShown).
func shapes(t *testing.T) []shape {
	return slices.Concat(alertShapes(t), hostShapes(), baselineShapes(), accountShapes(), serverShapes())
}

// page is the answer, whose branches are kept, with what is new in it.
func (sh shape) page(t *testing.T, b *branches) (*httptest.ResponseRecorder, news) {
	t.Helper()
	e := busy(t)
	if sh.site != nil {
		sh.site(e)
	}
	s := newSiteInTimeOf(t, e)
	s.pages.views = b.views
	c := &visitor{t, s.browser("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")}
	if sh.by == nil {
		c.signIn(t)
	} else {
		sh.by(c)
	}
	show := sh.show
	if show == nil {
		show = func(c *visitor) *httptest.ResponseRecorder { return c.asks(sh.route, sh.query, sh.form) }
	}
	w := show(c)
	if w.Code == http.StatusSeeOther { // what is said of a form stands on the page that follows
		w = c.get(w.Header().Get("Location"))
	}
	if want := cmp.Or(sh.ends, http.StatusOK); w.Code != want {
		t.Errorf("%s: answered %d, want %d: %s", sh.name, w.Code, want, seen(t, w))
	}
	if s.log.Len() > 0 && w.Code != http.StatusInternalServerError {
		t.Errorf("%s: %s", sh.name, s.log)
	}
	return w, b.keep()
}

// asks sends what a route takes: names that there are in its path, and the form.
func (c *visitor) asks(route, query, form string) *httptest.ResponseRecorder {
	c.Helper()
	method, path := anyOf(strings.NewReplacer("{name}", "web1", "{id}", "A1").Replace(route))
	if method == http.MethodGet {
		return c.get(path + query)
	}
	values, err := url.ParseQuery(form)
	if err != nil {
		c.Fatal(err)
	}
	return c.took(c.site.post(path+query, values, c.edit))
}

// nobody has no session.
func nobody(*visitor) {}

// byLink is who came by a one-time link.
func byLink(c *visitor) {
	c.get(strings.TrimPrefix(c.site.keeper.NewLink(), base))
}

// empty is a server that has just been started.
func empty(e *fakeEngine) { *e = fakeEngine{} }

// forms are a shape for each of several forms.
func (sh shape) forms(forms ...string) (list []shape) {
	for _, form := range forms {
		one := sh
		one.name, one.form = sh.name+": "+form, form
		list = append(list, one)
	}
	return list
}

// queries are a shape for each of several parts of an address.
func (sh shape) queries(queries ...string) (list []shape) {
	for _, query := range queries {
		one := sh
		one.name, one.query = sh.name+": "+query, query
		list = append(list, one)
	}
	return list
}

// fails has the engine fail at what is noted by that word.
func fails(word string, code portvigil.Code, text string) func(*fakeEngine) {
	return func(e *fakeEngine) { e.fails = map[string]error{word: portvigil.Errorf(code, "%s", text)} }
}

func TestEveryBranchOfAPageIsShown(t *testing.T) {
	t.Parallel()
	b := newBranches(t)
	answered := map[string]bool{}
	for _, sh := range shapes(t) {
		w, _ := sh.page(t, b)
		answered[sh.route] = true
		for _, wrong := range faults(w.Body.String()) {
			t.Errorf("%s: %s", sh.name, wrong)
		}
	}
	for route := range new(pages).routes() {
		if !answered[route] && !slices.Contains(pageless, route) {
			t.Errorf("no shape is a page of %s: add one", route)
		}
	}
	for _, where := range b.hidden() {
		t.Errorf("no shape shows %s", where)
	}
}

// pageless are the routes whose answers are for programs.
var pageless = []string{"GET /style.css", "GET /app.js", "GET /mark.svg", "GET /metrics", "GET /events"}
