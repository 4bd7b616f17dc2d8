package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// NewMaintenance is what beginning a host's maintenance takes.
type NewMaintenance struct {
	Until time.Time `json:"until"`
	Why   string    `json:"why"`
}

func (a *api) startMaintenance(r *http.Request, q NewMaintenance) (portvigil.Host, error) {
	return a.engine.StartMaintenance(r.Context(), by(r), r.PathValue("name"), q.Until, strings.TrimSpace(q.Why))
}

func (a *api) endMaintenance(r *http.Request) (portvigil.Host, error) {
	return a.engine.EndMaintenance(r.Context(), by(r), r.PathValue("name"))
}
