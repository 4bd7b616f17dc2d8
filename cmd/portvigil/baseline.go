package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
)

func (a *app) baselineCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "baseline",
		Short: "What should be open, and why",
		Long: `The documented endpoints of a host or a group. The commands work on the server's
baseline, or with --file on a file.`,
		Example: `  portvigil baseline approve web1 22/tcp 80/tcp --why "ssh and the shop" --owner ann
  portvigil baseline import ports.txt --file baseline.yaml`,
	}
	c.PersistentFlags().StringVar(&file, "file", "", "work on this file, not on the server")
	c.AddCommand(a.baselineShow(&file), a.baselineDiff(&file), a.baselineApprove(&file), a.baselineRemove(&file),
		a.baselineReview(&file), a.baselineHistory(), a.baselineImport(&file), a.baselineExport(&file))
	a.reaches(c)
	return c
}

// documents returns what is written down: in the file, or on the server.
func (a *app) documents(ctx context.Context, file string) ([]portvigil.Document, error) {
	if file != "" {
		return readBaseline(file)
	}
	var list []portvigil.BaselineVersion
	if err := a.client().get(ctx, at("baselines"), &list); err != nil {
		return nil, err
	}
	var docs []portvigil.Document
	for _, v := range list {
		parsed, err := portvigil.ParseBaseline(v.Kind+" "+v.Name, []byte(v.Text))
		if err != nil {
			return nil, err
		}
		docs = append(docs, parsed...)
	}
	return docs, nil
}

func (a *app) baselineShow(file *string) *cobra.Command {
	return &cobra.Command{
		Use: "show HOST", Short: "Show what holds for a host", Example: "  portvigil baseline show web1", Args: need(1, "HOST"),
		RunE: func(c *cobra.Command, args []string) error {
			docs, err := a.documents(c.Context(), *file)
			if err != nil {
				return err
			}
			b, found, err := a.baselineFor(c.Context(), docs, *file, args[0])
			if err != nil {
				return err
			}
			if !found {
				return portvigil.Errorf(portvigil.CodeNotFound, "there is no baseline for host %s", portvigil.Printable(args[0])).
					WithHint("approve its doors: portvigil baseline approve %s --all --why … --owner …", portvigil.Printable(args[0]))
			}
			return a.showEntries(args[0], b.Entries)
		},
	}
}

// baselineFor adds the groups that a host of the server is in.
func (a *app) baselineFor(ctx context.Context, docs []portvigil.Document, file, host string) (portvigil.Baseline, bool, error) {
	var groups []string
	if file == "" {
		var s portvigil.HostStatus
		err := a.client().get(ctx, at("hosts", host), &s)
		if err != nil && portvigil.ErrorCode(err) != portvigil.CodeNotFound {
			return portvigil.Baseline{}, false, err
		}
		groups = s.Host.Groups
	}
	b, found := portvigil.BaselineFor(docs, host, groups...)
	return b, found, nil
}

// entryRecord is an entry as a record.
type entryRecord struct {
	Type    string    `json:"type"` // "entry"
	Time    time.Time `json:"time"`
	Host    string    `json:"host,omitempty"`
	Group   string    `json:"group,omitempty"`
	Ports   string    `json:"ports"`
	Proto   string    `json:"proto"`
	Address string    `json:"address,omitempty"`
	Scope   string    `json:"scope,omitempty"`
	From    []string  `json:"from,omitempty"`
	Service string    `json:"service,omitempty"`
	Why     string    `json:"why"`
	Owner   string    `json:"owner"`
	Expires string    `json:"expires,omitempty"`
	Expired bool      `json:"expired"`
}

func recordOfEntry(host string, e portvigil.Entry, now time.Time) entryRecord {
	r := entryRecord{Type: "entry", Time: now.UTC(), Host: host, Group: e.Group, Ports: e.Ports.String(), Proto: string(e.Proto),
		Scope: string(e.Scope), From: e.From, Service: e.Service, Why: e.Why, Owner: e.Owner, Expires: e.Expires.String(), Expired: e.Expired(now)}
	if e.Address.IsValid() {
		r.Address = e.Address.String()
	}
	return r
}

