package web

import (
	"fmt"
	"strings"

	"github.com/portvigil/portvigil"
)

// picture is a host as a drawing of its doors. Where a door is drawn says who can
// reach it, its frame and its sign what is thought of it:
//
//	  ▲80 ✓   ▲9100 !        open from outside: they stand on the wall
//	┌────────────────────┐   the wall
//	│  5432 ✓   3306 !   │   listening, not reachable from outside
//	│ ┌ ─ ─ ─ ─ ─ ─ ─ ─┐ │
//	│   631    6010      │   this machine only
//	│ └ ─ ─ ─ ─ ─ ─ ─ ─┘ │
//	└────────────────────┘
type picture struct {
	Class         string
	Width, Height int
	Wall, Inner   frame
	Lanes         []lane
}

// frame is a rectangle; without a height it is not drawn.
type frame struct{ X, Y, Width, Height int }

// lane is a row of doors that are equally far in, or several rows of them.
type lane struct {
	Title  string
	X, Y   int // of the title
	Marks  []mark
	Says   string // where there is no mark, or more than are drawn
	SaysAt int
}

// mark is one door.
type mark struct {
	X, Y          int
	Class         string // bad, odd, fine, quiet
	Door          string
	Port, Service string
	Sign          string
	Out           bool // reachable from outside
}

// Measures of the drawing, in its own units, which are about pixels.
const (
	cellWidth  = 88
	cellHeight = 62
	markWidth  = 80
	markHeight = 44
	titleSpace = 28
	margin     = 16
	maxMarks   = 36 // of one lane
)

// pictures are the host drawn for a wide window and for a phone.
func pictures(doors []*portvigil.Exposure) []picture {
	return []picture{draw(doors, 12, "wide"), draw(doors, 3, "small")}
}

func draw(doors []*portvigil.Exposure, columns int, class string) picture {
	p := picture{Class: class, Width: columns*cellWidth + 4*margin}
	lanes := map[standing][]mark{}
	for _, m := range marksOf(doors) {
		lanes[m.at] = append(lanes[m.at], m.mark)
	}
	y := p.lane(0, "Reachable from outside", lanes[standsOpen], columns, "none, as far as was seen")
	p.Wall = frame{X: margin / 2, Y: y - (cellHeight-markHeight)/2, Width: p.Width - margin}
	y = p.lane(y+margin/2, "Listening, not reachable from outside", lanes[standsInside], columns, "none, as far as was seen")
	if away := lanes[standsAway]; len(away) > 0 {
		y = p.lane(y, "Expected, or seen before, and not open now", away, columns, "")
	}
	if alone := lanes[standsAlone]; len(alone) > 0 {
		p.Inner = frame{X: margin, Y: y, Width: p.Width - 2*margin}
		y = p.lane(y, "This machine only (loopback)", alone, columns, "")
		p.Inner.Height = y - p.Inner.Y
	}
	p.Wall.Height = y + margin/2 - p.Wall.Y
	p.Height = p.Wall.Y + p.Wall.Height + margin/2
	return p
}

// lane lays doors out from y on, and returns where what follows begins.
func (p *picture) lane(y int, title string, marks []mark, columns int, none string) int {
	l := lane{Title: title, X: 2 * margin, Y: y + titleSpace - 9}
	y += titleSpace
	list := first(marks, maxMarks)
	for i, m := range list.List {
		m.X, m.Y = 2*margin+i%columns*cellWidth, y+i/columns*cellHeight+(cellHeight-markHeight)/2
		l.Marks = append(l.Marks, m)
	}
	y += (len(list.List) + columns - 1) / columns * cellHeight
	switch {
	case len(marks) == 0:
		l.Says = none
	case list.More > 0:
		l.Says = fmt.Sprintf("and %d more, in the table below", list.More)
	}
	if l.Says != "" {
		l.SaysAt = y + 12
		y += titleSpace
	}
	p.Lanes = append(p.Lanes, l)
	return y
}

// standingMark is a mark and where it belongs.
type standingMark struct {
	mark
	at standing
}

// marksOf makes one mark of each door, whatever addresses it has: the farthest out
// and the worst of them count.
func marksOf(doors []*portvigil.Exposure) (list []standingMark) {
	depth := map[standing]int{standsOpen: 0, standsInside: 1, standsAlone: 2, standsAway: 3}
	known := map[portvigil.Door]int{}
	for _, x := range doors { // those to look at come first
		at := standingOf(x)
		if at == standsNowhere {
			continue
		}
		if i, there := known[x.Door()]; there {
			if depth[at] < depth[list[i].at] {
				list[i].at, list[i].Out = at, at == standsOpen
			}
			continue
		}
		known[x.Door()] = len(list)
		class, sign := classOf(x)
		list = append(list, standingMark{mark{Class: class, Sign: sign, Door: x.Door().String(), Port: fmt.Sprint(x.Port), Service: shortName(x), Out: at == standsOpen}, at})
	}
	return list
}

// classOf says how a verdict is drawn; the sign says it without colour.
func classOf(x *portvigil.Exposure) (class, sign string) {
	switch x.Verdict {
	case portvigil.Hidden, portvigil.UnexpectedExposed:
		return "bad", "!"
	case portvigil.UnexpectedListening, portvigil.Changed:
		return "odd", "!"
	case portvigil.Missing:
		return "odd", "–"
	case portvigil.Pending, portvigil.Unverified:
		return "odd", "?"
	case portvigil.Expected, portvigil.Allowed:
		return "fine", "✓"
	}
	return "quiet", ""
}

// maxLabel is how many characters of a name fit a mark, the widest letters too.
const maxLabel = 9

func shortName(x *portvigil.Exposure) string {
	name := ""
	switch {
	case x.Process != nil && x.Process.Exe != "":
		name = baseOf(x.Process.Exe)
	case x.Service != nil && x.Service.Name != "":
		name = x.Service.Name
	case x.Service != nil:
		name = x.Service.Product
	}
	name = shown(name)
	if x.Proto == portvigil.UDP {
		name = "udp " + name // TCP goes without saying
	}
	runes := []rune(name)
	if len(runes) > maxLabel {
		return string(runes[:maxLabel-1]) + "…"
	}
	return string(runes)
}

// pictureWords says in words what the picture shows.
func pictureWords(host string, doors []*portvigil.Exposure) string {
	marks := marksOf(doors)
	var parts []string
	for _, l := range []struct {
		at   standing
		what string
	}{{standsOpen, "reachable from outside"}, {standsInside, "listening but not reachable from outside"},
		{standsAway, "expected or seen before and not open now"}, {standsAlone, "on this machine only"}} {
		all := 0
		var odd []string
		for _, m := range marks {
			if m.at != l.at {
				continue
			}
			if all++; m.Class == "bad" || m.Class == "odd" {
				odd = append(odd, m.Door)
			}
		}
		if all == 0 {
			continue
		}
		text := plural(all, "door") + " " + l.what
		if some := first(odd, 10); len(odd) > 0 {
			text += ", to look at: " + strings.Join(some.List, ", ")
			if some.More > 0 {
				text += fmt.Sprintf(" and %d more", some.More)
			}
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		parts = []string{"no door is known"}
	}
	return "Doors of " + shown(host) + ": " + strings.Join(parts, "; ") + "."
}
