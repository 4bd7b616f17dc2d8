package web

import (
	"context"
	"net/http"

	"github.com/portvigil/portvigil"
)

// caller is who asks, and what they may do.
type caller struct {
	name  string
	scope portvigil.TokenScope
}

type callerKey struct{}

// WithBy returns a context in which who asks has a name, and may do everything:
// it is for requests of the Unix socket, which who may open it may use.
func WithBy(ctx context.Context, name string) context.Context {
	return withCaller(ctx, caller{name, portvigil.AdminScope})
}

func withCaller(ctx context.Context, c caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerOf(r *http.Request) caller {
	c, _ := r.Context().Value(callerKey{}).(caller)
	return c
}

// by is the name that goes into the records of what was done.
func by(r *http.Request) string { return callerOf(r).name }

// permitted refuses who may not do what the scope is for. A request of which
// nobody said whose it is may do nothing.
func (a *api) permitted(needed portvigil.TokenScope, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who := callerOf(r)
		if who.scope.Covers(needed) {
			next(w, r)
			return
		}
		if who.scope == "" {
			a.fail(w, r, portvigil.Errorf(portvigil.CodeUnauthorized, "it is not known who asks"))
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="portvigil", error="insufficient_scope", scope="`+string(needed)+`"`)
		a.fail(w, r, portvigil.Errorf(portvigil.CodeForbidden, "%s has the scope %s; this needs %s", who.name, who.scope, needed).
			WithHint("make another token on the server's machine: portvigil tokens add NAME --scope %s", needed))
	}
}
