package lab_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// person is somebody who works with the pages; what they do is counted.
type person struct {
	*site
	tab   *lab.Tab
	host  string // the server's own machine
	acts  int    // clicks, and keys that are no text
	typed int    // characters
}

const personPassword = "a lighthouse of paper"

// What somebody does at most until the first alert is resolved: the Enter key behind
// the password, the doors that belong here, the answer beside the alert and its
// button. The password is all that has to be typed.
const mostActs, mostTyped = 4, len(personPassword)

// TestFromTheLinkToAResolvedAlert is the way of somebody who has just started the
// server: by mouse from the one-time link to a baseline and the first alert that is
// resolved, then others by keyboard alone, on a telephone, and without any script.
func TestFromTheLinkToAResolvedAlert(t *testing.T) {
	t.Parallel()
	s := siteOf(&story{t: t, local: true, under: []string{"env", "SUDO_USER=ann"}}) // as sudo leaves it to who is called ann
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	s.scanner.Nginx(t, 80)
	s.must(1, "hosts", "look", host, "--inside")

	ann := &person{site: s, tab: s.browser.Tab(t), host: host}
	ann.tab.Open(t, link.FindString(s.must(0, "serve", "--link").stdout))
	ann.setsUp()
	ann.seesItCome(9100)
	ann.byMouse(9100)
	t.Logf("from the link to the first resolved alert: %d clicks and keys, %d characters typed", ann.acts, ann.typed)
	if ann.acts > mostActs || ann.typed > mostTyped {
		t.Errorf("that is more than %d and %d", mostActs, mostTyped)
	}

	keys := ann.signsIn(func(*lab.Tab) {})
	keys.tab.Open(t, keys.base+"/")
	keys.seesItCome(9101)
	keys.byKeyboard(9101)
	keys.tab.Open(t, keys.base+"/")
	keys.seesItCome(9104)
	keys.answersByKeyboard(9104)
	keys.letsIn("bob")

	phone := ann.signsIn(func(tab *lab.Tab) { tab.Viewport(t, 390, 844, 2) })
	phone.opens(9102)
	phone.tab.Open(t, phone.base+"/")
	phone.byMouse(9102)

	plain := ann.signsIn(func(tab *lab.Tab) { tab.WithoutScript(t) })
	plain.opens(9103)
	plain.tab.Open(t, plain.base+"/")
	plain.byMouse(9103)
	plain.letsInWithoutScript("carl")

	show := s.must(0, "baseline", "show", host).stdout
	for _, door := range []string{"80/tcp", "9100/tcp", "9101/tcp", "9102/tcp", "9103/tcp", "9104/tcp"} {
		if !strings.Contains(show, door) {
			t.Errorf("the baseline lacks %q:\n%s", door, show)
		}
	}
}

// setsUp keeps the name that stands there, chooses a password, and says what is
// open and why.
func (p *person) setsUp() {
	p.t.Helper()
	if got := p.tab.Path(p.t); got != "/start" {
		p.t.Fatalf("the link of a new server leads to %s, want the first steps", got)
	}
	p.typesInto("Password", personPassword)
	p.load(func() { p.tab.Press(p.t, lab.KeyEnter) })
	p.submit("These belong here")
	if show := p.must(0, "baseline", "show", p.host).stdout; !strings.Contains(show, "80/tcp") || !strings.Contains(show, "ann") {
		p.t.Fatalf("what was ticked is not in the baseline:\n%s", show)
	}
}

// opens starts a node exporter on the server's machine, which a look then finds.
func (p *person) opens(port uint16) {
	p.t.Helper()
	p.scanner.NodeExporter(p.t, port)
	p.must(1, "hosts", "look", p.host, "--inside")
}

// seesItCome has the overview open, or the first steps, while a door opens: it is
// there within a second of the look's end, without a click.
func (p *person) seesItCome(port uint16) {
	p.t.Helper()
	p.opens(port)
	looked := time.Now()
	p.tab.Wait(p.t, "the alert on the open page", fmt.Sprintf(`[...document.querySelectorAll('#needs a[data-item] .what')].some((w) => w.textContent.includes(' %d/tcp'))`, port))
	p.t.Logf("%d/tcp stood on the open page %v after the look", port, time.Since(looked).Round(time.Millisecond))
}

// alertOf is the open alert of the door.
func (p *person) alertOf(port uint16) portvigil.Alert {
	p.t.Helper()
	for _, a := range p.all() {
		if a.Host == p.host && a.Port == port {
			return a
		}
	}
	p.t.Fatalf("no alert is about port %d", port)
	return portvigil.Alert{}
}

// byMouse answers the alert on the page that shows it: it is expected, for the
// reason that is suggested.
func (p *person) byMouse(port uint16) {
	p.t.Helper()
	a := p.alertOf(port)
	p.load(func() { p.tab.ClickOn(p.t, fmt.Sprintf(`#needs a[href="/alerts/%s#expected"]`, a.ID)) })
	if text := p.tab.Text(p.t); !strings.Contains(text, "prometheus-node-exporter") {
		p.t.Errorf("the page does not say what opened the door:\n%s", text)
	}
	p.submit("It is expected")
	p.isResolved(a, "monitoring")
}

