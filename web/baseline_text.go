package web

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/portvigil/portvigil"
)

// textPage is a document as its text, to be edited.
type textPage struct {
	draft
	Text  string
	Wrong []placed
	Unfit int // the first line with a character that cannot be seen; 0 for none
}

func (p *pages) text(w http.ResponseWriter, r *http.Request) {
	d, err := p.draftOf(r, "")
	if err != nil {
		p.fail(w, r, err)
		return
	}
	text := d.Base.Text
	if d.Base.Version == 0 {
		text = string(portvigil.NewDocument(d.Kind, d.Name))
	}
	p.showText(w, r, http.StatusOK, textPage{draft: d, Text: text})
}

func (p *pages) showText(w http.ResponseWriter, r *http.Request, status int, t textPage) {
	for i, line := range strings.Split(t.Text, "\n") {
		if line = strings.TrimSuffix(line, "\r"); t.Unfit == 0 && portvigil.Printable(line) != line && strings.ReplaceAll(line, "\t", " ") != portvigil.Printable(strings.ReplaceAll(line, "\t", " ")) {
			t.Unfit = i + 1
		}
	}
	p.show(w, r, status, "text.html", page{"Baseline of " + shown(t.Name) + " as YAML", t})
}

func (p *pages) editText(w http.ResponseWriter, r *http.Request) {
	if !p.readForm(w, r) {
		return
	}
	d, err := p.draftOf(r, r.PostForm.Get("version"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	text := lineEndsOf(d.Base.Text, r.PostForm.Get("text"))
	again := func(status int, t textPage) {
		t.draft, t.Text = d, text
		p.showText(w, r, status, t)
	}
	if _, err := portvigil.ReadDocument(d.Kind, d.Name, []byte(text)); err != nil {
		if portvigil.ErrorCode(err) != portvigil.CodeInvalid {
			p.fail(w, r, err)
			return
		}
		again(http.StatusBadRequest, textPage{Wrong: placesIn(err, text)})
		return
	}
	switch {
	case r.PostForm.Get("step") == stepEdit:
		again(http.StatusOK, textPage{})
	case text == d.Newest.Text && d.Base.Version != d.Newest.Version: // sent twice: the first has saved it
		p.saved(w, r, draft{subject: d.subject, Base: d.Newest}, d.Newest)
	case d.outdated():
		again(http.StatusConflict, textPage{})
	case r.PostForm.Get("step") != stepSave || d.Folder != "":
		p.propose(w, r, http.StatusOK, change{draft: d, Title: "Change the baseline of " + shown(d.Name), Action: d.Path("text"), Back: true}, text)
	default:
		v, err := p.save(r, d, text, "edited")
		if err != nil {
			status, f := p.described(r, err)
			d.Form = f
			again(status, textPage{})
			return
		}
		p.saved(w, r, d, v)
	}
}

// lineEndsOf gives a text that a browser sent the line ends of the one that was
// edited: browsers send Windows' (HTML 4.10.21.4), whatever was there. The lines
// before and behind what changed keep their own; what changed has those that the
// text began with.
func lineEndsOf(before, typed string) string {
	old, now := strings.SplitAfter(before, "\n"), strings.SplitAfter(strings.ReplaceAll(typed, "\r\n", "\n"), "\n")
	same := func(a, b string) bool { return strings.ReplaceAll(a, "\r\n", "\n") == b }
	head := 0
	for head < min(len(old), len(now)) && same(old[head], now[head]) {
		now[head] = old[head]
		head++
	}
	tail := 0
	for tail < min(len(old), len(now))-head && same(old[len(old)-1-tail], now[len(now)-1-tail]) {
		tail++
		now[len(now)-tail] = old[len(old)-tail]
	}
	if strings.HasSuffix(old[0], "\r\n") {
		for i := head; i < len(now)-tail; i++ {
			now[i] = strings.ReplaceAll(now[i], "\n", "\r\n")
		}
	}
	return strings.Join(now, "")
}

var placeInText = regexp.MustCompile(`^[^\n]*?:(\d+):(\d+): ([^\n]*)`)

// placesIn are the errors of a text, one by one.
func placesIn(err error, text string) (list []placed) {
	lines := strings.Split(text, "\n")
	for _, said := range strings.Split(err.Error(), "\n") {
		m := placeInText.FindStringSubmatch(said)
		if m == nil {
			list = append(list, placed{What: begun(shown(said)) + "."})
			continue
		}
		e := placed{What: begun(shown(m[3])) + "."}
		e.Line, _ = strconv.Atoi(m[1])
		e.Column, _ = strconv.Atoi(m[2])
		if e.Line > 0 && e.Line <= len(lines) {
			e.Text = shown(strings.TrimRight(lines[e.Line-1], "\r"))
		}
		list = append(list, e)
	}
	return list
}
