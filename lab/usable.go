package lab

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

//go:embed usable.js
var usable string

// judged asks the page something of usable.js.
func judged[R any](t testing.TB, tab *Tab, expression string) R {
	t.Helper()
	return run(t, tab, expression, chromedp.Evaluate[R](usable+"\n"+expression, chromedp.EvalAwaitPromise))
}

// Screen is what a page is looked at on.
type Screen struct {
	Name  string
	Width int     // in CSS pixels
	Scale float64 // dots of a CSS pixel
}

// The screens: a desk's, a telephone's, and a desk's whose reader has zoomed in.
var (
	Desk   = Screen{"1440", 1440, 1}
	Phone  = Screen{"390", 390, 1}
	Zoomed = Screen{"200-percent", 720, 2}
)

// Screens are all of them.
func Screens() []Screen { return []Screen{Desk, Phone, Zoomed} }

// Show has the page shown on a screen, in a colour scheme.
func (tab *Tab) Show(t testing.TB, s Screen, scheme Scheme) {
	t.Helper()
	tab.Viewport(t, s.Width, 900, s.Scale)
	tab.Scheme(t, scheme)
}

// reading is a way in which a page is looked at, and what is asked of it then.
type reading struct {
	screen   Screen
	scheme   Scheme
	rules    []string // of axe; nil: all that are about WCAG
	keyboard bool     // goes through it by the Tab key
	focus    bool     // gives the focus to each thing in turn, which is quicker
}

// The rules of axe whose answer another colour scheme can change, and another screen.
var (
	colours = []string{"color-contrast", "link-in-text-block"}
	looks   = append([]string{"target-size"}, colours...)
)

// thorough readings are those of a template's first page; usual ones are of a page
// that shows the same with something else in it. They have each screen and each
// scheme once, and of a desk zoomed in, whose layout is a telephone's, they ask only
// whether it fits.
var (
	thorough = []reading{
		{screen: Desk, scheme: Light, keyboard: true}, {screen: Desk, scheme: Dark, rules: colours},
		{screen: Phone, scheme: Light}, {screen: Phone, scheme: Dark, rules: colours, focus: true},
		{screen: Zoomed, scheme: Light}, {screen: Zoomed, scheme: Dark, rules: colours},
	}
	usual = []reading{
		{screen: Desk, scheme: Light, focus: true},
		{screen: Phone, scheme: Dark, rules: looks},
		{screen: Zoomed, scheme: Light, rules: []string{}},
	}
)

// Flaw is something that keeps people from reading a page or from using it.
type Flaw struct {
	What string
	When string // on which screen, in which colour scheme; "" where it does not matter
}

// Complaints are flaws of many pages: what all share is wrong on all of them, and told
// once. The zero value is ready.
type Complaints struct{ pages map[string][]string } // by what is wrong

// Add notes what is wrong with a page.
func (c *Complaints) Add(page string, flaws ...Flaw) {
	if c.pages == nil {
		c.pages = map[string][]string{}
	}
	for _, f := range flaws {
		where := page
		if f.When != "" {
			where += " (" + f.When + ")"
		}
		c.pages[f.What] = append(c.pages[f.What], where)
	}
}

// Tell fails the test with all of it.
func (c *Complaints) Tell(t testing.TB) {
	t.Helper()
	const most = 3
	for _, what := range slices.Sorted(maps.Keys(c.pages)) {
		where := slices.Compact(c.pages[what])
		text := strings.Join(where[:min(most, len(where))], "; ")
		if more := len(where) - most; more > 0 {
			text += fmt.Sprintf("; and %d more", more)
		}
		t.Errorf("%s\n\ton %s", what, text)
	}
}

// Flaws holds the page against what everybody needs, with all unfolded that can be:
// WCAG as far as axe can tell, nothing to be scrolled sideways, one comes to whatever
// can be used by the Tab key, in a round, and sees where one is. The first page of a
// template is looked at on every screen in both schemes.
func (tab *Tab) Flaws(t testing.TB, first bool) (list []Flaw) {
	t.Helper()
	judged[chromedp.Void](t, tab, "lab.unfold()")
	readings := usual
	if first {
		readings = thorough
	}
	for _, r := range readings {
		tab.Show(t, r.screen, r.scheme)
		lines := slices.Concat(tab.Sideways(t), r.axe(t, tab), r.lost(t, tab))
		if judged[bool](t, tab, "lab.dark()") != (r.scheme == Dark) {
			lines = append(lines, "it is not in the colours that the reader asks for")
		}
		for _, line := range lines {
			list = append(list, Flaw{line, fmt.Sprintf("%s, %s", r.screen.Name, r.scheme)})
		}
	}
	return list
}

func (r reading) axe(t testing.TB, tab *Tab) []string {
	t.Helper()
	switch {
	case r.rules == nil:
		return tab.Axe(t)
	case len(r.rules) > 0:
		return tab.AxeRules(t, r.rules...)
	}
	return nil
}

// lost lists where somebody without a mouse does not see where they are, or to what
// they never come.
func (r reading) lost(t testing.TB, tab *Tab) (lines []string) {
	t.Helper()
	var stops []Stop
	switch {
	case r.keyboard:
		var round bool
		if stops, round = tab.stops(t); !round {
			lines = append(lines, "the focus does not come round")
		}
		for _, missed := range judged[[]string](t, tab, "lab.passedBy()") {
			lines = append(lines, "the Tab key never comes to "+missed)
		}
	case r.focus:
		judged[chromedp.Void](t, tab, "lab.stopAnew()")
		tab.Press(t, KeyTab) // what had the focus by a key shows that it has it
		stops = judged[[]Stop](t, tab, "lab.stopEach()")
	}
	for _, s := range stops {
		if s.Name == "" {
			lines = append(lines, fmt.Sprintf("a %s has no name", s.Role))
		}
		if !s.Shown {
			lines = append(lines, fmt.Sprintf("one does not see that %s %q has the focus", s.Role, s.Name))
		}
		if s.Covered {
			lines = append(lines, fmt.Sprintf("%s %q is covered when it has the focus", s.Role, s.Name))
		}
	}
	return lines
}

// Sideways lists the elements that stick out of the page to the right, so that it
// has to be scrolled sideways to read them; nil where the page need not be. What
// scrolls in a box of its own is no part of it.
func (tab *Tab) Sideways(t testing.TB) []string {
	t.Helper()
	return judged[[]string](t, tab, "lab.sideways()")
}
