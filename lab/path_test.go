package lab_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// What make bench-recall asks for: 50 looks at every port.
var (
	pathLooks = flag.Int("path-looks", 1, "how often TestLooksSeeWhatIsThere looks along each path")
	pathPorts = flag.Int("path-ports", 2000, "at how many ports, the doors among them")
	pathOnly  = flag.String("path-only", "", "the one path that is looked along")
	pathRate  = flag.String("path-rate", "unlimited", "the rate at a host")
)

// looked is a look by the built program, and what it took.
type looked struct {
	*portvigil.Look
	took    time.Duration
	peakKiB int64
}

// lookAlong looks from the path's scanner.
func lookAlong(t testing.TB, p *lab.Path, address netip.Addr, args ...string) looked {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	cmd := p.Scanner.Command(ctx, lab.Build(t), append([]string{"scan", address.String(), "--json", "--no-detect"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	took, peakKiB, err := runMeasured(cmd)
	l := looked{took: took, peakKiB: peakKiB}
	const incomplete = 2
	if exit := new(exec.ExitError); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == incomplete) {
		t.Fatalf("look along %s: %v: %s", p.Name, err, stderr.Bytes())
	}
	var b portvigil.LookBuilder
	for line := range bytes.Lines(stdout.Bytes()) {
		look, err := b.Add(line)
		if err != nil {
			t.Fatalf("look along %s: %v: %s", p.Name, err, line)
		}
		if look != nil {
			l.Look = look
		}
	}
	if l.Look == nil {
		t.Fatalf("no look along %s: %s", p.Name, stderr.Bytes())
	}
	return l
}

// runMeasured runs a command and returns how long it took, and the most memory that its
// process had, in KiB. That is read while it runs (VmHWM of proc_pid_status(5)), often
// enough to miss no more than the last moments: what wait4(2) tells begins with the
// memory of the test process, as it stood between fork and exec.
func runMeasured(cmd *exec.Cmd) (took time.Duration, peakKiB int64, err error) {
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		often := time.NewTicker(10 * time.Millisecond)
		defer often.Stop()
		for {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			if _, after, found := strings.Cut(string(status), "VmHWM:"); err == nil && found {
				var kib int64
				if _, err := fmt.Sscan(after, &kib); err == nil {
					peakKiB = max(peakKiB, kib)
				}
			}
			select {
			case <-ended:
				return
			case <-often.C:
			}
		}
	})
	err = cmd.Wait()
	took = time.Since(began)
	close(ended)
	watching.Wait()
	return took, peakKiB, err
}

// someOf are n ports with the doors among them; all from 65,535 on.
func someOf(n int) *portvigil.PortSet {
	if n >= 65535 {
		return portvigil.AllPorts()
	}
	ports := portvigil.PortsOf(lab.Doors()...)
	for port := uint16(1); ports.Len() < n; port++ {
		ports.Add(port)
	}
	return ports
}

// codes are those of a look's notes.
func codes(notes []string) (list []string) {
	for _, n := range notes {
		list = append(list, portvigil.NoteCode(n))
	}
	return list
}

// accusing are the codes that say that something is in the way, or at the other end.
var accusing = []string{"answers-everywhere", "answered-in-front", "blocked", "dead-path", "duplicates", "icmp-limited", "lossy", "no-answer", "not-probed", "rate-limited", "syn-proxy", "tarpit"}

// misjudged tells what a look claims of ports that is not so, and of how many. One that
// is not complete claims what it lists, and of its default state nothing; silence it may
// not have understood.
func misjudged(look *portvigil.Look, truth lab.Truth) (list []string, ports int) {
	states := map[string]int{}
	for port := range look.Ports.All() {
		got, want := look.At(port), truth.At(port)
		listed := got.Reason != ""
		switch {
		case got.State == want.State && (want.Reason == "" || !listed || got.Reason == want.Reason):
		case !look.Complete && (!listed || got.State == portvigil.StateFiltered && got.Reason == portvigil.ReasonNoResponse):
		default:
			states[fmt.Sprintf("told %s (%s), is %s (%s)", got.State, got.Reason, want.State, want.Reason)]++
			ports++
		}
	}
	for text, n := range states {
		list = append(list, fmt.Sprintf("%d ports %s", n, text))
	}
	slices.Sort(list)
	return list, ports
}

