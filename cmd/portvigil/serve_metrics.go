package main

import (
	"context"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/watch"
	"github.com/portvigil/portvigil/web"
)

// measure counts what /metrics tells.
func measure(g ground, e *watch.Engine, l *lookers, own *certificate) func(context.Context) (web.Metrics, error) {
	return func(ctx context.Context) (web.Metrics, error) {
		m := web.Metrics{OpenAlerts: map[portvigil.Severity]int{}, Exposures: map[portvigil.Verdict]int{},
			Restarts: map[string]int{processCore: l.coreRestarts, processInside: l.inside.restarts(), processScanner: l.outside.restarts()}}
		if own != nil {
			m.CertificateEnds, m.CertificateRefused = own.state()
		}
		var err error
		if m.DatabaseBytes, err = g.Size(ctx); err != nil {
			return m, err
		}
		hosts, err := e.Overview(ctx)
		if err != nil {
			return m, err
		}
		m.Hosts = len(hosts)
		for _, h := range hosts {
			for verdict, n := range h.Doors {
				m.Exposures[verdict] += n
			}
		}
		counts, err := e.AlertCounts(ctx, portvigil.AlertFilter{States: portvigil.OpenStates()})
		if err != nil {
			return m, err
		}
		for _, c := range counts {
			m.OpenAlerts[c.Severity] += c.Count
		}
		if m.Channels, err = e.Channels(ctx); err != nil {
			return m, err
		}
		err = g.View(ctx, func(tx watch.Tx) error {
			queued, err := tx.QueuedDeliveries()
			m.Queued = len(queued)
			return err
		})
		return m, err
	}
}
