package lab_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/portvigil/portvigil/lab"
)

// TestTheBrowserTellsWhatThePolicyStops does on a real page, under the policy that the
// real server sends, what the policy is there to stop, and hears of each: no other test
// in a browser may hear of any, and a tab that hears of one fails its test.
func TestTheBrowserTellsWhatThePolicyStops(t *testing.T) {
	t.Parallel()
	s := siteOf(&story{t: t})
	tab := s.signedIn()
	tab.Open(t, s.base+"/about")
	tab.Weight(t)
	if trouble := tab.Trouble(); len(trouble) > 0 {
		t.Fatalf("before anything was done, there is %v", trouble)
	}
	const elsewhere = "http://127.0.0.2:1/" // nobody answers there
	for _, breach := range []struct{ name, directive, does string }{
		{"a script in the page", "script-src-elem", `add("script", { textContent: "canary=1" })`},
		{"a script from elsewhere", "script-src-elem", `add("script", { src: "` + elsewhere + `" })`},
		{"a handler in an attribute", "script-src-attr", `{ const e = add("p", {}); e.setAttribute("onclick", "canary=1"); e.click(); }`},
		{"a link that runs", "script-src-elem", `add("a", { href: "javascript:canary=1" }).click()`},
		{"a text that is run", "script-src", `setTimeout(() => { try { (0, eval)("canary=1"); } catch { } })`},
		{"a style in the page", "style-src-elem", `add("style", { textContent: "p { color: red }" })`},
		{"a style in an attribute", "style-src-attr", `add("p", {}).setAttribute("style", "color: red")`},
		{"a style from elsewhere", "style-src-elem", `add("link", { rel: "stylesheet", href: "` + elsewhere + `" })`},
		{"an image from elsewhere", "img-src", `add("img", { src: "` + elsewhere + `" })`},
		{"an image in an address", "img-src", `add("img", { src: "data:image/gif;base64,R0lGODlhAQABAAAAACw=" })`},
		{"a font", "font-src", `new FontFace("x", "url(/x)").load().catch(() => {})`},
		{"a sound", "media-src", `add("audio", { src: "/x", preload: "auto" })`},
		{"a frame", "frame-src", `add("iframe", { src: "/about" })`},
		{"a frame with a text of its own", "script-src-elem", `add("iframe", { srcdoc: "<script>parent.canary=1</scr" + "ipt>" })`},
		{"an object", "object-src", `add("object", { data: "/x", type: "image/svg+xml" })`},
		{"a worker", "worker-src", `try { new Worker("` + "data:text/javascript,1" + `"); } catch { }`},
		{"something asked for elsewhere", "connect-src", `fetch("` + elsewhere + `").catch(() => {})`},
		{"another base", "base-uri", `document.head.append(Object.assign(document.createElement("base"), { href: "` + elsewhere + `" }))`},
		{"a form that is sent elsewhere", "form-action", `add("form", { action: "` + elsewhere + `" }).requestSubmit()`},
	} {
		tab.Open(t, s.base+"/about")
		ran := lab.Ask[bool](t, tab, fmt.Sprintf(`(async () => {
			const add = (name, with_) => { const e = Object.assign(document.createElement(name), with_); document.body.append(e); return e; };
			%s;
			await new Promise((go) => setTimeout(go, 50));
			return "canary" in window;
		})()`, breach.does))
		if ran {
			t.Errorf("%s: it ran", breach.name)
		}
		told := func() bool {
			return slices.ContainsFunc(tab.Trouble(), func(trouble lab.Trouble) bool {
				return trouble.Kind == lab.TroublePolicy && trouble.Page == "/about" && strings.HasPrefix(trouble.Text, breach.directive+",")
			})
		}
		if !told() {
			t.Errorf("%s: nobody told that the policy's %s stopped it", breach.name, breach.directive)
		}
	}
}

// heard is a test that keeps what is told of it, and ends when it is told to.
type heard struct {
	testing.TB
	errors []string
	ends   []func()
}

func (h *heard) Errorf(format string, args ...any) {
	h.errors = append(h.errors, fmt.Sprintf(format, args...))
}
func (h *heard) Cleanup(end func()) { h.ends = append(h.ends, end) }

// TestATabWhosePageBrokeThePolicyFailsItsTest: also where the test forgives, and the
// last thing that it does is what is stopped.
func TestATabWhosePageBrokeThePolicyFailsItsTest(t *testing.T) {
	t.Parallel()
	b, base := trial(t)
	h := &heard{TB: t}
	tab := b.Tab(h)
	tab.Forgive(lab.TroublePolicy, "")
	tab.Open(t, base+"/inline")
	for _, end := range slices.Backward(h.ends) {
		end()
	}
	if len(h.errors) != 1 || !strings.Contains(h.errors[0], "policy on /inline: script-src-elem") {
		t.Errorf("the test was told %q", h.errors)
	}
}
