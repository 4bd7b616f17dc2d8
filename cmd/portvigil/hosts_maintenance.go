package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
)

func (a *app) hostsMaintenance() *cobra.Command {
	var until, why string
	var end bool
	c := &cobra.Command{
		Use:   "maintenance NAME",
		Short: "Tell nothing of a host until a time, or end that",
		Long: `Tells nothing of the host until the given time, at most 30 days on. Looks go
on and alerts are raised meanwhile; what is still open when it ends is told then,
once.`,
		Example: "  portvigil hosts maintenance web1 --until 4h --why \"new disks\"\n  portvigil hosts maintenance web1 --end",
		Args:    need(1, "NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			path := at("hosts", args[0], "maintenance")
			var h portvigil.Host
			switch {
			case end == (until != ""):
				return portvigil.Errorf(portvigil.CodeInvalid, "say until when the maintenance lasts, or that it ends").
					WithHint("give --until TIME --why TEXT, or --end")
			case end:
				if err := a.client().delete(c.Context(), path, &h); err != nil {
					return err
				}
				return a.maintained(h, "Maintenance of %s is over; what is still open is told.", h.Name)
			}
			t, err := parseMoment(until, time.Now())
			if err != nil {
				return err
			}
			if err := a.client().post(c.Context(), path, map[string]any{"until": t, "why": why}, &h); err != nil {
				return err
			}
			return a.maintained(h, "Nothing is told of %s until %s.", h.Name, t.UTC().Format(time.RFC3339))
		},
	}
	c.Flags().StringVar(&until, "until", "", "when it ends: a time (RFC 3339), a date, or a span such as 4h")
	c.Flags().StringVar(&why, "why", "", "the reason, in a sentence")
	c.Flags().BoolVar(&end, "end", false, "end it now")
	return c
}

func (a *app) maintained(h portvigil.Host, format string, args ...any) error {
	if a.json {
		return a.record(hostRecord{"host", time.Now().UTC(), h})
	}
	return a.say(format, args...)
}
