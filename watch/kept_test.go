package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

const db1 = "db1"

// TestWhatIsKeptIsWhatTheStoreSays: whatever looks, people and the clock do to two
// hosts, their documents and that of their group, lists and the review are those of
// an engine that remembers nothing.
func TestWhatIsKeptIsWhatTheStoreSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.add(web1, []string{home4}, 22, 80)
		w.add(db1, []string{historyOther}, 22)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			w.after(rapid.SampledFrom([]time.Duration{0, time.Second, time.Hour, 2 * day, 32 * day, -time.Hour, -3 * day}).Draw(t, "passes"))
			w.listsAreFresh()
			w.change(t)
			w.listsAreFresh()
		}
	})
}

// change is one thing that happens; what is refused changes nothing.
func (w *world) change(t *rapid.T) {
	host := rapid.SampledFrom([]string{web1, db1}).Draw(t, "host")
	address := map[string]string{web1: home4, db1: historyOther}[host]
	ctx := w.Context()
	var err error
	switch rapid.SampledFrom([]string{"look", "look", "report", "write", "write", "group", "edit", "away", "decide", "decide", "sign", "restart"}).Draw(t, "what") {
	case "look":
		w.out.set(address, rapid.SliceOfNDistinct(rapid.SampledFrom(somePorts), 0, len(somePorts), rapid.ID).Draw(t, "open")...)
		w.out.complete = rapid.Bool().Draw(t, "complete")
		if _, _, err = w.engine.ask(ctx, host, portvigil.Outside, nil); err == nil {
			w.run(0)
		}
	case "report":
		_, err = w.engine.Report(ctx, host, w.record(portvigil.NewID(), listening(portvigil.TCP, rapid.SampledFrom(somePorts).Draw(t, "port"), "/bin/a")))
	case "write":
		err = w.rewrite(docHost, host, "host: "+host+"\n"+rapid.SampledFrom([]string{"", "groups: [front]\n"}).Draw(t, "groups")+entriesOf(t))
	case "group":
		err = w.rewrite(docGroup, "front", "group: front\n"+entriesOf(t))
	case "edit":
		groups, inside := rapid.SampledFrom([][]string{nil, {"front"}}).Draw(t, "in"), rapid.SampledFrom([]time.Duration{time.Hour, day}).Draw(t, "inside")
		_, err = w.engine.EditHost(ctx, "ann", host, portvigil.HostEdit{Groups: &groups, Inside: &inside})
	case "away":
		if err = w.engine.RemoveHost(ctx, "ann", host); err == nil && rapid.Bool().Draw(t, "again") {
			w.add(host, []string{address}, 22)
		}
	case "decide":
		a, failed := w.engine.Agenda(ctx)
		if w.must(failed); len(a.Items) == 0 {
			return
		}
		i := rapid.SampledFrom(a.Items).Draw(t, "item")
		verdict := rapid.SampledFrom([]portvigil.ReviewVerdict{portvigil.ReviewKeep, portvigil.ReviewClose}).Draw(t, "verdict")
		_, err = w.engine.Decide(ctx, "ann", portvigil.ReviewRequest{Kind: i.Kind, Name: i.Name, Version: i.Version, Index: i.Index, Verdict: verdict, Why: "known", Owner: "ann", Expires: "never"})
	case "sign":
		_, err = w.engine.SignReview(ctx, "ann", portvigil.ReviewSignature{Name: "Ann", Leave: rapid.Bool().Draw(t, "leave")})
	case "restart":
		w.engine = New(w.store, w.out, w.post, Options{Clock: w.clock})
	}
	if err != nil && portvigil.ErrorCode(err) == portvigil.CodeInternal {
		t.Fatalf("refused with %v", err)
	}
}

