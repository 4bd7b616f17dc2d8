package lab_test

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
	"github.com/portvigil/portvigil/lab/hostile"
)

// vigil looks at the pages of a site into which texts come. What pages are made of it
// learns from those with harmless texts; what is there beside that, is asked for
// elsewhere, or ran, came out of a text.
type vigil struct {
	*ways
	tab      *lab.Tab
	learning bool
	named    bool                       // fields are called as the texts are
	known    map[string]map[string]bool // what pages of each kind are made of
	texts    []string                   // that come, in the order of their doors
	readable []string                   // the same as pages have to show them
	there    map[string]map[int]bool    // which of them pages have shown, in each role
	looks    int                        // at pages
	wrong    map[string][]string        // what is wrong, and where
}

func newVigil(w *ways) *vigil {
	return &vigil{ways: w, known: map[string]map[string]bool{}, wrong: map[string][]string{}}
}

// watch looks out for texts that are to come.
func (v *vigil) watch(texts []string) {
	v.texts, v.readable, v.there = texts, nil, map[string]map[int]bool{}
	for _, text := range texts {
		// What people write is kept without the blanks around it.
		v.readable = append(v.readable, shown(strings.TrimLeftFunc(inJSON(text), unicode.IsSpace)))
	}
}

// see looks at the page that the tab shows.
func (v *vigil) see() lab.Anatomy {
	v.t.Helper()
	a := v.tab.Anatomy(v.t)
	v.judge(a)
	return a
}

// underWay is what tells how far a look is: it comes and goes.
var underWay = regexp.MustCompile(`>p@data-soon$|>p>progress(@(max|value))?$`)

// specification is the one link that leads away from the pages: to what the API's
// description goes by.
const specification = "html>body>main>p>a@href=https://spec.openapis.org/oas/v3.1.1"

// judge holds what a page is made of against what is known of its kind.
func (v *vigil) judge(a lab.Anatomy) {
	v.t.Helper()
	v.looks++
	kind := nameless(a.Path)
	if v.known[kind] == nil {
		v.known[kind] = map[string]bool{}
		if !v.learning {
			v.finds(a.Path, "no page of this kind was seen before")
		}
	}
	for _, part := range a.Parts {
		if v.named && strings.Contains(part, ">input@name=") || underWay.MatchString(part) {
			continue
		}
		if v.learning {
			v.known[kind][part] = true
		} else if !v.known[kind][part] {
			v.finds(a.Path, "there is "+part)
		}
	}
	for _, away := range a.Away {
		if away != specification {
			v.finds(a.Path, "it leads away: "+away)
		}
	}
	for _, asked := range a.Asked {
		u, err := url.Parse(asked)
		if err != nil || !strings.HasPrefix(asked, v.base+"/") || !slices.Contains([]string{"/style.css", "/app.js", "/mark.svg", "/events"}, u.Path) && nameless(u.Path) != kind {
			v.finds(a.Path, "it asked for "+asked)
		}
	}
	if slices.Contains(a.Globals, hostile.Canary) || strings.Contains(a.Cookies, hostile.Canary) || a.Title == hostile.Canary || !strings.HasSuffix(a.Title, " · PortVigil") {
		v.finds(a.Path, fmt.Sprintf("something ran: title %q, cookies %q", a.Title, a.Cookies))
	}
	v.note(a.Text)
}

// containers are the pages below which a part of the path is a name or an id.
var containers = []string{"hosts", "baseline", "alerts", "review", "unsent", "users", "tokens", "channels", "no-page"}

// nameless is the path of a page without names.
func nameless(path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	if len(parts) > 2 && slices.Contains(containers, parts[1]) && path != "/channels/add" && path != "/hosts/import" {
		parts[2] = "*"
	}
	return strings.Join(parts, "/")
}

// roles are what a text can be.
var roles = []string{"exe", "user", "unit.service", "container", "package", "version", "note", "comment", "reason", "why", "owner", "service", "review", "vantage", "pin", "differs",
	"maintenance"}

// marked is the text in a role, which stands at its end: a text does what it does from
// its beginning.
func marked(role, text string) string { return text + " ~" + role }

// have checks that pages have shown each text in a role.
func (v *vigil) have(role string) {
	v.t.Helper()
	var missing []string
	for i, text := range v.texts {
		// Of a longer one, what follows it is not shown.
		if !v.there[role][i] && len(text) <= onePage {
			missing = append(missing, text)
		}
	}
	if len(missing) > 0 {
		v.t.Errorf("no page shows %d of %d texts as %s: %.300q", len(missing), len(v.texts), role, missing)
	}
}

