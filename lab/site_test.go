package lab_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// site is a story whose pages are looked at in a browser.
type site struct {
	*story
	browser *lab.Browser
	base    string // of the pages, as the browser reaches them
}

// newSite starts a server that watches its own machine, too, and a browser that
// reaches its pages as through ssh -L.
func newSite(t *testing.T) *site { return newSiteUnder(t) }

// newSiteUnder is newSite with a command that the server runs under.
func newSiteUnder(t *testing.T, under ...string) *site {
	t.Helper()
	lab.Require(t, "chromium")
	s := &site{story: (&story{t: t, local: true, under: under}).begin(), base: "http://127.0.0.1:7979"}
	s.browser = s.lab.Browser(t)
	lab.Forward(t, s.browser.Host, s.scanner, 7979)
	return s
}

// link finds the one-time link in what the server printed.
var link = regexp.MustCompile(`http://\S+/enter\?token=\w+`)

// signedIn opens a tab of somebody who came by a one-time link.
func (s *site) signedIn() *lab.Tab {
	s.t.Helper()
	tab := s.browser.Tab(s.t)
	tab.Open(s.t, link.FindString(s.must(0, "serve", "--link").stdout))
	if path := tab.Path(s.t); path != "/" && path != "/start" {
		s.t.Fatalf("the one-time link leads to %s, want the overview or the first steps:\n%s", path, tab.Text(s.t))
	}
	return tab
}

// hostile is what a door says to everybody, for pages to show and never to run;
// with Go's escapes, as doorman takes it.
const hostile = `<script>alert(1)</script><img src=x onerror=alert(2)>\" onload=\"alert(3)\r\n`

// The doors of web1 that alerts are about, by what becomes of them.
const (
	doorNew = 8001 + iota
	doorAcknowledged
	doorInvestigating
	doorWaitingShut
	doorExpected
	doorFalse
	doorAccepted
	doorShut
	doorCleared
	doorReopened
)

// fill brings the server into a state in which pages have all to show that there
// is: its own machine, two hosts with doors, and three that cannot be reached; an
// alert in each state and of every way to end, about a host at first sight, a door
// that says what is hostile, and a vantage that is blind.
//
// The looks are narrow: one at all ports takes half a minute. Hosts are added while
// there is no way to them, so that their first looks, at all ports, end at once.
func (s *site) fill() {
	s.t.Helper()
	t, db := s.t, s.lab.Host("db")
	for _, h := range []struct{ name, address string }{
		{"web1", s.target.IP4.String()}, {"db1", db.IP4.String()}, {"mail1", "10.99.0.100"}, {"backup1", "10.99.0.101"}, {"cache1", "10.99.0.102"},
	} {
		s.route("add", "unreachable", h.address)
		s.must(0, "hosts", "add", h.name, h.address, "--group", "shop")
		s.must(2, "hosts", "look", h.name, "--outside")
	}
	s.route("delete", "unreachable", s.target.IP4.String())
	s.route("delete", "unreachable", db.IP4.String())

	s.target.Sshd(t, 22)
	s.target.Nginx(t, 80)
	db.Redis(t, 6379)
	db.Listen(t, "tcp/:5432")
	s.must(1, "hosts", "look", "db1", "-p", "5432,6379")
	s.must(1, "hosts", "look", "web1", "-p", webDoors)
	s.must(0, "baseline", "approve", "web1", "22/tcp", "80/tcp", "--why", "ssh and the shop", "--owner", "ann")

	s.alertsOfWeb1()
	s.scanner.NodeExporterInUnit(t, 9100)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	s.must(1, "hosts", "look", host, "--inside")

	// A server judges its own means when it starts, and then once a minute.
	s.server.Stop(t)
	s.serve()
	s.server.WaitOutput(t, ready)
	await(t, "a vantage that is blind", time.Minute, func() bool {
		return slices.ContainsFunc(s.all(), func(a portvigil.Alert) bool { return a.Kind == portvigil.VantageBlind })
	})
	s.filled()
}

