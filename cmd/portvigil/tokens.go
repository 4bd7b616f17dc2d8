package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web"
)

func (a *app) tokensCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "tokens",
		Short:   "What programs elsewhere use the server with",
		Long:    "Tokens let commands and programs on other machines use the server: with --server URL, or as Authorization: Bearer.",
		Example: "  portvigil tokens add cron-web1 --scope write --expires 2027-06-30",
	}
	c.AddCommand(a.tokensAdd(), a.tokensList(), a.tokensRevoke())
	a.reaches(c)
	return c
}

// tokenRecord is a token as a record; its secret stands in it once.
type tokenRecord struct {
	Type string    `json:"type"` // "token"
	Time time.Time `json:"time"`
	portvigil.Token
	Secret string `json:"token,omitempty"`
}

func (a *app) tokensAdd() *cobra.Command {
	var scope, expires string
	c := &cobra.Command{
		Use: "add NAME --scope read|write|admin", Short: "Make a token, and print it once", Args: need(1, "NAME"),
		Long: `Makes a token and prints it: it is kept nowhere, and cannot be shown again.

  read   look at hosts, alerts, baselines and channels
  write  change them as well, and have hosts looked at
  admin  let others in as well: users, tokens, links`,
		Example: "  portvigil tokens add grafana --scope read\n  portvigil tokens add cron-web1 --scope write --expires 2027-06-30",
		RunE: func(c *cobra.Command, args []string) error {
			q := web.NewToken{Name: args[0]}
			var err error
			if q.Scope, err = portvigil.ParseTokenScope(scope); err != nil {
				return err
			}
			if expires != "" {
				if q.Expires, err = parseMoment(expires, time.Now()); err != nil {
					return err
				}
			}
			var made web.MadeToken
			if err := a.client().post(c.Context(), at("tokens"), q, &made); err != nil {
				return err
			}
			if a.json {
				return a.record(tokenRecord{"token", made.Added, made.Token, made.Secret})
			}
			fmt.Fprintf(a.stdout, "Token, shown this once: %s\n", made.Secret)
			return a.say("%s may %s%s. Next, elsewhere: PORTVIGIL_TOKEN=… portvigil --server URL hosts list", made.Name, made.Scope, untilText(made.Expires))
		},
	}
	c.Flags().StringVar(&scope, "scope", "read", "what it may do: read, write or admin")
	c.Flags().StringVar(&expires, "expires", "", "when it ends: a time (RFC 3339), a date, or a span such as 720h (default: never)")
	return c
}

func untilText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + t.UTC().Format(time.RFC3339)
}

func (a *app) tokensList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the tokens, and when they were used", Example: "  portvigil tokens list", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var list []portvigil.Token
			if err := a.client().get(c.Context(), at("tokens"), &list); err != nil {
				return err
			}
			if a.json {
				for _, t := range list {
					if err := a.record(tokenRecord{"token", time.Now().UTC(), t, ""}); err != nil {
						return err
					}
				}
				return nil
			}
			if len(list) == 0 {
				return a.say("No token: only commands on the server's own machine are answered. See: portvigil tokens add --help")
			}
			t := a.table("TOKEN", "SCOPE", "BY", "ADDED", "EXPIRES", "LAST USED")
			for _, k := range list {
				t.row(k.Name, string(k.Scope), portvigil.Printable(k.By), momentText(k.Added), expiryText(k.Expires, time.Now()), momentText(k.LastUsed))
			}
			return t.print()
		},
	}
}

func expiryText(t, now time.Time) string {
	if !t.IsZero() && !now.Before(t) {
		return "expired"
	}
	return momentText(t)
}

func (a *app) tokensRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME", Short: "End a token", Example: "  portvigil tokens revoke cron-web1", Args: need(1, "NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.client().delete(c.Context(), at("tokens", args[0]), nil); err != nil {
				return err
			}
			return a.say("%s is revoked.", args[0])
		},
	}
}
