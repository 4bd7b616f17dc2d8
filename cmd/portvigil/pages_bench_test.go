package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/scan"
	"github.com/portvigil/portvigil/store"
	"github.com/portvigil/portvigil/watch"
	"github.com/portvigil/portvigil/web"
	"github.com/portvigil/portvigil/web/account"
)

var (
	pageHosts = flag.Int("page-hosts", 0, "how many hosts the pages are measured with; 0 for a quick look that they answer")
	pageURL   = flag.String("page-database", "", "the empty PostgreSQL to measure in; none: SQLite")
)

// What each host of the measurement has: doors, and one of them unexplained.
const (
	pageDoors  = 20
	pageAlerts = 10 // in all, a host: one of them open
)

// TestPagesAnswerInTime asks what the pages ask, and for the pages themselves, of the
// real engine over a real database with 500 hosts of 20 doors and 5,000 alerts. Each
// is asked while nothing changes, after a look at one host has come in, and by eight
// at once after one.
func TestPagesAnswerInTime(t *testing.T) {
	n, asked := *pageHosts, 40
	if n == 0 {
		n, asked = 3, 3
	}
	f := newFleet(t, n)
	ctx := t.Context()
	began := time.Now()
	overview, err := f.start().Overview(ctx)
	if err != nil || len(overview) != n || overview[0].Doors[portvigil.Expected] != pageDoors-1 {
		t.Fatalf("got %d hosts, %v; want %d of %d doors", len(overview), err, n, pageDoors)
	}
	t.Logf("the first Overview took %s", time.Since(began).Round(time.Millisecond))
	alerts, err := f.engine.Alerts(ctx, true)
	if err != nil || len(alerts) != n {
		t.Fatalf("got %d open alerts, %v; want one a host", len(alerts), err)
	}
	for _, q := range slices.Concat(f.questions(alerts), f.pages(t, alerts)) {
		for _, when := range []struct {
			name   string
			looks  bool
			atOnce int
		}{{"at rest", false, 1}, {"after a look", true, 1}, {"by 8 at once", true, 8}} {
			var took []time.Duration
			var work time.Duration
			for len(took) < asked {
				if when.looks {
					f.look(t, len(took)%n)
				}
				before := worked(t)
				took = append(took, q.askedBy(t, when.atOnce)...)
				work += worked(t) - before
			}
			slices.Sort(took)
			t.Logf("%-48s %-12s p50 %8s  p95 %8s  work %8s", q.name, when.name, took[len(took)/2].Round(10*time.Microsecond),
				took[len(took)*95/100].Round(10*time.Microsecond), (work / time.Duration(len(took))).Round(10*time.Microsecond))
		}
	}
}

// askedBy has so many ask at once, and returns how long each waited.
func (q question) askedBy(t *testing.T, n int) []time.Duration {
	t.Helper()
	took, failed := make([]time.Duration, n), make([]error, n)
	var asking sync.WaitGroup
	for i := range n {
		asking.Go(func() {
			began := time.Now()
			failed[i] = q.ask(t.Context())
			took[i] = time.Since(began)
		})
	}
	asking.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Fatalf("%s: %v", q.name, err)
	}
	return took
}

// worked is the processors' time that this process has had: what it takes also where
// others use the machine.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// question is one that a page asks.
type question struct {
	name string
	ask  func(context.Context) error
}

func (f *fleet) questions(open []portvigil.Alert) []question {
	return []question{
		{"Overview", func(ctx context.Context) error { _, err := f.engine.Overview(ctx); return err }},
		{"Documents", func(ctx context.Context) error { _, err := f.engine.Documents(ctx); return err }},
		{"Agenda", func(ctx context.Context) error { _, err := f.engine.Agenda(ctx); return err }},
		{"Hosts", func(ctx context.Context) error { _, err := f.engine.Hosts(ctx); return err }},
		{"Host", func(ctx context.Context) error { _, err := f.engine.Host(ctx, pageHost(0)); return err }},
		{"Alerts(open)", func(ctx context.Context) error { _, err := f.engine.Alerts(ctx, true); return err }},
		{"AlertsWhere(text), a page", func(ctx context.Context) error {
			_, _, err := f.engine.AlertsWhere(ctx, portvigil.AlertFilter{Text: "host001 nginx", Limit: 50})
			return err
		}},
		{"AlertsWhere(severity), page 40", func(ctx context.Context) error {
			_, _, err := f.engine.AlertsWhere(ctx, portvigil.AlertFilter{Order: portvigil.BySeverity, Limit: 50, Offset: 2000})
			return err
		}},
		{"AlertCounts", func(ctx context.Context) error {
			_, err := f.engine.AlertCounts(ctx, portvigil.AlertFilter{})
			return err
		}},
		{"HostHistory, 30 days", func(ctx context.Context) error {
			_, err := f.engine.HostHistory(ctx, pageHost(0), time.Now().Add(-30*24*time.Hour), time.Now())
			return err
		}},
		{"Audit of people, a page", func(ctx context.Context) error {
			_, _, err := f.engine.Audit(ctx, portvigil.ActFilter{People: true, Limit: 50})
			return err
		}},
		{"Alert", func(ctx context.Context) error { _, _, err := f.engine.Alert(ctx, open[0].ID); return err }},
	}
}

