package lab_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// pace and burst are how much TestEveryAlertIsDelivered does; make bench-deliver
// asks for more.
var (
	pace  = flag.Duration("pace", time.Second, "how long the delivery test opens 50 doors a second")
	burst = flag.Int("burst", 1, "how many doors each of its ten hosts opens at once afterwards, at most 100")
)

// pacedHosts is how many hosts report in turn, ten reports a second.
const pacedHosts = 10

// TestEveryAlertIsDelivered opens 50 doors a second on ten hosts, then many at
// once, and waits until three receivers have heard of all. It prints how long
// messages took and how many a second there were, and judges neither: that is the
// machine's doing.
func TestEveryAlertIsDelivered(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, nil, func(t *testing.T, database string) { deliverEvery(t, (&story{t: t, database: database}).begin()) })
}

func deliverEvery(t *testing.T, s *story) {
	server := s.overSocket()
	var open [pacedHosts][]uint16
	reports := 0
	for i := range open {
		address := fmt.Sprintf("10.99.0.%d", 100+i)
		s.route("add", "unreachable", address) // looks at it end at once
		s.must(0, "hosts", "add", fmt.Sprintf("host%d", i), address)
	}
	report := func(i, doors int) {
		for range doors {
			open[i] = append(open[i], uint16(1000+6000*i+len(open[i])))
		}
		reports++
		server.report(t, fmt.Sprintf("host%d", i), insideReport(fmt.Sprintf("report%d", reports), time.Now(), open[i]...))
	}
	expected := expectation{}
	expect := func() {
		for i, ports := range open {
			for _, port := range ports {
				if door := doorOf(fmt.Sprintf("host%d", i), port); expected[door] == nil {
					expected.opens(fmt.Sprintf("host%d", i), port)
				}
			}
		}
	}
	for i := range open {
		report(i, 0)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := range int(*pace / (100 * time.Millisecond)) {
		<-tick.C
		report(n%pacedHosts, 5)
	}
	expect()
	expected.heard(s)
	took := s.delays()
	t.Logf("%d alerts in %v: from the transaction to the receiver p50 %v, p99 %v, most %v", len(expected), *pace,
		took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))

	began, before := time.Now(), len(expected)
	for i := range open {
		report(i, *burst)
	}
	expect()
	expected.heard(s)
	seconds := time.Since(began).Seconds()
	t.Logf("%d alerts at once, three messages each: committed and delivered in %.1f s, %.0f alerts a second",
		len(expected)-before, seconds, float64(len(expected)-before)/seconds)
	if repeated := expected.check(s, nil); repeated != 0 {
		t.Errorf("%d messages came twice", repeated)
	}
}

// delays lists, in order, how long after its event's time each message came. That
// time is taken within the transaction, so a little before the commit.
func (s *story) delays() []time.Duration {
	s.t.Helper()
	at := map[string]time.Time{}
	for _, r := range s.hook.Requests() {
		var body struct {
			Time time.Time `json:"time"`
			Data struct {
				ID string `json:"id"`
			} `json:"data"`
		}
		if err := json.Unmarshal(r.Body, &body); err != nil {
			s.t.Fatal(err)
		}
		at[body.Data.ID] = body.Time
	}
	list, _ := s.arrivals()
	var took []time.Duration
	for _, a := range list {
		took = append(took, a.time.Sub(at[a.alert]))
	}
	slices.Sort(took)
	return took
}

// socket talks to the server without a command for each question.
type socket struct{ http.Client }

func (s *story) overSocket() *socket {
	path := filepath.Join(s.data, "portvigil.sock")
	c := &socket{http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}}
	s.t.Cleanup(c.CloseIdleConnections)
	return c
}

func (c *socket) report(t *testing.T, host, text string) {
	t.Helper()
	answer, err := c.Post("http://portvigil/v1/hosts/"+host+"/report", "application/jsonl", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the report of %s: %s %s (%v)", host, answer.Status, body, err)
	}
}
