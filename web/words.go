package web

import (
	"fmt"
	"html/template"
	"net/netip"
	"time"

	"github.com/portvigil/portvigil"
)

// words are the functions of the templates. Text that a host sent goes through
// printable before html/template escapes it: control and direction characters
// would still change what a reader sees.
var words = template.FuncMap{
	"printable": portvigil.Printable,
	"exact":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"ago":       ago,
	"place":     place,
	"info":      func(k portvigil.Kind) portvigil.KindInfo { return k.Info() },
	"label":     func(s *portvigil.Service) string { return portvigil.Printable(s.Label()) },
}

// ago says how long before now something was.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	switch {
	case d < -time.Minute:
		return "in " + span(-d)
	case d < time.Minute:
		return "just now"
	}
	return span(d) + " ago"
}

func span(d time.Duration) string {
	switch {
	case d < time.Hour:
		return plural(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return plural(int(d/time.Hour), "hour")
	}
	return plural(int(d/(24*time.Hour)), "day")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func place(a netip.Addr) string {
	if !a.IsValid() {
		return "every address"
	}
	return a.String()
}
