package web

import (
	"cmp"
	"net/http"
	"time"

	"github.com/portvigil/portvigil"
)

// pastPage is what /hosts/NAME/past shows.
type pastPage struct {
	Host       string
	Date, Time string // as the form takes them
	Past       *portvigil.Past
	Doors      []portvigil.PastDoor
	Pager      pager
	Open       int
	Unknown    int
	Problem    string
}

// pastOnPage bounds the doors of a moment on one page.
const pastOnPage = 100

// past says what was reachable at a moment: ?date= and ?time=, in UTC.
func (p *pages) past(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	h := pastPage{Host: r.PathValue("name"), Date: cut(q.Get("date")), Time: cmp.Or(cut(q.Get("time")), "12:00")}
	status := http.StatusOK
	if h.Date != "" {
		status = p.lookBack(r, &h)
	} else {
		h.Date = p.now().Add(-24 * time.Hour).UTC().Format(time.DateOnly)
		if _, err := p.engine.Host(r.Context(), h.Host); err != nil {
			p.fail(w, r, err)
			return
		}
	}
	p.show(w, r, status, "past.html", page{"What was reachable on " + shown(h.Host), h})
}

func (p *pages) lookBack(r *http.Request, h *pastPage) (status int) {
	at, err := time.Parse("2006-01-02 15:04", h.Date+" "+h.Time)
	if err != nil { // browsers may send seconds
		at, err = time.Parse("2006-01-02 15:04:05", h.Date+" "+h.Time)
	}
	if err != nil {
		h.Problem = "That is no date and time: write them as " + p.now().UTC().Format("2006-01-02 and 15:04") + ", in UTC."
		return http.StatusBadRequest
	}
	past, err := p.engine.HostAt(r.Context(), h.Host, at)
	if err != nil {
		body := Describe(err)
		logInternal(p.log, r, body, err)
		h.Problem = begun(shown(body.Message)) + "."
		return statusOf(body.Code)
	}
	h.Past = &past
	for _, d := range past.Doors {
		if d.State == portvigil.PastOpen {
			h.Open++
		} else {
			h.Unknown++
		}
	}
	h.Doors, h.Pager = paged(past.Doors, pastOnPage, r.URL)
	return http.StatusOK
}
