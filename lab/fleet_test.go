package lab_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the server's database, to see how far it is

	"github.com/portvigil/portvigil/lab"
)

// What make bench-fleet asks for: 500 hosts for three and a half minutes.
var (
	fleetHosts = flag.Int("fleet-hosts", 10, "how many hosts TestAFleet watches")
	fleetTime  = flag.Duration("fleet-time", 20*time.Second, "for how long TestAFleet watches them")
)

// What a server with a fleet may take.
const (
	fleetMemory = 120 << 10      // KiB of VmRSS, all processes together
	fleetLooks  = 8 + 4          // at a time: of the schedule, and that somebody waits for
	fleetSYN    = (2 + 2) * 2500 // a second at a /24, by as many looks of either kind
	// A second of the counters is one of a busy machine.
	fleetSYNGrain = fleetSYN / 20
)

// fleetNetworks are the /24 in which the hosts are, in turn.
const fleetNetworks = 5

// fleetDoors are open at every host. Nobody speaks behind them.
var fleetDoors = []uint16{22, 25, 53, 80, 111, 443, 587, 993, 2049, 3306, 5432, 6379, 8080, 8443, 9100, 9200, 11211, 15672, 27017, 50000}

// fleetStory is a server that watches many hosts: one namespace that answers at all
// of their addresses.
type fleetStory struct {
	*story
	names []string
	seen  fleetSeen
}

// fleetSeen is the most, or the whole, of what was seen of a fleet's server.
type fleetSeen struct {
	rss, pss   int64 // KiB, at the peak of all processes together
	each       map[string]int64
	looks      int // at a time
	syn        float64
	unreadable int // samples in which a process was just started or had ended
	samples    int
}

// TestAFleet watches many hosts at once, from nothing: all of them are imported,
// report their doors from inside, and want a first look at all ports. Memory, looks
// at a time and SYN at each network stay within their bounds meanwhile.
func TestAFleet(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	f := &fleetStory{story: &story{t: t, bin: lab.Build(t), data: filepath.Join(t.TempDir(), "data"), scanner: l.Host("scanner"), target: l.Host("target"), local: true}}
	f.network()
	f.serve()
	f.server.WaitOutput(t, ready)
	family(t, f.server.PID)
	f.timed("import", "hosts", "import", "-")
	ctx, stop := context.WithCancel(t.Context())
	over := time.After(*fleetTime)
	var watching sync.WaitGroup
	watching.Go(func() { f.watch(ctx) })
	f.people()
	<-over
	f.timed("list of hosts, all known", "hosts", "list")
	stop()
	watching.Wait()
	f.judge()
}

// network gives the target its addresses, counted by network, and opens the doors.
func (f *fleetStory) network() {
	var counters strings.Builder
	counters.WriteString("table inet fleet {\n")
	for n := range fleetNetworks {
		network := fmt.Sprintf("10.88.%d.0/24", n)
		f.on(f.target, "ip", "route", "add", "local", network, "dev", "lo") // every address of it is the target's own
		fmt.Fprintf(&counters, "counter net%d {}\n", n)
	}
	counters.WriteString("chain input { type filter hook input priority 0;\n")
	for n := range fleetNetworks {
		fmt.Fprintf(&counters, "ip daddr 10.88.%d.0/24 tcp flags & (syn|ack) == syn counter name net%d\n", n, n)
	}
	f.target.Firewall(f.t, counters.String()+"}\n}\n")
	f.route("add", "10.88.0.0/16", "via", f.target.IP4.String())
	var doors []string
	for _, port := range fleetDoors {
		doors = append(doors, fmt.Sprintf("tcp/:%d", port))
	}
	f.target.Listen(f.t, doors...)
	for n := range *fleetHosts {
		f.names = append(f.names, fmt.Sprintf("web%d", n+1))
	}
}

// hosts is the CSV file of the fleet.
func (f *fleetStory) hosts() string {
	var text strings.Builder
	text.WriteString("name,address,group\n")
	for n, name := range f.names {
		fmt.Fprintf(&text, "%s,10.88.%d.%d,rack%d\n", name, n%fleetNetworks, n/fleetNetworks+1, n%20)
	}
	return text.String()
}

