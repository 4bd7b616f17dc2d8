package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// How long a one-time link and a session last. A link that nobody used within a
// day lies forgotten in a log; a session is as long as a working day.
const (
	linkLife    = 24 * time.Hour
	sessionLife = 12 * time.Hour
	cookieName  = "portvigil_session"
)

// Doorkeeper lets in who brings a one-time link, and knows him again by a
// cookie. Links and sessions live in memory: a restart ends them all.
type Doorkeeper struct {
	// BehindProxy tells that a proxy in front chooses under which names the pages
	// are reached. Set it before the pages are served.
	BehindProxy bool

	base string // http://host:port
	now  func() time.Time

	mu       sync.Mutex
	links    map[[32]byte]time.Time // until when, by the token's hash; guarded by mu
	sessions map[[32]byte]time.Time // the same
}

// NewDoorkeeper returns the doorkeeper of the pages at base, http://HOST:PORT.
func NewDoorkeeper(base string, now func() time.Time) *Doorkeeper {
	return &Doorkeeper{base: base, now: now, links: map[[32]byte]time.Time{}, sessions: map[[32]byte]time.Time{}}
}

// NewLink returns a link that opens the pages once, within a day.
func (d *Doorkeeper) NewLink() string {
	token := rand.Text()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget()
	d.links[sha256.Sum256([]byte(token))] = d.now().Add(linkLife)
	return d.base + "/enter?token=" + token
}

// Address returns the host and port of the pages.
func (d *Doorkeeper) Address() string {
	u, err := url.Parse(d.base)
	if err != nil {
		return ""
	}
	return u.Host
}

// forget drops the links and sessions whose time is over; the caller holds mu.
func (d *Doorkeeper) forget() {
	over := func(_ [32]byte, until time.Time) bool { return !d.now().Before(until) }
	maps.DeleteFunc(d.links, over)
	maps.DeleteFunc(d.sessions, over)
}

// open begins a session and sets its cookie. The cookie is SameSite=Lax, so
// that a link in a mail finds its reader signed in. It is Secure where the
// browser came over TLS, also to a proxy in front: who invents that header
// only hides the cookie from himself.
func (d *Doorkeeper) open(w http.ResponseWriter, r *http.Request) {
	session := rand.Text()
	d.mu.Lock()
	d.forget()
	d.sessions[sha256.Sum256([]byte(session))] = d.now().Add(sessionLife)
	d.mu.Unlock()
	secure := r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: session, Path: "/", HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteLaxMode, MaxAge: int(sessionLife / time.Second)})
}

// take reports whether the token is that of a living link, and uses it up.
func (d *Doorkeeper) take(token string) bool {
	key := sha256.Sum256([]byte(token))
	d.mu.Lock()
	defer d.mu.Unlock()
	until, found := d.links[key]
	delete(d.links, key)
	return found && d.now().Before(until)
}

// knows reports whether the request brings the cookie of a living session.
func (d *Doorkeeper) knows(r *http.Request) bool {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	key := sha256.Sum256([]byte(c.Value))
	d.mu.Lock()
	defer d.mu.Unlock()
	until, found := d.sessions[key]
	if found && !d.now().Before(until) {
		delete(d.sessions, key)
		return false
	}
	return found
}

// bearer reports whether the request brings the token; the comparison takes
// the same time whatever is wrong with it.
func bearer(r *http.Request, token string) bool {
	given := sha256.Sum256([]byte(r.Header.Get("Authorization")))
	wanted := sha256.Sum256([]byte("Bearer " + token))
	return token != "" && subtle.ConstantTimeCompare(given[:], wanted[:]) == 1
}
