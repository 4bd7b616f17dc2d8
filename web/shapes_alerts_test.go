package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

// theAlert has the one alert be this one.
func theAlert(a portvigil.Alert) func(*fakeEngine) {
	return func(e *fakeEngine) {
		e.alert = a
		for _, x := range e.host.Exposures {
			if a.Kind == portvigil.Kind(portvigil.Changed) && x.Verdict == portvigil.Changed {
				e.alert.Port = x.Port
			}
		}
	}
}

// alertShapes are the pages about alerts: of every kind, in every state, resolved
// in every way, with each form that can be sent and what is wrong with it.
func alertShapes(t *testing.T) (list []shape) {
	const one = "GET /alerts/{id}"
	open := func(kind portvigil.Kind, edit func(*portvigil.Alert)) func(*fakeEngine) {
		a := anAlert("A1", kind, portvigil.AlertNew)
		if edit != nil {
			edit(&a)
		}
		return theAlert(a)
	}
	exposed := portvigil.Kind(portvigil.UnexpectedExposed)
	for _, info := range alertKinds() {
		list = append(list, shape{name: "an alert that is " + string(info.Kind), route: one, site: open(info.Kind, nil), one: true})
	}
	for _, state := range enum[portvigil.AlertState](t, "AlertState") {
		if state != portvigil.AlertResolved {
			list = append(list, shape{name: "an alert that is " + string(state), route: one, site: theAlert(anAlert("A1", exposed, state)), one: true})
		}
	}
	for _, kind := range enum[portvigil.ResolutionKind](t, "ResolutionKind") {
		list = append(list, shape{name: "an alert resolved as " + string(kind), route: one, site: theAlert(endedAs(sampleAlert(), kind, "ann")), one: true})
	}
	noted := endedAs(sampleAlert(), portvigil.ResolvedCleared, machine)
	list = append(list, shape{name: "an alert that ended by itself", route: one, site: theAlert(noted)},
		shape{name: "an alert with many doors that is over", route: one, site: theAlert(endedAs(anAlert("A1", portvigil.DoorsToExplain, portvigil.AlertNew), portvigil.ResolvedExpected, "ann"))},
		shape{name: "an alert of which everything is known", route: one, site: open(exposed, everythingKnown)},
		shape{name: "an alert of which little is known", route: one, site: open(exposed, littleKnown)},
		shape{name: "an alert that nothing has happened to", route: one, site: func(e *fakeEngine) { e.story = nil }},
		shape{name: "a changed door whose entry says nothing", route: one, site: func(e *fakeEngine) {
			open(portvigil.Kind(portvigil.Changed), nil)(e)
			for i := range e.host.Exposures {
				e.host.Exposures[i].Entry = &portvigil.Entry{}
			}
		}},
		shape{name: "an alert with more doors than a page lists", route: one, site: open(portvigil.DoorsToExplain, func(a *portvigil.Alert) {
			a.Endpoints = slices.Repeat(a.Endpoints, maxDoors/2)
		}), long: true},
		shape{name: "no such alert", route: one, site: fails("alert", portvigil.CodeNotFound, "there is no such alert"), ends: http.StatusNotFound},
		shape{name: "an alert that cannot be read", route: one, site: fails("alert", portvigil.CodeInternal, "hunter2"), ends: http.StatusInternalServerError})
	return slices.Concat(list, alertFormShapes(open), alertListShapes())
}

func everythingKnown(a *portvigil.Alert) {
	container, s, p := "c0ffee", *a.Service, *a.Process
	s.Package = &portvigil.Package{Name: "exporter", Version: "1.5-1"}
	s.Certificate = &portvigil.Certificate{Subject: "CN=web1", Issuer: "CN=ca", Names: []string{"a", "b", "c", "d", "e", "f"}, NotAfter: noon.Add(-time.Hour), SHA256: strings.Repeat("ab", 32)}
	s.HostKey, s.Banner = "SHA256:abc", []byte("HELLO")
	p.Container, p.Deleted, p.Package = &container, true, s.Package
	a.Service, a.Process, a.Reopened, a.Memory.Before = &s, &p, 2, "A0"
	a.Cause = &portvigil.Cause{Kind: portvigil.CauseSameDoor, Text: "the same new door on several hosts: 9100/tcp", Count: 37}
	a.Endpoints = append(a.Endpoints, a.Endpoints[0])
	until := noon.Add(time.Hour)
	a.State, a.Memory.AckUntil = portvigil.AlertAcknowledged, &until
}

func littleKnown(a *portvigil.Alert) {
	a.Service, a.Process, a.Views = nil, nil, portvigil.AlertViews{}
	a.Service = &portvigil.Service{Banner: []byte("HELLO\x1b"), Certificate: &portvigil.Certificate{Subject: "CN=x", SelfSigned: true, NotAfter: noon.Add(time.Hour)}}
	a.Cause = &portvigil.Cause{Kind: portvigil.CauseReboot, Text: "web1 was started anew", Count: 2}
}

