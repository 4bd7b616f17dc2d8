package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/user"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/portvigil/portvigil"
)

// app is what every command shares: where it reads and writes, and the flags
// that they all have.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string

	data string // --data
	json bool   // --json

	server    string // --server, "" for the one on this machine
	tokenFile string // --token-file
	caFile    string // --ca-file

	args    []string   // the command line, for the processes of serve
	process string     // which process of serve this is; "" for the one that was called
	begun   *beginning // what the parent said to this process of serve; nil for others
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, a *app, args []string) int {
	a.args = args
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	return a.exit(root.ExecuteContext(ctx))
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "portvigil",
		Short: "Notices every door that opens on your servers",
		Long: `PortVigil keeps a documented baseline of the ports that should be open, looks
from inside and from outside, says what is behind each open port, and raises an
alert that stays until it is resolved.

Exit codes: 0 as expected, 1 differs, 2 failed or could not tell.`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.PersistentFlags().StringVar(&a.data, "data", "", "folder that holds all state (default "+a.dataDefault()+")")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON Lines on stdout")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return portvigil.Errorf(portvigil.CodeInvalid, "%v", err).WithHint("see: %s --help", c.CommandPath())
	})
	root.AddCommand(
		a.serveCommand(), a.scanCommand(), a.checkCommand(), a.baselineCommand(), a.hostsCommand(),
		a.scopeCommand(), a.alertsCommand(), a.channelsCommand(), a.usersCommand(), a.tokensCommand(),
		a.backupCommand(), a.restoreCommand(), a.doctorCommand(), a.versionCommand(), a.completionCommand(), a.processCommand(),
	)
	requireSubcommand(root)
	return root
}

// requireSubcommand makes a wrong or missing subcommand an error that names
// those there are; cobra would print help and call it success.
func requireSubcommand(c *cobra.Command) {
	for _, sub := range c.Commands() {
		requireSubcommand(sub)
	}
	if !c.HasSubCommands() || c.Runnable() {
		return
	}
	c.Args, c.SuggestionsMinimumDistance = cobra.ArbitraryArgs, 2
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		e := portvigil.Errorf(portvigil.CodeInvalid, "%s has no command %s", c.CommandPath(), portvigil.Quoted(args[0]))
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			return e.WithHint("did you mean: %s %s", c.CommandPath(), near[0])
		}
		return e.WithHint("see: %s --help", c.CommandPath())
	}
}

// dataFolder returns --data, or the folder of whoever runs the command.
func (a *app) dataFolder() string {
	if a.begun != nil {
		return a.begun.Data // this process may have another user than who started it
	}
	if a.data != "" {
		return a.data
	}
	return a.dataDefault()
}

func (a *app) dataDefault() string {
	if os.Geteuid() == 0 {
		return "/var/lib/portvigil"
	}
	return filepath.Join(a.xdg("XDG_DATA_HOME", ".local/share"), "portvigil")
}

// baselineDefault is where check keeps its baseline.
func (a *app) baselineDefault() string {
	if a.begun != nil {
		return a.begun.Baseline
	}
	if os.Geteuid() == 0 {
		return "/etc/portvigil/baseline.yaml"
	}
	return filepath.Join(a.xdg("XDG_CONFIG_HOME", ".config"), "portvigil", "baseline.yaml")
}

// xdg returns the folder that the variable names, or the one below home that
// the XDG base directory specification falls back to.
func (a *app) xdg(variable, fallback string) string {
	if dir := a.getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	home := a.getenv("HOME")
	if home == "" {
		home = "/"
		if u, err := user.Current(); err == nil {
			home = u.HomeDir
		}
	}
	return filepath.Join(home, fallback)
}

// terminal reports whether w is a terminal that may be written to freely:
// progress and colour only go there.
func (a *app) terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && a.getenv("TERM") != "dumb"
}

// colour reports whether w may be coloured (https://no-color.org).
func (a *app) colour(w io.Writer) bool { return a.terminal(w) && a.getenv("NO_COLOR") == "" }

// record writes one record as a line of JSON.
func (a *app) record(value any) error { return json.NewEncoder(a.stdout).Encode(value) }
