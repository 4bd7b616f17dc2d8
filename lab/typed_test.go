package lab_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/portvigil/portvigil/lab"
)

// typed has texts come back to who typed them: each is typed into all fields of some
// form that then refuses it, or stands in the address of some page.
func (v *vigil) typed(name string, texts []string) {
	v.t.Helper()
	host, alert := "/hosts/"+name, "/alerts/"+v.alertsOf(name, len(texts))[0].ID
	baseline := "/baseline/" + name + "-written-1"
	tries := []func(text string){
		v.form("/hosts", `form[action="/hosts"]`),
		v.form("/hosts", `form[action="/hosts/import"]`),
		v.form("/users", `form[action="/users"]`),
		v.form("/tokens", `form[action="/tokens"]`),
		v.form("/channels/add?kind=email", `form[action="/channels"]`),
		v.form("/scope", `form.sheet[action="/scope"]`),
		v.form(host, `form[action$="/maintenance"]`),
		v.form(host, `form[action$="/edit"]`),
		v.form(host, `form[action$="/remove"]`),
		v.form(host, `form[action$="/report"]`),
		v.form(alert, `#act-accepted form`),
		v.form(alert, `#act-expected form`),
		v.form(baseline+"/entry", `main form`),
		v.form(baseline+"/text", `main form`),
		v.form("/review", `form[action="/review/sign"]`),
	}
	for _, path := range []string{"/hosts?q=%s&group=%s&show=%s&host=%s&address=%s&page=%s", "/alerts?q=%s&host=%s&kind=%s&state=%s&severity=%s&order=%s&page=%s", "/audit?who=%s&what=%s&since=%s&page=%s",
		host + "?q=%s&show=%s&page=%s", host + "/history?q=%s&days=%s", host + "/past?date=%s&time=%s", "/scope?network=%s", "/channels/add?kind=%s", "/start?step=%s", "/sign-in?next=%s",
		baseline + "?kind=%s", baseline + "/entry?k=%s&port=%s&proto=%s&address=%s&review=%s", baseline + "/versions?from=%s&to=%s", baseline + "/restore?of=%s",
		"/no-page/%s", "/alerts/%s", "/hosts/%s", "/baseline/%s", "/review/%s", "/unsent/%s"} {
		tries = append(tries, func(text string) {
			v.t.Helper()
			v.tab.Open(v.t, v.base+strings.ReplaceAll(path, "%s", url.PathEscape(text)))
			v.see()
		})
	}
	if v.learning { // what some of the others are refused for, and a service of which its first bytes alone are known
		tries = append(tries, func(string) { v.t.Helper(); v.form(baseline+"/entry", `main form`)("no text: \x01") })
		for _, a := range v.alertsOf(name, len(texts))[:5] {
			if a.Service != nil && a.Service.Product == "" {
				tries = append(tries, v.form("/alerts/"+a.ID, `#act-accepted form`), v.form("/alerts/"+a.ID, `#act-expected form`))
				break
			}
		}
	}
	list := batches("typed", 2*onePage, texts)
	for i := range max(len(list), len(tries)) {
		tries[i%len(tries)](list[i%len(list)])
	}
}

// form returns a function that types a text into all fields of the form on a page
// that the selector matches, as far as they take a text, and sends it.
func (v *vigil) form(page, selector string) func(text string) {
	return func(text string) {
		v.t.Helper()
		v.tab.Open(v.t, v.base+page)
		v.tab.Loads(v.t, func() {
			lab.Ask[bool](v.t, v.tab, fmt.Sprintf(`(() => {
				const form = document.querySelector(%s);
				for (const e of form.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio]), textarea")) {
					if (e.matches("input")) e.type = "text"; // else a date takes nothing but one
					e.value = %s;
				}
				form.noValidate = true;
				form.requestSubmit(form.querySelector("button:not([type=button])"));
				return true;
			})()`, asJSON(v.t, selector), asJSON(v.t, text)))
		})
		v.see()
	}
}

// secretive are names of fields that may hold a secret, which is typed again.
var secretive = regexp.MustCompile(`(?i)password|again|code|token|url`)

