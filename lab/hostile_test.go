package lab_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
	"github.com/portvigil/portvigil/lab/hostile"
)

// TestHostileTextsStayText has every text of the corpus come in by every way that
// there is, and looks at every page in a browser: nothing runs, nothing breaks out,
// and each text is there as what it is.
func TestHostileTextsStayText(t *testing.T) {
	t.Parallel()
	v := newVigil(newWays(siteOf(&story{t: t})))
	v.done("POST", "/v1/users", map[string]string{"name": "ann", "password": personPassword}, nil)
	v.tab = v.signedIn()
	v.tab.Forgive(lab.TroubleConsole, "status of 4") // what is refused

	v.learning = true
	v.everything("calm", harmless(110))
	v.learning = false
	texts := hostile.Texts()
	v.everything("storm", texts)
	for _, role := range roles {
		v.have(role)
	}
	v.tell()
	found := 0
	for _, texts := range v.there {
		found += len(texts)
	}
	t.Logf("%d texts, %d looks at pages of %d kinds; in %d roles texts were found %d times", len(texts), v.looks, len(v.known), len(roles), found)
}

// harmless are as many texts that try nothing.
func harmless(n int) (list []string) {
	forms := []string{"plain words %d", "word%d", "two\nlines %d", "ann@example.org, %d", "/usr/sbin/x%d"}
	for i := range n {
		list = append(list, fmt.Sprintf(forms[i%len(forms)], i))
	}
	return list
}

// everything brings the texts to a host of that name and to others like it, and looks
// at all pages.
func (v *vigil) everything(name string, texts []string) {
	v.t.Helper()
	began := time.Now()
	v.watch(texts)
	host := v.lab.Host(name)
	v.isAdded(name, host, len(texts))
	v.openMeanwhile(func() { v.comes(name, host, texts) }, map[string]string{
		"/":              "document.querySelector('#needs').textContent.includes('~exe')",
		"/alerts":        "document.querySelector('#list').textContent.includes('~exe')",
		"/hosts/" + name: "document.querySelector('#table').textContent.includes('~exe')",
	})
	lists := []string{"/alerts?per=300&state=all", "/audit?what=changes", "/hosts/" + name}
	also := func(what string, each int, happens func(name string, texts []string), shownAt ...string) {
		number := 0
		for some := range slices.Chunk(texts, each) {
			number++
			other := fmt.Sprintf("%s-%s-%d", name, what, number)
			happens(other, some)
			for _, at := range shownAt {
				lists = append(lists, at+other)
			}
		}
	}
	also("first-seen", 6*50, v.isFirstSeen, "/hosts/")
	also("differs", 4*mostAtOnce, v.differs, "/hosts/", "/baseline/")
	also("written", 200, v.isWritten, "/baseline/")
	v.isInMaintenance(name, texts)
	v.reviewed(texts)
	came := time.Since(began)
	v.stories(name)
	v.tour(lists...)
	v.names(texts)
	v.answered(texts)
	v.typed(name, texts)
	v.unsent(name, texts)
	v.resolved(name)
	v.t.Logf("%s: %.1f s until all had come, %.1f s to look at it", name, came.Seconds(), (time.Since(began) - came).Seconds())
}

// stories comments the alert about each text, and looks at it: at one in twenty by
// itself, and at those that follow in the same tab, into which app.js takes them over
// as it does when something has changed.
func (v *vigil) stories(name string) {
	v.t.Helper()
	alerts := v.alertsOf(name, len(v.texts))
	v.tab.Open(v.t, v.base+silent)
	for i, a := range alerts {
		v.done("POST", "/v1/alerts/"+a.ID+"/comment", map[string]string{"text": marked("comment", v.texts[i])}, nil)
	}
	if v.learning {
		alerts = alerts[:20] // the others are made of the same
	}
	done := 0
	for some := range slices.Chunk(alerts, 20) {
		v.tab.Open(v.t, v.base+"/alerts/"+some[0].ID)
		var turns []string
		for _, a := range some {
			turns = append(turns, fmt.Sprintf(`(async () => {
				const answer = await fetch("/alerts/%s", { cache: "no-store" });
				live.take(new DOMParser().parseFromString(await answer.text(), "text/html"));
			})()`, a.ID))
		}
		for i, page := range v.tab.Anatomies(v.t, turns...) {
			v.judge(page)
			v.story(page, some[i], v.texts[done+i])
		}
		done += len(some)
	}
}