// webDoors are the ports of web1 that the looks are at.
const webDoors = "22,80,8000-8020,9100"

// alertsOfWeb1 opens doors, and does with the alert of each what people do.
func (s *site) alertsOfWeb1() {
	s.t.Helper()
	t, web := s.t, s.target
	web.Listen(t, "-say", hostile, fmt.Sprintf("tcp/:%d", doorNew))
	for port := uint16(doorAcknowledged); port <= doorAccepted; port++ {
		web.Nginx(t, port)
	}
	web.NodeExporterInUnit(t, 9100)
	shut, cleared, reopened := web.Redis(t, doorShut), web.Nginx(t, doorCleared), web.Nginx(t, doorReopened)
	s.must(1, "hosts", "look", "web1", "-p", webDoors)
	s.reportWeb1()

	s.must(0, "alerts", "ack", s.about(doorAcknowledged))
	s.must(0, "alerts", "comment", s.about(doorAcknowledged), "asked bob, who is away until Monday")
	s.must(0, "alerts", "ack", s.about(doorInvestigating))
	s.must(0, "alerts", "investigate", s.about(doorInvestigating))
	s.must(0, "alerts", "resolve", s.about(doorWaitingShut), "--shut")
	s.must(0, "alerts", "resolve", s.about(doorExpected), "--expected", "--why", "the shop's test server", "--owner", "ann")
	s.must(0, "alerts", "resolve", s.about(doorFalse), "--false", "--why", "a test of ours")
	s.must(0, "alerts", "resolve", s.about(doorAccepted), "--accept-until", "2099-12-31", "--why", "moves with the next release", "--owner", "bob")

	s.must(0, "alerts", "resolve", s.about(doorShut), "--shut")
	shut.Stop(t)
	cleared.Stop(t)
	reopened.Stop(t)
	s.reportWeb1()
	s.must(1, "hosts", "look", "web1", "--outside", "-p", webDoors)
	web.Nginx(t, doorReopened)
	s.must(1, "hosts", "look", "web1", "--outside", "-p", webDoors)
}

// reportWeb1 hands in what web1 sees of itself.
func (s *site) reportWeb1() {
	s.t.Helper()
	baseline := filepath.Join(s.t.TempDir(), "baseline.yaml")
	s.onHost(s.target, "", "--data", s.t.TempDir(), "check", "--init", "--host", "web1", "--baseline", baseline)
	s.reports("web1", s.onHost(s.target, "", "--data", s.t.TempDir(), "check", "--json", "--host", "web1", "--baseline", baseline).stdout)
}

// about is the id of the alert about a door of web1.
func (s *site) about(port uint16) string {
	s.t.Helper()
	for _, a := range s.all() {
		if a.Host == "web1" && a.Port == port {
			return a.ID
		}
	}
	s.t.Fatalf("no alert is about port %d of web1", port)
	return ""
}

// all returns every alert there is.
func (s *site) all() []portvigil.Alert {
	s.t.Helper()
	return records[portvigil.Alert](s.t, s.must(0, "alerts", "list", "--json").stdout, "alert")
}

// filled checks that every state and every way to end is there: a page that has
// none to show would pass any test.
func (s *site) filled() {
	s.t.Helper()
	there := map[string]int{}
	for _, a := range s.all() {
		there[string(a.State)]++
		there[string(a.Kind)]++
		there[string(a.Family)]++
		if a.Resolution != nil {
			there[string(a.Resolution.Kind)]++
		}
		if a.Reopened > 0 {
			there["re-opened"]++
		}
	}
	for _, want := range []string{"new", "acknowledged", "investigating", "waiting-shut", "expected", "shut", "false", "accepted", "cleared", "re-opened",
		string(portvigil.UnexpectedExposed), string(portvigil.UnexpectedListening), string(portvigil.DoorsToExplain), string(portvigil.VantageBlind), string(portvigil.FamilyHealth)} {
		if there[want] == 0 {
			s.t.Errorf("the site has no alert that is %s; it has %v", want, there)
		}
	}
}
