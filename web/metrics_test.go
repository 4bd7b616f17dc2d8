package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab/hostile"
)

func scrape(r *http.Request) { r.Header.Set("Authorization", "Bearer "+metricsToken) }

func TestMetricsNeedTheirToken(t *testing.T) {
	t.Parallel()
	s := newSite(base, &fakeEngine{})
	for _, c := range []struct {
		name, authorization string
		status              int
	}{
		{"the token", "Bearer METRICS", 200},
		{"none", "", 401},
		{"an empty one", "Bearer ", 401},
		{"half of it", "Bearer METR", 401},
		{"more than it", "Bearer METRICSS", 401},
		{"another scheme", "Basic METRICS", 401},
	} {
		w := s.request("GET", "/metrics", func(r *http.Request) { r.Header.Set("Authorization", c.authorization) })
		if w.Code != c.status {
			t.Errorf("%s: answered %d, want %d", c.name, w.Code, c.status)
		}
		if w.Code == 401 && (!strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") || strings.Contains(w.Body.String(), "portvigil_")) {
			t.Errorf("%s: %v %s", c.name, w.Header(), w.Body)
		}
	}
	if w := s.request("GET", "/metrics?token="+metricsToken, nil); w.Code != 401 {
		t.Errorf("the token in the address, where logs keep it, answered %d", w.Code)
	}
	if w := s.request("GET", "/hosts/web1", scrape); w.Code != 401 {
		t.Errorf("the token of the metrics opened a page: %d", w.Code)
	}
	if w := s.get(t, "/metrics"); w.Code != 200 {
		t.Errorf("somebody who is signed in got %d", w.Code)
	}
}

func TestMetricsWithoutATokenOfTheServerNobodyHasIt(t *testing.T) {
	t.Parallel()
	for _, given := range []string{"", "Bearer", "Bearer "} {
		r, err := http.NewRequest("GET", base, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", given)
		if bearer(r, "") {
			t.Errorf("%q opened a door without a token", given)
		}
	}
}

func TestMetricsTellNoErrorOfTheirMeasurement(t *testing.T) {
	t.Parallel()
	s := newSite(base, &fakeEngine{err: errors.New("hunter2")})
	w := s.request("GET", "/metrics", scrape)
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "hunter2") || !strings.Contains(s.log.String(), "hunter2") {
		t.Errorf("answered %d %s; the log has %s", w.Code, w.Body, s.log)
	}
}

// A label must be UTF-8: the client library panics otherwise.
func TestMetricsAreValidWhateverAChannelIsCalled(t *testing.T) {
	t.Parallel()
	for _, name := range hostile.Texts() {
		s := newSite(base, &fakeEngine{hosts: make([]portvigil.HostStatus, 3), channels: []portvigil.ChannelRow{
			{Name: name, LastError: name, LastSuccess: noon}, {Name: name + "x"}}})
		w := s.request("GET", "/metrics", scrape)
		text := w.Body.String()
		if w.Code != http.StatusOK {
			t.Fatalf("answered %d", w.Code)
		}
		if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
			t.Errorf("not as Prometheus reads it: %v %v", problems, err)
		}
		if strings.ContainsAny(text, "\x00\x1b\u202e") || len(text) > 20_000 {
			t.Errorf("%d bytes, with what no line should have", len(text))
		}
		if !strings.Contains(text, "portvigil_hosts 3\n") || !strings.Contains(text, `portvigil_endpoints{verdict="expected"} 0`) {
			t.Errorf("counts are missing:\n%s", text)
		}
	}
}

func TestMetricsCount(t *testing.T) {
	t.Parallel()
	m := Metrics{Hosts: 2, Queued: 5, DatabaseBytes: 4096, OpenAlerts: map[portvigil.Severity]int{portvigil.High: 3}, Exposures: map[portvigil.Verdict]int{portvigil.Hidden: 1},
		Channels: []portvigil.ChannelRow{{Name: "ops", LastSuccess: time.Unix(1000, 0), LastError: "refused"}, {Name: "desk"}}}
	got := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(exposition(t, m)), "\n") {
		if name, value, found := strings.Cut(line, " "); found && name != "#" && value != "0" {
			got[name] = value
		}
	}
	want := map[string]string{
		"portvigil_hosts": "2", "portvigil_deliveries_queued": "5", "portvigil_database_bytes": "4096",
		`portvigil_alerts_open{severity="high"}`:                          "3",
		`portvigil_endpoints{verdict="hidden"}`:                           "1",
		`portvigil_channel_failing{channel="ops"}`:                        "1",
		`portvigil_channel_last_success_timestamp_seconds{channel="ops"}`: "1000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is not 0 (-want +got)\n%s", diff)
	}
}

func exposition(t *testing.T, m Metrics) string {
	t.Helper()
	log, _ := logged()
	d := NewDoorkeeper(base, newAccounts(), time.Now)
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/metrics", nil)
	scrape(r)
	metricsHandler(func(context.Context) (Metrics, error) { return m, nil }, metricsToken, d, log)(w, r)
	return w.Body.String()
}
