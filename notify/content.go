package notify

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/portvigil/portvigil"
)

// content is what a message says, in words. Channels only lay it out, so that
// all of them say the same. Every string has passed portvigil.Printable.
type content struct {
	Subject  string // one line, with severity, host, door and service
	Headline string // sentence case, no full stop
	Text     string // the alert's own sentence, or ""
	Facts    []fact
	Doors    []string // one row a door, where there are several
	More     int      // doors beyond Doors
	Why, Do  string   // sentences, or ""
	Steps    []step
	Link     string // for a browser, or ""
}

// fact is one line: Host, web1.
type fact struct{ Label, Value string }

// step is a command, with what it is for.
type step struct{ For, Command string }

// mostDoors is how many rows a message lists before it only counts: what fits
// into a mail that is read on a phone.
const mostDoors = 30

// contentOf puts a message into words.
func contentOf(m Message) content {
	a := &m.Alert
	info := a.Kind.Info()
	c := content{Subject: Subject(m), Headline: headline(m), Text: fullStop(printable(a.Text, 1000)), Link: portvigil.Printable(webLink(a.Link))}
	if m.Event == portvigil.ChannelTest {
		c.Facts = []fact{{"Channel", printable(a.Subject.Name, longestValue)}, {"Sent", moment(m.Time)}}
		return c
	}
	c.Facts = factsOf(a)
	if rows := doorRows(a); len(rows) > 0 && listsDoors(a) {
		c.Doors, c.More = rows[:min(len(rows), mostDoors)], max(0, len(rows)-mostDoors)
	}
	if m.Event == portvigil.AlertIsResolved {
		c.Facts = append(c.Facts, resolutionFacts(a)...)
		c.Text = "" // it told the alert while it was open
		c.Steps = []step{{"Its history", "portvigil alerts show " + shellWord(a.ID)}}
		return c
	}
	c.Why, c.Do, c.Steps = sentence(info.Why), sentence(info.Hint), stepsFor(a)
	return c
}

// headline says what happened: the kind's title, and what the event adds.
func headline(m Message) string {
	title := printable(m.Alert.Kind.Info().Title, longestValue)
	if m.Alert.Severity != "" {
		title = printable(string(m.Alert.Severity), 20) + ": " + lowerFirst(title)
	}
	switch m.Event {
	case portvigil.AlertReopened:
		title += ", again"
	case portvigil.AlertRisen:
		title += ", now more severe"
	case portvigil.AlertIsResolved:
		title = "resolved: " + lowerFirst(printable(m.Alert.Kind.Info().Title, longestValue))
	case portvigil.ChannelTest:
		title = "test of a channel"
	}
	return upperFirst(title)
}

// longestValue bounds one value that a host may have sent, in bytes: a banner or
// a list of certificate names must not push the rest of the message away.
const longestValue = 200

// printable is portvigil.Printable, bounded.
func printable(s string, limit int) string { return shorten(portvigil.Printable(s), limit) }

// sentence makes a phrase of the tables a sentence: capital, full stop.
func sentence(s string) string { return upperFirst(fullStop(s)) }

// fullStop ends a text that does not end yet.
func fullStop(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "…") {
		return s
	}
	return s + "."
}

func upperFirst(s string) string { return mapFirst(s, unicode.ToUpper) }

func lowerFirst(s string) string { return mapFirst(s, unicode.ToLower) }

func mapFirst(s string, f func(rune) rune) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return ""
	}
	return string(f(r)) + s[size:]
}

// moment writes a time for people.
func moment(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// count writes a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
