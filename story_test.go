package portvigil

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// dawn is when the stories begin; the hosts were added then.
var dawn = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

var (
	web4 = netip.MustParseAddr("203.0.113.7")
	web6 = netip.MustParseAddr("2001:db8::7")
)

// alike compares values whose fields are not exported by what they say.
var alike = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b *PortSet) bool { return a.String() == b.String() }),
}

// failer is what stories need of a test; rapid's has no more.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// story is one host, the looks at it, and what became of its alerts. Its clock
// stands still but for after.
type story struct {
	t        failer
	host     Host
	now      time.Time
	baseline Baseline
	looks    []*Look
	alerts   []Alert
	atOnce   bool
	// folded is what trails returned for the first so many looks.
	folded      []Trail
	foldedLooks int
}

func newStory(t failer) *story {
	return &story{t: t, now: dawn, host: Host{Name: "web1", Added: dawn, Outside: day, Inside: time.Hour,
		Addresses: []HostAddress{{Address: web4, Kind: AddressOwn}, {Address: web6, Kind: AddressOwn}}}}
}

// after moves the clock on.
func (s *story) after(d time.Duration) { s.now = s.now.Add(d) }

// outside adds a complete look from the vantage "local" at every TCP port of
// web4 that completed connections to the open ones; edits make another of it.
func (s *story) outside(open string, edits ...func(*Look)) *Look {
	s.t.Helper()
	l := &Look{View: Outside, Vantage: "local", Reach: ReachInternet, Address: web4, Proto: TCP, Ports: AllPorts(), DefaultState: StateFiltered}
	for port := range s.ports(open).All() {
		l.Observations = append(l.Observations, Observation{Port: port, State: StateOpen, Reason: ReasonSynAck, Service: &Service{Connected: true}})
	}
	return s.add(l, edits)
}

// inside adds a complete look from inside that covers sockets and owners.
func (s *story) inside(listeners []Listener, edits ...func(*Look)) *Look {
	s.t.Helper()
	return s.add(&Look{View: Inside, Covers: []Coverage{CoversSockets, CoversOwners}, Listeners: listeners}, edits)
}

func (s *story) add(l *Look, edits []func(*Look)) *Look {
	l.Seq = uint64(len(s.looks) + 1)
	l.ID = fmt.Sprintf("look-%03d", l.Seq)
	l.Started, l.Ended, l.Received, l.Complete = s.now.Add(-2*time.Second), s.now.Add(-time.Second), s.now, true
	for _, edit := range edits {
		edit(l)
	}
	slices.SortFunc(l.Observations, func(a, b Observation) int { return int(a.Port) - int(b.Port) })
	s.looks = append(s.looks, l)
	return l
}

func (s *story) ports(text string) *PortSet {
	s.t.Helper()
	set, err := ParsePortSet(text)
	if err != nil {
		s.t.Fatalf("ports %q: %v", text, err)
	}
	return set
}

func incomplete(l *Look)  { l.Complete = false }
func unconfirmed(l *Look) { eachOpen(l, func(o *Observation) { o.Service = nil }) }
func ownAddress(l *Look)  { l.OwnAddress = true }

func eachOpen(l *Look, edit func(*Observation)) {
	for i := range l.Observations {
		if l.Observations[i].State == StateOpen {
			edit(&l.Observations[i])
		}
	}
}

func only(ports string) func(*Look) {
	return func(l *Look) { l.Ports, _ = ParsePortSet(ports) }
}

func atAddress(a netip.Addr) func(*Look) { return func(l *Look) { l.Address = a } }

func from(vantage string, reach Reach) func(*Look) {
	return func(l *Look) { l.Vantage, l.Reach = vantage, reach }
}

func noting(notes ...string) func(*Look) { return func(l *Look) { l.Notes = notes } }

func elsewise(state PortState) func(*Look) { return func(l *Look) { l.DefaultState = state } }

// found lists ports in a state beside the open ones.
func found(state PortState, ports ...uint16) func(*Look) {
	return func(l *Look) {
		for _, p := range ports {
			l.Observations = append(l.Observations, Observation{Port: p, State: state})
		}
	}
}

func udp(l *Look) { l.Proto, l.DefaultState = UDP, StateOpenFiltered }

func serving(product string) func(*Look) {
	return func(l *Look) {
		eachOpen(l, func(o *Observation) { o.Service = &Service{Product: product, Connected: true} })
	}
}

func covering(parts ...Coverage) func(*Look) { return func(l *Look) { l.Covers = parts } }

// thorough is all that can explain an open door.
var thorough = covering(CoversSockets, CoversOwners, CoversNamespaces, CoversDNAT)

// listens makes a TCP listener with an owner: listens("0.0.0.0:22", "/usr/sbin/sshd").
func listens(bound, exe string) Listener {
	a := netip.MustParseAddrPort(bound)
	l := Listener{Proto: TCP, Address: a.Addr(), Port: a.Port(), Scope: ScopeOf(a.Addr())}
	if exe != "" {
		l.Process = &Process{PID: 100, Exe: exe}
	}
	return l
}

