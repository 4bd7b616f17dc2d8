package notify

import (
	"fmt"
	"strings"

	"github.com/portvigil/portvigil"
)

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
