package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
	"github.com/portvigil/portvigil/web/account/accounttest"
)

// noon is the time of every test that does not say otherwise.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fakeEngine is an Engine in memory: it notes what it was asked, and answers
// with what it holds, or with err.
type fakeEngine struct {
	host      portvigil.HostStatus
	hosts     []portvigil.HostStatus
	alert     portvigil.Alert
	alerts    []portvigil.Alert
	story     []portvigil.AuditEntry
	channels  []portvigil.ChannelRow
	versions  []portvigil.BaselineVersion // of the one document
	agenda    portvigil.Agenda
	reviews   []portvigil.Review
	folder    string
	fails     map[string]error // by the first word of what is noted
	look      func(ctx context.Context, send func(portvigil.LookEvent) error) error
	err       error
	told      chan portvigil.ChangeNote
	written   uint64
	edit      string           // what the folder needs that the baseline follows
	refuse    map[string]error // what an alert answers that somebody decides on, by its id
	scope     []portvigil.ScopeRule
	timeline  portvigil.Timeline
	past      portvigil.Past
	underWay  []portvigil.LookUnderWay
	baselines []portvigil.BaselineVersion
	approved  portvigil.ApproveRequest // the newest
	addErr    error                    // of AddHost alone
	queued    map[string]int
	acts      []portvigil.Act
	about     About
	operator  string // who started the server

	mu    sync.Mutex
	calls []string // guarded by mu
}

func (f *fakeEngine) note(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	word, _, _ := strings.Cut(format, " ")
	if err := f.fails[word]; err != nil {
		return err
	}
	return f.err
}

func (f *fakeEngine) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.calls...)
}

// forget drops what was asked after the first n.
func (f *fakeEngine) forget(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = f.calls[:n]
}

func (f *fakeEngine) AddHost(_ context.Context, by string, h portvigil.Host) (portvigil.Host, error) {
	return h, errors.Join(f.note("add host %s %v local=%v by %s", h.Name, h.Targets, h.Local, by), f.addErr)
}

func (f *fakeEngine) EditHost(_ context.Context, by, name string, edit portvigil.HostEdit) (portvigil.Host, error) {
	return f.host.Host, f.note("edit %q groups=%v targets=%v outside=%v inside=%v by %s", name, *edit.Groups, *edit.Targets, *edit.Outside, *edit.Inside, by)
}

func (f *fakeEngine) HostAt(_ context.Context, name string, at time.Time) (portvigil.Past, error) {
	past := f.past
	past.Host, past.At = name, at
	return past, f.note("host %q at %s", name, at.UTC().Format(time.RFC3339))
}

func (f *fakeEngine) HostHistory(_ context.Context, name string, from, to time.Time) (portvigil.Timeline, error) {
	t := f.timeline
	t.From, t.To = from, to
	return t, f.note("history of %q for %s", name, to.Sub(from))
}

func (f *fakeEngine) UnderWay(_ context.Context, name string) ([]portvigil.LookUnderWay, error) {
	return f.underWay, f.note("under way at %q", name)
}

func (f *fakeEngine) Hosts(context.Context) ([]portvigil.HostStatus, error) {
	return f.hosts, f.note("hosts")
}

func (f *fakeEngine) Host(_ context.Context, name string) (portvigil.HostStatus, error) {
	return f.host, f.note("host %q", name)
}

func (f *fakeEngine) RemoveHost(_ context.Context, by, name string) error {
	return f.note("remove host %q by %s", name, by)
}

func (f *fakeEngine) StartMaintenance(_ context.Context, by, name string, until time.Time, why string) (portvigil.Host, error) {
	return f.host.Host, f.note("maintenance of %q until %s why=%s by %s", name, until.UTC().Format(time.RFC3339), why, by)
}

func (f *fakeEngine) EndMaintenance(_ context.Context, by, name string) (portvigil.Host, error) {
	return f.host.Host, f.note("end maintenance of %q by %s", name, by)
}

func (f *fakeEngine) LookNow(ctx context.Context, name string, wish portvigil.LookWish, send func(portvigil.LookEvent) error) error {
	if err := f.note("look at %q %s %s", name, wish.View, wish.Ports); err != nil {
		return err
	}
	return f.look(ctx, send)
}

func (f *fakeEngine) AskForLook(_ context.Context, name string, view portvigil.View) error {
	return f.note("ask for look at %q %s", name, view)
}

