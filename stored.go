package portvigil

import (
	"encoding/json"
	"net/netip"
	"time"
)

// The types of this file are rows that people and the engine write; what they
// mean is said in the rooms that use them, here is what they hold.

// ScopeRule is one line of the operator's list of what may be scanned.
type ScopeRule struct {
	Prefix netip.Prefix `json:"prefix"`
	Deny   bool         `json:"deny"`
	Added  time.Time    `json:"added"`
	By     string       `json:"by"`
}

// BaselineVersion is one version of the document of a host or a group.
type BaselineVersion struct {
	Kind    string    `json:"kind"` // "host" or "group"
	Name    string    `json:"name"`
	Version int       `json:"version"` // from 1, without gaps
	Text    string    `json:"text"`
	By      string    `json:"by"`
	Why     string    `json:"why"`
	Time    time.Time `json:"time"`
	// Edit is a patch where nothing was saved, since the baseline follows a folder:
	// what somebody has to change there. It is never stored.
	Edit string `json:"edit,omitempty"`
}

// DocumentStatus is the newest version of a document, with what it says.
type DocumentStatus struct {
	BaselineVersion
	Document Document
	Hosts    []SeenHost // those that it holds for, by name
}

// SeenHost is what a document's entries can be held against: what is and was seen of
// a host's doors.
type SeenHost struct {
	Name     string
	Doors    []DoorSight // in the order of DoorSights
	LastOpen []LastOpen  // by protocol and port
	// Blind tells that no view has looked at it completely, so that nothing follows
	// from what was not seen.
	Blind bool
}

// AuditEntry is one step of an alert's story.
type AuditEntry struct {
	ID    string    `json:"id"`
	Alert string    `json:"alert"`
	Time  time.Time `json:"time"`
	By    string    `json:"by"` // a person, or "portvigil"
	What  string    `json:"what"`
	Text  string    `json:"text,omitempty"`
}

// ChannelRow is a channel as it is stored; notify knows what the settings mean.
type ChannelRow struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Kind     string          `json:"kind"`
	Settings json.RawMessage `json:"settings"`
	Secret   []byte          `json:"-"` // never leaves the server
	Added    time.Time       `json:"added"`
	// LastSuccess and LastError tell how it fares; zero where nothing was sent.
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastFailure time.Time `json:"last_failure,omitzero"`
	LastError   string    `json:"last_error,omitempty"`
	// FailingSince is when the first message failed since one arrived; zero
	// where the last one arrived, and where none was sent.
	FailingSince time.Time `json:"failing_since,omitzero"`
}

// DeliveryState is how far a notification is.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryQueued DeliveryState = "queued"
	DeliverySent   DeliveryState = "sent"
	DeliveryFailed DeliveryState = "failed" // given up
)

// Delivery is one notification of an alert to one channel. Its ID is the
// message's: a repeat carries the same one.
type Delivery struct {
	ID       string          `json:"id"`
	Alert    string          `json:"alert"` // "" for a channel test
	Channel  string          `json:"channel"`
	Event    AlertEvent      `json:"event"`
	Body     json.RawMessage `json:"body"` // the alert record as it was then
	State    DeliveryState   `json:"state"`
	Attempts int             `json:"attempts"`
	Error    string          `json:"error,omitempty"`
	Created  time.Time       `json:"created"`
	Leased   time.Time       `json:"leased,omitzero"` // until then one worker has it
	Sent     time.Time       `json:"sent,omitzero"`
}

// LookRequestState is how far a wanted look is.
type LookRequestState string

// The states of a look request.
const (
	LookWanted  LookRequestState = "wanted"
	LookRunning LookRequestState = "running"
	LookDone    LookRequestState = "done"
	LookFailed  LookRequestState = "failed" // could not be made; Error says why
)

// LookRequest is a look that somebody, or the schedule, wants.
type LookRequest struct {
	ID     string           `json:"id"`
	HostID string           `json:"host_id"`
	View   View             `json:"view"`
	Ports  *PortSpec        `json:"ports,omitempty"` // nil: the host's regular ones
	Reason string           `json:"reason"`          // "schedule", "first", "asked", "second sight", "shut?"
	Due    time.Time        `json:"due"`
	State  LookRequestState `json:"state"`
	Run    string           `json:"run"` // of the looks that it makes
	Leased time.Time        `json:"leased,omitzero"`
	Error  string           `json:"error,omitempty"`
	Done   time.Time        `json:"done,omitzero"`
	// Urgent tells that somebody waits for it, a person or a verdict: it goes ahead of
	// those of the schedule.
	Urgent bool `json:"urgent,omitempty"`
}
