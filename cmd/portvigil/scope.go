package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
)

func (a *app) scopeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "scope",
		Short:   "What may be scanned",
		Long:    "The networks that may be scanned. The addresses of an added host are in scope; deny wins over everything.",
		Example: "  portvigil scope allow 10.0.0.0/8\n  portvigil scope deny 10.0.9.0/24",
	}
	c.AddCommand(a.scopeList(), a.scopeAdd("allow", false), a.scopeAdd("deny", true))
	a.reaches(c)
	return c
}

// scopeRecord is a rule of the scope as a record.
type scopeRecord struct {
	Type string    `json:"type"` // "scope"
	Time time.Time `json:"time"`
	portvigil.ScopeRule
}

func (a *app) scopeList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List what is allowed and denied", Example: "  portvigil scope list", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var rules []portvigil.ScopeRule
			if err := a.client().get(c.Context(), at("scope"), &rules); err != nil {
				return err
			}
			if a.json {
				for _, r := range rules {
					if err := a.record(scopeRecord{"scope", r.Added, r}); err != nil {
						return err
					}
				}
				return nil
			}
			if len(rules) == 0 {
				return a.say("No network is allowed or denied: only the addresses of added hosts are in scope.")
			}
			t := a.table("RULE", "NETWORK", "BY", "SINCE")
			for _, r := range rules {
				t.row(ruleName(r.Deny), r.Prefix.String(), portvigil.Printable(r.By), r.Added.UTC().Format(time.RFC3339))
			}
			return t.print()
		},
	}
}

func ruleName(deny bool) string {
	if deny {
		return "deny"
	}
	return "allow"
}

func (a *app) scopeAdd(name string, deny bool) *cobra.Command {
	return &cobra.Command{
		Use: name + " CIDR", Short: map[bool]string{false: "Allow a network", true: "Deny a network, whatever else allows it"}[deny],
		Example: "  portvigil scope " + name + " 10.0.9.0/24", Args: need(1, "CIDR"),
		RunE: func(c *cobra.Command, args []string) error {
			var rule portvigil.ScopeRule
			body := map[string]any{"prefix": args[0], "deny": deny}
			if err := a.client().post(c.Context(), at("scope"), body, &rule); err != nil {
				return err
			}
			if a.json {
				return a.record(scopeRecord{"scope", rule.Added, rule})
			}
			return a.say("%s: %s", ruleName(rule.Deny), rule.Prefix)
		},
	}
}
