package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
)

// maxBody bounds a request's JSON body; a baseline document is the largest.
const maxBody = 8 << 20

// API serves what the commands ask. Each request comes with who asks: WithBy
// says so on the Unix socket, Remote elsewhere. newLink makes a one-time link to
// the pages.
func API(e Engine, k *account.Keeper, newLink func() string, log *slog.Logger) http.Handler {
	a := &api{engine: e, accounts: k, newLink: newLink, log: log}
	mux := http.NewServeMux()
	for pattern, route := range a.routes() {
		mux.HandleFunc(pattern, a.permitted(route.scope, route.serve))
	}
	return a.known(mux)
}

type api struct {
	engine   Engine
	accounts *account.Keeper
	newLink  func() string
	log      *slog.Logger
}

// answer returns a handler that writes what handle returns as JSON, or its error
// with the status of its code.
func (a *api) answer(handle func(http.ResponseWriter, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := handle(w, r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		a.write(w, r, http.StatusOK, value)
	}
}

func (a *api) write(w http.ResponseWriter, r *http.Request, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		a.log.Debug("answer not written", "path", r.URL.Path, "err", err)
	}
}

// listed makes an empty list [] rather than null.
func listed[T any](list []T, err error) ([]T, error) {
	if list == nil {
		list = []T{}
	}
	return list, err
}

func (a *api) hosts(_ http.ResponseWriter, r *http.Request) (any, error) {
	return listed(a.engine.Hosts(r.Context()))
}

func (a *api) addHost(_ http.ResponseWriter, r *http.Request) (any, error) {
	var h portvigil.Host
	if err := read(r, &h); err != nil {
		return nil, err
	}
	h.Local = false
	return a.engine.AddHost(r.Context(), by(r), h)
}

func (a *api) host(_ http.ResponseWriter, r *http.Request) (any, error) {
	return a.engine.Host(r.Context(), r.PathValue("name"))
}

func (a *api) removeHost(_ http.ResponseWriter, r *http.Request) (any, error) {
	return struct{}{}, a.engine.RemoveHost(r.Context(), by(r), r.PathValue("name"))
}

func (a *api) report(_ http.ResponseWriter, r *http.Request) (any, error) {
	l, err := a.engine.Report(r.Context(), r.PathValue("name"), r.Body)
	if err != nil {
		return nil, err
	}
	return portvigil.RecordOfLook(l), nil
}

func (a *api) scope(_ http.ResponseWriter, r *http.Request) (any, error) {
	return listed(a.engine.Scope(r.Context()))
}

func (a *api) addScope(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q struct {
		Prefix string `json:"prefix"`
		Deny   bool   `json:"deny"`
	}
	if err := read(r, &q); err != nil {
		return nil, err
	}
	prefix, err := parsePrefix(q.Prefix)
	if err != nil {
		return nil, err
	}
	return a.engine.AddScope(r.Context(), by(r), prefix, q.Deny)
}

func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, portvigil.Errorf(portvigil.CodeInvalid, "%q is neither an address nor a network", text).WithHint("write it as 10.0.0.0/8")
	}
	return p, nil
}

func (a *api) alerts(_ http.ResponseWriter, r *http.Request) (any, error) {
	return listed(a.engine.Alerts(r.Context(), r.URL.Query().Get("open") != ""))
}

// AlertStory is an alert with its audit trail.
type AlertStory struct {
	Alert portvigil.Alert        `json:"alert"`
	Story []portvigil.AuditEntry `json:"story"`
}

func (a *api) alert(_ http.ResponseWriter, r *http.Request) (any, error) {
	alert, story, err := a.engine.Alert(r.Context(), r.PathValue("id"))
	story, err = listed(story, err)
	return AlertStory{alert, story}, err
}

func (a *api) acknowledge(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q struct {
		Until *time.Time `json:"until"`
	}
	if err := read(r, &q); err != nil {
		return nil, err
	}
	return a.engine.Acknowledge(r.Context(), by(r), r.PathValue("id"), q.Until)
}

func (a *api) investigate(_ http.ResponseWriter, r *http.Request) (any, error) {
	return a.engine.Investigate(r.Context(), by(r), r.PathValue("id"))
}

func (a *api) comment(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q struct {
		Text string `json:"text"`
	}
	if err := read(r, &q); err != nil {
		return nil, err
	}
	return a.engine.Comment(r.Context(), by(r), r.PathValue("id"), strings.TrimSpace(q.Text))
}

func (a *api) resolve(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q portvigil.ResolveRequest
	if err := read(r, &q); err != nil {
		return nil, err
	}
	return a.engine.Resolve(r.Context(), by(r), r.PathValue("id"), q)
}

func (a *api) link(http.ResponseWriter, *http.Request) (any, error) {
	return map[string]string{"link": a.newLink()}, nil
}
