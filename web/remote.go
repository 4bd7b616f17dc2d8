package web

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
)

// Site serves the pages, and below /v1/ the API, on one listener.
func Site(pages, remote http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/") {
			remote.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// Remote serves the API to who brings a token (RFC 6750). No cookie is looked at,
// so that a page of somebody else has a browser do nothing here; nor can it lead
// one here under another name (DNS rebinding), for the token is not the
// browser's.
func Remote(next http.Handler, k *account.Keeper, d *Doorkeeper, log *slog.Logger) http.Handler {
	a := &api{log: log} // writes errors as the API does
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w.Header(), r)
		secret, err := bearerOf(r.Header)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		t, err := k.Bearer(r.Context(), d.source(r), secret)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(withCaller(r.Context(), caller{"token " + t.Name, t.Scope})))
	})
}

// refuse says that it is not known who asks. Whether a token is missing or wrong
// stands in the header (RFC 6750, section 3).
func (a *api) refuse(w http.ResponseWriter, r *http.Request, err error) {
	challenge := `Bearer realm="portvigil"`
	var slower *account.Slower
	switch {
	case errors.As(err, &slower):
		err = tooMany(w, slower)
	case errors.Is(err, errNoBearer):
		w.Header().Set("WWW-Authenticate", challenge)
	case portvigil.ErrorCode(err) == portvigil.CodeUnauthorized:
		w.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
	}
	a.fail(w, r, err)
}

// tooMany tells when the next attempt is looked at, in whole seconds.
func tooMany(w http.ResponseWriter, s *account.Slower) error {
	seconds := int(math.Ceil(s.After.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return portvigil.Errorf(portvigil.CodeTooMany, "there were too many wrong attempts").
		WithHint("try again in %s", time.Duration(seconds)*time.Second)
}

var errNoBearer = portvigil.Errorf(portvigil.CodeUnauthorized, "this needs a token").
	WithHint("make one on the server's machine, portvigil tokens add NAME --scope read, and send it as Authorization: Bearer")

// longestToken is in bytes; those that are made here have 29.
const longestToken = 256

// bearerOf returns the token of a request: one header, of the scheme Bearer in
// any case, and one token of the characters that RFC 6750 allows (section 2.1).
func bearerOf(h http.Header) (string, error) {
	lines := h.Values("Authorization")
	if len(lines) != 1 {
		return "", errNoBearer
	}
	scheme, token, _ := strings.Cut(lines[0], " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", errNoBearer
	}
	body := strings.TrimRight(token, "=")
	if len(token) > longestToken || body == "" || strings.ContainsFunc(body, notOfToken) {
		return "", portvigil.Errorf(portvigil.CodeUnauthorized, "what was sent as a token is none")
	}
	return token, nil
}

const tokenCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"

func notOfToken(r rune) bool { return !strings.ContainsRune(tokenCharacters, r) }
