package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// doorRow is a door of a host as a row of its table.
type doorRow struct {
	*portvigil.Exposure
	now time.Time
}

// maxLooks bounds the looks that a row names.
const maxLooks = 6

// RestsOn are the looks that the verdict rests on.
func (d doorRow) RestsOn() some[string] { return first(d.Looks, maxLooks) }

// Standing is where the door is in the picture.
func (d doorRow) Standing() standing { return standingOf(d.Exposure) }

// Because says why the verdict is what it is.
func (d doorRow) Because() string {
	switch d.Verdict {
	case portvigil.Hidden:
		return "It answered from outside, and a complete look from inside has nothing that explains it."
	case portvigil.Allowed:
		return "No entry of the baseline covers it; a line for what comes and goes does."
	case portvigil.Pending:
		return "One sight is not enough to tell anybody: a second one is awaited."
	case portvigil.UnexpectedExposed:
		return "It is open from outside, and no entry of the baseline covers it."
	case portvigil.UnexpectedListening:
		return "It listens beyond this machine, no entry of the baseline covers it, and no view from outside sees it open."
	case portvigil.Changed:
		return "An entry of the baseline covers it, and what is seen differs from what it holds fast."
	case portvigil.Missing:
		return "The baseline says that it should be open, and two complete looks found that it is not."
	case portvigil.Gap:
		return "The firewall lets these ports through, and nothing listens there: whatever starts there is open at once."
	case portvigil.Unverified:
		return "The baseline has it, and a view that its entry asks for has no fresh complete look."
	case portvigil.Expected:
		return "The baseline has it, and every fresh view agrees."
	}
	if onLoopback(d.Exposure) {
		return "Only this machine itself can reach it, so nobody has to explain it."
	}
	return "It is not in the baseline, and nothing is open there."
}

// certificateWarns is how long before its end a certificate is marked.
const certificateWarns = 30 * 24 * time.Hour

// Certificate says until when the door's certificate is good; "" where it has none.
func (d doorRow) Certificate() string {
	if d.Service == nil || d.Service.Certificate == nil {
		return ""
	}
	c := d.Service.Certificate
	left := c.NotAfter.Sub(d.now)
	says := "is good for " + span(left)
	if left < 0 {
		says = "expired " + span(-left) + " ago"
	}
	if c.SelfSigned {
		says += ", self-signed"
	}
	return says
}

// CertificateEnds reports whether somebody has to see to the certificate.
func (d doorRow) CertificateEnds() bool {
	return d.Certificate() != "" && d.Service.Certificate.NotAfter.Sub(d.now) < certificateWarns
}

// standing is where a door is, as far as the views tell: in the picture, and in the
// filter of the table.
type standing string

const (
	standsOpen    standing = "open"      // from outside
	standsInside  standing = "listening" // beyond loopback, and no view from outside sees it open
	standsAlone   standing = "loopback"
	standsAway    standing = "away" // expected, or was seen, and is not seen open now
	standsNowhere standing = ""
)

func standingOf(x *portvigil.Exposure) standing {
	switch {
	case seenOpen(x.Views):
		return standsOpen
	case listens(x) && x.Print.Scope == portvigil.ScopeLoopback:
		return standsAlone
	case listens(x):
		return standsInside
	case x.Verdict != portvigil.None && x.Verdict != portvigil.Gap:
		return standsAway
	}
	return standsNowhere
}

// doorFilter picks doors; the zero value picks all.
type doorFilter struct{ Query, Show string }

// The choices of the filter beside all.
const (
	showWorry    = "worry" // somebody has to look at it
	showExpected = "expected"
	showLoopback = "loopback"
)

func (f doorFilter) picks(x *portvigil.Exposure) bool {
	switch f.Show {
	case showWorry:
		if x.Severity() == "" && x.Verdict != portvigil.Pending {
			return false
		}
	case showExpected:
		if x.Verdict != portvigil.Expected && x.Verdict != portvigil.Allowed {
			return false
		}
	case showLoopback:
		if standingOf(x) != standsAlone {
			return false
		}
	}
	if f.Query == "" {
		return true
	}
	has := func(text string) bool { return strings.Contains(strings.ToLower(cut(text)), strings.ToLower(f.Query)) }
	if strings.HasPrefix(x.Door().String(), f.Query) || x.Address.IsValid() && has(x.Address.String()) {
		return true
	}
	if s := x.Service; s != nil && (has(s.Product) || has(s.Name) || has(s.Title)) {
		return true
	}
	if e := x.Entry; e != nil && (has(e.Why) || has(e.Owner)) {
		return true
	}
	return x.Process != nil && (has(x.Process.Exe) || has(x.Process.Unit) || has(x.Process.User))
}

// shownDoors are the doors of a host that its page is about, those to look at first.
func shownDoors(s portvigil.HostStatus) (doors []*portvigil.Exposure) {
	for i := range s.Exposures {
		if x := &s.Exposures[i]; x.Verdict != portvigil.None || onLoopback(x) {
			doors = append(doors, x)
		}
	}
	slices.SortStableFunc(doors, func(a, b *portvigil.Exposure) int { return urgency(b) - urgency(a) })
	return doors
}

// urgency orders doors by how soon somebody has to look at them.
func urgency(x *portvigil.Exposure) int {
	switch {
	case x.Severity() != "":
		return 2 + x.Severity().Rank()
	case x.Verdict == portvigil.Pending:
		return 2
	case x.Verdict == portvigil.None:
		return 0
	}
	return 1
}

// doorCounts is how many doors each choice of the filter has.
type doorCounts struct{ All, Worry, Expected, Loopback int }

func countDoors(doors []*portvigil.Exposure) (c doorCounts) {
	count := func(show string) (n int) {
		for _, x := range doors {
			if (doorFilter{Show: show}).picks(x) {
				n++
			}
		}
		return n
	}
	return doorCounts{len(doors), count(showWorry), count(showExpected), count(showLoopback)}
}

// percent writes a share for people.
func percent(share float64) string {
	return fmt.Sprintf("%.0f %%", 100*min(max(share, 0), 1))
}
