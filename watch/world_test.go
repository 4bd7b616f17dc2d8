package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
)

// dawn is when the stories begin.
var dawn = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

const (
	day   = 24 * time.Hour
	web1  = "web1"
	home4 = "203.0.113.7"
)

// failer is what stories need of a test; rapid's has no more.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Context() context.Context
}

// world is an engine, what it stands on, and the hosts that it looks at. Its
// clock stands still but for after and run.
type world struct {
	failer
	engine *Engine
	store  *memory
	out    *outsideWorld
	in     *insideWorld
	post   *postbox

	mu  sync.Mutex
	now time.Time // guarded by mu
}

func newWorld(t failer) *world {
	w := &world{failer: t, store: newMemory(), now: dawn, post: &postbox{}}
	w.out = &outsideWorld{open: map[string][]uint16{}, datagram: map[string][]uint16{}, unreachable: map[string][]uint16{}, names: map[string][]netip.Addr{}, complete: true, confirmed: true, clock: w.clock}
	w.in = &insideWorld{complete: true, clock: w.clock}
	w.engine = New(w.store, w.out, w.post, Options{Clock: w.clock, Inside: w.in, LinkBase: "http://127.0.0.1:8080"})
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// after moves the clock on without anybody looking.
func (w *world) after(d time.Duration) { w.until(w.clock().Add(d)) }

func (w *world) until(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = t
}

// must ends the test for an error.
func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("failed: %v", err)
	}
}

// refused ends the test unless the error has the code.
func (w *world) refused(err error, code portvigil.Code) {
	w.Helper()
	if portvigil.ErrorCode(err) != code {
		w.Fatalf("got %q (%v), want it refused as %q", portvigil.ErrorCode(err), err, code)
	}
}

func (w *world) view(do func(tx Tx) error) {
	w.Helper()
	w.must(w.store.View(w.Context(), do))
}

// add watches a host at the addresses, and shows which ports are open there.
func (w *world) add(name string, targets []string, open ...uint16) portvigil.Host {
	w.Helper()
	for _, target := range targets {
		w.out.set(target, open...)
	}
	h, err := w.engine.AddHost(w.Context(), "ann", portvigil.Host{Name: name, Targets: targets})
	w.must(err)
	return h
}

// web adds the host that most stories are about, and makes its first look.
func (w *world) web(open ...uint16) portvigil.Host {
	w.Helper()
	h := w.add(web1, []string{home4}, open...)
	w.run(0)
	return h
}

// run lets time pass, makes every look when it is due, and judges once a minute
// at most and at the end, as Run does.
func (w *world) run(d time.Duration) {
	w.Helper()
	end := w.clock().Add(d)
	for n := 0; ; n++ {
		if n > 500 {
			w.Fatalf("looks without an end: %v", w.reasons())
		}
		next := w.open("")
		if len(next) == 0 || next[0].Due.After(end) {
			break
		}
		if next[0].Due.After(w.clock()) {
			w.until(next[0].Due)
		}
		w.must(w.engine.MakeLook(w.Context(), next[0].ID))
	}
	w.until(end)
	w.must(w.engine.sweep(w.Context()))
}

// open returns what is wanted or running of a host, of all for "", by when it is due.
func (w *world) open(name string) (list []portvigil.LookRequest) {
	w.Helper()
	w.view(func(tx Tx) error {
		id := ""
		if name != "" {
			h, err := tx.Host(name)
			if err != nil {
				return err
			}
			id = h.ID
		}
		var err error
		list, err = tx.OpenRequests(id)
		return err
	})
	return list
}

// wanted returns what is wanted for a reason, by when it is due.
func (w *world) wanted(reason string) []portvigil.LookRequest {
	w.Helper()
	return slices.DeleteFunc(w.open(""), func(r portvigil.LookRequest) bool { return r.Reason != reason })
}

func (w *world) reasons() (list []string) {
	for _, r := range w.open("") {
		list = append(list, fmt.Sprintf("%s %s %s at %s", r.View, r.Reason, r.Ports, r.Due))
	}
	return list
}

// deliveries returns every notification, oldest first.
func (w *world) deliveries() (list []portvigil.Delivery) {
	w.Helper()
	w.view(func(tx Tx) (err error) {
		list, err = all(tx.(*memoryTx), "delivery", anyOf[portvigil.Delivery])
		return err
	})
	return list
}

// told returns the events that people were told of, in order.
func (w *world) told() []string {
	w.Helper()
	list := []string{}
	for _, d := range w.deliveries() {
		list = append(list, string(d.Event))
	}
	return list
}

