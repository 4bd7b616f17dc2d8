package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
)

// beatEvery is how often a child tells the parent that it is alive.
const beatEvery = time.Second

// processCommand is how serve starts its own processes; people have no use for it.
func (a *app) processCommand() *cobra.Command {
	return &cobra.Command{
		Use: "process core|inside|scanner", Hidden: true, DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{""}
			}
			switch args[0] {
			case processCore: // followed by the command line of serve
				a.process = processCore
				again := a.root()
				again.SetArgs(args[1:])
				return again.ExecuteContext(c.Context())
			case processInside:
				return a.runView(c.Context(), lookInside, confineInside)
			case processScanner:
				return a.runView(c.Context(), lookOutside, confineScanner)
			}
			return portvigil.Errorf(portvigil.CodeInvalid, "portvigil serve starts its processes by itself")
		},
	}
}

// runView is the whole life of a process that looks: it answers what the core
// asks until one of its two sockets closes. The signals that end a server go to
// all its processes; this one waits for the core, which may be in the middle
// of a look.
func (a *app) runView(ctx context.Context, do looking, confine func() error) error {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	control, err := inherited(controlFD)
	if err != nil {
		return err
	}
	conn, err := inherited(payloadFD)
	if err != nil {
		return err
	}
	memory := a.spareMemory()
	warnConfined(a.logger(serveOptions{}), confine())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		beat(ctx, control, memory)
		// A look that does not stop at once goes with the process.
		time.AfterFunc(time.Second, func() { os.Exit(exitFailed) })
		stop()
		conn.Close()
	}()
	go func() {
		// No order ever comes: what can be read is the end.
		_, _, _ = readOrder(control)
		control.Close()
	}()
	err = answer(ctx, newPipe(conn), do)
	control.Close()
	<-ended
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// beat tells the parent once a second that this process is alive: that it is
// scheduled, and its runtime too. It returns when the parent has gone, or ctx ends.
// What only the beginning took of its memory it gives back in between.
func beat(ctx context.Context, control net.Conn, m memory) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	begun, settled := time.NewTimer(beginsFor), time.NewTimer(beginsFor+settlesFor)
	defer begun.Stop()
	defer settled.Stop()
	limit := time.NewTicker(limitEvery)
	defer limit.Stop()
	for {
		if _, err := control.Write([]byte{'.'}); err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-begun.C:
			m.giveBack()
		case <-settled.C:
			m.giveBack()
		case <-limit.C:
			m.limit()
		case <-tick.C:
		}
	}
}

// runCore is the whole life of the process that does all but looking: it takes
// what the parent gives it, and ends with it.
func (a *app) runCore(ctx context.Context, o serveOptions) error {
	control, err := inherited(controlFD)
	if err != nil {
		return err
	}
	first, _, err := readOrder(control)
	if err != nil || first.Type != orderBegin || first.Begin == nil {
		return fmt.Errorf("begin: the first order is %q: %w", first.Type, err)
	}
	a.begun = first.Begin
	file := os.NewFile(payloadFD, "page")
	page, err := net.FileListener(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("take over the listener of the pages: %w", err)
	}
	defer page.Close()
	o.baselineDir = first.Begin.BaselineDir
	log := a.logger(o)
	if err := a.checkPasswordFile(); err != nil {
		return err
	}
	memory := a.spareMemory()
	warnConfined(log, a.confineCore(first.Begin.Data, o.readable()...))
	for _, limit := range first.Begin.Limits {
		log.Warn("the server has fewer rights than it has use for", "so", limit)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	h := &lookers{outside: newView(processScanner, log), inside: newView(processInside, log), coreRestarts: first.Begin.Restarts, limits: first.Begin.Limits}
	go obey(ctx, stop, control, h)
	return a.core(ctx, o, log, page, h, func(ctx context.Context) { beat(ctx, control, memory) })
}

// checkPasswordFile refuses a password file that the core's user may not read:
// the database's client passes over it in silence, and is then refused.
func (a *app) checkPasswordFile() error {
	path := a.getenv("PGPASSFILE")
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return portvigil.Errorf(portvigil.CodeInvalid, "PGPASSFILE %s may not be read by the user %s, as whom the server runs", path, userName(os.Geteuid())).
			WithHint("make it that user's: chown %d %s", os.Geteuid(), path)
	}
	if err == nil {
		f.Close()
	}
	return nil // what is not there is no password, and what else is wrong with it the client says
}

// obey does what the parent orders. With the parent the process ends, at once:
// whatever happens in between, the store is as after any other crash.
func obey(ctx context.Context, stop func(), control *net.UnixConn, h *lookers) {
	for {
		o, file, err := readOrder(control)
		if err != nil {
			os.Exit(exitFailed)
		}
		switch {
		case o.Type == orderStop:
			stop()
		case o.Type == orderPipe && file != nil:
			conn, err := unixConn(file)
			if err != nil {
				continue // whoever is at its other end sees that it is closed
			}
			go h.of(o.Process).serve(ctx, newPipe(conn), o.Restarts)
		}
	}
}
