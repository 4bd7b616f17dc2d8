package lab_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil/lab"
)

// pictures is a folder; make screenshots names one.
var pictures = flag.String("pictures", "", "only take pictures of every page, into this folder")

// maxWeight is what a page may weigh with all that it loads, on the first visit.
const maxWeight = 150 << 10

// The pages that are walked: how many in all, how many of one path that differ only
// by what follows the question mark, and how many of one kind below things that are
// alike. A list that can be sorted by anything links to itself in a hundred ways, and
// the history of one host is made like that of another. For pictures there is time.
const maxPages, maxPictured, maxVariants, maxAlike = 50, 120, 3, 2

// look is a way in which somebody looks at a page.
type look struct {
	name  string
	width int // in CSS pixels
	scale float64
}

var looks = []look{{"1440", 1440, 1}, {"390", 390, 1}, {"200-percent", 720, 2}}

// TestEveryPageCanBeUsed goes to every page that links lead to from that of a host,
// as wide as a desk's screen, as narrow as a telephone, and at 200 %, light and
// dark: everybody can read it (WCAG 2.2 AA, as far as a program can tell) and use
// it by keyboard, nothing has to be scrolled sideways, nothing is logged or stopped
// by the policy, and it weighs little. It knows nothing of the pages, and so holds
// for new ones.
func TestEveryPageCanBeUsed(t *testing.T) {
	t.Parallel()
	if *pictures == "" {
		lab.RequireAxe(t)
	}
	began := time.Now()
	s := newSite(t)
	s.fill()
	filled := time.Since(began)
	w := &walk{site: s, tab: s.signedIn(), seen: map[string]bool{}, variants: map[string]int{}, alike: map[string]int{}, kinds: map[string]bool{}, wrong: map[string][]string{}}
	w.from("/hosts/web1") // which has all that there is to show of a host
	w.tab.Forgive(lab.TroubleConsole, "404")
	w.visit("/no-such-page", http.StatusNotFound)
	w.tab = s.browser.Tab(t)
	w.visit("/sign-in", http.StatusOK)
	if *pictures != "" {
		return
	}
	w.tell()
	if len(w.pages) < 10 {
		t.Errorf("links lead to %d pages only: %v", len(w.pages), w.pages)
	}
	if !w.hostile {
		t.Error("no page shows what the hostile door says: whether it is run was not tried")
	}
	t.Logf("%d pages in %v, after %v to fill the site; the heaviest has %d bytes", len(w.pages),
		(time.Since(began) - filled).Round(time.Second), filled.Round(time.Second), w.heaviest)
	if w.left > 0 {
		t.Logf("%d more links were not followed", w.left)
	}
}

// walk is a way through the pages of a site.
type walk struct {
	*site
	tab      *lab.Tab
	pages    []string // visited by links, in order
	next     []string
	seen     map[string]bool
	variants map[string]int      // of each path
	alike    map[string]int      // paths of one kind
	left     int                 // links that were one too many
	kinds    map[string]bool     // of pages that were gone through by keyboard
	hostile  bool                // a page shows what the hostile door says
	heaviest int                 // bytes
	wrong    map[string][]string // what is wrong, and where
}

// finds notes what is wrong somewhere. What all pages share is wrong on all of
// them, and told once.
func (w *walk) finds(where, what string) { w.wrong[what] = append(w.wrong[what], where) }

// tell fails the test with all that is wrong.
func (w *walk) tell() {
	w.t.Helper()
	const most = 3
	for _, what := range slices.Sorted(maps.Keys(w.wrong)) {
		where := slices.Compact(w.wrong[what])
		text := strings.Join(where[:min(most, len(where))], "; ")
		if more := len(where) - most; more > 0 {
			text += fmt.Sprintf("; and %d more", more)
		}
		w.t.Errorf("%s\n\ton %s", what, text)
	}
}

// from visits a page, and all to which links lead.
func (w *walk) from(start string) {
	w.add(start)
	for len(w.next) > 0 {
		page := w.next[0]
		w.next = w.next[1:]
		w.pages = append(w.pages, page)
		w.visit(page, http.StatusOK)
	}
}

// add notes a page that is to be visited, within bounds.
func (w *walk) add(page string) {
	if w.seen[page] {
		return
	}
	w.seen[page] = true
	most := maxPages
	if *pictures != "" {
		most = maxPictured
	}
	p, _, _ := strings.Cut(page, "?")
	kind := kindOf(p)
	if w.variants[p] == maxVariants || kind != "" && w.variants[p] == 0 && w.alike[kind] == maxAlike || len(w.seen)-w.left > most {
		w.left++
		return
	}
	if w.variants[p] == 0 {
		w.alike[kind]++
	}
	w.variants[p]++
	w.next = append(w.next, page)
}

// kindOf is what the pages of several things have in common: /hosts/*/history of
// /hosts/web1/history; "" for the page of a thing itself, each of which is its own.
func kindOf(path string) string {
	parts := strings.SplitN(path, "/", 4)
	if len(parts) < 4 {
		return ""
	}
	return "/" + parts[1] + "/*/" + parts[3]
}

