package web

import "github.com/portvigil/portvigil"

// choices are what a person can do about an alert: what its kind and its state
// allow, and nothing that would be refused.
type choices struct {
	Approve bool // chosen doors, into the baseline
	Expect  bool // the alert's door, into the baseline
	Shut    bool // commands, and looks until it is seen shut
	Remove  bool // the door, from the baseline
	Accept  bool // until a date
	False   bool
	Test    bool // a message to the channel
	Report  bool // how what listens there is reported
	Look    bool // by every view that the server has of the host

	Acknowledge bool
	Note        bool // one that ended by itself
	Investigate bool
	Waits       bool // for a look that sees the door shut
}

// choicesOf returns what fits the alert. Rules of an alert's life refuse the rest
// (RULES section 4): a hidden door is neither expected nor accepted, doors of a
// first sight are neither shut nor false all at once.
func choicesOf(a *portvigil.Alert) choices {
	if !a.Open() {
		return choices{Note: a.ToBeNoted()}
	}
	c := choices{Acknowledge: a.State == portvigil.AlertNew || a.State == portvigil.AlertAcknowledged,
		Investigate: a.State == portvigil.AlertNew || a.State == portvigil.AlertAcknowledged, Waits: a.State == portvigil.AlertWaitingShut}
	switch a.Kind {
	case portvigil.Kind(portvigil.Hidden):
		c.Shut, c.False, c.Look, c.Report = true, true, true, true
	case portvigil.Kind(portvigil.Missing):
		c.Remove, c.Accept, c.Look = true, true, true
	case portvigil.ManyDoors:
		_, err := a.Doors()
		c.Expect, c.Shut, c.Accept, c.Look = err == nil, true, true, true
	case portvigil.DoorsToExplain:
		c.Approve, c.Look = true, true
	case portvigil.HostUnreachable:
		c.Look, c.Accept = true, true
	case portvigil.AgentSilent:
		c.Look, c.Report, c.Accept = true, true, true
	case portvigil.VantageBlind:
		c.Accept = true
	case portvigil.ChannelFailing:
		c.Test, c.Accept = true, true
	case portvigil.BaselineUnreadable:
	default:
		door := a.Family == portvigil.FamilyExposure && a.Port != 0
		c.Expect, c.Shut, c.Look, c.Accept, c.False = door, door, door, true, true
	}
	if a.State == portvigil.AlertWaitingBaseline {
		c.Expect, c.Approve = false, false // said already; the edit is shown
	}
	return c
}

// Offers reports whether a form of that name stands on the page: what could not
// be done is said where it stands, and above the page where it stands no more.
func (c choices) Offers(form string) bool {
	switch form {
	case "comment":
		return true
	case "approve":
		return c.Approve
	case "resolve-expected":
		return c.Expect
	case "resolve-shut":
		return c.Shut
	case "resolve-accepted":
		return c.Accept
	case "resolve-false":
		return c.False
	case "remove":
		return c.Remove
	case "ack":
		return c.Acknowledge || c.Note
	case "investigate":
		return c.Investigate
	case "look":
		return c.Look
	case "test":
		return c.Test
	}
	return false
}
