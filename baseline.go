package portvigil

import (
	"net/netip"
	"time"
)

// Baseline is what should be open on one host, and why: the host's own entries
// first, then those of its groups in the order they are named, each in the
// order of its document. The rules below rest on that order.
type Baseline struct {
	Entries []Entry
	Allow   []Allow
}

// Document is one YAML document of a baseline file: what is written down for
// one host, or for one group of hosts. Exactly one of Host and Group is set.
type Document struct {
	Host    string
	Group   string
	Groups  []string // whose documents hold for the host too; never set for a group
	Entries []Entry
	Allow   []Allow
	Line    int // where it begins in its file, from 1; 0 where it has none
}

// Entry is a documented endpoint, or a range of them, that may be open.
type Entry struct {
	// Ports is a single port, which should be open, or a range, which permits
	// and never requires.
	Ports PortRange `json:"port"`
	Proto Proto     `json:"proto"`
	// Address that the entry is about: the zero Prefix for every one, a
	// full-length Prefix for a single one.
	Address netip.Prefix `json:"address,omitzero"`
	Scope   Scope        `json:"scope,omitempty"`   // the widest that is expected; "" is not checked
	From    []string     `json:"from,omitempty"`    // vantages and reaches that may see it open; empty for every one
	Service string       `json:"service,omitempty"` // what it is, for people; never compared
	Pin     Pin          `json:"pin,omitzero"`
	Why     string       `json:"why,omitempty"` // "" is shown as unexplained and makes no difference
	Owner   string       `json:"owner,omitempty"`
	Expires Date         `json:"expires,omitzero"` // the last day on which it counts; zero for no end
	Review  string       `json:"review,omitempty"` // how often people want to look at it, in their words
	Group   string       `json:"group,omitempty"`  // whose document holds it; "" for the host's own
	Line    int          `json:"line,omitempty"`   // where it begins in its file, from 1; 0 where it has none
}

// Pin is what an entry holds fast about what stands behind its door: a value
// that is seen to differ makes the door "changed". An empty value pins nothing.
type Pin struct {
	Product     string `json:"product,omitempty"`
	Version     string `json:"version,omitempty"`
	Exe         string `json:"exe,omitempty"`
	User        string `json:"user,omitempty"`
	HostKey     string `json:"hostkey,omitempty"`     // as OpenSSH writes a fingerprint: SHA256:…
	Certificate string `json:"certificate,omitempty"` // SHA-256 of the leaf, hex
	// Empty names the keys that are written without a value. They pin nothing,
	// and are shown so that nobody takes them for a pin.
	Empty []string `json:"empty,omitempty"`
}

// Unexplained reports whether nobody has written down why the door is open.
func (e Entry) Unexplained() bool { return e.Why == "" }

// Expired reports whether the last day of the entry is over, in UTC.
func (e Entry) Expired(now time.Time) bool {
	return !e.Expires.IsZero() && !now.Before(e.Expires.End())
}

// BaselineFor gathers what holds for a host: its own document, then those of
// the groups that its document names, then those of the extra groups (given
// when the host was added). It reports false where none of them has a document.
func BaselineFor(docs []Document, host string, groups ...string) (Baseline, bool) {
	var b Baseline
	found := false
	for _, d := range docs {
		if d.Host == host && host != "" {
			b.add(d)
			groups = append(append([]string(nil), d.Groups...), groups...)
			found = true
		}
	}
	taken := make(map[string]bool)
	for _, g := range groups {
		if g == "" || taken[g] {
			continue
		}
		taken[g] = true
		for _, d := range docs {
			if d.Group == g {
				b.add(d)
				found = true
			}
		}
	}
	return b, found
}

func (b *Baseline) add(d Document) {
	for _, e := range d.Entries {
		e.Group = d.Group
		b.Entries = append(b.Entries, e)
	}
	for _, a := range d.Allow {
		a.Group = d.Group
		b.Allow = append(b.Allow, a)
	}
}
