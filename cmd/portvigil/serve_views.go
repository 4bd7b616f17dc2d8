package main

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/scan"
	"github.com/portvigil/portvigil/watch"
)

// How long the processes that look may take. They are bounds for what should
// not happen, not plans: a silent host takes a minute and a half at the default
// pace, and one that limits what it answers some minutes. A look must be over
// before watch takes it for lost, after an hour.
const (
	outsideWithin = 50 * time.Minute
	insideWithin  = 5 * time.Minute
	resolveWithin = time.Minute
	// returnWithin is how long a look waits for the process that makes it: it is
	// started anew within half a minute.
	returnWithin = 45 * time.Second
	// lookTries is how often a look is begun that its process did not survive. A
	// third death is hardly chance.
	lookTries = 3
)

// view is the process that makes one kind of look, over all of its lives.
type view struct {
	name string
	log  *slog.Logger

	mu      sync.Mutex
	now     *asker        // nil: it does not run; guarded by mu
	changed chan struct{} // closed when now changes; guarded by mu
	started int           // how often it was started again; guarded by mu
}

func newView(name string, log *slog.Logger) *view {
	return &view{name: name, log: log.With("process", name), changed: make(chan struct{})}
}

// serve takes the pipe to the process in a new life, after so many restarts, and
// returns when that ends.
func (v *view) serve(ctx context.Context, p *pipe, restarts int) {
	stop := context.AfterFunc(ctx, func() { p.close() })
	defer stop()
	a := newAsker(p)
	v.set(a, restarts)
	err := a.run()
	if ctx.Err() == nil {
		v.log.Warn("a process that looks has ended; the looks that it was making are begun again", "err", err)
	}
	v.set(nil, restarts)
}

func (v *view) set(a *asker, restarts int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now, v.started = a, restarts
	close(v.changed)
	v.changed = make(chan struct{})
}

// restarts is how often the process had to be started again.
func (v *view) restarts() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.started
}

// running waits until the process runs.
func (v *view) running(ctx context.Context) (*asker, error) {
	late := time.NewTimer(returnWithin)
	defer late.Stop()
	for {
		v.mu.Lock()
		a, changed := v.now, v.changed
		v.mu.Unlock()
		if a != nil && !a.over() {
			return a, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-late.C:
			return nil, portvigil.Errorf(portvigil.CodeUnavailable, "the process %s does not run", v.name).WithHint("the server's log says why")
		}
	}
}

// ask has a request answered. Where the process went away before it was, the
// request is made again: what it found so far went with it.
func (v *view) ask(ctx context.Context, within time.Duration, m message, progress func(portvigil.LookProgress)) (answered, error) {
	for try := 1; ; try++ {
		a, err := v.running(ctx)
		if err != nil {
			return answered{}, err
		}
		result, err := a.ask(ctx, within, m, progress)
		var gone *goneError
		switch {
		case !errors.As(err, &gone):
			if result.look != nil && try > 1 {
				result.look.Notes = append(result.look.Notes, "begun-again: the process that made this look had ended in the middle")
			}
			return result, err
		case try == lookTries:
			return answered{}, portvigil.Errorf(portvigil.CodeUnavailable, "the process %s ended %d times while it looked", v.name, try).
				WithHint("the server's log says how")
		}
	}
}

// look has a look made, and makes sure that it is the one that was asked for.
func (v *view) look(ctx context.Context, within time.Duration, t wantedLook, progress func(portvigil.LookProgress)) (*portvigil.Look, error) {
	result, err := v.ask(ctx, within, message{Type: lookWanted, Look: &t}, progress)
	if err != nil {
		return nil, err
	}
	l := result.look
	if l == nil || l.View != t.View || l.Run != t.Run || l.Host != t.Host || l.Address != t.Address.Unmap() || l.Proto != t.Proto {
		return nil, portvigil.Errorf(portvigil.CodeInternal, "the process %s answered with another look than was asked for", v.name)
	}
	return l, nil
}

// outsideView is this server's own place to look from.
type outsideView struct {
	*view
	vantage string
	reach   portvigil.Reach // "": internal where the address it looks from is private
}

// Look has one address scanned, and what is behind each open port asked.
func (v outsideView) Look(ctx context.Context, t watch.OutsideTarget, progress func(portvigil.LookProgress)) (*portvigil.Look, error) {
	return v.look(ctx, outsideWithin, wantedLook{View: portvigil.Outside, Host: t.Host.Name, Run: t.Run, Address: t.Address, Proto: t.Proto, Ports: t.Ports,
		First: t.First, References: t.References, Vantage: v.vantage, Reach: v.reach}, progress)
}

// Resolve returns the addresses that a target leads to.
func (v outsideView) Resolve(ctx context.Context, target string) ([]netip.Addr, error) {
	result, err := v.ask(ctx, resolveWithin, message{Type: resolveWanted, Target: target}, nil)
	return result.addresses, err
}

// ParsePorts reads what scan takes as ports.
func (v outsideView) ParsePorts(spec string) (portvigil.PortSpec, error) {
	return scan.ParsePorts(spec)
}

// insideView is the inside view of the machine that the server runs on.
type insideView struct{ *view }

// Look lists this machine's listeners.
func (v insideView) Look(ctx context.Context, h portvigil.Host, run string) (*portvigil.Look, error) {
	return v.look(ctx, insideWithin, wantedLook{View: portvigil.Inside, Host: h.Name, Run: run}, nil)
}

func userAgent() string {
	return "PortVigil/" + version + " (port scan by this network's operator)"
}