func (f *fakeEngine) Report(_ context.Context, name string, report io.Reader) (*portvigil.Look, error) {
	text, err := io.ReadAll(report)
	if err != nil {
		return nil, err
	}
	return &portvigil.Look{ID: "L1", Host: name, View: portvigil.Inside, Method: portvigil.MethodSockDiag, Complete: true}, f.note("report of %q: %s", name, text)
}

func (f *fakeEngine) Scope(context.Context) ([]portvigil.ScopeRule, error) {
	return f.scope, f.note("scope")
}

func (f *fakeEngine) AddScope(_ context.Context, by string, prefix netip.Prefix, deny bool) (portvigil.ScopeRule, error) {
	return portvigil.ScopeRule{Prefix: prefix, Deny: deny, By: by}, f.note("scope %s deny=%v by %s", prefix, deny, by)
}

// Overview sums up what the hosts hold.
func (f *fakeEngine) Overview(context.Context) (list []portvigil.HostSummary, err error) {
	for _, h := range f.hosts {
		s := portvigil.HostSummary{Host: h.Host, Views: h.Views, Doors: map[portvigil.Verdict]int{}, Alerts: map[portvigil.Severity]int{},
			NextOutside: h.NextOutside, NextInside: h.NextInside, Kept: h.Kept}
		for _, x := range h.Exposures {
			s.Doors[x.Verdict]++
		}
		for _, a := range h.Alerts {
			s.Alerts[a.Severity]++
			if a.Severity.Rank() > s.Worst.Rank() {
				s.Worst = a.Severity
			}
		}
		list = append(list, s)
	}
	return list, f.note("overview")
}

func (f *fakeEngine) Written() uint64 { return f.written }

// Changes tells what the test sends to told.
func (f *fakeEngine) Changes() (<-chan portvigil.ChangeNote, func()) {
	_ = f.note("changes") // no error is told here
	told := f.told
	if told == nil { // nothing is ever told
		told = make(chan portvigil.ChangeNote)
		close(told)
	}
	return told, func() { _ = f.note("leave changes") }
}

func (f *fakeEngine) AlertsWhere(_ context.Context, q portvigil.AlertFilter) ([]portvigil.Alert, int, error) {
	page, total := q.Page(f.alerts)
	return page, total, f.note("alerts where %+v", q)
}

func (f *fakeEngine) Alerts(_ context.Context, open bool) ([]portvigil.Alert, error) {
	return f.alerts, f.note("alerts open=%v", open)
}

func (f *fakeEngine) AlertCounts(_ context.Context, q portvigil.AlertFilter) (list []portvigil.AlertCount, err error) {
	q.Limit, q.Offset = 0, 0
	page, _ := q.Page(f.alerts)
	for _, a := range page {
		list = append(list, portvigil.AlertCount{State: a.State, Severity: a.Severity, Attention: a.Attention(), Count: 1})
	}
	return list, f.note("alert counts %+v", q)
}

func (f *fakeEngine) Alert(_ context.Context, id string) (portvigil.Alert, []portvigil.AuditEntry, error) {
	return f.alert, f.story, f.note("alert %q", id)
}

func (f *fakeEngine) Acknowledge(_ context.Context, by, id string, until *time.Time) (portvigil.Alert, error) {
	return f.alert, cmp.Or(f.note("ack %q until %v by %s", id, until, by), f.refuse[id])
}

func (f *fakeEngine) Investigate(_ context.Context, by, id string) (portvigil.Alert, error) {
	return f.alert, f.note("investigate %q by %s", id, by)
}

func (f *fakeEngine) Comment(_ context.Context, by, id, text string) (portvigil.Alert, error) {
	return f.alert, f.note("comment %q %q by %s", id, text, by)
}

func (f *fakeEngine) Resolve(_ context.Context, by, id string, q portvigil.ResolveRequest) (portvigil.Alert, error) {
	return f.alert, cmp.Or(f.note("resolve %q %s why=%s owner=%s by %s", id, q.Kind, q.Why, q.Owner, by), f.refuse[id])
}

func (f *fakeEngine) Baselines(context.Context) ([]portvigil.BaselineVersion, error) {
	if len(f.versions) > 0 {
		return f.versions[len(f.versions)-1:], f.note("baselines")
	}
	return f.baselines, f.note("baselines")
}

