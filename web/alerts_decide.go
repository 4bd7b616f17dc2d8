package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// maxChosen bounds how many alerts one form decides on: each is a transaction of
// its own, and whoever sent it waits.
const maxChosen = 500

// undone is an alert for which a form for many could not be done.
type undone struct {
	ID, Text, Why string
}

// decideMany does one thing to each alert that was chosen. One that cannot be
// done keeps none of the others, and is said on the page, where it stays chosen.
func (p *pages) decideMany(w http.ResponseWriter, r *http.Request) {
	var failed []undone
	p.act(w, r, "many", func() (done, error) {
		failed = nil
		ids := slices.Compact(slices.Sorted(slices.Values(r.PostForm["id"])))
		d, err := p.decisionOf(r)
		switch {
		case len(ids) == 0:
			return done{}, portvigil.Errorf(portvigil.CodeInvalid, "no alert is chosen").WithHint("tick those that you mean")
		case len(ids) > maxChosen:
			return done{}, portvigil.Errorf(portvigil.CodeInvalid, "%d alerts are more than are decided on at once", len(ids)).WithHint("choose at most %d", maxChosen)
		case err != nil:
			return done{}, err
		}
		for _, id := range ids {
			if err := d.do(r.Context(), actor(r), id); err != nil {
				failed = append(failed, p.undoneOf(r, id, err))
			}
		}
		said := fmt.Sprintf("%s %s", plural(len(ids)-len(failed), "alert"), d.said)
		if len(failed) > 0 {
			return done{}, portvigil.Errorf(portvigil.CodeConflict, "%s; for %d it could not be done", said, len(failed)).
				WithHint("they stand below with the reason, and are still chosen")
		}
		return done{said: begun(said) + ".", next: alertQueryOf(r.URL.Query()).path()}, nil
	}, func(status int, f form) { p.showAlerts(w, r, status, f, failed) })
}

// decision is what somebody decides on one alert, or on many.
type decision struct {
	said string // of what was done: "… acknowledged"
	do   func(ctx context.Context, by, id string) error
}

// decisionOf reads what the form for many asks for.
func (p *pages) decisionOf(r *http.Request) (decision, error) {
	switch what := r.PostForm.Get("do"); what {
	case "ack":
		until, err := untilOf(r.PostForm.Get("ack-until"), p.now())
		return decision{"acknowledged", func(ctx context.Context, by, id string) error {
			_, err := p.engine.Acknowledge(ctx, by, id, until)
			return err
		}}, err
	case "investigate":
		return decision{"under investigation", p.begin}, nil
	case "shut", "expected", "false", "accepted":
		q := resolveRequestOf(r)
		q.Kind = portvigil.ResolutionKind(what)
		said := "resolved as " + what
		if q.Kind == portvigil.ResolvedShut {
			said = "to be looked at until the doors are seen shut"
		}
		return decision{said, func(ctx context.Context, by, id string) error {
			_, err := p.engine.Resolve(ctx, by, id, q)
			return err
		}}, checkResolve(q)
	}
	return decision{}, portvigil.Errorf(portvigil.CodeInvalid, "nothing is chosen to be done").WithHint("choose what to do with the alerts")
}

// undoneOf says why an alert stays as it is, and of which one it is said.
func (p *pages) undoneOf(r *http.Request, id string, err error) undone {
	a, _, lookup := p.engine.Alert(r.Context(), id)
	if lookup != nil {
		return undone{id, "Alert " + id, p.reason(r, err)}
	}
	if !a.Open() && portvigil.ErrorCode(err) == portvigil.CodeConflict {
		return undone{a.ID, a.Text, "It is over: " + ended(&a, p.now()) + "."}
	}
	return undone{a.ID, a.Text, p.reason(r, err)}
}

// reason is an error as a page shows it.
func (p *pages) reason(r *http.Request, err error) string {
	body := Describe(err)
	logInternal(p.log, r, body, err)
	return begun(shown(body.sentence())) + "."
}

// resolveRequestOf reads the fields that end an alert. A reason is one line, as
// the baseline and messages have it.
func resolveRequestOf(r *http.Request) portvigil.ResolveRequest {
	get := func(name string) string { return oneLine(r.PostForm.Get(name)) }
	return portvigil.ResolveRequest{Kind: portvigil.ResolutionKind(get("kind")), Why: get("why"), Owner: get("owner"), Expires: get("expires"), Until: get("until")}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// checkResolve says what is missing in the words of the form; the engine says it
// in those of the commands.
func checkResolve(q portvigil.ResolveRequest) error {
	missing := func(what, hint string) error {
		return portvigil.Errorf(portvigil.CodeInvalid, "%s", what).WithHint("%s", hint)
	}
	switch owned := q.Kind == portvigil.ResolvedExpected || q.Kind == portvigil.ResolvedAccepted; {
	case q.Why == "" && (owned || q.Kind == portvigil.ResolvedFalse):
		return missing("the reason is missing", "write why, for whoever reads it in a year")
	case q.Owner == "" && owned:
		return missing("the owner is missing", "write who can be asked about it")
	case q.Until == "" && q.Kind == portvigil.ResolvedAccepted:
		return missing("the date is missing", "say until when the risk is accepted")
	}
	return nil
}
