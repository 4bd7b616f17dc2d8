package portvigil

import (
	"encoding/json"
	"net/netip"
)

// maxReportedRows bounds the listeners of one look. Ports bound themselves.
const maxReportedRows = 200_000

// LookBuilder puts a look together again from its records: those of its ports
// or listeners, and at the end its own. The zero value is ready; it builds one
// look. What it gives back is whole: the look's record says how many rows it
// has, and one that was cut off is an error.
type LookBuilder struct {
	listeners    []Listener
	observations []Observation
	at           portsOf // the observations
}

// portsOf is what every port record of one look has in common.
type portsOf struct {
	address netip.Addr
	proto   Proto
}

// Add takes one record. It returns nil until that is the look's own, and then
// the look. Records of types that it does not know are passed over. An Error
// with CodeInvalid says what is wrong with a record.
func (b *LookBuilder) Add(record []byte) (*Look, error) {
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(record, &kind); err != nil {
		return nil, Errorf(CodeInvalid, "no JSON record: %v", err)
	}
	switch kind.Type {
	case "listener":
		return nil, b.addListener(record)
	case "port":
		return nil, b.addPort(record)
	case "look":
		var rec LookRecord
		if err := json.Unmarshal(record, &rec); err != nil {
			return nil, Errorf(CodeInvalid, "the look's record: %v", err)
		}
		return b.finish(rec)
	}
	return nil, nil
}

func (b *LookBuilder) addListener(record []byte) error {
	var rec ListenerRecord
	if err := json.Unmarshal(record, &rec); err != nil {
		return Errorf(CodeInvalid, "a listener's record: %v", err)
	}
	if err := rec.Listener.check(); err != nil {
		return err
	}
	if b.listeners = append(b.listeners, rec.Listener); len(b.listeners) > maxReportedRows {
		return Errorf(CodeInvalid, "more than %d listeners", maxReportedRows)
	}
	return nil
}

func (b *LookBuilder) addPort(record []byte) error {
	var rec PortRecord
	if err := json.Unmarshal(record, &rec); err != nil {
		return Errorf(CodeInvalid, "a port's record: %v", err)
	}
	at := portsOf{rec.Address, rec.Proto}
	switch n := len(b.observations); {
	case rec.Port == 0 || rec.State == "":
		return Errorf(CodeInvalid, "a port's record has no port or state")
	case n > 0 && (at != b.at || rec.Port <= b.observations[n-1].Port):
		return Errorf(CodeInvalid, "port %d of %s follows port %d of %s: not one look's ports as they rise", rec.Port, rec.Address, b.observations[n-1].Port, b.at.address)
	}
	b.at = at
	b.observations = append(b.observations, rec.Observation)
	return nil
}

// check refuses what no listener is, and adds the scope where it is missing.
func (l *Listener) check() error {
	if _, err := ParseProto(string(l.Proto)); err != nil {
		return err
	}
	if l.Port == 0 || !l.Address.IsValid() {
		return Errorf(CodeInvalid, "a listener has no address or port")
	}
	if l.Scope.Rank() == 0 {
		l.Scope = ScopeOf(l.Address)
	}
	return nil
}

func (b *LookBuilder) finish(r LookRecord) (*Look, error) {
	if r.ID == "" || len(r.ID) > 64 {
		return nil, Errorf(CodeInvalid, "the look has no usable id")
	}
	l := &Look{ID: r.ID, Run: r.Run, Host: r.Host, View: r.View, Covers: r.Covers, Method: r.Method, Started: r.Started,
		Ended: r.Ended, Complete: r.Complete, Probes: r.Probes, Notes: r.Notes}
	var err error
	switch r.View {
	case Inside:
		err = b.finishInside(l, r)
	case Outside:
		err = b.finishOutside(l, r)
	default:
		err = Errorf(CodeInvalid, "the look is from %q, neither from inside nor from outside", r.View)
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (b *LookBuilder) finishInside(l *Look, r LookRecord) error {
	if r.Open != len(b.listeners) {
		return Errorf(CodeInvalid, "there are %d listeners, and the look speaks of %d", len(b.listeners), r.Open)
	}
	if r.Boot != nil && len(r.Boot.ID) > 64 {
		return Errorf(CodeInvalid, "the machine's boot id is of %d characters", len(r.Boot.ID))
	}
	l.Listeners, l.Boot = b.listeners, r.Boot
	return nil
}

func (b *LookBuilder) finishOutside(l *Look, r LookRecord) error {
	if r.Address == nil || !r.Address.IsValid() || r.Proto == nil || r.DefaultState == nil || *r.DefaultState == StateOpen {
		return Errorf(CodeInvalid, "the look has no address, protocol or default state")
	}
	proto, err := ParseProto(string(*r.Proto))
	if err != nil {
		return err
	}
	if at := (portsOf{*r.Address, proto}); len(b.observations) > 0 && at != b.at {
		return Errorf(CodeInvalid, "the look is at %s, and its ports are of %s", r.Address, b.at.address)
	}
	if l.Ports, err = ParsePortSet(r.Ports); err != nil {
		return err
	}
	l.Vantage, l.Reach, l.Address, l.Proto, l.DefaultState = r.Vantage, r.Reach, *r.Address, proto, *r.DefaultState
	l.MissProbability, l.Loss, l.OwnAddress, l.Observations = r.MissProbability, r.Loss, r.OwnAddress, b.observations
	if l.Count(StateOpen) != r.Open || l.Count(StateClosed) != r.Closed || l.Count(StateFiltered) != r.Filtered || l.Count(StateOpenFiltered) != r.OpenFiltered {
		return Errorf(CodeInvalid, "the look speaks of %d open, %d closed and %d filtered ports, its records of others", r.Open, r.Closed, r.Filtered)
	}
	return nil
}
