package web

import (
	"encoding/json"
	"net/http"

	"github.com/portvigil/portvigil"
)

func (a *api) baselines(_ http.ResponseWriter, r *http.Request) (any, error) {
	return listed(a.engine.Baselines(r.Context()))
}

func (a *api) baseline(_ http.ResponseWriter, r *http.Request) (any, error) {
	return a.engine.Baseline(r.Context(), r.PathValue("name"))
}

func (a *api) baselineVersions(_ http.ResponseWriter, r *http.Request) (any, error) {
	return listed(a.engine.BaselineVersions(r.Context(), r.PathValue("name")))
}

func (a *api) importBaseline(_ http.ResponseWriter, r *http.Request) (any, error) {
	var docs []portvigil.BaselineVersion
	if err := read(r, &docs); err != nil {
		return nil, err
	}
	return listed(a.engine.ImportBaseline(r.Context(), by(r), docs))
}

func (a *api) approve(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q portvigil.ApproveRequest
	if err := read(r, &q); err != nil {
		return nil, err
	}
	return a.engine.Approve(r.Context(), by(r), r.PathValue("name"), q)
}

func (a *api) removeDoor(_ http.ResponseWriter, r *http.Request) (any, error) {
	return a.engine.RemoveDoor(r.Context(), by(r), r.PathValue("name"), r.PathValue("port")+"/"+r.PathValue("proto"))
}

func (a *api) channels(_ http.ResponseWriter, r *http.Request) (any, error) {
	return listed(a.engine.Channels(r.Context()))
}

// NewChannel is what adding a channel takes.
type NewChannel struct {
	Name     string          `json:"name"`
	Kind     string          `json:"kind"`
	Settings json.RawMessage `json:"settings"`
	Secret   string          `json:"secret,omitempty"` // on its way in only
}

func (a *api) addChannel(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q NewChannel
	if err := read(r, &q); err != nil {
		return nil, err
	}
	return a.engine.AddChannel(r.Context(), by(r), portvigil.ChannelRow{Name: q.Name, Kind: q.Kind, Settings: q.Settings, Secret: []byte(q.Secret)})
}

func (a *api) removeChannel(_ http.ResponseWriter, r *http.Request) (any, error) {
	return struct{}{}, a.engine.RemoveChannel(r.Context(), by(r), r.PathValue("name"))
}

func (a *api) testChannel(_ http.ResponseWriter, r *http.Request) (any, error) {
	return struct{}{}, a.engine.TestChannel(r.Context(), by(r), r.PathValue("name"))
}
