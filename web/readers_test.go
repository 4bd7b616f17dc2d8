package web

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portvigil/portvigil/lab"
)

// TestEveryShapeOfAPageCanBeUsed has Chromium show every shape of every page, light
// and dark, wide, narrow and at 200 %: everybody can read it (WCAG 2.2 AA, as far as
// axe can tell) and use it by keyboard, and nothing has to be scrolled sideways. The
// first page of a template is looked at in all six ways; one that shows an element
// which none before it did, once on each screen; one that shows no other, not at all.
func TestEveryShapeOfAPageCanBeUsed(t *testing.T) {
	t.Parallel()
	lab.RequireAxe(t)
	l := lab.New(t)
	browser, host, shown := l.Browser(t), l.Host("server"), &exhibition{}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: shown}
	listener := host.ListenTCP(t, "127.0.0.1:7979")
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	lab.Forward(t, browser.Host, host, 7979)

	b, tab, began := newBranches(t), browser.Tab(t), time.Now()
	tab.Forgive(lab.TroubleConsole, "the server responded with a status of 4") // of the page itself: there are refusals among them
	tab.Forgive(lab.TroubleConsole, "the server responded with a status of 5")
	var wrong lab.Complaints
	all, first, further := shapes(t), 0, 0
	for _, sh := range all {
		page, news := sh.page(t, b)
		switch {
		case sh.long && !news.template, !news.elements && !sh.one:
			continue
		case news.template:
			first++
		default:
			further++
		}
		tab.Open(t, base+shown.hang(page))
		wrong.Add(sh.name, tab.Flaws(t, news.template && !sh.long)...)
		for _, trouble := range tab.Trouble() {
			t.Errorf("%s: %s", sh.name, trouble)
		}
	}
	tab.Open(t, base+"/0") // what there is only for who has a keyboard
	tab.Press(t, "?")
	tab.Wait(t, "the list of keys", "document.getElementById('keys').open")
	wrong.Add("the list of keys", tab.Flaws(t, true)...)
	tab.Open(t, base+"/0")
	tab.Press(t, lab.KeyTab)
	if s := tab.Focus(t); s == nil || s.Name != "Skip to the content" || !s.Shown || s.Covered {
		t.Errorf("the Tab key comes first to %+v", s)
	}
	for _, line := range tab.AxeRules(t, "color-contrast") {
		wrong.Add("the link that skips", lab.Flaw{What: line})
	}
	wrong.Tell(t)
	t.Logf("of %d shapes the first %d of each template were looked at in every way, and %d that show more than those before on each screen, in %v",
		len(all), first, further, time.Since(began).Round(time.Second))
}

// exhibition serves pages that were made before, each at its number, and what they load.
type exhibition struct {
	mu    sync.Mutex
	pages []*httptest.ResponseRecorder // guarded by mu
}

// hang adds a page, and returns its path.
func (x *exhibition) hang(page *httptest.ResponseRecorder) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pages = append(x.pages, page)
	return "/" + strconv.Itoa(len(x.pages)-1)
}

func (x *exhibition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/events" { // nothing ever changes
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	}
	n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil {
		new(pages).file(w, r)
		return
	}
	x.mu.Lock()
	page := x.pages[n]
	x.mu.Unlock()
	maps.Copy(w.Header(), page.Header())
	w.WriteHeader(page.Code)
	_, _ = w.Write(page.Body.Bytes()) // who left it needs it no more
}
