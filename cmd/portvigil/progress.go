package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// progressLine shows how far a look is, on one line of a terminal, and nothing
// anywhere else.
type progressLine struct {
	app   *app
	began time.Time
	shown bool
}

func (a *app) progress() *progressLine { return &progressLine{app: a, began: time.Now()} }

const barWidth = 24

// show shows a look, and what else there is to say of it.
func (p *progressLine) show(l portvigil.LookProgress, more ...string) {
	if !p.app.terminal(p.app.stderr) {
		return
	}
	p.shown = true
	if l.Waits != "" {
		fmt.Fprintf(p.app.stderr, "\r\x1b[Kwaits: %s", l.Waits)
		return
	}
	filled := int(max(0, min(1, l.Share)) * barWidth)
	fmt.Fprintf(p.app.stderr, "\r\x1b[K%s [%s%s] %3.0f %%  %.0f/s  %d open%s%s", l.Address,
		strings.Repeat("#", filled), strings.Repeat(".", barWidth-filled), l.Share*100, l.Rate, l.Open, left(time.Since(p.began), l.Share), strings.Join(more, ""))
}

// left says how long something takes on, going by what share of it took so long.
func left(took time.Duration, share float64) string {
	if took < 2*time.Second || share < 0.02 || share >= 1 {
		return ""
	}
	rest := time.Duration(float64(took) * (1 - share) / share)
	return "  " + max(rest.Round(time.Second), time.Second).String() + " left"
}

func (p *progressLine) clear() {
	if p.shown {
		fmt.Fprint(p.app.stderr, "\r\x1b[K")
		p.shown = false
	}
}
