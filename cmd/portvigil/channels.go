package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/notify"
)

func (a *app) channelsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "channels",
		Short:   "The ways in which alerts reach people",
		Example: "  portvigil channels add ops --kind email --to ops@example.com --smtp smtp://mail.example.com:25 --from portvigil@example.com",
	}
	c.AddCommand(a.channelsAdd(), a.channelsList(), a.channelsTest(), a.channelsRemove())
	a.reaches(c)
	return c
}

// channelFlags are what channels add takes. Secrets come from files: a command
// line is seen by everybody on the machine.
type channelFlags struct {
	kind, smtp, from, url             string
	to                                []string
	urlFile, passwordFile, secretFile string
}

func (a *app) channelsAdd() *cobra.Command {
	var f channelFlags
	c := &cobra.Command{
		Use:   "add NAME --kind email|slack|webhook",
		Short: "Add a channel",
		Long: `Adds a channel. Secrets are read from files, never from the command line. A
webhook without --secret-file gets a signing secret, which is printed once.`,
		Example: `  portvigil channels add ops --kind email --to ops@example.com --smtp smtp://mail.example.com:25 --from portvigil@example.com
  portvigil channels add team --kind slack --url-file slack.url
  portvigil channels add desk --kind webhook --url https://desk.example.com/hooks/portvigil`,
		Args: need(1, "NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			channel, err := a.channelFrom(args[0], f)
			if err != nil {
				return err
			}
			body, made, err := makeChannel(channel)
			if err != nil {
				return err
			}
			var added portvigil.ChannelRow
			if err := a.client().post(c.Context(), at("channels"), body, &added); err != nil {
				return err
			}
			return a.channelAdded(added, made)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.kind, "kind", "", "email, slack or webhook")
	flags.StringSliceVar(&f.to, "to", nil, "email: recipient (may be repeated)")
	flags.StringVar(&f.from, "from", "", "email: sender")
	flags.StringVar(&f.smtp, "smtp", "", "email: server, smtp://[USER@]HOST:PORT or smtps://…")
	flags.StringVar(&f.passwordFile, "password-file", "", "email: file that holds the password")
	flags.StringVar(&f.urlFile, "url-file", "", "slack: file that holds the incoming webhook's URL")
	flags.StringVar(&f.url, "url", "", "webhook: where to post")
	flags.StringVar(&f.secretFile, "secret-file", "", "webhook: file that holds the signing secret (whsec_…)")
	return c
}

// channelFrom reads the files.
func (a *app) channelFrom(name string, f channelFlags) (c notify.Channel, err error) {
	c = notify.Channel{Name: name, Kind: notify.Kind(f.kind), To: f.to, From: f.from, SMTP: f.smtp, URL: notify.Secret(f.url)}
	if f.kind == "" {
		return c, portvigil.Errorf(portvigil.CodeInvalid, "the channel's kind is missing").WithHint("give --kind email, slack or webhook")
	}
	for _, file := range []struct {
		path string
		into *notify.Secret
	}{{f.urlFile, &c.URL}, {f.passwordFile, &c.Secret}, {f.secretFile, &c.Secret}} {
		if file.path == "" {
			continue
		}
		if *file.into, err = a.secretFrom(file.path); err != nil {
			return c, err
		}
	}
	return c, nil
}

// longestSecret is in bytes; what is longer is no secret but a wrong file.
const longestSecret = 8 << 10

func (a *app) secretFrom(path string) (notify.Secret, error) {
	in, err := a.open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, longestSecret+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, unwrapPath(err))
	}
	secret := strings.TrimSpace(string(text))
	switch {
	case secret == "":
		return "", portvigil.Errorf(portvigil.CodeInvalid, "%s is empty", path).WithHint("write the secret into it, on one line")
	case len(text) > longestSecret:
		return "", portvigil.Errorf(portvigil.CodeInvalid, "%s is too long to be a secret", path)
	}
	return notify.Secret(secret), nil
}

// channelRecord is a channel as a record; a secret that was made stands in it once.
type channelRecord struct {
	Type string    `json:"type"` // "channel"
	Time time.Time `json:"time"`
	portvigil.ChannelRow
	Secret string `json:"secret,omitempty"`
}

func (a *app) channelAdded(added portvigil.ChannelRow, made notify.Secret) error {
	if a.json {
		return a.record(channelRecord{"channel", added.Added, added, made.Reveal()})
	}
	if made != "" {
		fmt.Fprintf(a.stdout, "Signing secret, shown this once: %s\n", made.Reveal())
	}
	return a.say("%s is added. Next: portvigil%s channels test %s", added.Name, a.dataFlag(), added.Name)
}

func (a *app) channelsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List channels, and how they fare", Example: "  portvigil channels list", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var list []portvigil.ChannelRow
			if err := a.client().get(c.Context(), at("channels"), &list); err != nil {
				return err
			}
			if a.json {
				for _, row := range list {
					if err := a.record(channelRecord{"channel", time.Now().UTC(), row, ""}); err != nil {
						return err
					}
				}
				return nil
			}
			if len(list) == 0 {
				return a.say("No channel: alerts reach nobody but who looks. See: portvigil channels add --help")
			}
			t := a.table("CHANNEL", "KIND", "TO", "LAST SUCCESS", "LAST ERROR")
			for _, row := range list {
				t.row(row.Name, row.Kind, whereText(row), momentText(row.LastSuccess), shorten(portvigil.Printable(row.LastError), 60))
			}
			return t.print()
		},
	}
}

func whereText(row portvigil.ChannelRow) string {
	var s channelSettings
	if err := json.Unmarshal(row.Settings, &s); err != nil {
		return "?"
	}
	return portvigil.Printable(s.Where)
}

func momentText(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

func (a *app) channelsTest() *cobra.Command {
	return &cobra.Command{
		Use: "test NAME", Short: "Send a test message", Example: "  portvigil channels test ops", Args: need(1, "NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.client().post(c.Context(), at("channels", args[0], "test"), struct{}{}, nil); err != nil {
				return err
			}
			return a.say("%s took the test message.", args[0])
		},
	}
}

func (a *app) channelsRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Remove a channel, and what is queued for it", Example: "  portvigil channels remove ops", Args: need(1, "NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.client().delete(c.Context(), at("channels", args[0]), nil); err != nil {
				return err
			}
			return a.say("%s is removed.", args[0])
		},
	}
}
