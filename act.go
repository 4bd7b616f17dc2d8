package portvigil

import (
	"cmp"
	"slices"
	"time"
)

// System is who is named where nobody asked for what happened.
const System = "portvigil"

// Act is something that somebody did: a step of an alert's story, or a change of
// what is watched, who is told and who is let in. It is written in the transaction
// that does it, and never edited.
type Act struct {
	ID      string    `json:"id"`
	Time    time.Time `json:"time"`
	By      string    `json:"by"` // a person, a token, or "portvigil"
	What    string    `json:"what"`
	Subject Subject   `json:"subject"` // "alert" with its id, or "host", "channel", … with its name
	// Host is the host of an alert, and the subject where that is one; "" for none.
	Host string `json:"host,omitempty"`
	Text string `json:"text,omitempty"`
}

// What an Act says was done; the steps of an alert's story have words of their own.
const (
	ActHostAdded          = "host added"
	ActHostChanged        = "host changed"
	ActHostRemoved        = "host removed"
	ActMaintenanceStarted = "maintenance started"
	ActMaintenanceEnded   = "maintenance ended"
	ActNetworkAllowed     = "network allowed"
	ActNetworkDenied      = "network denied"
	ActChannelAdded       = "channel added"
	ActChannelRemoved     = "channel removed"
	ActChannelTested      = "channel tested"
	ActBaselineChanged    = "baseline changed"
	ActReviewSigned       = "review signed"
	ActUserAdded          = "user added"
	ActPasswordReset      = "password reset"
	ActUserRemoved        = "user removed"
	ActTokenAdded         = "token added"
	ActTokenRevoked       = "token revoked"
)

// NewAct is what somebody does now; a kind of "host" names the act's host as well.
func NewAct(now time.Time, by, what, kind, name, text string) Act {
	a := Act{ID: NewID(), Time: now, By: by, What: what, Subject: Subject{kind, name}, Text: text}
	if kind == "host" {
		a.Host = name
	}
	return a
}

// Act is the step as one act among all.
func (e AuditEntry) Act(host string) Act {
	return Act{ID: e.ID, Time: e.Time, By: e.By, What: e.What, Subject: Subject{"alert", e.Alert}, Host: host, Text: e.Text}
}

// ActsOf is what a list of acts is about; the zero value is all of it.
type ActsOf string

// What acts can be about.
const (
	OfAlerts  ActsOf = "alerts"  // the steps of their stories
	OfChanges ActsOf = "changes" // what is watched, who is told and who is let in
)

// Holds reports whether an act is of these.
func (o ActsOf) Holds(a Act) bool { return o == "" || (o == OfAlerts) == (a.Subject.Kind == "alert") }

// ActFilter picks acts for a list, the newest first; the zero value picks all.
type ActFilter struct {
	People bool      `json:"people,omitempty"` // none that the program did by itself
	By     string    `json:"by,omitempty"`
	Host   string    `json:"host,omitempty"`
	Of     ActsOf    `json:"of,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"` // what happened then is not in it any more
	Limit  int       `json:"limit,omitempty"`
	Offset int       `json:"offset,omitempty"`
}

// Page picks from all acts, and says how many there are without Limit and Offset.
func (f ActFilter) Page(all []Act) (page []Act, total int) {
	for _, a := range all {
		if (!f.People || a.By != System) && (f.By == "" || a.By == f.By) && (f.Host == "" || a.Host == f.Host) && f.Of.Holds(a) &&
			(f.Since.IsZero() || !a.Time.Before(f.Since)) && (f.Until.IsZero() || a.Time.Before(f.Until)) {
			page = append(page, a)
		}
	}
	slices.SortFunc(page, func(a, b Act) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.ID, a.ID)) })
	return paged(page, f.Limit, f.Offset), len(page)
}
