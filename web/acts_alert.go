package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// decide is a form of an alert's page: what it leads to is said on that page. What
// another person decided since the page was made is told first: nobody overrules
// somebody without knowing.
func (p *pages) decide(w http.ResponseWriter, r *http.Request, name string, do func(ctx context.Context, by, id string) (done, error)) {
	id := r.PathValue("id")
	p.act(w, r, name, func() (done, error) {
		if err := p.overtaken(r, id); err != nil {
			return done{}, err
		}
		d, err := do(r.Context(), actor(r), id)
		if d.next == "" {
			d.next = alertPath(id)
		}
		return d, p.orEnded(r, id, err)
	}, func(status int, f form) { p.showAlert(w, r, status, f) })
}

func alertPath(id string) string { return "/alerts/" + part(id) }

// overtaken returns an error where another person decided something about the
// alert after the form was shown. One without a time was shown by no page of ours.
func (p *pages) overtaken(r *http.Request, id string) error {
	since, err := time.Parse(time.RFC3339Nano, r.PostForm.Get("since"))
	if err != nil {
		return nil
	}
	a, story, err := p.engine.Alert(r.Context(), id)
	if err != nil {
		return err
	}
	text := meanwhile(story, since, actor(r), p.now())
	if text == "" {
		return nil
	}
	conflict := portvigil.Errorf(portvigil.CodeConflict, "since you opened this page, %s; nothing of yours was done", text)
	if !a.Open() {
		return conflict.WithHint("what you wrote stands below: add it as a comment")
	}
	return conflict.WithHint("what you typed is still there: send it again if you still mean it")
}

// orEnded says of an alert that is over by whom and when it was resolved, in place
// of an error that only says that it is.
func (p *pages) orEnded(r *http.Request, id string, err error) error {
	if portvigil.ErrorCode(err) != portvigil.CodeConflict {
		return err
	}
	a, _, lookup := p.engine.Alert(r.Context(), id)
	if lookup != nil || a.Open() || a.Resolution == nil {
		return err
	}
	return portvigil.Errorf(portvigil.CodeConflict, "it is over: %s; nothing of yours was done", ended(&a, p.now())).
		WithHint("what you wrote stands below: add it as a comment")
}

func (p *pages) acknowledge(w http.ResponseWriter, r *http.Request) {
	p.decide(w, r, "ack", func(ctx context.Context, by, id string) (done, error) {
		until, err := untilOf(r.PostForm.Get("until"), p.now())
		if err != nil {
			return done{}, err
		}
		a, err := p.engine.Acknowledge(ctx, by, id, until)
		if err == nil && !a.Open() {
			return done{said: "Noted: it leaves the list."}, nil
		}
		return done{said: "Acknowledged: it stays open, and is yours."}, err
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
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "%s is no date", portvigil.Quoted(text)).WithHint("write it as %s", now.Format(time.DateOnly))
	}
	day = day.Add(24*time.Hour - time.Second)
	return &day, nil
}

func (p *pages) investigate(w http.ResponseWriter, r *http.Request) {
	p.decide(w, r, "investigate", func(ctx context.Context, by, id string) (done, error) {
		return done{said: "Noted: somebody works on it."}, p.begin(ctx, by, id)
	})
}

// begin notes that somebody works on the alert; who does has seen it, so that one
// that nobody took is acknowledged by the way.
func (p *pages) begin(ctx context.Context, by, id string) error {
	a, _, err := p.engine.Alert(ctx, id)
	if err != nil {
		return err
	}
	if a.State != portvigil.AlertAcknowledged && a.State != portvigil.AlertInvestigating && a.Open() {
		if _, err := p.engine.Acknowledge(ctx, by, id, nil); err != nil {
			return err
		}
	}
	_, err = p.engine.Investigate(ctx, by, id)
	return err
}

func (p *pages) comment(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	p.act(w, r, "comment", func() (done, error) {
		text := strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get("text"), "\r\n", "\n")) // as forms send lines (HTML 4.10.21.4)
		if text == "" {
			return done{}, portvigil.Errorf(portvigil.CodeInvalid, "the comment is empty").WithHint("write what others should know")
		}
		_, err := p.engine.Comment(r.Context(), actor(r), id, text)
		return done{said: "Your comment is in the story.", next: alertPath(id)}, err
	}, func(status int, f form) { p.showAlert(w, r, status, f) })
}

