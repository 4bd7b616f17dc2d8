package lab_test

import (
	"encoding/json"
	"fmt"
	"net/url"
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
func newSite(t *testing.T) *site { return siteOf(&story{t: t, local: true}) }

// siteOf is newSite for a story that says what else it has.
func siteOf(of *story) *site {
	of.t.Helper()
	lab.Require(of.t, "chromium")
	s := &site{story: of.begin(), base: "http://127.0.0.1:7979"}
	s.browser = s.lab.Browser(s.t)
	lab.Forward(s.t, s.browser.Host, s.scanner, 7979)
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

// inside returns the path and query of a link that leads to another page of the
// same server, "" for one that leads elsewhere, or out.
func (s *site) inside(href string) string {
	u, err := url.Parse(href)
	if err != nil || u.Scheme+"://"+u.Host != s.base || slices.Contains([]string{"/sign-out", "/enter"}, u.Path) {
		return ""
	}
	return u.RequestURI()
}

// lure is what a door says to everybody, for pages to show and never to run;
// with Go's escapes, as doorman takes it.
const lure = `<script>alert(1)</script><img src=x onerror=alert(2)>\" onload=\"alert(3)\r\n`

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
	doorChanged
)

// doorEverywhere is a door that opens on three hosts, which is one cause.
const doorEverywhere = 9100

// fill brings the server into a state in which pages have all to show that there
// is: its own machine, two hosts with doors, and three that cannot be reached; an
// alert in each state but the one that follow brings, and of every way to end, about
// a host at first sight, a flood of doors, the same door on three hosts, one that
// says what is hostile, and a vantage that is blind.
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
	s.must(1, "hosts", "look", "db1", "-p", dbDoors)
	s.must(1, "hosts", "look", "web1", "-p", webDoors)
	s.must(0, "baseline", "approve", "web1", "22/tcp", "80/tcp", "--why", "ssh and the shop", "--owner", "ann")

	s.alertsOfWeb1()
	s.alertsOfDB1(db)
	s.scanner.NodeExporterInUnit(t, doorEverywhere)
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
		return s.of(portvigil.VantageBlind) != ""
	})
}

// webDoors are the ports of web1 that the looks are at.
const webDoors = "22,80,8000-8020,9100"

// dbDoors are those of db1: what opens later was seen shut at first sight.
const dbDoors = "5432,6379,9100,20000-20150"

// alertsOfWeb1 opens doors, and does with the alert of each what people do.
func (s *site) alertsOfWeb1() {
	s.t.Helper()
	t, web := s.t, s.target
	web.Listen(t, "-say", lure, fmt.Sprintf("tcp/:%d", doorNew))
	for port := uint16(doorAcknowledged); port <= doorAccepted; port++ {
		web.Nginx(t, port)
	}
	web.NodeExporterInUnit(t, doorEverywhere)
	changed := web.Nginx(t, doorChanged)
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

	s.must(0, "baseline", "approve", "web1", fmt.Sprintf("%d/tcp", doorChanged), "--why", "the shop's own pages", "--owner", "ann")
	changed.Stop(t)
	web.Redis(t, doorChanged)
	s.must(0, "alerts", "resolve", s.about(doorShut), "--shut")
	shut.Stop(t)
	cleared.Stop(t)
	reopened.Stop(t)
	s.reportWeb1()
	s.must(1, "hosts", "look", "web1", "--outside", "-p", webDoors)
	web.Nginx(t, doorReopened)
	s.must(1, "hosts", "look", "web1", "--outside", "-p", webDoors)
}

// alertsOfDB1 opens the door that others have as well, and more doors at once than
// anybody opens by hand: one redirect in the firewall.
func (s *site) alertsOfDB1(db *lab.Host) {
	s.t.Helper()
	db.NodeExporter(s.t, doorEverywhere)
	s.must(1, "hosts", "look", "db1", "-p", dbDoors)
	db.Listen(s.t, "-say", "hello", "tcp/:19999")
	db.Firewall(s.t, `table ip flood {
		chain in {
			type nat hook prerouting priority dstnat
			tcp dport 20000-20150 redirect to :19999
		}
	}`)
	s.must(1, "hosts", "look", "db1", "-p", dbDoors)
}