// story checks that an alert was told what was sent, and that its page says so.
func (v *vigil) story(page lab.Anatomy, a portvigil.Alert, text string) {
	v.t.Helper()
	if a.Service == nil || a.Process == nil || a.Service.Certificate == nil || a.Service.Title == "" && legible(text) {
		v.finds(page.Path, fmt.Sprintf("the alert about %.100q does not know all that was sent: %+v, %+v", text, a.Service, a.Process))
		return
	}
	sent := "HTTP/1.1 200 OK\r\nServer: " + text
	if sent = sent[:min(len(sent), 2000)]; !strings.HasPrefix(string(a.Service.Banner), sent) {
		v.finds(page.Path, fmt.Sprintf("the first bytes are known as %.100q, sent was %.100q", a.Service.Banner, sent))
	}
	says := func(text string) {
		if !strings.Contains(page.Text, text) {
			v.finds(page.Path, fmt.Sprintf("it does not say %.200q", text))
		}
	}
	says(shown(a.Text))
	for line := range strings.Lines(string(a.Service.Banner)) {
		says(shown(strings.TrimRight(line, "\r\n")))
	}
	if a.Service.Title != "" {
		says("page “" + shown(a.Service.Title) + "”")
	}
	c := a.Service.Certificate
	says("Certificateof " + shown(c.Subject) + ", by " + shown(c.Issuer))
	for _, name := range c.Names {
		says("for " + shown(name))
	}
	p := a.Process
	for role, got := range map[string]string{"exe": p.Exe, "user": p.User, "unit.service": p.Unit, "container": *p.Container, "package": p.Package.Name, "version": p.Package.Version} {
		if got != inJSON(marked(role, text)) {
			v.finds(page.Path, fmt.Sprintf("%s is known as %.100q, sent was %.100q", role, got, text))
		}
		says(shown(got))
	}
	// A comment is shown line by line.
	line, _, _ := strings.Cut(strings.TrimSpace(inJSON(marked("comment", text))), "\n")
	says(shown(strings.TrimRight(line, "\r")))
	// No text gets into what people copy into a shell.
	says("sudo systemctl disable --now UNIT")
}

// resolved resolves the alert about each text, with the text as the reason and the
// owner, and looks at what that leaves.
func (v *vigil) resolved(name string) {
	v.t.Helper()
	alerts := v.alertsOf(name, len(v.texts))
	v.tab.Open(v.t, v.base+silent)
	for i, a := range alerts {
		q := portvigil.ResolveRequest{Kind: portvigil.ResolvedFalse, Why: marked("reason", v.texts[i])}
		if i%2 == 0 {
			q = portvigil.ResolveRequest{Kind: portvigil.ResolvedAccepted, Until: "2099-12-31", Why: marked("reason", v.texts[i]), Owner: v.texts[i]}
		}
		v.done("POST", "/v1/alerts/"+a.ID+"/resolve", q, nil)
	}
	v.through("/audit?what=alerts")
	v.through("/alerts?per=300&state=resolved")
	for _, a := range alerts[:min(len(alerts), 4)] {
		v.tab.Open(v.t, v.base+"/alerts/"+a.ID)
		v.see()
	}
}

// names has each text be the name of a host, a group, a user, a token and a channel, and
// what leads to a host. Most are refused, which has to be said so that it can be read; the
// others work, and can be taken back.
func (v *vigil) names(texts []string) {
	v.t.Helper()
	refused, taken := map[string]int{}, map[string]int{}
	for _, text := range texts {
		for what, q := range map[string]struct {
			path, name string
			body       map[string]any
		}{
			"host":    {"/v1/hosts", text, map[string]any{"name": text, "targets": []string{v.nowhere()}}},
			"group":   {"/v1/hosts", "grouped", map[string]any{"name": "grouped", "targets": []string{v.nowhere()}, "groups": []string{text}}},
			"address": {"/v1/hosts", "aimed", map[string]any{"name": "aimed", "targets": []string{text}}},
			"user":    {"/v1/users", text, map[string]any{"name": text, "password": personPassword}},
			"token":   {"/v1/tokens", text, map[string]any{"name": text, "scope": "read"}},
			"channel": {"/v1/channels", text, emailChannel(text, v.mail.Addr, "nowhere")},
		} {
			status, answer := v.ask("POST", q.path, q.body)
			switch {
			case status == http.StatusOK:
				taken[what]++
				if what == "host" && taken[what]%3 == 1 {
					v.tab.Open(v.t, v.base+"/hosts/"+url.PathEscape(text))
					v.see()
				}
				if status, answer := v.ask("DELETE", q.path+"/"+url.PathEscape(q.name), nil); status != http.StatusOK {
					v.t.Errorf("%s %q cannot be taken back: %d %.300s", what, text, status, answer)
				}
			// What looks like a name is asked for, and nobody can be asked from here.
			case status == http.StatusBadRequest, what == "address" && (status == http.StatusNotFound || status == http.StatusServiceUnavailable):
				refused[what]++
				v.clearly(what, text, answer)
			default:
				v.t.Errorf("%s %.100q: answered %d, %.300s", what, text, status, answer)
			}
		}
	}
	v.t.Logf("as names, refused %v, taken %v", refused, taken)
}

// clearly checks that a refusal says what was wrong and what to do, and nothing that
// steers.
func (v *vigil) clearly(what, text string, answer []byte) {
	v.t.Helper()
	var r refusal
	if err := json.Unmarshal(answer, &r); err != nil {
		v.t.Fatalf("%s %.100q is refused with what is no JSON: %v: %.300q", what, text, err, answer)
	}
	begins, _, _ := strings.Cut(r.Message, `"`)
	where := fmt.Sprintf("%s %.100q: %.500s", what, text, answer)
	switch {
	case r.Code == string(portvigil.CodeInternal) || r.Hint == "":
		v.finds(where, begins+"… does not say what to do")
	case portvigil.Printable(r.Message) != r.Message || len(r.Message) > 1000:
		v.finds(where, begins+"… is too long, or not for people to read")
	}
}
