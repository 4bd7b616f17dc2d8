package scan

import (
	"strconv"
	"strings"

	portvigil "github.com/portvigil/portvigil"
)

// PortSpec is which ports of each protocol a look was asked for; a set is
// never nil and may be empty.
type PortSpec struct {
	TCP *portvigil.PortSet
	UDP *portvigil.PortSet
}

// ParsePorts reads a list of parts separated by commas: a port (22), a range
// (8000-8100), "top:N", or "all" (also "-"). "T:" and "U:" before a part choose
// the protocol of it and of those after it, TCP to begin with. The empty text
// is all TCP ports. An error has CodeInvalid.
func ParsePorts(spec string) (PortSpec, error) {
	s := PortSpec{TCP: new(portvigil.PortSet), UDP: new(portvigil.PortSet)}
	if strings.TrimSpace(spec) == "" {
		s.TCP.Union(portvigil.AllPorts())
		return s, nil
	}
	into := s.TCP
	for part := range strings.SplitSeq(spec, ",") {
		part = strings.TrimSpace(part)
		if protocol, rest, found := strings.Cut(part, ":"); found {
			switch protocol {
			case "T", "t":
				into, part = s.TCP, rest
			case "U", "u":
				into, part = s.UDP, rest
			}
		}
		if err := s.add(into, strings.TrimSpace(part)); err != nil {
			return PortSpec{}, err
		}
	}
	return s, nil
}

func (s PortSpec) add(into *portvigil.PortSet, part string) error {
	count, top := strings.CutPrefix(part, "top:")
	switch {
	case part == "all" || part == "-":
		into.Union(portvigil.AllPorts())
	case top && into == s.UDP:
		return portvigil.Errorf(portvigil.CodeInvalid, "ports %q: the list of common ports is one of TCP ports", part)
	case top:
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 || n > 65535 {
			return portvigil.Errorf(portvigil.CodeInvalid, "ports %q: top: takes a number from 1 to 65535", part)
		}
		into.Union(Top(n))
	default:
		r, err := portvigil.ParsePortRange(part)
		if err != nil {
			return err
		}
		into.AddRange(r)
	}
	return nil
}

// Looked returns the TCP ports, and an error with CodeInvalid where there are
// none or where UDP ports were asked for: a server looks at TCP ports alone yet.
func (s PortSpec) Looked() (*portvigil.PortSet, error) {
	if n := s.UDP.Len(); n > 0 {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "UDP ports (%s) cannot be looked at by a server yet", s.UDP).
			WithHint("leave out the U: part, or use portvigil scan")
	}
	if s.TCP.Len() == 0 {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "no port to look at")
	}
	return s.TCP, nil
}

// Top returns the n most telling TCP ports: those where well-known services
// live, in this project's own order, then the rest by number.
func Top(n int) *portvigil.PortSet {
	s := new(portvigil.PortSet)
	left := n
	for _, p := range wellKnown {
		if left > 0 && !s.Contains(p) {
			s.Add(p)
			left--
		}
	}
	for p := 1; p <= 65535 && left > 0; p++ {
		if !s.Contains(uint16(p)) {
			s.Add(uint16(p))
			left--
		}
	}
	return s
}
