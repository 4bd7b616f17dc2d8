package web

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

// apiDocument is the API's document, read once.
var apiDocument = sync.OnceValue(readDocument)

// enum is every value that a type can have, as the API's document has them, which is
// made from the code.
func enum[T ~string](t *testing.T, name string) (list []T) {
	t.Helper()
	for _, value := range apiDocument().Components.Schemas[name].Enum {
		list = append(list, T(value))
	}
	if len(list) == 0 {
		t.Fatalf("the API has no type %s with values", name)
	}
	return list
}

// anAlert is an alert of the kind and in the state, as web1 raises and people leave it.
func anAlert(id string, kind portvigil.Kind, state portvigil.AlertState) portvigil.Alert {
	e := edited(alertOf(kind))
	a := e.alert
	a.ID, a.State, a.Severity = id, state, kind.Info().Severity
	switch a.Family {
	case portvigil.FamilyHealth, portvigil.FamilyBaseline:
		if kind != portvigil.DoorsToExplain {
			a.Endpoints, a.Views, a.Host, a.Subject = nil, portvigil.AlertViews{}, "", portvigil.Subject{Kind: "vantage", Name: "office"}
		}
	}
	switch kind {
	case portvigil.ChannelFailing:
		a.Subject = portvigil.ChannelSubject("team")
	case portvigil.Kind(portvigil.Missing):
		a.Service, a.Process, a.Views.Inside = nil, nil, nil
	case portvigil.ManyDoors:
		a.Endpoints = []portvigil.AlertEndpoint{{Proto: portvigil.TCP, Ports: "1000-2000", Verdict: portvigil.UnexpectedExposed}}
	case portvigil.DoorsToExplain:
		bare, explained := a.Endpoints[0], a.Endpoints[0]
		bare.Port, bare.Service, bare.Process = 22, nil, nil
		explained.Port, explained.Explained = 80, true
		a.Endpoints = append(a.Endpoints, bare, explained)
	}
	switch state {
	case portvigil.AlertWaitingBaseline:
		a.Edit = "--- a/web1.yaml\n+++ b/web1.yaml\n@@ -3 +3,2 @@\n+  - {port: 9100, proto: tcp}\n"
	case portvigil.AlertWaitingShut:
		a.Memory.ShutAsked, a.Memory.ShutBy = &noon, "ann"
	}
	a.Text = a.Sentence()
	return a
}

// endedAs is the alert after it was resolved in that way.
func endedAs(a portvigil.Alert, kind portvigil.ResolutionKind, by string) portvigil.Alert {
	until := noon.Add(24 * time.Hour)
	a.State, a.Changed = portvigil.AlertResolved, noon.Add(-time.Minute)
	a.Resolution = &portvigil.Resolution{Kind: kind, By: by, Time: noon.Add(-time.Minute)}
	switch kind {
	case portvigil.ResolvedAccepted:
		a.Resolution.Why, a.Resolution.Owner, a.Resolution.Until = "until the move", "ann", &until
	case portvigil.ResolvedExpected, portvigil.ResolvedFalse:
		a.Resolution.Why, a.Resolution.Owner = "the shop", "bob"
	}
	return a
}

// busyAlerts are an alert of every kind, in every state, of every severity, and
// resolved in every way: by people, and by itself.
func busyAlerts(t *testing.T) (list []portvigil.Alert) {
	id := func() string { return fmt.Sprintf("01a20a40-e9a6-74f7-a457-%012d", len(list)) }
	states := portvigil.OpenStates()
	for i, info := range alertKinds() {
		list = append(list, anAlert(id(), info.Kind, states[i%len(states)]))
	}
	for _, severity := range enum[portvigil.Severity](t, "Severity") {
		a := sampleAlert()
		a.ID, a.Severity = id(), severity
		list = append(list, a)
	}
	for _, kind := range enum[portvigil.ResolutionKind](t, "ResolutionKind") {
		list = append(list, endedAs(anAlert(id(), portvigil.Kind(portvigil.UnexpectedExposed), portvigil.AlertNew), kind, "ann"))
	}
	list = append(list, endedAs(anAlert(id(), portvigil.Kind(portvigil.UnexpectedExposed), portvigil.AlertNew), portvigil.ResolvedCleared, machine))
	list[0].Reopened, list[0].Cause = 2, &portvigil.Cause{Kind: portvigil.CauseSameDoor, Text: "the same new door on several hosts: 9100/tcp", Count: 3}
	return list
}

