package web

import (
	"net/http"
	"slices"
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
		list = append(list, "scope "+string(l.Scope))
	}
	if len(l.From) > 0 {
		list = append(list, "from "+l.Field("from"))
	}
	return list
}

// Pins are what makes it changed, as a key and a value each.
func (l entryLine) Pins() (list [][2]string) {
	for _, f := range entryFields {
		if value := l.Field(f.Key); f.Pin && value != "" {
			list = append(list, [2]string{f.Key[len("pin."):], value})
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
	Hosts   []string                  // that a group's document holds for
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
	hosts, groups, err := p.hostsOf(r, s)
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
	for _, g := range groups {
		if !slices.Contains(b.Groups, g) {
			b.Groups = append(b.Groups, g)
		}
	}
	p.show(w, r, http.StatusOK, "baseline.html", page{"Baseline of " + shown(s.Name), b})
}

// hostsOf returns the hosts that a document holds for, and of a host the groups
// that it was given.
func (p *pages) hostsOf(r *http.Request, s subject) (list []portvigil.HostStatus, groups []string, err error) {
	if s.Kind == "host" {
		h, err := p.engine.Host(r.Context(), s.Name)
		if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
			return nil, nil, nil
		}
		return []portvigil.HostStatus{h}, h.Host.Groups, err
	}
	documents, err := p.engine.Documents(r.Context())
	if err != nil {
		return nil, nil, err
	}
	of := slices.IndexFunc(documents, func(d portvigil.DocumentStatus) bool { return d.Kind == s.Kind && d.Name == s.Name })
	if of < 0 {
		return nil, nil, nil
	}
	for _, name := range first(documents[of].Hosts, maxMembers).List {
		h, err := p.engine.Host(r.Context(), name)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, h)
	}
	return list, nil, nil
}

// maxMembers is how many hosts of a group are asked what they say of its entries:
// each is joined anew.
const maxMembers = 20

func baselineOf(s subject, v portvigil.BaselineVersion, hosts []portvigil.HostStatus, now time.Time) (baselinePage, error) {
	b := baselinePage{subject: s, Newest: v, Watched: len(hosts) > 0}
	var d portvigil.Document
	if v.Version > 0 {
		var err error
		if d, err = portvigil.ReadDocument(v.Kind, v.Name, []byte(v.Text)); err != nil {
			return b, err
		}
	}
	b.entryCounts, b.Allow, b.Groups = countsOf(d, now), d.Allow, slices.Clone(d.Groups)
	var lines []entryLine
	sights := sightsOf(hosts)
	for k, e := range d.Entries {
		lines = append(lines, entryLine{e, k, sightOf(e, sights), e.Expired(now), e.ExpiresWithin(now, endsSoon)})
	}
	slices.SortStableFunc(lines, func(a, b entryLine) int { return pressing(b) - pressing(a) })
	b.Lines = first(lines, maxDoors)
	var doors []*portvigil.Exposure
	for i := range hosts {
		b.Hosts = append(b.Hosts, hosts[i].Host.Name)
		for k := range hosts[i].Exposures {
			if x := &hosts[i].Exposures[k]; s.Kind == "host" && x.Open() && x.Entry == nil && x.Tells() && x.Verdict != portvigil.Hidden {
				doors = append(doors, x)
			}
		}
	}
	b.Doors = first(doors, maxDoors)
	return b, nil
}

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
