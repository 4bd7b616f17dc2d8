package lab

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Keys for Press.
const (
	KeyTab    = kb.Tab
	KeyEnter  = kb.Enter
	KeyEscape = kb.Escape
	KeySpace  = " "
	KeyUp     = kb.ArrowUp
	KeyDown   = kb.ArrowDown
)

// Press presses keys, one after the other, on whatever has the focus.
func (tab *Tab) Press(t testing.TB, keys ...string) {
	t.Helper()
	for _, k := range keys {
		for _, r := range k {
			for _, e := range stroke(r) {
				call(t, tab, input.DispatchKeyEvent, e)
			}
		}
	}
}

// stroke is a key that goes down and up. The character comes with its going down,
// as on a keyboard: a page that takes the key for itself gets no character.
func stroke(r rune) (list []input.DispatchKeyEventParams) {
	for _, e := range kb.Encode(r) {
		if e.Type == kb.KeyChar && len(list) > 0 {
			list[0].Text, list[0].UnmodifiedText = e.Text, e.UnmodifiedText
			continue
		}
		list = append(list, *e)
	}
	return list
}

// Type types a text on the keyboard, into whatever has the focus.
func (tab *Tab) Type(t testing.TB, text string) {
	t.Helper()
	tab.Press(t, text)
}

// Click clicks with the mouse on what a person would call by that name: role and
// name are those that assistive technology is told, such as link and "web1". It
// waits for it to be there, and fails the test where there are two, or where
// something lies over it.
func (tab *Tab) Click(t testing.TB, role, name string) {
	t.Helper()
	tab.click(t, fmt.Sprintf("%s %q", role, name), tab.find(t, role, name))
}

// ClickOn clicks on the one element that a CSS selector matches.
func (tab *Tab) ClickOn(t testing.TB, selector string) {
	t.Helper()
	tab.click(t, selector, tab.selected(t, selector))
}

// Has reports whether something with that role and name is on the page now.
func (tab *Tab) Has(t testing.TB, role, name string) bool {
	t.Helper()
	return len(tab.named(t, role, name)) > 0
}

func (tab *Tab) find(t testing.TB, role, name string) nodeID {
	t.Helper()
	for deadline := time.Now().Add(patience); ; pause() {
		switch found := tab.named(t, role, name); {
		case len(found) == 1:
			return found[0]
		case len(found) > 1:
			t.Fatalf("%d times %s %q on %s, want one", len(found), role, name, tab.Path(t))
		case time.Now().After(deadline):
			t.Fatalf("no %s %q on %s within %v; the page says:\n%s", role, name, tab.Path(t), patience, tab.Text(t))
		}
	}
}

// named lists what assistive technology is told of by that role and name.
func (tab *Tab) named(t testing.TB, role, name string) []nodeID {
	t.Helper()
	depth := int64(0)
	document := call(t, tab, dom.GetDocument, dom.GetDocumentParams{Depth: &depth}).Root.BackendNodeID
	found := run(t, tab, "find "+name, func(ctx context.Context, target *chromedp.Target) (accessibility.QueryAXTreeResult, error) {
		r, err := cdp.Call(ctx, target, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{BackendNodeID: document, Role: role, AccessibleName: name})
		if err != nil && strings.Contains(err.Error(), "node") {
			return accessibility.QueryAXTreeResult{}, nil // the page became another one in between
		}
		return r, err
	})
	var list []nodeID
	for _, n := range found.Nodes {
		if !n.Ignored && n.BackendDOMNodeID != 0 {
			list = append(list, n.BackendDOMNodeID)
		}
	}
	return list
}

func (tab *Tab) selected(t testing.TB, selector string) nodeID {
	t.Helper()
	tab.Wait(t, "one "+selector, fmt.Sprintf("document.querySelectorAll(%q).length === 1", selector))
	return tab.object(t, fmt.Sprintf("document.querySelector(%q)", selector))
}

// object is the element that an expression gives; 0 for none.
func (tab *Tab) object(t testing.TB, expression string) nodeID {
	t.Helper()
	o := run(t, tab, expression, chromedp.Evaluate[*runtime.RemoteObject](expression))
	if o.ObjectID == "" {
		return 0
	}
	return call(t, tab, dom.DescribeNode, dom.DescribeNodeParams{ObjectID: o.ObjectID}).Node.BackendNodeID
}

