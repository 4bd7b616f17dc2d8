package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/portvigil/portvigil"
)

// hostsOnPage bounds what one page lists.
const hostsOnPage = 50

// hostsPage is what /hosts shows.
type hostsPage struct {
	Hosts   []hostSummary
	Filter  hostFilter
	Groups  []string // of all hosts, in order
	Total   int      // hosts that are watched
	Found   int      // of them that the filter picks
	Pager   pager
	Waiting int // addresses that wait for somebody to allow them
	Add     addForm
	Import  importForm
	Form    form
}

// hostFilter picks hosts; the zero value picks all.
type hostFilter struct{ Query, Group, Show string }

// hostSummary is a host's row in the list.
type hostSummary struct {
	portvigil.HostSummary
	Blind bool // a view is not fresh, or there is none
}

// Watch says how many doors nobody expected.
func (h hostSummary) Unexpected() int {
	return h.Doors[portvigil.Hidden] + h.Doors[portvigil.UnexpectedExposed] + h.Doors[portvigil.UnexpectedListening] + h.Doors[portvigil.Changed]
}

func (p *pages) hosts(w http.ResponseWriter, r *http.Request) {
	p.showHosts(w, r, http.StatusOK, form{}, nil)
}

// showHosts shows the list with a form that could not be done.
func (p *pages) showHosts(w http.ResponseWriter, r *http.Request, status int, f form, refused []refusedHost) {
	all, err := p.engine.Overview(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	q := r.URL.Query()
	h := hostsPage{Filter: hostFilter{Query: strings.TrimSpace(cut(q.Get("q"))), Group: cut(q.Get("group")), Show: q.Get("show")}, Total: len(all), Form: f,
		Add: addForm{Form: f, Next: "/hosts", Host: q.Get("host"), Address: q.Get("address")}, Import: importForm{Form: f, Refused: first(refused, maxRefused)}}
	var list []hostSummary
	for _, s := range all {
		line := summaryOf(s)
		h.Waiting += len(s.Host.Waiting)
		h.Groups = append(h.Groups, s.Host.Groups...)
		if h.Filter.picks(line) {
			list = append(list, line)
		}
	}
	slices.Sort(h.Groups)
	h.Groups = slices.Compact(h.Groups)
	slices.SortStableFunc(list, func(a, b hostSummary) int {
		return cmp.Or(b.Worst.Rank()-a.Worst.Rank(), -compareBools(a.Blind, b.Blind), cmp.Compare(a.Host.Name, b.Host.Name))
	})
	h.Found = len(list)
	h.Hosts, h.Pager = paged(list, hostsOnPage, r.URL)
	p.show(w, r, status, "hosts.html", page{"Hosts", h})
}

func summaryOf(s portvigil.HostSummary) hostSummary {
	line := hostSummary{HostSummary: s, Blind: len(s.Views) == 0}
	for _, v := range s.Views {
		line.Blind = line.Blind || !v.Fresh
	}
	return line
}

// picks reports whether the filter wants the host.
func (f hostFilter) picks(h hostSummary) bool {
	switch f.Show {
	case "alerts":
		if h.Open() == 0 {
			return false
		}
	case "blind":
		if !h.Blind {
			return false
		}
	}
	if f.Group != "" && !slices.Contains(h.Host.Groups, f.Group) {
		return false
	}
	has := func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(f.Query)) }
	if f.Query == "" || has(h.Host.Name) || slices.ContainsFunc(h.Host.Groups, has) || slices.ContainsFunc(h.Host.Targets, has) {
		return true
	}
	return slices.ContainsFunc(h.Host.Addresses, func(a portvigil.HostAddress) bool { return has(a.Address.String()) })
}

// pager leads to the other pages of a list.
type pager struct {
	Page, Pages int
	First, Last int // which of the list are shown, from 1
	All         int
	Back, On    string // links; "" for none
}

// paged returns the page of a list that a link asks for by ?page=.
func paged[T any](list []T, size int, u *url.URL) ([]T, pager) {
	pages := max(1, (len(list)+size-1)/size)
	n, err := strconv.Atoi(u.Query().Get("page"))
	if err != nil || n < 1 {
		n = 1
	}
	n = min(n, pages)
	from, to := (n-1)*size, min(n*size, len(list))
	g := pager{Page: n, Pages: pages, First: min(from+1, to), Last: to, All: len(list)}
	link := func(page int) string {
		q := u.Query()
		q.Set("page", strconv.Itoa(page))
		return u.EscapedPath() + "?" + q.Encode()
	}
	if n > 1 {
		g.Back = link(n - 1)
	}
	if n < pages {
		g.On = link(n + 1)
	}
	return list[from:to], g
}
