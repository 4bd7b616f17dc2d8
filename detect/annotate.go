package detect

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/portvigil/portvigil"
)

// What Annotate does for one look at most. A server with more than 200 doors is
// nearly always a device that answers on every port: each takes the whole
// Timeout and says nothing.
const (
	maxIdentified = 200
	maxConfirmed  = 1000
)

// Annotate fills the Service of every open observation of an outside TCP look,
// complete or not. Where more than 200 ports are open, 200 are asked (those
// where a protocol is usual first, then by rising number), on 1,000 more a
// connection is made and nothing sent, and the rest is left as it is. A Service
// stays nil where no connection could be completed, where ctx ended before, and
// beyond those bounds.
func Annotate(ctx context.Context, look *portvigil.Look, o Options) {
	if look.View != portvigil.Outside || look.Proto != portvigil.TCP {
		return
	}
	o = o.filled()
	o.Explain = oneAtATime(o.Explain)
	if o.Look == nil {
		o.Look = look
	}
	jobs := plan(look)
	services := make([]*portvigil.Service, len(jobs))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(o.Parallel, len(jobs)) {
		workers.Go(func() {
			for i := range next {
				services[i] = o.sight(ctx, look, jobs[i])
			}
		})
	}
feed:
	for i := range jobs {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	workers.Wait()
	// Written when all is quiet: the workers read the look's other ports.
	for i, j := range jobs {
		if services[i] != nil {
			look.Observations[j.at].Service = services[i]
		}
	}
}

// job is one open port to ask, or only to connect to.
type job struct {
	at       int // in the look's observations
	identify bool
}

// plan returns the jobs in the order in which they are done.
func plan(look *portvigil.Look) []job {
	var jobs []job
	for i, seen := range look.Observations {
		if seen.State == portvigil.StateOpen {
			jobs = append(jobs, job{at: i})
		}
	}
	all := protocols()
	known := func(j job) bool {
		port := look.Observations[j.at].Port
		return slices.Contains(tlsPorts, port) || slices.ContainsFunc(all, func(p *protocol) bool {
			return p.usual(port, false) || p.usual(port, true)
		})
	}
	slices.SortStableFunc(jobs, func(a, b job) int {
		switch x, y := known(a), known(b); {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	jobs = jobs[:min(len(jobs), maxIdentified+maxConfirmed)]
	for i := range jobs[:min(len(jobs), maxIdentified)] {
		jobs[i].identify = true
	}
	return jobs
}

// sight does one job; nil where no connection could be completed.
func (o Options) sight(ctx context.Context, look *portvigil.Look, j job) *portvigil.Service {
	if ctx.Err() != nil {
		return nil
	}
	ep := netip.AddrPortFrom(look.Address, look.Observations[j.at].Port)
	if j.identify {
		// A host's name is a DNS name only where it has a domain.
		name := look.Host
		if !strings.Contains(name, ".") {
			name = ""
		}
		s, err := Identify(ctx, ep, name, o)
		if err != nil {
			return nil
		}
		return s
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	conn, err := o.Dial(ctx, "tcp", ep.String())
	if err != nil {
		return nil
	}
	_ = conn.Close() // that it opened is all
	return &portvigil.Service{Connected: true}
}

// oneAtATime makes f safe for several endpoints at once; nil stays nil.
func oneAtATime(f func(Step)) func(Step) {
	if f == nil {
		return nil
	}
	var mu sync.Mutex // held while f runs
	return func(s Step) {
		mu.Lock()
		defer mu.Unlock()
		f(s)
	}
}
