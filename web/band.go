package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// historyPage is what /hosts/NAME/history shows: a band for each door and view.
type historyPage struct {
	Host    string
	Days    string // the choice: 1, 7, 30, 90
	Choices []historyChoice
	From    time.Time
	Middle  time.Time
	To      time.Time
	Doors   []historyDoor
	Views   []band // when each view could tell anything
	Pager   pager
	Query   string
	LeftOut int
	Form    form
}

// historyChoice is a time that the bands can be about.
type historyChoice struct{ Days, Title, Link string }

var historyChoices = []historyChoice{{"1", "24 hours", ""}, {"7", "7 days", ""}, {"30", "30 days", ""}, {"90", "90 days", ""}}

// bandsOnPage bounds the doors with their bands on one page.
const bandsOnPage = 25

// historyDoor is a door with a band for each view that saw it open.
type historyDoor struct {
	Door  string
	Bands []band
}

// band is the history of a door as one view saw it, or of the view itself.
type band struct {
	Who   string // which view, where
	Paths []bandPath
	Words string // what the band shows
}

// bandPath is all stretches of one kind, as an SVG path.
type bandPath struct{ Class, D string }

// Measures of a band, and the most stretches of one kind: more no eye tells apart.
const (
	bandWidth  = 1000
	bandHeight = 18
	maxParts   = 60
)

func (p *pages) history(w http.ResponseWriter, r *http.Request) {
	name, q := r.PathValue("name"), r.URL.Query()
	h := historyPage{Host: name, Days: q.Get("days"), Query: strings.TrimSpace(cut(q.Get("q"))), To: p.now()}
	if !slices.ContainsFunc(historyChoices, func(c historyChoice) bool { return c.Days == h.Days }) {
		h.Days = "7"
	}
	days := map[string]int{"1": 1, "7": 7, "30": 30, "90": 90}[h.Days]
	h.From = h.To.Add(-time.Duration(days) * 24 * time.Hour)
	h.Middle = h.From.Add(h.To.Sub(h.From) / 2)
	t, err := p.engine.HostHistory(r.Context(), name, h.From, h.To)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	for _, c := range historyChoices {
		c.Link = hostPath(name) + "/history?" + url.Values{"days": {c.Days}, "q": {h.Query}}.Encode()
		h.Choices = append(h.Choices, c)
	}
	for _, v := range first(t.Views, bandsOnPage).List {
		h.Views = append(h.Views, viewBand(t, v))
	}
	h.LeftOut = t.LeftOut
	doors := slices.DeleteFunc(historyDoors(t), func(d historyDoor) bool { return !strings.HasPrefix(d.Door, h.Query) })
	h.Doors, h.Pager = paged(doors, bandsOnPage, r.URL)
	p.show(w, r, http.StatusOK, "history.html", page{"History of " + shown(name), h})
}

// maxBands bounds the bands of one door, which a host with very many addresses has.
const maxBands = 8

// historyDoors groups what was open by door.
func historyDoors(t portvigil.Timeline) (list []historyDoor) {
	at := map[string]int{}
	for _, d := range t.Doors {
		door := portvigil.Door{Proto: d.Proto, Port: d.Port}.String()
		n, there := at[door]
		if !there {
			n = len(list)
			at[door] = n
			list = append(list, historyDoor{Door: door})
		}
		if len(list[n].Bands) < maxBands {
			list[n].Bands = append(list[n].Bands, doorBand(t, d))
		}
	}
	return list
}

// doorBand draws when the door was open, on top of when the view could tell.
func doorBand(t portvigil.Timeline, d portvigil.TimelineDoor) band {
	b := band{Who: viewName(d.View, d.Vantage) + ", " + place(d.Address)}
	class := "open"
	if d.View == portvigil.Inside {
		class = "listening"
		if d.Scope == portvigil.ScopeLoopback {
			class = "fine"
		}
	}
	for _, v := range t.Views {
		if v.View == d.View && v.Vantage == d.Vantage && (d.View == portvigil.Inside || v.Address == d.Address.String() && v.Proto == d.Proto) {
			b.draw(t, v.Known, "watched")
		}
	}
	var open, unknown []portvigil.Span
	for _, s := range d.Spans {
		if s.State == portvigil.PastOpen {
			open = append(open, s.Span)
		} else {
			unknown = append(unknown, s.Span)
		}
	}
	b.draw(t, unknown, "unknown")
	b.draw(t, open, class)
	b.Words = spanWords("open", t, open)
	if len(unknown) > 0 {
		b.Words += "; " + spanWords("not known", t, unknown)
	}
	return b
}

func viewBand(t portvigil.Timeline, v portvigil.TimelineView) band {
	b := band{Who: viewName(v.View, v.Vantage)}
	if v.Address != "" {
		b.Who += ", " + shown(v.Address) + ", " + shown(v.Proto) + " " + covered(v.Covered)
	}
	b.draw(t, v.Known, "watched")
	b.Words = spanWords("could tell", t, v.Known)
	return b
}

func viewName(v portvigil.View, vantage string) string {
	if vantage == "" {
		return shown(v)
	}
	return shown(v) + " from " + shown(vantage)
}

// draw adds stretches, the newest first. One too short to be seen is widened, so that
// a door that was open for a minute within 90 days is not lost.
func (b *band) draw(t portvigil.Timeline, spans []portvigil.Span, class string) {
	whole := t.To.Sub(t.From)
	if whole <= 0 || len(spans) == 0 {
		return
	}
	across := func(at time.Time) int {
		return int(min(max(float64(at.Sub(t.From))/float64(whole), 0), 1) * bandWidth)
	}
	height, y := bandHeight, 0
	switch class {
	case "watched":
		height, y = 4, bandHeight-4
	case "unknown":
		height, y = 6, bandHeight/2-3
	}
	var d strings.Builder
	begins, drawn := bandWidth+2, 0 // where the stretch after it begins
	for _, s := range newestFirst(spans) {
		x, end := across(s.From), across(s.To)
		end = min(max(end, x+3), bandWidth)
		x = min(x, end-3)
		if end >= begins { // it meets the one after it
			end = begins
		}
		if x >= end || drawn == maxParts {
			continue
		}
		fmt.Fprintf(&d, "M%d %dh%dv%dh-%dz", x, y, end-x, height, end-x)
		begins = x
		drawn++
	}
	b.Paths = append(b.Paths, bandPath{class, d.String()})
}

func newestFirst(spans []portvigil.Span) []portvigil.Span {
	list := slices.Clone(spans)
	slices.SortFunc(list, func(a, b portvigil.Span) int { return b.From.Compare(a.From) })
	return list
}

// maxSpans bounds the stretches that a band names in words.
const maxSpans = 4

func spanWords(what string, t portvigil.Timeline, spans []portvigil.Span) string {
	if len(spans) == 0 {
		return "never " + what
	}
	some := first(newestFirst(spans), maxSpans)
	var parts []string
	for _, s := range some.List {
		from, to := "from "+s.From.UTC().Format("2 Jan 15:04"), "to "+s.To.UTC().Format("2 Jan 15:04")
		if !s.From.After(t.From) {
			from = "from before"
		}
		if !s.To.Before(t.To) {
			to = "to now"
		}
		if from[len("from "):] == to[len("to "):] { // within a minute
			parts = append(parts, "at "+to[len("to "):])
			continue
		}
		parts = append(parts, from+" "+to)
	}
	text := what + " " + strings.Join(parts, ", ")
	if some.More > 0 {
		text += fmt.Sprintf(" and %d times before", some.More)
	}
	return text
}
