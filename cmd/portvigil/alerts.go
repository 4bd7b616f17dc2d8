package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web"
)

func (a *app) alertsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "alerts",
		Short:   "Alerts: see them, and resolve them",
		Example: "  portvigil alerts list --open\n  portvigil alerts resolve ID --expected --why \"node exporter for the dashboard\" --owner ann",
	}
	c.AddCommand(a.alertsList(), a.alertsShow(), a.alertsAck(), a.alertsInvestigate(), a.alertsComment(), a.alertsResolve())
	a.reaches(c)
	return c
}

func (a *app) alertsList() *cobra.Command {
	var open bool
	c := &cobra.Command{
		Use: "list", Short: "List alerts, the newest change first", Example: "  portvigil alerts list --open --json", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path := at("alerts")
			if open {
				path += "?open=1"
			}
			var list []portvigil.Alert
			if err := a.client().get(c.Context(), path, &list); err != nil {
				return err
			}
			if a.json {
				for _, alert := range list {
					if err := a.record(portvigil.RecordOfAlert(alert)); err != nil {
						return err
					}
				}
				return nil
			}
			if len(list) == 0 {
				return a.say("No %salert.", map[bool]string{true: "open "}[open])
			}
			t := a.table("ALERT", "SEVERITY", "STATE", "OPENED", "WHAT")
			for _, alert := range list {
				t.row(alert.ID, a.paint(string(alert.Severity), alert.Severity), stateText(alert), alert.Opened.UTC().Format(time.RFC3339), alert.Text)
			}
			return t.print()
		},
	}
	c.Flags().BoolVar(&open, "open", false, "only those that somebody still has to resolve, or has not noted to have ended by themselves")
	return c
}

func stateText(alert portvigil.Alert) string {
	if alert.Resolution != nil {
		return fmt.Sprintf("%s (%s)", alert.State, alert.Resolution.Kind)
	}
	return string(alert.State)
}

func (a *app) alertsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one alert with its story", Example: "  portvigil alerts show 01932c41", Args: need(1, "ID"),
		RunE: func(c *cobra.Command, args []string) error {
			var s web.AlertStory
			if err := a.client().get(c.Context(), at("alerts", args[0]), &s); err != nil {
				return err
			}
			if a.json {
				return a.record(portvigil.RecordOfAlert(s.Alert))
			}
			return a.showAlert(s)
		},
	}
}

func (a *app) showAlert(s web.AlertStory) error {
	alert := s.Alert
	info := alert.Kind.Info()
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s\n%s\n%s: %s.\n\n", a.paint(string(alert.Severity), alert.Severity), stateText(alert), alert.ID,
		alert.Text, info.Title, info.Why)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("opened", "%s", alert.Opened.UTC().Format(time.RFC3339))
	if alert.Reopened > 0 {
		line("re-opened", "%d times", alert.Reopened)
	}
	if alert.Service != nil {
		line("answers as", "%s", serviceText(alert.Service))
	}
	line("opened by", "%s", processText(alert.Process))
	for _, v := range alert.Views.Outside {
		line("outside", "%s from %s, %s", v.State, v.Vantage, v.Seen.UTC().Format(time.RFC3339))
	}
	if v := alert.Views.Inside; v != nil {
		line("inside", "%s, %s", v.State, v.Seen.UTC().Format(time.RFC3339))
	}
	for _, row := range alert.Endpoints {
		line("door", "%s", endpointText(row))
	}
	if r := alert.Resolution; r != nil {
		line("resolved", "%s by %s %s", r.Kind, portvigil.Printable(r.By), portvigil.Printable(r.Why))
	}
	if alert.Edit != "" {
		b.WriteString("\nThe edit to make in the baseline's folder\n")
		for text := range strings.Lines(alert.Edit) {
			fmt.Fprintf(&b, "  %s\n", portvigil.Printable(strings.TrimSuffix(text, "\n")))
		}
	}
	b.WriteString("\nStory\n")
	for _, step := range s.Story {
		fmt.Fprintf(&b, "  %s  %s by %s", step.Time.UTC().Format(time.RFC3339), step.What, portvigil.Printable(step.By))
		if step.Text != "" {
			fmt.Fprintf(&b, ": %s", portvigil.Printable(step.Text))
		}
		b.WriteByte('\n')
	}
	if alert.Open() {
		fmt.Fprintf(&b, "\nWhat to do: %s.\n", info.Hint)
	}
	_, err := fmt.Fprint(a.stdout, b.String())
	return err
}

func endpointText(row portvigil.AlertEndpoint) string {
	door := fmt.Sprintf("%d/%s", row.Port, row.Proto)
	if row.Ports != "" {
		door = fmt.Sprintf("%s/%s", shorten(row.Ports, 40), row.Proto)
	}
	where := "every address"
	if row.Address.IsValid() {
		where = row.Address.String()
	}
	text := fmt.Sprintf("%s at %s: %s", door, where, row.Verdict)
	if row.Service != nil {
		text += ", " + serviceText(row.Service)
	}
	if row.Process != nil {
		text += ", " + portvigil.Printable(row.Process.Exe)
	}
	return text
}

func processText(p *portvigil.Process) string {
	if p == nil {
		return "not known: no inside view has seen it"
	}
	text := portvigil.Printable(p.Exe)
	if p.Deleted {
		text += " (deleted)"
	}
	text += fmt.Sprintf(", pid %d", p.PID)
	if p.User != "" {
		text += ", user " + portvigil.Printable(p.User)
	}
	if p.Unit != "" {
		text += ", unit " + portvigil.Printable(p.Unit)
	}
	if p.Container != nil {
		text += ", container " + portvigil.Printable(*p.Container)
	}
	if p.Package != nil {
		text += ", package " + portvigil.Printable(p.Package.Name+" "+p.Package.Version)
	}
	return text
}

