package web

import (
	"net/http"
	"time"

	"github.com/portvigil/portvigil"
)

// About is what the server says of itself.
type About struct {
	Version, Go, System string // System is as linux/amd64
	Revision            string // of the source; "" where the build does not know it
	Built               time.Time
	Started             time.Time
	Database            string // its kind, without where it is
	DatabaseBytes       int64
	Processes           []AboutProcess
	Limits              []string // what the processes cannot see or do, a sentence each
}

// AboutProcess is one of the server's own processes.
type AboutProcess struct {
	Name, Does string
	MayNot     string // see or do
	Restarts   int
}

// aboutPage is what /about shows.
type aboutPage struct {
	About
	Hosts, Views, Fresh int
	Blind               some[unsureView]
}

// unsureView is a view that is not fresh, of one host.
type unsureView struct {
	Host string
	portvigil.ViewStatus
}

// maxUnsure bounds how many views are listed that cannot be relied on.
const maxUnsure = 50

// settings is an index: what else can be set, a sentence each.
func (p *pages) settings(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "settings.html", page{"Settings", nil})
}

func (p *pages) about(w http.ResponseWriter, r *http.Request) {
	about, err := p.around.About(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	hosts, err := p.engine.Overview(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	body := aboutPage{About: about, Hosts: len(hosts)}
	var blind []unsureView
	for _, h := range hosts {
		for _, v := range h.Views {
			body.Views++
			if v.Fresh {
				body.Fresh++
				continue
			}
			blind = append(blind, unsureView{h.Host.Name, v})
		}
	}
	body.Blind = first(blind, maxUnsure)
	p.show(w, r, http.StatusOK, "about.html", page{"About", body})
}
