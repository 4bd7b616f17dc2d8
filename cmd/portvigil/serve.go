package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	listen      string
	database    string
	keyFile     string
	keep        string
	noLocal     bool
	reach       string
	vantage     string
	baselineDir string
	behindProxy bool
	tlsCert     string
	tlsKey      string
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
	f.StringVar(&o.keyFile, "key-file", "", keyFileHelp)
	f.StringVar(&o.keep, "keep", defaultKeep, keepHelp)
	f.StringVar(&o.listen, "listen", "127.0.0.1:7979", "address of the pages")
	f.BoolVar(&o.behindProxy, "behind-proxy", false, "a proxy in front speaks TLS: --listen may be another address than loopback")
	f.StringVar(&o.tlsCert, "tls-cert", "", "file of the certificate (PEM) with which the pages speak TLS; followed when it changes")
	f.StringVar(&o.tlsKey, "tls-key", "", "file of the certificate's key (PEM)")
	f.BoolVar(&o.noLocal, "no-local", false, "do not look at this machine from inside")
	f.StringVar(&o.reach, "reach", "", "where this server looks from: internet or internal (default: internal if its address is private)")
	f.StringVar(&o.vantage, "vantage", "local", "name of this server's own vantage")
	f.StringVar(&o.baselineDir, "baseline-dir", "", "a folder of baseline files to follow, such as a git clone: nothing is edited on the server")
	f.BoolVar(&o.link, "link", false, "print another one-time link to the server that runs, and exit")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log every step")
	return c
}

// check refuses flags that contradict each other.
func (o *serveOptions) check() error {
	switch portvigil.Reach(o.reach) {
	case "", portvigil.ReachInternet, portvigil.ReachInternal:
	default:
		return portvigil.Errorf(portvigil.CodeInvalid, "--reach %s is neither internet nor internal", portvigil.Quoted(o.reach))
	}
	if err := checkDatabase(o.database); err != nil {
		return err
	}
	if _, err := parseKeep(o.keep); err != nil {
		return err
	}
	if err := checkWhole(o.keyFile); err != nil {
		return err
	}
	if err := checkBaselineDir(o.baselineDir); err != nil {
		return err
	}
	if err := o.checkTLS(); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(o.listen)
	if err != nil {
		return portvigil.Errorf(portvigil.CodeInvalid, "--listen %s is no address and port", portvigil.Quoted(o.listen)).
			WithHint("write it as 127.0.0.1:7979")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return portvigil.Errorf(portvigil.CodeInvalid, "--listen: port %q is not a number up to 65535 (0: any free one); %d", port, n)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return o.openToAll()
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

// logger writes to stderr, every step where that is asked for.
func (a *app) logger(o serveOptions) *slog.Logger {
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
}

// The processes of the server.
const (
	processCore    = "core"    // database, scheduler, pages
	processInside  = "inside"  // looks at this machine from inside
	processScanner = "scanner" // looks at hosts from outside
)

// serve runs until ctx ends and everything is quiet.
func (a *app) serve(ctx context.Context, o serveOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	if a.process == processCore {
		return a.runCore(ctx, o)
	}
	page, err := listenPage(o.listen)
	if err != nil {
		return err
	}
	defer page.Close()
	return a.keep(ctx, o, page)
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