// Documents reads the newest of each, which hold for the hosts that name them.
func (f *fakeEngine) Documents(ctx context.Context) (list []portvigil.DocumentStatus, err error) {
	versions, err := f.Baselines(ctx)
	if err != nil {
		return nil, err
	}
	for _, v := range versions {
		d := portvigil.DocumentStatus{BaselineVersion: v}
		if d.Document, err = portvigil.ReadDocument(v.Kind, v.Name, []byte(v.Text)); err != nil {
			return nil, err
		}
		for _, h := range f.hosts {
			if v.Kind == "host" && h.Host.Name == v.Name || v.Kind == "group" && slices.Contains(h.Host.Groups, v.Name) {
				d.Hosts = append(d.Hosts, portvigil.SeenHost{Name: h.Host.Name, Doors: portvigil.DoorSights(h.Exposures)})
			}
		}
		list = append(list, d)
	}
	return list, nil
}

func (f *fakeEngine) BaselineVersions(_ context.Context, name string) ([]portvigil.BaselineVersion, error) {
	return nil, f.note("versions %q", name)
}

func (f *fakeEngine) Baseline(_ context.Context, host string) (portvigil.BaselineVersion, error) {
	return portvigil.BaselineVersion{Name: host}, f.note("baseline %q", host)
}

func (f *fakeEngine) Approve(_ context.Context, by, host string, q portvigil.ApproveRequest) (portvigil.BaselineVersion, error) {
	f.approved = q
	return portvigil.BaselineVersion{Name: host, Edit: f.edit}, f.note("approve %q %v why=%s owner=%s by %s", host, q.Doors, q.Why, q.Owner, by)
}

func (f *fakeEngine) RemoveDoor(_ context.Context, by, host, door string) (portvigil.BaselineVersion, error) {
	return portvigil.BaselineVersion{Name: host, Edit: f.edit}, f.note("remove door %q of %q by %s", door, host, by)
}

func (f *fakeEngine) ImportBaseline(_ context.Context, by string, docs []portvigil.BaselineVersion) ([]portvigil.BaselineVersion, error) {
	return docs, f.note("import %d by %s", len(docs), by)
}

func (f *fakeEngine) Document(_ context.Context, kind, name string) (portvigil.BaselineVersion, error) {
	if len(f.versions) == 0 {
		return portvigil.BaselineVersion{Kind: kind, Name: name}, f.note("document %s %q", kind, name)
	}
	return f.versions[len(f.versions)-1], f.note("document %s %q", kind, name)
}

func (f *fakeEngine) DocumentVersions(_ context.Context, kind, name string) ([]portvigil.BaselineVersion, error) {
	return slices.Clone(f.versions), f.note("versions of %s %q", kind, name)
}

func (f *fakeEngine) WriteDocument(_ context.Context, by string, d portvigil.BaselineVersion) (portvigil.BaselineVersion, error) {
	err := f.note("write %s %q from version %d why=%s by %s", d.Kind, d.Name, d.Version, d.Why, by)
	if err != nil {
		return d, err
	}
	if f.folder != "" {
		d.Edit = "--- a/web1.yaml\n+++ b/web1.yaml\n"
		return d, nil
	}
	if d.Version != len(f.versions) {
		return d, portvigil.Errorf(portvigil.CodeConflict, "the baseline has been changed meanwhile")
	}
	d.Version, d.By, d.Time = d.Version+1, by, noon
	f.versions = append(f.versions, d)
	return d, nil
}

func (f *fakeEngine) BaselineFolder() string { return f.folder }

func (f *fakeEngine) Agenda(context.Context) (portvigil.Agenda, error) {
	return f.agenda, f.note("agenda")
}

func (f *fakeEngine) Decide(_ context.Context, by string, q portvigil.ReviewRequest) (portvigil.BaselineVersion, error) {
	v := portvigil.BaselineVersion{Kind: q.Kind, Name: q.Name, Version: q.Version}
	if f.folder != "" {
		v.Edit = "--- a/web1.yaml\n+++ b/web1.yaml\n"
	}
	return v, f.note("decide %s %q version %d entry %d: %s why=%s owner=%s expires=%s by %s", q.Kind, q.Name, q.Version, q.Index, q.Verdict, q.Why, q.Owner, q.Expires, by)
}

func (f *fakeEngine) SignReview(_ context.Context, by string, s portvigil.ReviewSignature) (portvigil.Review, error) {
	return portvigil.Review{ID: "R1", Name: s.Name}, f.note("sign name=%s remark=%s leave=%v by %s", s.Name, s.Remark, s.Leave, by)
}

func (f *fakeEngine) PastReviews(ctx context.Context) (list []portvigil.ReviewSummary, err error) {
	all, err := f.Reviews(ctx)
	for _, r := range all {
		list = append(list, r.Summary())
	}
	return list, err
}

