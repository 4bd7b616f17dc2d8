package watch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	compare "github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// The world of the made-up histories: one host with two addresses, one of them
// its own, a few doors, two vantages and what reports from inside.
const historyOther = "198.51.100.7"

var (
	historyTCP    = []uint16{22, 80, 9100}
	historyUDP    = []uint16{53, 40000}
	historyDoors  = append(slices.Clone(historyTCP), historyUDP...)
	historyCovers = [][]portvigil.Coverage{
		{portvigil.CoversSockets, portvigil.CoversOwners, portvigil.CoversNamespaces, portvigil.CoversDNAT},
		{portvigil.CoversSockets, portvigil.CoversOwners},
		{portvigil.CoversSockets},
		{portvigil.CoversOwners},
	}
)

// past is the engine and the model side by side while a history is played.
type past struct {
	*world
	model    model
	seen     *tally // nil where nobody counts
	at       string
	cancel   context.CancelFunc
	last     *portvigil.Look
	reserved []uint64 // numbers of looks that began and have not arrived
	disk     *disk    // the folder that the baseline follows; nil for none
	stored   map[string]bool
}

// told is a difference, as a panic that only tell catches.
type told string

// teller is a failer whose failures end the history, and not the test.
type teller struct{ ctx context.Context }

func (teller) Helper()                          {}
func (teller) Fatalf(format string, a ...any)   { panic(told(fmt.Sprintf(format, a...))) }
func (teller) Errorf(format string, a ...any)   { panic(told(fmt.Sprintf(format, a...))) }
func (t teller) Context() context.Context       { return t.ctx }
func (p *past) differs(format string, a ...any) { panic(told(p.at + ": " + fmt.Sprintf(format, a...))) }

func newPast(seen *tally) *past {
	ctx, cancel := context.WithCancel(context.Background())
	p := &past{world: newWorld(teller{ctx}), seen: seen, cancel: cancel, stored: map[string]bool{}}
	p.store.once = true
	p.engine = p.anew()
	p.channel("ops")
	p.channel("boss")
	p.watched()
	return p
}

// anew is an engine as a server that starts has it. Its chance is always the
// same, so that a history is.
func (p *past) anew() *Engine {
	chance := rand.New(rand.NewPCG(7, 7))
	o := Options{Clock: p.clock, LinkBase: "http://127.0.0.1:8080", Chance: chance.Int64N}
	if p.disk != nil {
		o.Folder = Folder{FS: p.disk, Path: "/srv/baseline"}
	}
	return New(p.store, p.out, p.post, o)
}

// watched adds the host of the history, the first of its addresses being its own.
func (p *past) watched() {
	h := p.add(web1, []string{home4, historyOther})
	h.Addresses[0].Kind = portvigil.AddressOwn
	p.must(p.store.Update(p.Context(), func(tx Tx) error { return tx.PutHost(h) }))
	p.model.host = h
}

// happen plays one event in the engine and in the model, and compares them.
func (p *past) happen(e event) {
	if e.What != "schedule" {
		p.after(e.Passes)
		p.listsAreFresh()
	}
	switch e.What {
	case "look":
		p.lookOf(e)
	case "report":
		p.reportOf(e)
	case "again":
		if p.last != nil {
			p.must(p.engine.submit(p.Context(), p.model.host, p.last))
		}
	case "wait":
	case "schedule":
		p.followSchedule(e)
	case "baseline":
		p.document(e)
	case "follow":
		p.follow()
	case "edit":
		p.edit()
	case "approve":
		_, err := p.engine.Approve(p.Context(), "ann", web1, portvigil.ApproveRequest{All: true, Why: "known", Owner: "ann"})
		if p.disk == nil {
			p.approved(err)
		}
	case "maintain":
		p.model.maintained = p.clock().Add(e.For)
		_, err := p.engine.StartMaintenance(p.Context(), "ann", web1, p.model.maintained, "work")
		p.must(err)
	case "maintained":
		if _, err := p.engine.EndMaintenance(p.Context(), "ann", web1); err == nil {
			p.model.now, p.model.maintained = p.clock(), time.Time{}
			p.model.sweep()
		}
	case "restart":
		p.restart()
	case "remove":
		p.model.now = p.clock()
		p.must(p.engine.RemoveHost(p.Context(), "ann", web1))
		p.model.remove()
		p.reserved = nil
		p.watched()
	default:
		p.person(e)
	}
	p.listsAreFresh()
	p.judged()
	p.must(p.engine.sweep(p.Context()))
	p.listsAreFresh()
	p.judged()
	p.model.sweep()
	p.compare()
}

