package lab_test

import (
	"flag"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
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

// The pages that are walked: how many in all, and how many of one path that differ
// only by what follows the question mark. A list that can be sorted by anything
// links to itself in a hundred ways.
const maxPages, maxVariants = 80, 3

// look is a way in which somebody looks at a page.
type look struct {
	name   string
	width  int // in CSS pixels
	scale  float64
	narrow bool // nothing may stick out to the right
}

var looks = []look{{"1440", 1440, 1, false}, {"390", 390, 1, true}, {"zoom", 720, 2, true}}

// TestEveryPageCanBeUsed goes to every page that links lead to from the overview,
// as wide as a desk's screen, as narrow as a telephone, and at 200 %, light and
// dark: everybody can read it (WCAG 2.2 AA, as far as a program can tell), nothing
// has to be scrolled sideways, nothing is logged or stopped by the policy, and it
// weighs little. It knows nothing of the pages, and so holds for new ones.
func TestEveryPageCanBeUsed(t *testing.T) {
	t.Parallel()
	if *pictures == "" {
		lab.RequireAxe(t)
	}
	began := time.Now()
	s := newSite(t)
	s.fill()
	filled := time.Since(began)
	tab := s.signedIn()
	walk := walk{site: s, tab: tab, seen: map[string]bool{}, variants: map[string]int{}}
	walk.from("/")
	if len(walk.pages) < 10 {
		t.Errorf("links lead to %d pages only: %v", len(walk.pages), walk.pages)
	}
	t.Logf("%d pages in %v, after %v to fill the site", len(walk.pages), (time.Since(began) - filled).Round(time.Second), filled.Round(time.Second))
	if walk.left > 0 {
		t.Logf("%d more links were not followed", walk.left)
	}
}

// walk is a way through the pages of a site.
type walk struct {
	*site
	tab      *lab.Tab
	pages    []string // visited, in order
	next     []string
	seen     map[string]bool
	variants map[string]int // of each path
	left     int            // links that were one too many
}

// from visits a page, and all to which links lead.
func (w *walk) from(start string) {
	w.add(start)
	for len(w.next) > 0 {
		page := w.next[0]
		w.next = w.next[1:]
		w.pages = append(w.pages, page)
		w.visit(page)
	}
}

// add notes a page that is to be visited, within bounds.
func (w *walk) add(page string) {
	if w.seen[page] {
		return
	}
	w.seen[page] = true
	p, _, _ := strings.Cut(page, "?")
	if w.variants[p] == maxVariants || len(w.seen)-w.left > maxPages {
		w.left++
		return
	}
	w.variants[p]++
	w.next = append(w.next, page)
}

// visit looks at a page in every way, and notes where it leads.
func (w *walk) visit(page string) {
	t, tab := w.t, w.tab
	t.Helper()
	tab.Viewport(t, looks[0].width, 900, 1)
	tab.Scheme(t, lab.Light)
	if status := tab.Open(t, w.base+page); status != 200 {
		t.Errorf("%s has status %d", page, status)
	}
	weight := tab.Weight(t)
	for _, href := range lab.Ask[[]string](t, tab, `[...document.querySelectorAll('a[href]:not([download])')].map(a => a.href)`) {
		if to := w.inside(href); to != "" {
			w.add(to)
		}
	}
	for _, l := range looks {
		tab.Viewport(t, l.width, 900, l.scale)
		for _, scheme := range []lab.Scheme{lab.Light, lab.Dark} {
			tab.Scheme(t, scheme)
			if *pictures != "" {
				if l.scale == 1 {
					tab.Screenshot(t, filepath.Join(*pictures, fmt.Sprintf("%s-%s-%s.png", pictureName(page), l.name, scheme)))
				}
				continue
			}
			w.judge(page, l, scheme)
		}
	}
	if *pictures != "" {
		return
	}
	if weight > maxWeight {
		t.Errorf("%s weighs %d bytes, want at most %d", page, weight, maxWeight)
	}
	for _, trouble := range tab.Trouble() {
		t.Errorf("%s: %s", page, trouble)
	}
}

// judge holds the page as it is shown now against the rules. In the dark only the
// colours are others.
func (w *walk) judge(page string, l look, scheme lab.Scheme) {
	w.t.Helper()
	var found []string
	if scheme == lab.Light {
		found = w.tab.Axe(w.t)
		if l.narrow {
			found = slices.Concat(found, w.tab.Sideways(w.t))
		}
	} else {
		found = w.tab.AxeRules(w.t, "color-contrast", "link-in-text-block")
	}
	for _, line := range found {
		w.t.Errorf("%s, %s, %s: %s", page, l.name, scheme, line)
	}
}

// inside returns the path and query of a link that leads to another page of the
// same server, "" for one that leads elsewhere, or out.
func (w *walk) inside(href string) string {
	u, err := url.Parse(href)
	if err != nil || u.Scheme+"://"+u.Host != w.base {
		return ""
	}
	switch path.Dir(u.Path + "/x") { // without a slash at the end
	case "/sign-out", "/enter", "/metrics", "/style.css":
		return ""
	}
	return u.RequestURI()
}

// pictureName is a page's path as the name of a file; ids of alerts are cut to
// what tells them apart.
func pictureName(page string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}, page), "_")
	if name == "" {
		return "overview"
	}
	return name
}
