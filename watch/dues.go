package watch

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
)

// dues knows when each host is to be judged again although nothing was seen of it
// and nobody decided anything. It is a memory of what the store says and nothing
// rests on it: a host that it does not know is judged. The zero value is ready.
type dues struct {
	mu    sync.Mutex
	hosts map[string]*hostDue // by id; guarded by mu
	// changes counts what was written; what is judged from a view before a write
	// is not kept after it. Guarded by mu.
	changes uint64
	now     time.Time // the newest that it was asked; guarded by mu
}

// hostDue is one host at rest.
type hostDue struct {
	name   string
	next   time.Time // zero: now
	sights []portvigil.VantageSight
}

// begin returns what set is to be given for what is judged from now on.
// Where the clock has been put back, every moment that has passed may come again.
func (d *dues) begin(now time.Time) (since uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Before(d.now) {
		d.allNow()
	}
	d.now = now
	return d.changes
}

// allNow makes every host due. The caller holds mu.
func (d *dues) allNow() {
	d.changes++
	for _, h := range d.hosts {
		h.next = time.Time{}
	}
}

// has reports whether the host is to be judged.
func (d *dues) has(id string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.hosts[id]
	return h == nil || !now.Before(h.next)
}

// set keeps when the host is due next, unless anything was written since.
func (d *dues) set(h portvigil.Host, since uint64, now, next time.Time) {
	if bound := now.Add(judgedWithin); next.IsZero() || next.After(bound) {
		next = bound
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if known := d.hosts[h.ID]; known != nil && d.changes == since {
		known.name, known.next = h.Name, next
	}
}

// see keeps which vantages see the host.
func (d *dues) see(id string, sights []portvigil.VantageSight) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hosts == nil {
		d.hosts = map[string]*hostDue{}
	}
	if d.hosts[id] == nil {
		d.hosts[id] = &hostDue{}
	}
	d.hosts[id].sights = sights
}

// seen returns what was kept of every host that is watched.
func (d *dues) seen() (all []portvigil.VantageSight) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.hosts {
		all = append(all, h.sights...)
	}
	return all
}

// keep forgets the hosts that are watched no more.
func (d *dues) keep(hosts []portvigil.Host) {
	there := map[string]bool{}
	for _, h := range hosts {
		there[h.ID] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.hosts, func(id string, _ *hostDue) bool { return !there[id] })
}

// touched makes due what a transaction wrote about.
func (d *dues) touched(t touched) {
	if !t.all && len(t.ids) == 0 && len(t.names) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.all {
		d.allNow()
		return
	}
	d.changes++
	for id, h := range d.hosts {
		if slices.Contains(t.ids, id) || slices.Contains(t.names, h.name) {
			h.next = time.Time{}
		}
	}
}