func sockets(list ...Listener) []Listener { return list }

// entry is a baseline entry without a condition; edits add some.
func entry(ports string, edits ...func(*Entry)) Entry {
	r, err := ParsePortRange(ports)
	if err != nil {
		panic(err)
	}
	e := Entry{Ports: r, Proto: TCP, Why: "it belongs there", Owner: "ann"}
	for _, edit := range edits {
		edit(&e)
	}
	return e
}

func (s *story) expects(entries ...Entry) {
	s.baseline.Entries = append(s.baseline.Entries, entries...)
}

func (s *story) trails() []Trail {
	if s.folded != nil && s.foldedLooks == len(s.looks) {
		return s.folded
	}
	byKey := map[ViewKey][]*Look{}
	var keys []ViewKey
	for _, l := range s.looks {
		if byKey[l.Key()] == nil {
			keys = append(keys, l.Key())
		}
		byKey[l.Key()] = append(byKey[l.Key()], l)
	}
	var list []Trail
	for _, k := range keys {
		list = append(list, *Replay(byKey[k]))
	}
	s.folded, s.foldedLooks = list, len(s.looks)
	return list
}

func (s *story) join() []Exposure {
	return Join(Situation{Host: s.host, Now: s.now, Baseline: s.baseline, Trails: s.trails(), AtOnce: s.atOnce})
}

// verdicts writes what the join says but "none": "22/tcp 203.0.113.7 expected".
// An endpoint that stands for every address is written without one.
func (s *story) verdicts() []string {
	list := []string{}
	for _, e := range s.join() {
		if e.Verdict == None {
			continue
		}
		text := e.Door().String()
		if e.Ports != "" {
			text = e.Ports + "/" + string(e.Proto)
		}
		if e.Address.IsValid() {
			text += " " + e.Address.String()
		}
		text += " " + string(e.Verdict)
		for _, also := range e.Also {
			text += " also:" + string(also)
		}
		list = append(list, text)
	}
	return list
}

func (s *story) wantVerdicts(want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), s.verdicts()); diff != "" {
		s.t.Errorf("verdicts (-want +got):\n%s", diff)
	}
}

// reconcile applies what follows to the alerts, and returns what people are
// told: "alert.opened unexpected-exposed 22/tcp".
func (s *story) reconcile(approval ...Approval) []string {
	in := s.reconciliation()
	if len(approval) > 0 {
		in.Approval = approval[0]
	}
	told := []string{}
	for _, c := range Reconcile(in) {
		s.apply(c)
		if c.Told != "" {
			told = append(told, string(c.Told)+" "+about(c.Alert))
		}
	}
	return told
}

func (s *story) reconciliation() Reconciliation {
	return Reconciliation{Host: s.host, Now: s.now, Exposures: s.join(), Trails: s.trails(), Alerts: slices.Clone(s.alerts)}
}

func (s *story) apply(c Change) {
	for i := range s.alerts {
		if s.alerts[i].ID == c.Alert.ID {
			s.alerts[i] = c.Alert
			return
		}
	}
	s.alerts = append(s.alerts, c.Alert)
}

func about(a Alert) string {
	if a.Port == 0 {
		return string(a.Kind)
	}
	return string(a.Kind) + " " + Door{a.Proto, a.Port}.String()
}

// wantTold reconciles once and checks who hears what, then once more: nothing.
func (s *story) wantTold(want ...string) {
	s.t.Helper()
	s.wantToldFor(Approval{}, want...)
}

func (s *story) wantToldFor(by Approval, want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), s.reconcile(by)); diff != "" {
		s.t.Errorf("told (-want +got):\n%s", diff)
	}
	if again := Reconcile(s.reconciliation()); len(again) > 0 {
		s.t.Errorf("a second time with nothing new, %s of %s", again[0].What, about(again[0].Alert))
	}
}

// wantAlerts checks every alert: "unexpected-exposed 22/tcp new", of resolved
// ones "… resolved:shut".
func (s *story) wantAlerts(want ...string) {
	s.t.Helper()
	got := []string{}
	for _, a := range s.alerts {
		text := about(a) + " " + string(a.State)
		if a.Resolution != nil {
			text += ":" + string(a.Resolution.Kind)
		}
		got = append(got, text)
	}
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		s.t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

// act applies what a person does to the newest alert.
func (s *story) act(do func(Alert) (Change, error)) {
	s.t.Helper()
	c, err := do(s.alerts[len(s.alerts)-1])
	if err != nil {
		s.t.Fatalf("act: %v", err)
	}
	s.apply(c)
}

// rows writes the doors of the newest alert of a kind.
func (s *story) rows(kind Kind) string {
	for i := len(s.alerts) - 1; i >= 0; i-- {
		if a := s.alerts[i]; a.Kind == kind {
			var list []string
			for _, row := range a.Endpoints {
				if text := row.Ports; text != "" {
					list = append(list, text+"/"+string(row.Proto))
				} else {
					list = append(list, Door{row.Proto, row.Port}.String())
				}
			}
			return strings.Join(list, " ")
		}
	}
	return ""
}

var _ failer = (*testing.T)(nil)
