package portvigil

import (
	"iter"
	"math/bits"
	"strconv"
	"strings"
)

// PortRange is an inclusive range of ports; First == Last for a single one.
type PortRange struct{ First, Last uint16 }

// Single reports whether the range is one port.
func (r PortRange) Single() bool { return r.First == r.Last }

// Contains reports whether the port lies in the range.
func (r PortRange) Contains(port uint16) bool { return r.First <= port && port <= r.Last }

// String writes 22 or 8000-8100.
func (r PortRange) String() string {
	if r.Single() {
		return strconv.Itoa(int(r.First))
	}
	return strconv.Itoa(int(r.First)) + "-" + strconv.Itoa(int(r.Last))
}

// MarshalText writes String.
func (r PortRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (r *PortRange) UnmarshalText(text []byte) (err error) {
	*r, err = ParsePortRange(string(text))
	return err
}

// ParsePortRange reads 22 or 8000-8100.
func ParsePortRange(s string) (PortRange, error) {
	from, to, ranged := strings.Cut(s, "-")
	first, err := parsePort(from)
	if err != nil {
		return PortRange{}, err
	}
	last := first
	if ranged {
		if last, err = parsePort(to); err != nil {
			return PortRange{}, err
		}
	}
	if last < first {
		return PortRange{}, Errorf(CodeInvalid, "port range %q ends before it begins", s)
	}
	return PortRange{first, last}, nil
}

// PortSet is a set of ports from 1 to 65535, 8 KiB as it stands. The zero
// value is empty and ready for use.
type PortSet struct{ words [1 << 10]uint64 }

// AllPorts returns the set of 1 to 65535.
func AllPorts() *PortSet {
	s := new(PortSet)
	s.AddRange(PortRange{1, 65535})
	return s
}

// PortsOf returns the set of the given ports; port 0 is ignored.
func PortsOf(ports ...uint16) *PortSet {
	s := new(PortSet)
	for _, p := range ports {
		s.Add(p)
	}
	return s
}

// ParsePortSet reads what PortSet.String writes: "22,8000-8100".
func ParsePortSet(text string) (*PortSet, error) {
	s := new(PortSet)
	if text == "" {
		return s, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		r, err := ParsePortRange(part)
		if err != nil {
			return nil, err
		}
		s.AddRange(r)
	}
	return s, nil
}

// Add puts a port into the set; port 0 is ignored.
func (s *PortSet) Add(port uint16) {
	if port != 0 {
		s.words[port/64] |= 1 << (port % 64)
	}
}

// AddRange puts every port of the range into the set.
func (s *PortSet) AddRange(r PortRange) {
	for p := int(r.First); p <= int(r.Last); p++ {
		if p%64 == 0 && p != 0 && p+63 <= int(r.Last) {
			s.words[p/64] = ^uint64(0) // a whole word at once: sets of all ports are common
			p += 63
			continue
		}
		s.Add(uint16(p))
	}
}

// Remove takes a port out of the set.
func (s *PortSet) Remove(port uint16) { s.words[port/64] &^= 1 << (port % 64) }

// Union puts every port of t into the set.
func (s *PortSet) Union(t *PortSet) {
	for i := range s.words {
		s.words[i] |= t.words[i]
	}
}

// Contains reports whether the port is in the set. A nil set is empty.
func (s *PortSet) Contains(port uint16) bool {
	return s != nil && s.words[port/64]&(1<<(port%64)) != 0
}

// Covers reports whether every port of t is in s.
func (s *PortSet) Covers(t *PortSet) bool {
	for i := range s.words {
		if t.words[i]&^s.words[i] != 0 {
			return false
		}
	}
	return true
}

// Len returns how many ports are in the set.
func (s *PortSet) Len() int {
	if s == nil {
		return 0
	}
	n := 0
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// All yields the ports in rising order.
func (s *PortSet) All() iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		if s == nil {
			return
		}
		for i, w := range s.words {
			for ; w != 0; w &= w - 1 {
				if !yield(uint16(i*64 + bits.TrailingZeros64(w))) {
					return
				}
			}
		}
	}
}

// Ranges returns the set as disjoint ranges in rising order.
func (s *PortSet) Ranges() []PortRange {
	var out []PortRange
	for p := s.next(1, true); p <= 65535; {
		end := s.next(p, false)
		out = append(out, PortRange{uint16(p), uint16(end - 1)})
		p = s.next(end, true)
	}
	return out
}

// next returns the first port from p on that is in the set, or is not; 65536
// where there is none. It goes by words: sets of all ports are common.
func (s *PortSet) next(p int, in bool) int {
	for s != nil && p <= 65535 {
		w := s.words[p/64]
		if !in {
			w = ^w
		}
		if w >>= p % 64; w != 0 {
			return p + bits.TrailingZeros64(w)
		}
		p = p/64*64 + 64
	}
	return 1 << 16
}

// String writes the set as records carry it: "22,8000-8100".
func (s *PortSet) String() string {
	var b strings.Builder
	for i, r := range s.Ranges() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(r.String())
	}
	return b.String()
}

// MarshalText writes String.
func (s *PortSet) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *PortSet) UnmarshalText(text []byte) error {
	t, err := ParsePortSet(string(text))
	if err != nil {
		return err
	}
	*s = *t
	return nil
}

// Subtract takes every port of t out of the set.
func (s *PortSet) Subtract(t *PortSet) {
	if t == nil {
		return
	}
	for i := range s.words {
		s.words[i] &^= t.words[i]
	}
}

// Clone returns a copy that shares nothing; of nil, an empty set.
func (s *PortSet) Clone() *PortSet {
	c := new(PortSet)
	if s != nil {
		*c = *s
	}
	return c
}
