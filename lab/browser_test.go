package lab_test

import (
	"context"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil/lab"
)

// trialPages are what the browser is tried on: each has what it has to notice.
var trialPages = map[string]string{
	"/": `<!doctype html><html lang="en"><head><title>Trial</title></head><body><main><h1>Trial</h1>
		<p><a href="/next">Next</a> <a href="/over">Hidden below</a></p>
		<form method="get" action="/next"><label>Word <input name="word"></label> <button>Send</button></form>
		<p id="script">without script</p><script src="/script.js"></script></main></body></html>`,
	"/favicon.ico": "", // browsers ask for it
	"/script.js":   `document.getElementById('script').textContent = 'with script'`,
	"/next":        `<!doctype html><html lang="en"><head><title>Next</title></head><body><main><h1>Next</h1></main></body></html>`,
	"/over": `<!doctype html><html lang="en"><head><title>Over</title><link rel="stylesheet" href="/over.css"></head><body><main><h1>Over</h1>
		<a href="/next">Below</a><div id="lid"></div></main></body></html>`,
	"/over.css": `#lid { position: fixed; inset: 0; background: white } a:focus { outline: none }`,
	"/bad": `<!doctype html><html><head><title></title></head><body><p class="pale">Hardly to be read</p><input>
		<link rel="stylesheet" href="/bad.css"><div class="wide"><span>much too wide</span></div><div class="box"><div class="wide">scrolls by itself</div></div></body></html>`,
	"/bad.css": `.pale { color: #ccc; background: #fff } .wide { width: 2000px } .box { overflow-x: auto } @media (prefers-color-scheme: dark) { .pale { color: #000 } }`,
	"/lost": `<!doctype html><html lang="en"><head><title>Lost</title><link rel="stylesheet" href="/lost.css"></head><body><main><h1>Lost</h1>
		<details><summary>Folded</summary><p class="pale">Hardly to be read</p></details><a class="bare" href="/next">Bare</a> <a class="faint" href="/next">Faint</a> <a class="below" href="/next">Below</a>
		<label>Trap <input id="trap"></label> <a href="/next">Never</a><svg width="200" height="40"><rect width="200" height="40"/><text y="20">Dim</text></svg></main><div id="lid"></div><script src="/lost.js"></script></body></html>`,
	"/lost.css": `body { color: #000; background: #fff } .pale { color: #ccc } .bare:focus { outline: none } .faint:focus { outline: 2px solid #ddd } .below { position: absolute; top: 300px }
		#lid { position: fixed; inset: 290px 0 auto; height: 90px; background: #eee } rect { fill: #333 } text { fill: #555 }`,
	"/lost.js":   `document.getElementById('trap').onkeydown = (e) => e.key === 'Tab' && e.preventDefault()`,
	"/inline":    `<!doctype html><html lang="en"><head><title>Inline</title></head><body><script>alert(1)</script></body></html>`,
	"/dialog":    `<!doctype html><html lang="en"><head><title>Dialog</title></head><body><script src="/dialog.js"></script></body></html>`,
	"/dialog.js": `alert('hello')`,
	"/throws":    `<!doctype html><html lang="en"><head><title>Throws</title></head><body><script src="/throws.js"></script></body></html>`,
	"/throws.js": `console.error('said', 7); throw new Error('thrown')`,
	"/elsewhere": `<!doctype html><html lang="en"><head><title>Elsewhere</title></head><body><img alt="" src="http://192.0.2.1/x.png"></body></html>`,
	"/stream":    `<!doctype html><html lang="en"><head><title>Stream</title></head><body><p id="s"></p><script src="/stream.js"></script></body></html>`,
	"/stream.js": `new EventSource('/events').onmessage = e => { document.getElementById('s').textContent = e.data }`,
}

// trial serves the trial pages under a policy like ours, and returns a browser
// that reaches them, and where.
func trial(t *testing.T) (*lab.Browser, string) {
	t.Helper()
	l := lab.New(t)
	b, host := l.Browser(t), l.Host("server")
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src *")
		text, known := trialPages[r.URL.Path]
		switch {
		case r.URL.Path == "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: came\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case !known:
			http.NotFound(w, r)
		case strings.HasSuffix(r.URL.Path, ".js"):
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = io.WriteString(w, text)
		case strings.HasSuffix(r.URL.Path, ".css"):
			w.Header().Set("Content-Type", "text/css")
			_, _ = io.WriteString(w, text)
		default:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, text)
		}
	})}
	listener := host.ListenTCP(t, "127.0.0.1:8000")
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	lab.Forward(t, b.Host, host, 8000)
	return b, "http://127.0.0.1:8000"
}