// busyDoors are doors of web1 with every verdict, and where they can be in the picture.
func busyDoors(t *testing.T) (list []portvigil.Exposure) {
	a := sampleAlert()
	for i, v := range enum[portvigil.Verdict](t, "Verdict") {
		x := portvigil.Exposure{Endpoint: portvigil.Endpoint{Host: "web1", Address: a.Endpoints[0].Address, Proto: portvigil.TCP, Port: uint16(8000 + i)},
			Verdict: v, Views: a.Views, Service: a.Service, Process: a.Process, Looks: []string{"L1", "L2"}, Since: noon.Add(-time.Hour)}
		switch v {
		case portvigil.Allowed:
			x.Allow = &portvigil.Allow{Why: "nightly build"}
		case portvigil.Pending:
			x.Awaits, x.Service, x.Process = "a second look", nil, nil
		case portvigil.UnexpectedExposed:
			x.Introduced, x.Also, x.Looks = true, []portvigil.Verdict{portvigil.Gap}, []string{"1", "2", "3", "4", "5", "6", "7"}
		case portvigil.UnexpectedListening:
			x.Views.Outside, x.Since = nil, time.Time{}
			x.Print.Scope = portvigil.ScopeAny
		case portvigil.Changed:
			x.Entry = &portvigil.Entry{Why: "the shop", Owner: "ann", Expires: portvigil.Date{Year: 2027, Month: 6, Day: 30}}
			x.Differences = []portvigil.Difference{{Field: "product", Want: "nginx", Got: "Apache httpd"}}
			x.Service = &portvigil.Service{Name: "https", TLS: true, Certificate: &portvigil.Certificate{Subject: "CN=web1", SelfSigned: true, NotAfter: noon.Add(24 * time.Hour)}}
		case portvigil.Missing, portvigil.Unverified:
			x.Views, x.Entry, x.Service, x.Process = portvigil.AlertViews{}, &portvigil.Entry{}, nil, nil
		case portvigil.Expected:
			x.Entry = &portvigil.Entry{Why: "the shop"}
			x.Service = &portvigil.Service{Name: "https", Product: "nginx", Certificate: &portvigil.Certificate{Subject: "CN=web1", NotAfter: noon.Add(90 * 24 * time.Hour)}}
		case portvigil.Gap:
			x.Ports, x.Views = "8000-8020", portvigil.AlertViews{}
		case portvigil.None:
			x.Views.Outside, x.Print.Scope = nil, portvigil.ScopeLoopback
		}
		list = append(list, x)
	}
	return list
}

