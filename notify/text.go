package notify

import (
	"fmt"
	"strings"
)

// Text returns the message as plain text of short lines, for mails, terminals
// and logs: nothing in it is a control character but the line ends.
func Text(m Message) string {
	c := contentOf(m)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", c.Headline)
	if c.Text != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Text)
	}
	b.WriteString("\n")
	for _, f := range c.Facts {
		fmt.Fprintf(&b, "%s: %s\n", f.Label, f.Value)
	}
	if len(c.Doors) > 0 {
		b.WriteString("\nDoors:\n")
		for _, d := range c.Doors {
			fmt.Fprintf(&b, "- %s\n", d)
		}
		if c.More > 0 {
			fmt.Fprintf(&b, "and %d more\n", c.More)
		}
	}
	if c.Why != "" {
		fmt.Fprintf(&b, "\nWhy it matters: %s\n", c.Why)
	}
	if c.Do != "" {
		fmt.Fprintf(&b, "\nWhat to do: %s\n", c.Do)
	}
	for _, s := range c.Steps {
		fmt.Fprintf(&b, "\n%s:\n  %s\n", s.For, s.Command)
	}
	if c.Link != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Link)
	}
	return b.String()
}
