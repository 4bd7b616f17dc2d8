package portvigil

import "time"

// The types of this file are what is asked of the server and what it answers;
// the commands, the API and the pages speak them.

// HostStatus is all that is known of one host.
type HostStatus struct {
	Host      Host         `json:"host"`
	Exposures []Exposure   `json:"exposures"`
	Views     []ViewStatus `json:"views"`
	Alerts    []Alert      `json:"alerts"` // open ones
	// NextOutside and NextInside are when the schedule looks next; zero for never.
	NextOutside time.Time `json:"next_outside,omitzero"`
	NextInside  time.Time `json:"next_inside,omitzero"`
	// Kept says why a look that is due has not begun; "" where none waits.
	Kept string `json:"kept,omitempty"`
}

// HostSummary is what lists say of one host: counts instead of its doors and alerts.
type HostSummary struct {
	Host Host `json:"host"`
	// Doors counts the host's exposures by verdict.
	Doors map[Verdict]int `json:"doors"`
	// Alerts counts the open ones by severity; Worst is the highest, "" for none.
	Alerts map[Severity]int `json:"alerts"`
	Worst  Severity         `json:"worst,omitempty"`
	// ToNote is how many alerts ended by themselves and have been seen by nobody.
	ToNote int          `json:"to_note,omitempty"`
	Views  []ViewStatus `json:"views"`
	// NextOutside, NextInside and Kept are those of HostStatus.
	NextOutside time.Time `json:"next_outside,omitzero"`
	NextInside  time.Time `json:"next_inside,omitzero"`
	Kept        string    `json:"kept,omitempty"`
}

// Open is how many alerts of the host are open.
func (s *HostSummary) Open() (n int) {
	for _, count := range s.Alerts {
		n += count
	}
	return n
}

// ChangeNote says what was written since the note before it.
type ChangeNote struct {
	Hosts  []string `json:"hosts,omitempty"`  // by name: something about them is another now
	Alerts []string `json:"alerts,omitempty"` // by id
	// More tells that something else has changed as well: more than a note names,
	// or what is about no host and no alert.
	More bool `json:"more,omitempty"`
}

// ViewStatus says how far one view of a host can be trusted.
type ViewStatus struct {
	View     View      `json:"view"`
	Vantage  string    `json:"vantage,omitempty"`
	Address  string    `json:"address,omitempty"`
	Proto    Proto     `json:"proto,omitempty"`
	Newest   time.Time `json:"newest"`   // any look
	Complete time.Time `json:"complete"` // the newest complete one; zero for none
	Fresh    bool      `json:"fresh"`
	Notes    []string  `json:"notes,omitempty"`
}

// ResolveRequest asks to resolve an alert.
type ResolveRequest struct {
	Kind    ResolutionKind `json:"kind"` // expected, shut, false, accepted
	Why     string         `json:"why"`
	Owner   string         `json:"owner"`
	Expires string         `json:"expires,omitempty"` // of the baseline entry: a date
	Until   string         `json:"until,omitempty"`   // accepted: a date
}

// ApproveRequest asks to write doors into a host's baseline.
type ApproveRequest struct {
	Doors []string `json:"doors,omitempty"` // PORT/PROTO
	All   bool     `json:"all,omitempty"`   // every open door that no entry covers
	// Why holds for every door that has no reason of its own in Whys; it may be empty
	// where each of them has.
	Why     string            `json:"why"`
	Whys    map[string]string `json:"whys,omitempty"` // by PORT/PROTO
	Owner   string            `json:"owner"`
	Expires string            `json:"expires,omitempty"`
}

// HostEdit is what somebody changes of a host that is watched; nil leaves it as it is.
type HostEdit struct {
	Groups  *[]string      `json:"groups,omitempty"`
	Targets *[]string      `json:"targets,omitempty"`
	Outside *time.Duration `json:"outside,omitempty"`
	Inside  *time.Duration `json:"inside,omitempty"`
}

// LookUnderWay is a look that is due and has not ended: it runs, or waits for its turn.
type LookUnderWay struct {
	View    View      `json:"view"`
	Reason  string    `json:"reason"` // as LookRequest has it
	Due     time.Time `json:"due"`
	Running bool      `json:"running"`
	// Progress is the newest step that is known of it, nil where none is: another
	// process may make the look.
	Progress *LookProgress `json:"progress,omitempty"`
}

// LookWish asks for one look now.
type LookWish struct {
	View  View   `json:"view"`            // "" for every view that the server can make
	Ports string `json:"ports,omitempty"` // as scan takes them; "" for the regular ones
}

// LookEvent is one step of a look that somebody waits for: a progress, or one
// of the records that it led to.
type LookEvent struct {
	Progress *LookProgress   `json:"progress,omitempty"`
	Port     *PortRecord     `json:"port,omitempty"`
	Listener *ListenerRecord `json:"listener,omitempty"`
	Look     *LookRecord     `json:"look,omitempty"`
	// Done ends the stream.
	Done *LookOutcome `json:"done,omitempty"`
}

// LookProgress says how far a look is.
type LookProgress struct {
	Address string  `json:"address,omitempty"`
	Share   float64 `json:"share"` // 0 to 1
	Rate    float64 `json:"rate"`  // probes a second
	Open    int     `json:"open"`
	// Waits says why the look has not begun; "" where it has.
	Waits string `json:"waits,omitempty"`
}

// LookOutcome says what the looks led to.
type LookOutcome struct {
	Complete   bool   `json:"complete"`
	OpenAlerts int    `json:"open_alerts"` // of the host
	Error      string `json:"error,omitempty"`
}
