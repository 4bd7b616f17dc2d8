package web

import (
	"html/template"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// apiDocsPage is the page's HTML, and what stands in it.
func apiDocsPage(t *testing.T) (string, *html.Node) {
	t.Helper()
	p := &pages{log: slog.New(slog.DiscardHandler), now: func() time.Time { return noon },
		views: template.Must(template.New("").Funcs(words).ParseFS(files, "pages/*.html"))}
	w := httptest.NewRecorder()
	p.apiDocs(w, httptest.NewRequest(http.MethodGet, "/docs/api", nil))
	text := w.Body.String()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("answered %d %s: %s", w.Code, w.Header().Get("Content-Type"), text)
	}
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return text, root
}

func TestAPIDocsShowEveryRouteAndType(t *testing.T) {
	t.Parallel()
	text, _ := apiDocsPage(t)
	for _, r := range (&api{}).routes() {
		if !strings.Contains(text, "<code>"+r.pattern+"</code>") || !strings.Contains(text, `id="`+r.id+`"`) {
			t.Errorf("%s is not on the page", r.pattern)
		}
	}
	for name := range readDocument().Components.Schemas {
		if !strings.Contains(text, `<h3 id="`+name+`">`) {
			t.Errorf("%s is not on the page", name)
		}
	}
}

func TestAPIDocsLoadNothingAndTheirLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	_, root := apiDocsPage(t)
	ids, links := map[string]bool{}, []string{}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				if ids[a.Val] {
					t.Errorf("two things have the id %s", a.Val)
				}
				ids[a.Val] = true
			case a.Key == "src" && !ours(a.Val), a.Key == "href" && n.Data == "link" && !ours(a.Val), a.Key == "style", strings.HasPrefix(a.Key, "on"):
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
				links = append(links, a.Val[1:])
			}
		}
		if n.Data == "script" && n.FirstChild != nil || n.Data == "iframe" || n.Data == "style" {
			t.Errorf("the page has <%s>", n.Data)
		}
	}
	for _, link := range links {
		if !ids[link] {
			t.Errorf("#%s leads nowhere", link)
		}
	}
	if len(links) < len(ids)/2 {
		t.Errorf("there are %d links for %d things", len(links), len(ids))
	}
}

// ours reports whether a file is the server's own.
func ours(path string) bool { return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") }
