package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
	"github.com/portvigil/portvigil/web/account/accounttest"
)

// newSiteInTime is a site with ann, whose accounts have the site's clock as well.
func newSiteInTime(t *testing.T) *site {
	t.Helper()
	s := newSite(base, edited(nil))
	s.keeper.accounts = account.NewKeeper(new(accounttest.Storage), account.Options{
		Clock: func() time.Time { return s.now }, Cost: account.Cost{Memory: 8, Passes: 1, Lanes: 1}})
	if _, err := s.keeper.accounts.AddUser(t.Context(), "root", "ann", password); err != nil {
		t.Fatal(err)
	}
	return s
}

// browser keeps cookies, as one does.
type browser struct {
	site  *site
	jar   map[string]string
	agent string
}

func (s *site) browser(agent string) *browser { return &browser{s, map[string]string{}, agent} }

func (b *browser) edit(r *http.Request) {
	r.Header.Set("User-Agent", b.agent)
	for name, value := range b.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
}

func (b *browser) took(w *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		} else {
			b.jar[c.Name] = c.Value
		}
	}
	return w
}

func (b *browser) get(path string) *httptest.ResponseRecorder {
	return b.took(b.site.request("GET", path, b.edit))
}

// fill sends a form of pairs of a name and a value.
func (b *browser) fill(path string, pairs ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for pair := range slices.Chunk(pairs, 2) {
		form.Set(pair[0], pair[1])
	}
	return b.took(b.site.post(path, form, b.edit))
}

func (b *browser) signIn(t *testing.T) {
	t.Helper()
	if w := b.fill("/sign-in", "name", "ann", "password", password, "next", "/"); w.Code != http.StatusSeeOther {
		t.Fatalf("signing in answered %d %s", w.Code, seen(t, w))
	}
}

// answers fails the test unless the answer has the status and the words.
func answers(t *testing.T, w *httptest.ResponseRecorder, status int, says string) {
	t.Helper()
	text := seen(t, w)
	if w.Code != status || !strings.Contains(text, says) {
		t.Errorf("answered %d, want %d with %q: %s", w.Code, status, says, text)
	}
	if w.Code != http.StatusSeeOther {
		for _, wrong := range faults(w.Body.String()) {
			t.Error(wrong)
		}
	}
}

// leads fails the test unless the answer leads to the path.
func leads(t *testing.T, w *httptest.ResponseRecorder, path string) {
	t.Helper()
	if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != path {
		t.Fatalf("answered %d to %q, want %q: %s", w.Code, got, path, w.Body)
	}
}

var (
	secretShown   = regexp.MustCompile(`<code>([A-Z2-7]{4}(?: [A-Z2-7]{4}){7})</code>`)
	recoveryShown = regexp.MustCompile(`<code>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</code>`)
)

// turnOn turns ann's second factor on, and returns its secret and recovery codes.
func (b *browser) turnOn(t *testing.T) (secret string, recovery []string) {
	t.Helper()
	w := b.fill("/account/factor", "password", password)
	answers(t, w, http.StatusOK, "Scan this")
	shown := secretShown.FindStringSubmatch(w.Body.String())
	if shown == nil || strings.Count(w.Body.String(), "<svg ") != 1 || strings.Contains(w.Body.String(), "style=") {
		t.Fatalf("no secret is shown: %s", w.Body)
	}
	secret = strings.ReplaceAll(shown[1], " ", "")
	w = b.fill("/account/factor/confirm", "code", "000000")
	answers(t, w, http.StatusForbidden, "This code is not right")
	if strings.Contains(w.Body.String(), shown[1]) || strings.Contains(w.Body.String(), "<svg") {
		t.Error("the secret is shown a second time")
	}
	w = b.fill("/account/factor/confirm", "code", b.site.code(t, secret))
	answers(t, w, http.StatusOK, "Recovery codes")
	for _, code := range recoveryShown.FindAllStringSubmatch(w.Body.String(), -1) {
		recovery = append(recovery, code[1])
	}
	if len(recovery) != 10 {
		t.Fatalf("%d recovery codes are shown, want 10", len(recovery))
	}
	b.site.now = b.site.now.Add(time.Minute)
	return secret, recovery
}

