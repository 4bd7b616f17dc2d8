package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/portvigil/portvigil"
)

// table lines up columns for people. Cells are printable text; colour is laid
// over it afterwards, so that it takes no width.
type table struct {
	app  *app
	rows [][]cell
}

type cell struct {
	text   string
	colour string // an SGR code, "" for none
}

func (a *app) table(heads ...string) *table {
	t := &table{app: a}
	t.row(toAny(heads)...)
	return t
}

func toAny(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// row adds a line of strings and cells.
func (t *table) row(cells ...any) {
	var line []cell
	for _, c := range cells {
		switch c := c.(type) {
		case cell:
			line = append(line, c)
		default:
			line = append(line, cell{text: fmt.Sprint(c)})
		}
	}
	t.rows = append(t.rows, line)
}

func (t *table) print() error {
	var widths []int
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		for i, c := range row {
			text := c.text
			if c.colour != "" {
				text = "\x1b[" + c.colour + "m" + text + "\x1b[0m"
			}
			b.WriteString(text)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := fmt.Fprint(t.app.stdout, trimLines(b.String()))
	return err
}

// trimLines takes blanks off the ends of lines: an empty last cell leaves some.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// paint returns the text in the colour of its severity, where stdout takes colour.
func (a *app) paint(text string, s portvigil.Severity) cell {
	if !a.colour(a.stdout) {
		return cell{text: text}
	}
	switch s {
	case portvigil.Critical, portvigil.High:
		return cell{text, "31"}
	case portvigil.Medium:
		return cell{text, "33"}
	case portvigil.Low:
		return cell{text, "34"}
	}
	return cell{text: text}
}

// String is the cell as it stands in a line of its own.
func (c cell) String() string {
	if c.colour == "" {
		return c.text
	}
	return "\x1b[" + c.colour + "m" + c.text + "\x1b[0m"
}

// shorten cuts a text after n characters.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	if stem, found := strings.CutSuffix(word, "y"); found {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, word)
}