// on calls a JavaScript function with the element as this.
func on[R any](t testing.TB, tab *Tab, node nodeID, function string, args ...any) R {
	t.Helper()
	o := call(t, tab, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: node}).Object
	return run(t, tab, beginning(function), chromedp.CallFunctionOn[R](function,
		func(p *runtime.CallFunctionOnParams) { p.ObjectID = o.ObjectID }, args...))
}

func (tab *Tab) click(t testing.TB, what string, node nodeID) {
	t.Helper()
	// What stands in the document has no place on the page before that is laid out.
	for deadline := time.Now().Add(patience); !on[bool](t, tab, node, "function() { return this.getClientRects().length > 0; }"); pause() {
		if time.Now().After(deadline) {
			t.Fatalf("%s cannot be clicked on %s: it is not shown; the page says:\n%s", what, tab.Path(t), tab.Text(t))
		}
	}
	call(t, tab, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: node})
	quads := call(t, tab, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: node}).Quads
	if len(quads) == 0 {
		t.Fatalf("%s cannot be clicked: it is not shown", what)
	}
	q := quads[0] // of a link over several lines, the first
	x, y := (q[0]+q[2]+q[4]+q[6])/4, (q[1]+q[3]+q[5]+q[7])/4
	const hit = `function(x, y) {
		const e = document.elementFromPoint(x, y);
		return !e ? 'nothing' : this === e || this.contains(e) ? '' : e.outerHTML.slice(0, 200);
	}`
	if over := on[string](t, tab, node, hit, x, y); over != "" {
		t.Fatalf("%s cannot be clicked: over it is %s", what, over)
	}
	run(t, tab, "click "+what, chromedp.MouseClickXY(x, y))
}

// Stop is where the focus rests on its way through a page.
type Stop struct {
	Role, Name string
	Shown      bool // one sees that it is there: by an outline or a shadow

	node nodeID
}

// Focus is what has the focus, nil for nothing. What a page replaces just then is
// looked for again.
func (tab *Tab) Focus(t testing.TB) *Stop {
	t.Helper()
	for deadline := time.Now().Add(patience); ; pause() {
		node := tab.object(t, "document.activeElement === document.body ? null : document.activeElement")
		if node == 0 {
			return nil
		}
		s := tab.stop(t, node)
		if s.Role != "" || time.Now().After(deadline) {
			return s
		}
	}
}

// stop is what assistive technology is told of an element: without a role for one
// that is no longer on the page.
func (tab *Tab) stop(t testing.TB, node nodeID) *Stop {
	t.Helper()
	alone := false
	tree := call(t, tab, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{BackendNodeID: node, FetchRelatives: &alone})
	s := &Stop{node: node}
	for _, n := range tree.Nodes {
		if n.BackendDOMNodeID == node && n.Role != nil && n.Name != nil {
			s.Role, s.Name = textOf(n.Role.Value), textOf(n.Name.Value)
		}
	}
	s.Shown = on[bool](t, tab, node, `function() {
		const c = getComputedStyle(this);
		return c.outlineStyle !== 'none' && parseFloat(c.outlineWidth) > 0 || c.boxShadow !== 'none';
	}`)
	return s
}

// maxStops is more than any page of ours has.
const maxStops = 1000

// Stops goes once through the page by the Tab key, from its top, and returns where
// the focus rested. It fails the test where the focus never comes round.
func (tab *Tab) Stops(t testing.TB) []Stop {
	t.Helper()
	// Where a field had the focus from the beginning, the Tab key would go on from there.
	const fromTheTop = `function() { this.tabIndex = -1; this.focus(); this.blur(); this.removeAttribute("tabindex"); scrollTo(0, 0); return true; }`
	on[bool](t, tab, tab.object(t, "document.body"), fromTheTop)
	var list []Stop
	for range maxStops {
		tab.Press(t, KeyTab)
		s := tab.Focus(t)
		if s == nil || len(list) > 0 && s.node == list[0].node {
			return list
		}
		list = append(list, *s)
	}
	t.Fatalf("the focus does not come round on %s", tab.Path(t))
	return nil
}

// TabTo presses the Tab key until the focus is on what has that role and name.
func (tab *Tab) TabTo(t testing.TB, role, name string) {
	t.Helper()
	var first nodeID
	for range maxStops {
		tab.Press(t, KeyTab)
		s := tab.Focus(t)
		switch {
		case s == nil:
			continue
		case s.Role == role && s.Name == name:
			return
		case s.node == first:
			t.Fatalf("the Tab key never comes to %s %q on %s", role, name, tab.Path(t))
		case first == 0:
			first = s.node
		}
	}
	t.Fatalf("the Tab key never comes to %s %q on %s", role, name, tab.Path(t))
}
