package portvigil

import (
	"fmt"
	"strings"
)

// NoteCode returns the code that a look's note begins with: "dead-path" of
// "dead-path: 100 unreachable in a row".
func NoteCode(note string) string {
	code, _, _ := strings.Cut(note, ":")
	code, _, _ = strings.Cut(code, " ")
	return code
}

// Sentence is the alert in one sentence for people.
func (a *Alert) Sentence() string {
	switch {
	case a.Kind == DoorsToExplain:
		return fmt.Sprintf("%s has %s that nobody has explained yet.", a.Host, doorCount(a.Endpoints))
	case a.Kind == ManyDoors:
		return fmt.Sprintf("%s opened %s at once.", a.Host, doorCount(a.Endpoints))
	case a.Kind == HostUnreachable:
		return fmt.Sprintf("%s has had no complete look from outside for too long; what is open there is not known.", a.Host)
	case a.Kind == AgentSilent:
		return fmt.Sprintf("%s has had no complete look from inside for too long; what listens there is not known.", a.Host)
	case a.Kind == VantageBlind:
		return fmt.Sprintf("Vantage %s gets no complete look at most of its hosts; what is open there is not known.", a.Subject.Name)
	case a.Kind == BaselineUnreadable:
		return fmt.Sprintf("%s in the baseline's folder cannot be used; what it said before stays in force.", a.Subject.Name)
	case a.Kind == ChannelFailing:
		return fmt.Sprintf("Channel %s has taken no message for %d minutes or longer; what it should tell waits, or is lost to it.", a.Subject.Name, int(ChannelFailsAfter.Minutes()))
	}
	return DoorSentence(a.Kind, a.Host, Door{a.Proto, a.Port}, a.Service, a.Process)
}

// DoorSentence says what is the matter with one door.
func DoorSentence(kind Kind, host string, door Door, s *Service, p *Process) string {
	what := behind(s, p)
	switch Verdict(kind) {
	case Hidden:
		return fmt.Sprintf("%s answers on %s%s, and nothing on the host explains it.", host, door, what)
	case UnexpectedExposed:
		return fmt.Sprintf("%s has %s open to the outside%s; it is not in the baseline.", host, door, what)
	case UnexpectedListening:
		return fmt.Sprintf("%s listens on %s%s; it is not in the baseline, and no outside view sees it open.", host, door, what)
	case Changed:
		return fmt.Sprintf("%s has something else than expected on %s%s.", host, door, what)
	case Missing:
		return fmt.Sprintf("%s should have %s open, and it is not.", host, door)
	case Gap:
		return fmt.Sprintf("%s lets %s through its firewall although nothing listens.", host, door)
	case Unverified:
		return fmt.Sprintf("%s should have %s open, and no fresh look has verified it.", host, door)
	}
	return fmt.Sprintf("%s %s: %s.", host, door, kind)
}

func behind(s *Service, p *Process) string {
	var parts []string
	if s != nil && (s.Product != "" || s.Name != "") {
		parts = append(parts, Printable(s.Label()))
	}
	if p != nil {
		parts = append(parts, Printable(p.Exe))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func doorCount(rows []AlertEndpoint) string {
	doors := map[Door]bool{}
	for _, row := range rows {
		set, err := ParsePortSet(row.Ports)
		if row.Ports == "" || err != nil {
			set = PortsOf(row.Port)
		}
		for port := range set.All() {
			doors[Door{row.Proto, port}] = true
		}
	}
	if len(doors) == 1 {
		return "1 door"
	}
	return fmt.Sprintf("%d doors", len(doors))
}

// DifferencesText says what differs from the baseline: "product is Apache
// httpd, not nginx".
func DifferencesText(list []Difference) string {
	var parts []string
	for _, d := range list {
		parts = append(parts, fmt.Sprintf("%s is %s, not %s", d.Field, Printable(d.Got), Printable(d.Want)))
	}
	return strings.Join(parts, "; ")
}

// Sentence says what the exposure's verdict means, in one sentence.
func (e *Exposure) Sentence() string {
	text := DoorSentence(Kind(e.Verdict), e.Host, e.Door(), e.Service, e.Process)
	switch {
	case e.Verdict == Gap:
		return fmt.Sprintf("%s lets %s/%s through its firewall although nothing listens.", e.Host, e.Ports, e.Proto)
	case len(e.Differences) > 0:
		text += " " + DifferencesText(e.Differences) + "."
	}
	return text
}
