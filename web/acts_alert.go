package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// decide is a form of an alert's page: what it leads to is said on that page.
func (p *pages) decide(w http.ResponseWriter, r *http.Request, name string, do func(ctx context.Context, by, id string) (string, error)) {
	id := r.PathValue("id")
	p.act(w, r, name, func() (done, error) {
		said, err := do(r.Context(), actor(r), id)
		return done{said, alertPath(id)}, err
	}, func(status int, f form) { p.showAlert(w, r, status, f) })
}

func alertPath(id string) string { return "/alerts/" + part(id) }

func (p *pages) acknowledge(w http.ResponseWriter, r *http.Request) {
	p.decide(w, r, "ack", func(ctx context.Context, by, id string) (string, error) {
		until, err := untilOf(r.PostForm.Get("until"), p.now())
		if err != nil {
			return "", err
		}
		_, err = p.engine.Acknowledge(ctx, by, id, until)
		return "Acknowledged: it stays open, and is yours.", err
	})
}

// untilOf reads how long an acknowledgement holds: a span such as 4h, a date up
// to whose end it holds, or nothing.
func untilOf(text string, now time.Time) (*time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	if span, err := time.ParseDuration(text); err == nil && span > 0 {
		t := now.Add(span)
		return &t, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "%q is no date", portvigil.Printable(cut(text))).WithHint("write it as %s", now.Format(time.DateOnly))
	}
	day = day.Add(24*time.Hour - time.Second)
	return &day, nil
}

func (p *pages) investigate(w http.ResponseWriter, r *http.Request) {
	p.decide(w, r, "investigate", func(ctx context.Context, by, id string) (string, error) {
		_, err := p.engine.Investigate(ctx, by, id)
		return "Noted: somebody works on it.", err
	})
}

func (p *pages) comment(w http.ResponseWriter, r *http.Request) {
	p.decide(w, r, "comment", func(ctx context.Context, by, id string) (string, error) {
		_, err := p.engine.Comment(ctx, by, id, strings.TrimSpace(r.PostForm.Get("text")))
		return "Your comment is in the story.", err
	})
}

func (p *pages) resolve(w http.ResponseWriter, r *http.Request) {
	kind := portvigil.ResolutionKind(r.FormValue("kind"))
	p.decide(w, r, "resolve-"+string(kind), func(ctx context.Context, by, id string) (string, error) {
		a, err := p.engine.Resolve(ctx, by, id, portvigil.ResolveRequest{Kind: kind,
			Why: strings.TrimSpace(r.PostForm.Get("why")), Owner: strings.TrimSpace(r.PostForm.Get("owner")),
			Expires: r.PostForm.Get("expires"), Until: r.PostForm.Get("until")})
		return resolvedAs(a, kind), err
	})
}

// resolvedAs says what became of an alert that somebody resolved.
func resolvedAs(a portvigil.Alert, kind portvigil.ResolutionKind) string {
	switch {
	case a.State == portvigil.AlertWaitingShut:
		return "Looking whether it is shut. The alert ends when a complete look sees it so."
	case a.State == portvigil.AlertWaitingBaseline:
		return "The alert ends when the baseline's folder has the edit below."
	case kind == portvigil.ResolvedExpected:
		return "Resolved: the baseline has it now, with your reason."
	}
	return fmt.Sprintf("Resolved as %s.", kind)
}
