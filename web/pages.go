package web

import (
	"context"
	"embed"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

//go:embed pages/*.html pages/style.css
var files embed.FS

// Pages serves what people look at: the overview, one host, one alert; and
// /metrics. Nothing of it changes anything.
func Pages(e Engine, d *Doorkeeper, metricsToken string, measure func(context.Context) (Metrics, error), log *slog.Logger) http.Handler {
	p := &pages{engine: e, log: log, now: time.Now,
		views: template.Must(template.New("").Funcs(words).ParseFS(files, "pages/*.html"))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /enter", d.enter)
	mux.HandleFunc("GET /style.css", p.style)
	mux.HandleFunc("GET /{$}", p.signedIn(d, p.overview))
	mux.HandleFunc("GET /hosts/{name}", p.signedIn(d, p.host))
	mux.HandleFunc("GET /alerts/{id}", p.signedIn(d, p.alert))
	mux.HandleFunc("GET /metrics", metricsHandler(measure, metricsToken, d, log))
	mux.HandleFunc("/", p.signedIn(d, func(w http.ResponseWriter, r *http.Request) {
		p.fail(w, r, portvigil.Errorf(portvigil.CodeNotFound, "there is no page at %s", portvigil.Printable(r.URL.Path)))
	}))
	return guard(d, mux)
}

type pages struct {
	engine Engine
	views  *template.Template
	log    *slog.Logger
	now    func() time.Time
}

// policy runs no script and loads nothing from elsewhere.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard sets what every answer carries, and refuses requests that were led
// here under another name (DNS rebinding).
func guard(d *Doorkeeper, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if loopback(d.Address()) && !loopback(r.Host) {
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopback reports whether the host part names this machine itself.
func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte(why + "\nFor a new link, on the machine that runs the server: portvigil serve --link\n"))
}

func (p *pages) signedIn(d *Doorkeeper, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !d.knows(r) {
			refuse(w, "Nothing is shown here without a link.")
			return
		}
		next(w, r)
	}
}

func (p *pages) style(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, "pages/style.css")
}

// show renders into memory first: a page that fails half-way is none.
func (p *pages) show(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var b strings.Builder
	if err := p.views.ExecuteTemplate(&b, name, data); err != nil {
		p.log.Error("page not rendered", "page", name, "err", err)
		http.Error(w, "The page could not be made; see the server's log.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if _, err := w.Write([]byte(b.String())); err != nil {
		p.log.Debug("page not written", "path", r.URL.Path, "err", err)
	}
}

func (p *pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	body := Describe(err)
	if body.Code == portvigil.CodeInternal {
		p.log.Error("page failed", "path", r.URL.Path, "err", err)
	}
	p.show(w, r, statusOf(body.Code), "error.html", page{Title: "Not found", Now: p.now(), Body: body})
}

// page is what every page is made of.
type page struct {
	Title string
	Now   time.Time
	Body  any
}

// overview is what / shows.
type overview struct {
	Hosts    []portvigil.HostStatus
	Alerts   []portvigil.Alert
	Channels int
}

func (p *pages) overview(w http.ResponseWriter, r *http.Request) {
	var o overview
	var err error
	if o.Hosts, err = p.engine.Hosts(r.Context()); err != nil {
		p.fail(w, r, err)
		return
	}
	if o.Alerts, err = p.engine.Alerts(r.Context(), true); err != nil {
		p.fail(w, r, err)
		return
	}
	slices.SortStableFunc(o.Alerts, func(a, b portvigil.Alert) int { return b.Severity.Rank() - a.Severity.Rank() })
	channels, err := p.engine.Channels(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	o.Channels = len(channels)
	p.show(w, r, http.StatusOK, "overview.html", page{"Overview", p.now(), o})
}

func (p *pages) host(w http.ResponseWriter, r *http.Request) {
	s, err := p.engine.Host(r.Context(), r.PathValue("name"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "host.html", page{s.Host.Name, p.now(), s})
}

func (p *pages) alert(w http.ResponseWriter, r *http.Request) {
	a, story, err := p.engine.Alert(r.Context(), r.PathValue("id"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "alert.html", page{a.Text, p.now(), AlertStory{a, story}})
}
