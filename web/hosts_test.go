package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// fleet are hosts of every standing.
func fleet() []portvigil.HostStatus {
	bad, blind, fine := sampleHost(), sampleHost(), sampleHost()
	bad.Host.Name, blind.Host.Name, fine.Host.Name = "zeta", "mid", "alpha"
	bad.Alerts[0].Severity = portvigil.Critical
	blind.Alerts, fine.Alerts = nil, nil
	blind.Views = slices.Clone(blind.Views)
	blind.Views[0].Fresh = false
	fine.Host.Groups, fine.Host.Targets = []string{"db"}, []string{"db.example.org"}
	fine.Host.Addresses = []portvigil.HostAddress{{Address: netip.MustParseAddr("10.0.0.9")}}
	return []portvigil.HostStatus{fine, blind, bad}
}

// named are the hosts of the list, in its order.
func named(text string) (list []string) {
	for _, word := range strings.Fields(text) {
		if slices.Contains([]string{"alpha", "mid", "zeta"}, word) {
			list = append(list, word)
		}
	}
	return list
}

func TestHostsAreListedTheWorstFirstAndFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, query string
		want        []string
		says        string
	}{
		{"all, the worst first, then those that are not seen", "", []string{"zeta", "mid", "alpha"}, "3 hosts, the worst first"},
		{"by a part of the name, in any case", "?q=ALP", []string{"alpha"}, "1 of 3 hosts"},
		{"by a DNS name", "?q=example.org", []string{"alpha"}, ""},
		{"by an address", "?q=10.0.0.9", []string{"alpha"}, ""},
		{"by a group that is typed", "?q=sho", []string{"zeta", "mid"}, ""},
		{"by a group that is chosen, exactly", "?group=shop", []string{"zeta", "mid"}, ""},
		{"with alerts", "?show=alerts", []string{"zeta"}, ""},
		{"not all of it seen", "?show=blind", []string{"mid"}, ""},
		{"both", "?show=blind&q=zeta", nil, "No host is like that"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newSite(base, &fakeEngine{hosts: fleet()}).get(t, "/hosts"+c.query)
			text := seen(t, w)
			if diff := cmp.Diff(c.want, named(text)); diff != "" || !strings.Contains(text, c.says) || w.Code != http.StatusOK {
				t.Errorf("answered %d (-want +got)\n%s%s", w.Code, diff, text)
			}
			if wrong := faults(w.Body.String()); len(wrong) > 0 {
				t.Errorf("%q", wrong)
			}
		})
	}
}

func TestEveryPageOfAListIsReachedAndNoneIsThereTwice(t *testing.T) {
	t.Parallel()
	e := &fakeEngine{}
	for n := range 2*hostsOnPage + 1 {
		h := sampleHost()
		h.Host.Name = fmt.Sprintf("h%03d", n)
		e.hosts = append(e.hosts, h)
	}
	s := newSite(base, e)
	cookie := s.signIn(t).Value
	seenOnce := map[string]int{}
	for path, pages := "/hosts?q=h", 0; path != ""; pages++ {
		body := s.ask(cookie, path)
		for _, h := range e.hosts {
			seenOnce[h.Host.Name] += strings.Count(body, `href="/hosts/`+h.Host.Name+`"`)
		}
		_, rest, on := strings.Cut(body, `rel="next" href="`)
		path, _, _ = strings.Cut(rest, `"`)
		if path = strings.ReplaceAll(path, "&amp;", "&"); !on {
			path = ""
		}
		if pages > 3 {
			t.Fatal("the pages do not end")
		}
	}
	for _, h := range e.hosts {
		if seenOnce[h.Host.Name] != 1 {
			t.Errorf("%s is listed %d times", h.Host.Name, seenOnce[h.Host.Name])
		}
	}
	for _, page := range []string{"0", "-1", "99999999999999999999", "x"} {
		if w := s.get(t, "/hosts?page="+page); w.Code != http.StatusOK {
			t.Errorf("page %s answered %d", page, w.Code)
		}
	}
}

