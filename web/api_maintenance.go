package web

import (
	"net/http"
	"strings"
	"time"
)

func (a *api) startMaintenance(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q struct {
		Until time.Time `json:"until"`
		Why   string    `json:"why"`
	}
	if err := read(r, &q); err != nil {
		return nil, err
	}
	return a.engine.StartMaintenance(r.Context(), by(r), r.PathValue("name"), q.Until, strings.TrimSpace(q.Why))
}

func (a *api) endMaintenance(_ http.ResponseWriter, r *http.Request) (any, error) {
	return a.engine.EndMaintenance(r.Context(), by(r), r.PathValue("name"))
}
