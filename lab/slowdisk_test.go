package lab_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/portvigil/portvigil/lab"
)

// TestASlowDiskDelaysAndLosesNothing: every write waits for a disk that takes
// 200 ms to sync. All that happens is told, each once; who only reads does not
// wait for those who write; and a stop is still in order.
func TestASlowDiskDelaysAndLosesNothing(t *testing.T) {
	t.Parallel()
	const delay = 200 * time.Millisecond
	syncs := filepath.Join(t.TempDir(), "syncs")
	s := (&story{t: t, under: lab.SlowDisk(t, delay, syncs)}).begin()
	s.target.Listen(t, "tcp/:22")
	s.must(0, "hosts", "add", "target", s.target.IP4.String())
	s.must(1, "hosts", "look", "target", "-p", "22")
	server, expected := s.overSocket(), expectation{}
	server.report(t, "target", insideReport("first", time.Now(), 22))
	open := []uint16{22}
	var slowest time.Duration
	for port := range uint16(12) {
		open = append(open, 7001+port)
		expected.opens("target", 7001+port)
		written := make(chan struct{})
		go func() {
			defer close(written)
			server.report(t, "target", insideReport(fmt.Sprint(port), time.Now(), open...))
		}()
		slowest = max(slowest, server.answers(t, "/v1/alerts"))
		<-written
	}
	expected.heard(s)
	if n := expected.check(s, nil); n != 0 {
		t.Errorf("%d messages were repeated", n)
	}
	if slowest > 2*time.Second {
		t.Errorf("somebody who only reads waited for %v", slowest)
	}
	if n := len(s.alerts(true)); n != len(open) {
		t.Errorf("%d alerts are open, want one for each of the %d doors", n, len(open))
	}
	s.server.Stop(t)
	text, err := os.ReadFile(syncs)
	if err != nil {
		t.Fatal(err)
	}
	n := bytes.Count(text, []byte("sync("))
	if n < len(open) {
		t.Errorf("the disk was asked to sync %d times for %d doors: it was not slow for the server", n, len(open))
	}
	t.Logf("%d syncs of %v; the slowest reader waited for %v", n, delay, slowest.Round(time.Millisecond))
}

// answers is how long a request takes that only reads.
func (c *socket) answers(t *testing.T, path string) time.Duration {
	t.Helper()
	began := time.Now()
	answer, err := c.Get("http://portvigil" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", path, answer.Status)
	}
	return time.Since(began)
}
