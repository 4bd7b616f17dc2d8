package web

import (
	"context"
	"net/http"

	"github.com/portvigil/portvigil"
)

// route is what answers one method and path, and what who asks needs for it.
type route struct {
	scope portvigil.TokenScope
	serve http.HandlerFunc
}

// routes is the whole API.
func (a *api) routes() map[string]route {
	const read, write, admin = portvigil.ReadScope, portvigil.WriteScope, portvigil.AdminScope
	return map[string]route{
		"GET /v1/hosts":                              {read, a.answer(a.hosts)},
		"POST /v1/hosts":                             {write, a.answer(a.addHost)},
		"GET /v1/hosts/{name}":                       {read, a.answer(a.host)},
		"GET /v1/hosts/{name}/past":                  {read, a.answer(a.past)},
		"DELETE /v1/hosts/{name}":                    {write, a.answer(a.removeHost)},
		"POST /v1/hosts/{name}/look":                 {write, a.look},
		"POST /v1/hosts/{name}/report":               {write, a.answer(a.report)},
		"POST /v1/hosts/{name}/maintenance":          {write, a.answer(a.startMaintenance)},
		"DELETE /v1/hosts/{name}/maintenance":        {write, a.answer(a.endMaintenance)},
		"GET /v1/scope":                              {read, a.answer(a.scope)},
		"POST /v1/scope":                             {write, a.answer(a.addScope)},
		"GET /v1/alerts":                             {read, a.answer(a.alerts)},
		"GET /v1/alerts/{id}":                        {read, a.answer(a.alert)},
		"POST /v1/alerts/{id}/ack":                   {write, a.answer(a.acknowledge)},
		"POST /v1/alerts/{id}/investigate":           {write, a.answer(a.investigate)},
		"POST /v1/alerts/{id}/comment":               {write, a.answer(a.comment)},
		"POST /v1/alerts/{id}/resolve":               {write, a.answer(a.resolve)},
		"GET /v1/baselines":                          {read, a.answer(a.baselines)},
		"POST /v1/baselines":                         {write, a.answer(a.importBaseline)},
		"GET /v1/baselines/{name}":                   {read, a.answer(a.baseline)},
		"GET /v1/baselines/{name}/versions":          {read, a.answer(a.baselineVersions)},
		"POST /v1/baselines/{name}/approve":          {write, a.answer(a.approve)},
		"DELETE /v1/baselines/{name}/{port}/{proto}": {write, a.answer(a.removeDoor)},
		"GET /v1/channels":                           {read, a.answer(a.channels)},
		"POST /v1/channels":                          {write, a.answer(a.addChannel)},
		"DELETE /v1/channels/{name}":                 {write, a.answer(a.removeChannel)},
		"POST /v1/channels/{name}/test":              {write, a.answer(a.testChannel)},
		"GET /v1/users":                              {admin, a.answer(a.users)},
		"POST /v1/users":                             {admin, a.answer(a.addUser)},
		"DELETE /v1/users/{name}":                    {admin, a.answer(a.removeUser)},
		"POST /v1/users/{name}/reset":                {admin, a.answer(a.resetUser)},
		"DELETE /v1/users/{name}/factor":             {admin, a.answer(a.resetFactor)},
		"GET /v1/tokens":                             {admin, a.answer(a.tokens)},
		"POST /v1/tokens":                            {admin, a.answer(a.addToken)},
		"DELETE /v1/tokens/{name}":                   {admin, a.answer(a.revokeToken)},
		"POST /v1/link":                              {admin, a.answer(a.link)},
	}
}

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
