package detect

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/portvigil/portvigil"
)

// example is one answer of a real daemon and what it shows. It is offered to
// every protocol, as the engine does, so that no other one takes it first.
type example struct {
	name   string
	port   uint16 // 0 means a port where nothing is usual
	answer string
	want   portvigil.Service
}

const oddPort = 47111

func checkExamples(t *testing.T, examples []example) {
	t.Helper()
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			if e.port == 0 {
				e.port = oddPort
			}
			v := newVisit(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), e.port), "", Options{})
			_, got, _ := v.read([]byte(e.answer))
			if diff := cmp.Diff(e.want, got.service); diff != "" {
				t.Errorf("service by rule %q (-want +got):\n%s", got.rule, diff)
			}
		})
	}
}
