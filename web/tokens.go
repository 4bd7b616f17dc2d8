package web

import (
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/portvigil/portvigil"
)

// tokensPage is what /tokens shows.
type tokensPage struct {
	Tokens []tokenLine
	Form   form
}

// tokenLine is a token as a list shows it.
type tokenLine struct {
	portvigil.Token
	Over bool // it has expired
}

func (p *pages) tokens(w http.ResponseWriter, r *http.Request) {
	p.showTokens(w, r, http.StatusOK, form{})
}

func (p *pages) showTokens(w http.ResponseWriter, r *http.Request, status int, f form) {
	tokens, err := p.doorkeeper.accounts.Tokens(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	body := tokensPage{Form: f}
	for _, t := range tokens {
		body.Tokens = append(body.Tokens, tokenLine{t, !t.Expires.IsZero() && !p.now().Before(t.Expires)})
	}
	p.show(w, r, status, "tokens.html", page{"Tokens", body})
}

// madeTokenPage is a new token with its secret, which is shown this once.
type madeTokenPage struct {
	Token  portvigil.Token
	Secret string
	Server string // where programs reach this server
}

// longestLife is how long a token may be chosen to live here, in days.
const longestLife = 3650

func (p *pages) addToken(w http.ResponseWriter, r *http.Request) {
	p.act(w, r, "token", func() (done, error) {
		name := r.PostForm.Get("name")
		if err := portvigil.CheckTokenName(name); err != nil {
			return done{}, onField("name", err)
		}
		scope, err := portvigil.ParseTokenScope(r.PostForm.Get("scope"))
		if err != nil {
			return done{}, onField("scope", portvigil.Errorf(portvigil.CodeInvalid, "it is not chosen what the token may do").WithHint("choose the least that the program needs"))
		}
		expires, err := expiryOf(r.PostForm.Get("lives"), p.now())
		if err != nil {
			return done{}, onField("lives", err)
		}
		t, secret, err := p.doorkeeper.accounts.AddToken(r.Context(), actor(r), name, scope, expires)
		if portvigil.ErrorCode(err) == portvigil.CodeConflict {
			err = onField("name", err)
		}
		return done{instead: func() {
			p.show(w, r, http.StatusOK, "made-token.html", page{"Token made", madeTokenPage{t, secret, p.doorkeeper.addressFor(r)}})
		}}, err
	}, func(status int, f form) { p.showTokens(w, r, status, f) })
}

// expiryOf reads a number of days from now; 0 is never.
func expiryOf(days string, now time.Time) (time.Time, error) {
	n, err := strconv.Atoi(days)
	switch {
	case err != nil || n < 0 || n > longestLife:
		return time.Time{}, portvigil.Errorf(portvigil.CodeInvalid, "it is not chosen how long the token lives").WithHint("choose one of the list")
	case n == 0:
		return time.Time{}, nil
	}
	return now.AddDate(0, 0, n), nil
}

// plainHost is a host and port that a shell reads as it stands.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9.:\[\]-]{1,255}$`)

// addressFor is where a program reaches this server: as the browser does that asks,
// where that may be under another name than we know.
func (d *Doorkeeper) addressFor(r *http.Request) string {
	if !d.BehindProxy && r.TLS == nil || !plainHost.MatchString(r.Host) {
		return d.base
	}
	if overTLS(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (p *pages) revokeToken(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	p.act(w, r, rowForm("revoke", name), func() (done, error) {
		return done{said: shown(name) + " is revoked. What still uses it is refused from now on.", next: "/tokens"}, p.doorkeeper.accounts.RevokeToken(r.Context(), actor(r), name)
	}, func(status int, f form) { p.showTokens(w, r, status, f) })
}