// note notes which texts a page shows as they have to be shown, by the roles that
// follow them.
func (v *vigil) note(page string) {
	for at := 0; ; at++ {
		next := strings.Index(page[at:], " ~")
		if next < 0 {
			return
		}
		at += next
		before, after := page[:at], page[at+2:]
		is := slices.IndexFunc(roles, func(role string) bool { return strings.HasPrefix(after, role) })
		if is < 0 {
			continue
		}
		role := roles[is]
		if v.there[role] == nil {
			v.there[role] = map[int]bool{}
		}
		for i, text := range v.readable {
			// A note is a sentence of its own, which begins with a capital.
			if strings.HasSuffix(before, text) || role == "note" && strings.HasSuffix(before, sentence(text)) {
				v.there[role][i] = true
			}
		}
	}
}

// sentence is the text with its first letter large.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// shown is a text as pages show it: what would steer a terminal or a reader's eye is
// written out, and of a long text the beginning alone is there.
func shown(text string) string {
	const most = 1000
	if len(text) <= most {
		return portvigil.Printable(text)
	}
	end := most
	for !utf8.RuneStart(text[end]) && end > most-utf8.UTFMax {
		end--
	}
	return portvigil.Printable(text[:end])
}

func (v *vigil) finds(where, what string) { v.wrong[what] = append(v.wrong[what], where) }

// tell fails the test with all that is wrong.
func (v *vigil) tell() {
	v.t.Helper()
	for _, what := range slices.Sorted(maps.Keys(v.wrong)) {
		where := v.wrong[what]
		v.t.Errorf("%.700s\n\ton %d pages: %.300q", what, len(where), where[:min(3, len(where))])
	}
}

// silent is a page that hears of nothing that is written.
const silent = "/sign-in"

// openMeanwhile looks at pages that are open while something happens: what comes is
// put into them by app.js. Each has what it waits for.
func (v *vigil) openMeanwhile(happens func(), pages map[string]string) {
	v.t.Helper()
	main, tabs := v.tab, map[string]*lab.Tab{}
	for page := range pages {
		tabs[page] = main.Another(v.t)
		tabs[page].Open(v.t, v.base+page)
	}
	happens()
	for page, came := range pages {
		v.tab = tabs[page]
		v.tab.Wait(v.t, "what came on the open page "+page, came)
		v.see()
		v.tab.Open(v.t, v.base+silent)
	}
	v.tab = main
}

// through goes through the pages of a list, and returns where links lead from them.
func (v *vigil) through(page string) (links []string) {
	v.t.Helper()
	for page != "" {
		v.tab.Open(v.t, v.base+page)
		v.see()
		links = append(links, v.links("a[href]:not([download])")...)
		on := v.links("main a[rel=next]")
		if page = ""; len(on) > 0 {
			page = on[0]
		}
	}
	return links
}

// mostOfAKind is how many pages of one kind a tour goes to, where links lead to more.
const mostOfAKind = 2

// tour goes through the lists, and to every page that links lead to.
func (v *vigil) tour(lists ...string) {
	v.t.Helper()
	var next []string
	seen, count := map[string]bool{}, map[string]int{}
	add := func(links []string) {
		for _, to := range links {
			if kind := nameless(to); count[kind] < mostOfAKind && !seen[to] && !slices.Contains(lists, to) {
				seen[to] = true
				count[kind]++
				next = append(next, to)
			}
		}
	}
	for _, list := range lists {
		add(v.through(list))
	}
	for add([]string{"/"}); len(next) > 0; next = next[1:] {
		v.tab.Open(v.t, v.base+next[0])
		if lab.Ask[string](v.t, v.tab, "document.contentType") == "text/html" { // else data for programs
			v.see()
			add(v.links("a[href]:not([download])"))
		}
	}
}

// links are the pages to which those links of a page lead that a selector matches.
func (v *vigil) links(selector string) (list []string) {
	v.t.Helper()
	for _, href := range lab.Ask[[]string](v.t, v.tab, fmt.Sprintf("[...document.querySelectorAll(%q)].map((a) => a.href)", selector)) {
		if to := v.inside(href); to != "" {
			list = append(list, to)
		}
	}
	return list
}
