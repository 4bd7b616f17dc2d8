package portvigil

import "strings"

// PortSpec is which ports of each protocol are meant. The zero value is none, and a
// nil set is an empty one.
type PortSpec struct {
	TCP *PortSet
	UDP *PortSet
}

// Of returns the ports of a protocol; it may be nil.
func (s *PortSpec) Of(p Proto) *PortSet {
	if p == UDP {
		return s.UDP
	}
	return s.TCP
}

// Add puts a door into it.
func (s *PortSpec) Add(d Door) { s.of(d.Proto).Add(d.Port) }

// Union puts the ports of a protocol into it.
func (s *PortSpec) Union(p Proto, ports *PortSet) { s.of(p).Union(ports) }

func (s *PortSpec) of(p Proto) *PortSet {
	set := &s.TCP
	if p == UDP {
		set = &s.UDP
	}
	if *set == nil {
		*set = new(PortSet)
	}
	return *set
}

// Len returns how many doors it has.
func (s *PortSpec) Len() int { return s.TCP.Len() + s.UDP.Len() }

// Covers reports whether every door of t is in s.
func (s *PortSpec) Covers(t *PortSpec) bool {
	return s.TCP.Clone().Covers(t.TCP.Clone()) && s.UDP.Clone().Covers(t.UDP.Clone())
}

// Equal reports whether both have the same doors. No spec is another one than one
// without doors.
func (s *PortSpec) Equal(t *PortSpec) bool {
	if s == nil || t == nil {
		return s == t
	}
	return s.Covers(t) && t.Covers(s)
}

// String writes it as people ask for it: "22,8000-8100,U:53".
func (s *PortSpec) String() string {
	var parts []string
	if s.TCP.Len() > 0 {
		parts = append(parts, s.TCP.String())
	}
	if s.UDP.Len() > 0 {
		parts = append(parts, "U:"+s.UDP.String())
	}
	return strings.Join(parts, ",")
}

// MarshalText writes String.
func (s *PortSpec) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what String writes, and so a set of TCP ports as well.
func (s *PortSpec) UnmarshalText(text []byte) error {
	tcp, udp, _ := strings.Cut(string(text), "U:")
	t, err := ParsePortSet(strings.TrimSuffix(tcp, ","))
	if err != nil {
		return err
	}
	u, err := ParsePortSet(udp)
	if err != nil {
		return err
	}
	*s = PortSpec{t, u}
	return nil
}
