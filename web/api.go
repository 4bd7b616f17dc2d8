package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// maxBody bounds a request's JSON body; a baseline document is the largest.
const maxBody = 8 << 20

// API serves what the commands ask over the Unix socket. newLink makes a
// one-time link to the pages.
func API(e Engine, newLink func() string, log *slog.Logger) http.Handler {
	a := &api{engine: e, newLink: newLink, log: log}
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(http.ResponseWriter, *http.Request) (any, error){
		"GET /v1/hosts":                              a.hosts,
		"POST /v1/hosts":                             a.addHost,
		"GET /v1/hosts/{name}":                       a.host,
		"DELETE /v1/hosts/{name}":                    a.removeHost,
		"POST /v1/hosts/{name}/report":               a.report,
		"GET /v1/scope":                              a.scope,
		"POST /v1/scope":                             a.addScope,
		"GET /v1/alerts":                             a.alerts,
		"GET /v1/alerts/{id}":                        a.alert,
		"POST /v1/alerts/{id}/ack":                   a.acknowledge,
		"POST /v1/alerts/{id}/investigate":           a.investigate,
		"POST /v1/alerts/{id}/comment":               a.comment,
		"POST /v1/alerts/{id}/resolve":               a.resolve,
		"GET /v1/baselines":                          a.baselines,
		"POST /v1/baselines":                         a.importBaseline,
		"GET /v1/baselines/{name}":                   a.baseline,
		"POST /v1/baselines/{name}/approve":          a.approve,
		"DELETE /v1/baselines/{name}/{port}/{proto}": a.removeDoor,
		"GET /v1/channels":                           a.channels,
		"POST /v1/channels":                          a.addChannel,
		"DELETE /v1/channels/{name}":                 a.removeChannel,
		"POST /v1/channels/{name}/test":              a.testChannel,
		"POST /v1/link":                              a.link,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.answer(w, r, handle) })
	}
	mux.HandleFunc("POST /v1/hosts/{name}/look", a.look)
	return mux
}

type api struct {
	engine  Engine
	newLink func() string
	log     *slog.Logger
}

// answer writes what the handler returns as JSON, or its error with the status
// of its code.
func (a *api) answer(w http.ResponseWriter, r *http.Request, handle func(http.ResponseWriter, *http.Request) (any, error)) {
	value, err := handle(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		a.log.Debug("answer not written", "path", r.URL.Path, "err", err)
	}
}

// APIError is the body of an answer that is no success.
type APIError struct {
	Code    portvigil.Code `json:"code"`
	Message string         `json:"message"`
	Hint    string         `json:"hint,omitempty"`
}

func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	body := Describe(err)
	if body.Code == portvigil.CodeInternal {
		a.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(statusOf(body.Code))
	if err := json.NewEncoder(w).Encode(body); err != nil {
		a.log.Debug("answer not written", "path", r.URL.Path, "err", err)
	}
}

// statusOf is the one place that turns codes into statuses.
func statusOf(c portvigil.Code) int {
	switch c {
	case portvigil.CodeInvalid:
		return http.StatusBadRequest
	case portvigil.CodeNotFound:
		return http.StatusNotFound
	case portvigil.CodeConflict:
		return http.StatusConflict
	case portvigil.CodeOutOfScope:
		return http.StatusForbidden
	case portvigil.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Describe turns an error into what is shown of it: an internal one is logged,
// and shown as such.
func Describe(err error) APIError {
	code := portvigil.ErrorCode(err)
	if code == portvigil.CodeInternal {
		return APIError{code, "the server failed: " + err.Error(), "see the server's log"}
	}
	return APIError{Code: code, Message: err.Error()}
}

type byKey struct{}

// WithBy returns a context in which who asks has a name.
func WithBy(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, byKey{}, name)
}

func by(r *http.Request) string {
	if name, ok := r.Context().Value(byKey{}).(string); ok {
		return name
	}
	return "unknown"
}

func read(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return portvigil.Errorf(portvigil.CodeInvalid, "the request's body is not as expected: %v", err)
	}
	return nil
}

func (a *api) hosts(_ http.ResponseWriter, r *http.Request) (any, error) {
	return a.engine.Hosts(r.Context())
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
	return a.engine.Scope(r.Context())
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
	return a.engine.Alerts(r.Context(), r.URL.Query().Get("open") != "")
}

// AlertStory is an alert with its audit trail.
type AlertStory struct {
	Alert portvigil.Alert        `json:"alert"`
	Story []portvigil.AuditEntry `json:"story"`
}

func (a *api) alert(_ http.ResponseWriter, r *http.Request) (any, error) {
	alert, story, err := a.engine.Alert(r.Context(), r.PathValue("id"))
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

// look streams the events of one look as JSON Lines; an error that comes after
// the first of them is an event too.
func (a *api) look(w http.ResponseWriter, r *http.Request) {
	var wish portvigil.LookWish
	if err := read(r, &wish); err != nil {
		a.fail(w, r, err)
		return
	}
	enc, flush, begun := json.NewEncoder(w), http.NewResponseController(w), false
	err := a.engine.LookNow(r.Context(), r.PathValue("name"), wish, func(e portvigil.LookEvent) error {
		if !begun {
			w.Header().Set("Content-Type", "application/jsonl")
			begun = true
		}
		if err := enc.Encode(e); err != nil {
			return err
		}
		return flush.Flush()
	})
	switch {
	case err == nil || r.Context().Err() != nil:
	case !begun:
		a.fail(w, r, err)
	default:
		body := Describe(err)
		if err := enc.Encode(portvigil.LookEvent{Done: &portvigil.LookOutcome{Error: body.Message}}); err != nil {
			a.log.Debug("look's end not written", "err", err)
		}
	}
}