// wrong tells what a look says that is not so: of ports, of being complete, in its notes.
func wrong(look *portvigil.Look, truth lab.Truth) (list []string) {
	list, _ = misjudged(look, truth)
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	switch {
	case look.Complete && truth.Ends == lab.EndsIncomplete:
		add("complete, where nobody can be sure")
	case !look.Complete && truth.Ends == lab.EndsComplete:
		add("not complete: %q", look.Notes)
	}
	told := codes(look.Notes)
	for _, code := range told {
		if slices.Contains(accusing, code) && !slices.Contains(slices.Concat(truth.Tells, truth.May), code) {
			add("the note %s does not fit: %q", code, look.Notes)
		}
	}
	if len(told) == 0 && !look.Complete {
		add("not complete, and no word why")
	}
	if look.Method == portvigil.MethodSYN && len(truth.Tells) > 0 && !slices.ContainsFunc(told, func(c string) bool { return slices.Contains(truth.Tells, c) }) {
		add("none of the notes %q, but %q", truth.Tells, look.Notes)
	}
	return list
}

// TestLooksSeeWhatIsThere looks along every path by both methods: no state is wrong,
// complete is said only where it is true, the notes fit, and both methods agree.
func TestLooksSeeWhatIsThere(t *testing.T) {
	t.Parallel()
	lab.Build(t) // before all of them want it
	// Most paths make a look wait more than work, so that several go side by side, on
	// however few cores.
	side := make(chan struct{}, 6)
	if *pathLooks > 1 {
		side = make(chan struct{}, 1) // at every port they work
	}
	var looking sync.WaitGroup
	for _, v := range lab.Variants(*pathPorts) {
		if *pathOnly != "" && v.Name != *pathOnly {
			continue
		}
		both := &agreement{}
		for _, method := range []string{"syn", "connect"} {
			side <- struct{}{}
			looking.Go(func() {
				defer func() { <-side }()
				t.Run(v.Name+"/"+method, func(t *testing.T) { lookAtEnds(t, v, method, both) })
			})
		}
	}
	looking.Wait()
}

// limitedSide is how many looks along a path that lets little through go side by side,
// each along one of its own: they wait, and hardly work.
const limitedSide = 10

// lookAtEnds looks at what is at the end of a path, at all of it at once.
func lookAtEnds(t *testing.T, v lab.Variant, method string, both *agreement) {
	paths := 1
	if v.Limit > 0 {
		paths = min(limitedSide, *pathLooks)
	}
	var looking sync.WaitGroup
	for i := range paths {
		p := lab.New(t).Path(t, v)
		for _, end := range p.Ends {
			looking.Go(func() {
				name := end.Address.String()
				if paths > 1 {
					name += fmt.Sprintf(" of path %d", i+1)
				}
				t.Run(name, func(t *testing.T) { recall(t, p, end, method, (*pathLooks+i)/paths, both) })
			})
		}
	}
	looking.Wait()
}

// recall looks so often at one address.
func recall(t *testing.T, p *lab.Path, end lab.End, method string, looks int, both *agreement) {
	ports := someOf(*pathPorts)
	doors := end.Open(ports)
	complete, found := 0, 0
	var took []time.Duration
	for range looks {
		if *pathLooks > 1 {
			p.Renew(t)
		}
		l := lookAlong(t, p, end.Address, "-p", ports.String(), "--method", method, "--host-rate", *pathRate)
		took = append(took, l.took)
		found += l.Count(portvigil.StateOpen)
		if l.Complete {
			complete++
			both.hold(t, l.Look)
		}
		for _, text := range wrong(l.Look, end.Truth) {
			t.Error(text)
		}
		if n := l.Count(portvigil.StateOpen); n != doors && (l.Complete || end.Ends == lab.EndsComplete) {
			t.Errorf("%d of %d doors found, notes %q", n, doors, l.Notes)
		}
		if *pathLooks == 1 {
			t.Logf("%v, %d of %d doors, complete %v, %d probes, %q", l.took.Round(time.Millisecond), found, doors, l.Complete, l.Probes, l.Notes)
		}
	}
	if slices.Sort(took); *pathLooks > 1 {
		t.Logf("%d looks, %d of %d doors, %d complete, median %v", looks, found, doors*looks, complete, took[len(took)/2].Round(time.Millisecond))
	}
}

// agreement holds looks by one method against those by the other.
type agreement struct {
	mu    sync.Mutex // guards looks
	looks map[netip.Addr]*portvigil.Look
}

// hold compares a complete look with the first one at that address. What a firewall
// says only now and then may be heard by one and not by the other: it is filtered to
// both.
func (a *agreement) hold(t *testing.T, look *portvigil.Look) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.looks == nil {
		a.looks = map[netip.Addr]*portvigil.Look{}
	}
	other, there := a.looks[look.Address]
	if !there {
		a.looks[look.Address] = look
		return
	}
	differ := 0
	for port := range look.Ports.All() {
		if look.At(port).State != other.At(port).State {
			if differ++; differ == 1 {
				t.Errorf("port %d: %v by %s, %v by %s", port, look.At(port), look.Method, other.At(port), other.Method)
			}
		}
	}
	if differ > 1 {
		t.Errorf("%d ports differ", differ)
	}
}
