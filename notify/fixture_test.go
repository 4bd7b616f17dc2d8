package notify

import (
	"net/netip"
	"time"

	"github.com/portvigil/portvigil"
)

// The messages that the tests send: fixed ids and times, so that what is
// rendered can be held against golden files.

var seen = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func exporterService() *portvigil.Service {
	return &portvigil.Service{
		Name: "http", Product: "Prometheus node exporter", Version: "1.5.0", Title: "Node Exporter", TLS: true, Confidence: 90,
		Certificate: &portvigil.Certificate{SHA256: "00", Subject: "CN=web1", Names: []string{"web1.example.org"}, SelfSigned: true,
			NotAfter: seen.AddDate(1, 0, 0)},
	}
}

func exporterProcess() *portvigil.Process {
	return &portvigil.Process{
		PID: 812, Exe: "/usr/bin/prometheus-node-exporter", User: "prometheus", Started: seen.Add(-time.Minute),
		Unit:    "prometheus-node-exporter.service",
		Package: &portvigil.Package{Distro: "debian", Release: "bookworm", Name: "prometheus-node-exporter", Version: "1.5.0-1+b6"},
	}
}

// opened is the story's own message: a node exporter that nobody expected.
func opened() Message {
	exposed := portvigil.UnexpectedExposed
	return Message{
		ID: "01890000-0000-7000-8000-000000000001", Event: portvigil.AlertOpened, Time: seen.Add(2 * time.Second),
		Alert: portvigil.Alert{
			ID: "01890000-0000-7000-8000-0000000000aa", Kind: portvigil.Kind(exposed), Severity: portvigil.High, Family: portvigil.FamilyExposure,
			Subject: portvigil.Subject{Kind: "host", Name: "web1"}, Host: "web1", Proto: portvigil.TCP, Port: 9100,
			Endpoints: []portvigil.AlertEndpoint{
				{Address: addr("10.99.0.2"), Proto: portvigil.TCP, Port: 9100, Verdict: exposed},
				{Address: addr("fd00::2"), Proto: portvigil.TCP, Port: 9100, Verdict: portvigil.UnexpectedListening},
			},
			State: portvigil.AlertNew, Opened: seen, Changed: seen,
			Service: exporterService(), Process: exporterProcess(),
			Views: portvigil.AlertViews{
				Outside: []portvigil.Sighting{{Vantage: "local", State: "open", Seen: seen}},
				Inside:  &portvigil.Sighting{State: "listening", Seen: seen.Add(time.Second)},
			},
			Text: "9100/tcp on web1 answers from outside, and nobody has said why",
			Link: "/alerts/01890000-0000-7000-8000-0000000000aa",
		},
	}
}

func resolved() Message {
	m := opened()
	m.ID, m.Event, m.Time = "01890000-0000-7000-8000-000000000002", portvigil.AlertIsResolved, seen.Add(time.Hour)
	m.Alert.State = portvigil.AlertResolved
	m.Alert.Resolution = &portvigil.Resolution{Kind: portvigil.ResolvedExpected, By: "ann", Why: "scraped by the monitoring", Owner: "ops", Time: seen.Add(time.Hour)}
	return m
}

// unknown is an alert of which nothing but the open port is known.
func unknown() Message {
	m := opened()
	m.Event, m.Alert.Reopened = portvigil.AlertReopened, 1
	m.Alert.Service, m.Alert.Process, m.Alert.Views.Inside, m.Alert.Text, m.Alert.Link = nil, nil, nil, "", ""
	m.Alert.Endpoints = m.Alert.Endpoints[:1]
	return m
}

// firstSight is a new host with more doors than a message lists.
func firstSight() Message {
	m := opened()
	m.Alert.Kind, m.Alert.Family, m.Alert.Severity = portvigil.DoorsToExplain, portvigil.FamilyBaseline, portvigil.Medium
	m.Alert.Port, m.Alert.Proto, m.Alert.Service, m.Alert.Process, m.Alert.Endpoints = 0, "", nil, nil, nil
	m.Alert.Text = "web1 has doors that nobody has explained yet"
	for port := uint16(8000); port < 8034; port++ {
		row := portvigil.AlertEndpoint{Address: addr("10.99.0.2"), Proto: portvigil.TCP, Port: port, Verdict: portvigil.UnexpectedExposed}
		if port == 8000 {
			row.Service, row.Process = exporterService(), exporterProcess()
		}
		six := row
		six.Address = addr("fd00::2")
		m.Alert.Endpoints = append(m.Alert.Endpoints, row, six)
	}
	m.Alert.Endpoints[2].Explained, m.Alert.Endpoints[3].Explained = true, true
	return m
}

// silent is an alert about a host as a whole.
func silent() Message {
	m := opened()
	m.Alert = portvigil.Alert{
		ID: m.Alert.ID, Kind: portvigil.AgentSilent, Severity: portvigil.Medium, Family: portvigil.FamilyHealth,
		Subject: portvigil.Subject{Kind: "host", Name: "web1"}, Host: "web1", State: portvigil.AlertNew, Opened: seen, Changed: seen,
		Text:  "no inside view of web1 for two days",
		Cause: &portvigil.Cause{ID: "c", Kind: portvigil.CauseReboot, Text: "the agents' server was restarted", Count: 37},
	}
	return m
}

// floodOf is a host where a thousand ports opened at once.
func flood() Message {
	m := opened()
	m.Event = portvigil.AlertRisen
	m.Alert.Kind, m.Alert.Port, m.Alert.Proto, m.Alert.Service, m.Alert.Process = portvigil.ManyDoors, 0, "", nil, nil
	m.Alert.Endpoints = []portvigil.AlertEndpoint{{Proto: portvigil.TCP, Port: 1000, Ports: "1000-2000,3000", Verdict: portvigil.UnexpectedExposed}}
	m.Alert.Text = "1002 doors opened on web1 in one look"
	return m
}

// hostile puts s wherever a scanned host, or a name that it chose, can stand.
func hostile(m Message, s string) Message {
	a := &m.Alert
	process, service := *exporterProcess(), *exporterService()
	certificate := *service.Certificate
	certificate.Subject, certificate.Names = s, []string{s, s, s, s}
	service.Certificate, service.Product, service.Version, service.Title, service.HostKey = &certificate, s, s, s, s
	service.Banner = []byte(s)
	service.Package = &portvigil.Package{Name: s, Version: s, Distro: s, Release: s}
	process.Exe, process.User, process.Unit, process.Container, process.Package = s, s, s, &s, service.Package
	a.Host, a.Subject.Name, a.Text, a.ID = s, s, s, s
	a.Service, a.Process = &service, &process
	a.Endpoints = append([]portvigil.AlertEndpoint{}, a.Endpoints...)
	for i := range a.Endpoints {
		a.Endpoints[i].Service, a.Endpoints[i].Process = &service, &process
	}
	a.Cause = &portvigil.Cause{Text: s, Count: 2}
	a.Views.Outside = []portvigil.Sighting{{Vantage: s, State: s, Seen: seen}}
	a.Link = "https://portvigil.example.org/alerts/1?" + s
	if a.Resolution != nil {
		a.Resolution = &portvigil.Resolution{Kind: portvigil.ResolutionKind(s), By: s, Why: s, Owner: s, Time: seen}
	}
	return m
}