// unsent has the session end while somebody types: what they typed, and what the
// fields are called, goes through the sign-in to a page that shows it.
func (v *vigil) unsent(name string, texts []string) {
	v.t.Helper()
	main := v.tab
	v.tab = v.browser.Tab(v.t)
	defer func() { v.tab, v.named = main, false }()
	v.tab.Forgive(lab.TroubleConsole, "status of 401")
	signIn := func() {
		v.tab.Loads(v.t, func() {
			lab.Ask[bool](v.t, v.tab, fmt.Sprintf(`(() => {
				const form = document.querySelector("main form"), fill = (name, text) => { form.querySelector("input[name=" + name + "]").value = text; };
				fill("name", "ann");
				fill("password", %q);
				HTMLFormElement.prototype.requestSubmit.call(form);
				return true;
			})()`, personPassword))
		})
	}
	v.tab.Open(v.t, v.base+"/sign-in")
	signIn()
	alerts := v.alertsOf(name, len(texts))
	for some := range sendable(texts) {
		v.tab.Open(v.t, v.base+"/alerts/"+alerts[0].ID)
		v.tab.Loads(v.t, func() {
			lab.Ask[bool](v.t, v.tab, fmt.Sprintf(`(async () => {
				const form = document.querySelector("#act-comment form");
				for (const text of %s) {
					const field = document.createElement("input");
					field.type = "hidden";
					field.name = field.value = text;
					form.append(field);
				}
				form.querySelector("textarea").value = "typed";
				await fetch("/sign-out", { method: "POST" });
				HTMLFormElement.prototype.requestSubmit.call(form);
				return true;
			})()`, asJSON(v.t, some)))
		})
		v.named = true
		v.see()
		signIn()
		page := v.see()
		if !strings.HasPrefix(page.Path, "/unsent/") {
			v.t.Fatalf("what was typed when the session ended led to %s:\n%s", page.Path, v.tab.Text(v.t))
		}
		for _, text := range some {
			// HTML has no NUL, and a form one end of a line; each line is shown by itself.
			line, _, _ := strings.Cut(strings.ReplaceAll(text, "\r", "\n"), "\n")
			if !secretive.MatchString(text) && !strings.Contains(text, "\x00") && !strings.Contains(page.Text, shown(line)) {
				v.finds("/unsent", fmt.Sprintf("what was typed is not there: %.200q", text))
			}
		}
		v.named = false
		v.tab.Loads(v.t, func() { v.tab.Click(v.t, "button", "Send it") })
		if text := v.see().Text; !strings.Contains(text, "typed") {
			v.finds(page.Path, "what was typed was not sent on")
		}
	}
}

// sendable are the texts, as many at a time as go along with a sign-in, twice each.
// Those that are longer than a page shows are left out.
func sendable(texts []string) iter.Seq[[]string] {
	const most = 24 << 10
	return func(yield func([]string) bool) {
		var some []string
		size := 0
		for _, text := range texts {
			text = inJSON(text)
			if len(text) > onePage {
				continue
			}
			bytes := 2*len(url.QueryEscape(text)) + 3
			if size += bytes; size > most {
				if !yield(some) {
					return
				}
				some, size = nil, bytes
			}
			some = append(some, text)
		}
		yield(some)
	}
}

// answered has a mail server refuse a message in the words of a text, and looks at
// what that leaves: one of each thirty, since a message has to go for each.
func (v *vigil) answered(texts []string) {
	v.t.Helper()
	v.done("POST", "/v1/channels", emailChannel("post", v.mail.Addr, batches("where", onePage, texts)[0]), nil)
	for i := 0; i < len(texts); i += 30 {
		v.mail.Answer(lab.RawMail("550 " + texts[i] + "\r\n"))
		if status, answer := v.ask("POST", "/v1/channels/post/test", nil); status == 200 {
			v.t.Errorf("a message that was refused as %q is taken for sent: %s", texts[i], answer)
		}
		v.tab.Open(v.t, v.base+"/channels")
		v.see()
	}
	v.mail.Answer(nil)
	v.done("DELETE", "/v1/channels/post", nil, nil)
}

// asJSON is a value as a script reads it.
func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// emailChannel is what adds a channel of that name, which says that it leads somewhere.
func emailChannel(name, server, where string) map[string]any {
	return map[string]any{"name": name, "kind": "email", "settings": map[string]any{"to": []string{"ops@example.com"}, "from": "portvigil@example.com", "smtp": "smtp://" + server, "where": where}}
}
