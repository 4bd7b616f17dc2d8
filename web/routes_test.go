package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
)

// served is the API on the socket and on the pages' listener. Engine and
// accounts have what each route asks for, so that all of them answer 200 to who
// may ask.
type served struct {
	socket, listener http.Handler
	tokens           map[portvigil.TokenScope]string
	session          *http.Cookie
	engine           *fakeEngine
}

func serve(t *testing.T) *served {
	t.Helper()
	site, k := newSite(base, fullEngine()), newAccounts()
	log, _ := logged()
	api := API(site.engine, k, func() string { return base + "/enter?token=T" }, log)
	s := &served{socket: asAnn(api), listener: Site(site.handler, Remote(api, k, site.keeper, log)),
		tokens: map[portvigil.TokenScope]string{}, session: site.signIn(t), engine: site.engine}
	withFactor(t, k, "web1")
	for name, scope := range map[string]portvigil.TokenScope{"web1": portvigil.ReadScope, "reader": portvigil.ReadScope,
		"writer": portvigil.WriteScope, "admin": portvigil.AdminScope} {
		_, secret, err := k.AddToken(t.Context(), "root", name, scope, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if name != "web1" { // which the routes that take a token's name have for theirs
			s.tokens[scope] = secret
		}
	}
	return s
}

// withFactor adds a user who has a second factor.
func withFactor(t *testing.T, k *account.Keeper, name string) {
	t.Helper()
	const password = "correct horse battery staple"
	u, err := k.AddUser(t.Context(), "root", name, password)
	if err != nil {
		t.Fatal(err)
	}
	enrolment, err := k.BeginFactor(t.Context(), netip.Addr{}, u, password)
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCode(strings.ReplaceAll(enrolment.Secret, " ", ""), noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.ConfirmFactor(t.Context(), netip.Addr{}, u, code); err != nil {
		t.Fatal(err)
	}
}

// requestOf is a request that the route answers with 200: its example, or what is
// as simple.
func requestOf(t *testing.T, r route) *http.Request {
	t.Helper()
	method, path, _ := strings.Cut(r.pattern, " ")
	path = strings.NewReplacer("{name}", "web1", "{id}", "A1", "{port}", "80", "{proto}", "tcp").Replace(path)
	for i, q := range r.query {
		path += string("?&"[min(i, 1)]) + q.name + "=" + map[reflect.Type]string{timeType: "2026-05-03T12:00:00Z", reflect.TypeFor[bool](): "true"}[q.of]
	}
	var body bytes.Buffer
	format := "application/json"
	switch {
	case r.takes.lines != nil:
		format = "application/jsonl"
		body.WriteString(report(t))
	case r.takes.of != nil:
		if err := json.NewEncoder(&body).Encode(r.example); err != nil {
			t.Fatalf("%s: write the example: %v", r.pattern, err)
		}
	}
	q := httptest.NewRequest(method, base+path, &body)
	q.Header.Set("Content-Type", format)
	return q
}

// fullEngine answers with every field that there is, where it is easily had.
func fullEngine() *fakeEngine {
	h, a := sampleHost(), sampleAlert()
	container, probability, until := "c0ffee", 9e-7, noon.Add(time.Hour)
	a.Process.Container, a.Process.Package = &container, &portvigil.Package{Distro: "debian", Name: "exporter", Version: "1.5"}
	a.Service.Banner, a.Service.CPE = []byte("\x00\xff"), []string{"cpe:2.3:a:x:y:1:*:*:*:*:*:*:*"}
	a.Service.Certificate = &portvigil.Certificate{SHA256: "00", Names: []string{"web1"}}
	a.Cause = &portvigil.Cause{ID: "C1", Kind: portvigil.CauseReboot, Text: "web1 was started anew", Count: 2}
	a.State, a.Resolution = portvigil.AlertResolved, &portvigil.Resolution{Kind: portvigil.ResolvedAccepted, By: "ann", Until: &until, Time: noon}
	a.Endpoints[0].Also = []portvigil.Verdict{portvigil.Changed}
	a.Endpoints = append(a.Endpoints, portvigil.AlertEndpoint{Proto: portvigil.UDP, Ports: "1-100", Verdict: portvigil.Gap})
	h.Alerts = []portvigil.Alert{a}
	h.Exposures[0].Entry = &portvigil.Entry{Ports: portvigil.PortRange{First: 80, Last: 80}, Proto: portvigil.TCP, Why: "the shop",
		Address: netip.MustParsePrefix("10.0.0.0/8"), From: []string{"office"}, Expires: portvigil.Date{Year: 2027, Month: 6, Day: 30}}
	h.Exposures[0].Allow = &portvigil.Allow{Why: "nightly"}
	h.Exposures[0].Differences = []portvigil.Difference{{Field: "product", Want: "nginx", Got: "Apache httpd"}}
	h.Host.Addresses[0].Kind, h.Host.Waiting = portvigil.AddressOwn, []netip.Addr{netip.MustParseAddr("2001:db8::1")}
	h.Host.Maintenance = &portvigil.Maintenance{Until: until, Why: "disks", By: "ann", Since: noon}

	outside := portvigil.Look{ID: "L1", Run: "R1", Host: "web1", View: portvigil.Outside, Vantage: "office", Reach: portvigil.ReachInternal,
		Address: netip.MustParseAddr("10.0.0.1"), Proto: portvigil.TCP, Ports: portvigil.PortsOf(80, 81), Method: portvigil.MethodSYN,
		Started: noon, Ended: noon, Complete: true, MissProbability: &probability, Loss: &portvigil.Loss{Bound: 0.001, Samples: 3}, DefaultState: portvigil.StateFiltered,
		Observations: []portvigil.Observation{{Port: 80, State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck, Service: a.Service}}}
	return &fakeEngine{host: h, hosts: []portvigil.HostStatus{h, {}}, alert: a, alerts: []portvigil.Alert{a, sampleAlert()},
		story:    []portvigil.AuditEntry{{ID: "S1", Alert: a.ID, Time: noon, By: "ann", What: "comment", Text: "asked bob"}},
		channels: []portvigil.ChannelRow{{ID: "C1", Name: "ops", Kind: "email", Settings: json.RawMessage(`{"to":["ops@example.com"]}`), LastError: "refused", LastFailure: noon}, {Name: "team"}},
		look: func(_ context.Context, send func(portvigil.LookEvent) error) error {
			port, out := portvigil.PortRecords(&outside)[0], portvigil.RecordOfLook(&outside)
			listener, in := sampleInside(a.Process)
			for _, e := range []portvigil.LookEvent{
				{Progress: &portvigil.LookProgress{Address: "10.0.0.1", Share: 0.5, Waits: "another look runs"}}, {Port: &port}, {Look: &out},
				{Listener: &listener},
				{Look: &in}, {Done: &portvigil.LookOutcome{Complete: true, OpenAlerts: 1}},
			} {
				if err := send(e); err != nil {
					return err
				}
			}
			return nil
		}}
}

// sampleInside is what check prints of a host with one door.
func sampleInside(p *portvigil.Process) (portvigil.ListenerRecord, portvigil.LookRecord) {
	l := portvigil.Listener{Proto: portvigil.TCP, Address: netip.IPv6Unspecified(), Port: 9100, Scope: portvigil.ScopeAny, Process: p}
	look := portvigil.Look{ID: "L2", Run: "R2", Host: "web1", View: portvigil.Inside, Covers: []portvigil.Coverage{portvigil.CoversSockets}, Complete: true,
		Method: portvigil.MethodSockDiag, Boot: &portvigil.Boot{ID: "B1", Time: noon}, Notes: []string{"no-answer"}, Listeners: []portvigil.Listener{l}}
	return portvigil.ListenerRecord{Type: "listener", Time: noon, Listener: l}, portvigil.RecordOfLook(&look)
}

// report is that as JSON Lines.
func report(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	listener, look := sampleInside(nil)
	for _, record := range []any{listener, look} {
		if err := enc.Encode(record); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