// alertFormShapes are the forms of an alert's page that are refused where they
// stand, above the page where they stand no more, and one that is done.
func alertFormShapes(open func(portvigil.Kind, func(*portvigil.Alert)) func(*fakeEngine)) []shape {
	const resolve = "POST /alerts/{id}/resolve"
	exposed, folder := portvigil.Kind(portvigil.UnexpectedExposed), func(e *fakeEngine) { e.edit = "--- a/web1.yaml\n+++ b/web1.yaml\n" }
	with := func(edits ...func(*fakeEngine)) func(*fakeEngine) {
		return func(e *fakeEngine) {
			for _, edit := range edits {
				edit(e)
			}
		}
	}
	overruled := func(e *fakeEngine) {
		e.alert = endedAs(sampleAlert(), portvigil.ResolvedShut, "bob")
		e.story = append(e.story, portvigil.AuditEntry{Time: noon, By: "bob", What: "shut"})
	}
	unavailable := func(word string) func(*fakeEngine) {
		return with(open(exposed, nil), fails(word, portvigil.CodeUnavailable, "the database is full"))
	}
	list := []shape{
		{name: "expected without a reason", route: resolve, site: open(exposed, nil), form: "kind=expected&owner=bob", ends: 400},
		{name: "shut, and it cannot be", route: resolve, site: unavailable("resolve"), form: "kind=shut", ends: 503},
		{name: "accepted without a date", route: resolve, site: open(exposed, nil), form: "kind=accepted&why=the+shop&owner=bob", ends: 400},
		{name: "false without a reason", route: resolve, site: open(exposed, nil), form: "kind=false", ends: 400},
		{name: "an alert that somebody else resolved", route: resolve, site: overruled, ends: 409,
			form: "kind=false&why=a+decoy&since=2026-11-23T10:00:00Z"},
		{name: "an alert that was just resolved", route: resolve, site: open(exposed, nil), form: "kind=expected&why=the+shop&owner=bob"},
		{name: "acknowledged until nonsense", route: "POST /alerts/{id}/ack", site: open(exposed, nil), form: "until=tomorrow", ends: 400},
		{name: "noted, and it cannot be", route: "POST /alerts/{id}/ack", site: with(theAlert(endedAs(sampleAlert(), portvigil.ResolvedCleared, machine)), fails("ack", portvigil.CodeUnavailable, "the database is full")), ends: 503},
		{name: "investigated, and it cannot be", route: "POST /alerts/{id}/investigate", site: unavailable("investigate"), ends: 503},
		{name: "an empty comment", route: "POST /alerts/{id}/comment", site: open(exposed, nil), form: "text=+", ends: 400},
		{name: "no door is chosen", route: "POST /alerts/{id}/approve", site: open(portvigil.DoorsToExplain, nil), form: "why=the+shop", ends: 400},
		{name: "doors without an owner", route: "POST /alerts/{id}/approve", site: open(portvigil.DoorsToExplain, nil), form: "why=the+shop&door=22/tcp", ends: 400},
		{name: "doors that the folder has to have", route: "POST /alerts/{id}/approve", site: with(open(portvigil.DoorsToExplain, nil), folder), form: "door=9100/tcp&why=x&owner=y"},
		{name: "an entry that cannot be removed", route: "POST /alerts/{id}/remove", site: with(open(portvigil.Kind(portvigil.Missing), nil), fails("remove", portvigil.CodeConflict, "it is written for a group")), ends: 409},
		{name: "an entry that the folder has to lose", route: "POST /alerts/{id}/remove", site: with(open(portvigil.Kind(portvigil.Missing), nil), folder)},
		{name: "a look that cannot be made", route: "POST /alerts/{id}/look", site: unavailable("ask"), ends: 503},
		{name: "a channel that fails its test", route: "POST /alerts/{id}/test", site: with(open(portvigil.ChannelFailing, nil), fails("test", portvigil.CodeUnavailable, "550 no")), ends: 503},
	}
	return append(list, shape{name: "acknowledged, and it cannot be", route: "POST /alerts/{id}/ack", site: unavailable("ack"), ends: 503}.
		forms("until=1h", "until=4h", "until=12h", "until=24h", "until=168h")...)
}

// alertListShapes are the list of alerts: in each tab with and without any, in
// parts, and with what is done for many.
func alertListShapes() (list []shape) {
	const all, many = "GET /alerts", "POST /alerts"
	for _, tab := range []string{tabOpen, tabNote, tabResolved, tabAll} {
		list = append(list, shape{name: "alerts, " + tab, route: all, query: "?state=" + tab},
			shape{name: "alerts, " + tab + ", of a server that has none", route: all, query: "?state=" + tab, site: empty})
	}
	long := func(e *fakeEngine) { e.alerts = slices.Repeat([]portvigil.Alert{sampleAlert()}, alertsPerPage+1) }
	stale := func(e *fakeEngine) {
		e.refuse = map[string]error{"A1": portvigil.Errorf(portvigil.CodeConflict, "it is resolved")}
		e.alert = endedAs(sampleAlert(), portvigil.ResolvedShut, "bob")
	}
	list = append(list,
		shape{name: "alerts of one severity, kind, host and group", route: all, query: "?state=all&severity=high&kind=unexpected-exposed&host=web1"},
		shape{name: "alerts of a group", route: all, query: "?group=shop&order=opened"},
		shape{name: "more alerts than on a page", route: all, site: long, long: true},
		shape{name: "the last page of many alerts", route: all, site: long, query: "?page=2"},
		shape{name: "done for some", route: many, site: stale, form: "do=ack&id=01a20a40-e9a6-74f7-a457-000000000000&id=A1", ends: 409},
		shape{name: "done for many", route: many, form: "do=ack&id=A1"},
	)
	return slices.Concat(list, shape{name: "alerts like none", route: all}.queries("?q=xyzzy", "?state=note&q=xyzzy", "?state=resolved&q=xyzzy", "?state=all&q=xyzzy"),
		shape{name: "nothing chosen for many", route: many, ends: 400}.forms("do=ack", "do=investigate", "do=shut", "do=expected&why=x&owner=y", "do=accepted&why=x&owner=y&until=2027-01-01", "do=false&why=x"))
}
