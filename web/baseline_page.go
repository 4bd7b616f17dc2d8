package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// entryLine is an entry's row.
type entryLine struct {
	portvigil.Entry
	K       int // its number in the document, from 0
	Sight   portvigil.EntrySight
	Expired bool
	Ending  bool
}

// Place says where the entry counts: the address and the scope, and who may see it.
func (l entryLine) Place() (list []string) {
	if text := l.Field("address"); text != "" {
		list = append(list, text)
	}
	if l.Scope != "" {
		list = append(list, scopeWords(l.Scope))
	}
	if len(l.From) > 0 {
		list = append(list, "from "+l.Field("from"))
	}
	return list
}

// Pins are what makes it changed, as a name and a value each.
func (l entryLine) Pins() (list [][2]string) {
	for _, f := range entryFields {
		if value := l.Field(f.Key); f.Pin && value != "" {
			list = append(list, [2]string{strings.ToLower(f.Label), value})
		}
	}
	return list
}

// baselinePage is what /baseline/NAME shows.
type baselinePage struct {
	subject
	entryCounts
	Newest  portvigil.BaselineVersion
	Folder  string
	Lines   some[entryLine] // what is unexplained first
	Allow   []portvigil.Allow
	Groups  []string
	Hosts   some[portvigil.SeenHost]  // that it holds for
	Doors   some[*portvigil.Exposure] // open, and in no baseline
	Watched bool                      // whether a host of that name is watched
}

func (p *pages) baseline(w http.ResponseWriter, r *http.Request) {
	s := subjectOf(r)
	v, err := p.engine.Document(r.Context(), s.Kind, s.Name)
	if s.Kind == "host" && portvigil.ErrorCode(err) == portvigil.CodeNotFound {
		// No host has that name; perhaps a group has it.
		if g, err := p.engine.Document(r.Context(), "group", s.Name); err == nil {
			s.Kind, v = "group", g
		}
	}
	if v.Kind == "" && err != nil {
		p.fail(w, r, err)
		return
	}
	hosts, own, err := p.hostsOf(r, s)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	b, err := baselineOf(s, v, hosts, p.now())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	b.Folder = p.engine.BaselineFolder()
	if own != nil {
		b.addHost(own)
	}
	p.show(w, r, http.StatusOK, "baseline.html", page{"Baseline of " + shown(s.Name), b})
}

// hostsOf returns what was seen of the hosts that a document holds for. own is the
// host whose document it is, nil where it is a group's or is not watched.
func (p *pages) hostsOf(r *http.Request, s subject) (seen []portvigil.SeenHost, own *portvigil.HostStatus, err error) {
	if s.Kind == "host" {
		h, err := p.engine.Host(r.Context(), s.Name)
		if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
			return nil, nil, nil
		}
		return []portvigil.SeenHost{{Name: s.Name, Doors: portvigil.DoorSights(h.Exposures)}}, &h, err
	}
	documents, err := p.engine.Documents(r.Context())
	for _, d := range documents {
		if d.Kind == s.Kind && d.Name == s.Name {
			seen = d.Hosts
		}
	}
	return seen, nil, err
}

// maxMembers is how many hosts of a group are named.
const maxMembers = 20

func baselineOf(s subject, v portvigil.BaselineVersion, hosts []portvigil.SeenHost, now time.Time) (baselinePage, error) {
	b := baselinePage{subject: s, Newest: v, Hosts: first(hosts, maxMembers)}
	var d portvigil.Document
	if v.Version > 0 {
		var err error
		if d, err = portvigil.ReadDocument(v.Kind, v.Name, []byte(v.Text)); err != nil {
			return b, err
		}
	}
	b.entryCounts, b.Allow, b.Groups = countsOf(d, now), d.Allow, slices.Clone(d.Groups)
	var lines []entryLine
	for k, e := range d.Entries {
		lines = append(lines, entryLine{e, k, sightOf(e, hosts), e.Expired(now), e.ExpiresWithin(now, endsSoon)})
	}
	slices.SortStableFunc(lines, func(a, b entryLine) int { return pressing(b) - pressing(a) })
	b.Lines = first(lines, maxDoors)
	return b, nil
}

// addHost adds what the page says of the host whose document it is about.
func (b *baselinePage) addHost(h *portvigil.HostStatus) {
	b.Watched = true
	for _, g := range h.Host.Groups {
		if !slices.Contains(b.Groups, g) {
			b.Groups = append(b.Groups, g)
		}
	}
	b.Doors = first(undocumented(h.Exposures), maxDoors)
}

// undocumented are the doors that are open and in no baseline, the worst first;
// each once, whatever addresses it has: one entry covers them all.
func undocumented(all []portvigil.Exposure) (doors []*portvigil.Exposure) {
	known := map[portvigil.Door]int{}
	for k := range all {
		x := &all[k]
		if !x.Open() || x.Entry != nil || !x.Tells() || x.Verdict == portvigil.Hidden {
			continue
		}
		at, there := known[x.Door()]
		if !there {
			known[x.Door()] = len(doors)
			doors = append(doors, x)
		} else if gravity(x) > gravity(doors[at]) {
			doors[at] = x
		}
	}
	slices.SortStableFunc(doors, func(a, b *portvigil.Exposure) int { return gravity(b) - gravity(a) })
	return doors
}

// gravity orders doors by what their verdict is worth to people.
func gravity(x *portvigil.Exposure) int { return portvigil.Kind(x.Verdict).Info().Severity.Rank() }

// pressing orders entries: what nobody explained before what is over before the rest.
func pressing(l entryLine) int {
	switch {
	case l.Unexplained():
		return 3
	case l.Expired:
		return 2
	case l.Ending:
		return 1
	}
	return 0
}
