package lab_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// What make bench-scan and bench-connect ask for: five rounds over every port.
var (
	sideRounds = flag.Int("side-rounds", 0, "how often each scanner takes its turn; 0 for a short look along a few paths")
	sideOnly   = flag.String("side-only", "", "the one path on which they do")
)

const (
	rateWanted   = 2500     // SYN in any second, with default settings
	memoryWanted = 60 << 10 // KiB of peak RSS
)

// race is who takes turns on a path, and what is wanted of portvigil there.
type race struct {
	nmap    []string // flags of each run; none where it would take hours, or wait for ever
	masscan bool
	wanted  float64 // the most of nmap's best time; 0 where nothing is written
	// floor is the most of the least time that the path allows.
	floor float64
}

// races are the paths that are measured. Those not named here are looked along by
// portvigil alone: nobody else waits until a ban is over, or a path is mended.
func races() map[string]race {
	fast := []string{"-sS -T4", "-sS --min-rate 10000 -T4"}
	return map[string]race{
		"healthy":      {nmap: fast, masscan: true, wanted: 0.65},
		"default-drop": {nmap: fast, masscan: true, wanted: 0.30},
		"lossy":        {nmap: fast, masscan: true, wanted: 0.50},
		"bursty":       {nmap: fast[1:], masscan: true},
		"delayed":      {nmap: fast, masscan: true},
		"doubled":      {nmap: fast, masscan: true},
		"straggling":   {nmap: fast[1:]},
		"syn-limited":  {nmap: fast[:1], floor: 1.3},
		"icmp-limited": {nmap: fast[1:]},
		"slow-queue":   {nmap: fast[:1]},
		"tarpit":       {nmap: fast[:1]},
		"syn-proxy":    {nmap: fast[:1]},
		"ipv6-only":    {nmap: fast},
		"rejecting":    {nmap: fast[:1]},
		"rejecting-6":  {nmap: fast[:1]},
		"in-front":     {nmap: fast[:1]},
	}
}

// shortRaces are the paths on which nmap is right in a short time.
var shortRaces = []string{"healthy", "default-drop", "rejecting", "rejecting-6"}

// TestScannersSideBySide has all scanners take turns on every path and prints one
// table. It fails where portvigil claims a wrong state, says that it is complete and
// has missed a door, or passes its ceiling. In short it holds nmap's states against
// the truth as well, on paths where nmap is right.
func TestScannersSideBySide(t *testing.T) {
	short := *sideRounds == 0
	if short {
		t.Parallel()
	}
	var table table
	for _, v := range lab.Variants(65535) {
		if *sideOnly != "" && v.Name != *sideOnly || short && !slices.Contains(shortRaces, v.Name) {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			p := lab.New(t).Path(t, v)
			if short {
				agreeOnStates(t, p)
			} else {
				table.path(t, p, races()[v.Name])
			}
		})
	}
}

// agreeOnStates holds nmap and portvigil against the truth, and so against each other.
func agreeOnStates(t *testing.T, p *lab.Path) {
	lab.Require(t, "nmap")
	ports := someOf(150)
	for _, a := range p.Truth.Apart {
		ports.AddRange(a.PortRange)
	}
	// Not nmap -sT, to which a port that is said to be unreachable is closed: it does not
	// read the error queue.
	for _, c := range []contender{nmaps("-sS -T4"), portvigils("portvigil", "--method", "syn", "--host-rate", "unlimited"), portvigils("portvigil connect", "--method", "connect", "--host-rate", "unlimited")} {
		j := c.measure(t, p, p.Ends[0].Address, ports).judge(p.Truth, ports)
		if doors := p.Truth.Open(ports); j.wrong > 0 || j.found != doors {
			t.Errorf("%s finds %d of %d doors, %d states are wrong: %q", c.name, j.found, doors, j.wrong, j.examples)
		}
	}
}

// contenders are those who take turns on a path, portvigil last.
func (r race) contenders() (list []contender) {
	for _, flags := range r.nmap {
		list = append(list, nmaps(flags))
	}
	if r.masscan {
		if _, err := lab.Find("masscan"); err == nil {
			list = append(list, masscans())
		}
	}
	return append(list, portvigils("portvigil unlimited", "--method", "syn", "--host-rate", "unlimited"))
}

// table is what the measurement prints, a row at a time.
type table struct{ headed bool }

func (b *table) row(cells ...string) {
	const form = "%-13s %-27s %9s %8s %12s %6s %9s %8s %6s %-7s %5s %-8s %s\n"
	if !b.headed {
		b.headed = true
		fmt.Printf(form, "path", "scanner", "time", "packets", "doors", "wrong", "complete", "missed≤", "ratio", "wanted", "SYN/s", "respects", "notes")
	}
	args := make([]any, len(cells))
	for i := range cells {
		args[i] = cells[i]
	}
	fmt.Printf(form, args...)
}

