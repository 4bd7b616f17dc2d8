package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
)

func (a *app) hostsShow() *cobra.Command {
	var all bool
	var when string
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Show a host's doors, and how far its views can be trusted",
		Long: `Shows what is open or expected on a host. With --at it shows what was reachable
at a moment of the past, from which view, which looks say so, and what nobody
knew then.`,
		Example: "  portvigil hosts show web1\n  portvigil hosts show web1 --at 2026-05-03T12:00:00Z",
		Args:    need(1, "NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if when != "" {
				return a.showPast(c.Context(), args[0], when)
			}
			var s portvigil.HostStatus
			if err := a.client().get(c.Context(), at("hosts", args[0]), &s); err != nil {
				return err
			}
			if a.json {
				return a.hostRecords(s)
			}
			return a.showHost(s, all)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "show doors that are neither open nor expected, too")
	c.Flags().StringVar(&when, "at", "", "show a moment of the past: a time (RFC 3339), a date (its end), or a span such as 36h (ago)")
	return c
}

// exposureRecord is an exposure as a record.
type exposureRecord struct {
	Type     string             `json:"type"` // "exposure"
	Time     time.Time          `json:"time"`
	Severity portvigil.Severity `json:"severity,omitempty"`
	portvigil.Exposure
}

// viewRecord is a view's state as a record.
type viewRecord struct {
	Type string    `json:"type"` // "view"
	Time time.Time `json:"time"`
	Host string    `json:"host"`
	portvigil.ViewStatus
}

func (a *app) hostRecords(s portvigil.HostStatus) error {
	now := time.Now().UTC()
	if err := a.record(hostRecord{"host", now, s.Host}); err != nil {
		return err
	}
	for _, v := range s.Views {
		if err := a.record(viewRecord{"view", now, s.Host.Name, v}); err != nil {
			return err
		}
	}
	for _, e := range s.Exposures {
		if err := a.record(exposureRecord{"exposure", now, e.Severity(), e}); err != nil {
			return err
		}
	}
	for _, alert := range s.Alerts {
		if err := a.record(portvigil.RecordOfAlert(alert)); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) showHost(s portvigil.HostStatus, all bool) error {
	fmt.Fprintf(a.stdout, "%s  %s\n", s.Host.Name, addressList(s.Host))
	if m := s.Host.Maintenance; m != nil && s.Host.InMaintenance(time.Now()) {
		fmt.Fprintf(a.stdout, "  in maintenance until %s (%s, by %s): nothing is told of it\n",
			m.Until.UTC().Format(time.RFC3339), portvigil.Printable(m.Why), portvigil.Printable(m.By))
	}
	for _, w := range s.Host.Waiting {
		fmt.Fprintf(a.stdout, "  a name newly leads to %s; to look at it: portvigil%s scope allow %s\n", w, a.dataFlag(), w)
	}
	if s.Kept != "" {
		fmt.Fprintf(a.stdout, "  a look is due and waits: %s\n", s.Kept)
	}
	for _, v := range s.Views {
		fmt.Fprintf(a.stdout, "  %s\n", viewLine(v))
	}
	t := a.table("DOOR", "ADDRESS", "VERDICT", "OUTSIDE", "INSIDE", "BEHIND IT", "WHY")
	shown := 0
	for _, e := range s.Exposures {
		if !all && e.Verdict == portvigil.None {
			continue
		}
		shown++
		t.row(doorText(e), placeText(e), a.paint(string(e.Verdict), e.Severity()), outsideText(e), insideText(e), behindText(e), whyText(e))
	}
	if shown == 0 {
		_, err := fmt.Fprintln(a.stdout, "  No door is open or expected, as far as the views above have seen.")
		return err
	}
	if err := t.print(); err != nil {
		return err
	}
	for _, alert := range s.Alerts {
		fmt.Fprintf(a.stdout, "%s %s  %s\n", a.paint(string(alert.Severity), alert.Severity), alert.ID, alert.Text)
	}
	return nil
}

func viewLine(v portvigil.ViewStatus) string {
	line := string(v.View)
	if v.Vantage != "" {
		line += " from " + v.Vantage
	}
	if v.Address != "" {
		line += " at " + v.Address
	}
	if v.Proto == portvigil.UDP {
		line += " (udp)"
	}
	if v.Complete.IsZero() && v.Fresh {
		line += ": looked at " + v.Newest.UTC().Format(time.RFC3339) + ", and it answers no UDP"
	} else if v.Complete.IsZero() {
		line += ": no complete look yet"
	} else {
		line += ": last complete look " + v.Complete.UTC().Format(time.RFC3339)
		if !v.Fresh {
			line += " (too old to rely on)"
		}
	}
	for _, n := range v.Notes {
		line += "; " + portvigil.Printable(n)
	}
	return line
}

func doorText(e portvigil.Exposure) string {
	if e.Ports != "" {
		return shorten(e.Ports, 24) + "/" + string(e.Proto)
	}
	return e.Door().String()
}

func placeText(e portvigil.Exposure) string {
	if !e.Address.IsValid() {
		return "every"
	}
	return e.Address.String()
}

func outsideText(e portvigil.Exposure) string {
	var parts []string
	for _, s := range e.Views.Outside {
		parts = append(parts, s.State)
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ",")
}

func insideText(e portvigil.Exposure) string {
	if e.Views.Inside == nil {
		return "-"
	}
	return e.Views.Inside.State
}

func behindText(e portvigil.Exposure) string {
	var parts []string
	if e.Service != nil && (e.Service.Product != "" || e.Service.Name != "") {
		parts = append(parts, portvigil.Printable(e.Service.Label()))
	}
	if e.Process != nil {
		parts = append(parts, portvigil.Printable(e.Process.Exe))
	}
	return shorten(strings.Join(parts, " "), 48)
}

func whyText(e portvigil.Exposure) string {
	switch {
	case e.Awaits != "":
		return "awaits " + e.Awaits
	case len(e.Differences) > 0:
		return shorten(portvigil.DifferencesText(e.Differences), 60)
	case e.Allow != nil:
		return "allowed: " + shorten(portvigil.Printable(e.Allow.Why), 50)
	case e.Entry != nil && e.Entry.Why == "":
		return "not explained"
	case e.Entry != nil:
		return shorten(portvigil.Printable(e.Entry.Why), 60)
	}
	return ""
}
