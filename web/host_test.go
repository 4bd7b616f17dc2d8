package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

func TestWhatIsDoneToAHostIsDoneInTheNameOfWhoDoesIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path, form string
		code             int
		asked, says      string // says: on the page that follows, or on this one
	}{
		{"look", "/hosts/web1/look", "", 303, `ask for look at "web1" `, "A look is on its way"},
		{"maintenance for a while", "/hosts/web1/maintenance", "why=upgrade&for=2h", 303, `maintenance of "web1" until 2026-11-23T14:00:00Z why=upgrade by ann`,
			"Nothing is told of the host until 23 November 14:00 UTC"},
		{"maintenance until a time", "/hosts/web1/maintenance", "why=upgrade&for=2h&until=2026-11-24T06:00", 303, `maintenance of "web1" until 2026-11-24T06:00:00Z why=upgrade by ann`, ""},
		{"maintenance for no reason", "/hosts/web1/maintenance", "why=+&for=2h", 400, "", "Say why; whoever looks at the host meanwhile reads it."},
		{"maintenance without an end", "/hosts/web1/maintenance", "why=upgrade", 400, "", "Say until when."},
		{"maintenance until nonsense", "/hosts/web1/maintenance", "why=upgrade&until=tomorrow", 400, "", `"tomorrow" is no time`},
		{"the end of it", "/hosts/web1/maintenance/over", "", 303, `end maintenance of "web1" by ann`, "Maintenance is over"},
		{"edit", "/hosts/web1/edit", "addresses=10.0.0.2+web1.example.org&groups=a,b&outside=6h&inside=", 303,
			`edit "web1" groups=[a b] targets=[10.0.0.2 web1.example.org] outside=6h0m0s inside=1h0m0s by ann`, "Saved."},
		{"edit to nonsense", "/hosts/web1/edit", "addresses=a/b", 400, "", `"a/b" is neither an address nor a DNS name`},
		{"remove", "/hosts/web1/remove", "name=web1", 303, `remove "web1" by ann`, ""},
		{"remove by mistake", "/hosts/web1/remove", "name=web2", 400, "", "This is not the name of the host; type web1."},
		{"a report", "/hosts/web1/report", "report=%7B%7D", 303, `report of "web1": {}` + "\n", "Taken: 0 listeners."},
		{"no report", "/hosts/web1/report", "report=+", 400, "", "Nothing was pasted."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, edited(nil))
			cookie := s.signInUser(t)
			before := len(s.engine.asked())
			w := s.send(c.path, c.form, cookie)
			if w.Code != c.code {
				t.Fatalf("answered %d, want %d: %s", w.Code, c.code, seen(t, w))
			}
			asked := s.engine.asked()[before:]
			if c.code == http.StatusSeeOther {
				if len(asked) != 1 || strings.Replace(asked[0], "remove host", "remove", 1) != c.asked {
					t.Errorf("asked was %q", asked)
				}
				w = s.request("GET", w.Header().Get("Location"), func(r *http.Request) { r.AddCookie(cookie) })
			} else if slices.ContainsFunc(asked, func(a string) bool { return !strings.HasPrefix(a, "host") && !strings.HasPrefix(a, "under") }) {
				t.Errorf("asked was %q", asked)
			}
			if text := seen(t, w); !strings.Contains(text, c.says) {
				t.Errorf("it does not say %q: %s", c.says, text)
			}
			if wrong := faults(w.Body.String()); len(wrong) > 0 {
				t.Errorf("%q", wrong)
			}
		})
	}
}