// busy is a site with three hosts and all that can happen on one.
func busy(t *testing.T) *fakeEngine {
	t.Helper()
	alerts := busyAlerts(t)
	web, db, mail := sampleHost(), sampleHost(), sampleHost()
	web.Exposures, web.Alerts, web.Kept = busyDoors(t), slices.DeleteFunc(slices.Clone(alerts), func(a portvigil.Alert) bool { return !a.Open() }), "its network is looked at twice already"
	web.Host.Addresses = append(web.Host.Addresses, portvigil.HostAddress{Address: netip.MustParseAddr("2001:db8::7"), Name: "web1.example.org"})
	web.NextInside = noon.Add(time.Hour)
	web.Views = append(slices.Clone(web.Views), silentView(), portvigil.ViewStatus{View: portvigil.Outside, Vantage: "office", Address: "2001:db8::7", Proto: portvigil.UDP})
	web.Views[1].Notes = []string{"rate-limited: 200 answers a second"}
	db.Host.Name, db.Alerts, db.Host.Groups = "db1", nil, []string{"databases"}
	db.Views = append(slices.Clone(db.Views), portvigil.ViewStatus{View: portvigil.Outside, Vantage: "office", Address: "10.0.0.3", Proto: portvigil.TCP})
	db.Views[1].Fresh = false
	mail.Host.Name, mail.Alerts = "mail1", nil
	mail.Host.Maintenance = &portvigil.Maintenance{Until: noon.Add(time.Hour), Why: "upgrade", By: "bob", Since: noon}
	e := &fakeEngine{host: web, hosts: []portvigil.HostStatus{web, db, mail}, alert: alerts[1], alerts: alerts, queued: map[string]int{"C2": 3}}
	e.channels = []portvigil.ChannelRow{
		{ID: "C1", Name: "ops", Kind: emailKind, Settings: settingsOf("ops@example.org through mail:25"), LastSuccess: noon.Add(-time.Hour)},
		{ID: "C2", Name: "team", Kind: slackKind, Settings: settingsOf("https://hooks.slack.com"), LastError: "post to Slack: no_service", LastFailure: noon, FailingSince: noon.Add(-time.Hour)},
		{ID: "C3", Name: "desk", Kind: webhookKind, Settings: json.RawMessage("]")},
		{ID: "C4", Name: "pager", Kind: "pager", Settings: settingsOf("it"), LastError: "refused"},
	}
	for i, what := range []string{"opened", "re-opened", "risen", "acknowledged", "investigating", "comment", "rows changed", "cleared"} {
		e.story = append(e.story, portvigil.AuditEntry{ID: what, Time: noon.Add(time.Duration(i-9) * time.Minute), By: []string{machine, "ann"}[i%2], What: what, Text: "why it is so\nin two lines"})
	}
	for _, subject := range []portvigil.Subject{{Kind: "alert", Name: "A1"}, {Kind: "host", Name: "web1"}, {Kind: "network", Name: "10.0.0.0/8"}, {Kind: "setting", Name: "x"}} {
		e.acts = append(e.acts, portvigil.Act{ID: subject.Kind, Time: noon.Add(-time.Hour), By: "ann", What: "done", Text: "what it was", Subject: subject, Host: "web1"})
	}
	e.acts = append(e.acts, portvigil.Act{ID: "x", Time: noon.Add(-time.Hour), By: machine, What: "opened", Subject: portvigil.Subject{Kind: "alert", Name: "A2"}})
	e.versions = []portvigil.BaselineVersion{version(1, sampleText), version(2, sampleText+"# more\n")}
	e.versions[1].Why = ""
	e.agenda, e.reviews = busyReview()
	e.scope = []portvigil.ScopeRule{{Prefix: netip.MustParsePrefix("10.0.0.0/8"), By: "ann", Added: noon}, {Prefix: netip.MustParsePrefix("10.9.0.0/16"), Deny: true, By: "bob", Added: noon}}
	e.timeline, e.past = busyPast()
	e.about = About{Version: "0.5.0", Go: "go1.26", System: "linux/amd64", Revision: "c0ffee", Built: noon, Started: noon.Add(-time.Hour), Database: "SQLite", DatabaseBytes: 1 << 20,
		Limits: []string{"it may not send raw packets"}, Processes: []AboutProcess{{"core", "decides", "see packets", 0}, {"scanner", "looks", "see files", 2}}}
	return e
}