func (w *world) channel(name string) portvigil.ChannelRow {
	w.Helper()
	c, err := w.engine.AddChannel(w.Context(), "ann", portvigil.ChannelRow{Name: name, Kind: "webhook"})
	w.must(err)
	return c
}

// alerts returns the open alerts, or all.
func (w *world) alerts(open bool) []portvigil.Alert {
	w.Helper()
	list, err := w.engine.Alerts(w.Context(), open)
	w.must(err)
	return slices.DeleteFunc(list, func(a portvigil.Alert) bool { return open && !a.Open() })
}

// only returns the one open alert.
func (w *world) only() portvigil.Alert {
	w.Helper()
	list := w.alerts(true)
	if len(list) != 1 {
		w.Fatalf("there are %d open alerts, want one: %v", len(list), sentences(list))
	}
	return list[0]
}

// quiet ends the test where an alert is open.
func (w *world) quiet() {
	w.Helper()
	if list := w.alerts(true); len(list) > 0 {
		w.Fatalf("there are open alerts: %v", sentences(list))
	}
}

func (w *world) alert(id string) portvigil.Alert {
	w.Helper()
	a, _, err := w.engine.Alert(w.Context(), id)
	w.must(err)
	return a
}

func sentences(list []portvigil.Alert) (texts []string) {
	for _, a := range list {
		texts = append(texts, fmt.Sprintf("%s %s: %s", a.State, a.Kind, a.Text))
	}
	return texts
}

// look asks for a look at web1 now, and makes it.
func (w *world) look() {
	w.Helper()
	w.lookAt("")
}

func (w *world) lookAt(ports string) {
	w.Helper()
	var spec *portvigil.PortSpec
	if ports != "" {
		asked, err := w.out.ParsePorts(ports)
		w.must(err)
		spec = &asked
	}
	_, _, err := w.engine.ask(w.Context(), web1, portvigil.Outside, spec)
	w.must(err)
	w.run(0)
}

// explained is web1 with its first doors approved, so that every alert is news.
func explained(t failer, open ...uint16) *world {
	t.Helper()
	w := newWorld(t)
	w.web(open...)
	if len(open) > 0 {
		_, err := w.engine.Approve(t.Context(), "ann", web1, portvigil.ApproveRequest{All: true, Why: "as installed", Owner: "ann"})
		w.must(err)
	}
	w.quiet()
	return w
}

// raised is web1 with an alert for port 9100, and a channel that was told.
func raised(t failer) (*world, portvigil.Alert) {
	t.Helper()
	w := explained(t, 22)
	w.channel("ops")
	w.out.set(home4, 22, 9100)
	w.after(time.Hour)
	w.look()
	return w, w.only()
}

// outsideWorld is the network as one vantage sees it.
type outsideWorld struct {
	mu          sync.Mutex
	open        map[string][]uint16     // TCP ports by address; guarded by mu
	datagram    map[string][]uint16     // UDP ports; guarded by mu
	unreachable map[string][]uint16     // UDP ports that say that they are closed; all others are silent. Guarded by mu
	names       map[string][]netip.Addr // what DNS says; guarded by mu
	complete    bool
	notes       []string // of looks at TCP
	silent      string   // the address that never answers; guarded by mu
	confirmed   bool
	own         bool
	err         error
	looked      []OutsideTarget // guarded by mu
	during      func()          // runs within each look, without the lock; nil for nothing
	clock       Clock
}

// set shows which ports are open at an address from now on.
func (o *outsideWorld) set(address string, ports ...uint16) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open[address] = ports
}

// setUDP shows which UDP ports answer at an address from now on, and which say that
// they are closed. To begin with none does, as behind most firewalls.
func (o *outsideWorld) setUDP(address string, open, closed []uint16) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.datagram[address], o.unreachable[address] = open, closed
}

// looks returns the looks at TCP so far.
func (o *outsideWorld) looks() []OutsideTarget { return o.looksAt(portvigil.TCP) }

func (o *outsideWorld) looksAt(p portvigil.Proto) []OutsideTarget {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.looked), func(t OutsideTarget) bool { return t.Proto != p })
}