// changed prints an alert after a step: its record, or what the step did.
func (a *app) changed(alert portvigil.Alert, format string, args ...any) error {
	if a.json {
		return a.record(portvigil.RecordOfAlert(alert))
	}
	return a.say(format, args...)
}

func (a *app) alertsAck() *cobra.Command {
	var until string
	c := &cobra.Command{
		Use: "ack ID", Short: "Note that you have seen an alert; it stays open",
		Example: "  portvigil alerts ack 01932c41 --until 2026-12-01T08:00:00Z",
		Args:    need(1, "ID"),
		RunE: func(c *cobra.Command, args []string) error {
			var q struct {
				Until *time.Time `json:"until"`
			}
			if until != "" {
				t, err := parseMoment(until, time.Now())
				if err != nil {
					return err
				}
				q.Until = &t
			}
			var alert portvigil.Alert
			if err := a.client().post(c.Context(), at("alerts", args[0], "ack"), q, &alert); err != nil {
				return err
			}
			return a.changed(alert, "Acknowledged; it stays open until it is resolved.")
		},
	}
	c.Flags().StringVar(&until, "until", "", "when it becomes new again: a time (RFC 3339), a date, or a span such as 4h")
	return c
}

// parseMoment reads a time, the end of a day, or a span from now.
func parseMoment(text string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if d, err := portvigil.ParseDate(text); err == nil {
		return d.End(), nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	return time.Time{}, portvigil.Errorf(portvigil.CodeInvalid, "%s is no time", portvigil.Quoted(text)).
		WithHint("write 2026-12-01T08:00:00Z, 2026-12-01 or 4h")
}

func (a *app) alertsInvestigate() *cobra.Command {
	return &cobra.Command{
		Use: "investigate ID", Short: "Note that you work on an acknowledged alert", Example: "  portvigil alerts investigate 01932c41",
		Args: need(1, "ID"),
		RunE: func(c *cobra.Command, args []string) error {
			var alert portvigil.Alert
			if err := a.client().post(c.Context(), at("alerts", args[0], "investigate"), struct{}{}, &alert); err != nil {
				return err
			}
			return a.changed(alert, "Investigating.")
		},
	}
}

func (a *app) alertsComment() *cobra.Command {
	return &cobra.Command{
		Use: "comment ID TEXT", Short: "Add to an alert's story", Example: "  portvigil alerts comment 01932c41 \"asked ann\"",
		Args: need(2, "ID TEXT…"),
		RunE: func(c *cobra.Command, args []string) error {
			var alert portvigil.Alert
			body := map[string]string{"text": strings.Join(args[1:], " ")}
			if err := a.client().post(c.Context(), at("alerts", args[0], "comment"), body, &alert); err != nil {
				return err
			}
			return a.changed(alert, "Noted.")
		},
	}
}

func (a *app) alertsResolve() *cobra.Command {
	var q portvigil.ResolveRequest
	var expected, shut, isFalse bool
	c := &cobra.Command{
		Use:   "resolve ID",
		Short: "Resolve an alert: expected, shut, false, or accepted until a day",
		Long: `Resolves an alert:

  --expected      the door belongs there: it is written into the baseline; where
                  that follows a folder, the edit to make there is shown
  --shut          somebody shut it: looks begin at once, and it is resolved when
                  a complete look sees it shut
  --false         a false alarm, until something else answers there
  --accept-until  a risk that its owner bears until the end of that day`,
		Example: `  portvigil alerts resolve 01932c41 --expected --why "metrics for the dashboard" --owner ann
  portvigil alerts resolve 01932c41 --shut`,
		Args: need(1, "ID"),
		RunE: func(c *cobra.Command, args []string) error {
			kinds := 0
			for kind, chosen := range map[portvigil.ResolutionKind]bool{
				portvigil.ResolvedExpected: expected, portvigil.ResolvedShut: shut,
				portvigil.ResolvedFalse: isFalse, portvigil.ResolvedAccepted: q.Until != "",
			} {
				if chosen {
					q.Kind = kind
					kinds++
				}
			}
			if kinds != 1 {
				return portvigil.Errorf(portvigil.CodeInvalid, "say in one way how the alert is resolved").
					WithHint("give one of --expected, --shut, --false, --accept-until DATE")
			}
			var alert portvigil.Alert
			if err := a.client().post(c.Context(), at("alerts", args[0], "resolve"), q, &alert); err != nil {
				return err
			}
			if alert.State == portvigil.AlertWaitingBaseline && !a.json {
				return a.showEdit(alert.Edit)
			}
			return a.changed(alert, "%s", resolvedText(alert))
		},
	}
	f := c.Flags()
	f.BoolVar(&expected, "expected", false, "the door belongs there (needs --why and --owner)")
	f.BoolVar(&shut, "shut", false, "the door is shut: verify it")
	f.BoolVar(&isFalse, "false", false, "a false alarm (needs --why)")
	f.StringVar(&q.Until, "accept-until", "", "accept the risk until the end of this day (needs --why and --owner)")
	f.StringVar(&q.Why, "why", "", "the reason, in a sentence")
	f.StringVar(&q.Owner, "owner", "", "who answers for it")
	f.StringVar(&q.Expires, "expires", "", "last day of the baseline entry, 2027-06-30 (with --expected)")
	return c
}

func resolvedText(alert portvigil.Alert) string {
	switch alert.State {
	case portvigil.AlertWaitingShut:
		return "Looking whether it is shut; the alert is resolved when a complete look sees it so."
	case portvigil.AlertResolved:
		return "Resolved as " + string(alert.Resolution.Kind) + "."
	}
	return "The alert is " + string(alert.State) + "."
}
