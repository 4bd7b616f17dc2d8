package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/notify"
	"github.com/portvigil/portvigil/store"
	"github.com/portvigil/portvigil/watch"
	"github.com/portvigil/portvigil/web"
	"github.com/portvigil/portvigil/web/account"
)

// beginning is what the core could find out no more, having another user, or
// what it should not decide.
type beginning struct {
	Data     string `json:"data"`     // the data folder's absolute path
	Baseline string `json:"baseline"` // where check has its baseline
	// BaselineDir is the absolute path of the folder that the baseline follows.
	BaselineDir string `json:"baseline_dir,omitempty"`
	// Operator is who started the server; "" for no person.
	Operator string `json:"operator,omitempty"`
	// Limits says what the processes cannot see or do, a sentence each.
	Limits []string `json:"limits,omitempty"`
	// Restarts is how often the core had to be started again.
	Restarts int `json:"restarts"`
}

// lookers are the processes that look, as the core sees them.
type lookers struct {
	outside, inside *view
	coreRestarts    int // how often the core was started again, for /metrics
	// limits says what the processes cannot see or do, a sentence each.
	limits []string
}

// of returns the view whose process has the name.
func (l *lookers) of(process string) *view {
	if process == processInside {
		return l.inside
	}
	return l.outside
}

// core is the server without what looks: database, scheduler, pages. It calls
// ready in a goroutine of its own once it can be asked, and runs until ctx ends
// and everything is quiet.
func (a *app) core(ctx context.Context, o serveOptions, log *slog.Logger, page net.Listener, l *lookers, ready func(context.Context)) error {
	if err := o.checkKeyFile(log); err != nil {
		return err
	}
	ground, err := a.openGround(ctx, o, log)
	if err != nil {
		return err
	}
	defer ground.Close()
	socket, err := listenSocket(filepath.Join(a.dataFolder(), socketName))
	if err != nil {
		return err
	}
	defer socket.Close()

	own, err := openCertificate(o, log)
	if err != nil {
		return err
	}
	keep, err := parseKeep(o.keep)
	if err != nil {
		return err
	}
	base := baseURL(page.Addr(), own)
	engine := a.engine(ground, o, l, base, log)
	if !o.noLocal {
		if err := engine.EnsureLocal(ctx, localName()); err != nil {
			return fmt.Errorf("add this machine: %w", err)
		}
	}
	accounts := account.NewKeeper(registry{ground.Store}, account.Options{Logger: log})
	engine.ReadFolder(ctx)
	doorkeeper := web.NewDoorkeeper(base, accounts, time.Now)
	doorkeeper.BehindProxy = o.behindProxy
	metricsToken, err := a.metricsToken()
	if err != nil {
		return err
	}
	a.greet(ctx, engine, doorkeeper, o)

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { ready(ctx); return nil })
	g.Go(func() error { return engine.Run(ctx) })
	g.Go(func() error { return ground.Retain(ctx, keep) })
	g.Go(func() error {
		return ground.Work(ctx, store.Workers{Deliver: engine.Deliver, Look: engine.MakeLook})
	})
	api := web.API(engine, accounts, doorkeeper.NewLink, log)
	pages := web.Pages(engine, doorkeeper, web.Surroundings{MetricsToken: metricsToken, Operator: a.operator(), Measure: measure(ground, engine, l, own),
		About: a.about(ground, l, o, time.Now()), MakeChannel: chosenChannel}, log)
	if own != nil {
		page = own.listener(page)
		g.Go(func() error { return own.watch(ctx) })
	}
	g.Go(func() error { return serveHTTP(ctx, socket, named(withBackup(api, ground.Store, log))) })
	g.Go(func() error {
		return serveHTTP(ctx, page, web.Site(pages, web.Remote(api, accounts, doorkeeper, log)))
	})
	err = g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (a *app) openGround(ctx context.Context, o serveOptions, log *slog.Logger) (ground, error) {
	s, err := store.Open(ctx, a.dataFolder(), store.Options{Database: o.database, KeyFile: o.keyFile, Logger: log})
	return ground{s}, err
}

func (a *app) engine(g ground, o serveOptions, l *lookers, base string, log *slog.Logger) *watch.Engine {
	options := watch.Options{Logger: log, LinkBase: base, Vantage: o.vantage, Folder: o.folder()}
	if !o.noLocal {
		options.Inside = insideView{l.inside}
	}
	return watch.New(g, outsideView{l.outside, o.vantage, portvigil.Reach(o.reach)},
		post{notify.Options{LinkBase: base, Version: version}}, options)
}

// localName is what this machine is called as a host.
func localName() string {
	name, err := os.Hostname()
	if err != nil || portvigil.CheckHostName(name) != nil {
		return "localhost"
	}
	return name
}

// greet prints the link, and what a machine without a browser needs.
func (a *app) greet(ctx context.Context, e *watch.Engine, d *web.Doorkeeper, o serveOptions) {
	link := d.NewLink()
	fmt.Fprintf(a.stdout, "PortVigil %s watches. Its page (this link works once):\n\n  %s\n\n", version, link)
	_, port, _ := net.SplitHostPort(d.Address())
	fmt.Fprintf(a.stdout, "No browser here? On your own machine: ssh -L %s:%s %s, then open the link there.\n", port, d.Address(), localName())
	fmt.Fprintf(a.stdout, "Next: portvigil%s hosts add NAME ADDRESS, portvigil%s channels add --help\n", a.dataFlag(), a.dataFlag())
	a.offerImport(ctx, e)
}

// dataFlag is what a command needs to find this server.
func (a *app) dataFlag() string {
	switch {
	case a.server != "":
		return " --server " + a.server
	case a.data != "":
		return " --data " + a.data
	}
	return ""
}

// offerImport says, while the server knows no baseline, that check's is there.
func (a *app) offerImport(ctx context.Context, e *watch.Engine) {
	path := a.baselineDefault()
	if _, err := os.Stat(path); err != nil {
		return
	}
	if list, err := e.Baselines(ctx); err == nil && len(list) == 0 {
		fmt.Fprintf(a.stdout, "There is a baseline in %s; to begin with it: portvigil%s baseline import %s\n", path, a.dataFlag(), path)
	}
}

// named gives each request of the socket the name of who sent it.
func named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "unknown"
		if uid, ok := r.Context().Value(peerKey{}).(int); ok {
			name = userName(uid)
		}
		next.ServeHTTP(w, r.WithContext(web.WithBy(r.Context(), name)))
	})
}

// userName returns the login name of a user, or its number.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(uid)
}