// busyReview is a review that is under way, and those that were signed.
func busyReview() (portvigil.Agenda, []portvigil.Review) {
	entry := func(port uint16) portvigil.Entry {
		return portvigil.Entry{Ports: portvigil.PortRange{First: port, Last: port}, Proto: portvigil.TCP, Service: "HTTP", Why: "the shop", Owner: "ann", Scope: portvigil.ScopePrivate,
			From: []string{"office"}, Expires: portvigil.Date{Year: 2026, Month: 12, Day: 1}, Address: netip.MustParsePrefix("10.0.0.0/8")}
	}
	item := func(k int, sight portvigil.EntrySight, reasons ...portvigil.ReviewReason) portvigil.ReviewItem {
		return portvigil.ReviewItem{Kind: "host", Name: "web1", Version: 2, Index: k, Entry: entry(uint16(80 + k)), Reasons: reasons, Sight: sight}
	}
	decided := portvigil.ReviewDecision{Kind: "host", Name: "web1", Version: 2, Target: "22/tcp", Verdict: portvigil.ReviewKeep, Text: "  - port: 22\n", By: "ann", Time: noon}
	begun := portvigil.Review{ID: "R2", Begun: noon.Add(-time.Hour), By: "ann", Decisions: []portvigil.ReviewDecision{decided}}
	last := portvigil.Review{ID: "R1", Begun: noon.Add(-720 * time.Hour), By: "ann", Signed: noon.Add(-700 * time.Hour), SignedBy: "ann", Name: "Ann A.", Remark: "all well",
		Decisions: []portvigil.ReviewDecision{decided}, Left: []portvigil.ReviewedEntry{{Kind: "host", Name: "web1", Target: "80/tcp"}},
		Documents: []portvigil.ReviewedDocument{{Kind: "host", Name: "web1", Version: 1}, {Kind: "group", Name: "shop", Version: 1}}}
	bare := item(2, portvigil.SightMissing, portvigil.ReviewUnexplained, portvigil.ReviewNoOwner, portvigil.ReviewExpired)
	bare.Entry = portvigil.Entry{Ports: bare.Entry.Ports, Proto: portvigil.TCP}
	seen := item(3, portvigil.SightShut, portvigil.ReviewNotOpen)
	seen.LastOpen = noon.Add(-1000 * time.Hour)
	group := item(0, portvigil.SightUnverified, portvigil.ReviewNew)
	group.Kind, group.Name = "group", "shop"
	meanwhile := []portvigil.BaselineVersion{version(2, ""), version(3, "")}
	meanwhile[1].Why = ""
	return portvigil.Agenda{Review: &begun, Last: &last, Meanwhile: meanwhile, Items: []portvigil.ReviewItem{item(0, portvigil.SightOpen, portvigil.ReviewNew),
		item(1, portvigil.SightListening, portvigil.ReviewNew), bare, seen, group}}, []portvigil.Review{last}
}

// busyPast is what was, as a timeline and at a moment.
func busyPast() (portvigil.Timeline, portvigil.Past) {
	at, day := netip.MustParseAddr("10.0.0.1"), portvigil.Span{From: noon.Add(-24 * time.Hour), To: noon.Add(-time.Hour)}
	out := portvigil.TimelineView{View: portvigil.Outside, Vantage: "office", Address: at.String(), Proto: portvigil.TCP, Covered: "1-65535", Known: []portvigil.Span{day}}
	in := portvigil.TimelineView{View: portvigil.Inside, Covered: "sockets", Known: []portvigil.Span{day}}
	door := func(v portvigil.View, port uint16, scope portvigil.Scope, states ...portvigil.PastState) portvigil.TimelineDoor {
		d := portvigil.TimelineDoor{View: v, Entrance: portvigil.Entrance{Proto: portvigil.TCP, Port: port}, Scope: scope}
		if v == portvigil.Outside {
			d.Vantage, d.Address = "office", at
		}
		for i, s := range states {
			from := noon.Add(time.Duration(i-20) * time.Hour)
			d.Spans = append(d.Spans, portvigil.StateSpan{Span: portvigil.Span{From: from, To: from.Add(time.Hour)}, State: s})
		}
		return d
	}
	timeline := portvigil.Timeline{Host: "web1", Views: []portvigil.TimelineView{out, in}, LeftOut: 3, Doors: []portvigil.TimelineDoor{
		door(portvigil.Outside, 80, "", portvigil.PastOpen, portvigil.PastUnknown), door(portvigil.Inside, 80, portvigil.ScopeAny, portvigil.PastOpen), door(portvigil.Inside, 631, portvigil.ScopeLoopback, portvigil.PastOpen)}}
	past := portvigil.Past{Views: []portvigil.PastView{{View: portvigil.Outside, Vantage: "office", Address: at.String(), Proto: portvigil.TCP, Covered: "1-65535", Known: true, Since: noon, Last: noon},
		{View: portvigil.Inside, Covered: "sockets", Since: noon, Last: noon}},
		Doors: []portvigil.PastDoor{{View: portvigil.Outside, Vantage: "office", Entrance: portvigil.Entrance{Address: at, Proto: portvigil.TCP, Port: 80}, State: portvigil.PastOpen, Why: "two looks saw it open",
			First: portvigil.Mark{Look: "L1"}, Last: portvigil.Mark{Look: "L2"}}, {View: portvigil.Inside, Entrance: portvigil.Entrance{Proto: portvigil.TCP, Port: 81}, Scope: portvigil.ScopeAny, State: portvigil.PastUnknown, Why: "nobody looked then"}}}
	return timeline, past
}