func TestAHostIsAddedOrTheFieldThatIsWrongSaysWhy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, form string
		err        error
		code       int
		field      string // that is marked
		says       string
	}{
		{"as little as there is", "name=web2&addresses=10.0.0.2", nil, 303, "", "add host web2 [10.0.0.2] local=false by ann"},
		{"parted in any way", "name=web2&addresses=10.0.0.2,+web2.example.org%0a2001:db8::2&groups=a+b&outside=6h&inside=30m", nil, 303, "", "add host web2 [10.0.0.2 web2.example.org 2001:db8::2] local=false by ann"},
		{"a network", "name=lan&addresses=10.0.0.0/29", nil, 303, "", "add host lan [10.0.0.0/29]"},
		{"no name", "addresses=10.0.0.2", nil, 400, "name", "Give the host a name"},
		{"a name that none can have", "name=a/b&addresses=10.0.0.2", nil, 400, "name", "is not usable"},
		{"no address", "name=web2&addresses=+", nil, 400, "addresses", "Give at least one address or DNS name"},
		{"what is no address", "name=web2&addresses=http://x", nil, 400, "addresses", `"http://x" is neither an address nor a DNS name`},
		{"a group that none can be", "name=web2&addresses=10.0.0.2&groups=a/b", nil, 400, "groups", "is not usable"},
		{"an interval that is none", "name=web2&addresses=10.0.0.2&outside=daily", nil, 400, "outside", `"daily" is no span of time; write 24h or 30m`},
		{"an interval too short", "name=web2&addresses=10.0.0.2&inside=1s", nil, 400, "inside", "1s is too short"},
		{"a name that is taken", "name=web1&addresses=10.0.0.2", portvigil.Errorf(portvigil.CodeConflict, "there already"), 409, "name", "a host of that name is watched already"},
		{"a denied network says how to mend it", "name=web2&addresses=10.0.0.2", portvigil.Errorf(portvigil.CodeOutOfScope, "10.0.0.2 is out of scope: 10.0.0.0/8 is denied"), 403,
			"addresses", "a denied network stays denied until the scope page allows it. What may be scanned"},
		{"a name that leads nowhere", "name=web2&addresses=web2.example.org", portvigil.Errorf(portvigil.CodeNotFound, "name web2.example.org does not exist"), 404, "addresses", "does not exist"},
		{"a server that fails blames no field", "name=web2&addresses=10.0.0.2", fmt.Errorf("disk full"), 500, "", "The server failed"},
	} {
		for _, next := range []string{"/hosts", "/start"} {
			t.Run(c.name+" from "+next, func(t *testing.T) {
				t.Parallel()
				s := newSite(base, edited(nil))
				cookie := s.signInUser(t)
				s.engine.addErr = c.err
				w := s.send("/hosts", c.form+"&next="+next, cookie)
				text := seen(t, w)
				if w.Code != c.code {
					t.Errorf("answered %d, want %d: %s", w.Code, c.code, text)
				}
				if c.code == http.StatusSeeOther {
					if asked := strings.Join(s.engine.asked(), "\n"); !strings.Contains(asked, c.says) {
						t.Errorf("asked was %q", asked)
					}
					return
				}
				body := w.Body.String()
				if !strings.Contains(begunIn(text), begunIn(c.says)) || strings.Contains(body, "aria-invalid") != (c.field != "") || c.field != "" && !strings.Contains(body, `id="wrong-`+c.field+`"`) {
					t.Errorf("it has to say %q at %q: %s", c.says, c.field, text)
				}
				if wrong := faults(body); len(wrong) > 0 {
					t.Errorf("%q", wrong)
				}
				typed, _ := url.ParseQuery(c.form)
				if name := typed.Get("name"); name != "" && !strings.Contains(body, `value="`+name+`"`) {
					t.Errorf("the name is lost")
				}
			})
		}
	}
}

// begunIn makes nothing of how a sentence begins.
func begunIn(text string) string { return strings.ToLower(text) }

