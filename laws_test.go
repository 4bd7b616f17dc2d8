package portvigil

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// fewPorts are those that the made-up looks know: few, so that they meet.
var fewPorts = []uint16{22, 80, 443, 9100, 40000}

func somePorts(t *rapid.T, label string) *PortSet {
	set := new(PortSet)
	for _, p := range fewPorts {
		if rapid.Bool().Draw(t, label) {
			set.Add(p)
		}
	}
	return set
}

// lookAround adds a made-up look of any view: complete or not, at all ports or
// at some, in any state.
func lookAround(t *rapid.T, s *story) *Look {
	s.after(time.Duration(rapid.IntRange(1, 20*60).Draw(t, "minutes")) * time.Minute)
	var edits []func(*Look)
	if rapid.IntRange(0, 3).Draw(t, "incomplete") == 0 {
		edits = append(edits, incomplete)
	}
	if rapid.IntRange(0, 2).Draw(t, "inside") == 0 {
		if rapid.Bool().Draw(t, "thorough") {
			edits = append(edits, thorough)
		}
		var list []Listener
		for port := range somePorts(t, "listens").All() {
			bound := rapid.SampledFrom([]string{"0.0.0.0", "127.0.0.1", "203.0.113.7"}).Draw(t, "bound")
			list = append(list, listens(fmt.Sprintf("%s:%d", bound, port), rapid.SampledFrom([]string{"", "/bin/a", "/bin/b"}).Draw(t, "exe")))
		}
		return s.inside(list, edits...)
	}
	open := somePorts(t, "open")
	edits = append(edits, serving(rapid.SampledFrom([]string{"", "nginx", "OpenSSH"}).Draw(t, "product")))
	if rapid.Bool().Draw(t, "office") {
		edits = append(edits, from("office", ReachInternal))
	}
	if rapid.IntRange(0, 3).Draw(t, "v6") == 0 {
		edits = append(edits, atAddress(web6))
	}
	if rapid.IntRange(0, 4).Draw(t, "unconfirmed") == 0 {
		edits = append(edits, unconfirmed)
	}
	if rapid.IntRange(0, 9).Draw(t, "own") == 0 {
		edits = append(edits, ownAddress)
	}
	if rapid.Bool().Draw(t, "some") {
		covered := somePorts(t, "covered")
		open = onlyThose(open, covered)
		edits = append(edits, func(l *Look) { l.Ports = covered })
	}
	for port := range somePorts(t, "answers").All() {
		if !open.Contains(port) {
			edits = append(edits, found(rapid.SampledFrom([]PortState{StateClosed, StateOpenFiltered}).Draw(t, "state"), port))
		}
	}
	edits = append(edits, elsewise(rapid.SampledFrom([]PortState{StateFiltered, StateClosed}).Draw(t, "default")))
	return s.outside(open.String(), edits...)
}

func onlyThose(set, of *PortSet) *PortSet {
	both := new(PortSet)
	for p := range set.All() {
		if of.Contains(p) {
			both.Add(p)
		}
	}
	return both
}

// someEntry makes an entry about one of the ports or a range of them.
func someEntry(t *rapid.T) Entry {
	e := entry(rapid.SampledFrom([]string{"22", "80", "443", "9100", "1-1000", "9000-9200"}).Draw(t, "ports"))
	e.From = rapid.SampledFrom([][]string{nil, {"office"}, {"internet"}}).Draw(t, "from")
	e.Scope = rapid.SampledFrom([]Scope{"", ScopeLoopback, ScopePrivate, ScopeAny}).Draw(t, "scope")
	e.Pin.Product = rapid.SampledFrom([]string{"", "nginx"}).Draw(t, "pin")
	e.Address = rapid.SampledFrom([]netip.Prefix{{}, netip.PrefixFrom(web4, 32)}).Draw(t, "address")
	e.Group = rapid.SampledFrom([]string{"", "web"}).Draw(t, "group")
	return e
}

func madeUp(t *rapid.T) *story {
	s := newStory(t)
	for range rapid.IntRange(0, 3).Draw(t, "entries") {
		s.expects(someEntry(t))
	}
	for range rapid.IntRange(1, 7).Draw(t, "looks") {
		lookAround(t, s)
	}
	return s
}

var verdictOrder = []Verdict{Hidden, Allowed, Pending, UnexpectedExposed, UnexpectedListening, Changed, Missing, Gap, Unverified, Expected, None}

