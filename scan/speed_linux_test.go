package scan

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	portvigil "github.com/portvigil/portvigil"
)

// BenchmarkAProbeLeaves is the raw way out: a port of the plan, its cookie, its packet,
// and the kernel's hands. Nobody has the link-layer address that they go to, so that no
// answer takes part.
func BenchmarkAProbeLeaves(b *testing.B) {
	w := newWire(b)
	err := within(w.scanner, func() error {
		r, err := openRoutes()
		if err != nil {
			return err
		}
		defer r.close()
		target := at(wireFour).Address
		to, err := r.to(target)
		if err != nil {
			return err
		}
		packets, err := openPackets(to.source, fewFrames)
		if err != nil {
			return err
		}
		defer packets.close()
		away, destination := hopOf(to), destinationOf(target)
		away.lies([6]byte{2, 0, 0, 0, 0, 1})
		segment, cookie, plan := newSegment(to.source, target), NewKey().cookie(at(wireFour).Address), newPlan(newRoster(portvigil.AllPorts(), nil), 1)
		b.ReportAllocs()
		b.ResetTimer()
		began := time.Now()
		for left := b.N; left > 0; {
			n := min(left, sendBatch)
			for i := range n {
				port, ok := plan.take()
				if !ok {
					plan.again()
					port, _ = plan.take()
				}
				packets.put(i, &segment, 40000, port, cookie.of(40000, port))
			}
			sent, errno := packets.send(n, away, &destination)
			if errno != 0 && !strains(errno) {
				return errno
			}
			left -= sent
		}
		b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "packets/s")
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// within runs f in a network namespace, on a thread that ends with it.
func within(namespace string, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: no other goroutine gets the thread
		fd, err := unix.Open("/run/netns/"+namespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Setns(fd, unix.CLONE_NEWNET)
			shut(fd)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// TestAProbeAllocatesNothing: what a look remembers of a probe has room beforehand.
func TestAProbeAllocatesNothing(t *testing.T) {
	s := newSimulation(portvigil.AllPorts(), Rate{Unlimited: true}, nil, 7)
	s.conductor.measure()
	segment, cookie := newSegment(at("10.0.0.1").Address, at(wireFour).Address), NewKey().cookie(at(wireFour).Address)
	var packet [synBytes]byte
	var buf [sendBatch]probe
	var results []result
	now := time.Duration(0)
	once := func() {
		now += time.Millisecond
		n, _, _ := s.conductor.next(now, buf[:])
		results = results[:0]
		for _, p := range buf[:n] {
			segment.write(packet[:], 40000, p.port, cookie.of(40000, p.port))
			results = append(results, result{p, answer{kind: answerClosed}, now})
		}
		s.conductor.record(results)
	}
	for range 300 { // until all that grows has grown
		once()
	}
	before := s.conductor.sends
	each := testing.AllocsPerRun(200, once) * 200 / float64(max(s.conductor.sends-before, 1))
	if n := s.conductor.sends - before; n < 5000 || s.conductor.finished || each > 0.001 {
		t.Errorf("%.3f allocations for each of %d probes", each, n)
	}
}
