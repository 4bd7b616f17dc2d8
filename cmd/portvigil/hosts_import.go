package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
)

func (a *app) hostsImport() *cobra.Command {
	var dry bool
	c := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Watch the hosts of a CSV file",
		Long: `Watches the hosts of a CSV file. Its first line names the columns: name and
address, and where wanted group, outside and inside. Several addresses, or
groups, are separated by blanks or semicolons.

The whole file is read before anything is added. Hosts that are watched already
stay as they are.`,
		Example: "  printf 'name,address,group\\nweb1,10.99.0.2,web\\n' | portvigil hosts import -\n  portvigil hosts import hosts.csv --dry-run",
		Args:    need(1, "FILE|-"),
		RunE: func(c *cobra.Command, args []string) error {
			in, err := a.open(args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			hosts, err := portvigil.ReadHosts(args[0], in)
			if err != nil {
				return err
			}
			return a.importHosts(c.Context(), hosts, dry)
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "only say what would be added")
	return c
}

// importHosts adds what is not there yet. A host that is refused does not keep
// the others out; the last word is an error then.
func (a *app) importHosts(ctx context.Context, hosts []portvigil.Host, dry bool) error {
	var there []portvigil.HostStatus
	if err := a.client().get(ctx, at("hosts"), &there); err != nil {
		return err
	}
	added, kept, refused := 0, 0, 0
	for _, h := range hosts {
		if slices.ContainsFunc(there, func(s portvigil.HostStatus) bool { return s.Host.Name == h.Name }) {
			kept++
			continue
		}
		if !dry {
			if err := a.client().post(ctx, at("hosts"), h, &h); err != nil {
				refused++
				fmt.Fprintf(a.stderr, "portvigil: %s: %s\n", portvigil.Printable(h.Name), oneLine(explain(err)))
				continue
			}
		}
		added++
		if a.json {
			if err := a.record(hostRecord{"host", time.Now().UTC(), h}); err != nil {
				return err
			}
		}
	}
	if !a.json {
		verb := "added"
		if dry {
			verb = "to add"
		}
		fmt.Fprintf(a.stdout, "%s %s, %d watched already.\n", plural(added, "host"), verb, kept)
	}
	if refused > 0 {
		return portvigil.Errorf(portvigil.CodeInvalid, "%s refused, as said above", plural(refused, "host")).
			WithHint("mend the lines and import the file again: what is there stays")
	}
	return nil
}
