package watch

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	histories = flag.Int("histories", 150, "how many made-up histories the engine is held against the model in")
	firstSeed = flag.Uint64("seed", 1, "the seed of the first history; those that follow count on from it")
)

// event is one thing that happens in a history. It means something in any
// order, so that a history from which events were taken is one still.
type event struct {
	What      string
	Vantage   string        `json:",omitempty"`
	Address   string        `json:",omitempty"`
	Open      []uint16      `json:",omitempty"` // TCP ports; of an inside report those of historyUDP, too
	Closed    []uint16      `json:",omitempty"` // answer, and are not open
	Ports     []uint16      `json:",omitempty"` // looked at; none: all
	Partly    bool          `json:",omitempty"` // an incomplete look
	Refuses   bool          `json:",omitempty"` // no connection could be completed
	Closes    bool          `json:",omitempty"` // the default state is closed
	Late      bool          `json:",omitempty"` // a look that began before the newest and arrives after it
	Product   string        `json:",omitempty"`
	Bound     string        `json:",omitempty"` // what listens is bound to
	Exe       string        `json:",omitempty"`
	Covers    int           `json:",omitempty"` // index into historyCovers
	Took      time.Duration `json:",omitempty"`
	Passes    time.Duration `json:",omitempty"` // before it happens; while the schedule is followed
	Which     int           `json:",omitempty"` // alert, of those that are open; or all for a negative one
	For       time.Duration `json:",omitempty"`
	Documents []string      `json:",omitempty"` // lines of the baseline's entries and allowances
}

func (e event) String() string {
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // a struct of plain fields
	}
	return string(text)
}

// draw is a source of choices that is the same for the same seed.
type draw struct{ *rand.Rand }

func (d draw) one(of int) bool        { return d.IntN(of) == 0 }
func pick[T any](d draw, list ...T) T { return list[d.IntN(len(list))] }
func (d draw) some(list []uint16) (out []uint16) {
	return slices.DeleteFunc(slices.Clone(list), func(uint16) bool { return d.one(2) })
}

// truth is what is open while a history is made up. Most looks see it, so that
// runs of the same sight are as common as in life.
type truth struct{ open, closed, listens []uint16 }

func makeHistory(seed uint64) []event {
	d := draw{rand.New(rand.NewPCG(seed, 1))}
	now := truth{open: d.some(historyTCP), closed: d.some(historyTCP), listens: d.some(historyDoors)}
	var list []event
	follows := d.one(4)
	if follows {
		list = append(list, event{What: "follow", Passes: time.Second})
	}
	for range 4 + d.IntN(16) {
		if d.one(3) {
			now.open = d.some(historyTCP)
		}
		if d.one(3) {
			now.listens = d.some(historyDoors)
		}
		e := makeEvent(d, now, follows)
		if e.Passes == 0 {
			e.Passes = pick(d, time.Second, time.Minute, 6*time.Minute, 11*time.Minute, time.Hour, 5*time.Hour)
		}
		list = append(list, e)
		list = append(list, makeMore(d, e, follows)...)
	}
	return list
}

// makeMore is what somebody who takes an alert on does with it next: what is drawn
// freely goes so far along an alert's life too seldom.
func makeMore(d draw, e event, follows bool) (list []event) {
	then := func(what string) {
		list = append(list, event{What: what, Which: e.Which, For: e.For, Passes: pick(d, time.Second, time.Hour)})
	}
	if e.What == "ack" {
		if d.one(2) {
			then("investigate")
		}
		if d.one(2) {
			then(pick(d, "shut", "false", "accept", "expected"))
		}
	}
	if e.What == "expected" && follows && d.one(3) {
		then("edit")
	}
	return list
}

func makeEvent(d draw, now truth, follows bool) event {
	switch n := d.IntN(100); {
	case n < 30:
		return makeLook(d, now)
	case n < 48:
		return event{What: "report", Open: now.listens, Partly: d.one(5), Bound: pick(d, "0.0.0.0", "0.0.0.0", home4, "127.0.0.1", "10.0.0.5"),
			Exe: pick(d, "/bin/a", "/bin/a", "/bin/b", ""), Covers: d.IntN(len(historyCovers)), Took: pick(d, 0, time.Second)}
	case n < 54:
		return event{What: "schedule", Open: now.open, Partly: d.one(5), Passes: pick(d, time.Hour, 5*time.Hour, day, day, 3*day)}
	case n < 57:
		return event{What: "wait", Passes: pick(d, day, 2*day, 32*day, -2*time.Hour)}
	case n < 66 && follows:
		return event{What: "expected", Which: d.IntN(4)}
	case n < 85:
		return event{What: pick(d, "ack", "ack", "investigate", "shut", "shut", "false", "accept", "expected", "comment"),
			Which: d.IntN(4), For: pick(d, time.Hour, day, 0)}
	case n < 92:
		return event{What: "baseline", Documents: d.documents()}
	case n < 94:
		return event{What: "approve"}
	case n < 96:
		return event{What: pick(d, "maintain", "maintained"), For: pick(d, time.Hour, day)}
	case n < 98:
		return event{What: "restart"}
	case n < 99:
		return event{What: "again"}
	}
	return event{What: "remove"}
}

