package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
)

func (a *app) hostsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "hosts",
		Short:   "The hosts that are watched",
		Example: "  portvigil hosts add web1 10.99.0.2\n  portvigil hosts look web1",
	}
	c.AddCommand(a.hostsAdd(), a.hostsList(), a.hostsShow(), a.hostsRemove(), a.hostsImport(), a.hostsMaintenance(), a.hostsLook(), a.hostsReport())
	a.reaches(c)
	return c
}

func (a *app) hostsAdd() *cobra.Command {
	var h portvigil.Host
	c := &cobra.Command{
		Use:   "add NAME ADDRESS|DNSNAME…",
		Short: "Watch a host, and start its first look",
		Long: `Watches a host at the given addresses or DNS names, which are in scope from
then on. A DNS name is resolved anew for each look.`,
		Example: "  portvigil hosts add web1 10.99.0.2\n  portvigil hosts add shop shop.example.com --group web --outside 6h",
		Args:    need(2, "NAME ADDRESS|DNSNAME…"),
		RunE: func(c *cobra.Command, args []string) error {
			h.Name, h.Targets = args[0], args[1:]
			var added portvigil.Host
			if err := a.client().post(c.Context(), at("hosts"), h, &added); err != nil {
				return err
			}
			if a.json {
				return a.record(hostRecord{"host", time.Now().UTC(), added})
			}
			fmt.Fprintf(a.stdout, "%s is watched at %s; its first look runs.\n", added.Name, addressList(added))
			fmt.Fprintf(a.stdout, "Next: portvigil%s hosts look %s\n", a.dataFlag(), added.Name)
			return nil
		},
	}
	c.Flags().StringSliceVar(&h.Groups, "group", nil, "group whose baseline holds for the host too (may be repeated)")
	c.Flags().DurationVar(&h.Outside, "outside", portvigil.DefaultOutsideInterval, "how often to look from outside")
	c.Flags().DurationVar(&h.Inside, "inside", portvigil.DefaultInsideInterval, "how often a look from inside is expected")
	return c
}

// hostRecord is a host as a record.
type hostRecord struct {
	Type string    `json:"type"` // "host"
	Time time.Time `json:"time"`
	portvigil.Host
}

func addressList(h portvigil.Host) string {
	text := ""
	for i, address := range h.Addresses {
		if i > 0 {
			text += ", "
		}
		text += address.Address.String()
	}
	if text == "" {
		return "no address"
	}
	return text
}

func (a *app) hostsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the hosts", Example: "  portvigil hosts list --json", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var list []portvigil.HostSummary
			if err := a.client().get(c.Context(), at("overview"), &list); err != nil {
				return err
			}
			if a.json {
				for _, s := range list {
					if err := a.record(hostRecord{"host", time.Now().UTC(), s.Host}); err != nil {
						return err
					}
				}
				return nil
			}
			t := a.table("HOST", "ADDRESSES", "OPEN ALERTS", "OUTSIDE", "INSIDE")
			for _, s := range list {
				t.row(s.Host.Name, addressList(s.Host), fmt.Sprint(s.Open()), lastLook(s.Views, portvigil.Outside), lastLook(s.Views, portvigil.Inside))
			}
			if len(list) == 0 {
				fmt.Fprintf(a.stderr, "No host yet. Add one: portvigil%s hosts add NAME ADDRESS\n", a.dataFlag())
				return nil
			}
			return t.print()
		},
	}
}

// lastLook says when the view last saw the host completely, from outside its TCP: what
// UDP there is may stay silent.
func lastLook(views []portvigil.ViewStatus, view portvigil.View) string {
	var last time.Time
	has := false
	for _, v := range views {
		if v.View == view && v.Proto != portvigil.UDP {
			has = true
			if v.Complete.After(last) {
				last = v.Complete
			}
		}
	}
	switch {
	case !has:
		return "-"
	case last.IsZero():
		return "not complete yet"
	}
	return last.UTC().Format(time.RFC3339)
}

func (a *app) hostsRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Stop watching a host", Example: "  portvigil hosts remove web1", Args: need(1, "NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.client().delete(c.Context(), at("hosts", args[0]), nil); err != nil {
				return err
			}
			return a.say("%s is not watched any more; its open alerts are resolved as cleared.", args[0])
		},
	}
}

