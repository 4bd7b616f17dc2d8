package scan

import (
	"strconv"
	"strings"

	portvigil "github.com/portvigil/portvigil"
)

// ParsePorts reads a list of parts separated by commas: a port (22), a range
// (8000-8100), "top:N", or "all" (also "-"). "T:" and "U:" before a part choose
// the protocol of it and of those after it, TCP to begin with. The empty text
// is all TCP ports; neither set is ever nil. An error has CodeInvalid.
func ParsePorts(spec string) (portvigil.PortSpec, error) {
	s := portvigil.PortSpec{TCP: new(portvigil.PortSet), UDP: new(portvigil.PortSet)}
	if strings.TrimSpace(spec) == "" {
		s.TCP.Union(portvigil.AllPorts())
		return s, nil
	}
	proto := portvigil.TCP
	for part := range strings.SplitSeq(spec, ",") {
		part = strings.TrimSpace(part)
		if protocol, rest, found := strings.Cut(part, ":"); found {
			switch protocol {
			case "T", "t":
				proto, part = portvigil.TCP, rest
			case "U", "u":
				proto, part = portvigil.UDP, rest
			}
		}
		ports, err := parsePart(proto, strings.TrimSpace(part))
		if err != nil {
			return portvigil.PortSpec{}, err
		}
		s.Union(proto, ports)
	}
	return s, nil
}

func parsePart(proto portvigil.Proto, part string) (*portvigil.PortSet, error) {
	count, top := strings.CutPrefix(part, "top:")
	switch {
	case part == "all" || part == "-":
		return portvigil.AllPorts(), nil
	case top:
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 || n > 65535 {
			return nil, portvigil.Errorf(portvigil.CodeInvalid, "ports %q: top: takes a number from 1 to 65535", part)
		}
		return Top(proto, n), nil
	}
	r, err := portvigil.ParsePortRange(part)
	if err != nil {
		return nil, err
	}
	ports := new(portvigil.PortSet)
	ports.AddRange(r)
	return ports, nil
}

// Top returns the n most telling ports of a protocol: those where well-known services
// live, in this project's own order, then the rest by number.
func Top(proto portvigil.Proto, n int) *portvigil.PortSet {
	s := new(portvigil.PortSet)
	known := wellKnown[:]
	if proto == portvigil.UDP {
		known = wellKnownUDP[:]
	}
	left := n
	for _, p := range known {
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
