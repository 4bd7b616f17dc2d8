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

//go:embed pages/*.html pages/style.css pages/app.js pages/mark.svg
var files embed.FS

// Surroundings are what the pages need beside the engine.
type Surroundings struct {
	MetricsToken string // opens /metrics
	// Operator is the login name of who started the server, which is suggested to the
	// first user; "" where that is not known, or no person.
	Operator string
	Measure  func(context.Context) (Metrics, error)
	About    func(context.Context) (About, error)
	// MakeChannel checks a new channel; made is a secret that is to be shown once. An
	// error that has Field() string is about that field of the draft.
	MakeChannel func(ChannelDraft) (c NewChannel, made string, err error)
}

// Pages serves what people look at and decide on, and /metrics to who brings
// its token.
func Pages(e Engine, d *Doorkeeper, s Surroundings, log *slog.Logger) http.Handler {
	p := &pages{engine: e, doorkeeper: d, log: log, now: d.now, around: s, mux: http.NewServeMux(),
		metrics: metricsHandler(s.Measure, s.MetricsToken, d, log),
		views:   template.Must(template.New("").Funcs(words).ParseFS(files, "pages/*.html"))}
	for pattern, route := range p.routes() {
		p.mux.HandleFunc(pattern, p.shows(route))
	}
	return guard(d, p.mux)
}

type pages struct {
	engine     Engine
	doorkeeper *Doorkeeper
	around     Surroundings
	views      *template.Template
	log        *slog.Logger
	now        func() time.Time
	metrics    http.HandlerFunc
	mux        *http.ServeMux
}

// page is what a handler says of its page.
type page struct {
	Title string
	Body  any
}

// framed is a page with what stands around it.
type framed struct {
	page
	Now     time.Time
	User    string // who is signed in; "" for who came by a link, and for strangers
	Known   bool   // whether somebody is signed in at all
	Section string // the first word of the path, "" for the overview
	Notice  string // what was done just before
	Written uint64 // how much had been written when the page was begun
}

// enter takes the token of a link and begins a session. A HEAD request takes
// nothing: programs that check the links of a mail send those.
func (p *pages) enter(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || !p.doorkeeper.take(r.URL.Query().Get("token")) {
		p.refuse(w, r, "This link has been used, or is too old.")
		return
	}
	p.doorkeeper.open(w, r, portvigil.User{})
	next := "/"
	if p.beginning(r.Context()) {
		next = startPath
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (p *pages) signedIn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, known := p.doorkeeper.knows(r)
		if !known {
			p.refuse(w, r, "Sign in")
			return
		}
		next(w, r.WithContext(context.WithValue(r.Context(), memberKey{}, member{user, p.engine.Written()})))
	}
}

type memberKey struct{}

// member is who asks for a page, and how much had been written when they did.
type member struct {
	user    portvigil.User
	written uint64
}

func memberOf(r *http.Request) (m member, known bool) {
	m, known = r.Context().Value(memberKey{}).(member)
	return m, known
}

// userOf is the name of the user whose session a page is shown in.
func userOf(r *http.Request) string { return sessionUser(r).Name }

// sessionUser is that user as of the sign-in; without a name for who came by a link.
func sessionUser(r *http.Request) portvigil.User {
	m, _ := memberOf(r)
	return m.user
}

// actor is the name that goes into the records of what somebody does on a page.
// Who came by a link can run commands on the server's machine, and has no other.
func actor(r *http.Request) string {
	if name := userOf(r); name != "" {
		return name
	}
	return "somebody with a link"
}

// refuse shows the form to sign in, which leads back to what was asked for, and
// takes along a form that was sent too late.
func (p *pages) refuse(w http.ResponseWriter, r *http.Request, why string) {
	body := signInPage{Why: why, Next: local(r.URL.RequestURI())}
	if isForm(r) {
		body.Next, body.Kept = local(p.pageOf(r.URL.RequestURI())), p.unsentOf(w, r)
		body.Lost = body.Kept == nil
	}
	p.show(w, r, http.StatusUnauthorized, "signin.html", page{"Sign in", body})
}

// show renders into memory first: a page that fails half-way is none.
func (p *pages) show(w http.ResponseWriter, r *http.Request, status int, name string, data page) {
	m, known := memberOf(r)
	whole := framed{page: data, Now: p.now(), User: m.user.Name, Known: known, Section: sectionOf(r.URL.Path), Written: m.written}
	if known {
		whole.Notice = p.doorkeeper.said(r)
	}
	var b strings.Builder
	if err := p.views.ExecuteTemplate(&b, name, whole); err != nil {
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
	p.show(w, r, statusOf(body.Code), "error.html", page{title, body})
}