func (a *app) showEntries(host string, entries []portvigil.Entry) error {
	now := time.Now()
	if a.json {
		for _, e := range entries {
			if err := a.record(recordOfEntry(host, e, now)); err != nil {
				return err
			}
		}
		return nil
	}
	t := a.table("DOOR", "SCOPE", "SERVICE", "WHY", "OWNER", "EXPIRES", "PINS", "FROM")
	for _, e := range entries {
		why, from := portvigil.Printable(e.Why), "own"
		if e.Unexplained() {
			why = "not explained"
		}
		if e.Group != "" {
			from = "group " + e.Group
		}
		expires := e.Expires.String()
		if e.Expired(now) {
			expires += " (over)"
		}
		t.row(e.Ports.String()+"/"+string(e.Proto), string(e.Scope), portvigil.Printable(e.Service), why, portvigil.Printable(e.Owner), expires, pinText(e.Pin), from)
	}
	return t.print()
}

func pinText(p portvigil.Pin) string {
	var parts []string
	for _, pin := range []struct{ key, value string }{{"product", p.Product}, {"version", p.Version}, {"exe", p.Exe},
		{"user", p.User}, {"hostkey", p.HostKey}, {"certificate", p.Certificate}} {
		if pin.value != "" {
			parts = append(parts, pin.key+"="+shorten(portvigil.Printable(pin.value), 40))
		}
	}
	for _, key := range p.Empty {
		parts = append(parts, key+" without a value")
	}
	return strings.Join(parts, " ")
}

func (a *app) baselineDiff(file *string) *cobra.Command {
	var versions versionRange
	c := &cobra.Command{
		Use: "diff HOST", Short: "Show how a host differs from its baseline, or two versions of it from each other", Args: need(1, "HOST"),
		Long: `Shows how a host differs from its baseline, or with --from how a version of the
baseline differs from a later one. Exit codes: 0 the same, 1 differs, 2 failed.`,
		Example: "  portvigil baseline diff web1\n  portvigil baseline diff web1 --from 3 --to 5",
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case *file != "":
				return portvigil.Errorf(portvigil.CodeInvalid, "a file alone shows no host to compare with").
					WithHint("for this machine: portvigil check --baseline %s --host %s", *file, portvigil.Printable(args[0]))
			case c.Flags().Changed("from") || c.Flags().Changed("to"):
				return a.diffVersions(c.Context(), args[0], versions)
			}
			var s portvigil.HostStatus
			if err := a.client().get(c.Context(), at("hosts", args[0]), &s); err != nil {
				return err
			}
			return a.diff(s)
		},
	}
	c.Flags().IntVar(&versions.from, "from", 0, "the earlier version (default: the one before --to)")
	c.Flags().IntVar(&versions.to, "to", 0, "the later version (default: the newest)")
	return c
}

func (a *app) diff(s portvigil.HostStatus) error {
	differ := 0
	for _, e := range s.Exposures {
		if e.Severity() == "" {
			continue
		}
		if e.Tells() {
			differ++
		}
		if a.json {
			if err := a.record(portvigil.RecordOfFinding(e, time.Now())); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(a.stdout, "%s %s\n", a.paint(string(e.Verdict), e.Severity()), e.Sentence())
	}
	if differ > 0 {
		return differs()
	}
	return a.say("%s is as its baseline says, as far as its views have seen.", s.Host.Name)
}

func (a *app) baselineExport(file *string) *cobra.Command {
	return &cobra.Command{
		Use: "export [HOST]", Short: "Print the documents as they are written", Example: "  portvigil baseline export > baseline.yaml", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var list []portvigil.BaselineVersion
			var err error
			if *file == "" {
				err = a.client().get(c.Context(), at("baselines"), &list)
			} else {
				var text []byte
				if text, err = readBaselineText(*file); err == nil {
					list, err = portvigil.SplitBaseline(*file, text)
				}
			}
			if err != nil {
				return err
			}
			first := true
			for _, v := range list {
				if len(args) == 1 && (v.Kind != "host" || v.Name != args[0]) {
					continue
				}
				if a.json {
					if err := a.record(versionRecord{"baseline", v.Time, v}); err != nil {
						return err
					}
					continue
				}
				if !first {
					fmt.Fprintln(a.stdout, "---")
				}
				first = false
				if _, err := io.WriteString(a.stdout, strings.TrimRight(v.Text, "\n")+"\n"); err != nil {
					return err
				}
			}
			if len(args) == 1 && first && !a.json {
				return portvigil.Errorf(portvigil.CodeNotFound, "there is no baseline for host %s", portvigil.Printable(args[0]))
			}
			return nil
		},
	}
}

// versionRecord is a version of a document as a record.
type versionRecord struct {
	Type string    `json:"type"` // "baseline"
	Time time.Time `json:"time"`
	portvigil.BaselineVersion
}
