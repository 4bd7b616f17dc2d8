package web

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"reflect"
	"strconv"
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
	for _, route := range a.routes() {
		mux.HandleFunc(route.pattern, a.permitted(route.scope, route.serve))
	}
	return a.known(mux)
}

type api struct {
	engine   Engine
	accounts *account.Keeper
	newLink  func() string
	log      *slog.Logger
}

func (a *api) write(w http.ResponseWriter, r *http.Request, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := encode(w, value); err != nil {
		a.log.Debug("answer not written", "path", r.URL.Path, "err", err)
	}
}

// Done is the answer where there is nothing to tell but that it was done.
type Done struct{}

// encode writes the value as JSON, a list one element after the other: what is
// known of 500 hosts is 7 MB, which as one piece, growing, takes thrice that.
func encode(w io.Writer, value any) error {
	list := reflect.ValueOf(value)
	if _, own := value.(json.Marshaler); own || list.Kind() != reflect.Slice || list.Len() == 0 {
		return json.NewEncoder(w).Encode(value)
	}
	before := "["
	for _, element := range list.Seq2() {
		text, err := json.Marshal(element.Interface())
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, before); err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		before = ","
	}
	_, err := io.WriteString(w, "]\n")
	return err
}

// listed makes an empty list [] rather than null.
func listed[T any](list []T, err error) ([]T, error) {
	if list == nil {
		list = []T{}
	}
	return list, err
}

func (a *api) hosts(r *http.Request) ([]portvigil.HostStatus, error) {
	return listed(a.engine.Hosts(r.Context()))
}

func (a *api) overview(r *http.Request) ([]portvigil.HostSummary, error) {
	return listed(a.engine.Overview(r.Context()))
}

func (a *api) addHost(r *http.Request, h portvigil.Host) (portvigil.Host, error) {
	h.Local = false
	return a.engine.AddHost(r.Context(), by(r), h)
}

func (a *api) host(r *http.Request) (portvigil.HostStatus, error) {
	return a.engine.Host(r.Context(), r.PathValue("name"))
}

func (a *api) removeHost(r *http.Request) (Done, error) {
	return Done{}, a.engine.RemoveHost(r.Context(), by(r), r.PathValue("name"))
}

func (a *api) report(r *http.Request) (portvigil.LookRecord, error) {
	l, err := a.engine.Report(r.Context(), r.PathValue("name"), r.Body)
	if err != nil {
		return portvigil.LookRecord{}, err
	}
	return portvigil.RecordOfLook(l), nil
}

func (a *api) scope(r *http.Request) ([]portvigil.ScopeRule, error) {
	return listed(a.engine.Scope(r.Context()))
}

// NewScopeRule is what adding a rule to the scope takes.
type NewScopeRule struct {
	Prefix string `json:"prefix"` // a network or an address: 10.0.0.0/8, 10.0.0.1
	Deny   bool   `json:"deny"`   // what is denied stays so, whatever is allowed
}

func (a *api) addScope(r *http.Request, q NewScopeRule) (portvigil.ScopeRule, error) {
	prefix, err := parsePrefix(q.Prefix)
	if err != nil {
		return portvigil.ScopeRule{}, err
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

func (a *api) alerts(r *http.Request) ([]portvigil.Alert, error) {
	open, err := truth(r, "open")
	if err != nil {
		return nil, err
	}
	return listed(a.engine.Alerts(r.Context(), open))
}

// truth reads a parameter of the address that says yes or no; one that is not
// there says no.
func truth(r *http.Request, name string) (bool, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return false, nil
	}
	yes, err := strconv.ParseBool(text)
	if err != nil {
		return false, portvigil.Errorf(portvigil.CodeInvalid, "%s=%s is neither true nor false", name, portvigil.Quoted(text))
	}
	return yes, nil
}

// AlertStory is an alert with its audit trail.
type AlertStory struct {
	Alert portvigil.Alert        `json:"alert"`
	Story []portvigil.AuditEntry `json:"story"` // the oldest first
}

func (a *api) alert(r *http.Request) (AlertStory, error) {
	alert, story, err := a.engine.Alert(r.Context(), r.PathValue("id"))
	story, err = listed(story, err)
	return AlertStory{alert, story}, err
}

// Acknowledgement is what acknowledging an alert takes.
type Acknowledgement struct {
	Until *time.Time `json:"until"` // when it becomes new again; null for when it rises
}

func (a *api) acknowledge(r *http.Request, q Acknowledgement) (portvigil.Alert, error) {
	return a.engine.Acknowledge(r.Context(), by(r), r.PathValue("id"), q.Until)
}

func (a *api) investigate(r *http.Request) (portvigil.Alert, error) {
	return a.engine.Investigate(r.Context(), by(r), r.PathValue("id"))
}

// Comment is what somebody writes into an alert's story.
type Comment struct {
	Text string `json:"text"`
}

func (a *api) comment(r *http.Request, q Comment) (portvigil.Alert, error) {
	return a.engine.Comment(r.Context(), by(r), r.PathValue("id"), strings.TrimSpace(q.Text))
}

func (a *api) resolve(r *http.Request, q portvigil.ResolveRequest) (portvigil.Alert, error) {
	return a.engine.Resolve(r.Context(), by(r), r.PathValue("id"), q)
}

// Link opens the pages once.
type Link struct {
	Link string `json:"link"`
}

func (a *api) link(*http.Request) (Link, error) { return Link{a.newLink()}, nil }
