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

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
)

// How long a one-time link and a session last. A link that nobody used within a
// day lies forgotten in a log; a session is as long as a working day.
const (
	linkLife    = 24 * time.Hour
	sessionLife = 12 * time.Hour
	cookieName  = "portvigil_session"
)

// Doorkeeper lets in who brings a one-time link, or signs in, and knows them
// again by a cookie. Links and sessions live in memory: a restart ends them all.
type Doorkeeper struct {
	// BehindProxy tells that a proxy in front chooses under which names the pages
	// are reached. Set it before the pages are served.
	BehindProxy bool

	base     string // http://host:port
	accounts *account.Keeper
	now      func() time.Time

	mu       sync.Mutex
	links    map[[32]byte]time.Time // until when, by the token's hash; guarded by mu
	sessions map[[32]byte]session   // by the cookie's hash; guarded by mu
	halves   map[[32]byte]half      // by the cookie's hash; guarded by mu
	unsent   map[string]unsent      // by a name that nobody guesses; guarded by mu
}

// NewDoorkeeper returns the doorkeeper of the pages at base, http://HOST:PORT.
func NewDoorkeeper(base string, k *account.Keeper, now func() time.Time) *Doorkeeper {
	return &Doorkeeper{base: base, accounts: k, now: now,
		links: map[[32]byte]time.Time{}, sessions: map[[32]byte]session{}, halves: map[[32]byte]half{}, unsent: map[string]unsent{}}
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

// forget drops the links, sessions and halves whose time is over; the caller holds mu.
func (d *Doorkeeper) forget() {
	maps.DeleteFunc(d.links, func(_ [32]byte, until time.Time) bool { return !d.now().Before(until) })
	maps.DeleteFunc(d.unsent, func(_ string, u unsent) bool { return !d.now().Before(u.until) })
	maps.DeleteFunc(d.sessions, func(_ [32]byte, s session) bool { return !d.now().Before(s.until) })
	maps.DeleteFunc(d.halves, func(_ [32]byte, h half) bool { return !d.now().Before(h.until) })
}

// open begins a session of the user and sets its cookie; the one that the browser
// had before is over. The cookie is SameSite=Lax, so
// that a link in a mail finds its reader signed in. It is Secure where the
// browser came over TLS, also to a proxy in front: who invents that header
// only hides the cookie from himself.
func (d *Doorkeeper) open(w http.ResponseWriter, r *http.Request, user portvigil.User) {
	d.openSaying(w, r, user, "")
}

// openSaying is open, with what the next page says.
func (d *Doorkeeper) openSaying(w http.ResponseWriter, r *http.Request, user portvigil.User, notice string) {
	value := rand.Text()
	d.mu.Lock()
	d.forget()
	delete(d.sessions, cookieHash(r))
	d.sessions[digestOf(value)] = d.newSession(r, user, notice)
	d.mu.Unlock()
	setCookie(w, r, value, int(sessionLife/time.Second))
}

// close ends the session of the request's cookie, and has the browser forget it.
func (d *Doorkeeper) close(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	delete(d.sessions, cookieHash(r))
	d.mu.Unlock()
	setCookie(w, r, "", -1)
}

func setCookie(w http.ResponseWriter, r *http.Request, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: value, Path: "/", HttpOnly: true, Secure: overTLS(r),
		SameSite: http.SameSiteLaxMode, MaxAge: seconds})
}

func overTLS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// cookieHash is the key of the request's session; of none where it brings no cookie.
func cookieHash(r *http.Request) [32]byte { return hashOf(r, cookieName) }

func hashOf(r *http.Request, cookie string) [32]byte {
	c, err := r.Cookie(cookie)
	if err != nil {
		return [32]byte{}
	}
	return digestOf(c.Value)
}

func digestOf(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }

// take reports whether the token is that of a living link, and uses it up.
func (d *Doorkeeper) take(token string) bool {
	key := sha256.Sum256([]byte(token))
	d.mu.Lock()
	defer d.mu.Unlock()
	until, found := d.links[key]
	delete(d.links, key)
	return found && d.now().Before(until)
}

// knows returns whose session the request's cookie stands for, and whether there
// is one that lives. A user's session lives as long as the password and the second
// factor that it was begun with; where that cannot be looked up, nobody is let in.
func (d *Doorkeeper) knows(r *http.Request) (portvigil.User, bool) {
	key := cookieHash(r)
	d.mu.Lock()
	s, found := d.sessions[key]
	if found && !d.now().Before(s.until) {
		delete(d.sessions, key)
		found = false
	}
	if found {
		s.seen = d.now()
		d.sessions[key] = s
	}
	d.mu.Unlock()
	if !found || s.user.Name == "" {
		return portvigil.User{}, found
	}
	holds, err := d.accounts.Holds(r.Context(), s.user)
	return s.user, holds && err == nil
}

// say keeps a sentence for the next page of the request's session.
func (d *Doorkeeper) say(r *http.Request, notice string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, found := d.sessions[cookieHash(r)]; found {
		s.notice = notice
		d.sessions[cookieHash(r)] = s
	}
}

// said returns what was kept for this page, once.
func (d *Doorkeeper) said(r *http.Request) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, found := d.sessions[cookieHash(r)]
	if !found || s.notice == "" {
		return ""
	}
	notice := s.notice
	s.notice = ""
	d.sessions[cookieHash(r)] = s
	return notice
}

// bearer reports whether the request brings the token; the comparison takes
// the same time whatever is wrong with it.
func bearer(r *http.Request, token string) bool {
	given := sha256.Sum256([]byte(r.Header.Get("Authorization")))
	wanted := sha256.Sum256([]byte("Bearer " + token))
	return token != "" && subtle.ConstantTimeCompare(given[:], wanted[:]) == 1
}