// TestABrowserNoticesWhatIsWrong: what later tests rely on never to happen is
// made to happen, and told.
func TestABrowserNoticesWhatIsWrong(t *testing.T) {
	t.Parallel()
	lab.RequireAxe(t)
	b, base := trial(t)
	tab := b.Tab(t)
	kinds := func(path string) []string {
		t.Helper()
		tab.Open(t, base+path)
		tab.Weight(t)
		var list []string
		for _, trouble := range tab.Trouble() {
			list = append(list, fmt.Sprintf("%s %s", trouble.Kind, trouble.Page))
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	for _, c := range []struct {
		name, path string
		want       []string
	}{
		{"nothing on a page that is well", "/next", nil},
		{"a script in the page, which the policy stops", "/inline", []string{"policy /inline"}},
		{"a dialog, which does not stop the test", "/dialog", []string{"dialog /dialog"}},
		{"what a script throws and logs", "/throws", []string{"console /throws", "exception /throws"}},
		{"a page that is not there", "/missing", []string{"console /missing"}},
		{"an image from elsewhere, which does not come", "/elsewhere", []string{"console /elsewhere", "elsewhere /elsewhere"}},
	} {
		if diff := cmp.Diff(c.want, kinds(c.path)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
	}
	tab.Forgive(lab.TroubleConsole, "404")
	if got := kinds("/missing"); got != nil {
		t.Errorf("what is forgiven is told: %v", got)
	}
	if status := tab.Open(t, base+"/missing"); status != http.StatusNotFound {
		t.Errorf("the missing page has status %d", status)
	}

	tab.Open(t, base+"/bad")
	found := strings.Join(tab.Axe(t), "\n")
	for _, rule := range []string{"color-contrast: p", "document-title: html", "html-has-lang: html", "label: input"} {
		if !strings.Contains(found, rule) {
			t.Errorf("axe does not tell %s, but\n%s", rule, found)
		}
	}
	tab.Scheme(t, lab.Dark)
	if found := tab.AxeRules(t, "color-contrast"); len(found) > 0 {
		t.Errorf("what can be read in the dark is told:\n%v", found)
	}
	if got := tab.Sideways(t); len(got) != 2 || !strings.HasPrefix(got[0], "2008 pixels wide in 1440") || !strings.Contains(got[1], "much too wide") {
		t.Errorf("what is too wide is told as %q", got)
	}
	tab.Viewport(t, 2400, 900, 1)
	if got := tab.Sideways(t); len(got) != 0 {
		t.Errorf("on a wide screen, too wide is %q", got)
	}
}

// TestABrowserIsUsedAsPeopleDo: mouse, keyboard, no script, and what it costs.
func TestABrowserIsUsedAsPeopleDo(t *testing.T) {
	t.Parallel()
	b, base := trial(t)
	tab := b.Tab(t)
	tab.Open(t, base+"/")
	tab.Wait(t, "the script", "document.getElementById('script').textContent === 'with script'")
	if status := tab.Loads(t, func() { tab.Click(t, "link", "Next") }); status != 200 || tab.Path(t) != "/next" {
		t.Errorf("the link led to %s (%d)", tab.Path(t), status)
	}
	tab.Open(t, base+"/")
	tab.ClickOn(t, "input")
	tab.Type(t, "grün & 1")
	tab.Loads(t, func() { tab.Press(t, lab.KeyEnter) })
	if got := tab.Path(t); got != "/next?word=gr%C3%BCn+%26+1" {
		t.Errorf("the form led to %s", got)
	}

	tab.Open(t, base+"/")
	var names []string
	for _, s := range tab.Stops(t) {
		names = append(names, fmt.Sprintf("%s %s %v", s.Role, s.Name, s.Shown))
	}
	if diff := cmp.Diff([]string{"link Next true", "link Hidden below true", "textbox Word true", "button Send true"}, names); diff != "" {
		t.Errorf("by the Tab key one comes to (-want +got)\n%s", diff)
	}
	tab.TabTo(t, "link", "Hidden below")
	tab.Loads(t, func() { tab.Press(t, lab.KeyEnter) })
	if stops := tab.Stops(t); len(stops) != 1 || stops[0].Shown {
		t.Errorf("a focus that is not to be seen is told as %+v", stops)
	}
	if tab.Has(t, "link", "Next") || !tab.Has(t, "link", "Below") {
		t.Error("what is on the page is not known")
	}

	tab.Open(t, base+"/next")
	if got := tab.Weight(t); got < len(trialPages["/next"]) || got > len(trialPages["/next"])+1000 {
		t.Errorf("a page of %d bytes weighs %d", len(trialPages["/next"]), got)
	}
	least := len(trialPages["/"]) + len(trialPages["/script.js"])
	tab.Open(t, base+"/")
	if got := tab.Weight(t); got < least || got > least+1500 {
		t.Errorf("a page of %d bytes with its script weighs %d", least, got)
	}
	tab.Open(t, base+"/stream")
	tab.Wait(t, "what the stream brings", "document.getElementById('s').textContent === 'came'")
	if got := tab.Weight(t); got < len(trialPages["/stream"]) {
		t.Errorf("a page with a stream weighs %d", got)
	}

	other := b.Tab(t)
	other.WithoutScript(t)
	other.Open(t, base+"/")
	if text := other.Text(t); !strings.Contains(text, "without script") {
		t.Errorf("without script, the page says %q", text)
	}
	for name, want := range map[string]string{"next": "Next", "other": "Trial"} {
		file := filepath.Join(t.TempDir(), "pictures", name+".png")
		shot := other
		if name == "next" {
			shot = tab.Another(t)
			shot.Open(t, base+"/next")
			shot.Viewport(t, 390, 844, 2)
		}
		shot.Screenshot(t, file)
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.DecodeConfig(f)
		_ = f.Close()
		if width := map[string]int{"next": 780, "other": 1440}[name]; err != nil || picture.Width != width || picture.Height < 100 {
			t.Errorf("the picture of %s is %d by %d (%v), want %d wide", want, picture.Width, picture.Height, err, width)
		}
	}
}

// TestFlawsAreFound: what somebody without a mouse, or without good eyes, is stopped
// by is told, wherever it shows.
func TestFlawsAreFound(t *testing.T) {
	t.Parallel()
	lab.RequireAxe(t)
	b, base := trial(t)
	tab := b.Tab(t)
	tab.Open(t, base+"/lost")
	found := func(first bool) map[string][]string {
		t.Helper()
		list := map[string][]string{}
		for _, f := range tab.Flaws(t, first) {
			what, _, _ := strings.Cut(f.What, ": Fix")
			list[what] = append(list[what], f.When)
		}
		return list
	}
	everywhere := []string{"1440, light", "1440, dark", "390, light", "390, dark", "200-percent, light", "200-percent, dark"}
	const dim = "color-contrast: text: rgb(85, 85, 85) on rgb(51, 51, 51) is 1.69:1, want 4.5:1"
	want := map[string][]string{
		"color-contrast: p": everywhere,
		dim:                 everywhere,
		`one does not see that link "Bare" has the focus`:   {"1440, light", "390, dark"},
		`one does not see that link "Faint" has the focus`:  {"1440, light", "390, dark"},
		`link "Below" is covered when it has the focus`:     {"1440, light", "390, dark"},
		"the focus does not come round":                     {"1440, light"},
		"the Tab key never comes to link Never":             {"1440, light"},
		"it is not in the colours that the reader asks for": {"1440, dark", "390, dark", "200-percent, dark"},
	}
	if diff := cmp.Diff(want, found(true)); diff != "" {
		t.Errorf("the first page of a template (-want +got)\n%s", diff)
	}
	want = map[string][]string{
		"color-contrast: p": {"1440, light", "390, dark"},
		dim:                 {"1440, light", "390, dark"},
		`one does not see that link "Bare" has the focus`:   {"1440, light"},
		`one does not see that link "Faint" has the focus`:  {"1440, light"},
		`link "Below" is covered when it has the focus`:     {"1440, light"},
		"it is not in the colours that the reader asks for": {"390, dark"},
	}
	if diff := cmp.Diff(want, found(false)); diff != "" {
		t.Errorf("a further page (-want +got)\n%s", diff)
	}
}

// TestAxeIsInstalledOnce: make test asks for it every time.
func TestAxeIsInstalledOnce(t *testing.T) {
	t.Parallel()
	lab.RequireAxe(t)
	if did, err := lab.InstallAxe(context.Background()); did || err != nil {
		t.Errorf("axe-core is there, and installed again: %v, %v", did, err)
	}
}
