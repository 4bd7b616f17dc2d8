package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
)

func (a *app) baselineHistory() *cobra.Command {
	return &cobra.Command{
		Use: "history HOST|GROUP", Short: "List the versions of a baseline: when, who and why", Example: "  portvigil baseline history web1", Args: need(1, "HOST|GROUP"),
		RunE: func(c *cobra.Command, args []string) error {
			list, err := a.versions(c.Context(), args[0])
			if err != nil {
				return err
			}
			t := a.table("VERSION", "TIME", "BY", "WHY")
			for _, v := range list {
				if a.json {
					if err := a.record(versionRecord{"baseline", v.Time, v}); err != nil {
						return err
					}
					continue
				}
				t.row(fmt.Sprint(v.Version), v.Time.UTC().Format(time.RFC3339), portvigil.Printable(v.By), portvigil.Printable(v.Why))
			}
			if a.json {
				return nil
			}
			return t.print()
		},
	}
}

func (a *app) versions(ctx context.Context, name string) (list []portvigil.BaselineVersion, err error) {
	err = a.client().get(ctx, at("baselines", name, "versions"), &list)
	return list, err
}

// versionRange names two versions; 0 is the newest as to, and the one before to
// as from.
type versionRange struct{ from, to int }

// pick returns the two texts, the first of all differing from none.
func (r versionRange) pick(name string, list []portvigil.BaselineVersion) (from, to portvigil.BaselineVersion, err error) {
	if r.to == 0 {
		r.to = len(list)
	}
	if r.from == 0 {
		r.from = r.to - 1
	}
	for _, n := range []int{r.from, r.to} {
		if n < 0 || n > len(list) {
			return from, to, portvigil.Errorf(portvigil.CodeNotFound, "the baseline of %s has no version %d", portvigil.Printable(name), n).
				WithHint("it has 1 to %d; see: portvigil baseline history %s", len(list), portvigil.Printable(name))
		}
	}
	if r.from > 0 {
		from = list[r.from-1]
	}
	if r.to > 0 {
		to = list[r.to-1]
	}
	return from, to, nil
}

// diffVersions prints what one version changed against another, as diff -u does.
func (a *app) diffVersions(ctx context.Context, name string, r versionRange) error {
	list, err := a.versions(ctx, name)
	if err != nil {
		return err
	}
	from, to, err := r.pick(name, list)
	if err != nil {
		return err
	}
	label := func(v portvigil.BaselineVersion) string { return fmt.Sprintf("%s, version %d", name, v.Version) }
	text := diff.Diff(label(from), []byte(from.Text), label(to), []byte(to.Text))
	if a.json {
		if err := a.record(map[string]any{"type": "diff", "time": time.Now().UTC(), "name": name,
			"from": from.Version, "to": to.Version, "text": string(text)}); err != nil {
			return err
		}
	} else if len(text) == 0 {
		return a.say("Versions %d and %d of %s say the same.", from.Version, to.Version, name)
	} else {
		for line := range strings.Lines(string(text)) {
			fmt.Fprintln(a.stdout, portvigil.Printable(strings.TrimSuffix(line, "\n")))
		}
	}
	if len(text) > 0 {
		return differs()
	}
	return nil
}
