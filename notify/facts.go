package notify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// factsOf lists what is known of the alert, and what is not.
func factsOf(a *portvigil.Alert) []fact {
	var facts []fact
	add := func(label, value string) {
		if value != "" {
			facts = append(facts, fact{label, value})
		}
	}
	if a.Host != "" {
		add("Host", printable(a.Host, longestValue))
	} else {
		add(upperFirst(printable(a.Subject.Kind, 40)), printable(a.Subject.Name, longestValue))
	}
	single := hasDoor(a) && !listsDoors(a)
	if single {
		add("Door", strings.Join(doorRows(a), "; "))
		add("Behind it", behind(serviceOf(a)))
	}
	add("Since", since(a))
	if single {
		add("Opened by", openedBy(a))
	}
	if hasDoor(a) {
		add("From outside", fromOutside(a))
		add("From inside", fromInside(a))
	}
	if a.Cause != nil {
		add("Same cause", fmt.Sprintf("%s (%s)", printable(a.Cause.Text, longestValue), count(a.Cause.Count, "alert", "alerts")))
	}
	return facts
}

// hasDoor tells the alerts that are about doors from those about a host, a
// vantage or a channel as a whole.
func hasDoor(a *portvigil.Alert) bool { return a.Port != 0 || len(a.Endpoints) > 0 }

// listsDoors tells the alerts that hold many doors from those about one.
func listsDoors(a *portvigil.Alert) bool { return hasDoor(a) && a.Port == 0 }

func serviceOf(a *portvigil.Alert) *portvigil.Service {
	if a.Service != nil {
		return a.Service
	}
	for _, e := range a.Endpoints {
		if e.Service != nil {
			return e.Service
		}
	}
	return nil
}

func processOf(a *portvigil.Alert) *portvigil.Process {
	if a.Process != nil {
		return a.Process
	}
	for _, e := range a.Endpoints {
		if e.Process != nil {
			return e.Process
		}
	}
	return nil
}

// behind says what answers, and by what it showed that.
func behind(s *portvigil.Service) string {
	if s == nil {
		return "not known: nothing has identified it"
	}
	parts := []string{printable(s.Label(), longestValue)}
	if s.Product != "" && s.Name != "" {
		parts[0] += " (" + printable(s.Name, 60) + ")"
	}
	if p := s.Package; p != nil {
		parts = append(parts, "package "+packageLabel(p))
	}
	switch {
	case s.Certificate != nil:
		parts = append(parts, certificateLabel(s.Certificate))
	case s.TLS:
		parts = append(parts, "TLS")
	}
	if s.HostKey != "" {
		parts = append(parts, "host key "+printable(s.HostKey, 100))
	}
	if s.Title != "" {
		parts = append(parts, "page title “"+printable(s.Title, 80)+"”")
	}
	if s.Product == "" && len(s.Banner) > 0 {
		parts = append(parts, "it says “"+printable(string(s.Banner[:min(len(s.Banner), 120)]), 120)+"”")
	}
	return strings.Join(parts, ", ")
}

func certificateLabel(c *portvigil.Certificate) string {
	label := "TLS with a certificate"
	if c.SelfSigned {
		label = "TLS with a self-signed certificate"
	}
	name := c.Subject
	if len(c.Names) > 0 {
		name = strings.Join(c.Names[:min(len(c.Names), 3)], ", ")
		if len(c.Names) > 3 {
			name += fmt.Sprintf(" and %d more", len(c.Names)-3)
		}
	}
	if name != "" {
		label += " for " + printable(name, 120)
	}
	if !c.NotAfter.IsZero() {
		label += ", valid until " + c.NotAfter.UTC().Format("2006-01-02")
	}
	return label
}

func packageLabel(p *portvigil.Package) string {
	label := printable(strings.TrimSpace(p.Name+" "+p.Version), 120)
	if p.Distro != "" {
		label += " (" + printable(strings.TrimSpace(p.Distro+" "+p.Release), 60) + ")"
	}
	return label
}

func since(a *portvigil.Alert) string {
	if a.Opened.IsZero() {
		return ""
	}
	text := moment(a.Opened)
	if a.Reopened > 0 {
		text += fmt.Sprintf(", re-opened %s, last changed %s", count(a.Reopened, "time", "times"), moment(a.Changed))
	}
	return text
}

// openedBy says which process holds the door, or why that is not known.
func openedBy(a *portvigil.Alert) string {
	p := processOf(a)
	switch {
	case p != nil:
		return processLabel(p)
	case a.Views.Inside == nil:
		return "not known: no inside view"
	case a.Views.Inside.State == "not-listening":
		return "not known: the inside view sees no listener there"
	}
	return "not known: the inside view could not tell"
}

func processLabel(p *portvigil.Process) string {
	exe := p.Exe
	if exe == "" {
		exe = "unreadable executable"
	}
	parts := []string{fmt.Sprintf("%s (pid %d)", printable(exe, longestValue), p.PID)}
	if p.Deleted {
		parts[0] += ", replaced or removed on disk since it started"
	}
	add := func(label, value string) {
		if value != "" {
			parts = append(parts, label+" "+value)
		}
	}
	add("user", printable(p.User, 60))
	add("unit", printable(p.Unit, 120))
	if p.Package != nil {
		add("package", packageLabel(p.Package))
	}
	if p.Container != nil {
		add("container", printable(*p.Container, 80))
	}
	if !p.Started.IsZero() {
		add("running since", moment(p.Started))
	}
	return strings.Join(parts, ", ")
}

