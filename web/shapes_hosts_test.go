package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// allWell has nothing that needs anybody, and every view fresh.
func allWell(e *fakeEngine) {
	h := sampleHost()
	h.Alerts, h.Exposures = nil, h.Exposures[:2]
	h.Views[0].Newest = noon
	e.host, e.hosts, e.alerts = h, []portvigil.HostStatus{h}, nil
}

// looking has looks under way, as far as each can be.
func looking(e *fakeEngine) {
	e.underWay = []portvigil.LookUnderWay{
		{View: portvigil.Outside, Running: true, Progress: &portvigil.LookProgress{Address: "10.0.0.1", Share: 0.5, Open: 3}},
		{View: portvigil.Outside, Progress: &portvigil.LookProgress{Waits: "another look is under way"}},
		{View: portvigil.Inside}, {View: portvigil.Inside, Running: true}}
}

// crowd has so many of everything that lists go on elsewhere.
func crowd(e *fakeEngine) {
	h := e.host
	h.Alerts = slices.Repeat([]portvigil.Alert{sampleAlert()}, maxHostAlerts+1)
	h.Host.Addresses = slices.Repeat(h.Host.Addresses, 9)
	h.Views = slices.Repeat([]portvigil.ViewStatus{{View: portvigil.Outside, Vantage: "office", Address: "10.0.0.3", Proto: portvigil.TCP, Complete: noon}}, 2*maxUnsure)
	h.Exposures = slices.Repeat(h.Exposures, doorsOnPage)
	e.host, e.hosts = h, nil
	for n := range max(hostsOnPage, maxOnView, maxDocuments) + 1 {
		one := sampleHost()
		one.Host.Name = fmt.Sprintf("h%03d", n)
		one.Host.Waiting = slices.Repeat([]netip.Addr{netip.MustParseAddr("203.0.113.9")}, 3)
		e.hosts = append(e.hosts, one)
	}
	e.hosts[0].Views = h.Views
	e.alerts = nil
	for n := range 2*maxNeeds + 2*maxToday {
		a := sampleAlert()
		a.ID = fmt.Sprintf("A%d", n)
		if n%2 == 0 {
			a = endedAs(a, portvigil.ResolvedCleared, machine)
		}
		e.alerts = append(e.alerts, a)
	}
	e.alerts = append(e.alerts, slices.Repeat([]portvigil.Alert{endedAs(sampleAlert(), portvigil.ResolvedShut, "ann")}, 3*maxNeeds)...)
	for n := range maxRules + 1 {
		rule := portvigil.ScopeRule{Prefix: netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/24", n/200, n%200)), By: "ann", Added: noon}
		e.scope = append(e.scope, rule)
		rule.Deny = true
		e.scope = append(e.scope, rule)
	}
}

// hostShapes are the overview, and the pages about hosts, what was on them and
// what may be scanned.
func hostShapes() (list []shape) {
	const overview, hosts, host, history, past, scope = "GET /{$}", "GET /hosts", "GET /hosts/{name}", "GET /hosts/{name}/history", "GET /hosts/{name}/past", "GET /scope"
	unseen := func(e *fakeEngine) { allWell(e); e.host.Views[0].Fresh, e.hosts[0].Views[0].Fresh = false, false }
	unlooked := func(e *fakeEngine) {
		h := portvigil.HostStatus{Host: portvigil.Host{Name: "web1", Targets: []string{"10.0.0.1"}}}
		e.host, e.hosts, e.alerts = h, []portvigil.HostStatus{h}, nil
	}
	own := func(e *fakeEngine) {
		allWell(e)
		e.host.Host.Local, e.host.Host.Targets, e.host.Views, e.host.Exposures = true, nil, e.host.Views[:1], nil
	}
	waiting := func(e *fakeEngine) {
		e.host.Host.Waiting = []netip.Addr{netip.MustParseAddr("203.0.113.9")}
		e.hosts[0].Host.Waiting, e.hosts[0].Host.Targets = e.host.Host.Waiting, []string{"web1.example.org", "www.example.org"}
	}
	served := func(e *fakeEngine) { looking(e); waiting(e); e.host.Host.Maintenance = e.hosts[2].Host.Maintenance }
	several := func(e *fakeEngine) {
		allWell(e)
		e.hosts[0].Exposures = append(e.hosts[0].Exposures, e.hosts[0].Exposures[0])
	}
	doorless := func(e *fakeEngine) { allWell(e); e.hosts[0].Exposures, e.hosts[0].Views = nil, e.hosts[0].Views[:1] }
	list = []shape{
		{name: "a busy overview", route: overview},
		{name: "the overview of a server that knows nothing", route: overview, site: empty},
		{name: "the overview of somebody with a link, before anybody has a name", route: overview, site: unlooked, by: beforeAnybody},
		{name: "an overview where all is well", route: overview, site: allWell},
		{name: "an overview of several doors, all well", route: overview, site: several},
		{name: "an overview of no door, all well", route: overview, site: doorless},
		{name: "an overview where not all can be seen", route: overview, site: unseen},
		{name: "an overview where something ended by itself", route: overview, site: func(e *fakeEngine) {
			allWell(e)
			e.alerts = []portvigil.Alert{endedAs(sampleAlert(), portvigil.ResolvedCleared, machine)}
		}},
		{name: "an overview with little that is serious", route: overview, site: func(e *fakeEngine) {
			allWell(e)
			a := sampleAlert()
			a.Severity = portvigil.Low
			e.alerts = []portvigil.Alert{a}
		}},
		{name: "an overview with an alert of every kind", route: overview, site: func(e *fakeEngine) {
			e.alerts = nil
			for _, info := range alertKinds() {
				e.alerts = append(e.alerts, anAlert("A"+string(info.Kind), info.Kind, portvigil.AlertNew))
			}
		}},
		{name: "an overview of very much", route: overview, site: crowd},
		{name: "a server that fails", route: overview, site: fails("overview", portvigil.CodeInternal, "hunter2"), ends: 500},

		{name: "hosts", route: hosts, site: waiting},
		{name: "no hosts", route: hosts, site: empty},
		{name: "hosts of a group", route: hosts, query: "?group=shop"},
		{name: "a host that a link suggests", route: hosts, query: "?host=web9&address=10.0.0.9"},
		{name: "one host that nobody has looked at", route: hosts, site: unlooked},
		{name: "the second page of hosts", route: hosts, site: crowd, query: "?page=2"}, {name: "the first page of hosts", route: hosts, site: crowd, long: true},

		{name: "a busy host", route: host},
		{name: "a host in maintenance, that is looked at and has a new address", route: host, site: served},
		{name: "a host that nobody has looked at", route: host, site: unlooked},
		{name: "the server's own machine, with nothing open", route: host, site: own},
		{name: "a host where all is well", route: host, site: allWell},
		{name: "a host of which not all can be seen", route: host, site: unseen},
		{name: "a host with very much", route: host, site: crowd, long: true}, {name: "the second page of doors", route: host, site: crowd, query: "?page=2", long: true},
		{name: "no such host", route: host, site: fails("host", portvigil.CodeNotFound, "there is no host web1"), ends: 404},
	}
	list = append(list, shape{name: "hosts like none", route: hosts}.queries("?show=alerts&q=xyzzy", "?show=blind&q=xyzzy")...)
	list = append(list, shape{name: "some doors", route: host}.queries("?show=expected", "?show=loopback", "?show=worry&q=xyzzy")...)
	list = append(list, shape{name: "the history of a host", route: history}, shape{name: "the history of a door that was never open", route: history, query: "?q=9"},
		shape{name: "a history of nothing", route: history, site: empty, query: "?days=90"},
		shape{name: "a date to choose", route: past}, shape{name: "what was at a moment", route: past, query: "?date=2026-11-22&time=10:00"},
		shape{name: "a moment that nobody saw", route: past, query: "?date=2026-11-22", site: empty},
		shape{name: "a moment at which nothing was open", route: past, query: "?date=2026-11-22", site: func(e *fakeEngine) { e.past.Doors = nil }},
		shape{name: "a moment that none can be", route: past, query: "?date=soon", ends: 400},
		shape{name: "networks that may be scanned", route: scope, site: waiting}, shape{name: "no network is named", route: scope, site: empty, query: "?network=10.0.0.0/8"},
		shape{name: "very many networks", route: scope, site: crowd, long: true})
	return slices.Concat(list, hostFormShapes(served))
}

// hostFormShapes are the forms about hosts that are refused, and those that are done.
func hostFormShapes(served func(*fakeEngine)) (list []shape) {
	const add, many, explain, maintenance = "POST /hosts", "POST /hosts/import", "POST /hosts/{name}/explain", "POST /hosts/{name}/maintenance"
	const fits = "name=web2&addresses=10.0.0.2&"
	list = []shape{
		{name: "a host that cannot be added", route: add, ends: 500, form: fits, site: func(e *fakeEngine) { e.addErr = fmt.Errorf("disk full") }},
		{name: "a host that was added", route: add, form: fits},
		{name: "a list without addresses", route: many, form: "csv=name,adress", ends: 400},
		{name: "a list of which hosts are refused", route: many, ends: 400, form: "csv=name,address%0a" + strings.ReplaceAll(manyHosts(maxRefused+1), "\n", "%0a"),
			site: func(e *fakeEngine) { e.addErr = portvigil.Errorf(portvigil.CodeOutOfScope, "it is out of scope") }},
		{name: "a look that cannot be asked for", route: "POST /hosts/{name}/look", ends: 503, site: func(e *fakeEngine) {
			allWell(e)
			fails("ask", portvigil.CodeUnavailable, "the database is full")(e)
		}},
		{name: "a look that was asked for", route: "POST /hosts/{name}/look", site: looking},
		{name: "an address that cannot be allowed", route: "POST /hosts/{name}/allow", site: served, form: "address=x", ends: 400},
		{name: "maintenance without a reason", site: allWell, route: maintenance, form: "for=2h", ends: 400},
		{name: "maintenance until nonsense", site: allWell, route: maintenance, form: "why=upgrade&until=tomorrow", ends: 400},
		{name: "the end of maintenance that cannot be", route: "POST /hosts/{name}/maintenance/over", site: fails("end", portvigil.CodeUnavailable, "the database is full"), ends: 503},
		{name: "the wrong host removed", site: allWell, route: "POST /hosts/{name}/remove", form: "name=web2", ends: 400},
		{name: "nothing pasted", site: allWell, route: "POST /hosts/{name}/report", form: "report=+", ends: 400},
		{name: "what is no network", route: "POST /scope", form: "network=everything&do=allow", ends: 400},
	}
	found := func(e *fakeEngine) { e.host, e.hosts, e.baselines = vm(), []portvigil.HostStatus{vm()}, nil }
	foundMany := func(e *fakeEngine) {
		found(e)
		for port := range uint16(maxFound + 1) {
			e.host.Exposures = append(e.host.Exposures, listening(10000+port, portvigil.ScopeAny, ""), listening(20000+port, portvigil.ScopeLoopback, ""))
		}
	}
	foundAll := func(e *fakeEngine) {
		container := "c0ffee"
		found(e)
		x := listening(8080, portvigil.ScopeAny, "/usr/bin/docker-proxy")
		x.Process.Container, x.Process.Package, x.Service = &container, &portvigil.Package{Name: "docker"}, sampleAlert().Service
		unknown := listening(9999, portvigil.ScopeAny, "")
		e.host.Exposures = append(e.host.Exposures, x, unknown)
	}
	list = append(list, shape{name: "a host that does not fit", route: add, ends: 400}.forms("addresses=10.0.0.2", "name=web2&addresses=x/y", fits+"groups=a/b", fits+"outside=daily", fits+"inside=1s")...)
	list = append(list, shape{name: "an edit that does not fit", site: allWell, route: "POST /hosts/{name}/edit", ends: 400}.forms("groups=a/b", "outside=daily", "inside=1s", "addresses=a/b")...)
	return append(list, []shape{
		{name: "doors to explain", route: "GET /hosts/{name}/explain", site: foundAll},
		{name: "very many doors to explain", route: "GET /hosts/{name}/explain", site: foundMany, long: true},
		{name: "doors to explain that are still looked for", route: "GET /hosts/{name}/explain", site: func(e *fakeEngine) { found(e); e.host.Exposures = nil; looking(e) }},
		{name: "every door explained", route: "GET /hosts/{name}/explain", site: func(e *fakeEngine) {
			found(e)
			e.host.Exposures = e.host.Exposures[:1]
			e.host.Exposures[0].Verdict, e.host.Exposures[0].Entry = portvigil.Expected, &portvigil.Entry{Why: "the shop"}
		}},
		{name: "doors of a host that nobody has looked at", route: "GET /hosts/{name}/explain", site: func(e *fakeEngine) { e.host = portvigil.HostStatus{Host: e.host.Host} }},
		{name: "no door ticked", route: explain, site: found, form: "owner=ann", ends: 400},
		{name: "a door without a reason", route: explain, site: found, form: "door=22/tcp&owner=ann", ends: 400},
		{name: "doors that nobody answers for", route: explain, site: found, form: "door=22/tcp&why+22/tcp=ours", ends: 400},
		{name: "doors that the folder of the baseline has to have", route: explain, site: func(e *fakeEngine) { found(e); e.edit = "+ - port: 22" }, form: "door=22/tcp&why+22/tcp=ours&owner=ann", ends: http.StatusConflict},
		{name: "no door ticked in the first steps", route: explain, site: found, form: "owner=ann&next=/start", ends: 400},
		{name: "a host that does not fit in the first steps", route: add, site: found, form: "next=/start", ends: 400},
	}...)
}