// judged lets the model see what arrived since, and judge.
func (p *past) judged() {
	p.model.now = p.clock()
	p.readBaseline()
	for _, l := range p.arrived() {
		p.model.looks = append(p.model.looks, l)
		p.model.step()
	}
	p.model.step()
}

// arrived returns the looks that were stored since it was asked last, as they came.
func (p *past) arrived() (list []*portvigil.Look) {
	p.view(func(tx Tx) error {
		rows := tx.(*memoryTx)
		for _, key := range slices.Sorted(maps.Keys(rows.rows["look"])) { // ids rise
			if p.stored[key] {
				continue
			}
			l, err := one[*portvigil.Look](rows, "look", key)
			if err != nil {
				return err
			}
			p.stored[key], list = true, append(list, l)
		}
		return nil
	})
	return list
}

func (p *past) readBaseline() {
	v, err := p.engine.Baseline(p.Context(), web1)
	p.must(err)
	if p.model.entries, p.model.allow = nil, nil; v.Version == 0 {
		return
	}
	docs, err := portvigil.ParseBaseline(web1, []byte(v.Text))
	p.must(err)
	for _, d := range docs {
		p.model.entries, p.model.allow = append(p.model.entries, d.Entries...), append(p.model.allow, d.Allow...)
	}
}

// lookOf submits a look of either vantage.
func (p *past) lookOf(e event) {
	l := &portvigil.Look{ID: portvigil.NewID(), Run: portvigil.NewID(), View: portvigil.Outside, Vantage: e.Vantage, Reach: portvigil.ReachInternet,
		Address: netip.MustParseAddr(e.Address), Proto: portvigil.TCP, Ports: portvigil.AllPorts(), Method: portvigil.MethodConnect,
		Started: p.clock().Add(-e.Took), Ended: p.clock(), Complete: !e.Partly, DefaultState: portvigil.StateFiltered}
	if e.Vantage == "office" {
		l.Reach = portvigil.ReachInternal
	}
	if e.Closes {
		l.DefaultState = portvigil.StateClosed
	}
	if len(e.Ports) > 0 {
		l.Ports = portvigil.PortsOf(e.Ports...)
	}
	for _, port := range historyTCP {
		switch {
		case !l.Ports.Contains(port):
		case slices.Contains(e.Open, port):
			l.Observations = append(l.Observations, portvigil.Observation{Port: port, State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck,
				Service: &portvigil.Service{Connected: !e.Refuses, Product: e.Product}})
		case slices.Contains(e.Closed, port) && !e.Closes:
			l.Observations = append(l.Observations, portvigil.Observation{Port: port, State: portvigil.StateClosed, Reason: portvigil.ReasonReset})
		}
	}
	p.send(l, e.Late)
}

func (p *past) reportOf(e event) {
	l := &portvigil.Look{ID: portvigil.NewID(), Run: portvigil.NewID(), View: portvigil.Inside, Covers: historyCovers[e.Covers],
		Method: portvigil.MethodSockDiag, Started: p.clock().Add(-e.Took), Ended: p.clock(), Complete: !e.Partly}
	for _, port := range e.Open {
		proto := portvigil.TCP
		if slices.Contains(historyUDP, port) {
			proto = portvigil.UDP
		}
		x := portvigil.Listener{Proto: proto, Address: netip.MustParseAddr(e.Bound), Port: port, Scope: portvigil.ScopeOf(netip.MustParseAddr(e.Bound))}
		if e.Exe != "" {
			x.Process = &portvigil.Process{PID: 812, Exe: e.Exe}
		}
		l.Listeners = append(l.Listeners, x)
	}
	p.send(l, false)
}

// send submits a look. Each takes two numbers: the first is left for one that
// arrives late.
func (p *past) send(l *portvigil.Look, late bool) {
	p.store.seq++
	if n := len(p.reserved); late && n > 0 {
		l.Seq, p.reserved = p.reserved[n-1], p.reserved[:n-1]
	}
	p.reserved = append(p.reserved, p.store.seq)
	p.must(p.engine.submit(p.Context(), p.model.host, l))
	p.last = l
}

// followSchedule lets time pass and makes the looks that fall due.
func (p *past) followSchedule(e event) {
	p.out.complete = !e.Partly
	p.out.set(home4, e.Open...)
	p.out.set(historyOther)
	end := p.clock().Add(e.Passes)
	for n := 0; ; n++ {
		next := p.open("")
		if len(next) == 0 || next[0].Due.After(end) {
			break
		}
		if n > 500 {
			p.differs("looks without an end: %v", p.reasons())
		}
		p.until(later(p.clock(), next[0].Due))
		p.must(p.engine.MakeLook(p.Context(), next[0].ID))
		p.judged()
	}
	p.until(later(p.clock(), end))
}