func TestAListOfHostsIsAddedAsFarAsItCanBe(t *testing.T) {
	t.Parallel()
	s := newSite(base, edited(nil))
	cookie := s.signInUser(t)
	const list = "name,address,group\nweb2,10.0.0.2,shop\nweb3,10.0.0.3;10.0.1.3,\n"
	w := s.send("/hosts/import", "csv="+url.QueryEscape(list), cookie)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/hosts" {
		t.Fatalf("answered %d: %s", w.Code, seen(t, w))
	}
	asked := strings.Join(s.engine.asked(), "\n")
	for _, want := range []string{"add host web2 [10.0.0.2]", "add host web3 [10.0.0.3 10.0.1.3]"} {
		if !strings.Contains(asked, want) {
			t.Errorf("asked was %q, want %q", asked, want)
		}
	}
	for _, c := range []struct {
		name, csv string
		err       error
		says      string
	}{
		{"a line that is wrong", "name,address\nweb4,\n", nil, "The list:2: host web4 has no address"},
		{"a column that is unknown", "name,adress\n", nil, `there is no column "adress"`},
		{"a host that is refused", "name,address\nweb4,10.0.0.4\n", portvigil.Errorf(portvigil.CodeOutOfScope, "10.0.0.4 is out of scope: 10.0.0.0/8 is denied"),
			"0 hosts added, 0 watched already. 1 host not added"},
		{"too many", "name,address\n" + manyHosts(maxImported+1), nil, "one form takes 1000"},
	} {
		s.engine.addErr = c.err
		w := s.send("/hosts/import", "csv="+url.QueryEscape(c.csv), cookie)
		text := seen(t, w)
		if w.Code < 400 || !strings.Contains(text, c.says) || !strings.Contains(w.Body.String(), "web") {
			t.Errorf("%s: answered %d: %.400s", c.name, w.Code, text)
		}
		if c.err != nil && !strings.Contains(text, "web4 : 10.0.0.4 is out of scope") {
			t.Errorf("%s: it does not say which: %s", c.name, text)
		}
	}
}

func manyHosts(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "web%d,10.0.0.1\n", i)
	}
	return b.String()
}

func TestTheScopeIsSetAndNewAddressesAreAllowedByOneButton(t *testing.T) {
	t.Parallel()
	waiting := func(e *fakeEngine) {
		e.hosts[0].Host.Targets = []string{"web1.example.org", "10.0.0.1"}
		e.hosts[0].Host.Waiting = []netip.Addr{netip.MustParseAddr("203.0.113.9")}
		e.scope = []portvigil.ScopeRule{{Prefix: netip.MustParsePrefix("10.0.0.0/8"), By: "ann", Added: noon}, {Prefix: netip.MustParsePrefix("10.9.0.0/16"), Deny: true, By: "bob", Added: noon}}
	}
	s := newSite(base, edited(waiting))
	cookie := s.signInUser(t)
	w := s.request("GET", "/scope", func(r *http.Request) { r.AddCookie(cookie) })
	text := seen(t, w)
	for _, says := range []string{"web1 web1.example.org → 203.0.113.9 It is ours: allow 203.0.113.9", "Denied 10.9.0.0/16 by bob, just now Allow 10.9.0.0/16 instead", "Allowed 10.0.0.0/8 by ann"} {
		if !strings.Contains(text, says) {
			t.Errorf("it does not say %q: %s", says, text)
		}
	}
	if wrong := faults(w.Body.String()); len(wrong) > 0 {
		t.Errorf("%q", wrong)
	}
	for _, c := range []struct {
		path, form string
		code       int
		asked      string
	}{
		{"/scope", "network=192.0.2.0/24&do=allow", 303, "scope 192.0.2.0/24 deny=false by ann"},
		{"/scope", "network=192.0.2.7&do=deny", 303, "scope 192.0.2.7/32 deny=true by ann"},
		{"/scope", "network=everything&do=allow", 400, ""},
		{"/scope", "network=&do=allow", 400, ""},
		{"/hosts/web1/allow", "address=203.0.113.9", 303, "scope 203.0.113.9/32 deny=false by ann\nask for look at \"web1\" outside"},
		{"/hosts/web1/allow", "address=x", 400, ""},
	} {
		before := len(s.engine.asked())
		w := s.send(c.path, c.form, cookie)
		if asked := strings.Join(s.engine.asked()[before:], "\n"); w.Code != c.code || c.asked != "" && asked != c.asked {
			t.Errorf("%s %s answered %d, asked was %q", c.path, c.form, w.Code, asked)
		}
	}
}
