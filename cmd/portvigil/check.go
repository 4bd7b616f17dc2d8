package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/inside"
)

// checkFlags are the flags of check.
type checkFlags struct {
	baseline, host         string
	init, quiet, nagios    bool
	mailTo                 []string
	mailFrom, smtp         string
	passwordFile, sendmail string
}

func (a *app) checkCommand() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check",
		Short: "Look at this machine from inside, once, and compare with its baseline",
		Long: `Lists what listens on this machine, and compares it with the baseline. With
--mail-to a difference is mailed once, and then daily while it lasts: one line of
cron is all it takes.

Exit codes: 0 as expected, 1 differs, 2 failed or could not tell. With --nagios:
0 OK, 1 WARNING (low, medium), 2 CRITICAL (high, critical), 3 UNKNOWN.`,
		Example: `  portvigil check --init               # write what listens now as the baseline
  portvigil check
  */5 * * * * root /usr/local/bin/portvigil check --mail-to ops@example.com   # a line for /etc/cron.d`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.nagios {
				return a.checkNagios(c.Context(), f)
			}
			if f.init {
				return a.checkInit(c.Context(), f)
			}
			return a.check(c.Context(), f)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.baseline, "baseline", "", "baseline file (default "+a.baselineDefault()+")")
	flags.StringVar(&f.host, "host", "", "whose document of the baseline holds here (default: the host name)")
	flags.BoolVar(&f.init, "init", false, "write the baseline from what listens now; never over an existing one")
	flags.BoolVar(&f.quiet, "quiet", false, "say nothing when all is as expected")
	flags.BoolVar(&f.nagios, "nagios", false, "print one line and exit as a Nagios plugin does")
	flags.StringSliceVar(&f.mailTo, "mail-to", nil, "mail differences to this address (may be repeated)")
	flags.StringVar(&f.mailFrom, "mail-from", "", "sender of the mail (default portvigil@HOST)")
	flags.StringVar(&f.smtp, "smtp", "", "mail server, smtp://[USER@]HOST:PORT or smtps://… (default: the local sendmail)")
	flags.StringVar(&f.passwordFile, "password-file", "", "file that holds the mail server's password")
	flags.StringVar(&f.sendmail, "sendmail", "", "path of the local sendmail")
	return c
}

// complete fills in what was not given.
func (f *checkFlags) complete(a *app) {
	if f.baseline == "" {
		f.baseline = a.baselineDefault()
	}
	if f.host == "" {
		f.host = localName()
	}
}

func (a *app) checkInit(ctx context.Context, f checkFlags) error {
	f.complete(a)
	l, err := inside.Take(ctx, inside.Options{Host: f.host})
	if err != nil {
		return err
	}
	ephemeral, err := inside.Ephemeral("")
	if err != nil {
		fmt.Fprintf(a.stderr, "portvigil: %s\n", oneLine(err.Error()))
	}
	entries := portvigil.EntriesFromListeners(l.Listeners, ephemeral, "", "")
	text := portvigil.FormatBaseline([]portvigil.Document{{Host: f.host, Entries: entries}})
	if err := createFile(f.baseline, text, 0o644); err != nil {
		return err
	}
	return a.say("%s has %s for %s. Write into each why it is there; then run: portvigil check%s", f.baseline,
		plural(len(entries), "entry"), f.host, baselineFlag(a, f))
}

func baselineFlag(a *app, f checkFlags) string {
	if f.baseline == a.baselineDefault() {
		return ""
	}
	return " --baseline " + f.baseline
}

// checked is what one check found.
type checked struct {
	flags     checkFlags
	look      *portvigil.Look
	baseline  portvigil.Baseline
	exposures []portvigil.Exposure
	state     *checkState
}

// findings returns what differs.
func (c *checked) findings() []portvigil.Exposure {
	var list []portvigil.Exposure
	for _, e := range c.exposures {
		if e.Tells() {
			list = append(list, e)
		}
	}
	return list
}

// takeCheck looks, joins and remembers.
func (a *app) takeCheck(ctx context.Context, f checkFlags) (*checked, error) {
	f.complete(a)
	docs, err := readBaseline(f.baseline)
	if err != nil {
		return nil, err
	}
	baseline, found := portvigil.BaselineFor(docs, f.host)
	if !found {
		return nil, noDocument(docs, f)
	}
	l, err := inside.Take(ctx, inside.Options{Host: f.host})
	if err != nil {
		return nil, err
	}
	l.Received = l.Ended
	c := &checked{flags: f, look: l, baseline: baseline, state: a.checkState(f)}
	c.state.see(l)
	ephemeral, err := inside.Ephemeral("")
	if err != nil {
		fmt.Fprintf(a.stderr, "portvigil: %s\n", oneLine(err.Error()))
	}
	c.exposures = portvigil.Join(portvigil.Situation{Now: l.Ended, Baseline: baseline, Trails: []portvigil.Trail{*c.state.Trail}, Ephemeral: ephemeral, AtOnce: true,
		Host: portvigil.Host{Name: f.host, Outside: portvigil.DefaultOutsideInterval, Inside: portvigil.DefaultInsideInterval}})
	return c, nil
}

func noDocument(docs []portvigil.Document, f checkFlags) error {
	var names []string
	for _, d := range docs {
		if d.Host != "" {
			names = append(names, d.Host)
		}
	}
	e := portvigil.Errorf(portvigil.CodeNotFound, "%s has no document for host %s", f.baseline, portvigil.Printable(f.host))
	if len(names) == 0 {
		return e.WithHint("write one: host: %s", f.host)
	}
	return e.WithHint("there are %s: choose with --host", strings.Join(names, ", "))
}

// check prints what differs, or mails it.
func (a *app) check(ctx context.Context, f checkFlags) error {
	c, err := a.takeCheck(ctx, f)
	if err != nil {
		return err
	}
	mails := len(f.mailTo) > 0
	if !mails || a.json || a.terminal(a.stdout) {
		if err := a.printCheck(c); err != nil {
			return err
		}
	}
	failure := a.mailCheck(ctx, c)
	if err := c.state.save(); failure == nil {
		failure = err
	}
	switch {
	case failure != nil:
		return failed(failure)
	case !c.look.Complete:
		return failed(portvigil.Errorf(portvigil.CodeUnavailable, "the look from inside is not complete: %s", strings.Join(c.look.Notes, "; ")))
	case len(c.findings()) > 0:
		return differs()
	}
	return nil
}
