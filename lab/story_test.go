package lab_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// story is a server in one namespace, a target in another, and the people who
// are told in a third.
type story struct {
	t    *testing.T
	bin  string
	data string
	// database is the URL of a PostgreSQL database; "" for SQLite in the data folder.
	database string
	under    []string // the command that the server runs under; none for most
	local    bool     // it looks at its own machine from inside, too
	lab      *lab.Lab
	scanner  *lab.Host
	target   *lab.Host
	mail     *lab.MailServer
	slack    *lab.HTTPReceiver
	hook     *lab.HTTPReceiver
	server   *lab.Process
}

// result is what one command printed and how it ended.
type result struct {
	code   int
	stdout string
	stderr string
}

// onHost runs the built binary on a host of the lab.
func (s *story) onHost(h *lab.Host, stdin string, args ...string) result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := h.Command(ctx, s.bin, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("run portvigil %s: %v", strings.Join(args, " "), err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// run runs a command that talks to the server.
func (s *story) run(args ...string) result {
	s.t.Helper()
	return s.onHost(s.scanner, "", append([]string{"--data", s.data}, args...)...)
}

// must runs a command and fails the test where it does not end with the code.
func (s *story) must(code int, args ...string) result {
	s.t.Helper()
	r := s.run(args...)
	if r.code != code {
		s.t.Fatalf("portvigil %s ended with %d, want %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), r.code, code, r.stdout, r.stderr)
	}
	return r
}

// alerts returns the alerts of the target.
func (s *story) alerts(open bool) []portvigil.Alert {
	s.t.Helper()
	args := []string{"alerts", "list", "--json"}
	if open {
		args = append(args, "--open")
	}
	var list []portvigil.Alert
	for _, a := range records[portvigil.Alert](s.t, s.must(0, args...).stdout, "alert") {
		if a.Host == "target" {
			list = append(list, a)
		}
	}
	return list
}

// alert returns the one alert about a port.
func (s *story) alert(port uint16) portvigil.Alert {
	s.t.Helper()
	var found []portvigil.Alert
	for _, a := range s.alerts(false) {
		if a.Port == port {
			found = append(found, a)
		}
	}
	if len(found) != 1 {
		s.t.Fatalf("%d alerts about port %d, want exactly one: %+v", len(found), port, found)
	}
	return found[0]
}

// told checks that every channel has been told n times in all, and no more.
func (s *story) told(n int) {
	s.t.Helper()
	s.mail.Wait(s.t, n, time.Minute)
	s.slack.Wait(s.t, n, time.Minute)
	s.hook.Wait(s.t, n, time.Minute)
	if m, k, h := len(s.mail.Messages()), len(s.slack.Requests()), len(s.hook.Requests()); m != n || k != n || h != n {
		var told strings.Builder
		for _, r := range s.hook.Requests() {
			fmt.Fprintf(&told, "\n%s", r.Body)
		}
		s.t.Fatalf("told %d times by mail, %d by Slack, %d by webhook, want %d each:%s", m, k, h, n, told.String())
	}
}

// records reads the records of one type out of JSON Lines.
func records[T any](t *testing.T, text, kind string) []T {
	t.Helper()
	var list []T
	for line := range strings.Lines(text) {
		var head struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal([]byte(line), &head); err != nil {
			t.Fatalf("not a JSON record: %q: %v", line, err)
		}
		if head.Type != kind {
			continue
		}
		var r T
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s record %q: %v", kind, line, err)
		}
		list = append(list, r)
	}
	return list
}

// ready is what a server prints when it answers.
const ready = "/enter?token="

// serve starts the server, and leaves it to the caller to wait.
func (s *story) serve() {
	s.t.Helper()
	args := append(slices.Clone(s.under), s.bin, "--data", s.data, "serve")
	if !s.local {
		args = append(args, "--no-local")
	}
	if s.database != "" {
		args = append(args, "--database", s.database)
	}
	s.server = s.scanner.Start(s.t, args[0], args[1:]...)
}

// newStory makes the hosts, starts the server and the three channels.
func newStory(t *testing.T) *story { return (&story{t: t}).begin() }

// begin is newStory for a story that says what else it has.
func (s *story) begin() *story {
	t := s.t
	l := lab.New(t)
	s.lab, s.bin, s.data, s.scanner, s.target = l, lab.Build(t), filepath.Join(t.TempDir(), "data"), l.Host("scanner"), l.Host("target")
	people := l.Host("people")
	s.mail = lab.Mailbox(t, people)
	s.slack = lab.Receiver(t, people, 8001)
	s.hook = lab.Receiver(t, people, 8002)
	s.serve()
	s.server.WaitOutput(t, ready)
	slackFile := filepath.Join(t.TempDir(), "slack.url")
	if err := os.WriteFile(slackFile, []byte(s.slack.URL+"/services/T0/B0/x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must(0, "channels", "add", "ops", "--kind", "email", "--to", "ops@example.com", "--from", "portvigil@example.com", "--smtp", "smtp://"+s.mail.Addr)
	s.must(0, "channels", "add", "team", "--kind", "slack", "--url-file", slackFile)
	s.must(0, "channels", "add", "desk", "--kind", "webhook", "--url", s.hook.URL+"/hook")
	return s
}

// doors are those that the story is about.
const doors = "22,80,9100"

// TestFromNothingToAResolvedAlert is the whole story: a door opens on a real
// host, somebody is told once, and it is resolved. The first look and the one
// that finds the door are at all ports; where only a door or two matter, the
// looks are narrow, which a polite pace makes the shorter.
func TestFromNothingToAResolvedAlert(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.target.Nginx(t, 80)
	s.target.Sshd(t, 22)

	s.must(0, "hosts", "add", "target", s.target.IP4.String())
	s.must(1, "hosts", "look", "target")
	first := s.alerts(true)
	if len(first) != 1 || first[0].Kind != portvigil.DoorsToExplain || len(first[0].Endpoints) != 2 {
		t.Fatalf("a new host raised %+v, want one alert with its two doors", first)
	}
	if r := s.run("alerts", "resolve", first[0].ID, "--shut"); r.code != 2 {
		t.Errorf("shutting all first doors at once ended with %d, want it refused", r.code)
	}
	s.must(0, "baseline", "approve", "target", "22/tcp", "80/tcp", "--why", "ssh and the shop", "--owner", "ann")
	s.must(0, "hosts", "look", "target", "-p", doors)
	s.told(2) // opened, resolved

	exporter := s.target.NodeExporterInUnit(t, 9100)
	s.must(1, "hosts", "look", "target", "--outside")
	a := s.alert(9100)
	if a.Kind != portvigil.Kind(portvigil.UnexpectedExposed) || a.Severity != portvigil.High || a.State != portvigil.AlertNew {
		t.Errorf("the alert is %s, %s, %s; want unexpected-exposed, high, new", a.Kind, a.Severity, a.State)
	}
	if a.Service == nil || a.Service.Product != "Prometheus node exporter" {
		t.Errorf("behind the door is %+v, want the Prometheus node exporter", a.Service)
	}
	s.told(3)
	s.sameFacts("target", "9100", "Prometheus node exporter", a.ID)

	s.must(1, "hosts", "look", "target", "-p", doors)
	s.must(1, "hosts", "look", "target", "-p", "22")
	if list := s.alerts(true); len(list) != 1 {
		t.Fatalf("further looks left %d open alerts, want the one", len(list))
	}

	s.reportFromInside(a.ID)
	s.told(5) // the door that only listens: opened, resolved

	s.must(0, "alerts", "ack", a.ID)
	if got := s.alert(9100); got.State != portvigil.AlertAcknowledged || !got.Open() {
		t.Errorf("acknowledged, the alert is %s and open=%v; want it to stay open", got.State, got.Open())
	}
	s.must(0, "alerts", "resolve", a.ID, "--shut")
	if got := s.alert(9100); got.State != portvigil.AlertWaitingShut {
		t.Errorf("resolved as shut while it is open, the alert is %s; want it to wait", got.State)
	}
	exporter.Stop(t)
	s.reportListeners() // the inside saw it too, and is asked as well
	s.must(0, "hosts", "look", "target", "--outside", "-p", doors)
	if got := s.alert(9100); got.State != portvigil.AlertResolved || got.Resolution.Kind != portvigil.ResolvedShut {
		t.Fatalf("stopped and seen shut, the alert is %s (%+v); want it resolved as shut", got.State, got.Resolution)
	}
	s.told(6)

	exporter = s.target.NodeExporter(t, 9100)
	s.must(1, "hosts", "look", "target", "--outside", "-p", doors)
	if got := s.alert(9100); got.ID != a.ID || got.State != portvigil.AlertNew || got.Reopened != 1 {
		t.Fatalf("open again, alert %s is %s, re-opened %d; want the same one, new, once", got.ID, got.State, got.Reopened)
	}
	s.told(7)

	if r := s.run("alerts", "resolve", a.ID, "--expected"); r.code != 2 || !strings.Contains(r.stderr, "--why") {
		t.Errorf("expected without a reason ended with %d and %q, want it refused with the way out", r.code, r.stderr)
	}
	s.must(0, "alerts", "resolve", a.ID, "--expected", "--why", "metrics for the dashboard", "--owner", "ann")
	if out := s.must(0, "baseline", "show", "target").stdout; !strings.Contains(out, "9100/tcp") || !strings.Contains(out, "metrics for the dashboard") {
		t.Errorf("the baseline does not show the door with its reason:\n%s", out)
	}
	s.told(8)
	s.must(0, "hosts", "look", "target", "--outside", "-p", doors)
	s.must(0, "hosts", "look", "target", "--outside", "-p", doors)
	s.told(8)
	exporter.Stop(t)
}

// sameFacts checks that the newest message of every channel has all the facts,
// and that the webhook names the alert.
func (s *story) sameFacts(facts ...string) {
	s.t.Helper()
	mails, posts, hooks := s.mail.Messages(), s.slack.Requests(), s.hook.Requests()
	for name, text := range map[string]string{
		"mail": unfold(mails[len(mails)-1].Data), "Slack": string(posts[len(posts)-1].Body), "webhook": string(hooks[len(hooks)-1].Body),
	} {
		for _, fact := range facts {
			if !strings.Contains(text, fact) {
				s.t.Errorf("the message by %s does not say %q:\n%s", name, fact, text)
			}
		}
	}
	var body struct {
		Type string          `json:"type"`
		Data portvigil.Alert `json:"data"`
	}
	last := hooks[len(hooks)-1]
	if err := json.Unmarshal(last.Body, &body); err != nil || body.Type != string(portvigil.AlertOpened) {
		s.t.Errorf("the webhook says %q (%v), want alert.opened", body.Type, err)
	}
	if last.Header.Get("webhook-id") == "" || !strings.HasPrefix(last.Header.Get("webhook-signature"), "v1,") {
		s.t.Errorf("the webhook is not signed: %v", last.Header)
	}
}

// unfold joins lines that quoted-printable broke (RFC 2045, section 6.7).
func unfold(data string) string {
	return strings.ReplaceAll(strings.ReplaceAll(data, "=\r\n", ""), "\r\n ", " ")
}

// reportListeners reports what listens on the target as its inside view.
func (s *story) reportListeners() string {
	s.t.Helper()
	baseline := filepath.Join(s.t.TempDir(), "baseline.yaml")
	s.onHost(s.target, "", "--data", s.t.TempDir(), "check", "--init", "--host", "target", "--baseline", baseline)
	seen := s.onHost(s.target, "", "--data", s.t.TempDir(), "check", "--json", "--host", "target", "--baseline", baseline)
	r := s.onHost(s.scanner, seen.stdout, "--data", s.data, "hosts", "report", "target", "-")
	if r.code != 0 {
		s.t.Fatalf("hosts report ended with %d: %s\n%s", r.code, r.stderr, seen.stdout)
	}
	return seen.stdout
}

// reportFromInside adds the inside view: the open alert learns who opened the
// door, and a door that only listens is told apart.
func (s *story) reportFromInside(id string) {
	s.t.Helper()
	s.target.Firewall(s.t, `table inet hide {
		chain in { type filter hook input priority 0; tcp dport 7777 reject
		}
	}`)
	hidden := s.target.Listen(s.t, "tcp/:7777")
	text := s.reportListeners()
	a := s.alert(9100)
	if a.ID != id || a.Process == nil || !strings.HasSuffix(a.Process.Exe, "prometheus-node-exporter") {
		s.t.Fatalf("after the report, alert %s has process %+v; want the node exporter's in %s", a.ID, a.Process, id)
	}
	if a.Process.Unit != "prometheus-node-exporter.service" {
		s.t.Errorf("the unit is %q, want prometheus-node-exporter.service", a.Process.Unit)
	}
	if p := a.Process.Package; p == nil || p.Name != "prometheus-node-exporter" || p.Version == "" || a.Process.User != "root" {
		s.t.Errorf("it runs as %q from package %+v, want root and prometheus-node-exporter with its version", a.Process.User, p)
	}
	verdicts := map[uint16]portvigil.Verdict{}
	for _, e := range records[portvigil.Exposure](s.t, s.must(0, "hosts", "show", "target", "--json").stdout, "exposure") {
		verdicts[e.Port] = e.Verdict
	}
	if verdicts[7777] != portvigil.UnexpectedListening {
		s.t.Errorf("a door that listens and is not open from outside is %q, want unexpected-listening", verdicts[7777])
	}
	if verdicts[9100] != portvigil.UnexpectedExposed || verdicts[22] != portvigil.Expected {
		s.t.Errorf("verdicts are %v, want 9100 unexpected-exposed and 22 expected", verdicts)
	}
	r := s.onHost(s.scanner, text, "--data", s.data, "hosts", "report", "target", "-")
	if r.code != 0 {
		s.t.Errorf("the same report again ended with %d: %s", r.code, r.stderr)
	}
	// Take the second door away again, so that the story goes on about one.
	hidden.Stop(s.t)
	s.reportListeners()
	if list := s.alerts(true); !slices.ContainsFunc(list, func(a portvigil.Alert) bool { return a.ID == id }) {
		s.t.Errorf("the alert about 9100 is gone: %+v", list)
	}
}

// TestACutPathClosesNothing: the look ends within 30 s, incomplete, and no door
// is called closed.
func TestACutPathClosesNothing(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.target.Nginx(t, 80)
	s.must(0, "hosts", "add", "target", s.target.IP4.String())
	s.must(1, "hosts", "look", "target")
	s.must(0, "baseline", "approve", "target", "--all", "--why", "the shop", "--owner", "ann")
	s.target.Listen(t, "tcp/:8080")
	s.must(1, "hosts", "look", "target", "-p", "80,8080")
	s.told(3)

	s.target.Cut(t)
	began := time.Now()
	r := s.must(2, "hosts", "look", "target", "--json")
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the look over a cut path took %s, want at most 30 s", took)
	}
	looks := records[portvigil.LookRecord](t, r.stdout, "look")
	if len(looks) != 1 || looks[0].Complete {
		t.Errorf("the look over a cut path says %+v, want one, incomplete", looks)
	}
	if a := s.alert(8080); !a.Open() {
		t.Errorf("the cut path resolved the alert: %+v", a.Resolution)
	}
	if list := s.alerts(true); len(list) != 1 {
		t.Errorf("the cut path raised alerts: %+v", list)
	}
	s.told(3)
	s.target.Mend(t)
	again := s.must(1, "hosts", "look", "target", "-p", "80,8080", "--json")
	if looks := records[portvigil.LookRecord](t, again.stdout, "look"); len(looks) != 1 || looks[0].Method != portvigil.MethodSYN {
		t.Errorf("the scanner, which may send packets of its own, made the looks %+v", looks)
	}
	s.told(3)
}

// TestARejectingFirewallIsFilteredNotClosed: what nft rejects by ICMP is an
// answer of the firewall; what it resets is closed.
func TestARejectingFirewallIsFilteredNotClosed(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	s := &story{t: t, bin: lab.Build(t), scanner: l.Host("scanner"), target: l.Host("target")}
	s.target.Firewall(t, `table inet f {
		chain in {
			type filter hook input priority 0
			tcp dport 1001 reject
			tcp dport 1002 reject with icmpx type admin-prohibited
			tcp dport 1003 reject with tcp reset
		}
	}`)
	for _, way := range [][2]string{{s.target.IP4.String(), "syn"}, {s.target.IP6.String(), "syn"}, {s.target.IP4.String(), "connect"}, {s.target.IP6.String(), "connect"}} {
		address, method := way[0], way[1]
		r := s.onHost(s.scanner, "", "--data", t.TempDir(), "scan", address, "-p", "1001-1004", "--method", method, "--json")
		if r.code != 0 {
			t.Fatalf("scan %s ended with %d: %s\n%s", address, r.code, r.stderr, r.stdout)
		}
		look := records[portvigil.LookRecord](t, r.stdout, "look")[0]
		states := map[uint16]portvigil.PortState{1001: *look.DefaultState, 1002: *look.DefaultState, 1003: *look.DefaultState, 1004: *look.DefaultState}
		for _, p := range records[portvigil.PortRecord](t, r.stdout, "port") {
			states[p.Port] = p.State
		}
		want := map[uint16]portvigil.PortState{1001: portvigil.StateFiltered, 1002: portvigil.StateFiltered, 1003: portvigil.StateClosed, 1004: portvigil.StateClosed}
		for port, state := range want {
			if states[port] != state {
				t.Errorf("%s: %s port %d is %s, want %s", method, address, port, states[port], state)
			}
		}
	}
}

// onEachDatabase runs do as a subtest on SQLite, for which the URL is "", and on a
// PostgreSQL server of its own with those settings.
func onEachDatabase(t *testing.T, settings []string, do func(t *testing.T, database string)) {
	t.Run("SQLite", func(t *testing.T) { do(t, "") })
	t.Run("PostgreSQL", func(t *testing.T) { do(t, lab.StartPostgres(t, settings...).Database(t, "")) })
}
