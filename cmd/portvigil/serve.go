package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/notify"
	"github.com/portvigil/portvigil/store"
	"github.com/portvigil/portvigil/watch"
	"github.com/portvigil/portvigil/web"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	listen      string
	database    string
	noLocal     bool
	reach       string
	vantage     string
	behindProxy bool
	link        bool
	verbose     bool
}

func (a *app) serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the server: schedule, views, alerts, pages",
		Long: `Runs the server: it looks at its own machine from inside at start and hourly,
at every added host from outside daily, and whenever somebody asks. It prints a
one-time link to its page. The other commands talk to it through a socket in
its data folder.`,
		Example: `  portvigil serve
  portvigil serve --data /srv/portvigil --listen 127.0.0.1:8080
  PGPASSFILE=/etc/portvigil/pgpass portvigil serve --database postgres://portvigil@db.example/portvigil
  portvigil serve --link        # another one-time link to the server that runs`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.link {
				return a.printLink(c.Context())
			}
			return a.serve(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.database, "database", "", "a PostgreSQL database, as postgres://USER@HOST/DATABASE (default: a file in the data folder)")
	f.StringVar(&o.listen, "listen", "127.0.0.1:7979", "address of the pages")
	f.BoolVar(&o.behindProxy, "behind-proxy", false, "a proxy in front speaks TLS: --listen may be another address than loopback")
	f.BoolVar(&o.noLocal, "no-local", false, "do not look at this machine from inside")
	f.StringVar(&o.reach, "reach", "", "where this server looks from: internet or internal (default: internal if its address is private)")
	f.StringVar(&o.vantage, "vantage", "local", "name of this server's own vantage")
	f.BoolVar(&o.link, "link", false, "print another one-time link to the server that runs, and exit")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log every step")
	return c
}

// check refuses flags that contradict each other.
func (o *serveOptions) check() error {
	switch portvigil.Reach(o.reach) {
	case "", portvigil.ReachInternet, portvigil.ReachInternal:
	default:
		return portvigil.Errorf(portvigil.CodeInvalid, "--reach %q is neither internet nor internal", portvigil.Printable(o.reach))
	}
	if err := checkDatabase(o.database); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(o.listen)
	if err != nil {
		return portvigil.Errorf(portvigil.CodeInvalid, "--listen %q is no address and port", portvigil.Printable(o.listen)).
			WithHint("write it as 127.0.0.1:7979")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return portvigil.Errorf(portvigil.CodeInvalid, "--listen: port %q is not a number up to 65535 (0: any free one); %d", port, n)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) && !o.behindProxy {
		return portvigil.Errorf(portvigil.CodeInvalid, "--listen %s could be read on its way: the pages speak no TLS themselves", o.listen).
			WithHint("listen on 127.0.0.1 and use ssh -L, or put a TLS proxy in front and add --behind-proxy")
	}
	return nil
}

// checkDatabase refuses what is no URL, and a password: every user of the machine
// reads command lines. It never repeats the text, which may hold one.
func checkDatabase(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return portvigil.Errorf(portvigil.CodeInvalid, "--database is no PostgreSQL URL").
			WithHint("write it as postgres://USER@HOST/DATABASE, or postgres:///DATABASE?host=/run/postgresql")
	}
	_, given := u.User.Password()
	if query := u.Query(); given || query.Has("password") || query.Has("sslpassword") {
		return portvigil.Errorf(portvigil.CodeInvalid, "--database holds a password, which every user of this machine can read").
			WithHint("leave it out, and put it into PGPASSWORD, or a file named by PGPASSFILE")
	}
	return nil
}

// serve runs until ctx ends and everything is quiet.
func (a *app) serve(ctx context.Context, o serveOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
	ground, err := a.openGround(ctx, o.database, log)
	if err != nil {
		return err
	}
	defer ground.Close()
	page, err := listenPage(o.listen)
	if err != nil {
		return err
	}
	defer page.Close()
	socket, err := listenSocket(filepath.Join(a.dataFolder(), socketName))
	if err != nil {
		return err
	}
	defer socket.Close()

	base := "http://" + page.Addr().String()
	engine := a.engine(ground, o, base, log)
	if !o.noLocal {
		if err := engine.EnsureLocal(ctx, localName()); err != nil {
			return fmt.Errorf("add this machine: %w", err)
		}
	}
	doorkeeper := web.NewDoorkeeper(base, time.Now)
	doorkeeper.BehindProxy = o.behindProxy
	metricsToken, err := a.metricsToken()
	if err != nil {
		return err
	}
	a.greet(ctx, engine, doorkeeper, o)

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return engine.Run(ctx) })
	g.Go(func() error {
		return ground.Work(ctx, store.Workers{Deliver: engine.Deliver, Look: engine.MakeLook, MaxLooks: maxLooks})
	})
	g.Go(func() error { return serveHTTP(ctx, socket, named(web.API(engine, doorkeeper.NewLink, log))) })
	g.Go(func() error {
		return serveHTTP(ctx, page, web.Pages(engine, doorkeeper, metricsToken, measure(ground, engine), log))
	})
	err = g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// maxLooks is how many hosts are looked at side by side: connect looks are
// bound by the hosts' own ceilings, not by this machine.
const maxLooks = 8

func (a *app) openGround(ctx context.Context, database string, log *slog.Logger) (ground, error) {
	s, err := store.Open(ctx, a.dataFolder(), store.Options{Database: database, Logger: log})
	return ground{s}, err
}

func (a *app) engine(g ground, o serveOptions, base string, log *slog.Logger) *watch.Engine {
	options := watch.Options{Logger: log, LinkBase: base}
	if !o.noLocal {
		options.Inside = machineInside{}
	}
	return watch.New(g, localVantage{name: o.vantage, reach: portvigil.Reach(o.reach)},
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
	if a.data == "" {
		return ""
	}
	return " --data " + a.data
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

func (a *app) printLink(ctx context.Context) error {
	var answer struct {
		Link string `json:"link"`
	}
	if err := a.client().post(ctx, at("link"), struct{}{}, &answer); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.stdout, answer.Link)
	return err
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
