package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/portvigil/portvigil/web"
)

// about says what the pages tell of this server.
func (a *app) about(g ground, l *lookers, o serveOptions, started time.Time) func(context.Context) (web.About, error) {
	fixed := web.About{Version: version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Started: started,
		Database: "SQLite, in the data folder", Limits: slices.Clone(l.limits)}
	if o.database != "" {
		fixed.Database = "PostgreSQL"
	}
	if build, known := debug.ReadBuildInfo(); known {
		for _, s := range build.Settings {
			switch s.Key {
			case "vcs.revision":
				fixed.Revision = s.Value
			case "vcs.time":
				fixed.Built, _ = time.Parse(time.RFC3339, s.Value) // what cannot be read is not known
			}
		}
	}
	if o.noLocal {
		fixed.Limits = append(fixed.Limits, "This machine itself is not watched: the server was started with --no-local.")
	}
	return func(ctx context.Context) (web.About, error) {
		about := fixed
		about.Processes = processesOf(l)
		var err error
		about.DatabaseBytes, err = g.Size(ctx)
		return about, err
	}
}

// processesOf says what each process of serve is for, and what it is kept from
// (serve_rights_linux.go and serve_confine_linux.go).
func processesOf(l *lookers) []web.AboutProcess {
	if runtime.GOOS != "linux" {
		return []web.AboutProcess{{Name: "serve", Does: "does everything: on this system the server is one process", MayNot: "nothing that its user may do is kept from it"}}
	}
	return []web.AboutProcess{
		{Name: processCore, Does: "decides, keeps the database, serves these pages and sends messages", MayNot: "is given no capability: it may not look into other users' processes, and sends no packet of its own making", Restarts: l.coreRestarts},
		{Name: processInside, Does: "asks this machine's kernel who listens", MayNot: "is given no way to the database, and hears from nobody but the core", Restarts: l.inside.restarts()},
		{Name: processScanner, Does: "looks from outside at what is in scope", MayNot: "is given no way to the database, and is not told who listens on this machine", Restarts: l.outside.restarts()},
	}
}
