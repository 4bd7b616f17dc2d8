package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/detect"
	"github.com/portvigil/portvigil/scan"
)

// scanFlags are the flags of scan.
type scanFlags struct {
	ports, method, hostRate string
	rate                    int
	noDetect, explain       bool
	baseline, host, xml     string
	first, checkpoint, mark string
	exclude                 []string
}

func (a *app) scanCommand() *cobra.Command {
	var f scanFlags
	c := &cobra.Command{
		Use:   "scan TARGET…",
		Short: "Look at hosts from outside, once",
		Long: `Looks at addresses, networks or DNS names from outside and says what is open and
what answers there. A target is in scope by being named; link-local, multicast
and cloud metadata addresses never are. Scan only what you may.

Exit codes: 0 complete and, with --baseline, as expected; 1 differs from the
baseline; 2 failed or incomplete (what was found is printed all the same).`,
		Example: `  portvigil scan 10.99.0.2
  portvigil scan db1.example.com -p 22,5432,8000-8100 --json
  portvigil scan ns1.example.com -p 53,U:53,123,161
  portvigil scan 10.99.0.0/28 --baseline baseline.yaml
  portvigil scan 10.99.0.0/16 -p top:100 --json --checkpoint night.scan`,
		Args: need(1, "TARGET…"),
		RunE: func(c *cobra.Command, args []string) error { return a.scan(c.Context(), args, f) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.ports, "ports", "p", "all", "ports: 22,80,8000-8100, U:53,161 (UDP), top:1000 or all")
	flags.StringVar(&f.method, "method", "auto", "how to probe: syn (needs CAP_NET_RAW), connect, or auto, which is syn where that may be")
	flags.StringVar(&f.hostRate, "host-rate", "auto", "at most so many probes a second to a host: auto (2500), a number, or unlimited")
	flags.IntVar(&f.rate, "rate", 0, "at most so many probes a second in all (default: 20000, or no such bound with --host-rate unlimited)")
	flags.StringVar(&f.first, "first", "", "ask these ports of each host first: those where something is known to listen")
	flags.BoolVar(&f.noDetect, "no-detect", false, "do not ask what answers behind open ports")
	flags.StringVar(&f.baseline, "baseline", "", "compare with this baseline file")
	flags.StringVar(&f.host, "host", "", "host of the baseline that the targets are (default: the target's own name)")
	flags.StringSliceVar(&f.exclude, "exclude", nil, "addresses or networks to leave out")
	flags.StringVar(&f.checkpoint, "checkpoint", "", "keep what is known in this file, and go on from it where it is there already")
	flags.StringVar(&f.mark, "mark", "", "mark the SYN packets by this key, so that who has it can count at the target which arrive")
	flags.StringVar(&f.xml, "xml", "", "write nmap's XML to this file, too (- for none)")
	flags.BoolVar(&f.explain, "explain", false, "show every byte that was sent and received to identify services")
	return c
}

// scanPlan is what the flags come to.
type scanPlan struct {
	sweep scan.Sweep
	docs  []portvigil.Document // nil without --baseline
}

// rateInAll bounds the probes of a scan of many hosts unless the operator says
// otherwise: eight hosts at the rate of each.
const rateInAll = 20_000

func (a *app) scanPlan(ctx context.Context, names []string, f scanFlags) (p scanPlan, err error) {
	var o scan.Options
	if p.sweep.Ports, err = scan.ParsePorts(f.ports); err != nil {
		return p, err
	}
	if o.HostRate, err = scan.ParseRate(f.hostRate); err != nil {
		return p, err
	}
	if o.Method, err = scan.ParseMethod(f.method); err != nil {
		return p, err
	}
	if f.first != "" {
		first, err := scan.ParsePorts(f.first)
		if err != nil {
			return p, fmt.Errorf("--first: %w", err)
		}
		o.First = first.TCP
	}
	if f.mark != "" {
		if o.Key, err = scan.ParseKey(f.mark); err != nil {
			return p, fmt.Errorf("--mark: %w", err)
		}
	}
	if f.rate < 0 {
		return p, portvigil.Errorf(portvigil.CodeInvalid, "--rate %d is below zero", f.rate)
	}
	if o.Rate = f.rate; o.Rate == 0 && !o.HostRate.Unlimited {
		o.Rate = rateInAll
	}
	if f.baseline != "" {
		if p.docs, err = readBaseline(f.baseline); err != nil {
			return p, err
		}
	}
	o.Vantage, o.Run = "local", portvigil.NewID()
	p.sweep.Options, p.sweep.Seed = o, rand.Uint64()
	p.sweep.Targets, err = targets(ctx, names, f.exclude)
	return p, err
}

// targets resolves the names, less the exclusions. An address that was named
// and is never scanned is an error; one inside a named network is left out.
func targets(ctx context.Context, names, exclude []string) (*scan.Targets, error) {
	t := new(scan.Targets)
	for _, text := range exclude {
		prefix, err := parseNetwork(text)
		if err != nil {
			return nil, err
		}
		t.Scope.Deny = append(t.Scope.Deny, prefix)
	}
	for _, name := range names {
		if err := t.Add(ctx, name); err != nil {
			return nil, err
		}
	}
	if !t.Any() {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "nothing is left to scan").WithHint("see whether --exclude covers every target")
	}
	return t, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, portvigil.Errorf(portvigil.CodeInvalid, "--exclude %s is neither an address nor a network", portvigil.Quoted(text))
	}
	return p.Masked(), nil
}