func (p *pages) resolve(w http.ResponseWriter, r *http.Request) {
	kind := portvigil.ResolutionKind(r.FormValue("kind"))
	p.decide(w, r, "resolve-"+string(kind), func(ctx context.Context, by, id string) (done, error) {
		q := resolveRequestOf(r)
		if err := checkResolve(q); err != nil {
			return done{}, err
		}
		a, err := p.engine.Resolve(ctx, by, id, q)
		if err != nil && p.hasDone(ctx, by, id, kind) {
			return done{said: resolvedAs(portvigil.Alert{}, kind)}, nil
		}
		return done{said: resolvedAs(a, kind)}, err
	})
}

// doubleClick is how long after each other two of the same form are one: people
// who see nothing happen click again.
const doubleClick = time.Minute

// hasDone reports whether the alert was just resolved as the same person asks
// for once more.
func (p *pages) hasDone(ctx context.Context, by, id string, kind portvigil.ResolutionKind) bool {
	a, _, err := p.engine.Alert(ctx, id)
	if err != nil || a.Resolution == nil {
		return false
	}
	return a.Resolution.By == by && a.Resolution.Kind == kind && p.now().Sub(a.Resolution.Time) < doubleClick
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
	case kind == portvigil.ResolvedAccepted:
		return "Accepted: it comes back when the date is over, or when it gets worse."
	}
	return fmt.Sprintf("Resolved as %s.", kind)
}

// approveDoors writes the chosen doors of an alert into the baseline.
func (p *pages) approveDoors(w http.ResponseWriter, r *http.Request) {
	p.decide(w, r, "approve", func(ctx context.Context, by, id string) (done, error) {
		q := resolveRequestOf(r)
		q.Kind = portvigil.ResolvedExpected
		doors := r.PostForm["door"]
		if len(doors) == 0 {
			return done{}, portvigil.Errorf(portvigil.CodeInvalid, "no door is chosen").WithHint("tick those that belong there")
		}
		if err := checkResolve(q); err != nil {
			return done{}, err
		}
		a, _, err := p.engine.Alert(ctx, id)
		if err != nil {
			return done{}, err
		}
		v, err := p.engine.Approve(ctx, by, a.Host, portvigil.ApproveRequest{Doors: doors, Why: q.Why, Owner: q.Owner, Expires: q.Expires})
		if err == nil && v.Edit != "" {
			return done{instead: func() { p.showAlertEdit(w, r, http.StatusOK, form{}, v.Edit) }}, nil
		}
		return done{said: fmt.Sprintf("The baseline has %s more now, with your reason.", plural(len(doors), "door"))}, err
	})
}

// removeDoor takes the door of an alert out of the baseline.
func (p *pages) removeDoor(w http.ResponseWriter, r *http.Request) {
	p.decide(w, r, "remove", func(ctx context.Context, by, id string) (done, error) {
		a, _, err := p.engine.Alert(ctx, id)
		if err != nil {
			return done{}, err
		}
		door := portvigil.Door{Proto: a.Proto, Port: a.Port}
		v, err := p.engine.RemoveDoor(ctx, by, a.Host, door.String())
		if err == nil && v.Edit != "" {
			return done{instead: func() { p.showAlertEdit(w, r, http.StatusOK, form{}, v.Edit) }}, nil
		}
		return done{said: fmt.Sprintf("%s is out of the baseline: from now on it is meant to be shut.", shown(door.String()))}, err
	})
}

// lookAgain has the alert's host looked at by every view that this server has of it.
func (p *pages) lookAgain(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	p.act(w, r, "look", func() (done, error) {
		a, _, err := p.engine.Alert(r.Context(), id)
		if err != nil {
			return done{}, err
		}
		return done{said: "A look is on its way. What it sees stands here as soon as it is done.", next: alertPath(id)},
			p.engine.AskForLook(r.Context(), a.Host, "")
	}, func(status int, f form) { p.showAlert(w, r, status, f) })
}

// testChannel sends a message to the channel that an alert is about.
func (p *pages) testChannel(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	p.act(w, r, "test", func() (done, error) {
		a, _, err := p.engine.Alert(r.Context(), id)
		if err != nil {
			return done{}, err
		}
		return done{said: "The channel took the message. The alert ends with the next message that it takes.", next: alertPath(id)},
			p.engine.TestChannel(r.Context(), actor(r), a.Subject.Name)
	}, func(status int, f form) { p.showAlert(w, r, status, f) })
}
