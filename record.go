package portvigil

import (
	"net/netip"
	"time"
)

// The records are the JSON Lines that commands print and other programs read.
// Fields may be added, never renamed; readers ignore fields that they do not
// know and accept values that they do not know of an enumeration.

// PortRecord tells of one port that an outside look saw.
type PortRecord struct {
	Type    string     `json:"type"` // "port"
	Time    time.Time  `json:"time"`
	Host    string     `json:"host"`
	Address netip.Addr `json:"address"`
	Proto   Proto      `json:"proto"`
	Observation
	Vulnerabilities []Vulnerability `json:"vulnerabilities"`
}

// Vulnerability is a verdict on one CVE for one service.
type Vulnerability struct {
	CVE        string  `json:"cve"`
	Verdict    string  `json:"verdict"`
	Fixed      string  `json:"fixed,omitempty"`
	Score      float64 `json:"score,omitempty"`
	KEV        bool    `json:"kev"`
	Confidence int     `json:"confidence"`
}

// LookRecord tells of a look as a whole.
type LookRecord struct {
	Type            string      `json:"type"` // "look"
	Time            time.Time   `json:"time"`
	ID              string      `json:"id"`
	Run             string      `json:"run"`
	Host            string      `json:"host"`
	Address         *netip.Addr `json:"address"`
	View            View        `json:"view"`
	Vantage         string      `json:"vantage,omitempty"`
	Reach           Reach       `json:"reach,omitempty"`
	Proto           *Proto      `json:"proto"`
	Ports           string      `json:"ports,omitempty"`
	Covers          []Coverage  `json:"covers,omitempty"`
	Method          Method      `json:"method"`
	Started         time.Time   `json:"started"`
	Ended           time.Time   `json:"ended"`
	Complete        bool        `json:"complete"`
	MissProbability *float64    `json:"miss_probability"`
	Loss            *Loss       `json:"loss"`
	Probes          int         `json:"probes"`
	DefaultState    *PortState  `json:"default_state"`
	Open            int         `json:"open"`
	Closed          int         `json:"closed"`
	Filtered        int         `json:"filtered"`
	OpenFiltered    int         `json:"open_filtered,omitempty"`
	OwnAddress      bool        `json:"own_address,omitempty"`
	Notes           []string    `json:"notes"`
	Boot            *Boot       `json:"boot,omitempty"` // inside
}

// ListenerRecord tells of one listener, and whether the baseline has it.
type ListenerRecord struct {
	Type       string    `json:"type"` // "listener"
	Time       time.Time `json:"time"`
	InBaseline bool      `json:"in_baseline"`
	Listener
}

// FindingRecord tells of a difference between what is and what should be.
type FindingRecord struct {
	Type     string      `json:"type"` // "finding"
	Time     time.Time   `json:"time"`
	Kind     Kind        `json:"kind"`
	Severity Severity    `json:"severity"`
	Host     string      `json:"host,omitempty"`
	Address  *netip.Addr `json:"address,omitempty"`
	Proto    Proto       `json:"proto,omitempty"`
	Port     uint16      `json:"port,omitempty"`
	Ports    string      `json:"ports,omitempty"`
	Text     string      `json:"text"`
}

// AlertRecord is an alert as a record.
type AlertRecord struct {
	Type string    `json:"type"` // "alert"
	Time time.Time `json:"time"`
	Alert
}

// PortRecords returns a record for every port whose state differs from the
// look's default state.
func PortRecords(l *Look) []PortRecord {
	var list []PortRecord
	for _, o := range l.Observations {
		list = append(list, PortRecord{"port", l.Ended.UTC(), l.Host, l.Address, l.Proto, o, []Vulnerability{}})
	}
	return list
}

// RecordOfLook returns the record of the look as a whole.
func RecordOfLook(l *Look) LookRecord {
	r := LookRecord{Type: "look", Time: l.Ended.UTC(), ID: l.ID, Run: l.Run, Host: l.Host, View: l.View, Vantage: l.Vantage,
		Reach: l.Reach, Covers: l.Covers, Method: l.Method, Started: l.Started.UTC(), Ended: l.Ended.UTC(), Complete: l.Complete,
		MissProbability: l.MissProbability, Loss: l.Loss, Probes: l.Probes, OwnAddress: l.OwnAddress, Notes: l.Notes}
	if r.Notes == nil {
		r.Notes = []string{}
	}
	if l.View == Inside {
		r.Open, r.Boot = len(l.Listeners), l.Boot
		return r
	}
	r.Address, r.Proto, r.DefaultState = &l.Address, &l.Proto, &l.DefaultState
	r.Ports = l.Ports.String()
	r.Open, r.Closed, r.Filtered, r.OpenFiltered = l.Count(StateOpen), l.Count(StateClosed), l.Count(StateFiltered), l.Count(StateOpenFiltered)
	return r
}

// RecordOfAlert returns the alert's record.
func RecordOfAlert(a Alert) AlertRecord { return AlertRecord{"alert", a.Changed.UTC(), a} }

// RecordOfFinding returns the finding that an exposure leads to.
func RecordOfFinding(e Exposure, now time.Time) FindingRecord {
	r := FindingRecord{Type: "finding", Time: now.UTC(), Kind: Kind(e.Verdict), Severity: e.Severity(),
		Host: e.Host, Proto: e.Proto, Port: e.Port, Ports: e.Ports, Text: e.Sentence()}
	if e.Address.IsValid() {
		r.Address = &e.Address
	}
	return r
}