// fromOutside says what each vantage last saw.
func fromOutside(a *portvigil.Alert) string {
	if len(a.Views.Outside) == 0 {
		return "not confirmed: no outside view of it"
	}
	var parts []string
	for _, s := range a.Views.Outside[:min(len(a.Views.Outside), mostViews)] {
		parts = append(parts, fmt.Sprintf("%s from %s, %s", printable(s.State, 40), printable(s.Vantage, 60), moment(s.Seen)))
	}
	if more := len(a.Views.Outside) - mostViews; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, "; ")
}

// mostViews is how many vantages a message quotes.
const mostViews = 5

func fromInside(a *portvigil.Alert) string {
	if a.Views.Inside == nil {
		return "no inside view"
	}
	state := strings.ReplaceAll(a.Views.Inside.State, "-", " ")
	return fmt.Sprintf("%s, %s", printable(state, 40), moment(a.Views.Inside.Seen))
}

// resolutionFacts says how, by whom and why the alert ended.
func resolutionFacts(a *portvigil.Alert) []fact {
	r := a.Resolution
	if r == nil {
		return []fact{{"Resolved", "not known how"}}
	}
	facts := []fact{{"Resolved", howResolved(r.Kind) + ", " + moment(r.Time)}}
	add := func(label, value string) {
		if value != "" {
			facts = append(facts, fact{label, printable(value, longestValue)})
		}
	}
	add("By", r.By)
	add("Why", r.Why)
	add("Owner", r.Owner)
	if r.Until != nil {
		add("Until", moment(*r.Until))
	}
	return facts
}

func howResolved(k portvigil.ResolutionKind) string {
	switch k {
	case portvigil.ResolvedExpected:
		return "expected: it belongs there"
	case portvigil.ResolvedShut:
		return "shut: a complete look found it shut"
	case portvigil.ResolvedFalse:
		return "false: what was seen was not so"
	case portvigil.ResolvedAccepted:
		return "accepted for a while"
	case portvigil.ResolvedCleared:
		return "cleared: it is gone without anybody having said why"
	}
	return printable(string(k), 40)
}

// doorRows returns a line a door, its addresses gathered, in the alert's order.
// Rows that need nothing any more are left out, unless all are.
func doorRows(a *portvigil.Alert) []string {
	rows := slices.DeleteFunc(slices.Clone(a.Endpoints), func(e portvigil.AlertEndpoint) bool { return e.Explained })
	if len(rows) == 0 {
		rows = a.Endpoints
	}
	type door struct {
		name      string
		addresses []string
		about     string
	}
	var doors []*door
	byName := map[string]*door{}
	for _, e := range rows {
		name := doorName(e.Proto, e.Port, e.Ports)
		d := byName[name]
		if d == nil {
			d = &door{name: name}
			if listsDoors(a) {
				d.about = rowAbout(e)
			}
			byName[name], doors = d, append(doors, d)
		}
		if e.Address.IsValid() {
			d.addresses = append(d.addresses, addressLabel(a, e))
		}
	}
	if len(doors) == 0 && a.Port != 0 {
		doors = []*door{{name: doorName(a.Proto, a.Port, "")}}
	}
	var lines []string
	for _, d := range doors {
		lines = append(lines, d.name+" on "+addressList(d.addresses)+d.about)
	}
	return lines
}

func doorName(proto portvigil.Proto, port uint16, ports string) string {
	if ports != "" {
		return printable(ports, longestValue) + "/" + printable(string(proto), 20)
	}
	return printable(portvigil.Door{Proto: proto, Port: port}.String(), 40)
}

// addressLabel is the address, with its verdict where it is not the alert's.
func addressLabel(a *portvigil.Alert, e portvigil.AlertEndpoint) string {
	text := printable(e.Address.String(), 80)
	if !listsDoors(a) && e.Verdict != "" && portvigil.Kind(e.Verdict) != a.Kind {
		text += " (" + printable(string(e.Verdict), 40) + ")"
	}
	return text
}

// mostAddresses is how many addresses of one door a message lists.
const mostAddresses = 12

func addressList(addresses []string) string {
	switch n := len(addresses); {
	case n == 0:
		return "every address"
	case n > mostAddresses:
		return fmt.Sprintf("%s and %d more", strings.Join(addresses[:mostAddresses], ", "), n-mostAddresses)
	}
	return strings.Join(addresses, ", ")
}

// rowAbout says in few words what is behind one row of a list.
func rowAbout(e portvigil.AlertEndpoint) string {
	var parts []string
	if e.Service != nil {
		parts = append(parts, printable(e.Service.Label(), 80))
	}
	if p := e.Process; p != nil {
		who := printable(p.Exe, 100)
		if p.Unit != "" {
			who += ", unit " + printable(p.Unit, 80)
		}
		parts = append(parts, "opened by "+who)
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}
