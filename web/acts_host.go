package web

import (
	"net/http"

	"github.com/portvigil/portvigil"
)

// lookNow has a host looked at by every view that this server has of it.
func (p *pages) lookNow(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	p.act(w, r, "look", func() (done, error) {
		view := portvigil.View(r.PostForm.Get("view"))
		return done{said: "A look is on its way; this page follows it.", next: hostPath(name)}, p.engine.AskForLook(r.Context(), name, view)
	}, func(status int, f form) { p.showHost(w, r, status, f) })
}

func hostPath(name string) string { return "/hosts/" + part(name) }