func TestTheJoinIsTotalAndDeterministic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := madeUp(t)
		s.after(time.Duration(rapid.IntRange(0, 72).Draw(t, "hours later")) * time.Hour)
		all := s.join()
		if diff := cmp.Diff(all, s.join(), alike); diff != "" {
			t.Fatalf("the same situation gives something else:\n%s", diff)
		}
		doors := map[Door]bool{}
		once := map[string]bool{}
		for _, e := range all {
			doors[e.Door()] = true
			if name := e.Endpoint.String() + " " + e.Ports; once[name] {
				t.Fatalf("%s is judged twice", name)
			} else {
				once[name] = true
			}
			if !slices.Contains(verdictOrder, e.Verdict) {
				t.Fatalf("%s has the verdict %q", e.Endpoint, e.Verdict)
			}
			ranked := append([]Verdict{e.Verdict}, e.Also...)
			for i := 1; i < len(ranked); i++ {
				if slices.Index(verdictOrder, ranked[i-1]) >= slices.Index(verdictOrder, ranked[i]) {
					t.Fatalf("%s: %v is not in order of precedence", e.Endpoint, ranked)
				}
			}
		}
		for _, l := range s.looks {
			for _, o := range l.Observations {
				if o.State == StateOpen && !l.OwnAddress && !doors[Door{l.Proto, o.Port}] {
					t.Fatalf("port %d was seen and is not judged", o.Port)
				}
			}
			for _, x := range l.Listeners {
				if !doors[Door{x.Proto, x.Port}] {
					t.Fatalf("port %d listened and is not judged", x.Port)
				}
			}
		}
	})
}

func TestFinalExposuresAreEqualInAnyOrderOfArrival(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := madeUp(t)
		want := s.join()
		// As one arrives after the other, a late one makes its trail anew.
		arrival := rapid.Permutation(s.looks).Draw(t, "arrival")
		there, order := map[ViewKey][]*Look{}, []ViewKey{}
		trails := map[ViewKey]*Trail{}
		for _, l := range arrival {
			k := l.Key()
			if there[k] == nil {
				order, trails[k] = append(order, k), new(Trail)
			}
			there[k] = append(there[k], l)
			if trails[k].Follows(l) {
				trails[k].Add(l)
			} else {
				trails[k] = Replay(there[k])
			}
		}
		// Trails come out of the database by their key, not by arrival.
		var list []Trail
		for _, first := range s.trails() {
			for _, k := range order {
				if trails[k].Key == first.Key && trails[k].Newest.ID == first.Newest.ID {
					list = append(list, *trails[k])
					break
				}
			}
		}
		got := Join(Situation{Host: s.host, Now: s.now, Baseline: s.baseline, Trails: list})
		if diff := cmp.Diff(want, got, alike); diff != "" {
			t.Fatalf("in another order (-want +got):\n%s", diff)
		}
	})
}

// modelOpen says by RULES section 1 alone whether a view's looks leave a port
// open: the newest look that tells something of it decides.
func modelOpen(looks []*Look, door Door) bool {
	for _, l := range slices.Backward(looks) {
		if l.OwnAddress {
			continue
		}
		state := StateFiltered
		switch {
		case l.View == Inside:
			if slices.ContainsFunc(l.Listeners, func(x Listener) bool { return x.Port == door.Port }) {
				return true
			}
		default:
			state = l.DefaultState
			for _, o := range l.Observations {
				if o.Port == door.Port {
					state = o.State
				}
			}
		}
		switch {
		case state == StateOpen:
			return true
		case !l.Complete || state == StateOpenFiltered || l.View == Outside && !l.Ports.Contains(door.Port):
			continue
		}
		return false
	}
	return false
}

func TestATrailSaysOpenExactlyWhereTheNewestLookThatTellsDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := madeUp(t)
		for _, trail := range s.trails() {
			var own []*Look
			for _, l := range s.looks {
				if l.Key() == trail.Key {
					own = append(own, l)
				}
			}
			for _, p := range fewPorts {
				door := Door{TCP, p}
				if got, want := trail.At(door).Open(), modelOpen(own, door); got != want {
					t.Fatalf("%v %s: open %v, want %v", trail.Key, door, got, want)
				}
			}
		}
	})
}

