package lab_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil/lab"
	"github.com/portvigil/portvigil/lab/hostile"
)

// TestAVigilSeesWhatBreaksOut has pages show the texts as they came, under no policy:
// what the pages of the product are never found to do is found then.
func TestAVigilSeesWhatBreaksOut(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	b, host := l.Browser(t), l.Host("server")
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		texts := harmless(10)
		if kind := r.URL.Query().Get("kind"); kind != "" {
			texts = hostile.Texts(hostile.Kind(kind))
		}
		// One that leads to another page at once would leave nothing to look at.
		texts = slices.DeleteFunc(texts, func(text string) bool { return strings.Contains(text, "http-equiv=refresh") })
		if r.URL.Path != "/texts" {
			texts = nil // what a text asks for is there, and empty
		}
		_, _ = io.WriteString(w, "<!doctype html><html lang=en><head><title>Texts · PortVigil</title></head><body><main>")
		for _, text := range texts {
			_, _ = fmt.Fprintf(w, "<p title=\"%[1]s\">%[1]s</p><p title='%[1]s'>%[1]s</p><textarea>%[1]s</textarea>\n", text)
		}
	})}
	listener := host.ListenTCP(t, "127.0.0.1:7979")
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	lab.Forward(t, b.Host, host, 7979)

	v := newVigil(&ways{site: &site{story: &story{t: t}, browser: b, base: "http://127.0.0.1:7979"}})
	v.tab = b.Tab(t)
	for _, kind := range []lab.TroubleKind{lab.TroubleConsole, lab.TroubleException, lab.TroubleDialog, lab.TroubleElsewhere} {
		v.tab.Forgive(kind, "")
	}
	v.learning = true
	v.tab.Open(t, v.base+"/texts")
	v.see()
	v.learning = false
	for kind, finds := range map[hostile.Kind][]string{
		hostile.Element:   {"there is ", "something ran: "},
		hostile.Foreign:   {"there is html>body>main", ">svg:svg", "something ran: "},
		hostile.Attribute: {"@onmouseover", "@style", "it leads away: ", "something ran: "},
		hostile.Ending:    {">img@onerror", "#comment", "something ran: "},
		hostile.Loading:   {"it leads away: ", "it asked for ", "canary.invalid"},
		hostile.Clobber:   {"@name=location", "@id=cookie"},
		hostile.Address:   {"it leads away: ", "javascript:"},
	} {
		v.wrong = map[string][]string{}
		v.tab.Open(t, v.base+"/texts?kind="+string(kind))
		v.see()
		var all strings.Builder
		for what := range v.wrong {
			all.WriteString(what + "\n")
		}
		for _, find := range finds {
			if !strings.Contains(all.String(), find) {
				t.Errorf("of the texts that want to be %s, %q is not found, but\n%.2000s", kind, find, all.String())
			}
		}
	}
}