// path has all of them take turns on a path.
func (b *table) path(t *testing.T, p *lab.Path, r race) {
	ports, end := portvigil.AllPorts(), p.Ends[0]
	scanners := r.contenders()
	runs := map[string][]ran{}
	for range *sideRounds {
		for _, c := range scanners {
			runs[c.name] = append(runs[c.name], c.measure(t, p, end.Address, ports))
		}
	}
	best := time.Duration(0)
	for _, c := range scanners {
		s := sumUp(runs[c.name], end.Truth, ports)
		if strings.HasPrefix(c.name, "nmap") && (best == 0 || s.took < best) && s.least == s.doors {
			best = s.took
		}
		cells := append([]string{p.Name, c.name}, s.cells()...)
		b.row(append(cells, ratio(s, p, r, c, best), wanted(r, c), "", "", strings.Join(s.notes, " "))...)
		s.fail(t, c)
	}
	b.polite(t, p)
}

// polite has portvigil look once with default settings, while the target counts.
func (b *table) polite(t *testing.T, p *lab.Path) {
	ports, end := portvigil.AllPorts(), p.Ends[0]
	c := portvigils("portvigil with defaults")
	count := p.CountSYN(t, end.Address)
	run := c.measure(t, p, end.Address, ports)
	came := count()
	respects := ""
	if p.Limit > 0 {
		respects = "never"
		if after, ok := came.Respected(p.Limit); ok {
			respects = after.Round(10 * time.Millisecond).String()
		}
	}
	s := sumUp([]ran{run}, end.Truth, ports)
	b.row(append(append([]string{p.Name, c.name}, s.cells()...), floor(s, p), "", fmt.Sprint(came.Most()), respects, strings.Join(s.notes, " "))...)
	s.fail(t, c)
	if came.Most() > rateWanted && !p.Queues() || came.Missed > 0 {
		t.Errorf("%d SYN in one second, %d were not counted", came.Most(), came.Missed)
	}
}

// ratio is how portvigil's time compares with nmap's best, or with the least possible.
func ratio(s summary, p *lab.Path, r race, c contender, best time.Duration) string {
	switch {
	case !strings.HasPrefix(c.name, "portvigil"):
		return ""
	case r.floor > 0 || best == 0:
		return floor(s, p)
	}
	return fmt.Sprintf("%.2f", s.took.Seconds()/best.Seconds())
}

// floor is how the time compares with the least that the path allows.
func floor(s summary, p *lab.Path) string {
	if p.Least == nil {
		return ""
	}
	return fmt.Sprintf("%.2f×", s.took.Seconds()/p.Least(65535).Seconds())
}

func wanted(r race, c contender) string {
	switch {
	case !strings.HasPrefix(c.name, "portvigil"):
	case r.floor > 0:
		return fmt.Sprintf("≤ %.1f×", r.floor)
	case r.wanted > 0:
		return fmt.Sprintf("≤ %.2f", r.wanted)
	}
	return ""
}

// summary is what several runs of one scanner come to.
type summary struct {
	took        time.Duration // median
	packets     int           // median
	peakKiB     int64         // most
	doors       int
	least, most int // doors found
	wrong       int // most
	examples    []string
	runs        int
	looks       int // of portvigil
	complete    int
	missing     bool // a look that is complete has missed a door
	missed      float64
	notes       []string
}

func sumUp(runs []ran, truth lab.Truth, ports *portvigil.PortSet) summary {
	s := summary{doors: truth.Open(ports), least: 1 << 16, runs: len(runs)}
	var took []time.Duration
	var packets []int
	for _, r := range runs {
		took, packets, s.peakKiB = append(took, r.took), append(packets, r.packets), max(s.peakKiB, r.peakKiB)
		j := r.judge(truth, ports)
		s.least, s.most = min(s.least, j.found), max(s.most, j.found)
		if j.wrong > s.wrong {
			s.wrong, s.examples = j.wrong, j.examples
		}
		if r.look == nil {
			continue
		}
		s.looks++
		s.notes = append(s.notes, codes(r.look.Notes)...)
		if r.look.MissProbability != nil {
			s.missed = max(s.missed, *r.look.MissProbability)
		}
		if r.look.Complete {
			s.complete++
			s.missing = s.missing || j.found < s.doors || truth.Ends == lab.EndsIncomplete
		}
	}
	slices.Sort(took)
	slices.Sort(packets)
	slices.Sort(s.notes)
	s.notes = slices.Compact(s.notes)
	s.took, s.packets = took[len(took)/2], packets[len(packets)/2]
	return s
}

// cells are those of the table from the time to the miss probability.
func (s summary) cells() []string {
	doors := fmt.Sprintf("%d of %d", s.least, s.doors)
	if s.least != s.most {
		doors = fmt.Sprintf("%d–%d of %d", s.least, s.most, s.doors)
	}
	cells := []string{s.took.Round(10 * time.Millisecond).String(), fmt.Sprint(s.packets), doors, fmt.Sprint(s.wrong), "", ""}
	if s.looks > 0 {
		cells[4] = fmt.Sprintf("%d of %d", s.complete, s.looks)
		cells[5] = fmt.Sprintf("%.2g", s.missed)
	}
	return cells
}

// fail fails the test for what portvigil may not do.
func (s summary) fail(t *testing.T, c contender) {
	t.Helper()
	if s.looks == 0 {
		return
	}
	if s.wrong > 0 {
		t.Errorf("%s: %d states are wrong: %q", c.name, s.wrong, s.examples)
	}
	if s.missing {
		t.Errorf("%s says that it is complete, and found %d to %d of %d doors", c.name, s.least, s.most, s.doors)
	}
}
