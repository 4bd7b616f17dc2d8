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
		p := newPlan(newRoster(ports, first), rapid.Uint64().Draw(t, "seed"))
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
	p := newPlan(newRoster(portvigil.AllPorts(), portvigil.PortsOf(40000, 5)), 1)
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
	p := newPlan(newRoster(ports, nil), 99)
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

func TestAPermutationReachesEachNumberOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(0, 5000).Draw(t, "n")
		p := newPermutation(n, rapid.Uint64().Draw(t, "seed"))
		seen := make([]bool, n)
		for i := range n {
			is := p.at(i)
			if is >= n || seen[is] {
				t.Fatalf("%d of %d is %d, which is too large or came before", i, n, is)
			}
			seen[is] = true
		}
	})
}

func TestTwoSeedsGiveTwoOrders(t *testing.T) {
	t.Parallel()
	const n = 1 << 32
	one, other, again := newPermutation(n, 1), newPermutation(n, 2), newPermutation(n, 1)
	same := 0
	for i := range uint64(1000) {
		if one.at(i) != again.at(i) {
			t.Fatalf("the same seed gives %d and %d", one.at(i), again.at(i))
		}
		if one.at(i) == other.at(i) || one.at(i) == i {
			same++
		}
	}
	if same > 2 {
		t.Errorf("%d of 1000 places are the same", same)
	}
}