func (p *past) document(e event) {
	text := fmt.Sprintf("version: 1\nhost: %s\nentries:\n%s\n", web1, strings.Join(e.Documents, "\n"))
	if len(e.Documents) == 0 || e.Documents[0] == "allow:" {
		text = strings.Replace(text, "entries:\n", "entries: []\n", 1)
	}
	p.write(text)
}

// write makes it the host's document: on the server, or in the folder that the
// baseline follows.
func (p *past) write(text string) {
	if p.disk == nil {
		_, err := p.engine.ImportBaseline(p.Context(), "ann", []portvigil.BaselineVersion{{Kind: docHost, Name: web1, Text: text}})
		p.must(err)
		return
	}
	p.disk.write("web1.yaml", text)
	for range 2 { // it changed, and it stands still
		p.must(p.engine.pollFolder(p.Context()))
	}
}

// follow moves the baseline into a folder, as whoever had it on the server does.
func (p *past) follow() {
	if p.disk != nil {
		return
	}
	v, err := p.engine.Baseline(p.Context(), web1)
	p.must(err)
	p.disk = &disk{files: fstest.MapFS{}}
	p.disk.write("web1.yaml", cmp.Or(v.Text, "version: 1\nhost: "+web1+"\nentries: []\n"))
	p.restart()
}

// edit writes what alerts wait for into the folder, as somebody does who has
// reviewed it.
func (p *past) edit() {
	var lines strings.Builder
	for _, a := range p.model.alerts {
		if a.state != portvigil.AlertWaitingBaseline {
			continue
		}
		for _, d := range a.waitsFor() {
			fmt.Fprintf(&lines, "  - {port: %d, proto: %s, why: reviewed, owner: ann}\n", d.Port, d.Proto)
		}
	}
	if p.disk == nil || lines.Len() == 0 {
		return
	}
	text := strings.Replace(string(p.disk.files["web1.yaml"].Data), "entries: []\n", "entries:\n", 1)
	p.write(strings.Replace(text, "entries:\n", "entries:\n"+lines.String(), 1))
}

func (p *past) restart() {
	p.engine = p.anew()
	p.must(p.engine.pollFolder(p.Context()))
	p.must(p.engine.ensureSchedules(p.Context()))
}

// approved lets the model judge what somebody approved.
func (p *past) approved(err error) {
	if err != nil {
		if portvigil.ErrorCode(err) == portvigil.CodeInternal {
			p.differs("refused with %v", err)
		}
		return
	}
	p.model.approved = true
	p.judged()
	p.model.approved = false
}

// person does something to an alert; the model says whether it is refused.
func (p *past) person(e event) {
	list := slices.DeleteFunc(slices.Clone(p.model.alerts), func(a *modelAlert) bool { return !a.open() })
	if e.Which == 3 {
		list = p.model.alerts
	}
	if len(list) == 0 {
		return
	}
	a := list[e.Which%len(list)]
	p.model.now = p.clock()
	id, ctx, ok := p.idOf(a), p.Context(), false
	var err error
	switch until := p.clock().Add(e.For); e.What {
	case "ack":
		if ends := &until; e.For == 0 {
			_, err = p.engine.Acknowledge(ctx, "ann", id, nil)
			ok = p.model.acknowledge(a, time.Time{})
		} else {
			_, err = p.engine.Acknowledge(ctx, "ann", id, ends)
			ok = p.model.acknowledge(a, until)
		}
	case "investigate":
		_, err = p.engine.Investigate(ctx, "ann", id)
		ok = p.model.investigate(a)
	case "shut":
		_, err = p.engine.Resolve(ctx, "ann", id, portvigil.ResolveRequest{Kind: portvigil.ResolvedShut})
		ok = p.model.shut(a)
	case "false":
		_, err = p.engine.Resolve(ctx, "ann", id, portvigil.ResolveRequest{Kind: portvigil.ResolvedFalse, Why: "known"})
		ok = p.model.callFalse(a)
	case "accept":
		date := portvigil.DateOf(until)
		_, err = p.engine.Resolve(ctx, "ann", id, portvigil.ResolveRequest{Kind: portvigil.ResolvedAccepted, Why: "known", Owner: "ann", Until: date.String()})
		ok = p.model.accept(a, date.End())
	case "expected":
		_, err = p.engine.Resolve(ctx, "ann", id, portvigil.ResolveRequest{Kind: portvigil.ResolvedExpected, Why: "known", Owner: "ann"})
		if p.disk != nil {
			ok = p.model.expect(a)
			break
		}
		ok = a.expects()
		p.approved(err)
	case "comment":
		_, err = p.engine.Comment(ctx, "ann", id, "looking")
		a.noted, ok = a.noted || !a.open(), true
	}
	if ok != (err == nil) {
		p.differs("%s of %s %s: the engine says %v, the model allows it: %t", e.What, a.about, a.state, err, ok)
	}
}

