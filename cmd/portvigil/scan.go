package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

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
  portvigil scan 10.99.0.0/28 --baseline baseline.yaml`,
		Args: need(1, "TARGET…"),
		RunE: func(c *cobra.Command, args []string) error { return a.scan(c.Context(), args, f) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.ports, "ports", "p", "all", "ports: 22,80,8000-8100, U:53,161 (UDP), top:1000 or all")
	flags.StringVar(&f.method, "method", "auto", "how to probe: syn (needs CAP_NET_RAW), connect, or auto, which is syn where that may be")
	flags.StringVar(&f.hostRate, "host-rate", "auto", "at most so many probes a second to a host: auto (2500), a number, or unlimited")
	flags.IntVar(&f.rate, "rate", 0, "at most so many probes a second in all (default: no such bound)")
	flags.BoolVar(&f.noDetect, "no-detect", false, "do not ask what answers behind open ports")
	flags.StringVar(&f.baseline, "baseline", "", "compare with this baseline file")
	flags.StringVar(&f.host, "host", "", "host of the baseline that the targets are (default: the target's own name)")
	flags.StringSliceVar(&f.exclude, "exclude", nil, "addresses or networks to leave out")
	flags.StringVar(&f.xml, "xml", "", "write nmap's XML to this file, too (- for none)")
	flags.BoolVar(&f.explain, "explain", false, "show every byte that was sent and received to identify services")
	return c
}

// scanPlan is what the flags come to.
type scanPlan struct {
	targets []scan.Target
	ports   portvigil.PortSpec
	options scan.Options
	docs    []portvigil.Document // nil without --baseline
}

// scanTask is one look of a scan.
type scanTask struct {
	target scan.Target
	proto  portvigil.Proto
	ports  *portvigil.PortSet
}

// tasks are the looks at a target, one for each protocol. They follow one another, so
// that together they stay below what a host is asked at most.
func (p scanPlan) tasks(t scan.Target) (list []scanTask) {
	for _, task := range []scanTask{{t, portvigil.TCP, p.ports.TCP}, {t, portvigil.UDP, p.ports.UDP}} {
		if task.ports.Len() > 0 {
			list = append(list, task)
		}
	}
	return list
}

func (a *app) scanPlan(ctx context.Context, names []string, f scanFlags) (p scanPlan, err error) {
	if p.ports, err = scan.ParsePorts(f.ports); err != nil {
		return p, err
	}
	if p.options.HostRate, err = scan.ParseRate(f.hostRate); err != nil {
		return p, err
	}
	if p.options.Method, err = scan.ParseMethod(f.method); err != nil {
		return p, err
	}
	if f.rate < 0 {
		return p, portvigil.Errorf(portvigil.CodeInvalid, "--rate %d is below zero", f.rate)
	}
	if f.baseline != "" {
		if p.docs, err = readBaseline(f.baseline); err != nil {
			return p, err
		}
	}
	p.options.Rate, p.options.Vantage, p.options.Run = f.rate, "local", portvigil.NewID()
	p.targets, err = a.targets(ctx, names, f.exclude)
	return p, err
}

// targets resolves the names, less the exclusions. An address that was named
// and is never scanned is an error; one inside a named network is left out.
func (a *app) targets(ctx context.Context, names, exclude []string) ([]scan.Target, error) {
	var scope portvigil.TargetScope
	for _, text := range exclude {
		prefix, err := parseNetwork(text)
		if err != nil {
			return nil, err
		}
		scope.Deny = append(scope.Deny, prefix)
	}
	var list []scan.Target
	for _, name := range names {
		found, err := scan.Resolve(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			switch err := scope.Check(t.Address, true); {
			case err == nil:
				list = append(list, t)
			case portvigil.NeverTarget(t.Address) != "" && len(found) == 1:
				return nil, err
			}
		}
	}
	if len(list) == 0 {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "nothing is left to scan").WithHint("see whether --exclude covers every target")
	}
	return list, nil
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

// scanSide is how many hosts are looked at side by side; their rates add up,
// which --rate bounds.
const scanSide = 8

func (a *app) scan(ctx context.Context, names []string, f scanFlags) error {
	plan, err := a.scanPlan(ctx, names, f)
	if err != nil {
		return err
	}
	started := time.Now()
	view := &scanView{lookView: lookView{app: a}, plan: plan, host: f.host}
	side := min(scanSide, len(plan.targets))
	if plan.options.Rate > 0 {
		plan.options.Rate = max(1, plan.options.Rate/side)
	}
	looks := make([][]*portvigil.Look, len(plan.targets))
	bar := a.progress()
	var mu sync.Mutex // guards bar and view
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(side)
	one := func(task scanTask) (*portvigil.Look, error) {
		t, o := task.target, plan.options
		o.Proto, o.Ports, o.Host, o.Reach = task.proto, task.ports, t.Host, reachTo(t.Address)
		o.Progress = func(p scan.Progress) {
			mu.Lock()
			defer mu.Unlock()
			bar.show(portvigil.LookProgress{Address: t.Address.String(), Share: p.Share, Rate: p.Rate, Open: p.Open})
		}
		look, err := scan.Look(gctx, t, o)
		if err == nil && !f.noDetect {
			detect.Annotate(gctx, look, a.detectOptions(f.explain))
		}
		return look, err
	}
	for i, t := range plan.targets {
		g.Go(func() error {
			for _, task := range plan.tasks(t) {
				look, err := one(task)
				if err != nil {
					return err
				}
				mu.Lock()
				looks[i] = append(looks[i], look)
				bar.clear()
				err = view.show(look)
				mu.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	failure := g.Wait()
	bar.clear()
	if f.xml != "" && f.xml != "-" {
		if err := writeXML(f.xml, slices.Concat(looks...), started); err != nil {
			return err
		}
	}
	switch {
	case failure != nil:
		return failed(failure)
	case ctx.Err() != nil:
		return failed(portvigil.Errorf(portvigil.CodeUnavailable, "stopped: what was found so far is printed, and is not complete"))
	}
	return view.outcome()
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

// scanView prints looks, and holds them against the baseline.
type scanView struct {
	lookView
	plan       scanPlan
	host       string
	looks      int
	incomplete int
	differ     int
}

func (v *scanView) show(l *portvigil.Look) error {
	findings, err := v.findings(l)
	if err != nil {
		return err
	}
	for _, p := range portvigil.PortRecords(l) {
		if err := v.event(portvigil.LookEvent{Port: &p}); err != nil {
			return err
		}
	}
	for _, finding := range findings {
		if v.app.json {
			if err := v.app.record(finding); err != nil {
				return err
			}
		}
	}
	record := portvigil.RecordOfLook(l)
	if err := v.event(portvigil.LookEvent{Look: &record}); err != nil {
		return err
	}
	if !v.app.json {
		for _, finding := range findings {
			fmt.Fprintf(v.app.stdout, "%s %s\n", v.app.paint(string(finding.Severity), finding.Severity), finding.Text)
		}
	}
	v.looks++
	if !l.Complete {
		v.incomplete++
	}
	v.differ += len(findings)
	return nil
}

// findings holds one look against the baseline. It is a comparison that was
// asked for, so it is made from whatever machine looked.
func (v *scanView) findings(l *portvigil.Look) ([]portvigil.FindingRecord, error) {
	if v.plan.docs == nil {
		return nil, nil
	}
	host, err := baselineHost(v.plan.docs, v.host, l.Host)
	if err != nil {
		return nil, err
	}
	baseline, _ := portvigil.BaselineFor(v.plan.docs, host)
	seen := *l
	seen.OwnAddress, seen.Seq, seen.Received, seen.Host = false, 1, l.Ended, host
	s := portvigil.Situation{Now: l.Ended, AtOnce: true, Baseline: baseline, Trails: []portvigil.Trail{*portvigil.Replay([]*portvigil.Look{&seen})},
		Host: portvigil.Host{Name: host, Outside: portvigil.DefaultOutsideInterval, Inside: portvigil.DefaultInsideInterval}}
	var list []portvigil.FindingRecord
	for _, e := range portvigil.Join(s) {
		if e.Tells() {
			list = append(list, portvigil.RecordOfFinding(e, l.Ended))
		}
	}
	return list, nil
}

// baselineHost returns the host of the file that a target is: the one that was
// named, the target's own name, or the only one that there is.
func baselineHost(docs []portvigil.Document, wanted, target string) (string, error) {
	var names []string
	for _, d := range docs {
		if d.Host != "" {
			names = append(names, d.Host)
		}
	}
	name := wanted
	if name == "" {
		name = target
	}
	for _, n := range names {
		if n == name {
			return n, nil
		}
	}
	if wanted == "" && len(names) == 1 {
		return names[0], nil
	}
	return "", portvigil.Errorf(portvigil.CodeNotFound, "the baseline has no document for host %s", portvigil.Printable(name)).
		WithHint("name one of them with --host: %s", strings.Join(names, ", "))
}

func (v *scanView) outcome() error {
	switch {
	case v.incomplete > 0:
		return failed(portvigil.Errorf(portvigil.CodeUnavailable, "%s of %d not complete: what is not listed there may still be open",
			plural(v.incomplete, "look"), v.looks).WithHint("see the notes, and scan again"))
	case v.differ > 0:
		return differs()
	}
	return nil
}

func writeXML(path string, looks []*portvigil.Look, started time.Time) error {
	out, err := os.CreateTemp(filepath.Dir(path), ".portvigil-*.xml")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, unwrapPath(err))
	}
	defer os.Remove(out.Name())
	err = scan.WriteNmapXML(out, looks, scan.XMLMeta{Version: version, Args: strings.Join(os.Args, " "), Started: started, Ended: time.Now()})
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(out.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(out.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, unwrapPath(err))
	}
	return nil
}