// mostWeight is what a page may weigh with all that it loads, in bytes.
const mostWeight = 150 << 10

// pages are all pages, as a browser gets them.
func (f *fleet) pages(t *testing.T, open []portvigil.Alert) (list []question) {
	accounts := account.NewKeeper(registry{f.ground.Store}, account.Options{})
	d := web.NewDoorkeeper("http://127.0.0.1:7979", accounts, time.Now)
	l := &lookers{outside: &view{}, inside: &view{}}
	handler := web.Pages(f.engine, d, web.Surroundings{MetricsToken: "secret", Measure: measure(f.ground, f.engine, l, nil),
		About: (&app{}).about(f.ground, l, serveOptions{}, time.Now())}, slog.New(slog.DiscardHandler))
	var session *http.Cookie
	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "http://127.0.0.1:7979"+path, nil)
		if session != nil {
			r.AddCookie(session)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	_, token, _ := strings.Cut(d.NewLink(), "?")
	session = get("/enter?" + token).Result().Cookies()[0]
	shared := 0
	for _, path := range []string{"/style.css", "/app.js", "/mark.svg"} {
		shared += get(path).Body.Len()
	}
	for _, path := range f.paths(open[0].ID) {
		w := get(path)
		if w.Code != http.StatusOK {
			t.Errorf("%s answered %d", path, w.Code)
		}
		if weight := shared + w.Body.Len(); weight > mostWeight && path != "/metrics" {
			t.Errorf("%s weighs %d bytes, want at most %d", path, weight, mostWeight)
		}
		name := strings.NewReplacer(open[0].ID, "ID", f.signed.ID, "ID").Replace(path)
		list = append(list, question{fmt.Sprintf("%s (%d KiB)", name, (shared+w.Body.Len())>>10), func(context.Context) error {
			if w := get(path); w.Code != http.StatusOK {
				return fmt.Errorf("answered %d", w.Code)
			}
			return nil
		}})
	}
	return list
}

// paths are those of every page that is more than a form.
func (f *fleet) paths(alert string) []string {
	host := pageHost(0)
	tomorrow := time.Now().AddDate(0, 0, 1).UTC().Format(time.DateOnly)
	return []string{"/", "/alerts", "/alerts?state=all&page=30", "/alerts?state=all&order=severity&page=30", "/alerts?state=resolved", "/alerts?q=nginx", "/alerts/" + alert,
		"/hosts", "/hosts?q=host04", "/hosts/" + host, "/hosts/" + host + "/explain", "/hosts/" + host + "/history", "/hosts/" + host + "/past?at=" + tomorrow,
		"/baseline", "/baseline/" + host, "/baseline/" + host + "/entry?k=3", "/baseline/" + host + "/remove?k=3", "/baseline/" + host + "/text", "/baseline/" + host + "/versions",
		"/baseline/" + pageGroup + "?kind=group", "/baseline/" + pageGroup + "/remove?kind=group&k=0", "/review", "/review/" + f.signed.ID,
		"/start", "/channels", "/channels/add", "/users", "/tokens", "/scope", "/settings", "/audit", "/audit?what=people", "/about", "/account", "/docs/api", "/metrics"}
}

// fleet is an engine with hosts that were looked at from both sides.
type fleet struct {
	engine *watch.Engine
	ground ground
	net    *pretended
	signed portvigil.Review
}

// pageGroup is whose document holds for every host.
const pageGroup = "house"

func pageHost(i int) string { return fmt.Sprintf("host%03d", i) }

