package web

import (
	"context"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

//go:embed pages/*.html pages/style.css
var files embed.FS

// Pages serves what people look at: the overview, one host, one alert; and
// /metrics. Nothing of it changes anything. The style sheet alone is shown to
// everybody: it is part of the published source, and the page that refuses
// needs it.
func Pages(e Engine, d *Doorkeeper, metricsToken string, measure func(context.Context) (Metrics, error), log *slog.Logger) http.Handler {
	p := &pages{engine: e, doorkeeper: d, log: log, now: d.now,
		views: template.Must(template.New("").Funcs(words).ParseFS(files, "pages/*.html"))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /enter", p.enter(d))
	mux.HandleFunc("GET /sign-in", p.askWho)
	mux.HandleFunc("POST /sign-in", p.signIn)
	mux.HandleFunc("POST /sign-out", p.signOut)
	mux.HandleFunc("GET /welcome", p.signedIn(d, p.welcome))
	mux.HandleFunc("POST /welcome", p.signedIn(d, p.addFirst))
	mux.HandleFunc("GET /style.css", p.style)
	mux.HandleFunc("GET /{$}", p.signedIn(d, p.overview))
	mux.HandleFunc("GET /hosts/{name}", p.signedIn(d, p.host))
	mux.HandleFunc("GET /alerts/{id}", p.signedIn(d, p.alert))
	mux.HandleFunc("GET /metrics", metricsHandler(measure, metricsToken, d, log))
	mux.HandleFunc("/", p.signedIn(d, func(w http.ResponseWriter, r *http.Request) {
		p.fail(w, r, portvigil.Errorf(portvigil.CodeNotFound, "there is no page at %s", shown(r.URL.Path)))
	}))
	return guard(d, mux)
}

type pages struct {
	engine     Engine
	doorkeeper *Doorkeeper
	views      *template.Template
	log        *slog.Logger
	now        func() time.Time
}

// page is what every page is made of.
type page struct {
	Title string
	Now   time.Time
	Body  any
}

// framed is a page with what stands around it.
type framed struct {
	page
	User string // who is signed in; "" for who came by a link, and for strangers
}

// enter takes the token of a link and begins a session. A HEAD request takes
// nothing: programs that check the links of a mail send those.
func (p *pages) enter(d *Doorkeeper) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || !d.take(r.URL.Query().Get("token")) {
			p.refuse(w, r, "This link has been used, or is too old.")
			return
		}
		d.open(w, r, portvigil.User{})
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

func (p *pages) signedIn(d *Doorkeeper, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, known := d.knows(r)
		if !known {
			p.refuse(w, r, "Sign in")
			return
		}
		next(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user.Name)))
	}
}

type userKey struct{}

// userOf is the name of the user whose session a page is shown in.
func userOf(r *http.Request) string {
	name, _ := r.Context().Value(userKey{}).(string)
	return name
}

// refuse shows the form to sign in, which leads back to what was asked for.
func (p *pages) refuse(w http.ResponseWriter, r *http.Request, why string) {
	p.show(w, r, http.StatusUnauthorized, "signin.html", page{"Sign in", p.now(), signInPage{Why: why, Next: local(r.URL.RequestURI())}})
}

func (p *pages) style(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, "pages/style.css")
}

// show renders into memory first: a page that fails half-way is none.
func (p *pages) show(w http.ResponseWriter, r *http.Request, status int, name string, data page) {
	var b strings.Builder
	if err := p.views.ExecuteTemplate(&b, name, framed{data, userOf(r)}); err != nil {
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
	logInternal(p.log, r, body, err)
	title := "This did not work"
	if body.Code == portvigil.CodeNotFound {
		title = "Not found"
	}
	p.show(w, r, statusOf(body.Code), "error.html", page{title, p.now(), body})
}