func TestAHostTellsHowItStands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(*fakeEngine)
		says []string
	}{
		{"a look that runs is followed", func(e *fakeEngine) {
			e.underWay = []portvigil.LookUnderWay{{View: portvigil.Outside, Running: true, Progress: &portvigil.LookProgress{Address: "10.0.0.1", Share: 0.5, Open: 3}},
				{View: portvigil.Outside, Progress: &portvigil.LookProgress{Waits: "another look is under way"}}, {View: portvigil.Inside}}
		}, []string{"Looking from outside at 10.0.0.1: 50 %, 3 open so far", "waits, another look is under way", "Looking from inside: it waits for its turn"}},
		{"maintenance is said, and ended by a button", func(e *fakeEngine) {
			e.host.Host.Maintenance = &portvigil.Maintenance{Until: noon.Add(time.Hour), Why: "upgrade", By: "bob"}
		}, []string{"In maintenance until 23 November 2026, 13:00 UTC : upgrade by bob", "End it now"}},
		{"maintenance that is over is not", func(e *fakeEngine) { e.host.Host.Maintenance = &portvigil.Maintenance{Until: noon, Why: "upgrade"} }, []string{"Maintenance nobody is told"}},
		{"an address that waits is allowed by a button", func(e *fakeEngine) { e.host.Host.Waiting = []netip.Addr{netip.MustParseAddr("203.0.113.9")} },
			[]string{"newly leads to 203.0.113.9", "It is ours: allow 203.0.113.9"}},
		{"why, and by which looks", func(e *fakeEngine) { e.host.Exposures[2].Looks = strings.Split("L1 L2 L3 L4 L5 L6 L7 L8", " ") },
			[]string{"Why It is open from outside, and no entry of the baseline covers it. It rests on look L1 , L2 , L3 , L4 , L5 , L6 and 2 more."}},
		{"a certificate that ends soon", func(e *fakeEngine) {
			e.host.Exposures[2].Service = &portvigil.Service{Name: "https", Certificate: &portvigil.Certificate{NotAfter: noon.Add(72 * time.Hour), SelfSigned: true}}
		}, []string{"certificate is good for 3 days, self-signed"}},
		{"one that has ended", func(e *fakeEngine) {
			e.host.Exposures[2].Service = &portvigil.Service{Name: "https", Certificate: &portvigil.Certificate{NotAfter: noon.Add(-72 * time.Hour)}}
		}, []string{"certificate expired 3 days ago"}},
		{"the owner, and until when", func(e *fakeEngine) {
			date, err := portvigil.ParseDate("2027-06-30")
			if err != nil {
				panic(err)
			}
			e.host.Exposures[0].Entry.Expires = date
		}, []string{"the shop (ann) until 2027-06-30"}},
		{"what is to be explained has a button", nil, []string{"Explain 1 open door"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newSite(base, edited(c.edit)).get(t, "/hosts/web1")
			text := strings.ReplaceAll(seen(t, w), "outside :", "outside:")
			text = strings.ReplaceAll(text, "inside :", "inside:")
			if wrong := faults(w.Body.String()); len(wrong) > 0 || w.Code != http.StatusOK {
				t.Errorf("answered %d: %q", w.Code, wrong)
			}
			for _, says := range c.says {
				if !strings.Contains(text, says) {
					t.Errorf("it does not say %q: %s", says, text)
				}
			}
		})
	}
}

// TestWhatTheFirstLookBringsHasItsPlaceBefore: a page that follows a host takes over
// the parts that it has, and none that comes later.
func TestWhatTheFirstLookBringsHasItsPlaceBefore(t *testing.T) {
	t.Parallel()
	live := func(body string) (ids []string) {
		for rest := body; ; {
			before, after, found := strings.Cut(rest, " data-live")
			if !found {
				return ids
			}
			ids = append(ids, before[strings.LastIndex(before, `id="`)+4:])
			rest = after
		}
	}
	before := live(newSite(base, &fakeEngine{host: portvigil.HostStatus{Host: portvigil.Host{Name: "web1"}}}).get(t, "/hosts/web1").Body.String())
	after := live(newSite(base, edited(nil)).get(t, "/hosts/web1").Body.String())
	if diff := cmp.Diff(before, after); diff != "" || len(before) < 4 {
		t.Errorf("(-before +after)\n%s", diff)
	}
}