func pageAddress(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{203, 0, byte(i / 250), byte(1 + i%250)})
}

func newFleet(t *testing.T, n int) *fleet {
	t.Helper()
	s, err := store.Open(t.Context(), t.TempDir(), store.Options{Database: *pageURL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fleet{ground: ground{s}, net: &pretended{}}
	f.engine = f.start()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var documents []portvigil.BaselineVersion
	for i := range n {
		var b strings.Builder
		fmt.Fprintf(&b, "version: 1\nhost: %s\ngroups: [%s]\nentries:\n", pageHost(i), pageGroup)
		for door := range pageDoors - 1 {
			fmt.Fprintf(&b, "  - {port: %d, proto: tcp, why: service %d of the house, owner: ops}\n", 1000+door, door)
		}
		documents = append(documents, portvigil.BaselineVersion{Kind: "host", Name: pageHost(i), Text: b.String()})
	}
	documents = append(documents, portvigil.BaselineVersion{Kind: "group", Name: pageGroup,
		Text: "version: 1\ngroup: " + pageGroup + "\nentries:\n  - {port: 30000-30100, proto: tcp, why: what comes and goes, owner: ops}\n"})
	_, err = f.engine.ImportBaseline(t.Context(), "ann", documents)
	must(err)
	for i := range n {
		_, err := f.engine.AddHost(t.Context(), "ann", portvigil.Host{Name: pageHost(i), Targets: []string{pageAddress(i).String()}})
		must(err)
	}
	f.net.doors = pageDoors - 1
	f.lookAtAll(t, n)
	f.net.doors = pageDoors // one opens, and is news
	f.lookAtAll(t, n)
	alerts, err := f.engine.Alerts(t.Context(), true)
	must(err)
	must(f.ground.Update(t.Context(), func(tx watch.Tx) error { return resolvedBefore(tx, alerts) }))
	agenda, err := f.engine.Agenda(t.Context())
	must(err)
	must(f.ground.Update(t.Context(), func(tx watch.Tx) (err error) { f.signed, err = reviewed(tx, agenda.Items); return err }))
	return f
}

// reviewed puts a review there that was signed when half of the entries were decided
// about, and one that is open, in which half of the others are.
func reviewed(tx watch.Tx, items []portvigil.ReviewItem) (signed portvigil.Review, err error) {
	begun := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	signed = portvigil.Review{ID: portvigil.NewID(), Begun: begun, By: "ann", Signed: begun.Add(time.Minute), SignedBy: "ann", Name: "Ann"}
	open := portvigil.Review{ID: portvigil.NewID(), Begun: begun.Add(2 * time.Minute), By: "ann"}
	for k, i := range items {
		entry := portvigil.ReviewedEntry{Kind: i.Kind, Name: i.Name, Target: i.Entry.Target(), Text: portvigil.FormatEntry(i.Entry)}
		decision := portvigil.ReviewDecision{Kind: i.Kind, Name: i.Name, Version: i.Version, Target: entry.Target, Verdict: portvigil.ReviewKeep, Text: entry.Text, By: "ann", Time: begun}
		switch k % 4 {
		case 0, 1:
			signed.Decisions = append(signed.Decisions, decision)
		case 2:
			open.Decisions = append(open.Decisions, decision)
			signed.Left = append(signed.Left, entry)
		case 3:
			signed.Left = append(signed.Left, entry)
		}
	}
	newest, err := tx.Baselines()
	for _, v := range newest {
		signed.Documents = append(signed.Documents, portvigil.ReviewedDocument{Kind: v.Kind, Name: v.Name, Version: v.Version})
	}
	open.Documents = signed.Documents
	return signed, errors.Join(err, tx.PutReview(signed), tx.PutReview(open))
}

// start returns an engine that has read nothing yet.
func (f *fleet) start() *watch.Engine {
	return watch.New(f.ground, f.net, nobody{}, watch.Options{LinkBase: "http://127.0.0.1:8080"})
}

// lookAtAll makes the looks that are wanted, and one inside of each host.
func (f *fleet) lookAtAll(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		f.look(t, i)
	}
}

// look has one host looked at from outside, and reported from inside.
func (f *fleet) look(t *testing.T, i int) {
	t.Helper()
	var wanted []portvigil.LookRequest
	err := f.ground.View(t.Context(), func(tx watch.Tx) error {
		h, err := tx.Host(pageHost(i))
		if err != nil {
			return err
		}
		wanted, err = tx.OpenRequests(h.ID)
		return err
	})
	if err == nil && len(wanted) == 0 {
		t.Fatalf("no look at %s is wanted", pageHost(i))
	}
	if err == nil {
		err = f.engine.MakeLook(t.Context(), wanted[0].ID)
	}
	if err == nil {
		_, err = f.engine.Report(t.Context(), pageHost(i), f.net.inside())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// resolvedBefore puts alerts beside the open ones that ended long ago, each with
// its story.
func resolvedBefore(tx watch.Tx, open []portvigil.Alert) error {
	for _, a := range open {
		for age := range pageAlerts - 1 {
			old := a
			old.ID, old.State = portvigil.NewID(), portvigil.AlertResolved
			old.Opened = a.Opened.Add(-time.Duration(age+2) * 24 * time.Hour)
			old.Changed = old.Opened.Add(time.Hour)
			old.Resolution = &portvigil.Resolution{Kind: portvigil.ResolvedShut, By: "ann", Why: "it was a test", Time: old.Changed}
			if err := tx.PutAlert(old); err != nil {
				return err
			}
			for step, what := range []string{"opened", "acknowledged", "resolved"} {
				by := []string{watch.System, "ann", "ann"}[step]
				entry := portvigil.AuditEntry{ID: portvigil.NewID(), Alert: old.ID, Time: old.Opened.Add(time.Duration(step) * time.Minute), By: by, What: what, Text: old.Text}
				if err := tx.AddAudit(entry); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// pretended is a network in which every host has the same doors.
type pretended struct{ doors int }

func (p *pretended) Look(_ context.Context, t watch.OutsideTarget, _ func(portvigil.LookProgress)) (*portvigil.Look, error) {
	now := time.Now().UTC()
	l := &portvigil.Look{ID: portvigil.NewID(), Run: t.Run, View: portvigil.Outside, Vantage: "local", Reach: portvigil.ReachInternet, Address: t.Address,
		Proto: portvigil.TCP, Ports: portvigil.AllPorts(), Method: portvigil.MethodConnect, Started: now, Ended: now, Complete: true, DefaultState: portvigil.StateFiltered}
	if t.Proto == portvigil.UDP {
		return silence(t, now, now), nil
	}
	for door := range p.doors {
		l.Observations = append(l.Observations, portvigil.Observation{Port: uint16(1000 + door), State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck,
			Service: &portvigil.Service{Name: "http", Product: "nginx", Version: "1.26.0", Connected: true, Banner: []byte("HTTP/1.1 200 OK\r\nServer: nginx/1.26.0\r\n\r\n")}})
	}
	return l, nil
}

func (p *pretended) Resolve(_ context.Context, target string) ([]netip.Addr, error) {
	a, err := netip.ParseAddr(target)
	return []netip.Addr{a}, err
}

func (p *pretended) ParsePorts(spec string) (portvigil.PortSpec, error) { return scan.ParsePorts(spec) }

// nobody is told anything.
type nobody struct{}

func (nobody) Send(context.Context, portvigil.ChannelRow, portvigil.Delivery) error { return nil }
func (nobody) Check(portvigil.ChannelRow) error                                     { return nil }

// inside is what a host reports of itself, as check --json prints it.
func (p *pretended) inside() io.Reader {
	var b bytes.Buffer
	out, now := json.NewEncoder(&b), time.Now().UTC()
	for door := range p.doors {
		l := portvigil.Listener{Proto: portvigil.TCP, Address: netip.IPv4Unspecified(), Port: uint16(1000 + door), Scope: portvigil.ScopeAny,
			Process: &portvigil.Process{PID: 800 + door, Exe: "/usr/sbin/nginx", User: "www-data"}}
		if err := out.Encode(portvigil.ListenerRecord{Type: "listener", Time: now, Listener: l}); err != nil {
			panic(err) // into memory
		}
	}
	look := portvigil.LookRecord{Type: "look", Time: now, ID: portvigil.NewID(), Run: portvigil.NewID(), View: portvigil.Inside,
		Covers: []portvigil.Coverage{portvigil.CoversSockets, portvigil.CoversOwners}, Method: portvigil.MethodSockDiag,
		Started: now, Ended: now, Complete: true, Open: p.doors}
	if err := out.Encode(look); err != nil {
		panic(err)
	}
	return &b
}
