package notify

import (
	"path"
	"strings"

	"github.com/portvigil/portvigil"
)

// Subject returns the message in one line, as a phone shows it in its list:
//
//	[PortVigil] high: web1 9100/tcp opened: Prometheus node exporter 1.5.0
//
// It has no control characters, whatever a host sent.
func Subject(m Message) string {
	a := &m.Alert
	if m.Event == portvigil.ChannelTest {
		return strings.TrimSpace("[PortVigil] test of channel " + printable(a.Subject.Name, longestPart))
	}
	return strings.TrimSpace(shorten("[PortVigil] "+rank(m)+": "+what(a), longestSubject))
}

// The bounds, in bytes: phones show about 60 to 100 characters, and RFC 5322
// section 2.1.1 limits a line to 998 bytes.
const (
	longestSubject = 180
	longestPart    = 60
)

// rank is the severity, or what happened where that says more.
func rank(m Message) string {
	severity := printable(string(m.Alert.Severity), 20)
	switch m.Event {
	case portvigil.AlertReopened:
		return severity + ", again"
	case portvigil.AlertRisen:
		return severity + ", risen"
	case portvigil.AlertIsResolved:
		if r := m.Alert.Resolution; r != nil {
			return "resolved as " + printable(string(r.Kind), 20)
		}
		return "resolved"
	}
	return severity
}

// what names host, door, what happened to it, and what is behind it.
func what(a *portvigil.Alert) string {
	name := printable(a.Host, longestPart)
	if name == "" {
		name = strings.TrimSpace(printable(a.Subject.Kind, 40) + " " + printable(a.Subject.Name, longestPart))
	}
	if a.Kind == portvigil.DoorsToExplain {
		return name + ": " + count(len(doorRows(a)), "door", "doors") + " to explain"
	}
	verb, known := doorVerbs[a.Kind]
	if !known || a.Port == 0 {
		return name + ": " + lowerFirst(printable(a.Kind.Info().Title, 80))
	}
	text := name + " " + doorName(a.Proto, a.Port, "")
	if a.Open() {
		text += " " + verb
	}
	if label := shortLabel(a); label != "" {
		text += ": " + label
	}
	return text
}

// doorVerbs says in one or two words what became of a door.
var doorVerbs = map[portvigil.Kind]string{
	portvigil.Kind(portvigil.Hidden):              "hidden door",
	portvigil.Kind(portvigil.UnexpectedExposed):   "opened",
	portvigil.Kind(portvigil.UnexpectedListening): "listens",
	portvigil.Kind(portvigil.Changed):             "changed",
	portvigil.Kind(portvigil.Missing):             "not open",
}

// shortLabel is the service, or the program where nothing identified one.
func shortLabel(a *portvigil.Alert) string {
	if s := serviceOf(a); s != nil && (s.Product != "" || s.Name != "") {
		return printable(s.Label(), longestPart)
	}
	if p := processOf(a); p != nil && p.Exe != "" {
		return printable(path.Base(p.Exe), longestPart)
	}
	return ""
}