func TestDoorsAreFoundByWhatPeopleKnowOfThem(t *testing.T) {
	t.Parallel()
	entry := listening(443, portvigil.ScopeAny, "/usr/sbin/nginx")
	entry.Verdict, entry.Entry, entry.Service = portvigil.Expected, &portvigil.Entry{Why: "the shop", Owner: "bob"}, &portvigil.Service{Name: "https", Title: "Shop"}
	all := portvigil.HostStatus{Exposures: []portvigil.Exposure{entry, listening(22, portvigil.ScopeAny, "/usr/sbin/sshd"), listening(631, portvigil.ScopeLoopback, "/usr/sbin/cupsd"),
		{Endpoint: portvigil.Endpoint{Proto: portvigil.TCP, Port: 81}, Verdict: portvigil.None}}}
	for _, c := range []struct {
		filter doorFilter
		want   string
	}{
		{doorFilter{}, "22 443 631"},
		{doorFilter{Show: showWorry}, "22"}, {doorFilter{Show: showExpected}, "443"}, {doorFilter{Show: showLoopback}, "631"}, {doorFilter{Show: "nonsense"}, "22 443 631"},
		{doorFilter{Query: "4"}, "443"}, {doorFilter{Query: "SSHD"}, "22"}, {doorFilter{Query: "shop"}, "443"}, {doorFilter{Query: "bob"}, "443"}, {doorFilter{Query: "31"}, ""},
	} {
		var got []string
		for _, x := range shownDoors(all) {
			if c.filter.picks(x) {
				got = append(got, fmt.Sprint(x.Port))
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v picks %q, want %q", c.filter, got, c.want)
		}
	}
	if diff := cmp.Diff(doorCounts{3, 1, 1, 1}, countDoors(shownDoors(all))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// maxWeight is what a page may weigh with all that it loads, in bytes.
const maxWeight = 150 << 10

// shared is the weight of what every page loads.
func (s *site) shared(cookie string) (bytes int) {
	for _, file := range []string{"/style.css", "/app.js", "/mark.svg"} {
		bytes += len(s.ask(cookie, file))
	}
	return bytes
}

func TestPagesOfAHostWithTenThousandDoorsAreLight(t *testing.T) {
	t.Parallel()
	e := edited(nil)
	long := strings.Repeat("A", 100)
	x := e.host.Exposures[2]
	x.Process.Exe, x.Process.Unit, x.Service.Product = "/opt/"+long, long+".service", long
	x.Views.Inside = &portvigil.Sighting{State: portvigil.Listening, Seen: noon}
	x.Looks = slices.Repeat([]string{"01a20a40-e9a6-74f7-a457-0205ea15a3aa"}, 20)
	e.host.Exposures = nil
	for n := range 10_000 {
		x.Port = uint16(n + 1)
		e.host.Exposures = append(e.host.Exposures, x)
		spans := make([]portvigil.StateSpan, 0, 10)
		for i := range 10 {
			spans = append(spans, portvigil.StateSpan{Span: hours(float64(2*i), float64(2*i+1)), State: portvigil.PastOpen})
		}
		at := portvigil.Entrance{Address: x.Address, Proto: portvigil.TCP, Port: x.Port}
		e.timeline.Doors = append(e.timeline.Doors, portvigil.TimelineDoor{View: portvigil.Outside, Vantage: "office", Entrance: at, Spans: spans})
		e.past.Doors = append(e.past.Doors, portvigil.PastDoor{View: portvigil.Outside, Vantage: "office", Entrance: at, State: portvigil.PastOpen,
			Why: "seen open at 2026-11-20T08:30:00Z or later, and at 2026-11-20T09:30:00Z", First: portvigil.Mark{Look: x.Looks[0]}, Last: portvigil.Mark{Look: x.Looks[0]}})
	}
	e.host.Alerts = slices.Repeat(e.host.Alerts, 1000)
	e.host.Host.Local = true
	e.hosts = slices.Repeat([]portvigil.HostStatus{e.hosts[0]}, 500)
	e.hosts[0] = e.host
	s := newSite(base, e)
	cookie := s.signIn(t).Value
	shared := s.shared(cookie)
	for path, says := range map[string]string{"/hosts/web1": "1 to 40 of 10000", "/hosts/web1?page=250": "9961 to 10000 of 10000", "/hosts/web1/explain": "9940 more doors follow",
		"/start?step=doors": "9940 more doors follow", "/hosts/web1/history": "1 to 25 of 10000", "/hosts/web1/past?date=2026-11-20": "1 to 100 of 10000", "/hosts": "1 to 50 of 500"} {
		body := s.ask(cookie, path)
		t.Logf("%s: %d KiB, and %d KiB that all pages share", path, len(body)>>10, shared>>10)
		if !strings.Contains(body, says) || len(body)+shared > maxWeight {
			t.Errorf("%s has %d bytes, and has to say %q", path, len(body), says)
		}
		if wrong := faults(body); len(wrong) > 0 {
			t.Errorf("%s: %q", path, wrong)
		}
	}
}
