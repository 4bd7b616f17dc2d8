package store

import (
	"net/netip"

	"github.com/portvigil/portvigil"
)

// lookRow is a look as it is stored, which names every field itself instead of
// following the domain type. Its body holds what neither a column nor the sight
// has; all of the look where it was stored before there were sights. Times are
// microseconds UTC.
type lookRow struct {
	ID              string          `json:"id,omitempty"`
	Run             string          `json:"run,omitempty"`
	Seq             uint64          `json:"seq,omitempty"`
	Started         int64           `json:"started,omitempty"`
	Ended           int64           `json:"ended,omitempty"`
	Received        int64           `json:"received,omitempty"`
	Complete        bool            `json:"complete,omitempty"`
	MissProbability *float64        `json:"miss_probability,omitempty"`
	Loss            *portvigil.Loss `json:"loss,omitempty"`
	Probes          int             `json:"probes,omitempty"`
	sightRow
}

// sightRow is what a look saw and how it looked: all that is the same from look to
// look while nothing changes. A nil slice is left out, an empty one is not, so
// that a look comes back as it went.
type sightRow struct {
	Host         string                  `json:"host,omitempty"` // name at the time
	View         portvigil.View          `json:"view,omitempty"`
	Vantage      string                  `json:"vantage,omitempty"`
	Reach        portvigil.Reach         `json:"reach,omitempty"`
	Address      netip.Addr              `json:"address,omitzero"`
	Proto        portvigil.Proto         `json:"proto,omitempty"`
	Ports        *portvigil.PortSet      `json:"ports,omitempty"`
	Covers       []portvigil.Coverage    `json:"covers,omitzero"`
	Method       portvigil.Method        `json:"method,omitempty"`
	DefaultState portvigil.PortState     `json:"default_state,omitempty"`
	Observations []portvigil.Observation `json:"observations,omitzero"`
	Listeners    []portvigil.Listener    `json:"listeners,omitzero"`
	Notes        []string                `json:"notes,omitzero"`
	OwnAddress   bool                    `json:"own_address,omitempty"`
	Boot         *portvigil.Boot         `json:"boot,omitempty"`
}

func rowOf(l *portvigil.Look) *lookRow {
	return &lookRow{
		ID: l.ID, Run: l.Run, Seq: l.Seq,
		Started: micros(l.Started), Ended: micros(l.Ended), Received: micros(l.Received),
		Complete: l.Complete, MissProbability: l.MissProbability, Loss: l.Loss, Probes: l.Probes,
		sightRow: sightRow{
			Host: l.Host, View: l.View, Vantage: l.Vantage, Reach: l.Reach, Address: l.Address, Proto: l.Proto,
			Ports: l.Ports, Covers: l.Covers, Method: l.Method, DefaultState: l.DefaultState,
			Observations: l.Observations, Listeners: l.Listeners, Notes: l.Notes, OwnAddress: l.OwnAddress, Boot: l.Boot,
		},
	}
}

func (r *lookRow) look() *portvigil.Look {
	return &portvigil.Look{
		ID: r.ID, Run: r.Run, Host: r.Host, View: r.View, Vantage: r.Vantage, Reach: r.Reach,
		Address: r.Address, Proto: r.Proto, Ports: r.Ports, Covers: r.Covers, Method: r.Method, Seq: r.Seq,
		Started: fromMicros(r.Started), Ended: fromMicros(r.Ended), Received: fromMicros(r.Received),
		Complete: r.Complete, MissProbability: r.MissProbability, Loss: r.Loss, Probes: r.Probes,
		DefaultState: r.DefaultState, Observations: r.Observations, Listeners: r.Listeners,
		Notes: r.Notes, OwnAddress: r.OwnAddress, Boot: r.Boot,
	}
}

// rest is the row without what the columns hold and the sight has. A column of
// PostgreSQL holds no zero byte, which only the run may have.
func (r *lookRow) rest() *lookRow {
	rest := &lookRow{MissProbability: r.MissProbability, Loss: r.Loss, Probes: r.Probes}
	if !columnHolds(r.Run) {
		rest.Run = r.Run
	}
	return rest
}
