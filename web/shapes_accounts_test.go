package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

// parsed reads what a form sends.
func parsed(t *testing.T, form string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(form)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// withPeople adds bob, who has never signed in, and dora, whose second factor is on.
func withPeople(c *visitor) {
	c.Helper()
	c.signIn(c.T)
	if _, err := c.site.keeper.accounts.AddUser(c.Context(), "ann", "bob", password); err != nil {
		c.Fatal(err)
	}
	withFactor(c.T, c.site.keeper.accounts, "dora")
}

// withTokens adds tokens of every fate.
func withTokens(c *visitor) {
	c.Helper()
	c.signIn(c.T)
	for name, expires := range map[string]time.Time{"nagios": {}, "script": noon.Add(time.Hour), "old": noon.Add(time.Minute)} {
		if _, secret, err := c.site.keeper.accounts.AddToken(c.Context(), "ann", name, portvigil.ReadScope, expires); err != nil {
			c.Fatal(err)
		} else if name == "script" {
			if _, err := c.site.keeper.accounts.Bearer(c.Context(), noonSource, secret); err != nil {
				c.Fatal(err)
			}
		}
	}
	c.site.now = noon.Add(2 * time.Minute)
}

// withDevice turns ann's second factor on; she has used all but two of her codes.
func withDevice(c *visitor) {
	c.Helper()
	c.signIn(c.T)
	_, recovery := c.turnOn(c.T)
	for _, code := range recovery[2:] {
		other := c.site.browser("")
		other.fill("/sign-in", "name", "ann", "password", password)
		leads(c.T, other.fill("/sign-in/code", "code", code), "/")
	}
}

// halfIn is somebody of whom the password is known, and the code is still asked for.
func halfIn(c *visitor) {
	c.Helper()
	withDevice(c)
	c.jar = map[string]string{}
	leads(c.T, c.fill("/sign-in", "name", "ann", "password", password), "/sign-in/code")
}

// late is somebody whose session has ended while they typed.
func late(c *visitor) {
	c.Helper()
	c.signIn(c.T)
	c.site.now = noon.Add(sessionLife)
}

// beforeAnybody is who came by the first link: nobody has a name and a password yet.
func beforeAnybody(c *visitor) {
	c.Helper()
	if err := c.site.keeper.accounts.RemoveUser(c.Context(), "root", "ann"); err != nil {
		c.Fatal(err)
	}
	byLink(c)
}

// accountShapes are the ways in, and the pages about users, tokens and oneself.
func accountShapes() []shape {
	const signIn, code, account, users, tokens = "POST /sign-in", "POST /sign-in/code", "GET /account", "GET /users", "GET /tokens"
	const long = "a+long+enough+password"
	comment := func(text string) func(*visitor) *httptest.ResponseRecorder {
		return func(c *visitor) *httptest.ResponseRecorder {
			return c.fill("/alerts/A1/comment", "text", text, "odd", "")
		}
	}
	unsentFrom := func(by func(*visitor), action string, fields ...field) func(*visitor) *httptest.ResponseRecorder {
		return func(c *visitor) *httptest.ResponseRecorder {
			by(c)
			return c.get("/unsent/" + c.site.keeper.keep(unsent{Action: action, Fields: fields}))
		}
	}
	elsewhere := func(c *visitor) {
		c.signIn(c.T)
		c.site.post("/sign-in", ann("/"), func(r *http.Request) { r.RemoteAddr = "@" }) // as from a socket
	}
	sessions := func(c *visitor) {
		c.signIn(c.T)
		for range maxSessions {
			c.site.browser("").signIn(c.T)
		}
	}
	list := []shape{
		{name: "a link that was used", route: "GET /enter", query: "?token=x", by: nobody, ends: 401},
		{name: "the sign-in", route: "GET /sign-in", by: nobody}, {name: "a page for which one has to sign in", route: "GET /{$}", by: nobody, ends: 401},
		{name: "a wrong password", route: signIn, by: nobody, form: "name=ann&password=wrong", ends: 401},
		{name: "too many wrong passwords", route: signIn, by: func(c *visitor) {
			for range 12 {
				c.fill("/sign-in", "name", "ann", "password", "wrong")
			}
		}, form: "name=ann&password=wrong", ends: 429},
		{name: "a form that came too late", route: "POST /alerts/{id}/comment", by: late, show: comment("asked bob"), ends: 401},
		{name: "a form that came too late and is too long", route: "POST /alerts/{id}/comment", by: late, show: comment(strings.Repeat("x", maxSignIn)), ends: 401},
		{name: "signed out", route: "POST /sign-out"},
		{name: "a form that was not sent", route: "GET /unsent/{name}", show: unsentFrom(func(*visitor) {}, "/alerts/A1/comment", field{"text", "asked bob\nand ann"}, field{"odd", "x"})},
		{name: "a form without anything typed, by a link", route: "GET /unsent/{name}", by: byLink, show: unsentFrom(func(*visitor) {}, "/alerts/A1/look")},
		{name: "a code is asked for", route: "GET /sign-in/code", by: halfIn}, {name: "a wrong code", route: code, by: halfIn, form: "code=000000", ends: 401},
		{name: "a name that cannot be chosen", route: "POST /start", by: beforeAnybody, form: "name=Bob!&password=" + long, ends: 400},
		{name: "a password that cannot be chosen", route: "POST /start", by: beforeAnybody, form: "name=bob&password=short", site: func(e *fakeEngine) { e.operator = "bob" }, ends: 400},

		{name: "one's own account", route: account}, {name: "the account of who came by a link", route: account, by: byLink}, {name: "an account with a second factor", route: account, by: withDevice},
		{name: "an account that is used elsewhere as well", route: account, by: elsewhere}, {name: "an account with very many sessions", route: account, by: sessions},
		{name: "a password that is not one's own", route: "POST /account/password", form: "former=wrong&password=" + long + "&again=" + long, ends: 403},
		{name: "a second factor to turn on", route: "POST /account/factor", form: "password=" + strings.ReplaceAll(password, " ", "+")},
		{name: "a second factor that is not begun", route: "POST /account/factor", form: "password=wrong", ends: 403},
		{name: "a code that turns nothing on", route: "POST /account/factor/confirm", ends: 403, show: func(c *visitor) *httptest.ResponseRecorder {
			c.fill("/account/factor", "password", password)
			return c.fill("/account/factor/confirm", "code", "000000")
		}},
		{name: "new recovery codes", route: "POST /account/factor/recovery", by: withDevice, form: "proof=" + strings.ReplaceAll(password, " ", "+")},
		{name: "a second factor that stays on", route: "POST /account/factor/off", by: withDevice, form: "proof=wrong", ends: 403},
		{name: "a session that is over", route: "POST /account/sessions/end", by: elsewhere},

		{name: "users", route: users, by: withPeople}, {name: "no users", route: users, by: beforeAnybody},
		{name: "a password that cannot be set", route: "POST /users/{name}/password", by: withPeople, ends: 400, show: func(c *visitor) *httptest.ResponseRecorder {
			c.fill("/users/bob/password", "password", "short", "again", "short")
			return c.fill("/users/bob/password", "password", password, "again", "another")
		}},
		{name: "a second factor that is not there", route: "POST /users/{name}/factor", by: withPeople, ends: 404, show: func(c *visitor) *httptest.ResponseRecorder { return c.fill("/users/bob/factor") }},
		{name: "oneself to be removed", route: "POST /users/{name}/remove", by: func(c *visitor) { c.signIn(c.T) }, ends: 409, show: func(c *visitor) *httptest.ResponseRecorder { return c.fill("/users/ann/remove") }},

		{name: "tokens", route: tokens, by: withTokens}, {name: "no tokens", route: tokens},
		{name: "a token", route: "POST /tokens", form: "name=x&scope=write&lives=30"}, {name: "a token without an end", route: "POST /tokens", form: "name=x&scope=read&lives=0"},
		{name: "a token that is not there", route: "POST /tokens/{name}/revoke", ends: 404},
	}
	list = append(list, shape{name: "a user that cannot be added", route: "POST /users", ends: 400}.forms("name=Bob!", "name=bob&password="+long+"&again=another", "name=bob&password=short&again=short")...)
	return append(list, shape{name: "a token that cannot be made", route: "POST /tokens", ends: 400}.forms("name=N&scope=read&lives=0", "name=x&lives=30", "name=N&scope=write&lives=30", "name=N&scope=admin&lives=90", "name=x&scope=read&lives=-1")...)
}

// serverShapes are the pages about the server itself: its first steps, its channels,
// what was done on it, and what it says of itself.
func serverShapes() (list []shape) {
	const start, channels, add, audit, about = "GET /start", "GET /channels", "GET /channels/add", "GET /audit", "GET /about"
	began := func(e *fakeEngine) { *e = *starting(nil) }
	step := func(name string) shape {
		return shape{name: "the first steps at " + name, route: start, query: "?step=" + name, site: began, by: beforeAnybody}
	}
	for _, name := range []string{"you", "doors", "outside", "hosts", "channel"} {
		list = append(list, step(name))
	}
	overtaken := func(e *fakeEngine) { began(e); e.alerts = []portvigil.Alert{sampleAlert()} }
	walked := func(e *fakeEngine) {
		began(e)
		e.hosts[0].Views = append(e.hosts[0].Views, portvigil.ViewStatus{View: portvigil.Outside, Vantage: "office", Complete: noon})
		for n := range 7 {
			h := sampleHost()
			h.Host.Name = fmt.Sprintf("web%d", n)
			e.hosts = append(e.hosts, h)
		}
		e.channels = []portvigil.ChannelRow{{Name: "ops", LastSuccess: noon}}
	}
	failing := fails("test", portvigil.CodeUnavailable, "550 no")
	kinds := []string{"?kind=email", "?kind=slack", "?kind=webhook"}
	for _, kind := range append(kinds, "") {
		list = append(list, shape{name: "a channel to add " + kind, route: add, query: kind})
	}
	const mail = "kind=email&name=ops&to=a@b.c&from=p@b.c&server=mail"
	list = append(list, shape{name: "a channel that does not fit", route: "POST /channels", ends: 400}.forms("kind=email", "kind=email&name=ops&tls=starttls", "kind=email&name=ops&to=a@b.c&tls=tls",
		"kind=email&name=ops&to=a@b.c&from=p@b.c&tls=opportunistic", mail+"&user=ann&tls=none", mail+"&password=x", mail+"&port=x", "kind=slack&name=team", "kind=webhook&name=desk")...)
	list = append(list, shape{name: "what was done by somebody", route: audit}.queries("?what=people", "?what=alerts", "?what=changes&who=zoe", "?page=9")...)
	return append(list,
		shape{name: "the first steps when they are done", route: start, site: walked}, shape{name: "the first steps when something opens meanwhile", route: start, site: overtaken}, shape{name: "the first steps of who came by a link", route: start, site: walked, by: byLink},
		shape{name: "the first steps of a server that watches nothing", route: start, site: empty, query: "?step=doors"},
		shape{name: "channels", route: channels}, shape{name: "no channels", route: channels, site: empty},
		shape{name: "a channel that cannot be added", route: "POST /channels", form: mail, ends: 503, site: fails("add", portvigil.CodeUnavailable, "the database is full")},
		shape{name: "a channel with its secret", route: "POST /channels", form: "kind=webhook&name=desk&url=https://desk"},
		shape{name: "a channel that fails its test of now", route: "POST /channels/{name}/test", ends: 503, site: failing, show: func(c *visitor) *httptest.ResponseRecorder { return c.fill("/channels/ops/test") }},
		shape{name: "a channel that was removed", route: "POST /channels/{name}/remove"},
		shape{name: "what was done", route: audit}, shape{name: "nothing was done", route: audit, site: empty},
		shape{name: "what was done since nonsense", route: audit, query: "?since=soon"},
		shape{name: "pages of what was done", route: audit, site: func(e *fakeEngine) {
			for range 2 * actsOnPage {
				e.acts = append(e.acts, e.acts[0])
			}
		}, query: "?page=2", long: true},
		shape{name: "settings", route: "GET /settings"}, shape{name: "the API", route: "GET /docs/api", long: true},
		shape{name: "about the server", route: about, site: crowd}, shape{name: "about a busy server", route: about}, shape{name: "about a server that watches nothing", route: about, site: func(e *fakeEngine) { e.hosts, e.about.Limits = nil, nil }},
		shape{name: "about a server where all is well", route: about, site: allWell},
		shape{name: "no such page", route: "GET /", show: func(c *visitor) *httptest.ResponseRecorder { return c.get("/nothing") }, ends: http.StatusNotFound},
	)
}
