package web

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// Bounds of the overview: it says what is most, and leads to the rest.
const (
	maxNeeds  = 12
	maxToday  = 8
	maxBlind  = 12
	maxOnView = 60 // hosts
	today     = 24 * time.Hour
)

// overviewPage is what / shows: is all well, what needs me, what changed, how
// sure are we.
type overviewPage struct {
	Open     int
	By       []severityCount // of the open alerts, the worst first
	Needs    some[portvigil.Alert]
	ToNote   some[portvigil.Alert] // ended by themselves, and nobody has noted it
	Today    some[portvigil.Alert] // opened, risen or ended within a day, beside those above
	Hosts    some[portvigil.HostSummary]
	Doors    int // open or expected, of all hosts
	Fresh    int // views that can be relied on
	Views    int
	Blind    some[blindView]
	Newest   time.Time // the newest look of any host; zero for none
	Channels int
	Due      string // what the first steps ask for; "" where they are done
}

// severityCount is how many open alerts there are of one severity.
type severityCount struct {
	Severity portvigil.Severity
	Count    int
}

// blindView is a view of a host that cannot be relied on.
type blindView struct {
	Host string
	portvigil.ViewStatus
}

func (p *pages) overview(w http.ResponseWriter, r *http.Request) {
	o, err := p.overviewNow(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "overview.html", page{"Overview", o})
}

func (p *pages) overviewNow(r *http.Request) (o overviewPage, err error) {
	ctx := r.Context()
	hosts, err := p.engine.Overview(ctx)
	if err != nil {
		return o, err
	}
	if o.Due, err = p.stepDue(r, hosts); err != nil {
		return o, err
	}
	o.sum(hosts)
	for _, q := range []struct {
		filter portvigil.AlertFilter
		into   *some[portvigil.Alert]
	}{
		{portvigil.AlertFilter{States: portvigil.OpenStates(), Order: portvigil.BySeverity, Limit: maxNeeds}, &o.Needs},
		{portvigil.AlertFilter{Attention: true, States: []portvigil.AlertState{portvigil.AlertResolved}, Limit: maxNeeds}, &o.ToNote},
		{portvigil.AlertFilter{ChangedSince: p.now().Add(-today), Limit: 2*maxNeeds + maxToday}, &o.Today},
	} {
		list, total, err := p.engine.AlertsWhere(ctx, q.filter)
		if err != nil {
			return o, err
		}
		*q.into = some[portvigil.Alert]{List: list, More: total - len(list)}
	}
	o.Open = o.Needs.Count()
	counts, err := p.engine.AlertCounts(ctx, portvigil.AlertFilter{States: portvigil.OpenStates()})
	if err != nil {
		return o, err
	}
	o.By = bySeverity(counts)
	o.Today = o.beside()
	channels, err := p.engine.Channels(ctx)
	if err != nil {
		return o, err
	}
	o.Channels = len(channels)
	return o, nil
}

// sum counts what the hosts have.
func (o *overviewPage) sum(hosts []portvigil.HostSummary) {
	var blind []blindView
	for _, h := range hosts {
		for verdict, n := range h.Doors {
			if verdict != portvigil.None {
				o.Doors += n
			}
		}
		for _, v := range h.Views {
			o.Views++
			if v.Newest.After(o.Newest) {
				o.Newest = v.Newest
			}
			if v.Fresh {
				o.Fresh++
				continue
			}
			blind = append(blind, blindView{h.Host.Name, v})
		}
	}
	slices.SortStableFunc(blind, func(a, b blindView) int { return a.Complete.Compare(b.Complete) })
	o.Blind = first(blind, maxBlind)
	slices.SortStableFunc(hosts, func(a, b portvigil.HostSummary) int {
		return cmp.Or(b.Worst.Rank()-a.Worst.Rank(), b.Open()-a.Open(), cmp.Compare(a.Host.Name, b.Host.Name))
	})
	o.Hosts = first(hosts, maxOnView)
}

// bySeverity adds up what is alike but for its state, the worst first.
func bySeverity(counts []portvigil.AlertCount) (list []severityCount) {
	for _, c := range counts {
		i := slices.IndexFunc(list, func(s severityCount) bool { return s.Severity == c.Severity })
		if i < 0 {
			i, list = len(list), append(list, severityCount{Severity: c.Severity})
		}
		list[i].Count += c.Count
	}
	slices.SortFunc(list, func(a, b severityCount) int { return b.Severity.Rank() - a.Severity.Rank() })
	return list
}

// Urgent reports whether an open alert is high or critical.
func (o overviewPage) Urgent() bool {
	return len(o.By) > 0 && o.By[0].Severity.Rank() >= portvigil.High.Rank()
}

// beside is what changed today without what stands above it.
func (o *overviewPage) beside() some[portvigil.Alert] {
	above := map[string]bool{}
	for _, a := range slices.Concat(o.Needs.List, o.ToNote.List) {
		above[a.ID] = true
	}
	rest := slices.DeleteFunc(o.Today.List, func(a portvigil.Alert) bool { return above[a.ID] })
	list := first(rest, maxToday)
	list.More += o.Today.More
	return list
}
