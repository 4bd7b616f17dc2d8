package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/portvigil/portvigil"
)

// Metrics is what a scrape tells: counts, and nothing that a scanned host sent.
type Metrics struct {
	Hosts      int
	OpenAlerts map[portvigil.Severity]int
	Exposures  map[portvigil.Verdict]int
	Queued     int // notifications that are not delivered yet
	// DatabaseBytes is what the database takes on disk.
	DatabaseBytes int64
	Channels      []portvigil.ChannelRow
	// Restarts counts by the server's own process how often it was started again.
	Restarts map[string]int
	// CertificateEnds is when the server's own certificate ends; zero where it has
	// none. CertificateRefused tells that its files have a newer one that does not work.
	CertificateEnds    time.Time
	CertificateRefused bool
}

// metricsHandler serves /metrics to who brings its token, or is signed in.
func metricsHandler(measure func(context.Context) (Metrics, error), token string, d *Doorkeeper, log *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, known := d.knows(r); !known && !bearer(r, token) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="metrics"`)
			http.Error(w, "The metrics need the token in the file metrics.token of the data folder: Authorization: Bearer …", http.StatusUnauthorized)
			return
		}
		m, err := measure(r.Context())
		if err != nil {
			log.Error("metrics not measured", "err", err)
			http.Error(w, "not measured; see the server's log", http.StatusInternalServerError)
			return
		}
		registry := prometheus.NewRegistry()
		m.register(registry)
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	}
}

// verdicts are all that an endpoint can have.
var verdicts = []portvigil.Verdict{portvigil.Hidden, portvigil.Allowed, portvigil.Pending, portvigil.UnexpectedExposed,
	portvigil.UnexpectedListening, portvigil.Changed, portvigil.Missing, portvigil.Gap, portvigil.Unverified,
	portvigil.Expected, portvigil.None}

// register fills a registry that lives for one scrape: the store is the truth,
// and nothing can drift from it.
func (m Metrics) register(r *prometheus.Registry) {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "portvigil", Name: name, Help: help}, labels)
		r.MustRegister(g)
		return g
	}
	gauge("hosts", "Hosts that are watched.").WithLabelValues().Set(float64(m.Hosts))
	gauge("deliveries_queued", "Notifications that are not delivered yet.").WithLabelValues().Set(float64(m.Queued))
	gauge("database_bytes", "What the database takes on disk.").WithLabelValues().Set(float64(m.DatabaseBytes))
	if !m.CertificateEnds.IsZero() {
		gauge("certificate_end_timestamp_seconds", "When the server's own certificate ends.").WithLabelValues().Set(float64(m.CertificateEnds.Unix()))
		refused := 0.0
		if m.CertificateRefused {
			refused = 1
		}
		gauge("certificate_refused", "1 where the certificate's files changed to what does not work; the one before stays in use.").WithLabelValues().Set(refused)
	}
	alerts := gauge("alerts_open", "Alerts that somebody has to resolve.", "severity")
	for _, s := range []portvigil.Severity{portvigil.Low, portvigil.Medium, portvigil.High, portvigil.Critical} {
		alerts.WithLabelValues(string(s)).Set(float64(m.OpenAlerts[s]))
	}
	endpoints := gauge("endpoints", "Endpoints by verdict.", "verdict")
	for _, verdict := range verdicts { // also those at 0: a series that goes away looks like a failed scrape
		endpoints.WithLabelValues(string(verdict)).Set(float64(m.Exposures[verdict]))
	}
	restarts := gauge("process_restarts", "How often a process of the server had to be started again since the server began.", "process")
	for process, n := range m.Restarts {
		restarts.WithLabelValues(process).Set(float64(n))
	}
	success := gauge("channel_last_success_timestamp_seconds", "When a channel last took a message; 0 for never.", "channel")
	failing := gauge("channel_failing", "1 where a channel's last message failed.", "channel")
	for _, c := range m.Channels {
		name := shown(c.Name) // a label that is no UTF-8 would make the registry panic
		if !c.LastSuccess.IsZero() {
			success.WithLabelValues(name).Set(float64(c.LastSuccess.Unix()))
		} else {
			success.WithLabelValues(name).Set(0)
		}
		bad := 0.0
		if c.LastError != "" {
			bad = 1
		}
		failing.WithLabelValues(name).Set(bad)
	}
}
