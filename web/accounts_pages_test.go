package web

import (
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

var noonSource = netip.MustParseAddr("192.0.2.1")

const longPassword = "another long password"

func TestUsersAreAddedResetAndRemoved(t *testing.T) {
	t.Parallel()
	s := newSite(base, edited(nil))
	cookie := s.signInUser(t)
	do := func(path, form string, status int, says string) {
		t.Helper()
		w := s.send(path, form, cookie)
		text := seen(t, w)
		if w.Code == http.StatusSeeOther {
			text = seen(t, s.request("GET", w.Header().Get("Location"), func(r *http.Request) { r.AddCookie(cookie) }))
		}
		if w.Code != status || !strings.Contains(text, says) {
			t.Errorf("%s %s: answered %d, and has to say %q: %s", path, form, w.Code, says, text)
		}
		if strings.Contains(w.Body.String(), "long password") {
			t.Errorf("%s: the page has a password", path)
		}
	}
	do("/users", "name=Bob!&password="+longPassword+"&again="+longPassword, http.StatusBadRequest, "is not usable")
	do("/users", "name=bob&password=short&again=short", http.StatusBadRequest, "characters")
	do("/users", "name=bob&password="+longPassword+"&again=another", http.StatusBadRequest, "The two passwords are not the same; type both again")
	do("/users", "name=bob&password="+longPassword+"&again="+longPassword, http.StatusSeeOther, "bob can sign in now")
	do("/users", "name=bob&password="+longPassword+"&again="+longPassword, http.StatusConflict, "bob")
	do("/users/bob/password", "password=a+new+long+password&again=a+new+long+password", http.StatusSeeOther, "bob has the new password")
	do("/users/bob/factor", "", http.StatusNotFound, "Bob has no second factor")
	do("/users/ann/password", "password=a+new+long+password&again=a+new+long+password", http.StatusForbidden, "This is you; use Your account")
	do("/users/ann/factor", "", http.StatusForbidden, "This is you")
	do("/users/ann/remove", "", http.StatusConflict, "This is you; tick that you mean it")
	do("/users/bob/remove", "", http.StatusSeeOther, "bob is removed")
	do("/users/carl/remove", "", http.StatusNotFound, "There is no such user")
	if strings.Contains(s.log.String(), "long password") {
		t.Errorf("the log has a password: %s", s.log)
	}
}

func TestTheLastUserIsRemovedOnlyWhereItIsMeant(t *testing.T) {
	t.Parallel()
	s := newSite(base, edited(nil))
	s.signInUser(t)
	link := s.signIn(t)
	if w := s.send("/users/ann/remove", "", link); w.Code != http.StatusConflict || !strings.Contains(seen(t, w), "This is the last user; tick that you mean it") {
		t.Errorf("answered %d: %s", w.Code, seen(t, w))
	}
	if w := s.send("/users/ann/remove", "sure=yes", link); w.Code != http.StatusSeeOther {
		t.Errorf("answered %d: %s", w.Code, seen(t, w))
	}
	if text := s.ask(link.Value, "/users"); !strings.Contains(text, "Nobody can sign in yet") {
		t.Error(text)
	}
}

func TestATokensSecretIsShownOnceAndLetsIn(t *testing.T) {
	t.Parallel()
	s := newSite(base, edited(nil))
	cookie := s.signInUser(t)
	w := s.send("/tokens", "name=nagios&scope=read&lives=30", cookie)
	secret := regexp.MustCompile(`pv_[A-Z0-9]{26}`).FindString(w.Body.String())
	if w.Code != http.StatusOK || secret == "" || strings.Count(w.Body.String(), secret) != 1 {
		t.Fatalf("answered %d: %s", w.Code, seen(t, w))
	}
	for _, says := range []string{"portvigil hosts list --server " + base, "curl -H @- " + base + "/v1/hosts", "it expires 23 December 2026"} {
		if text := seen(t, w); !strings.Contains(text, says) {
			t.Errorf("it does not say %q: %s", says, text)
		}
	}
	if wrong := faults(w.Body.String()); len(wrong) > 0 {
		t.Error(wrong)
	}
	if got, err := s.keeper.accounts.Bearer(t.Context(), noonSource, secret); err != nil || got.Scope != portvigil.ReadScope || !got.Expires.Equal(noon.AddDate(0, 0, 30)) {
		t.Errorf("it is %+v, %v", got, err)
	}
	list := s.ask(cookie.Value, "/tokens")
	if strings.Contains(list, secret) || !strings.Contains(list, "Revoke nagios") || strings.Contains(s.log.String(), secret) {
		t.Errorf("the list or the log shows it again: %s", list)
	}
	for _, c := range []struct{ form, says string }{
		{"name=nagios&scope=read&lives=0", "nagios"}, {"name=N&scope=read&lives=0", "is not usable"},
		{"name=x&lives=0", "not chosen what the token may do"}, {"name=x&scope=read&lives=-1", "not chosen how long"},
	} {
		if w := s.send("/tokens", c.form, cookie); w.Code < 400 || w.Code >= 500 || !strings.Contains(seen(t, w), c.says) || strings.Contains(w.Body.String(), "pv_") {
			t.Errorf("%s: answered %d, has to say %q: %s", c.form, w.Code, c.says, seen(t, w))
		}
	}
	s.now = s.now.Add(11 * time.Hour)
	if w := s.send("/tokens/nagios/revoke", "", cookie); w.Code != http.StatusSeeOther {
		t.Errorf("answered %d", w.Code)
	}
	if _, err := s.keeper.accounts.Bearer(t.Context(), noonSource, secret); portvigil.ErrorCode(err) != portvigil.CodeUnauthorized {
		t.Errorf("a revoked token answers %v", err)
	}
}

func TestTheAddressForProgramsIsFitForAShell(t *testing.T) {
	t.Parallel()
	d := newSite(base, edited(nil)).keeper
	for _, c := range []struct {
		proxy             bool
		host, proto, want string
	}{
		{false, "evil.example", "", base}, {true, "pv.example.org", "https", "https://pv.example.org"},
		{true, "pv.example.org:80", "", "http://pv.example.org:80"}, {true, "$(x)", "https", base},
	} {
		d.BehindProxy = c.proxy
		r := &http.Request{Host: c.host, Header: http.Header{"X-Forwarded-Proto": {c.proto}}}
		if got := d.addressFor(r); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestTheAuditIsFilteredAndPaged(t *testing.T) {
	t.Parallel()
	e := edited(func(e *fakeEngine) {
		for i := range 250 {
			e.acts = append(e.acts, portvigil.Act{ID: string(rune('a' + i%26)), Time: noon.Add(-time.Duration(i) * time.Hour), By: []string{"ann", portvigil.System}[i%2],
				What: "channel tested", Subject: portvigil.Subject{Kind: "channel", Name: "ops"}})
		}
		e.acts = append(e.acts, portvigil.Act{Time: noon, By: "bob", What: "comment", Host: "web1", Subject: portvigil.Subject{Kind: "alert", Name: "A1"}})
	})
	s := newSite(base, e)
	for _, c := range []struct{ path, says, link string }{
		{"/audit", "1 to 100 of 251 Older", `href="/audit?page=2"`},
		{"/audit?page=3", "201 to 251 of 251 Newer", `href="/audit?page=2"`},
		{"/audit?page=900", "There is no more on this page", `href="/audit?page=899"`},
		{"/audit?who=bob", "just now bob says: alert of web1 1 to 1 of 1", `href="/alerts/A1"`},
		{"/audit?what=people&page=2", "101 to 126 of 126 Newer", `href="/audit?what=people"`},
		{"/audit?what=changes&since=2026-11-23", "1 to 13 of 13", `href="/channels"`},
		{"/audit?what=alerts&who=ann", "Nothing of this was done", `href="/audit"`},
		{"/audit?since=yesterday", "The date was not understood: write it as 2026-11-23.", ""},
	} {
		w := s.get(t, c.path)
		text := seen(t, w)
		if w.Code != http.StatusOK || !strings.Contains(text, c.says) || !strings.Contains(w.Body.String(), c.link) {
			t.Errorf("%s: answered %d, has to say %q and lead to %s: %.600s", c.path, w.Code, c.says, c.link, text)
		}
		if wrong := faults(w.Body.String()); len(wrong) > 0 {
			t.Errorf("%s: %q", c.path, wrong)
		}
	}
}

func TestAboutSaysWhatCannotBeSeen(t *testing.T) {
	t.Parallel()
	e := edited(func(e *fakeEngine) {
		e.about = About{Version: "1.2", Go: "go1.26", System: "linux/amd64", Started: noon.Add(-3 * time.Hour), Database: "SQLite", DatabaseBytes: 5 << 20,
			Processes: []AboutProcess{{Name: "core", Does: "decides", MayNot: "no capability", Restarts: 2}}, Limits: []string{"The inside view lacks a right."}}
		e.hosts = []portvigil.HostStatus{sampleHost()}
		e.hosts[0].Views[1].Fresh = false
	})
	s := newSite(base, e)
	w := s.get(t, "/about")
	text := seen(t, w)
	for _, says := range []string{"PortVigil 1.2", "for 3 hours", "SQLite: 5.0 MiB", "1 of 2 views are fresh.", "web1 , outside from office at 10.0.0.1: last complete look 5 minutes ago", "The inside view lacks a right.",
		"core decides no capability 2×", "No feed is used yet", "Apache License 2.0"} {
		if !strings.Contains(text, says) {
			t.Errorf("it does not say %q: %s", says, text)
		}
	}
	for _, path := range []string{"/about", "/settings", "/users", "/tokens", "/channels/add", "/channels/add?kind=slack", "/channels/add?kind=webhook", "/account"} {
		w := s.get(t, path)
		if wrong := faults(w.Body.String()); w.Code != http.StatusOK || len(wrong) > 0 {
			t.Errorf("%s: answered %d: %q", path, w.Code, wrong)
		}
	}
}
