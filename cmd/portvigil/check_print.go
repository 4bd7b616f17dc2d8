package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

func (a *app) printCheck(c *checked) error {
	if a.json {
		return a.checkRecords(c)
	}
	findings := c.findings()
	if len(findings) == 0 && c.flags.quiet {
		return nil
	}
	_, err := fmt.Fprint(a.stdout, a.checkText(c))
	return err
}

func (a *app) checkRecords(c *checked) error {
	for _, l := range c.look.Listeners {
		r := portvigil.ListenerRecord{Type: "listener", Time: c.look.Ended.UTC(), Listener: l,
			InBaseline: len(c.baseline.CoveringInside(l, c.look.Ended)) > 0}
		if err := a.record(r); err != nil {
			return err
		}
	}
	for _, e := range c.findings() {
		if err := a.record(portvigil.RecordOfFinding(e, c.look.Ended)); err != nil {
			return err
		}
	}
	return a.record(portvigil.RecordOfLook(c.look))
}

// checkText is the difference as a person reads it: + is there and should not
// be, - should be there and is not, ~ is there and is another.
func (a *app) checkText(c *checked) string {
	findings := c.findings()
	var b strings.Builder
	if len(findings) == 0 {
		fmt.Fprintf(&b, "%s is as its baseline says: %s, none unexpected.\n", c.flags.host, plural(len(c.look.Listeners), "listener"))
	} else {
		fmt.Fprintf(&b, "%s differs from its baseline (%s):\n\n", c.flags.host, c.flags.baseline)
		for _, e := range findings {
			b.WriteString(differenceText(e))
		}
		b.WriteByte('\n')
		b.WriteString(nextSteps(c, findings))
	}
	if n := unexplained(c.baseline); n > 0 {
		fmt.Fprintf(&b, "%s of the baseline without a reason: fill in why.\n", plural(n, "entry"))
	}
	for _, n := range c.look.Notes {
		fmt.Fprintf(&b, "note: %s\n", portvigil.Printable(n))
	}
	return b.String()
}

func differenceText(e portvigil.Exposure) string {
	sign := map[portvigil.Verdict]string{portvigil.Missing: "-", portvigil.Changed: "~"}[e.Verdict]
	if sign == "" {
		sign = "+"
	}
	where := "every address"
	if e.Address.IsValid() {
		where = e.Address.String()
	}
	line := fmt.Sprintf("  %s %-10s %s", sign, e.Door(), where)
	switch {
	case e.Verdict == portvigil.Missing && e.Entry != nil && e.Entry.Why != "":
		return line + ": not listening, should be (" + portvigil.Printable(e.Entry.Why) + ")\n"
	case e.Verdict == portvigil.Missing:
		return line + ": not listening, should be\n"
	case e.Verdict == portvigil.Changed:
		return line + ": " + portvigil.DifferencesText(e.Differences) + "\n"
	}
	return line + ": not in the baseline; opened by " + ownerText(e.Process) + "\n"
}

func ownerText(p *portvigil.Process) string {
	if p == nil {
		return "an unknown process (run as root to see it)"
	}
	return processText(p)
}

// nextSteps tells how to make it as it should be.
func nextSteps(c *checked, findings []portvigil.Exposure) string {
	var doors []string
	for _, e := range findings {
		if e.Verdict != portvigil.Missing {
			doors = append(doors, e.Door().String())
		}
	}
	if len(doors) == 0 {
		return fmt.Sprintf("If a door is meant to be shut: portvigil baseline remove %s PORT/PROTO --file %s\n", c.flags.host, c.flags.baseline)
	}
	return fmt.Sprintf("If it belongs there: portvigil baseline approve %s %s --why … --owner … --file %s\nElse stop it, or bind it to 127.0.0.1.\n",
		c.flags.host, strings.Join(unique(doors), " "), c.flags.baseline)
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if len(out) == 0 || out[len(out)-1] != s {
			out = append(out, s)
		}
	}
	return out
}

func unexplained(b portvigil.Baseline) int {
	n := 0
	for _, e := range b.Entries {
		if e.Unexplained() {
			n++
		}
	}
	return n
}

// The exit codes of Nagios plugins (Nagios Plugins Development Guidelines).
const (
	nagiosOK       = 0
	nagiosWarning  = 1
	nagiosCritical = 2
	nagiosUnknown  = 3
)

// checkNagios prints one line, and ends as plugins do.
func (a *app) checkNagios(ctx context.Context, f checkFlags) error {
	c, err := a.takeCheck(ctx, f)
	if err == nil {
		err = c.state.save()
	}
	if err == nil && !c.look.Complete {
		err = portvigil.Errorf(portvigil.CodeUnavailable, "the look from inside is not complete")
	}
	if err != nil {
		fmt.Fprintf(a.stdout, "PORTVIGIL UNKNOWN - %s\n", oneLine(explain(err)))
		return &outcome{code: nagiosUnknown}
	}
	findings := c.findings()
	code, word := nagiosOK, "OK"
	for _, e := range findings {
		if e.Severity().Rank() >= portvigil.High.Rank() {
			code, word = nagiosCritical, "CRITICAL"
		} else if code == nagiosOK {
			code, word = nagiosWarning, "WARNING"
		}
	}
	var parts []string
	for _, e := range findings {
		parts = append(parts, fmt.Sprintf("%s %s", e.Door(), e.Verdict))
	}
	text := "as expected"
	if len(parts) > 0 {
		text = strings.Join(parts, ", ")
	}
	fmt.Fprintf(a.stdout, "PORTVIGIL %s - %s | listeners=%d differences=%d\n", word, text, len(c.look.Listeners), len(findings))
	if code == nagiosOK {
		return nil
	}
	return &outcome{code: code}
}

// daily is a little less than a day: cron's minute does not always come round
// in exactly 24 hours.
const daily = 24*time.Hour - 10*time.Minute