func TestATrailIsTheSameAfterItWasStored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		for _, trail := range madeUp(t).trails() {
			text, err := json.Marshal(trail)
			if err != nil {
				t.Fatal(err)
			}
			var read Trail
			if err := json.Unmarshal(text, &read); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(read)
			if err != nil || string(again) != string(text) {
				t.Fatalf("%v\n%s\n%s", err, text, again)
			}
		}
	})
}

// worstOf is the highest severity that a door leads to.
func worstOf(all []Exposure) map[Door]Severity {
	worst := map[Door]Severity{}
	for _, e := range all {
		if e.Verdict != Gap && e.Severity().Rank() > worst[e.Door()].Rank() {
			worst[e.Door()] = e.Severity()
		}
	}
	return worst
}

func TestAMatchingEntryNeverAddsAFinding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := madeUp(t)
		before := s.join()
		open := slices.DeleteFunc(slices.Clone(before), func(e Exposure) bool {
			return !e.Tells() || e.Verdict != UnexpectedExposed && e.Verdict != UnexpectedListening
		})
		if len(open) == 0 {
			t.Skip("nothing that an entry could match")
		}
		door := rapid.SampledFrom(open).Draw(t, "approved").Door()
		s.expects(Entry{Ports: PortRange{door.Port, door.Port}, Proto: door.Proto, Why: "why", Owner: "ann"})
		was, is := worstOf(before), worstOf(s.join())
		for d, severity := range is {
			if severity.Rank() > was[d].Rank() {
				t.Fatalf("approving %s makes %s %s, which was %q", door, d, severity, was[d])
			}
		}
	})
}

func TestApprovingAllDoorsLeavesNoAlertAboutThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := madeUp(t)
		s.baseline = Baseline{}
		s.reconcile()
		for _, e := range s.join() {
			if e.Tells() || e.Verdict == Pending {
				s.expects(Entry{Ports: PortRange{e.Port, e.Port}, Proto: e.Proto, Why: "why", Owner: "ann"})
			}
		}
		s.reconcile(Approval{By: "ann", Why: "why", Owner: "ann"})
		for _, a := range s.alerts {
			if a.Open() && a.Kind.Info().Family != FamilyHealth && a.Kind != Kind(Hidden) {
				t.Fatalf("%s is open", about(a))
			}
		}
	})
}

func TestReconcileKeepsItsLawsThroughAnyStory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newStory(t)
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			if rapid.IntRange(0, 4).Draw(t, "edit") == 0 {
				s.expects(someEntry(t))
			}
			lookAround(t, s)
			before := slices.Clone(s.alerts)
			in := s.reconciliation()
			changes := Reconcile(in)
			for _, c := range changes {
				s.apply(c)
			}
			oneEventATransition(t, before, changes)
			s.throughTheDatabase()
			if again := Reconcile(s.reconciliation()); len(again) > 0 {
				t.Fatalf("a second time: %s of %s", again[0].What, about(again[0].Alert))
			}
			s.everyTellingDoorHasAnAlert(t, in.Exposures)
			if len(s.alerts) > 0 && rapid.Bool().Draw(t, "act") {
				s.somebodyActs(t)
			}
		}
	})
}

// throughTheDatabase writes and reads every alert, as a store does.
func (s *story) throughTheDatabase() {
	for i, a := range s.alerts {
		text, err := json.Marshal(a)
		if err == nil {
			s.alerts[i] = Alert{}
			err = json.Unmarshal(text, &s.alerts[i])
		}
		memory, failed := json.Marshal(a.Memory)
		if err == nil && failed == nil {
			err = json.Unmarshal(memory, &s.alerts[i].Memory)
		}
		if err != nil || failed != nil {
			s.t.Fatalf("alert %s: %v, %v", a.ID, err, failed)
		}
	}
}

func oneEventATransition(t *rapid.T, before []Alert, changes []Change) {
	changed := map[string]bool{}
	for _, c := range changes {
		if changed[c.Alert.ID] {
			t.Fatalf("%s changes twice at once", about(c.Alert))
		}
		changed[c.Alert.ID] = true
		at := slices.IndexFunc(before, func(a Alert) bool { return a.ID == c.Alert.ID })
		var want AlertEvent
		switch {
		case at < 0:
			want = AlertOpened
		case before[at].Open() && !c.Alert.Open():
			want = AlertIsResolved
		case !before[at].Open() && c.Alert.Open():
			want = AlertReopened
		case c.Alert.Severity.Rank() > before[at].Memory.Peak.Rank():
			want = AlertRisen
		}
		if c.Told != want {
			t.Fatalf("%s (%s) is told as %q, want %q", about(c.Alert), c.What, c.Told, want)
		}
	}
}