func (f *fakeEngine) Review(_ context.Context, id string) (portvigil.Review, error) {
	for _, r := range f.reviews {
		if r.ID == id {
			return r, f.note("review %q", id)
		}
	}
	return portvigil.Review{}, cmp.Or(f.note("review %q", id), error(portvigil.Errorf(portvigil.CodeNotFound, "there is no such review")))
}

func (f *fakeEngine) Reviews(context.Context) ([]portvigil.Review, error) {
	return f.reviews, f.note("reviews")
}

func (f *fakeEngine) Channels(context.Context) ([]portvigil.ChannelRow, error) {
	return f.channels, f.note("channels")
}

func (f *fakeEngine) Queued(context.Context) (map[string]int, error) {
	return f.queued, f.note("queued")
}

func (f *fakeEngine) Audit(_ context.Context, q portvigil.ActFilter) ([]portvigil.Act, int, error) {
	page, total := q.Page(f.acts)
	return page, total, f.note("audit by=%s people=%v of=%s since=%s from %d", q.By, q.People, q.Of, q.Since.UTC().Format(time.DateOnly), q.Offset)
}

func (f *fakeEngine) AddChannel(_ context.Context, by string, c portvigil.ChannelRow) (portvigil.ChannelRow, error) {
	return c, f.note("add channel %s %s settings=%s secret=%s by %s", c.Name, c.Kind, c.Settings, c.Secret, by)
}

func (f *fakeEngine) RemoveChannel(_ context.Context, by, name string) error {
	return f.note("remove channel %q by %s", name, by)
}

func (f *fakeEngine) TestChannel(_ context.Context, by, name string) error {
	return f.note("test channel %q by %s", name, by)
}

// newAccounts keeps nobody yet, and hashes cheaply.
func newAccounts() *account.Keeper {
	return account.NewKeeper(new(accounttest.Storage), account.Options{Clock: func() time.Time { return noon },
		Cost: account.Cost{Memory: 8, Passes: 1, Lanes: 1}})
}

// asAnn hands requests on as the Unix socket does.
func asAnn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(WithBy(r.Context(), "ann")))
	})
}

// logged is a logger, and what it wrote.
func logged() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}

// ask sends a request to the API as ann would.
func ask(t *testing.T, e Engine, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	log, _ := logged()
	return askLogged(t, e, log, method, path, body)
}

func askLogged(t *testing.T, e Engine, log *slog.Logger, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r = r.WithContext(WithBy(r.Context(), "ann"))
	w := httptest.NewRecorder()
	API(e, newAccounts(), func() string { return "http://127.0.0.1:7979/enter?token=T" }, log).ServeHTTP(w, r)
	return w
}

// failure reads the body of an answer that has to be an error.
func failure(t *testing.T, w *httptest.ResponseRecorder) APIError {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("the error's content type is %q", got)
	}
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	var e APIError
	if err := d.Decode(&e); err != nil {
		t.Fatalf("the answer %d is no error in JSON: %v", w.Code, err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Errorf("more follows after the error: %v", err)
	}
	return e
}

// site is the pages on a fake engine and a clock that the test moves.
type site struct {
	engine  *fakeEngine
	keeper  *Doorkeeper
	handler http.Handler
	now     time.Time
	log     *bytes.Buffer
}

const metricsToken = "METRICS"

func newSite(base string, e *fakeEngine) *site {
	s := &site{engine: e, now: noon}
	log, text := logged()
	s.log = text
	s.keeper = NewDoorkeeper(base, newAccounts(), func() time.Time { return s.now })
	s.handler = Pages(e, s.keeper, Surroundings{MetricsToken: metricsToken, MakeChannel: s.makeChannel, Operator: e.operator,
		Measure: func(context.Context) (Metrics, error) {
			return Metrics{Hosts: len(e.hosts), Channels: e.channels}, e.err
		},
		About: func(context.Context) (About, error) { return e.about, e.err },
	}, log)
	return s
}

const base = "http://127.0.0.1:7979"

// request sends one with what edit adds to it.
func (s *site) request(method, path string, edit func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, base+path, nil)
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// signIn opens a new link and returns the session's cookie.
func (s *site) signIn(t *testing.T) *http.Cookie {
	t.Helper()
	before := len(s.engine.asked())
	w := s.request("GET", strings.TrimPrefix(s.keeper.NewLink(), s.keeper.base), nil)
	s.engine.forget(before) // where the link leads is not what the test asks for
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("the link led to %d with %d cookies", w.Code, len(cookies))
	}
	return cookies[0]
}

// get asks for a page as somebody who is signed in.
func (s *site) get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	cookie := s.signIn(t)
	return s.request("GET", path, func(r *http.Request) { r.AddCookie(cookie) })
}
