package lab_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// insideReport is what check --json would print on a machine on which only
// these TCP ports listen. The same id is the same report.
func insideReport(id string, at time.Time, ports ...uint16) string {
	var text strings.Builder
	lines := json.NewEncoder(&text)
	for _, port := range ports {
		// Neither can fail: a Builder takes all, and the records are plain.
		_ = lines.Encode(portvigil.ListenerRecord{Type: "listener", Time: at, Listener: portvigil.Listener{
			Proto: portvigil.TCP, Address: netip.IPv4Unspecified(), Port: port, Scope: portvigil.ScopeAny,
		}})
	}
	_ = lines.Encode(portvigil.RecordOfLook(&portvigil.Look{ID: id, Run: id, View: portvigil.Inside, Method: portvigil.MethodSockDiag,
		Covers:  []portvigil.Coverage{portvigil.CoversSockets, portvigil.CoversOwners},
		Started: at, Ended: at, Complete: true, Listeners: make([]portvigil.Listener, len(ports))}))
	return text.String()
}

// reports hands a report of the host in, which has to be taken.
func (s *story) reports(host, report string) {
	s.t.Helper()
	if r := s.onHost(s.scanner, report, "--data", s.data, "hosts", "report", host, "-"); r.code != 0 {
		s.t.Fatalf("hosts report ended with %d: %s\n%s", r.code, r.stderr, report)
	}
}
