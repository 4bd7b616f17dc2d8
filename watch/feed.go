package watch

import (
	"slices"
	"sync"

	"github.com/portvigil/portvigil"
)

// mostNoted bounds what a note names: who is told of more looks at everything.
const mostNoted = 200

// feed tells those who listen what was written, after it is on disk. Nobody who
// listens slowly holds up a write: what comes meanwhile is joined into one note.
// The zero value is ready.
type feed struct {
	mu        sync.Mutex
	listeners []chan portvigil.ChangeNote // each with room for one note; guarded by mu
	called    map[string]string           // names of hosts by id; guarded by mu
	notes     uint64                      // how many were told, to whomever; guarded by mu
}

// Written counts what was told to those who listen, or would have been. Who reads
// something takes it before, and hears by comparing it later whether that is old.
func (e *Engine) Written() uint64 {
	e.feed.mu.Lock()
	defer e.feed.mu.Unlock()
	return e.feed.notes
}

// Changes returns a channel of what is written from now on, and the way to leave.
// What was written between two notes that were taken is in the second. The channel
// is closed once its listener has left.
func (e *Engine) Changes() (notes <-chan portvigil.ChangeNote, leave func()) {
	return e.feed.join()
}

func (f *feed) join() (notes <-chan portvigil.ChangeNote, leave func()) {
	c := make(chan portvigil.ChangeNote, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listeners = append(f.listeners, c)
	return c, sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.listeners = slices.DeleteFunc(f.listeners, func(other chan portvigil.ChangeNote) bool { return other == c })
		close(c) // nobody sends to it any more
	})
}

// touched tells everybody what a transaction wrote.
func (f *feed) touched(t touched) {
	f.mu.Lock()
	defer f.mu.Unlock()
	note, any := f.note(t)
	if !any {
		return
	}
	f.notes++
	for _, c := range f.listeners {
		next := note
		select {
		case before := <-c: // that nobody took
			next = together(before, note)
		default:
		}
		c <- next // there is room: only we send, under the lock
	}
}

// note says it in names; false where nothing was written that anybody sees. The
// caller holds mu.
func (f *feed) note(t touched) (n portvigil.ChangeNote, any bool) {
	if f.called == nil {
		f.called = map[string]string{}
	}
	for id, name := range t.called {
		f.called[id] = name
	}
	n.More = t.all || t.other || t.allListed
	for _, id := range slices.Concat(t.ids, t.asked, t.looked) {
		name, known := f.called[id]
		n.More = n.More || !known
		n.Hosts = append(n.Hosts, name)
	}
	n.Hosts, n.Alerts = append(n.Hosts, t.names...), t.alerts
	n = together(portvigil.ChangeNote{}, n)
	return n, n.More || len(n.Hosts)+len(n.Alerts) > 0
}

// together is both notes in one.
func together(a, b portvigil.ChangeNote) portvigil.ChangeNote {
	n := portvigil.ChangeNote{Hosts: distinct(a.Hosts, b.Hosts), Alerts: distinct(a.Alerts, b.Alerts), More: a.More || b.More}
	if len(n.Hosts) > mostNoted {
		n.Hosts, n.More = n.Hosts[:mostNoted], true
	}
	if len(n.Alerts) > mostNoted {
		n.Alerts, n.More = n.Alerts[:mostNoted], true
	}
	return n
}

// distinct are the texts of both lists in order, each once, and none that is empty.
func distinct(a, b []string) []string {
	list := slices.DeleteFunc(slices.Concat(a, b), func(s string) bool { return s == "" })
	slices.Sort(list)
	return slices.Compact(list)
}
