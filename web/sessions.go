package web

import (
	"cmp"
	"crypto/rand"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
)

// session is what a cookie stands for.
type session struct {
	id    string // names it to its user; it opens nothing
	until time.Time
	user  portvigil.User // as of the sign-in; without a name for who came by a link
	// notice is what was done just before, which the next page says; "" for nothing.
	notice string

	begun, seen time.Time
	source      netip.Addr // of the sign-in
	browser     string     // in words of ours
}

func (d *Doorkeeper) newSession(r *http.Request, user portvigil.User, notice string) session {
	now := d.now()
	return session{id: rand.Text(), until: now.Add(sessionLife), user: user, notice: notice, begun: now, seen: now,
		source: d.source(r), browser: browserOf(r.UserAgent())}
}

// same reports whether both are sessions of one user in one version: those of a
// former version are over.
func (s session) same(u portvigil.User) bool {
	return u.Name != "" && s.user.ID == u.ID && s.user.Version == u.Version
}

// ownSession is a session as its user sees it.
type ownSession struct {
	ID          string
	Begun, Seen time.Time
	Source      netip.Addr
	Browser     string
	Here        bool // it is the one that asks
}

// sessionsOf returns the living sessions of the user who asks, this one first and
// then the one that was seen last.
func (d *Doorkeeper) sessionsOf(r *http.Request, u portvigil.User) (list []ownSession) {
	here := cookieHash(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget()
	for key, s := range d.sessions {
		if s.same(u) {
			list = append(list, ownSession{s.id, s.begun, s.seen, s.source, s.browser, key == here})
		}
	}
	slices.SortFunc(list, func(a, b ownSession) int {
		if a.Here != b.Here {
			return map[bool]int{true: -1, false: 1}[a.Here]
		}
		return cmp.Or(b.Seen.Compare(a.Seen), b.Begun.Compare(a.Begun), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// endSessions ends the user's session of that id, or with "" all but the one that
// asks, and returns how many ended. Nobody's but the user's are looked at.
func (d *Doorkeeper) endSessions(r *http.Request, u portvigil.User, id string) (ended int) {
	here := cookieHash(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.sessions, func(key [32]byte, s session) bool {
		over := s.same(u) && (s.id == id || id == "" && key != here)
		if over {
			ended++
		}
		return over
	})
	return ended
}

// half is who is in half: the password was right, and a code has yet to come.
type half struct {
	*account.Half
	until time.Time
	next  string // where the sign-in leads, a path of ours
}

const halfCookie = "portvigil_half"

// openHalf has the browser come back with a code. Nothing but the form for the
// code is shown to it meanwhile.
func (d *Doorkeeper) openHalf(w http.ResponseWriter, r *http.Request, h *account.Half, next string) {
	value := rand.Text()
	d.mu.Lock()
	d.forget()
	delete(d.halves, hashOf(r, halfCookie))
	d.halves[digestOf(value)] = half{h, d.now().Add(account.HalfLife), next}
	d.mu.Unlock()
	setHalfCookie(w, r, value, int(account.HalfLife/time.Second))
}

// halfOf returns who the request's cookie says is in half.
func (d *Doorkeeper) halfOf(r *http.Request) (half, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget()
	h, found := d.halves[hashOf(r, halfCookie)]
	return h, found
}

// closeHalf has the browser and the doorkeeper forget it.
func (d *Doorkeeper) closeHalf(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	delete(d.halves, hashOf(r, halfCookie))
	d.mu.Unlock()
	setHalfCookie(w, r, "", -1)
}

// setHalfCookie: no other site leads to the form for the code, so it is Strict.
func setHalfCookie(w http.ResponseWriter, r *http.Request, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: halfCookie, Value: value, Path: "/sign-in", HttpOnly: true, Secure: overTLS(r),
		SameSite: http.SameSiteStrictMode, MaxAge: seconds})
}