// byKeyboard does so without a mouse, and for a reason of their own.
func (p *person) byKeyboard(port uint16) {
	p.t.Helper()
	a := p.alertOf(port)
	p.load(func() { p.tab.Press(p.t, "g", "a") })
	p.tab.Press(p.t, "j")
	if f := p.tab.Focus(p.t); f == nil || f.Role != "link" || !f.Shown {
		p.t.Fatalf("j led to %+v", f)
	}
	p.load(func() { p.tab.Press(p.t, lab.KeyEnter) })
	p.tab.Press(p.t, "e")
	p.typesInto("Why", "the metrics")
	p.load(func() { p.tab.Press(p.t, lab.KeyEnter) })
	p.isResolved(a, "the metrics")
}

// answersByKeyboard does so from the page that shows the alert.
func (p *person) answersByKeyboard(port uint16) {
	p.t.Helper()
	a := p.alertOf(port)
	p.tab.Press(p.t, "j")
	p.load(func() { p.tab.Press(p.t, "e") })
	p.typesInto("Why", "the metrics")
	p.load(func() { p.tab.Press(p.t, lab.KeyEnter) })
	p.isResolved(a, "the metrics")
}

func (p *person) isResolved(a portvigil.Alert, why string) {
	p.t.Helper()
	if text := p.tab.Text(p.t); !strings.Contains(text, "the baseline has it now") || !strings.Contains(text, "Resolved") {
		p.t.Errorf("the page does not say that it is resolved:\n%s", text)
	}
	if now := p.alertOf(a.Port); now.ID != a.ID || now.State != portvigil.AlertResolved || now.Resolution.Kind != portvigil.ResolvedExpected ||
		now.Resolution.By != "ann" || now.Resolution.Why != why || now.Resolution.Owner != "ann" {
		p.t.Errorf("the alert is %s, %+v", now.State, now.Resolution)
	}
}

// signsIn is the same person in another tab, by name and password.
func (p *person) signsIn(as func(*lab.Tab)) *person {
	p.t.Helper()
	other := &person{site: p.site, tab: p.browser.Tab(p.t), host: p.host}
	as(other.tab)
	other.tab.Forgive(lab.TroubleConsole, "401")
	other.tab.Open(p.t, p.base+"/")
	other.fill("input[name=name]", "ann")
	other.fill("input[name=password]", personPassword)
	other.submit("Sign in")
	if got := other.tab.Path(p.t); got != "/" {
		p.t.Fatalf("signing in led to %s:\n%s", got, other.tab.Text(p.t))
	}
	return other
}

// letsIn adds a user, and looks at the password that was typed once.
func (p *person) letsIn(name string) {
	p.t.Helper()
	p.tab.Open(p.t, p.base+"/users")
	p.fill("input[name=name]", name)
	p.fill("form[action='/users'] input[name=password]", personPassword)
	if kind := p.typeOfPassword(); kind != "password" {
		p.t.Errorf("the password is shown before anybody asked: its field is a %s", kind)
	}
	p.tab.Press(p.t, lab.KeyTab)
	if f := p.tab.Focus(p.t); f == nil || f.Role != "button" || f.Name != "Show the password" {
		p.t.Fatalf("behind the password is %+v", f)
	}
	p.tab.Press(p.t, lab.KeySpace)
	if kind := p.typeOfPassword(); kind != "text" || !p.tab.Has(p.t, "button", "Hide the password") {
		p.t.Errorf("the password is not shown: its field is a %s", kind)
	}
	p.submit("Add the user")
	p.hasLetIn(name)
}

func (p *person) typeOfPassword() string {
	p.t.Helper()
	return lab.Ask[string](p.t, p.tab, `document.querySelector("form[action='/users'] input[name=password]").type`)
}

// letsInWithoutScript does so where nothing can show the password: it is typed twice.
func (p *person) letsInWithoutScript(name string) {
	p.t.Helper()
	p.tab.Open(p.t, p.base+"/users")
	p.fill("input[name=name]", name)
	p.fill("form[action='/users'] input[name=password]", personPassword)
	p.fill("form[action='/users'] input[name=again]", personPassword)
	p.submit("Add the user")
	p.hasLetIn(name)
}

func (p *person) hasLetIn(name string) {
	p.t.Helper()
	if list := p.must(0, "users", "list").stdout; !strings.Contains(list, name) {
		p.t.Errorf("%s is no user:\n%s\n%s", name, list, p.tab.Text(p.t))
	}
}

// typesInto types where the focus is already, and makes sure that it is there.
func (p *person) typesInto(field, text string) {
	p.t.Helper()
	if f := p.tab.Focus(p.t); f == nil || f.Role != "textbox" || !strings.HasPrefix(f.Name, field) || !f.Shown {
		p.t.Fatalf("the focus is on %+v, want the field %s", f, field)
	}
	p.typed += len(text)
	p.tab.Type(p.t, text)
}

func (p *person) click(selector string) {
	p.t.Helper()
	p.acts++
	p.tab.ClickOn(p.t, selector)
}

func (p *person) fill(selector, text string) {
	p.t.Helper()
	p.click(selector)
	p.typed += len(text)
	p.tab.Type(p.t, text)
}

func (p *person) submit(button string) {
	p.t.Helper()
	p.load(func() { p.tab.Click(p.t, "button", button) })
}

// load does what leads to another page.
func (p *person) load(do func()) {
	p.t.Helper()
	p.acts++
	if status := p.tab.Loads(p.t, do); status != 200 {
		p.t.Fatalf("answered %d:\n%s", status, p.tab.Text(p.t))
	}
}
