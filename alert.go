package portvigil

import (
	"net/netip"
	"slices"
	"time"
)

// Severity of a finding or an alert. The zero value orders below all.
type Severity string

// The severities.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Rank orders the severities: 0 for none, 1 low … 4 critical.
func (s Severity) Rank() int {
	switch s {
	case Low:
		return 1
	case Medium:
		return 2
	case High:
		return 3
	case Critical:
		return 4
	}
	return 0
}

// Family groups the kinds of alert; the key of an alert is its subject and family.
type Family string

// The families.
const (
	FamilyExposure      Family = "exposure"
	FamilyVulnerability Family = "vulnerability"
	FamilyHealth        Family = "health"
	FamilyBaseline      Family = "baseline"
)

// AlertState is where an alert stands in its life (RULES section 4).
type AlertState string

// The states. An alert is open in all of them but AlertResolved.
const (
	AlertNew             AlertState = "new"
	AlertAcknowledged    AlertState = "acknowledged"
	AlertInvestigating   AlertState = "investigating"
	AlertWaitingShut     AlertState = "waiting-shut"
	AlertWaitingBaseline AlertState = "waiting-baseline"
	AlertResolved        AlertState = "resolved"
)

// OpenStates are those in which somebody still has to resolve an alert.
func OpenStates() []AlertState {
	return []AlertState{AlertNew, AlertAcknowledged, AlertInvestigating, AlertWaitingShut, AlertWaitingBaseline}
}

// Subject is what an alert is about: a host, a vantage, a channel, a feed.
type Subject struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// AlertEndpoint is one row of an alert.
type AlertEndpoint struct {
	Address netip.Addr `json:"address"` // "" for every address of the host
	Proto   Proto      `json:"proto"`
	Port    uint16     `json:"port"`
	// Ports stands for Port where a flood is told as ranges: "1000-2000".
	Ports   string    `json:"ports,omitempty"`
	Verdict Verdict   `json:"verdict"`
	Also    []Verdict `json:"also"`
	// Explained tells that the row needs nothing any more.
	Explained bool     `json:"explained,omitempty"`
	Service   *Service `json:"service,omitempty"`
	Process   *Process `json:"process,omitempty"`
}

// Sighting is what one vantage, or the inside, last said of the alert's door.
type Sighting struct {
	Vantage string    `json:"vantage,omitempty"`
	State   string    `json:"state"` // a port state; inside: "listening" or "not-listening"
	Seen    time.Time `json:"seen"`
}

// AlertViews is the newest sighting of every view that knows the door.
type AlertViews struct {
	Outside []Sighting `json:"outside"`
	Inside  *Sighting  `json:"inside"`
}

// ResolutionKind tells how an alert ended.
type ResolutionKind string

// The ways to end.
const (
	ResolvedExpected ResolutionKind = "expected"
	ResolvedShut     ResolutionKind = "shut"
	ResolvedFalse    ResolutionKind = "false"
	ResolvedAccepted ResolutionKind = "accepted"
	ResolvedCleared  ResolutionKind = "cleared"
)

// Resolution is how, by whom and why an alert was resolved.
type Resolution struct {
	Kind  ResolutionKind `json:"kind"`
	By    string         `json:"by"`
	Why   string         `json:"why"`
	Owner string         `json:"owner"`
	Until *time.Time     `json:"until"` // accepted: the end of that day
	Time  time.Time      `json:"time"`
}

// CauseKind tells what it is that alerts share.
type CauseKind string

// The kinds of cause.
const (
	CauseSameDoor CauseKind = "same-door" // a deployment: the same new door on many hosts
	CauseReboot   CauseKind = "reboot"    // a host was started anew: its doors went and came
	CauseVantage  CauseKind = "vantage"   // a vantage lost its network
)

// Cause names what several alerts share.
type Cause struct {
	ID    string    `json:"id"`
	Kind  CauseKind `json:"kind"`
	Text  string    `json:"text"`
	Count int       `json:"count"`
}

