package lab_test

import (
	"cmp"
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// pictures is a folder; make screenshots names one.
var pictures = flag.String("pictures", "", "only take pictures of every page, into this folder")

// maxWeight is what a page may weigh with all that it loads, on the first visit.
const maxWeight = 150 << 10

// The pages that are gone to: how many of one path that differ only by what follows
// the question mark, and how many of one kind below things that are alike. A list that
// can be sorted by anything links to itself in a hundred ways, and the history of one
// host is made like that of another. maxPages is more than a site like ours has left.
const maxVariants, maxAlike, maxPages = 3, 2, 200

// TestEveryPageCanBeUsed goes to every page that links lead to from that of a host
// of a server that watches real ones, on each of lab's screens, light and dark:
// everybody can read it (WCAG 2.2 AA, as far as a program can tell) and use it by
// keyboard, nothing has to be scrolled sideways, nothing is logged or stopped by the
// policy, and it weighs little. It knows nothing of the pages, and so holds for new
// ones. What no link leads to (forms that are refused, lists that are empty) is
// looked at in web, where each template is looked at in all six ways as well.
func TestEveryPageCanBeUsed(t *testing.T) {
	t.Parallel()
	if *pictures == "" {
		lab.RequireAxe(t)
	}
	began := time.Now()
	s := newSite(t)
	s.fill()
	filled := time.Since(began)
	w := &walk{site: s, tab: s.signedIn(), seen: map[string]bool{}, variants: map[string]int{}, alike: map[string]int{}}
	w.from("/hosts/web1") // which has all that there is to show of a host
	w.tab.Forgive(lab.TroubleConsole, "404")
	w.tab.Forgive(lab.TroubleConsole, "401") // when the server is started anew, this session is over
	w.visit("/no-such-page", http.StatusNotFound)
	w.tab = s.browser.Tab(t)
	w.visit("/sign-in", http.StatusOK)
	if *pictures != "" {
		return
	}
	s.follow()
	s.filled()
	w.tab = s.signedIn()
	for _, page := range []string{"/alerts/" + s.about(doorNew), "/alerts/" + s.of(portvigil.BaselineUnreadable), "/baseline", "/baseline/web1"} {
		w.visit(page, http.StatusOK)
	}
	w.wrong.Tell(t)
	if len(w.pages) < 50 {
		t.Errorf("links lead to %d pages only: %v", len(w.pages), w.pages)
	}
	if !w.hostile {
		t.Error("no page shows what the hostile door says: whether it is run was not tried")
	}
	t.Logf("%d pages in %v, after %v to fill the site; the heaviest has %d bytes", len(w.pages),
		(time.Since(began) - filled).Round(time.Second), filled.Round(time.Second), w.heaviest)
	t.Logf("%d further links lead to pages that are like one of these", w.left)
}

// walk is a way through the pages of a site.
type walk struct {
	*site
	tab      *lab.Tab
	pages    []string // visited by links, in order
	next     []string
	seen     map[string]bool
	variants map[string]int // of each path
	alike    map[string]int // paths of one kind
	left     int            // links that were one too many
	hostile  bool           // a page shows what the hostile door says
	heaviest int            // bytes
	wrong    lab.Complaints
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

// add notes a page that is to be visited.
func (w *walk) add(page string) {
	if w.seen[page] {
		return
	}
	w.seen[page] = true
	p, _, _ := strings.Cut(page, "?")
	kind := kindOf(p)
	if w.variants[p] == maxVariants || kind != "" && w.variants[p] == 0 && w.alike[kind] == maxAlike {
		w.left++
		return
	}
	if w.variants[p] == 0 {
		w.alike[kind]++
	}
	w.variants[p]++
	if w.next = append(w.next, page); len(w.next) > maxPages {
		w.t.Fatalf("links lead to more than %d pages, such as %v", maxPages, w.next[:20])
	}
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

// visit looks at a page in every way, and notes where it leads.
func (w *walk) visit(page string, status int) {
	t, tab := w.t, w.tab
	t.Helper()
	tab.Show(t, lab.Desk, lab.Light)
	if got := tab.Open(t, w.base+page); got != status {
		w.finds(page, "status %d, want %d", got, status)
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
	w.wrong.Add(page, tab.Flaws(t, false)...)
	w.hostile = w.hostile || strings.Contains(tab.Text(t), "<script>alert(1)")
	w.heaviest = max(w.heaviest, weight)
	if weight > maxWeight {
		w.finds(page, "it weighs %d bytes, want at most %d", weight, maxWeight)
	}
	for _, trouble := range tab.Trouble() {
		w.finds(page, "%s: %s", trouble.Kind, trouble.Text)
	}
}

// finds notes what is wrong with a page however it is looked at.
func (w *walk) finds(page, format string, args ...any) {
	w.wrong.Add(page, lab.Flaw{What: fmt.Sprintf(format, args...)})
}

// photograph takes the pictures of a page.
func (w *walk) photograph(page string) {
	w.t.Helper()
	name := pictureName(page, lab.Ask[string](w.t, w.tab, "document.querySelector('h1')?.textContent ?? ''"))
	for _, screen := range []lab.Screen{lab.Desk, lab.Phone} { // at 200 % it is the same, larger
		for _, scheme := range []lab.Scheme{lab.Light, lab.Dark} {
			w.tab.Show(w.t, screen, scheme)
			w.tab.Screenshot(w.t, filepath.Join(*pictures, fmt.Sprintf("%s-%s-%s.png", name, screen.Name, scheme)))
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
