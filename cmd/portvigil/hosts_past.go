package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/portvigil/portvigil"
)

// pastView and pastDoor are what was known then as records.
type pastView struct {
	Type string    `json:"type"` // "past-view"
	Time time.Time `json:"time"` // the moment
	Host string    `json:"host"`
	portvigil.PastView
}

type pastDoor struct {
	Type string    `json:"type"` // "past-door"
	Time time.Time `json:"time"`
	Host string    `json:"host"`
	portvigil.PastDoor
}

// showPast prints what was reachable on a host at a moment.
func (a *app) showPast(ctx context.Context, name, when string) error {
	at0, err := parsePast(when, time.Now())
	if err != nil {
		return err
	}
	var p portvigil.Past
	path := at("hosts", name, "past") + "?at=" + url.QueryEscape(at0.UTC().Format(time.RFC3339Nano))
	if err := a.client().get(ctx, path, &p); err != nil {
		return err
	}
	if a.json {
		return a.pastRecords(p)
	}
	fmt.Fprintf(a.stdout, "%s at %s\n", p.Host, p.At.Format(time.RFC3339))
	for _, v := range p.Views {
		fmt.Fprintf(a.stdout, "  %s\n", pastViewLine(v))
	}
	if len(p.Views) == 0 {
		_, err := fmt.Fprintln(a.stdout, "  No view had looked at it by then: nothing is known.")
		return err
	}
	if len(p.Doors) == 0 {
		_, err := fmt.Fprintln(a.stdout, "  No door was open, as far as the views above had seen.")
		return err
	}
	t := a.table("DOOR", "ADDRESS", "SEEN FROM", "STATE", "WHY")
	for _, d := range p.Doors {
		t.row(d.Door().String(), pastPlace(d), seenFrom(d), string(d.State), portvigil.Printable(d.Why))
	}
	return t.print()
}

// parsePast reads a time, a date (its end, or now where that has not come), or a
// span back from now.
func parsePast(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if d, err := portvigil.ParseDate(text); err == nil {
		if end := d.End().Add(-time.Second); end.Before(now) {
			return end, nil
		}
		return now, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, portvigil.Errorf(portvigil.CodeInvalid, "--at %s is no time", portvigil.Quoted(text)).
			WithHint("write 2026-05-03T12:00:00Z, 2026-05-03 (its end) or 36h (ago)")
	}
	return t, nil
}

func (a *app) pastRecords(p portvigil.Past) error {
	for _, v := range p.Views {
		if err := a.record(pastView{"past-view", p.At, p.Host, v}); err != nil {
			return err
		}
	}
	for _, d := range p.Doors {
		if err := a.record(pastDoor{"past-door", p.At, p.Host, d}); err != nil {
			return err
		}
	}
	return nil
}

func pastViewLine(v portvigil.PastView) string {
	line := string(v.View)
	if v.Vantage != "" {
		line += " from " + portvigil.Printable(v.Vantage)
	}
	if v.Address != "" {
		line += " at " + v.Address
	}
	if v.Proto != "" {
		line += " " + string(v.Proto)
	}
	line += " (" + shorten(portvigil.Printable(v.Covered), 40) + "): "
	switch {
	case !v.Known:
		return line + "not known, the last complete look was at " + v.Last.UTC().Format(time.RFC3339)
	case v.Since.Equal(v.Last):
		return line + "looked at " + v.Since.UTC().Format(time.RFC3339)
	}
	return line + fmt.Sprintf("looked from %s to %s, every %s or sooner",
		v.Since.UTC().Format(time.RFC3339), v.Last.UTC().Format(time.RFC3339), v.Pause.Round(time.Second))
}

func pastPlace(d portvigil.PastDoor) string {
	switch {
	case d.Apart:
		return d.Address.String() + " in another namespace"
	case d.Scope != "":
		return d.Address.String() + " (" + string(d.Scope) + ")"
	}
	return d.Address.String()
}

func seenFrom(d portvigil.PastDoor) string {
	if d.Vantage == "" {
		return string(d.View)
	}
	return string(d.View) + ", " + portvigil.Printable(d.Vantage)
}