func (o *outsideWorld) Look(ctx context.Context, t OutsideTarget, progress func(portvigil.LookProgress)) (*portvigil.Look, error) {
	o.mu.Lock()
	o.looked = append(o.looked, t)
	during := o.during
	if t.Proto == portvigil.UDP {
		defer o.mu.Unlock()
		return o.lookUDP(t), cmp.Or(ctx.Err(), o.err)
	}
	o.mu.Unlock()
	progress(portvigil.LookProgress{Address: t.Address.String(), Share: 0.5})
	if during != nil {
		during()
	}
	if err := cmp.Or(ctx.Err(), o.err); err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	ports := t.Ports
	if ports == nil {
		ports = portvigil.AllPorts()
	}
	l := &portvigil.Look{ID: portvigil.NewID(), Run: t.Run, View: portvigil.Outside, Vantage: "local", Reach: portvigil.ReachInternet,
		Address: t.Address, Proto: portvigil.TCP, Ports: ports, Method: portvigil.MethodConnect, Started: o.clock(), Ended: o.clock(),
		Complete: o.complete && t.Address.String() != o.silent, DefaultState: portvigil.StateFiltered, OwnAddress: o.own, Notes: o.notes}
	for _, port := range slices.Sorted(slices.Values(o.open[t.Address.String()])) {
		if ports.Contains(port) {
			l.Observations = append(l.Observations, portvigil.Observation{Port: port, State: portvigil.StateOpen,
				Reason: portvigil.ReasonSynAck, Service: &portvigil.Service{Connected: o.confirmed}})
		}
	}
	return l, nil
}

// lookUDP asks UDP ports. It is called with mu held.
func (o *outsideWorld) lookUDP(t OutsideTarget) *portvigil.Look {
	at := t.Address.String()
	l := &portvigil.Look{ID: portvigil.NewID(), Run: t.Run, View: portvigil.Outside, Vantage: "local", Reach: portvigil.ReachInternet,
		Address: t.Address, Proto: portvigil.UDP, Ports: t.Ports, Method: portvigil.MethodUDP, Started: o.clock(), Ended: o.clock(),
		DefaultState: portvigil.StateOpenFiltered, OwnAddress: o.own}
	for port := range t.Ports.All() {
		switch {
		case slices.Contains(o.datagram[at], port):
			l.Observations = append(l.Observations, portvigil.Observation{Port: port, State: portvigil.StateOpen,
				Reason: portvigil.ReasonUDPResponse, Service: &portvigil.Service{Connected: true}})
		case slices.Contains(o.unreachable[at], port):
			l.Observations = append(l.Observations, portvigil.Observation{Port: port, State: portvigil.StateClosed, Reason: portvigil.ReasonPortUnreachable})
		}
	}
	answered := len(l.Observations) > 0
	if l.Complete = o.complete && at != o.silent && answered; !answered {
		l.Notes = []string{"no-answer: none of 300 datagrams was answered, so nothing vouches for the way"}
	}
	return l
}

func (o *outsideWorld) Resolve(_ context.Context, target string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(target); err == nil {
		return []netip.Addr{a}, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if list, found := o.names[target]; found {
		return list, nil
	}
	return nil, fmt.Errorf("no such name: %s", target)
}

func (o *outsideWorld) ParsePorts(spec string) (s portvigil.PortSpec, err error) {
	if spec == commonUDP {
		return portvigil.PortSpec{UDP: portvigil.PortsOf(53, 123, 161)}, nil
	}
	return s, s.UnmarshalText([]byte(spec))
}

// insideWorld is what listens on the server's own machine.
type insideWorld struct {
	listeners []portvigil.Listener
	complete  bool
	err       error
	looks     int
	clock     Clock
}

func (i *insideWorld) Look(_ context.Context, _ portvigil.Host, run string) (*portvigil.Look, error) {
	i.looks++
	if i.err != nil {
		return nil, i.err
	}
	return &portvigil.Look{ID: portvigil.NewID(), Run: run, View: portvigil.Inside, Method: portvigil.MethodSockDiag,
		Covers:  []portvigil.Coverage{portvigil.CoversSockets, portvigil.CoversOwners},
		Started: i.clock(), Ended: i.clock(), Complete: i.complete, Listeners: slices.Clone(i.listeners)}, nil
}

// listening is a listener on every address.
func listening(proto portvigil.Proto, port uint16, exe string) portvigil.Listener {
	return portvigil.Listener{Proto: proto, Address: netip.IPv4Unspecified(), Port: port, Scope: portvigil.ScopeAny,
		Process: &portvigil.Process{PID: 812, Exe: exe, User: "root"}}
}

// postbox takes messages.
type postbox struct {
	mu    sync.Mutex
	sent  []portvigil.Delivery // guarded by mu while messages are on their way
	fail  error
	check error
	wait  func(context.Context) error // stands for the receiver; nil for one that answers at once
}

func (p *postbox) Send(ctx context.Context, _ portvigil.ChannelRow, d portvigil.Delivery) error {
	p.mu.Lock()
	p.sent = append(p.sent, d)
	p.mu.Unlock()
	if p.wait != nil {
		return p.wait(ctx)
	}
	return p.fail
}

func (p *postbox) Check(portvigil.ChannelRow) error { return p.check }

var errBroken = errors.New("the disk is full")