// rewrite makes a text the next version of a document.
func (w *world) rewrite(kind, name, text string) error {
	v, err := w.engine.Document(w.Context(), kind, name)
	if err != nil && portvigil.ErrorCode(err) != portvigil.CodeNotFound {
		return err
	}
	_, err = w.engine.WriteDocument(w.Context(), "ann", portvigil.BaselineVersion{Kind: kind, Name: name, Version: v.Version, Text: "version: 1\n" + text})
	return err
}

func entriesOf(t *rapid.T) string {
	text := "entries:\n"
	for _, port := range rapid.SliceOfNDistinct(rapid.SampledFrom(somePorts), 1, 3, rapid.ID).Draw(t, "entries") {
		text += fmt.Sprintf("  - {port: %d, proto: tcp, %s}\n", port, rapid.SampledFrom([]string{"why: known, owner: ann", "why: known", "owner: ann, why: old, expires: 2026-03-20"}).Draw(t, "says"))
	}
	return text
}

// TestWhoAskAtOnceDoNotSumUpTwice: eight who ask an engine that was just started read
// each host once in all, however long that takes.
func TestWhoAskAtOnceDoNotSumUpTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.web(22, 80)
		w.add(db1, []string{historyOther}, 22)
		w.run(0)
		w.engine = New(w.store, w.out, w.post, Options{Clock: w.clock})
		slow := &slowReads{memory: w.store}
		w.engine.store = slow
		var asking sync.WaitGroup
		for i := range 8 {
			asking.Go(func() {
				var err error
				if i%2 == 0 {
					_, err = w.engine.Overview(t.Context())
				} else {
					_, err = w.engine.Agenda(t.Context())
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		if asking.Wait(); slow.read.Load() != 2 {
			t.Errorf("the trails of %d hosts were read, want those of both once", slow.read.Load())
		}
	})
}

// TestWhoAskAtOnceGetOneAnswer: while an answer is being made, those who ask share the
// next one; who gives up holds up nobody.
func TestWhoAskAtOnceGetOneAnswer(t *testing.T) {
	t.Parallel()
	const long = time.Hour
	for name, patience := range map[string][]time.Duration{
		"nobody gives up":                      {long, long, long, long},
		"one who waits":                        {long, long, 500 * time.Millisecond, long},
		"the one who was to make the next":     {long, 500 * time.Millisecond, long, long},
		"the one who makes it, in the middle":  {long, 1500 * time.Millisecond, long},
		"the first one, while the others wait": {500 * time.Millisecond, long, long},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var asked joint[time.Time] // answers with when it was begun
				var asking sync.WaitGroup
				var mu sync.Mutex
				answers := map[time.Time]int{} // guarded by mu
				for i, patience := range patience {
					time.Sleep(time.Millisecond)
					began := time.Now()
					ctx, leave := context.WithTimeout(t.Context(), patience)
					defer leave()
					asking.Go(func() {
						got, err := asked.ask(ctx, func() (time.Time, error) {
							made := time.Now()
							time.Sleep(time.Second)
							return made, ctx.Err()
						})
						mu.Lock()
						defer mu.Unlock()
						switch {
						case (err != nil) != (patience < long):
							t.Errorf("asker %d: %v", i, err)
						case err == nil && got.Before(began):
							t.Errorf("asker %d got what was begun %s before it asked", i, began.Sub(got))
						case err == nil:
							answers[got]++
						}
					})
				}
				asking.Wait()
				if len(answers) > 2 || name == "nobody gives up" && !slices.Contains(slices.Collect(maps.Values(answers)), 3) {
					t.Errorf("so many got each answer: %v", answers)
				}
			})
		})
	}
}