// everyTellingDoorHasAnAlert holds the alerts against the exposures: a door
// tells exactly where an open alert has it, unless a person ended that one.
func (s *story) everyTellingDoorHasAnAlert(t *rapid.T, all []Exposure) {
	tells, pending := map[Door]bool{}, map[Door]bool{}
	for _, e := range all {
		tells[e.Door()] = tells[e.Door()] || e.Tells()
		pending[e.Door()] = pending[e.Door()] || e.Verdict == Pending
	}
	for door, does := range tells {
		has := slices.ContainsFunc(s.alerts, func(a Alert) bool {
			ended := !a.Open() && (a.Resolution.Kind == ResolvedAccepted || a.Resolution.Kind == ResolvedFalse)
			return (a.Open() || ended) && a.hasRow(door)
		})
		if does && !has {
			t.Fatalf("%s tells and has no alert", door)
		}
	}
	for _, a := range s.alerts {
		if door := (Door{a.Proto, a.Port}); a.Open() && a.Port != 0 && !tells[door] && !pending[door] {
			t.Fatalf("%s is open and nothing tells it", about(a))
		}
	}
}

func (s *story) somebodyActs(t *rapid.T) {
	i := rapid.IntRange(0, len(s.alerts)-1).Draw(t, "alert")
	a, until := s.alerts[i], s.now.Add(day)
	var c Change
	var err error
	switch rapid.IntRange(0, 4).Draw(t, "action") {
	case 0:
		c, err = a.Acknowledge("ann", &until, s.now)
	case 1:
		c, err = a.Shut("ann", s.now)
	case 2:
		c, err = a.False("ann", "why", DoorPrint{}, s.now)
	case 3:
		c, err = a.Accept("ann", "why", "ann", until, s.now)
	case 4:
		c, err = a.Investigate(s.now)
	}
	if err == nil {
		s.apply(c)
	}
}

func TestClosingNeedsACompleteLookThatCoveredTheDoor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newStory(t)
		for range rapid.IntRange(2, 6).Draw(t, "looks") {
			l := lookAround(t, s)
			open := map[string]Alert{}
			for _, a := range s.alerts {
				if a.Open() && a.Family == FamilyExposure {
					open[a.ID] = a
				}
			}
			s.reconcile()
			for _, a := range s.alerts {
				was, before := open[a.ID]
				if !before || a.Open() || l.Complete && !l.OwnAddress && (l.View == Inside || l.Ports.Contains(a.Port)) {
					continue
				}
				if s.someoneLiveSawItShut(was.Port) {
					continue // a blind view's word ran out meanwhile
				}
				t.Fatalf("%s is %s after a look (complete %v, ports %s)", about(was), a.Resolution.Kind, l.Complete, l.Ports)
			}
		}
	})
}

func (s *story) someoneLiveSawItShut(port uint16) bool {
	return slices.ContainsFunc(s.looks, func(l *Look) bool {
		shut := l.View == Inside || l.Ports.Contains(port) && l.At(port).State != StateOpen
		return l.Complete && !l.OwnAddress && shut && s.now.Sub(l.Received) <= s.host.Interval(l.View)*3/2
	})
}

func TestThoroughLooksAreRememberedSparselyAndInOrder(t *testing.T) {
	var trail Trail
	for i := range 1000 {
		trail.Add(&Look{ID: fmt.Sprint(i), Seq: uint64(i + 1), View: Inside, Complete: true,
			Covers: []Coverage{CoversSockets, CoversNamespaces, CoversDNAT}, Received: dawn.Add(time.Duration(i) * time.Hour)})
		if len(trail.Thorough) > thoroughKept || trail.Thorough[len(trail.Thorough)-1].ID != fmt.Sprint(i) {
			t.Fatalf("%d looks after %d", len(trail.Thorough), i)
		}
	}
	for i, h := range trail.Thorough[1:] {
		if gap := h.Received.Sub(trail.Thorough[i].Received); gap <= 0 {
			t.Fatalf("look %s follows %s", h.ID, trail.Thorough[i].ID)
		}
	}
	if n := len(slices.DeleteFunc(trail.Thorough, func(h LookHead) bool { return h.Received.Before(dawn.Add(976 * time.Hour)) })); n < 12 {
		t.Errorf("only %d of the last day's 24 looks are remembered", n)
	}
}
