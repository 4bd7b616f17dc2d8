package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// maxDocuments bounds the documents on one page.
const maxDocuments = 150

// endsSoon is how long before its last day an entry counts as ending soon.
const endsSoon = 30 * 24 * time.Hour

// subject is whose document a page is about.
type subject struct{ Kind, Name string }

// Path is where its pages are; what is behind the name comes as more.
func (s subject) Path(more ...string) string {
	path := "/baseline/" + part(s.Name)
	for _, m := range more {
		path += "/" + m
	}
	if s.Kind == "group" {
		path += "?kind=group"
	}
	return path
}

// With is Path with a question behind it: a key and its value by turns.
func (s subject) With(page string, pairs ...any) string {
	q := url.Values{}
	if s.Kind == "group" {
		q.Set("kind", "group")
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(shown(pairs[i]), cut(portvigil.Printable(shown(pairs[i+1]))))
	}
	path := "/baseline/" + part(s.Name)
	if page != "" {
		path += "/" + page
	}
	return path + "?" + q.Encode()
}

// subjectOf is whose document a request is about.
func subjectOf(r *http.Request) subject {
	s := subject{"host", r.PathValue("name")}
	if r.URL.Query().Get("kind") == "group" {
		s.Kind = "group"
	}
	return s
}

// entryCounts is what a document says of its entries.
type entryCounts struct{ Entries, Unexplained, Expired, Ending int }

// documentLine is a document's row.
type documentLine struct {
	subject
	entryCounts
	Newest portvigil.BaselineVersion // of version 0 where nothing is written down
	Hosts  int                       // that it holds for, of a group
	// Missing is how many doors that a host should have are not open, its groups' among them.
	Missing int
}

// baselinesPage is what /baseline shows.
type baselinesPage struct {
	Documents some[documentLine]
	Folder    string
	All       entryCounts
	Missing   int // doors of all hosts that should be open and are not
}

func (p *pages) baselines(w http.ResponseWriter, r *http.Request) {
	documents, err := p.engine.Documents(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	hosts, err := p.engine.Overview(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	lines := documentLines(documents, hosts, p.now())
	b := baselinesPage{Folder: p.engine.BaselineFolder(), Documents: first(lines, maxDocuments)}
	for _, l := range lines {
		b.All.Entries += l.Entries
		b.All.Unexplained += l.Unexplained
		b.All.Expired += l.Expired
		b.All.Ending += l.Ending
		b.Missing += l.Missing
	}
	p.show(w, r, http.StatusOK, "baselines.html", page{"Baseline", b})
}

// documentLines is a row for each document, and for each host that has none; what is
// unexplained comes first.
func documentLines(documents []portvigil.DocumentStatus, hosts []portvigil.HostSummary, now time.Time) []documentLine {
	missing, written := map[string]int{}, map[string]bool{}
	for _, h := range hosts {
		missing[h.Host.Name] = h.Doors[portvigil.Verdict(portvigil.Missing)]
	}
	var lines []documentLine
	for _, d := range documents {
		line := documentLine{subject: subject{d.Kind, d.Name}, entryCounts: countsOf(d.Document, now), Newest: d.BaselineVersion, Hosts: len(d.Hosts)}
		if d.Kind == "host" {
			written[d.Name], line.Missing = true, missing[d.Name]
		}
		lines = append(lines, line)
	}
	for _, h := range hosts {
		if !written[h.Host.Name] {
			lines = append(lines, documentLine{subject: subject{"host", h.Host.Name}})
		}
	}
	slices.SortStableFunc(lines, func(a, b documentLine) int {
		return cmp.Or(cmp.Compare(b.Unexplained, a.Unexplained), cmp.Compare(b.Expired, a.Expired), cmp.Compare(b.Ending, a.Ending))
	})
	return lines
}

func countsOf(d portvigil.Document, now time.Time) (c entryCounts) {
	for _, e := range d.Entries {
		c.Entries++
		if e.Unexplained() {
			c.Unexplained++
		}
		switch {
		case e.Expired(now):
			c.Expired++
		case e.ExpiresWithin(now, endsSoon):
			c.Ending++
		}
	}
	return c
}

// sightOf is the surest that is seen of an entry on any of the hosts.
func sightOf(e portvigil.Entry, hosts []portvigil.SeenHost) (s portvigil.EntrySight) {
	for _, h := range hosts {
		s = s.Surer(portvigil.SightOf(e, h.Doors))
	}
	return s
}

// sightWord is a sight as a sentence has it.
func sightWord(s portvigil.EntrySight) string {
	switch s {
	case portvigil.SightOpen:
		return "open from outside"
	case portvigil.SightListening:
		return "listening"
	case portvigil.SightMissing:
		return "missing"
	case portvigil.SightUnverified:
		return "not verified"
	case portvigil.SightShut:
		return "not open"
	}
	return "not known"
}