// Alert is a set of findings that somebody has to resolve together. Its JSON
// form is the alert record of the commands, the API and the webhook, less
// "type" and "time".
type Alert struct {
	ID         string          `json:"id"`
	Kind       Kind            `json:"kind"`
	Severity   Severity        `json:"severity"`
	Subject    Subject         `json:"subject"`
	Host       string          `json:"host,omitempty"`
	Proto      Proto           `json:"proto,omitempty"`
	Port       uint16          `json:"port,omitempty"`
	Endpoints  []AlertEndpoint `json:"endpoints"`
	State      AlertState      `json:"state"`
	Opened     time.Time       `json:"opened"`
	Changed    time.Time       `json:"changed"`
	Reopened   int             `json:"reopened"`
	Family     Family          `json:"family"`
	Cause      *Cause          `json:"cause"`
	Service    *Service        `json:"service"`
	Process    *Process        `json:"process"`
	Views      AlertViews      `json:"views"`
	Resolution *Resolution     `json:"resolution"`
	Text       string          `json:"text"` // one sentence for people
	Link       string          `json:"link"`
	// Edit is a patch: what somebody has to change in the folder that the baseline
	// follows, while the alert is waiting-baseline.
	Edit string `json:"edit,omitempty"`
	// Memory is what the rules remember between looks; it is no part of the record.
	Memory AlertMemory `json:"-"`
}

// AlertMemory is what an alert's next transition depends on beside the record.
type AlertMemory struct {
	AckUntil *time.Time `json:"ack_until,omitempty"` // nil: until it rises
	// ShutAsked is when somebody said that they shut the door; ShutLooks counts
	// the looks that were asked for since.
	ShutAsked *time.Time `json:"shut_asked,omitempty"`
	ShutBy    string     `json:"shut_by,omitempty"`
	ShutLooks int        `json:"shut_looks,omitempty"`
	// Print is what answered when the alert was last open: one that was called
	// false comes back when that differs.
	Print *DoorPrint `json:"print,omitempty"`
	// ExpectedBy is who said that the door is expected, while the baseline is waited for.
	ExpectedBy string `json:"expected_by,omitempty"`
	// Peak is the highest severity that people were told of, or the one that
	// they acknowledged last.
	Peak Severity `json:"peak,omitempty"`
	// Noted tells that a person saw an alert that ended by itself.
	Noted bool `json:"noted,omitempty"`
	// Before is the resolved alert that this one follows, "" for none.
	Before string `json:"before,omitempty"`
}

// DoorPrint is what makes a door that was called a false alarm another door.
type DoorPrint struct {
	Product string   `json:"product,omitempty"`
	Exes    []string `json:"exes,omitempty"`
	HostKey string   `json:"hostkey,omitempty"`
	Scope   Scope    `json:"scope,omitempty"`
	Reaches []Reach  `json:"reaches,omitempty"`
}

// EntryScope is the scope that an entry for the door can name: the one seen
// inside, unless that entry would then not cover what is seen from outside, as
// with a door on a private address that a router maps to the internet; "" then,
// which checks no scope.
func (p DoorPrint) EntryScope() Scope {
	hides := p.Scope == ScopeLoopback && len(p.Reaches) > 0 ||
		p.Scope == ScopePrivate && slices.Contains(p.Reaches, ReachInternet)
	if hides {
		return ""
	}
	return p.Scope
}

// Open reports whether somebody still has to resolve the alert.
func (a *Alert) Open() bool { return a.State != AlertResolved }

// ToBeNoted reports whether the alert was high or critical and ended by itself,
// and nobody has seen that: what opened for an hour and shut again may be the
// trace of somebody. It stays listed until a person comments on or acknowledges it.
func (a *Alert) ToBeNoted() bool {
	return !a.Open() && a.Resolution != nil && a.Resolution.Kind == ResolvedCleared && a.Resolution.By == "portvigil" &&
		a.Severity.Rank() >= High.Rank() && !a.Memory.Noted
}

// AlertEvent is what people are told of: nothing else is.
type AlertEvent string

// The told events, as the webhook's "type" has them.
const (
	AlertOpened     AlertEvent = "alert.opened"
	AlertRisen      AlertEvent = "alert.changed"
	AlertReopened   AlertEvent = "alert.reopened"
	AlertIsResolved AlertEvent = "alert.resolved"
	ChannelTest     AlertEvent = "channel.test"
)
