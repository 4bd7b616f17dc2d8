package lab_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/portvigil/portvigil/lab"
)

// kills is how often TestNothingIsLostByKills kills; make bench-kill asks for 200.
var kills = flag.Int("kills", 20, "how often the kill test kills the server")

// step is one thing that somebody does to a server: its command ends with 0 or 1
// once the server has taken it, and may be run again until then.
type step struct {
	host   string
	report string // to hand in; "" for a look at port
	port   uint16
}

// killStory is a story whose server is killed over and over while hosts report
// doors, and looks find them.
type killStory struct {
	*story
	random   *rand.Rand
	hosts    []*killHost
	outside  *killHost
	expected expectation
	pending  []step      // not taken yet; only the first was tried
	taken    []string    // ids of reports that a command said were taken
	up       bool        // nobody has killed the whole server since it was started
	killed   []time.Time // when
	deaths   []death     // of those who send messages
	victims  map[string]int
	refused  int // commands that failed, each run again
}

// killHost is what should be known of one host.
type killHost struct {
	name  string
	open  []uint16 // what it reports now
	next  uint16   // its next door: no two hosts share one
	count int      // of reports
}

// TestNothingIsLostByKills: the server or one of its processes is killed at moments
// that nothing chose, 0.2 to 3 s apart, also while it starts. Every door has one
// alert, everybody has heard of every change, a repetition follows a kill and has
// the id of the message that it repeats, and no look is half.
func TestNothingIsLostByKills(t *testing.T) {
	t.Parallel()
	// What a kill of ours leaves is in the server's hands: no need to wait for the disk.
	onEachDatabase(t, []string{lab.NoSync}, func(t *testing.T, database string) {
		t.Parallel()
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		s := &killStory{story: (&story{t: t, database: database, local: true}).begin(), random: rand.New(rand.NewPCG(seed, 0)), expected: expectation{}, victims: map[string]int{}}
		for i := range 4 {
			s.hosts = append(s.hosts, &killHost{name: fmt.Sprintf("inside%d", i), next: uint16(20000 + 5000*i)})
		}
		s.outside = &killHost{name: "outside", next: 8000}
		s.prepare()
		for len(s.killed) < *kills {
			s.untilKilled()
		}
		if !s.up {
			s.start()
		}
		for len(s.pending) > 0 {
			s.try()
		}
		s.expected.heard(s.story)
		quiet := s.quiet()
		s.server.Stop(t)
		s.judge(quiet)
	})
}

// prepare adds the hosts at addresses to which there is no route: their first
// looks, at all ports, end at once. Then each view that is used has seen its host
// with no door open, and the server is killed, so that every further one is ours
// to start.
func (s *killStory) prepare() {
	const address = "10.99.0.104"
	for i, h := range append(slices.Clone(s.hosts), s.outside) {
		to := fmt.Sprintf("10.99.0.%d", 100+i)
		s.route("add", "unreachable", to)
		s.must(0, "hosts", "add", h.name, to)
	}
	for _, h := range s.hosts {
		s.reports(h.name, insideReport(h.name+"-0", time.Now()))
	}
	s.must(2, "hosts", "look", "outside", "--outside")
	s.target.AddAddress(address + "/24")
	s.route("delete", "unreachable", address)
	s.must(0, "hosts", "look", "outside", "-p", "8000-9999")
	s.server.Signal(syscall.SIGKILL)
	<-s.server.Done()
}

// route changes the scanner's way to somewhere.
func (s *story) route(args ...string) {
	s.t.Helper()
	if out, err := s.scanner.Command(s.t.Context(), "ip", append([]string{"route"}, args...)...).CombinedOutput(); err != nil {
		s.t.Fatalf("ip route %v: %v: %s", args, err, out)
	}
}

// whole is the victim that takes all processes of the server with it.
const whole = "server"

// untilKilled goes on with the story, with a server where none is up, until one of
// its processes is dead.
func (s *killStory) untilKilled() {
	if !s.up {
		s.start()
	}
	victim := []string{whole, whole, "core", "core", "scanner", "inside"}[s.random.IntN(6)]
	moment := time.After(200*time.Millisecond + time.Duration(s.random.Int64N(int64(2800*time.Millisecond))))
	for {
		select {
		case <-s.server.Done():
			s.t.Fatalf("the server ended by itself: %v\n%s", s.server.Err(), s.server.Output())
		case <-moment:
			s.kill(victim)
			return
		default:
		}
		if len(s.pending) == 0 {
			s.pending = append(s.pending, s.next())
		}
		s.try()
	}
}

// kill ends a process of the server; one that is not there, because its next life
// has not begun, is the whole server.
func (s *killStory) kill(victim string) {
	core := childrenOf(s.server.PID)["core"].pid
	if p, there := childrenOf(s.server.PID)[victim]; there {
		// Its parent waits for it, so the number is its own until that has heard of its end.
		if err := syscall.Kill(p.pid, syscall.SIGKILL); err != nil {
			s.t.Fatalf("kill the %s: %v", victim, err)
		}
	} else {
		victim = whole
		s.server.Signal(syscall.SIGKILL)
		<-s.server.Done()
		s.up = false
	}
	s.victims[victim]++
	s.killed = append(s.killed, time.Now())
	switch victim {
	case whole:
		s.deaths = append(s.deaths, death{at: time.Now()}) // start says when it is over
	case "core":
		s.deaths = append(s.deaths, death{at: time.Now()})
		s.coreBegins(core)
	}
}

// start starts the server after its death.
func (s *killStory) start() {
	s.serve()
	s.up = true
	s.coreBegins(0)
}

// coreBegins waits for the core that is another than that process, and notes that
// the time is over in which the former one may have sent something.
func (s *killStory) coreBegins(former int) {
	await(s.t, "a new core", time.Minute, func() bool {
		p, there := childrenOf(s.server.PID)["core"]
		return there && p.pid != former
	})
	if len(s.deaths) > 0 {
		s.deaths[len(s.deaths)-1].anew = time.Now()
	}
}

// next makes up what happens next, and notes what has to follow from it.
func (s *killStory) next() step {
	if s.random.IntN(5) == 0 {
		s.outside.next++
		port := s.outside.next
		s.target.Listen(s.t, fmt.Sprintf("tcp/:%d", port))
		s.expected.opens("outside", port)
		return step{host: "outside", port: port}
	}
	h := s.hosts[s.random.IntN(len(s.hosts))]
	if len(h.open) > 0 && s.random.IntN(3) == 0 {
		i := s.random.IntN(len(h.open))
		s.expected.shuts(h.name, h.open[i])
		h.open = slices.Delete(h.open, i, i+1)
	}
	for range 1 + s.random.IntN(3) {
		h.next++
		h.open = append(h.open, h.next)
		s.expected.opens(h.name, h.next)
	}
	h.count++
	return step{host: h.name, report: insideReport(fmt.Sprintf("%s-%d", h.name, h.count), time.Now(), h.open...)}
}

// try runs the first pending step once.
func (s *killStory) try() {
	p := s.pending[0]
	args := []string{"--data", s.data, "hosts", "report", p.host, "-"}
	if p.report == "" {
		args = []string{"--data", s.data, "hosts", "look", p.host, "--outside", "-p", fmt.Sprint(p.port)}
	}
	switch r := s.onHost(s.scanner, p.report, args...); r.code {
	case 0, 1:
		s.pending = s.pending[1:]
		if p.report != "" {
			s.taken = append(s.taken, lookID(s.t, p.report))
		}
	default:
		s.refused++
	}
}
