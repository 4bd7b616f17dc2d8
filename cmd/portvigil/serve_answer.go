package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"runtime/debug"
	"sync"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/detect"
	"github.com/portvigil/portvigil/inside"
	"github.com/portvigil/portvigil/scan"
)

// maxAtOnce is how many requests are answered side by side. The core asks for
// fewer; one that asks for more is not the core.
const maxAtOnce = 48

// looking does what one message asks for and writes the answer, or returns why
// there is none.
type looking func(ctx context.Context, a *answerer, m message) error

// answerer is the side of a pipe that looks.
type answerer struct {
	pipe *pipe
	do   looking

	mu      sync.Mutex
	running map[uint64]context.CancelFunc // by request; guarded by mu
}

// answer does what is asked over the pipe until its other side goes away. It
// returns nil then, and an error where what came was no message.
func answer(ctx context.Context, p *pipe, do looking) error {
	a := &answerer{pipe: p, do: do, running: map[uint64]context.CancelFunc{}}
	ctx, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	for {
		m, err := p.read()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m.Type == cancelWanted:
			a.cancel(m.Request)
			continue
		}
		ctx, free := a.begin(ctx, m.Request)
		if !free {
			return portvigil.Errorf(portvigil.CodeTooMany, "request %d runs already, or %d others do", m.Request, maxAtOnce)
		}
		work.Go(func() { a.run(ctx, m) })
	}
}

// begin notes a request; false where it has been noted, or there are too many.
func (a *answerer) begin(ctx context.Context, request uint64) (context.Context, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running[request] != nil || len(a.running) >= maxAtOnce {
		return nil, false
	}
	ctx, a.running[request] = context.WithCancel(ctx)
	return ctx, true
}

// cancel stops a request. One that has ended meanwhile is none any more.
func (a *answerer) cancel(request uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if stop := a.running[request]; stop != nil {
		stop()
	}
}

// run answers one request. What cannot be written has nobody who reads it.
func (a *answerer) run(ctx context.Context, m message) {
	err := a.do(ctx, a, m)
	a.mu.Lock()
	a.running[m.Request]()
	delete(a.running, m.Request)
	a.mu.Unlock()
	if err != nil {
		_ = a.pipe.write(message{Type: sayFailed, Request: m.Request, Failure: failureOf(err)})
	}
}

// tell sends a look as its records, its own at the end.
func (a *answerer) tell(request uint64, l *portvigil.Look) error {
	send := func(record any) error {
		text, err := json.Marshal(record)
		if err != nil {
			return err
		}
		return a.pipe.write(message{Type: sayRecord, Request: request, Record: text})
	}
	for _, r := range l.Listeners {
		if err := send(portvigil.ListenerRecord{Type: "listener", Time: l.Ended, Listener: r}); err != nil {
			return err
		}
	}
	for _, r := range portvigil.PortRecords(l) {
		if err := send(r); err != nil {
			return err
		}
	}
	return send(portvigil.RecordOfLook(l))
}

// lookInside is what the process of the inside view does.
func lookInside(ctx context.Context, a *answerer, m message) error {
	if m.Type != lookWanted || m.Look.View != portvigil.Inside {
		return portvigil.Errorf(portvigil.CodeInvalid, "the inside view was asked for %s", m.Type)
	}
	l, err := inside.Take(ctx, inside.Options{Host: m.Look.Host, Run: m.Look.Run})
	if err != nil {
		return err
	}
	// It has read what packages the machine has, and does not do so for an hour.
	defer debug.FreeOSMemory()
	return a.tell(m.Request, l)
}

// lookOutside is what the process of the outside view does.
func lookOutside(ctx context.Context, a *answerer, m message) error {
	switch {
	case m.Type == resolveWanted:
		found, err := resolveTarget(ctx, m.Target)
		if err != nil {
			return err
		}
		return a.pipe.write(message{Type: sayAddresses, Request: m.Request, Addresses: found})
	case m.Type != lookWanted || m.Look.View != portvigil.Outside:
		return portvigil.Errorf(portvigil.CodeInvalid, "the outside view was asked for %s", m.Type)
	}
	l, err := scanAddress(ctx, *m.Look, func(p portvigil.LookProgress) {
		_ = a.pipe.write(message{Type: sayProgress, Request: m.Request, Progress: &p})
	})
	if err != nil {
		return err
	}
	return a.tell(m.Request, l)
}

// scanAddress scans one address and asks what is behind each open port.
func scanAddress(ctx context.Context, t wantedLook, progress func(portvigil.LookProgress)) (*portvigil.Look, error) {
	if t.Ports == nil {
		t.Ports = portvigil.AllPorts()
	}
	if t.Reach == "" {
		t.Reach = reachTo(t.Address)
	}
	l, err := scan.Look(ctx, scan.Target{Host: t.Host, Address: t.Address}, scan.Options{
		Proto: t.Proto, Ports: t.Ports, First: t.First, References: t.References, Vantage: t.Vantage, Reach: t.Reach, Run: t.Run, Host: t.Host,
		Progress: func(p scan.Progress) {
			progress(portvigil.LookProgress{Address: t.Address.String(), Share: p.Share, Rate: p.Rate, Open: p.Open})
		},
	})
	if err != nil {
		return nil, err
	}
	detect.Annotate(ctx, l, detect.Options{UserAgent: userAgent()})
	return l, nil
}

// resolveTarget returns the addresses that a target leads to.
func resolveTarget(ctx context.Context, target string) ([]netip.Addr, error) {
	found, err := scan.Resolve(ctx, target)
	if err != nil {
		return nil, err
	}
	list := []netip.Addr{}
	for _, t := range found {
		list = append(list, t.Address)
	}
	return list, nil
}
