package scan

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	portvigil "github.com/portvigil/portvigil"
)

// wayOut is the raw way out: a port of the plan, its cookie, its packet, and the kernel's
// hands. Nobody has the link-layer address that they go to, so that no answer takes part.
func wayOut(namespace string, pin bool, more func(sent int) bool) error {
	return within(namespace, func() error {
		if pin {
			var one unix.CPUSet
			one.Set(0)
			if err := unix.SchedSetaffinity(0, &one); err != nil {
				return err
			}
		}
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
		away.lies(nobody)
		segment, cookie, plan := newSegment(to.source, target), NewKey().cookie(target), newPlan(newRoster(portvigil.AllPorts(), nil), 1)
		for sent := 0; more(sent); {
			for i := range sendBatch {
				port, ok := plan.take()
				if !ok {
					plan.again()
					port, _ = plan.take()
				}
				packets.put(i, &segment, 40000, port, cookie.of(40000, port))
			}
			n, errno := packets.send(sendBatch, away, &destination)
			if errno != 0 && !strains(errno) {
				return errno
			}
			sent += n
		}
		return nil
	})
}

// nobody is a link-layer address that no machine has.
var nobody = [6]byte{2, 0, 0, 0, 0, 1}

func BenchmarkAProbeLeaves(b *testing.B) {
	w := newWire(b)
	var began time.Time
	if err := wayOut(w.scanner, false, func(sent int) bool {
		if sent == 0 {
			b.ReportAllocs()
			b.ResetTimer()
			began = time.Now()
		}
		return sent < b.N
	}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "packets/s")
}

// BenchmarkTheWayOutBesideOthers measures how many packets leave in a second from one
// core, beside masscan and zmap on the same wire, in turns: a round each time. It fails
// where we are behind.
func BenchmarkTheWayOutBesideOthers(b *testing.B) {
	w := newWire(b)
	mac := net.HardwareAddr(nobody[:]).String()
	empty := filepath.Join(b.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	others := map[string][]string{
		"masscan": {"masscan", "10.0.0.0/8", "-p1-65535", "--rate", "100000000", "--interface", "wire", "--adapter-ip", "10.96.0.1", "--router-mac", mac},
		"zmap":    {"zmap", "-p", "80", "-i", "wire", "-G", mac, "-S", "10.96.0.1", "-r", "0", "-T", "1", "-b", empty, "-o", "/dev/null", "-q", "10.0.0.0/8"},
	}
	rates := map[string][]float64{}
	for b.Loop() {
		for name, argv := range others {
			cmd := exec.Command("ip", slices.Concat([]string{"netns", "exec", w.scanner, "taskset", "-c", "0"}, argv)...)
			cmd.Dir = b.TempDir()
			if err := cmd.Start(); err != nil {
				b.Fatalf("%s: %v", name, err)
			}
			rates[name] = append(rates[name], w.rateNow())
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // by the signal
		}
		rates["portvigil"] = append(rates["portvigil"], w.rateOfWayOut(b))
	}
	median := func(name string) float64 {
		slices.Sort(rates[name])
		return rates[name][len(rates[name])/2]
	}
	ours := median("portvigil")
	for name := range others {
		b.Logf("%s %.0f packets a second, portvigil %.0f: %.2f times as many", name, median(name), ours, ours/median(name))
		if median(name) < 1000 || ours < median(name) {
			b.Errorf("%s sends %.0f packets a second, portvigil %.0f", name, median(name), ours)
		}
	}
}

// rateOfWayOut is how many packets a second our way out sends from one core.
func (w *wire) rateOfWayOut(b *testing.B) float64 {
	over := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() {
		if err := wayOut(w.scanner, true, func(int) bool {
			select {
			case <-over:
				return false
			default:
				return true
			}
		}); err != nil {
			b.Error(err)
		}
	})
	defer sending.Wait()
	defer close(over)
	return w.rateNow()
}

// rateNow is how many packets leave the scanner's end in a second, once whoever sends has
// had the time to begin.
func (w *wire) rateNow() float64 {
	w.t.Helper()
	sent := func() float64 {
		out, err := exec.Command("ip", "netns", "exec", w.scanner, "cat", "/sys/class/net/wire/statistics/tx_packets").Output()
		if err != nil {
			w.t.Fatal(err)
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		if err != nil {
			w.t.Fatal(err)
		}
		return n
	}
	<-time.After(2 * time.Second)
	began, before := time.Now(), sent()
	<-time.After(2 * time.Second)
	return (sent() - before) / time.Since(began).Seconds()
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
