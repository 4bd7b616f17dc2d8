package web

import (
	"encoding/json"
	"net/http"

	"github.com/portvigil/portvigil"
)

func (a *api) baselines(r *http.Request) ([]portvigil.BaselineVersion, error) {
	return listed(a.engine.Baselines(r.Context()))
}

func (a *api) baseline(r *http.Request) (portvigil.BaselineVersion, error) {
	return a.engine.Baseline(r.Context(), r.PathValue("name"))
}

func (a *api) baselineVersions(r *http.Request) ([]portvigil.BaselineVersion, error) {
	return listed(a.engine.BaselineVersions(r.Context(), r.PathValue("name")))
}

func (a *api) importBaseline(r *http.Request, docs []portvigil.BaselineVersion) ([]portvigil.BaselineVersion, error) {
	return listed(a.engine.ImportBaseline(r.Context(), by(r), docs))
}

func (a *api) approve(r *http.Request, q portvigil.ApproveRequest) (portvigil.BaselineVersion, error) {
	return a.engine.Approve(r.Context(), by(r), r.PathValue("name"), q)
}

func (a *api) removeDoor(r *http.Request) (portvigil.BaselineVersion, error) {
	return a.engine.RemoveDoor(r.Context(), by(r), r.PathValue("name"), r.PathValue("port")+"/"+r.PathValue("proto"))
}

func (a *api) channels(r *http.Request) ([]portvigil.ChannelRow, error) {
	return listed(a.engine.Channels(r.Context()))
}

// NewChannel is what adding a channel takes.
type NewChannel struct {
	Name     string          `json:"name"`
	Kind     string          `json:"kind"`             // email, slack or webhook
	Settings json.RawMessage `json:"settings"`         // an object; which keys it has depends on the kind
	Secret   string          `json:"secret,omitempty"` // on its way in only
}

func (a *api) addChannel(r *http.Request, q NewChannel) (portvigil.ChannelRow, error) {
	return a.engine.AddChannel(r.Context(), by(r), portvigil.ChannelRow{Name: q.Name, Kind: q.Kind, Settings: q.Settings, Secret: []byte(q.Secret)})
}

func (a *api) removeChannel(r *http.Request) (Done, error) {
	return Done{}, a.engine.RemoveChannel(r.Context(), by(r), r.PathValue("name"))
}

func (a *api) testChannel(r *http.Request) (Done, error) {
	return Done{}, a.engine.TestChannel(r.Context(), by(r), r.PathValue("name"))
}
