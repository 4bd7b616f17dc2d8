package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

func hostPath(name string) string { return "/hosts/" + part(name) }

// onHost is a form of a host's page: what it leads to is said on that page.
func (p *pages) onHost(w http.ResponseWriter, r *http.Request, name string, do func(host string) (said string, err error)) {
	host := r.PathValue("name")
	p.act(w, r, name, func() (done, error) {
		said, err := do(host)
		return done{said: said, next: hostPath(host)}, err
	}, func(status int, f form) { p.showHost(w, r, status, f) })
}

// lookNow has a host looked at by every view that this server has of it.
func (p *pages) lookNow(w http.ResponseWriter, r *http.Request) {
	p.onHost(w, r, "look", func(host string) (string, error) {
		return "A look is on its way; this page follows it.", p.engine.AskForLook(r.Context(), host, portvigil.View(r.PostForm.Get("view")))
	})
}

// startMaintenance tells nobody of the host for a while.
func (p *pages) startMaintenance(w http.ResponseWriter, r *http.Request) {
	p.onHost(w, r, "maintenance", func(host string) (string, error) {
		why := strings.TrimSpace(r.PostForm.Get("why"))
		if why == "" {
			return "", onField("why", portvigil.Errorf(portvigil.CodeInvalid, "say why").WithHint("whoever looks at the host meanwhile reads it"))
		}
		until, err := p.maintenanceUntil(r)
		if err != nil {
			return "", err
		}
		_, err = p.engine.StartMaintenance(r.Context(), actor(r), host, until, why)
		return "Nothing is told of the host until " + until.UTC().Format("2 January 15:04 UTC") + ". Looks go on, and what happened is told afterwards.", onField("until", err)
	})
}

// maintenanceUntil reads the end: a span that was chosen, or a day and a time in UTC.
func (p *pages) maintenanceUntil(r *http.Request) (time.Time, error) {
	if text := r.PostForm.Get("until"); text != "" {
		t, err := time.Parse("2006-01-02T15:04", text)
		if err != nil {
			return t, onField("until", portvigil.Errorf(portvigil.CodeInvalid, "%s is no time", portvigil.Quoted(text)).
				WithHint("write it as %s, in UTC", p.now().UTC().Format("2006-01-02T15:04")))
		}
		return t, nil
	}
	span, err := time.ParseDuration(r.PostForm.Get("for"))
	if err != nil || span <= 0 {
		return time.Time{}, onField("until", portvigil.Errorf(portvigil.CodeInvalid, "say until when"))
	}
	return p.now().Add(span), nil
}

func (p *pages) endMaintenance(w http.ResponseWriter, r *http.Request) {
	p.onHost(w, r, "maintenance", func(host string) (string, error) {
		_, err := p.engine.EndMaintenance(r.Context(), actor(r), host)
		return "Maintenance is over: what happened meanwhile is told now.", err
	})
}

// editHost changes groups, addresses and intervals.
func (p *pages) editHost(w http.ResponseWriter, r *http.Request) {
	p.onHost(w, r, "edit", func(host string) (string, error) {
		edit, err := editOf(r, false)
		if err != nil {
			return "", err
		}
		_, err = p.engine.EditHost(r.Context(), actor(r), host, edit)
		return "Saved.", aboutHost(err)
	})
}

// removeHost asks for the name: what is known of the host goes with it.
func (p *pages) removeHost(w http.ResponseWriter, r *http.Request) {
	host := r.PathValue("name")
	p.act(w, r, "remove", func() (done, error) {
		if strings.TrimSpace(r.PostForm.Get("name")) != host {
			return done{}, onField("name", portvigil.Errorf(portvigil.CodeInvalid, "this is not the name of the host").WithHint("type %s", portvigil.Printable(cut(host))))
		}
		return done{said: shown(host) + " is not watched any more, and its alerts are ended.", next: "/hosts"}, p.engine.RemoveHost(r.Context(), actor(r), host)
	}, func(status int, f form) { p.showHost(w, r, status, f) })
}

// takeReport takes what check printed on the host, pasted.
func (p *pages) takeReport(w http.ResponseWriter, r *http.Request) {
	p.onHost(w, r, "report", func(host string) (string, error) {
		text := strings.TrimSpace(r.PostForm.Get("report"))
		if text == "" {
			return "", onField("report", portvigil.Errorf(portvigil.CodeInvalid, "nothing was pasted"))
		}
		l, err := p.engine.Report(r.Context(), host, strings.NewReader(text+"\n"))
		if err != nil {
			return "", onField("report", err)
		}
		return "Taken: " + plural(len(l.Listeners), "listener") + ".", nil
	})
}
