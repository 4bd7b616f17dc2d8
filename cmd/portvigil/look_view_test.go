package main

import (
	"testing"

	"github.com/portvigil/portvigil"
)

func TestALookSaysHowSureItIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		missed float64
		loss   *portvigil.Loss
		want   string
	}{
		{"every port answered", 0, &portvigil.Loss{Samples: 20}, ""},
		{"complete", 9.9e-7, &portvigil.Loss{Samples: 3050},
			"if a port is open that is not listed, the chance of missing it was at most 1 in 1000000 (of 3050 questions to doors known to answer, 0.0 % were lost)"},
		{"a bad path", 0.028, &portvigil.Loss{Samples: 1, Estimate: 0.5},
			"if a port is open that is not listed, the chance of missing it was at most 1 in 35 (of 1 question to doors known to answer, 50.0 % were lost)"},
		{"nothing is known", 1, &portvigil.Loss{Samples: 3, Estimate: 1},
			"if a port is open that is not listed, the chance of missing it was at most 1 in 1 (of 3 questions to doors known to answer, 100.0 % were lost)"},
	} {
		if got := sureness(portvigil.LookRecord{MissProbability: &c.missed, Loss: c.loss}); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := sureness(portvigil.LookRecord{}); got != "" {
		t.Errorf("of a look that measured nothing: %q", got)
	}
}

func TestNeighboursThatAreAlikeShareARow(t *testing.T) {
	t.Parallel()
	port := func(port uint16, state portvigil.PortState, reason portvigil.Reason, service *portvigil.Service) portvigil.PortRecord {
		var p portvigil.PortRecord
		p.Port, p.State, p.Reason, p.Service = port, state, reason, service
		return p
	}
	silent, rejected := portvigil.ReasonNoResponse, portvigil.Reason("icmp-3-13")
	for _, c := range []struct {
		name  string
		ports []portvigil.PortRecord
		want  int
	}{
		{"three filtered", []portvigil.PortRecord{port(1, portvigil.StateFiltered, silent, nil), port(2, portvigil.StateFiltered, silent, nil), port(3, portvigil.StateFiltered, silent, nil)}, 3},
		{"one between is missing", []portvigil.PortRecord{port(1, portvigil.StateFiltered, silent, nil), port(3, portvigil.StateFiltered, silent, nil)}, 1},
		{"another reason", []portvigil.PortRecord{port(1, portvigil.StateFiltered, silent, nil), port(2, portvigil.StateFiltered, rejected, nil)}, 1},
		{"open ones", []portvigil.PortRecord{port(1, portvigil.StateOpen, portvigil.ReasonSynAck, nil), port(2, portvigil.StateOpen, portvigil.ReasonSynAck, nil)}, 1},
		{"alone", []portvigil.PortRecord{port(1, portvigil.StateClosed, portvigil.ReasonReset, nil)}, 1},
	} {
		if got := alike(c.ports); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestWhichOfManyClosedUDPPortsSaidSoIsNotListed(t *testing.T) {
	t.Parallel()
	ports := []portvigil.PortRecord{
		{Observation: portvigil.Observation{Port: 7, State: portvigil.StateClosed}},
		{Observation: portvigil.Observation{Port: 53, State: portvigil.StateOpen}},
		{Observation: portvigil.Observation{Port: 69, State: portvigil.StateFiltered}},
	}
	if got := telling(ports, []string{"icmp-limited: the host sends few errors"}); len(got) != 2 || got[0].Port != 53 || got[1].Port != 69 {
		t.Errorf("listed are %+v, want 53 and 69", got)
	}
	if got := telling(ports, nil); len(got) != 3 {
		t.Errorf("of a host that answers for each port, listed are %+v", got)
	}
}
