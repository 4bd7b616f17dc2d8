package portvigil

import "time"

// Allow is a line about what comes and goes by design: doors that may be open
// without an entry, under conditions. It never requires anything.
type Allow struct {
	Ports   PortRange `json:"ports,omitzero"`    // the zero range for any port
	Proto   Proto     `json:"proto,omitempty"`   // "" for any protocol
	Process string    `json:"process,omitempty"` // path of the executable; "" is no condition
	Hours   Hours     `json:"hours,omitzero"`    // zero for any time
	Why     string    `json:"why,omitempty"`
	Owner   string    `json:"owner,omitempty"`
	Group   string    `json:"group,omitempty"` // whose document holds it; "" for the host's own
	Line    int       `json:"line,omitempty"`  // where it begins in its file, from 1; 0 where it has none
}

// AllowSeen is what is known about an open door when it is held against allow
// lines.
type AllowSeen struct {
	Door Door
	// Exes are the executables of all owners of the door.
	Exes []string
	// ExesFresh tells that a fresh inside look that covers owners named every
	// owner. Without it no condition on a process can be seen to hold.
	ExesFresh bool
}

// Matches reports whether all conditions of the line are seen to hold. A
// condition that no fresh view can check does not hold; a process condition
// holds only where it holds for every owner of the door.
func (a Allow) Matches(s AllowSeen, now time.Time) bool {
	if a.Ports != (PortRange{}) && !a.Ports.Contains(s.Door.Port) {
		return false
	}
	if a.Proto != "" && a.Proto != s.Door.Proto {
		return false
	}
	if a.Process != "" {
		if !s.ExesFresh || len(s.Exes) == 0 {
			return false
		}
		for _, exe := range s.Exes {
			if exe != a.Process {
				return false
			}
		}
	}
	return a.Hours.Contain(now)
}