func (f *fleetStory) on(h *lab.Host, name string, args ...string) string {
	f.t.Helper()
	out, err := h.Command(f.t.Context(), name, args...).CombinedOutput()
	if err != nil {
		f.t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return string(out)
}

// timed runs a command that has to succeed, with the fleet as its input, and
// says how long it took.
func (f *fleetStory) timed(what string, args ...string) {
	f.t.Helper()
	began := time.Now()
	if r := f.onHost(f.scanner, f.hosts(), append([]string{"--data", f.data}, args...)...); r.code != 0 {
		f.t.Fatalf("%s ended with %d: %s", what, r.code, r.stderr)
	}
	f.t.Logf("%-28s %v", what, time.Since(began).Round(time.Millisecond))
}

// people is what comes from outside while the looks are made: every host reports
// what listens in it, so that its doors are looked at, and five people get a
// password, the hash of which takes more memory than anything else.
func (f *fleetStory) people() {
	began := time.Now()
	for _, name := range f.names {
		f.reported(name)
	}
	f.t.Logf("%-28s %v for %d hosts", "reports from inside", time.Since(began).Round(time.Millisecond), len(f.names))
	for n := range 5 {
		r := f.onHost(f.scanner, "correct horse battery\n", "--data", f.data, "users", "add", fmt.Sprintf("ann%d", n), "--password-file", "-")
		if r.code != 0 {
			f.t.Fatalf("users add ended with %d: %s", r.code, r.stderr)
		}
	}
	f.timed("list of hosts", "hosts", "list")
	f.timed("list of alerts", "alerts", "list")
	f.timed("a host", "hosts", "show", f.names[0])
}

// reported hands in a report as portvigil hosts report does: to start that 500
// times would take the machine longer than the server needs.
func (f *fleetStory) reported(name string) {
	f.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(f.data, "portvigil.sock"))
	}}}
	answer, err := client.Post("http://portvigil/v1/hosts/"+name+"/report", "application/json", strings.NewReader(insideReport(name+"-1", time.Now(), fleetDoors...)))
	if err != nil {
		f.t.Fatalf("report of %s: %v", name, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		f.t.Fatalf("report of %s: %s", name, answer.Status)
	}
}

// watch looks once a second until ctx ends.
func (f *fleetStory) watch(ctx context.Context) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(f.data, "portvigil.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		f.t.Error(err)
		return
	}
	defer db.Close()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	at := time.Now()
	before := f.counted()
	for began, said := at, at; ; {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
		}
		begun := time.Now()
		counted := f.counted()
		for n := range counted { // over all of the time that may lie between: never too many
			f.seen.syn = max(f.seen.syn, float64(counted[n]-before[n])/time.Since(at).Seconds())
		}
		before, at = counted, begun
		f.seen.take(f.server.PID)
		var running, first, doors int
		err := db.QueryRowContext(f.t.Context(), `SELECT count(*) FILTER (WHERE state = 'running'), count(*) FILTER (WHERE state = 'done' AND body ->> 'reason' = 'first'),
			count(DISTINCT host_id) FILTER (WHERE state = 'done') FROM requests WHERE body ->> 'view' = 'outside'`).Scan(&running, &first, &doors)
		if err != nil {
			f.t.Error(err)
			return
		}
		f.seen.looks = max(f.seen.looks, running)
		if begun.Sub(said) >= *fleetTime/10 {
			said = begun
			f.t.Logf("after %3.0f s: %d first looks at all ports done, %d hosts seen from outside; %s", begun.Sub(began).Seconds(), first, doors, memoryOf(f.server.PID))
		}
	}
}

// counted is how many SYN each network has had.
func (f *fleetStory) counted() []int64 {
	var list struct {
		Nftables []struct {
			Counter *struct {
				Name    string
				Packets int64
			}
		}
	}
	out, err := f.target.Command(context.Background(), "nft", "-j", "list", "counters").Output()
	if err == nil {
		err = json.Unmarshal(out, &list)
	}
	if err != nil {
		f.t.Errorf("read the counters: %v", err)
	}
	counted := make([]int64, fleetNetworks)
	for _, c := range list.Nftables {
		if c.Counter != nil {
			var n int
			if _, err := fmt.Sscanf(c.Counter.Name, "net%d", &n); err == nil && n < fleetNetworks {
				counted[n] = c.Counter.Packets
			}
		}
	}
	return counted
}

// judge prints what was seen and holds it against what is wanted.
func (f *fleetStory) judge() {
	t, s := f.t, f.seen
	total := f.counted()
	var sum int64
	for _, n := range total {
		sum += n
	}
	t.Logf("%d hosts: at most %d looks at a time (wanted: <= %d)", len(f.names), s.looks, fleetLooks)
	t.Logf("SYN: %d in all, %.0f to %.0f of them at a network; at most %.0f a second at one (wanted: <= %d)", sum, float64(slices.Min(total)), float64(slices.Max(total)), s.syn, fleetSYN)
	t.Logf("memory: at most %.1f MB of RSS together (wanted: <= %d), %.1f MB of PSS; each at its own peak, in KiB: %v; %d samples", float64(s.rss)/1024, fleetMemory/1024, float64(s.pss)/1024, s.each, s.samples)
	if s.samples == 0 || sum == 0 || s.looks == 0 {
		t.Errorf("nothing was seen: %+v, %d SYN", s, sum)
	}
	if s.rss > fleetMemory {
		t.Errorf("all processes took %d KiB", s.rss)
	}
	if s.looks > fleetLooks || s.syn > fleetSYN+fleetSYNGrain {
		t.Errorf("%d looks at a time, %.0f SYN a second at a network", s.looks, s.syn)
	}
	if list := f.must(0, "hosts", "list", "--json").stdout; strings.Count(list, "\n") < len(f.names) {
		t.Errorf("the server lists %d hosts", strings.Count(list, "\n"))
	}
}
