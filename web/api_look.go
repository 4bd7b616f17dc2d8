package web

import (
	"encoding/json"
	"net/http"

	"github.com/portvigil/portvigil"
)

// look streams the events of one look as JSON Lines; an error that comes after
// the first of them is an event too.
func (a *api) look(w http.ResponseWriter, r *http.Request) {
	var wish portvigil.LookWish
	if err := read(r, &wish); err != nil {
		a.fail(w, r, err)
		return
	}
	enc, flush, begun := json.NewEncoder(w), http.NewResponseController(w), false
	err := a.engine.LookNow(r.Context(), r.PathValue("name"), wish, func(e portvigil.LookEvent) error {
		if !begun {
			w.Header().Set("Content-Type", "application/jsonl")
			begun = true
		}
		if err := enc.Encode(e); err != nil {
			return err
		}
		return flush.Flush()
	})
	switch {
	case err == nil || r.Context().Err() != nil:
	case !begun:
		a.fail(w, r, err)
	default:
		body := Describe(err)
		logInternal(a.log, r, body, err)
		if err := enc.Encode(portvigil.LookEvent{Done: &portvigil.LookOutcome{Error: body.sentence()}}); err != nil {
			a.log.Debug("look's end not written", "err", err)
		}
	}
}