// sameScan is what two runs of scan have in common where the second may go on with the
// checkpoint of the first.
func (f scanFlags) sameScan(names []string) []string {
	list := slices.Concat(names, []string{"--ports", f.ports, "--method", f.method, "--first", f.first})
	for _, text := range f.exclude {
		list = append(list, "--exclude", text)
	}
	return list
}

func (a *app) scan(ctx context.Context, names []string, f scanFlags) error {
	plan, err := a.scanPlan(ctx, names, f)
	if err != nil {
		return err
	}
	view := &scanView{lookView: lookView{app: a}, docs: plan.docs, host: f.host, targets: plan.sweep.Targets.Len(), name: names[0]}
	if f.xml != "" && f.xml != "-" {
		if view.xml, err = newXMLFile(f.xml); err != nil {
			return err
		}
		defer view.xml.discard()
	}
	if f.checkpoint != "" {
		if plan.sweep.Checkpoint, err = scan.OpenCheckpoint(f.checkpoint, f.sameScan(names), view.again); err != nil {
			return err
		}
		plan.sweep.Seed = plan.sweep.Checkpoint.Seed
	}
	plan.sweep.Found = func(t scan.Target, looks []*portvigil.Look, err error) {
		for _, look := range looks {
			look.Reach = reachTo(look.Address)
			if !f.noDetect {
				detect.Annotate(ctx, look, a.detectOptions(f.explain))
			}
		}
		view.found(t, looks, err)
	}
	view.bar = a.progress()
	plan.sweep.Progress = view.progress
	failure := plan.sweep.Run(ctx)
	view.bar.clear()
	if c := plan.sweep.Checkpoint; c != nil {
		if err := a.leave(c, failure == nil && ctx.Err() == nil); err != nil {
			return failed(err)
		}
	}
	switch {
	case failure != nil:
		return failed(failure)
	case view.xml != nil:
		if err := view.xml.finish(); err != nil {
			return failed(err)
		}
	}
	return view.outcome(ctx)
}

// leave closes the checkpoint, which goes where the scan is over: one that failed or
// was stopped can go on from what was written.
func (a *app) leave(c *scan.Checkpoint, over bool) error {
	if err := c.Err(); err != nil && !over {
		fmt.Fprintf(a.stderr, "portvigil: %s: what was found since is not in it, and will be asked again\n", portvigil.Printable(err.Error()))
	}
	return c.Close(over)
}

func (a *app) detectOptions(explain bool) detect.Options {
	o := detect.Options{UserAgent: userAgent()}
	if explain {
		o.Explain = func(s detect.Step) {
			fmt.Fprintf(a.stderr, "%s %8s %-9s %-12s %s%s\n", s.Endpoint, s.At.Round(time.Millisecond), s.Kind, s.Probe,
				portvigil.Printable(s.Text), portvigil.Printable(string(s.Bytes)))
		}
	}
	return o
}

// reachTo tells from where this machine reaches an address: from the internet
// where the address that it would send from is a public one.
func reachTo(to netip.Addr) portvigil.Reach {
	if from, ok := sourceFor(to); ok && portvigil.ScopeOf(from) == portvigil.ScopePublic {
		return portvigil.ReachInternet
	}
	return portvigil.ReachInternal
}