// say prints what was done, for people only: a program has the exit code.
func (a *app) say(format string, args ...any) error {
	if a.json {
		return nil
	}
	_, err := fmt.Fprintf(a.stdout, format+"\n", args...)
	return err
}

func (a *app) hostsReport() *cobra.Command {
	return &cobra.Command{
		Use:   "report NAME FILE|-",
		Short: "Take a host's look from inside",
		Long: `Takes what "portvigil check --json" printed on the host as its look from inside.
The same report counts once.`,
		Example: "  ssh web1 portvigil check --json | portvigil hosts report web1 -",
		Args:    need(2, "NAME FILE|-"),
		RunE: func(c *cobra.Command, args []string) error {
			in, err := a.open(args[1])
			if err != nil {
				return err
			}
			defer in.Close()
			var rec portvigil.LookRecord
			if err := a.client().do(c.Context(), "POST", at("hosts", args[0], "report"), in, &rec); err != nil {
				return err
			}
			if a.json {
				return a.record(rec)
			}
			return a.say("%s reported %d listeners (%s).", args[0], rec.Open, completeness(rec.Complete))
		},
	}
}

// open opens a file, or standard input for "-".
func (a *app) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(a.stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, unwrapPath(err))
	}
	return f, nil
}

func completeness(complete bool) string {
	if complete {
		return "complete"
	}
	return "incomplete"
}

func (a *app) hostsLook() *cobra.Command {
	var outside, inside bool
	var ports string
	c := &cobra.Command{
		Use:   "look NAME",
		Short: "Look at a host now, and wait for what it shows",
		Long: `Looks at a host now and prints what was seen. Where the host's first look, or
one at the same ports, is about to run, it joins that one.

Exit codes: 0 complete and no alert of the host is open, 1 an alert of the host
is open, 2 the look failed or is incomplete.`,
		Example: "  portvigil hosts look web1\n  portvigil hosts look web1 --outside -p 22,9100,U:53",
		Args:    need(1, "NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			wish := portvigil.LookWish{Ports: ports}
			switch {
			case outside && inside:
				return portvigil.Errorf(portvigil.CodeInvalid, "--outside and --inside exclude each other").WithHint("leave both out for both views")
			case outside:
				wish.View = portvigil.Outside
			case inside:
				wish.View = portvigil.Inside
			}
			if ports != "" && inside {
				return portvigil.Errorf(portvigil.CodeInvalid, "a look from inside sees every port").WithHint("leave out -p")
			}
			return a.look(c.Context(), args[0], wish)
		},
	}
	c.Flags().BoolVar(&outside, "outside", false, "look from outside only")
	c.Flags().BoolVar(&inside, "inside", false, "look from inside only")
	c.Flags().StringVarP(&ports, "ports", "p", "", "ports of this look: 22,80,8000-8100, U:53,161 (UDP), top:100 or all (default: the host's regular ones)")
	return c
}

// look asks for a look and shows its progress and records.
func (a *app) look(ctx context.Context, host string, wish portvigil.LookWish) error {
	bar := a.progress()
	view := &lookView{app: a}
	var done *portvigil.LookOutcome
	err := a.client().stream(ctx, at("hosts", host, "look"), wish, func(e portvigil.LookEvent) error {
		switch {
		case e.Progress != nil:
			bar.show(*e.Progress)
		case e.Done != nil:
			done = e.Done
		default:
			bar.clear()
			return view.event(e)
		}
		return nil
	})
	bar.clear()
	if err != nil {
		return err
	}
	switch {
	case done.Error != "":
		return failed(portvigil.Errorf(portvigil.CodeUnavailable, "%s", done.Error))
	case !done.Complete:
		return failed(portvigil.Errorf(portvigil.CodeUnavailable, "the look at %s is not complete: nothing is called closed because of it", host).
			WithHint("see its notes, mend the way to the host and look again"))
	case done.OpenAlerts > 0:
		if !a.json {
			fmt.Fprintf(a.stdout, "%s; see: portvigil%s alerts list --open\n", plural(done.OpenAlerts, "open alert"), a.dataFlag())
		}
		return differs()
	}
	return nil
}