// follow has the baseline follow a folder from now on, which says what the server's
// said, but for a file that cannot be used; and one alert waits for it.
func (s *site) follow() {
	s.t.Helper()
	dir, err := os.MkdirTemp("", fmt.Sprintf("pvlab-%d-baseline-", os.Getpid())) // not t.TempDir: the core has a user of its own
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			s.t.Error(err)
		}
	})
	for name, text := range map[string]string{"shop.yaml": s.must(0, "baseline", "export").stdout, "broken.yaml": "version: 1\nhost: [\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	s.server.Stop(s.t)
	s.folder = dir
	s.serve()
	s.server.WaitOutput(s.t, ready)
	s.must(0, "alerts", "resolve", s.about(doorNew), "--expected", "--why", "the shop's test server", "--owner", "ann")
	await(s.t, "a file that cannot be used", time.Minute, func() bool { return s.of(portvigil.BaselineUnreadable) != "" })
}

// of is the id of an alert of that kind, "" for none.
func (s *site) of(kind portvigil.Kind) string {
	s.t.Helper()
	for _, a := range s.all() {
		if a.Kind == kind {
			return a.ID
		}
	}
	return ""
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

// missing are what no alert of the site is, and why. The pages of such alerts are
// made up in web's own tests.
var missing = map[string]string{
	string(portvigil.Hidden):          "no view says yet which addresses are a host's own",
	string(portvigil.Missing):         "two looks have to be ten minutes apart",
	string(portvigil.ChannelFailing):  "a channel has to fail for a quarter of an hour",
	string(portvigil.HostUnreachable): "it takes one and a half of the host's intervals, each of a minute or more",
	string(portvigil.AgentSilent):     "that, too",
	string(portvigil.CauseReboot):     "no machine is started anew here",
	string(portvigil.CauseVantage):    "hosts have to be unreachable before the vantage is",
	string(portvigil.Critical):        "only what is hidden is critical, until vulnerabilities are known",
	string(portvigil.Low):             "what is low is a finding, and no alert",
}

// filled checks that every state, kind, severity, cause and way to end is there, as
// the API's document has them: a page that has none to show would pass any test.
func (s *site) filled() {
	s.t.Helper()
	there := map[string]int{}
	for _, a := range s.all() {
		there[string(a.State)]++
		there[string(a.Kind)]++
		there[string(a.Severity)]++
		if a.Resolution != nil {
			there[string(a.Resolution.Kind)]++
		}
		if a.Cause != nil {
			there[string(a.Cause.Kind)]++
		}
		if a.Reopened > 0 {
			there["re-opened"]++
		}
	}
	wanted := slices.Concat([]string{"re-opened"}, s.values("AlertState"), s.values("ResolutionKind"), s.values("Severity"), s.values("CauseKind"))
	for _, info := range portvigil.Kinds() {
		if info.Alerts {
			wanted = append(wanted, string(info.Kind))
		}
	}
	for _, want := range wanted {
		if _, excused := missing[want]; excused != (there[want] == 0) {
			s.t.Errorf("the site has %d alerts that are %s, and it is said to have none: %v; it has %v", there[want], want, excused, there)
		}
	}
	s.t.Logf("%d alerts: %v", len(s.all()), there)
}

// values are those that a type can have.
func (s *site) values(name string) []string {
	s.t.Helper()
	text, err := os.ReadFile("../docs/openapi.json")
	if err != nil {
		s.t.Fatal(err)
	}
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Enum []string `json:"enum"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		s.t.Fatal(err)
	}
	list := document.Components.Schemas[name].Enum
	if len(list) == 0 {
		s.t.Fatalf("the API has no type %s with values", name)
	}
	return list
}
