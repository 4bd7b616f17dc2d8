package web

import (
	"net/netip"
	"time"

	"github.com/portvigil/portvigil"
)

// sampleAlert is an open door on web1, as both views know it.
func sampleAlert() portvigil.Alert {
	at := netip.MustParseAddr("10.0.0.1")
	service := &portvigil.Service{Name: "http", Product: "Prometheus node exporter", Version: "1.5.0", Title: "Node Exporter"}
	process := &portvigil.Process{PID: 812, Exe: "/usr/bin/exporter", User: "prometheus", Unit: "exporter.service", Started: noon.Add(-time.Hour)}
	return portvigil.Alert{ID: "01a20a40-e9a6-74f7-a457-0205ea15a3aa", Kind: portvigil.Kind(portvigil.UnexpectedExposed), Severity: portvigil.High,
		Subject: portvigil.Subject{Kind: "host", Name: "web1"}, Host: "web1", Proto: portvigil.TCP, Port: 9100, State: portvigil.AlertNew,
		Endpoints: []portvigil.AlertEndpoint{{Address: at, Proto: portvigil.TCP, Port: 9100, Verdict: portvigil.UnexpectedExposed, Service: service, Process: process}},
		Opened:    noon.Add(-3 * time.Hour), Changed: noon.Add(-time.Hour), Family: portvigil.FamilyExposure, Service: service, Process: process,
		Views: portvigil.AlertViews{Outside: []portvigil.Sighting{{Vantage: "office", State: "open", Seen: noon.Add(-5 * time.Minute)}},
			Inside: &portvigil.Sighting{State: "listening", Seen: noon.Add(-2 * time.Minute)}},
		Text: "web1 has 9100/tcp open to the outside; it is not in the baseline."}
}

// silentView is that of a host that answers no UDP, as behind most firewalls.
func silentView() portvigil.ViewStatus {
	return portvigil.ViewStatus{View: portvigil.Outside, Vantage: "office", Address: "10.0.0.1", Proto: portvigil.UDP, Newest: noon.Add(-5 * time.Minute), Fresh: true,
		Notes: []string{"no-answer: none of 300 datagrams was answered, so nothing vouches for the way"}}
}

// sampleHost is web1 with that door, one that is expected, and both views.
func sampleHost() portvigil.HostStatus {
	a := sampleAlert()
	at := a.Endpoints[0].Address
	door := func(port uint16, v portvigil.Verdict) portvigil.Exposure {
		return portvigil.Exposure{Endpoint: portvigil.Endpoint{Host: "web1", Address: at, Proto: portvigil.TCP, Port: port}, Verdict: v, Views: a.Views}
	}
	known, unknown := door(80, portvigil.Expected), door(9100, portvigil.UnexpectedExposed)
	known.Entry = &portvigil.Entry{Why: "the shop", Owner: "ann"}
	unknown.Service, unknown.Process = a.Service, a.Process
	return portvigil.HostStatus{
		Host:      portvigil.Host{Name: "web1", Targets: []string{"10.0.0.1"}, Addresses: []portvigil.HostAddress{{Address: at}}, Groups: []string{"shop"}},
		Exposures: []portvigil.Exposure{known, door(81, portvigil.None), unknown},
		Views: []portvigil.ViewStatus{
			{View: portvigil.Inside, Complete: noon.Add(-2 * time.Minute), Fresh: true},
			{View: portvigil.Outside, Vantage: "office", Address: "10.0.0.1", Proto: portvigil.TCP, Complete: noon.Add(-5 * time.Minute), Fresh: true}},
		Alerts: []portvigil.Alert{a}, NextOutside: noon.Add(3 * time.Hour)}
}
