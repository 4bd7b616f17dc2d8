package scan

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	portvigil "github.com/portvigil/portvigil"
	"pgregory.net/rapid"
)

// swept collects what a sweep finds.
type swept struct {
	mu     sync.Mutex
	looks  map[netip.Addr][]*portvigil.Look
	errors []error
}

func (s *swept) found(t Target, looks []*portvigil.Look, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looks == nil {
		s.looks = map[netip.Addr][]*portvigil.Look{}
	}
	if err != nil {
		s.errors = append(s.errors, err)
	}
	s.looks[t.Address] = append(s.looks[t.Address], looks...)
}

func TestASweepLooksAtEachAddressOnce(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.9.0.5:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	targets := targetsOf(t, "127.9.0.0/27", "127.9.0.5", "127.9.0.0/28")
	targets.Scope.Deny = []netip.Prefix{netip.MustParsePrefix("127.9.0.16/31")}
	var all swept
	shares := []float64{}
	sweep := Sweep{Targets: targets, Ports: portvigil.PortSpec{TCP: portvigil.PortsOf(port), UDP: portvigil.PortsOf(port)}, Seed: 7, Found: all.found,
		Progress: func(p SweepProgress) { shares = append(shares, p.Share) }}
	if err := sweep.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(all.errors) > 0 || len(all.looks) != 30 {
		t.Fatalf("%d addresses, errors %v", len(all.looks), all.errors)
	}
	for address, looks := range all.looks {
		if len(looks) != 2 || looks[0].Proto != portvigil.TCP || looks[1].Proto != portvigil.UDP || !looks[0].Complete {
			t.Fatalf("%s: %d looks, %+v", address, len(looks), looks[0])
		}
		open := looks[0].At(port).State == portvigil.StateOpen
		if open != (address == netip.MustParseAddr("127.9.0.5")) {
			t.Errorf("%s: open %v", address, open)
		}
	}
	if !slices.IsSorted(shares) {
		t.Errorf("progress goes back: %v", shares)
	}
}

// TestASweepThatIsStoppedTellsWhatIsUnderWay: and begins no further look.
func TestASweepThatIsStoppedTellsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	var all swept
	sweep := Sweep{Targets: targetsOf(t, "127.9.1.0/24"), Ports: portvigil.PortSpec{TCP: portvigil.AllPorts()}, Found: func(target Target, looks []*portvigil.Look, err error) {
		all.found(target, looks, err)
	}}
	time.AfterFunc(200*time.Millisecond, stop)
	if err := sweep.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if n := len(all.looks); n == 0 || n > mostAside {
		t.Fatalf("%d looks", n)
	}
	for _, looks := range all.looks {
		if looks[0].Complete || len(looks[0].Notes) == 0 {
			t.Errorf("complete %v, notes %q", looks[0].Complete, looks[0].Notes)
		}
	}
}

// TestLooksSideBySideStayBelowTheRateInAll: whatever each of them may, and whenever
// it begins.
func TestLooksSideBySideStayBelowTheRateInAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.IntRange(20, 2000).Draw(t, "rate in all")
		all := newInAll(rate)
		var paces []*pace
		for range rapid.IntRange(1, 6).Draw(t, "looks") {
			p := newPace(rapid.SampledFrom([]int{0, 10, 500, 2500}).Draw(t, "ceiling"), 1<<16)
			p.inAll, p.began = all, time.Duration(rapid.IntRange(0, 2000).Draw(t, "begins"))*time.Millisecond
			paces = append(paces, p)
		}
		var sent []time.Duration
		for now := time.Duration(0); now < 4*time.Second; now += 200 * time.Microsecond {
			for _, p := range paces {
				if now >= p.began && p.wait(now-p.began, 0) == 0 {
					p.sent(now - p.began)
					sent = append(sent, now)
				}
			}
		}
		from := 0
		for i, at := range sent {
			for sent[from] <= at-time.Second {
				from++
			}
			if n := i - from + 1; n > rate {
				t.Fatalf("%d probes in the second before %v, %d are allowed", n, at, rate)
			}
		}
		if free := slices.ContainsFunc(paces, func(p *pace) bool { return p.ceiling == 0 || p.ceiling >= rate }); free && len(sent) < rate {
			t.Fatalf("%d probes in four seconds, %d a second are allowed", len(sent), rate)
		}
	})
}

func TestASweepGoesOnFromItsCheckpoint(t *testing.T) {
	t.Parallel()
	const port = 9
	file := filepath.Join(t.TempDir(), "scan")
	ports := portvigil.PortSpec{TCP: portvigil.PortsOf(port)}
	looked := map[netip.Addr]int{}
	var mu sync.Mutex
	before := 0
	run := func(most int) (over bool) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		c, err := OpenCheckpoint(file, []string{"127.9.2.0/26"}, func(looks []*portvigil.Look) error {
			before += len(looks)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		sweep := Sweep{Targets: targetsOf(t, "127.9.2.0/26"), Ports: ports, Seed: c.Seed, Checkpoint: c, Found: func(target Target, looks []*portvigil.Look, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if n++; n > most { // as if it had been killed before it could tell
				stop()
				return
			}
			looked[target.Address]++
		}}
		if err := sweep.Run(ctx); err != nil {
			t.Fatal(err)
		}
		over = ctx.Err() == nil
		if err := c.Close(over); err != nil {
			t.Fatal(err)
		}
		return over
	}
	runs := 1
	for !run(10) {
		if runs++; runs > 60 {
			t.Fatal("it does not get on")
		}
	}
	if runs < 3 || before == 0 {
		t.Errorf("%d runs, with %d looks of those before", runs, before)
	}
	if len(looked) != 64 {
		t.Errorf("%d of 64 addresses were looked at", len(looked))
	}
}
