package scan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	portvigil "github.com/portvigil/portvigil"
	"pgregory.net/rapid"
)

func TestAPassTakesEachPortExactlyOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ports, first := new(portvigil.PortSet), new(portvigil.PortSet)
		for range rapid.IntRange(1, 4).Draw(t, "ranges") {
			from := rapid.Uint16Range(1, 65535).Draw(t, "from")
			ports.AddRange(portvigil.PortRange{First: from, Last: rapid.Uint16Range(from, 65535).Draw(t, "to")})
		}
		for range rapid.IntRange(0, 5).Draw(t, "known") {
			first.Add(rapid.Uint16Range(1, 65535).Draw(t, "known port"))
		}
		p := newPlan(ports, first, rapid.Uint64().Draw(t, "seed"))
		heads := new(portvigil.PortSet)
		for port, ok := p.take(); ok; port, ok = p.take() {
			if !ports.Contains(port) || heads.Contains(port) {
				t.Fatalf("the first pass takes %d again, or without being asked", port)
			}
			heads.Add(port)
		}
		if *heads != *p.heads {
			t.Fatalf("the first pass took %s, likely are %s", heads, p.heads)
		}
		for pass := range 2 {
			p.again()
			seen := new(portvigil.PortSet)
			for port, ok := p.take(); ok; port, ok = p.take() {
				if !ports.Contains(port) || seen.Contains(port) {
					t.Fatalf("pass %d takes %d again, or without being asked", pass, port)
				}
				seen.Add(port)
			}
			if *seen != *ports {
				t.Fatalf("pass %d took %s of %s", pass, seen, ports)
			}
		}
	})
}

func TestKnownListenersComeFirstAndThenWellKnownPorts(t *testing.T) {
	t.Parallel()
	p := newPlan(portvigil.AllPorts(), portvigil.PortsOf(40000, 5), 1)
	var got []uint16
	for range 5 {
		port, _ := p.take()
		got = append(got, port)
	}
	if diff := cmp.Diff([]uint16{5, 40000, 22, 80, 443}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNeighboursAreFarApart(t *testing.T) {
	t.Parallel()
	ports := new(portvigil.PortSet)
	ports.AddRange(portvigil.PortRange{First: 30500, Last: 60000})
	p := newPlan(ports, nil, 99)
	p.again()
	neighbours, last := 0, uint16(0)
	for port, ok := p.take(); ok; port, ok = p.take() {
		if port == last+1 {
			neighbours++
		}
		last = port
	}
	if neighbours > 100 {
		t.Errorf("%d ports follow their neighbour", neighbours)
	}
}
