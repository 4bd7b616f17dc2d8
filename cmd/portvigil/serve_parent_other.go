//go:build !linux

package main

import (
	"context"
	"net"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

// keep runs the whole server in this one process: the rights that its parts
// have on Linux are Linux's. They speak to each other all the same.
func (a *app) keep(ctx context.Context, o serveOptions, page net.Listener) error {
	log := a.logger(o)
	l := &lookers{outside: newView(processScanner, log), inside: newView(processInside, log)}
	g, ctx := errgroup.WithContext(ctx)
	for v, do := range map[*view]looking{l.outside: lookOutside, l.inside: lookInside} {
		ours, theirs := net.Pipe()
		g.Go(func() error { v.serve(ctx, newPipe(ours), 0); return nil })
		g.Go(func() error { return answer(ctx, newPipe(theirs), do) })
	}
	g.Go(func() error { return a.core(ctx, o, log, page, l, func(context.Context) {}) })
	return g.Wait()
}

// runCore is for systems where the server has several processes.
func (a *app) runCore(context.Context, serveOptions) error { panic("this server is one process") }

// processCommand: see keep.
func (a *app) processCommand() *cobra.Command { return &cobra.Command{Use: "process", Hidden: true} }