// code is what a device with the secret shows now.
func (s *site) code(t *testing.T, secret string) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, s.now)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestSecondFactorFromOnToOff(t *testing.T) {
	t.Parallel()
	s := newSiteInTime(t)
	ann := s.browser("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	ann.signIn(t)
	answers(t, ann.get("/account"), http.StatusOK, "off: the password alone lets in")
	answers(t, ann.fill("/account/factor", "password", "wrong"), http.StatusForbidden, "This is not your password")
	secret, recovery := ann.turnOn(t)
	answers(t, ann.get("/account"), http.StatusOK, "10 recovery codes left")

	other := s.browser("")
	leads(t, other.fill("/sign-in", "name", "ann", "password", password, "next", "/alerts/A1"), "/sign-in/code")
	if w := other.get("/"); w.Code != http.StatusUnauthorized {
		t.Errorf("the password alone opens the pages: %d", w.Code)
	}
	form := other.get("/sign-in/code")
	answers(t, form, http.StatusOK, "six digits")
	for _, attribute := range []string{`autocomplete="one-time-code"`, `inputmode="numeric"`} {
		if !strings.Contains(form.Body.String(), attribute) {
			t.Errorf("the form lacks %s", attribute)
		}
	}
	answers(t, other.fill("/sign-in/code", "code", "000000"), http.StatusUnauthorized, "This code is not right")
	code := s.code(t, secret)
	leads(t, other.fill("/sign-in/code", "code", code), "/alerts/A1")
	if w := other.get("/alerts/A1"); w.Code != http.StatusOK || len(other.jar) != 1 {
		t.Errorf("answered %d with the cookies %v", w.Code, other.jar)
	}

	again := s.browser("")
	leads(t, again.fill("/sign-in", "name", "ann", "password", password), "/sign-in/code")
	answers(t, again.fill("/sign-in/code", "code", code), http.StatusUnauthorized, "This code was used already")
	leads(t, again.fill("/sign-in/code", "code", recovery[0]), "/")
	answers(t, again.get("/account"), http.StatusOK, "9 recovery codes left")

	w := ann.fill("/account/factor/recovery", "proof", password)
	answers(t, w, http.StatusOK, "Recovery codes")
	if strings.Contains(w.Body.String(), recovery[1]) {
		t.Error("a recovery code of before is still there")
	}
	if w := again.get("/"); w.Code != http.StatusUnauthorized {
		t.Errorf("another session outlived the codes: %d", w.Code)
	}
	answers(t, ann.fill("/account/factor/off", "proof", "123456"), http.StatusForbidden, "This code is not right")
	s.now = s.now.Add(time.Second) // five things were wrong by now
	leads(t, ann.fill("/account/factor/off", "proof", password), "/account")
	answers(t, ann.get("/account"), http.StatusOK, "The second factor is off.")
	s.now = s.now.Add(time.Second)
	last := s.browser("")
	leads(t, last.fill("/sign-in", "name", "ann", "password", password), "/")
}

func TestHalfASignIn(t *testing.T) {
	t.Parallel()
	begun := func(t *testing.T) (s *site, b *browser, secret string) {
		s = newSiteInTime(t)
		ann := s.browser("")
		ann.signIn(t)
		secret, _ = ann.turnOn(t)
		b = s.browser("")
		w := b.fill("/sign-in", "name", "ann", "password", password, "next", "/")
		leads(t, w, "/sign-in/code")
		got := cookieOf(t, w)
		if got.Name != halfCookie || got.Path != "/sign-in" || !got.HttpOnly || got.SameSite != http.SameSiteStrictMode || got.MaxAge != 300 || len(got.Value) < 26 {
			t.Errorf("the cookie is %v", got)
		}
		return s, b, secret
	}
	t.Run("is over after five minutes", func(t *testing.T) {
		t.Parallel()
		s, b, secret := begun(t)
		s.now = s.now.Add(account.HalfLife)
		answers(t, b.fill("/sign-in/code", "code", s.code(t, secret)), http.StatusUnauthorized, "The code came too late")
		leads(t, b.get("/sign-in/code"), "/sign-in")
		if len(s.keeper.halves) != 0 {
			t.Error("it is kept for good")
		}
	})
	t.Run("is the browser's that gave the password", func(t *testing.T) {
		t.Parallel()
		s, _, secret := begun(t)
		w := s.browser("").fill("/sign-in/code", "code", s.code(t, secret))
		answers(t, w, http.StatusUnauthorized, "The code came too late")
		if len(w.Result().Cookies()) > 0 {
			t.Error("somebody else came in")
		}
	})
	t.Run("is no session", func(t *testing.T) {
		t.Parallel()
		_, b, _ := begun(t)
		b.jar[cookieName] = b.jar[halfCookie]
		for _, path := range append([]string{"/account"}, everyPath...) {
			if w := b.get(path); w.Code != http.StatusUnauthorized {
				t.Errorf("GET %s answered %d", path, w.Code)
			}
		}
	})
	t.Run("is taken once", func(t *testing.T) {
		t.Parallel()
		s, b, secret := begun(t)
		jar := map[string]string{halfCookie: b.jar[halfCookie]}
		leads(t, b.fill("/sign-in/code", "code", s.code(t, secret)), "/")
		b.jar, s.now = jar, s.now.Add(time.Minute)
		answers(t, b.fill("/sign-in/code", "code", s.code(t, secret)), http.StatusUnauthorized, "The code came too late")
	})
	t.Run("ends with a new password", func(t *testing.T) {
		t.Parallel()
		s, b, secret := begun(t)
		if _, err := s.keeper.accounts.ResetPassword(t.Context(), "root", "ann", "another one altogether"); err != nil {
			t.Fatal(err)
		}
		answers(t, b.fill("/sign-in/code", "code", s.code(t, secret)), http.StatusConflict, "Your account was changed meanwhile")
	})
	t.Run("says how long to wait after five wrong codes", func(t *testing.T) {
		t.Parallel()
		s, b, secret := begun(t)
		var w *httptest.ResponseRecorder
		for range 6 {
			w = b.fill("/sign-in/code", "code", "000000")
		}
		answers(t, w, http.StatusTooManyRequests, "try again in 1s")
		if w.Header().Get("Retry-After") != "1" {
			t.Errorf("Retry-After is %q", w.Header().Get("Retry-After"))
		}
		s.now = s.now.Add(time.Second)
		leads(t, b.fill("/sign-in/code", "code", s.code(t, secret)), "/")
	})
	t.Run("is not begun by another site", func(t *testing.T) {
		t.Parallel()
		s, _, _ := begun(t)
		for _, path := range append(accountForms(), "/sign-in/code") {
			w := s.post(path, nil, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
			if w.Code != http.StatusForbidden {
				t.Errorf("%s answered %d to another site's form", path, w.Code)
			}
		}
	})
}

// accountForms are the paths of the forms of one's own account.
func accountForms() (paths []string) {
	for pattern := range (&pages{}).routes() {
		if path, is := strings.CutPrefix(pattern, "POST "); is && strings.HasPrefix(path, "/account/") {
			paths = append(paths, path)
		}
	}
	return paths
}

func TestAccountFormsNeedAnAccount(t *testing.T) {
	t.Parallel()
	s := newSiteInTime(t)
	link := s.signIn(t)
	for _, path := range accountForms() {
		if w := s.post(path, nil, nil); w.Code != http.StatusUnauthorized {
			t.Errorf("%s answered %d to a stranger", path, w.Code)
		}
		w := s.post(path, url.Values{"password": {password}, "proof": {password}}, func(r *http.Request) { r.AddCookie(link) })
		answers(t, w, http.StatusForbidden, "has no account")
	}
	answers(t, s.request("GET", "/account", func(r *http.Request) { r.AddCookie(link) }), http.StatusOK, "You came by a one-time link")
}

func TestAccountChangesThePassword(t *testing.T) {
	t.Parallel()
	s := newSiteInTime(t)
	ann, other := s.browser(""), s.browser("")
	ann.signIn(t)
	other.signIn(t)
	const another = "another one altogether"
	for _, c := range []struct {
		former, password, again string
		status                  int
		says                    string
	}{
		{password, another, "x", http.StatusBadRequest, "The two passwords are not the same; type both again."},
		{password, "short", "short", http.StatusBadRequest, "The password is too short"},
		{"wrong", another, another, http.StatusForbidden, "This is not your password."},
	} {
		w := ann.fill("/account/password", "former", c.former, "password", c.password, "again", c.again)
		answers(t, w, c.status, c.says)
		if strings.Contains(w.Body.String(), another) {
			t.Error("the page has the password")
		}
	}
	leads(t, ann.fill("/account/password", "former", password, "password", another, "again", another), "/account")
	answers(t, ann.get("/account"), http.StatusOK, "Your password is changed.")
	if w := other.get("/"); w.Code != http.StatusUnauthorized {
		t.Errorf("another session goes on: %d", w.Code)
	}
}

func TestSessionsOfMine(t *testing.T) {
	t.Parallel()
	s := newSiteInTime(t)
	if _, err := s.keeper.accounts.AddUser(t.Context(), "root", "eve", password); err != nil {
		t.Fatal(err)
	}
	s.keeper.BehindProxy = true
	phone := s.browser("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1")
	phone.signIn(t)
	s.now = s.now.Add(2 * time.Hour)
	ann, third, eve := s.browser("<script>alert(1)</script>\x1b[2J"+strings.Repeat("x", 1<<16)), s.browser("curl/8"), s.browser("")
	ann.signIn(t)
	third.signIn(t)
	leads(t, eve.fill("/sign-in", "name", "eve", "password", password), "/")
	phone.get("/")
	w := ann.get("/account")
	answers(t, w, http.StatusOK, "a browser (this one)")
	text := seen(t, w)
	for _, part := range []string{"Safari on iPhone", "curl", "2 hours ago just now", "192.0.2.1"} {
		if !strings.Contains(text, part) {
			t.Errorf("the page lacks %q: %s", part, text)
		}
	}
	if strings.Contains(w.Body.String(), "alert(1)") || strings.Contains(w.Body.String(), "xxxx") {
		t.Error("the page shows what a browser says of itself")
	}
	ids := regexp.MustCompile(`name="id" value="([A-Z2-7]+)"`).FindAllStringSubmatch(w.Body.String(), -1)
	if len(ids) != 2 {
		t.Fatalf("got %v, want two others to end", ids)
	}
	for _, b := range []*browser{phone, third} {
		if strings.Contains(w.Body.String(), b.jar[cookieName]) {
			t.Error("the page has another session's cookie")
		}
	}
	count := func(want int) {
		t.Helper()
		got := 0
		for _, b := range []*browser{ann, phone, third, eve} {
			if s.request("GET", "/hosts/web1", b.edit).Code != http.StatusUnauthorized {
				got++
			}
		}
		if got != want {
			t.Errorf("%d sessions live, want %d", got, want)
		}
	}
	count(4)
	eve.fill("/account/sessions/end", "id", ids[0][1])
	count(4) // nobody ends another's
	leads(t, ann.fill("/account/sessions/end", "id", ids[0][1]), "/account")
	count(3)
	ann.fill("/account/sessions/end")
	count(2)
	if ann.get("/").Code != http.StatusOK || eve.get("/").Code != http.StatusOK {
		t.Error("the session that asked is over, or somebody else's")
	}
}

func TestBrowsersHaveShortNames(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                        "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0": "Edge on Windows",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                  "Chrome on Android",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":         "Safari on macOS",
		"curl/8.14.1": "curl", "": "a browser", "\xff\x00<b>": "a browser", strings.Repeat("x", 600) + "Firefox/1": "a browser",
	} {
		if got := browserOf(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}

func TestQRCodeIsDrawnWithItsMargin(t *testing.T) {
	t.Parallel()
	code, err := qrOf("otpauth://totp/PortVigil:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=PortVigil&algorithm=SHA1&digits=6&period=30")
	if err != nil {
		t.Fatal(err)
	}
	drawn := make([][]bool, code.Size)
	for y := range drawn {
		drawn[y] = make([]bool, code.Size)
	}
	for run := range strings.SplitSeq(strings.TrimSuffix(code.Path, "z"), "z") {
		var x, y, n, back int
		if _, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &n, &back); err != nil || n != back {
			t.Fatalf("the run %q: %v", run, err)
		}
		for i := range n {
			drawn[y][x+i] = true
		}
	}
	// The finder pattern in three corners (ISO/IEC 18004, 6.3.3), light around it.
	finder := []string{"#######", "#     #", "# ### #", "# ### #", "# ### #", "#     #", "#######"}
	last := code.Size - quiet - 7
	for _, corner := range [][2]int{{quiet, quiet}, {last, quiet}, {quiet, last}} {
		for y, row := range finder {
			for x, c := range row {
				if drawn[corner[1]+y][corner[0]+x] != (c == '#') {
					t.Fatalf("the corner at %v differs at %d, %d", corner, x, y)
				}
			}
		}
	}
	for i := range code.Size {
		for m := range quiet {
			if drawn[m][i] || drawn[i][m] || drawn[code.Size-1-m][i] || drawn[i][code.Size-1-m] {
				t.Fatalf("the margin is dark at %d", i)
			}
		}
	}
	if _, err := qrOf(strings.Repeat("x", 10_000)); err == nil {
		t.Error("a text that fits no code was drawn")
	}
}

func TestAPIResetsAFactor(t *testing.T) {
	t.Parallel()
	s := newSiteInTime(t)
	ann := s.browser("")
	ann.signIn(t)
	ann.turnOn(t)
	log, _ := logged()
	api := asAnn(API(s.engine, s.keeper.accounts, s.keeper.NewLink, log))
	list := newRequest(t, api, "GET", "/v1/users", "")
	if got := list.Body.String(); !strings.Contains(got, `"second_factor":{"since":"2026-11-23T12:00:00Z","recovery_codes_left":10}`) {
		t.Errorf("listed as %s", got)
	}
	w := newRequest(t, api, "DELETE", "/v1/users/ann/factor", "")
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "second_factor") {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	if w := ann.get("/"); w.Code != http.StatusUnauthorized {
		t.Errorf("the session goes on: %d", w.Code)
	}
	s.browser("").signIn(t)
	if e := failure(t, newRequest(t, api, "DELETE", "/v1/users/ann/factor", "")); e.Code != portvigil.CodeNotFound {
		t.Errorf("a second time: %+v", e)
	}
}
