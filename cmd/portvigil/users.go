package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web"
)

func (a *app) usersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "users",
		Short:   "Who may sign in on the pages",
		Example: "  portvigil users add ann",
	}
	c.AddCommand(a.usersAdd(), a.usersList(), a.usersReset(), a.usersResetFactor(), a.usersRemove())
	a.reaches(c)
	return c
}

// userRecord is a user as a record.
type userRecord struct {
	Type string    `json:"type"` // "user"
	Time time.Time `json:"time"`
	portvigil.User
}

func (a *app) usersAdd() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "add NAME", Short: "Let somebody sign in", Args: need(1, "NAME"),
		Long:    "Adds a user. The password is asked for twice on a terminal, or read from a file; it never stands on a command line.",
		Example: "  portvigil users add ann\n  portvigil users add ann --password-file -   # from standard input",
		RunE: func(c *cobra.Command, args []string) error {
			if err := portvigil.CheckUserName(args[0]); err != nil {
				return err
			}
			password, err := a.newPassword(args[0], file)
			if err != nil {
				return err
			}
			var added portvigil.User
			if err := a.client().post(c.Context(), at("users"), web.NewUser{Name: args[0], Password: password}, &added); err != nil {
				return err
			}
			return a.toldUser(added, "%s may sign in.")
		},
	}
	c.Flags().StringVar(&file, "password-file", "", "file that holds the password, - for standard input")
	return c
}

func (a *app) usersReset() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "reset NAME", Short: "Give a user another password, and end their sessions", Args: need(1, "NAME"),
		Example: "  portvigil users reset ann\n  portvigil users reset ann --password-file new.password",
		RunE: func(c *cobra.Command, args []string) error {
			password, err := a.newPassword(args[0], file)
			if err != nil {
				return err
			}
			var changed portvigil.User
			if err := a.client().post(c.Context(), at("users", args[0], "reset"), web.NewUser{Password: password}, &changed); err != nil {
				return err
			}
			return a.toldUser(changed, "%s has another password; sessions with the former one are over.")
		},
	}
	c.Flags().StringVar(&file, "password-file", "", "file that holds the password, - for standard input")
	return c
}

func (a *app) usersResetFactor() *cobra.Command {
	return &cobra.Command{
		Use: "reset-factor NAME", Short: "Turn off a user's second factor, and end their sessions", Args: need(1, "NAME"),
		Long: `Turns off the second factor of somebody who has lost the device that makes the
codes and has no recovery code left. From then on the password alone lets them in:
be sure that it is they who ask.`,
		Example: "  portvigil users reset-factor ann",
		RunE: func(c *cobra.Command, args []string) error {
			var changed portvigil.User
			if err := a.client().delete(c.Context(), at("users", args[0], "factor"), &changed); err != nil {
				return err
			}
			return a.toldUser(changed, "%s has no second factor any more, and signs in with the password alone; their sessions are over.")
		},
	}
}

func (a *app) toldUser(u portvigil.User, format string) error {
	if a.json {
		return a.record(userRecord{"user", u.Changed, u})
	}
	return a.say(format, u.Name)
}

func (a *app) usersList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the users", Example: "  portvigil users list", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var list []portvigil.User
			if err := a.client().get(c.Context(), at("users"), &list); err != nil {
				return err
			}
			if a.json {
				for _, u := range list {
					if err := a.record(userRecord{"user", time.Now().UTC(), u}); err != nil {
						return err
					}
				}
				return nil
			}
			if len(list) == 0 {
				return a.say("No user: the pages open by a one-time link only. Add one: portvigil%s users add NAME", a.dataFlag())
			}
			t := a.table("USER", "BY", "ADDED", "PASSWORD SET", "SECOND FACTOR", "SIGNED IN")
			for _, u := range list {
				t.row(u.Name, portvigil.Printable(u.By), momentText(u.Added), momentText(u.Changed), factorText(u.Factor), momentText(u.SignedIn))
			}
			return t.print()
		},
	}
}

func factorText(f *portvigil.Factor) string {
	if f == nil {
		return "off"
	}
	return "since " + momentText(f.Since)
}

func (a *app) usersRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Remove a user, and end their sessions", Example: "  portvigil users remove ann", Args: need(1, "NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.client().delete(c.Context(), at("users", args[0]), nil); err != nil {
				return err
			}
			return a.say("%s is removed.", args[0])
		},
	}
}
