package lab

import (
	"fmt"
	"strings"
	"testing"
)

// Anatomy is what a page is made of and what became of it, apart from what it
// says: two pages that differ only in their words have the same.
type Anatomy struct {
	Path string // of the page, with what it was asked
	// Parts are the kinds of nodes that there are, in order: the path of an element,
	// "html>body>main>p", and the same with each of its attributes, "…>p@class". What
	// an id and a name are is a part as well, since scripts look elements up by them;
	// numbers in it count as 0.
	Parts []string
	// Away is what leads, loads or sends elsewhere than to the page's own server, or
	// would run: an attribute with its value.
	Away []string
	// Asked are the addresses that the page has asked for, beside its own.
	Asked []string
	// Globals are the names that a script can have set on the window.
	Globals []string
	Cookies string // that a script can read
	Title   string
	Text    string // of all elements, shown or not
}

// anatomy is the expression that takes a page apart. An element of the page may
// have the name of what is asked here, and would be found in its place: so the
// methods are those of the prototypes.
const anatomy = `(() => {
	const got = (o, of, name) => Object.getOwnPropertyDescriptor(of.prototype, name).get.call(o);
	const spaces = { "http://www.w3.org/1999/xhtml": "", "http://www.w3.org/2000/svg": "svg:", "http://www.w3.org/1998/Math/MathML": "math:" };
	const leads = ["href", "xlink:href", "src", "srcset", "action", "formaction", "data", "poster", "ping", "background", "cite", "manifest"];
	const parts = new Set(), paths = new Map(), away = [];
	const walker = Document.prototype.createTreeWalker.call(document, document, NodeFilter.SHOW_ALL);
	for (let n = walker.nextNode(); n; n = walker.nextNode()) {
		const above = paths.get(got(n, Node, "parentNode")) ?? "";
		if (!(n instanceof Element)) {
			if (got(n, Node, "nodeType") !== Node.TEXT_NODE) parts.add(above + "#" + got(n, Node, "nodeName"));
			continue;
		}
		const space = got(n, Element, "namespaceURI");
		const path = above + (above && ">") + (spaces[space] ?? space) + got(n, Element, "localName");
		paths.set(n, path);
		parts.add(path);
		for (const a of got(n, Element, "attributes")) {
			parts.add(path + "@" + a.name + (a.name === "id" || a.name === "name" ? "=" + a.value.replace(/[0-9]+/g, "0") : ""));
			if (!leads.includes(a.name)) continue;
			let to;
			try { to = new URL(a.value, location.href); } catch { }
			if (to?.origin !== location.origin) away.push(path + "@" + a.name + "=" + a.value);
		}
	}
	return { Path: location.pathname + location.search, Parts: [...parts].sort(), Away: away, Asked: performance.getEntriesByType("resource").map((e) => e.name), Globals: Object.keys(window),
		Cookies: got(document, Document, "cookie"), Title: got(document, Document, "title"), Text: got(document.documentElement, Node, "textContent") };
})()`

// Anatomy takes the page apart as it is now.
func (tab *Tab) Anatomy(t testing.TB) Anatomy {
	t.Helper()
	return tab.Anatomies(t, "null")[0]
}

// Anatomies takes the page apart after each of the steps: expressions of JavaScript
// that are waited for and lead to no other page.
func (tab *Tab) Anatomies(t testing.TB, steps ...string) []Anatomy {
	t.Helper()
	var all strings.Builder
	for _, step := range steps {
		fmt.Fprintf(&all, "await (%s); all.push(anatomy());", step)
	}
	return Ask[[]Anatomy](t, tab, "(async () => { const anatomy = () => "+anatomy+", all = []; "+all.String()+" return all; })()")
}