// idOf returns the id of the engine's alert that is the model's.
func (p *past) idOf(a *modelAlert) string {
	at := slices.Index(p.model.alerts, a)
	nth := 0
	for _, b := range p.model.alerts[:at] {
		if b.about == a.about {
			nth++
		}
	}
	list := p.byAbout()[a.about]
	if nth >= len(list) {
		p.differs("there is no alert about %s", a.about)
	}
	return list[nth].ID
}

// byAbout returns the engine's alerts, the oldest of each first.
func (p *past) byAbout() map[string][]portvigil.Alert {
	list := map[string][]portvigil.Alert{}
	p.view(func(tx Tx) error {
		alerts, err := tx.Alerts(false)
		for _, a := range alerts {
			about := string(a.Kind)
			if a.Port != 0 {
				about = portvigil.Door{Proto: a.Proto, Port: a.Port}.String()
			}
			list[about] = append(list[about], a)
		}
		return err
	})
	return list
}

// compare holds verdicts, alerts and messages of both against each other.
func (p *past) compare() {
	s, err := p.engine.Host(p.Context(), web1)
	p.must(err)
	lines := []string{}
	for _, x := range s.Exposures {
		if x.Verdict == portvigil.Gap {
			lines = append(lines, fmt.Sprintf("%s %s gap", x.Proto, x.Ports))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", x.Door(), x.Address, x.Verdict))
	}
	slices.Sort(lines)
	_, want := p.model.verdicts()
	if diff := compare.Diff(append([]string{}, want...), lines); diff != "" {
		p.differs("verdicts (-model +engine):\n%s", diff)
	}
	lives, messages := p.engineLives()
	if diff := compare.Diff(p.modelLives(), lives); diff != "" {
		p.differs("alerts (-model +engine):\n%s", diff)
	}
	if diff := compare.Diff(p.modelMessages(), messages); diff != "" {
		p.differs("messages (-model +engine):\n%s", diff)
	}
	if p.seen != nil {
		p.seen.note(p.world)
	}
}

func (p *past) modelLives() map[string][]string {
	lives := map[string][]string{}
	for _, a := range p.model.alerts {
		life := fmt.Sprintf("%s %s %d", a.state, a.kind, a.severity)
		if !a.open() {
			life += fmt.Sprintf(" as %s, noted %t", a.resolution, a.noted)
		}
		lives[a.about] = append(lives[a.about], life)
	}
	return lives
}

func (p *past) engineLives() (lives map[string][]string, messages map[string]string) {
	lives, messages = map[string][]string{}, map[string]string{}
	told := map[string]map[string][]string{}
	for _, d := range p.deliveries() {
		if told[d.Alert] == nil {
			told[d.Alert] = map[string][]string{}
		}
		told[d.Alert][d.Channel] = append(told[d.Alert][d.Channel], string(d.Event))
	}
	for about, list := range p.byAbout() {
		for i, a := range list {
			life := fmt.Sprintf("%s %s %d", a.State, a.Kind, a.Severity.Rank())
			if !a.Open() {
				life += fmt.Sprintf(" as %s, noted %t", a.Resolution.Kind, a.Memory.Noted)
			}
			lives[about] = append(lives[about], life)
			for _, c := range p.channels() {
				if events := told[a.ID][c]; len(events) > 0 {
					messages[fmt.Sprintf("%s %d %s", about, i, c)] = strings.Join(events, " ")
				}
			}
			delete(told, a.ID)
		}
	}
	if len(told) > 0 {
		p.differs("told of alerts that are not there: %v", told)
	}
	return lives, messages
}

func (p *past) channels() (ids []string) {
	list, err := p.engine.Channels(p.Context())
	p.must(err)
	for _, c := range list {
		ids = append(ids, c.ID)
	}
	return ids
}

func (p *past) modelMessages() map[string]string {
	messages, nth := map[string]string{}, map[string]int{}
	for _, a := range p.model.alerts {
		var events []string
		for _, e := range a.told {
			events = append(events, string(e))
		}
		for _, c := range p.channels() {
			if len(events) > 0 {
				messages[fmt.Sprintf("%s %d %s", a.about, nth[a.about], c)] = strings.Join(events, " ")
			}
		}
		nth[a.about]++
	}
	return messages
}
