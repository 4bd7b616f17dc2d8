package web

import (
	"net/http"
	"time"

	"github.com/portvigil/portvigil"
)

// past answers what was reachable on a host at a moment: ?at=, as RFC 3339.
func (a *api) past(r *http.Request) (portvigil.Past, error) {
	text := r.URL.Query().Get("at")
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return portvigil.Past{}, portvigil.Errorf(portvigil.CodeInvalid, "at=%s is no time", portvigil.Quoted(text)).
			WithHint("write it as 2026-05-03T12:00:00Z")
	}
	return a.engine.HostAt(r.Context(), r.PathValue("name"), at)
}
