package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// parent starts the processes of the server and starts again what ends. It has
// the rights that they get a part of, so it reads nothing: not the network, not
// the database, not what its children write.
//
//	parent ──control──> core     <── pages, commands
//	   │                 │  │
//	   ├──control──> inside │      (pipes, see serve_pipe.go)
//	   └──control──> scanner
type parent struct {
	app    *app
	log    *slog.Logger
	page   *os.File // the listener of the pages: it outlives the core
	begin  beginning
	rights *rights

	core  *child
	views []*child

	events chan event
	over   chan struct{}  // closed when nobody takes events any more
	work   sync.WaitGroup // what watches children
}

// keep runs the server's processes until ctx ends and all have ended.
func (a *app) keep(ctx context.Context, o serveOptions, page net.Listener) error {
	data, err := filepath.Abs(a.dataFolder())
	if err != nil {
		return fmt.Errorf("find the data folder: %w", err)
	}
	file, err := page.(*net.TCPListener).File()
	if err != nil {
		return fmt.Errorf("keep the listener of the pages: %w", err)
	}
	defer file.Close()
	p := &parent{app: a, log: a.logger(o).With("process", "parent"), page: file, begin: beginning{Data: data, Baseline: a.baselineDefault(), BaselineDir: o.folder().Path, Operator: a.operator()},
		core: &child{name: processCore}, events: make(chan event), over: make(chan struct{})}
	if p.rights, err = rightsFor(data); err != nil {
		return err
	}
	p.begin.Limits = p.rights.limits(o)
	if !o.noLocal {
		p.views = append(p.views, &child{name: processInside})
	}
	p.views = append(p.views, &child{name: processScanner})
	return p.run(ctx)
}

// event is what happened to a child.
type event struct {
	child *child
	what  happening
}

type happening int

const (
	childReady happening = iota // the first beat
	childEnded
	childDue // it may be started again
)

// tell passes an event to run, while that takes any.
func (p *parent) tell(c *child, what happening) {
	select {
	case p.events <- event{c, what}:
	case <-p.over:
	}
}

func (p *parent) run(ctx context.Context) error {
	defer p.work.Wait()
	defer close(p.over)
	memory := p.app.spareMemory()
	if err := p.launch(p.core); err != nil {
		return err
	}
	p.launchViews()
	memory.giveBack() // all that it will ever do it has done once
	for {
		select {
		case <-ctx.Done():
			return p.stop()
		case e := <-p.events:
			switch {
			case e.what == childReady:
				e.child.wasReady = true
			case e.what == childDue:
				p.launchAgain(e.child)
			case e.child == p.core && !p.core.wasReady && p.core.exited() && ctx.Err() == nil:
				p.endViews() // it said why it cannot begin
				return p.core.outcome()
			default:
				p.ended(e.child)
			}
		}
	}
}

// ended plans the next life of a child.
func (p *parent) ended(c *child) {
	wait := c.backOff()
	p.log.Warn("a process of the server has ended; it is started again", "ended", c.name, "how", c.cmd.ProcessState.String(), "in", wait)
	c.cmd = nil
	c.restarts++
	p.work.Go(func() {
		due := time.NewTimer(wait)
		defer due.Stop()
		select {
		case <-due.C:
			p.tell(c, childDue)
		case <-p.over:
		}
	})
}

// launchAgain starts a child, or plans that again. What looks has nobody to
// answer while there is no core, and is started with it.
func (p *parent) launchAgain(c *child) {
	c.due = true
	if c != p.core {
		p.launchViews()
		return
	}
	if err := p.launch(c); err != nil {
		p.later(c, err)
		return
	}
	p.launchViews()
}

func (p *parent) later(c *child, err error) {
	wait := c.backOff()
	p.log.Error("a process of the server cannot be started; it is tried again", "err", err, "in", wait)
	p.work.Go(func() {
		select {
		case <-time.After(wait):
			p.tell(c, childDue)
		case <-p.over:
		}
	})
}

// launchViews starts what looks and is to be started.
func (p *parent) launchViews() {
	for _, c := range p.views {
		if p.core.cmd == nil || c.cmd != nil || !c.due && c.began != (time.Time{}) {
			continue
		}
		if err := p.launch(c); err != nil {
			c.due = false
			p.later(c, err)
		}
	}
}

// coreStopsWithin is how long the core may take to come to an end: what it
// answers has closeWithin, and a delivery on its way as long.
const coreStopsWithin = 12 * time.Second

// viewsStopWithin is how long what looks may take after the core has ended.
const viewsStopWithin = 2 * time.Second

// stop ends the core in order, and the others with it.
func (p *parent) stop() error {
	if p.core.cmd == nil {
		p.endViews()
		return nil
	}
	if err := sendOrder(p.core.control, order{Type: orderStop}, nil); err != nil {
		p.log.Warn("the core was not told to stop", "err", err)
	}
	p.await(p.core, coreStopsWithin)
	p.endViews()
	return p.core.outcome()
}

func (p *parent) endViews() {
	for _, c := range p.views {
		if c.cmd != nil {
			c.control.Close() // its lifeline
		}
	}
	for _, c := range p.views {
		if c.cmd != nil {
			p.await(c, viewsStopWithin)
		}
	}
}

// await returns when the child has ended; in time by itself, else by force.
func (p *parent) await(c *child, within time.Duration) {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		select {
		case <-c.gone:
			return
		case <-p.events: // nothing is started again any more
		case <-late.C:
			p.log.Error("a process of the server did not stop and is killed", "killed", c.name)
			if err := c.cmd.Process.Kill(); err != nil {
				p.log.Error("it cannot be killed", "err", err)
				return
			}
			late.Reset(within)
		}
	}
}

// launch starts a child with its rights, and hands what it needs to it and to
// the core.
func (p *parent) launch(c *child) error {
	ours, theirs, err := socketPair(unix.SOCK_SEQPACKET)
	if err != nil {
		return err
	}
	defer theirs.Close()
	if c.control, err = unixConn(ours); err != nil {
		return err
	}
	payload, forCore := p.page, (*os.File)(nil)
	if c != p.core {
		if payload, forCore, err = socketPair(unix.SOCK_STREAM); err != nil {
			c.control.Close()
			return err
		}
		defer forCore.Close()
		defer payload.Close()
	}
	if err := c.start(p, theirs, payload); err != nil {
		c.control.Close()
		return err
	}
	p.watch(c)
	if c == p.core {
		begin := p.begin
		begin.Restarts = c.restarts
		err = sendOrder(c.control, order{Type: orderBegin, Begin: &begin}, nil)
	} else {
		err = sendOrder(p.core.control, order{Type: orderPipe, Process: c.name, Restarts: c.restarts}, forCore)
	}
	if err != nil {
		// The core has just ended; what looks ends as its pipe closes.
		p.log.Debug("an order was not taken", "err", err)
	}
	return nil
}