func makeLook(d draw, now truth) event {
	e := event{What: "look", Vantage: pick(d, "local", "local", "office"), Address: pick(d, home4, home4, home4, historyOther),
		Open: now.open, Closed: now.closed, Partly: d.one(5), Refuses: d.one(6), Closes: d.one(4), Late: d.one(12),
		Product: pick(d, "nginx", "nginx", "Apache", ""), Took: pick(d, 0, time.Second, 10*time.Minute)}
	if d.one(4) {
		e.Ports = append(d.some(historyTCP), historyTCP[0])
	}
	return e
}

// documents are the lines of a baseline: entries of every kind, and allowances.
func (d draw) documents() (lines []string) {
	for _, port := range historyDoors {
		if d.one(2) {
			continue
		}
		proto := "tcp"
		if slices.Contains(historyUDP, port) {
			proto = "udp"
		}
		line := fmt.Sprintf("  - {port: %s, proto: %s, why: known, owner: ann", pick(d, fmt.Sprint(port), fmt.Sprint(port), fmt.Sprintf("%d-%d", port-1, port)), proto)
		for _, more := range []string{"scope: " + pick(d, "loopback", "private", "public", "any"), "from: [" + pick(d, "local", "office", "internet", "internal") + "]",
			"pin: {exe: /bin/a}", "pin: {product: nginx}", "expires: 2026-03-" + pick(d, "03", "05")} {
			if d.one(4) && !(strings.HasPrefix(more, "pin") && strings.Contains(line, "pin")) {
				line += ", " + more
			}
		}
		lines = append(lines, line+"}")
	}
	if d.one(2) {
		lines = append(lines, "allow:", "  - {"+pick(d, "ports: 1-65535, process: /bin/a", "ports: 22-80, proto: tcp", "ports: 9100", `ports: 80, hours: "08:00-12:00"`)+", why: by design, owner: ci}")
	}
	return lines
}

// tell plays a history and returns how engine and model differ, "" for not.
func tell(events []event, seen *tally) (difference string) {
	defer func() {
		if r := recover(); r != nil {
			if s, ours := r.(told); ours {
				difference = string(s)
				return
			}
			panic(r)
		}
	}()
	p := newPast(seen)
	defer p.cancel()
	for i, e := range events {
		p.at = fmt.Sprintf("after event %d", i)
		p.happen(e)
	}
	return ""
}

// shrink takes events away as long as the history still differs, for a minute at most.
func shrink(events []event) []event {
	began := time.Now()
	for again := true; again && time.Since(began) < time.Minute; {
		again = false
		for i := 0; i < len(events) && time.Since(began) < time.Minute; i++ {
			fewer := slices.Delete(slices.Clone(events), i, i+1)
			if tell(fewer, nil) != "" {
				events, again = fewer, true
				i--
			}
		}
	}
	return events
}

// TestHistoriesThatDiffered are those in which engine and model were not of one
// mind, each as it was cut down, with what was wrong.
func TestHistoriesThatDiffered(t *testing.T) {
	t.Parallel()
	// 80 is shut at the address of the look, which an entry asks for, and something
	// else than its pin says listens there at another one: changed stands before
	// missing, and both are medium.
	missingAndChanged := func(bound string) []event {
		return []event{
			{What: "look", Vantage: "local", Address: home4, Passes: time.Minute},
			{What: "baseline", Documents: []string{"  - {port: 80, proto: tcp, why: known, owner: ann, from: [local], pin: {exe: /bin/a}}"}, Passes: time.Second},
			{What: "report", Open: []uint16{80}, Bound: bound, Exe: "/bin/b", Covers: 1, Passes: time.Hour},
			{What: "look", Vantage: "local", Address: home4, Passes: time.Hour},
		}
	}
	for name, events := range map[string][]event{
		"missing, and changed at an address before": missingAndChanged("10.0.0.5"),
		"missing, and changed at an address after":  missingAndChanged("203.0.113.9"),
		"the clock is put back while a second sight is awaited": {
			{What: "look", Vantage: "local", Address: "203.0.113.7", Open: []uint16{22, 80}, Closed: []uint16{22, 9100}, Refuses: true, Passes: 11 * time.Minute},
			{What: "wait", Passes: -2 * time.Hour},
			{What: "schedule", Partly: true, Passes: time.Hour},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if difference := tell(events, nil); difference != "" {
				t.Error(difference)
			}
		})
	}
}

func TestTheEngineDoesWhatTheRulesSayInAnyHistory(t *testing.T) {
	t.Parallel()
	seen := &tally{rows: map[string]int{}}
	seeds := make(chan uint64)
	var failed sync.Once
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			mine := &tally{rows: map[string]int{}}
			for seed := range seeds {
				mine.begin()
				events := makeHistory(seed)
				difference := tell(events, mine)
				if difference == "" {
					continue
				}
				failed.Do(func() {
					t.Errorf("seed %d: %s", seed, difference)
					events = shrink(events)
					var lines []string
					for _, e := range events {
						lines = append(lines, e.String())
					}
					t.Errorf("seed %d, shrunk to %d events:\n%s\n%s", seed, len(events), strings.Join(lines, "\n"), tell(events, nil))
				})
			}
			seen.join(mine)
		})
	}
	for i := range *histories {
		if t.Failed() {
			break
		}
		if i > 0 && i%1000 == 0 {
			t.Logf("%d histories, and none differs", i)
		}
		seeds <- *firstSeed + uint64(i)
	}
	close(seeds)
	workers.Wait()
	seen.report(t, nil, everything())
}