// inside returns the path and query of a link that leads to another page of the
// same server, "" for one that leads elsewhere, or out.
func (w *walk) inside(href string) string {
	u, err := url.Parse(href)
	if err != nil || u.Scheme+"://"+u.Host != w.base || slices.Contains([]string{"/sign-out", "/enter"}, u.Path) {
		return ""
	}
	return u.RequestURI()
}

// visit looks at a page in every way, and notes where it leads.
func (w *walk) visit(page string, status int) {
	t, tab := w.t, w.tab
	t.Helper()
	tab.Viewport(t, looks[0].width, 900, looks[0].scale)
	tab.Scheme(t, lab.Light)
	if got := tab.Open(t, w.base+page); got != status {
		w.finds(page, fmt.Sprintf("status %d, want %d", got, status))
	}
	if lab.Ask[string](t, tab, "document.contentType") != "text/html" {
		return // data for programs
	}
	weight := tab.Weight(t)
	for _, href := range lab.Ask[[]string](t, tab, `[...document.querySelectorAll('a[href]:not([download])')].map(a => a.href)`) {
		if to := w.inside(href); to != "" {
			w.add(to)
		}
	}
	if *pictures != "" {
		w.photograph(page)
		return
	}
	for _, l := range looks {
		tab.Viewport(t, l.width, 900, l.scale)
		for _, scheme := range []lab.Scheme{lab.Light, lab.Dark} {
			tab.Scheme(t, scheme)
			for _, line := range tab.Axe(t) {
				w.finds(fmt.Sprintf("%s (%s, %s)", page, l.name, scheme), line)
			}
		}
		for _, line := range tab.Sideways(t) {
			w.finds(fmt.Sprintf("%s (%s)", page, l.name), line)
		}
	}
	w.byKeyboard(page)
	w.hostile = w.hostile || strings.Contains(tab.Text(t), "<script>alert(1)")
	w.heaviest = max(w.heaviest, weight)
	if weight > maxWeight {
		w.finds(page, fmt.Sprintf("it weighs %d bytes, want at most %d", weight, maxWeight))
	}
	for _, trouble := range tab.Trouble() {
		w.finds(page, fmt.Sprintf("%s: %s", trouble.Kind, trouble.Text))
	}
}

// usable is what one can do something with on a page. Of a group of radio buttons
// the Tab key comes to one.
const usable = `[...document.querySelectorAll('a[href], button, input, select, textarea, summary')].filter(e =>
	e.checkVisibility({visibilityProperty: true}) && !e.disabled && e.type !== 'hidden' && e.type !== 'radio' && e.tabIndex >= 0).length`

// byKeyboard goes through a page by the Tab key: it comes to all that can be used,
// all of it has a name, and one sees where one is. One page of a kind is gone
// through: a page of a host is like that of another one.
func (w *walk) byKeyboard(page string) {
	w.t.Helper()
	kind := strings.SplitN(page, "/", 3)[1]
	if w.kinds[kind] {
		return
	}
	w.kinds[kind] = true
	stops := w.tab.Stops(w.t)
	if want := lab.Ask[int](w.t, w.tab, usable); len(stops) < want {
		w.finds(page, fmt.Sprintf("the Tab key comes to %d things, want the %d that can be used: %v", len(stops), want, stops))
	}
	for _, s := range stops {
		if s.Name == "" {
			w.finds(page, fmt.Sprintf("a %s has no name", s.Role))
		}
		if !s.Shown {
			w.finds(page, fmt.Sprintf("one does not see that %s %q has the focus", s.Role, s.Name))
		}
	}
}

// photograph takes the pictures of a page.
func (w *walk) photograph(page string) {
	w.t.Helper()
	name := pictureName(page, lab.Ask[string](w.t, w.tab, "document.querySelector('h1')?.textContent ?? ''"))
	for _, l := range looks[:2] { // at 200 % it is the same, larger
		w.tab.Viewport(w.t, l.width, 900, l.scale)
		for _, scheme := range []lab.Scheme{lab.Light, lab.Dark} {
			w.tab.Scheme(w.t, scheme)
			w.tab.Screenshot(w.t, filepath.Join(*pictures, fmt.Sprintf("%s-%s-%s.png", name, l.name, scheme)))
		}
	}
}

var (
	alertID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	noWord  = regexp.MustCompile(`[^A-Za-z0-9.]+`)
)

// pictureName names a page by its path; the id of an alert, which is another one
// each time, by the page's heading instead.
func pictureName(page, heading string) string {
	name := alertID.ReplaceAllLiteralString(page, heading)
	name = strings.Trim(noWord.ReplaceAllString(name, "-"), "-.")
	if len(name) > 40 {
		name = strings.Trim(name[:40], "-.")
	}
	return cmp.Or(name, "overview")
}
