package web

import (
	"net/http"
	"strings"

	"github.com/portvigil/portvigil"
)

// maxFound bounds the doors of one form: what is approved makes room for the rest.
const maxFound = 60

// explainPage is the form that says why the open doors of a host belong there.
type explainPage struct {
	Host     string
	Found    some[foundDoor]
	Loopback some[foundDoor]
	Entries  int // doors that the baseline has already
	Looking  []portvigil.LookUnderWay
	Looked   bool   // whether any view has seen the host
	Owner    string // suggested
	Edit     string // what is to be changed in the folder that the baseline follows
	Next     string // where the form leads
	Here     string // the page itself
	Form     form
}

// Ticked reports whether a door is to be ticked: as the form was sent, else as suggested.
func (p explainPage) Ticked(f foundDoor) bool {
	if p.Form.Name == "explain" {
		return p.Form.Has("explain", "door", f.Door)
	}
	return f.Usual
}

// Why is the reason in a door's field.
func (p explainPage) Why(f foundDoor) string {
	if p.Form.Name == "explain" {
		return p.Form.Typed("explain", "why "+f.Door)
	}
	return f.Why
}

// OwnerNow is what the owner's field holds.
func (p explainPage) OwnerNow() string {
	if p.Form.Name == "explain" {
		return p.Form.Typed("explain", "owner")
	}
	return p.Owner
}

func explainOf(r *http.Request, s portvigil.HostStatus, looking []portvigil.LookUnderWay, f form) explainPage {
	found, loopback := foundDoors(s)
	e := explainPage{Host: s.Host.Name, Found: first(found, maxFound), Loopback: first(loopback, maxFound), Looking: looking,
		Looked: len(s.Views) > 0, Owner: userOf(r), Next: hostPath(s.Host.Name), Here: hostPath(s.Host.Name) + "/explain", Form: f}
	for _, x := range s.Exposures {
		if x.Entry != nil {
			e.Entries++
		}
	}
	return e
}

// explain shows the form for one host.
func (p *pages) explain(w http.ResponseWriter, r *http.Request) {
	p.showExplain(w, r, http.StatusOK, form{}, "")
}

func (p *pages) showExplain(w http.ResponseWriter, r *http.Request, status int, f form, edit string) {
	name := r.PathValue("name")
	s, err := p.engine.Host(r.Context(), name)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	looking, err := p.engine.UnderWay(r.Context(), name)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	e := explainOf(r, s, looking, f)
	e.Edit = edit
	p.show(w, r, status, "explain.html", page{"Doors of " + shown(s.Host.Name), e})
}

// explainDoors writes the ticked doors into the baseline, each for its own reason.
func (p *pages) explainDoors(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	edit := ""
	again := func(status int, f form) {
		if startPath == local(r.PostForm.Get("next")) && edit == "" {
			p.showStart(w, r, status, f)
			return
		}
		p.showExplain(w, r, status, f, edit)
	}
	p.act(w, r, "explain", func() (done, error) {
		q, err := explained(r)
		if err != nil {
			return done{}, err
		}
		v, err := p.engine.Approve(r.Context(), actor(r), name, q)
		if edit = v.Edit; err == nil && edit != "" {
			err = portvigil.Errorf(portvigil.CodeConflict, "the baseline follows a folder, so nothing was saved here").
				WithHint("make the edit below there; the doors are explained once it is seen")
		}
		return done{said: plural(len(q.Doors), "door") + " of " + shown(name) + " explained: the baseline has them now."}, err
	}, again)
}

// explained reads the form.
func explained(r *http.Request) (portvigil.ApproveRequest, error) {
	q := portvigil.ApproveRequest{Doors: r.PostForm["door"], Whys: map[string]string{}, Owner: strings.TrimSpace(r.PostForm.Get("owner"))}
	if len(q.Doors) == 0 {
		return q, portvigil.Errorf(portvigil.CodeInvalid, "no door is ticked").WithHint("tick those that belong there")
	}
	for _, door := range q.Doors {
		if _, err := portvigil.ParseDoor(door); err != nil {
			return q, err
		}
		why := strings.TrimSpace(r.PostForm.Get("why " + door))
		if why == "" {
			return q, onField("why "+door, portvigil.Errorf(portvigil.CodeInvalid, "say why %s is open", door).WithHint("or take its tick away"))
		}
		q.Whys[door] = why
	}
	if q.Owner == "" {
		return q, onField("owner", portvigil.Errorf(portvigil.CodeInvalid, "say who answers for these doors").WithHint("your own name will do"))
	}
	return q, nil
}