// TestWhoGivesUpLeavesTheTurn: of those who wait, one that is gone holds up nobody,
// and what was summed up before it went is kept.
func TestWhoGivesUpLeavesTheTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22)
	w.add(db1, []string{historyOther}, 22)
	w.run(0)
	w.engine = New(w.store, w.out, w.post, Options{Clock: w.clock})
	under := w.engine.store
	ctx, leave := context.WithCancel(t.Context())
	read := 0
	w.engine.store = readsCounted{leaving{under, leave}, &read}
	if _, err := w.engine.Overview(ctx); err == nil {
		t.Fatal("who had gone got an answer")
	}
	w.engine.store = readsCounted{under, &read}
	read = 0
	if _, err := w.engine.Overview(t.Context()); err != nil || read != 1 {
		t.Errorf("the trails of %d hosts were read (%v), want those of the one that was left", read, err)
	}
	w.engine.store = under
	w.engine.summaries.turn <- struct{}{} // somebody sums up for long
	if _, err := w.engine.Overview(ctx); err == nil {
		t.Error("who had gone waited for a turn")
	}
	<-w.engine.summaries.turn
	w.listsAreFresh()
}

// TestWhoAsksAfterAWriteSeesIt asks while looks come in, each time for what was
// written before.
func TestWhoAsksAfterAWriteSeesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web()
	must(w.write("ann", 0, "version: 1\nhost: web1\nentries:\n  - {port: 22, why: known, owner: ann}\n"))
	var others sync.WaitGroup
	ctx, end := context.WithCancel(t.Context())
	for range 3 {
		others.Go(func() {
			for ctx.Err() == nil {
				if _, err := w.engine.Agenda(ctx); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range 40 {
		w.after(time.Second)
		w.report(portvigil.NewID(), listening(portvigil.TCP, uint16(1000+n), "/bin/a"), listening(portvigil.TCP, 22, "/bin/b"))
		list := must(w.engine.Overview(t.Context()))
		host := must(w.engine.Host(t.Context(), web1))
		listens := slices.ContainsFunc(host.Exposures, func(x portvigil.Exposure) bool { return x.Port == uint16(1000+n) && x.Open() })
		doors := 0
		for _, count := range list[0].Doors {
			doors += count
		}
		if !listens || doors != len(host.Exposures) {
			t.Fatalf("after %d looks the list has %d doors, the host %d", n+1, doors, len(host.Exposures))
		}
		if items := must(w.engine.Agenda(t.Context())).Items; !items[0].LastOpen.Equal(w.clock()) {
			t.Fatalf("the review has 22/tcp open at %s, and it was seen at %s", items[0].LastOpen, w.clock())
		}
	}
	end()
	others.Wait()
	w.listsAreFresh()
}

func TestFewTextsOfADocumentAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22)
	for version := range 6 {
		must(w.write("ann", version, fmt.Sprintf("%s    # %d\n", documented, version)))
		must(w.engine.Agenda(t.Context()))
	}
	if n := len(w.engine.parsed.docs[docName{docHost, web1}]); n != parsedTexts {
		t.Errorf("%d texts are kept, want %d", n, parsedTexts)
	}
}

// slowReads is a store whose readers do not wait for each other, and take their time.
type slowReads struct {
	*memory
	read atomic.Int64 // hosts whose trails were read
}

func (s *slowReads) View(_ context.Context, do func(Tx) error) error {
	s.mu.Lock()
	tx := s.begin()
	s.mu.Unlock()
	return do(slowTx{tx, &s.read})
}

type slowTx struct {
	Tx
	read *atomic.Int64
}

func (tx slowTx) Trails(id string) ([]portvigil.Trail, error) {
	tx.read.Add(1)
	time.Sleep(time.Second)
	return tx.Tx.Trails(id)
}

// leaving is a store whose reader goes after the first host.
type leaving struct {
	Store
	leave func()
}

func (s leaving) View(ctx context.Context, do func(Tx) error) error {
	return s.Store.View(ctx, func(tx Tx) error { return do(&leavingTx{Tx: tx, ctx: ctx, leave: s.leave}) })
}

type leavingTx struct {
	Tx
	ctx   context.Context
	leave func()
}

func (tx *leavingTx) Trails(id string) ([]portvigil.Trail, error) {
	if err := tx.ctx.Err(); err != nil {
		return nil, err
	}
	defer tx.leave()
	return tx.Tx.Trails(id)
}
