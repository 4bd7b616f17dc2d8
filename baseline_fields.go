package portvigil

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

var (
	entryKeys = []string{"port", "proto", "address", "scope", "from", "service", "pin", "why", "owner", "expires", "review"}
	pinKeys   = []string{"product", "version", "exe", "user", "hostkey", "certificate"}
	allowKeys = []string{"ports", "proto", "process", "hours", "why", "owner"}
)

func (r *baselineReader) entry(n *yamlNode, path string) Entry {
	e := Entry{Line: n.at.line}
	if !r.isMap(n, path, entryKeys) {
		return e
	}
	e.Ports = readValue(r, n, path, "port", parseEntryPorts)
	if _, found := n.pair("port"); !found {
		r.fail(n.at, path+".port is missing", "write port: with a number or a range like 30000-30100")
	}
	if e.Proto = readValue(r, n, path, "proto", ParseProto); e.Proto == "" {
		e.Proto = TCP
	}
	e.Address = readValue(r, n, path, "address", parseEntryAddress)
	e.Scope = readValue(r, n, path, "scope", parseScope)
	e.From = r.texts(n, path, "from")
	e.Service = r.text(n, path, "service")
	e.Pin = r.pin(n, path)
	e.Why, e.Owner = r.text(n, path, "why"), r.text(n, path, "owner")
	e.Expires = readValue(r, n, path, "expires", ParseDate)
	e.Review = r.text(n, path, "review")
	return e
}

func (r *baselineReader) allow(n *yamlNode, path string) Allow {
	a := Allow{Line: n.at.line}
	if !r.isMap(n, path, allowKeys) {
		return a
	}
	a.Ports = readValue(r, n, path, "ports", parseEntryPorts)
	a.Proto = readValue(r, n, path, "proto", ParseProto)
	a.Process = r.text(n, path, "process")
	a.Hours = readValue(r, n, path, "hours", ParseHours)
	a.Why, a.Owner = r.text(n, path, "why"), r.text(n, path, "owner")
	if a.Process != "" && !strings.HasPrefix(a.Process, "/") {
		p, _ := n.pair("process")
		r.fail(p.value.at, fmt.Sprintf("%s.process: %q is not a path", path, a.Process), "write the whole path of the executable, as /usr/bin/java")
	}
	if a.Ports == (PortRange{}) && a.Process == "" {
		r.fail(n.at, path+": neither ports nor process limits it", "write ports: or process:, else it would allow every door")
	}
	return a
}

func (r *baselineReader) pin(entry *yamlNode, path string) Pin {
	var pin Pin
	p, found := entry.pair("pin")
	if !found || p.value.kind == yamlNull {
		return pin
	}
	path += ".pin"
	if !r.isMap(p.value, path, pinKeys) {
		return pin
	}
	for _, key := range pinKeys {
		value := r.text(p.value, path, key)
		*pin.field(key) = value
		if _, written := p.value.pair(key); written && value == "" {
			pin.Empty = append(pin.Empty, key)
		}
	}
	return pin
}

// field returns the pin of a key of pinKeys.
func (p *Pin) field(key string) *string {
	switch key {
	case "product":
		return &p.Product
	case "version":
		return &p.Version
	case "exe":
		return &p.Exe
	case "user":
		return &p.User
	case "hostkey":
		return &p.HostKey
	}
	return &p.Certificate
}

// text returns the single value of a key, white space around it cut off; ""
// where it is missing or has none.
func (r *baselineReader) text(n *yamlNode, path, key string) string {
	p, found := n.pair(key)
	if !found || p.value.kind == yamlNull {
		return ""
	}
	if p.value.kind != yamlScalar {
		r.fail(p.value.at, fmt.Sprintf("%s: expected %s, found %s", fieldPath(path, key), yamlScalar, p.value.kind), "put the text in quotes")
		return ""
	}
	return strings.TrimSpace(p.value.text)
}

// texts returns the values of a list; a single value stands for a list of one.
func (r *baselineReader) texts(n *yamlNode, path, key string) []string {
	p, found := n.pair(key)
	if !found || p.value.kind == yamlNull {
		return nil
	}
	if p.value.kind == yamlScalar {
		return []string{r.text(n, path, key)}
	}
	if p.value.kind != yamlList {
		r.fail(p.value.at, fmt.Sprintf("%s: expected a list, found %s", fieldPath(path, key), p.value.kind), "write it as [one, two]")
		return nil
	}
	var out []string
	for i, item := range p.value.items {
		value := strings.TrimSpace(item.value.text)
		if item.value.kind != yamlScalar || value == "" {
			r.fail(item.value.at, fmt.Sprintf("%s[%d]: expected a name, found %s", fieldPath(path, key), i, item.value.kind), "write a name")
			continue
		}
		out = append(out, value)
	}
	return out
}

func fieldPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// readValue reads the single value of a key; the zero value where it is missing
// or has none.
func readValue[T any](r *baselineReader, n *yamlNode, path, key string, parse func(string) (T, error)) T {
	var none T
	text := r.text(n, path, key)
	if text == "" {
		return none
	}
	value, err := parse(text)
	if err != nil {
		p, _ := n.pair(key)
		what, hint := err.Error(), ""
		if e, ok := err.(*Error); ok {
			what, hint = e.Message, e.Hint
		}
		r.fail(p.value.at, fieldPath(path, key)+": "+what, hint)
		return none
	}
	return value
}

// parseEntryPorts reads 22 or 30000-30100. Unlike on the command line a leading
// zero is refused: some readers of YAML take 022 for eighteen.
func parseEntryPorts(s string) (PortRange, error) {
	const hint = "write a number 1-65535 or a range like 30000-30100"
	if strings.Trim(s, "0123456789- ") != "" {
		return PortRange{}, Errorf(CodeInvalid, "%q is not a port", s).WithHint(hint)
	}
	if strings.HasPrefix(s, "0") {
		return PortRange{}, Errorf(CodeInvalid, "%q begins with a zero", s).WithHint(hint)
	}
	ports, err := ParsePortRange(s)
	if err != nil {
		return PortRange{}, Errorf(CodeInvalid, "%q is not a port", s).WithHint(hint)
	}
	return ports, nil
}

// parseEntryAddress reads an address or a CIDR. The unspecified address is what
// tools print for a wildcard, and stands for every address of its family.
func parseEntryAddress(s string) (netip.Prefix, error) {
	const hint = "write an address as 10.1.0.5 or a network as 10.1.0.0/24"
	bad := Errorf(CodeInvalid, "%q is not an address", s).WithHint(hint)
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, bad
		}
		if a = a.Unmap(); a.IsUnspecified() {
			return netip.PrefixFrom(a, 0), nil
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, bad
	}
	if p.Masked() != p {
		return netip.Prefix{}, Errorf(CodeInvalid, "%q has bits beyond its length", s).
			WithHint("write %s for the network, or the address alone", p.Masked())
	}
	return p, nil
}

func parseScope(s string) (Scope, error) {
	known := []string{string(ScopeLoopback), string(ScopePrivate), string(ScopePublic), string(ScopeAny)}
	if !slices.Contains(known, s) {
		return "", Errorf(CodeInvalid, "%q is not a scope", s).WithHint("%s", suggestKey(s, known))
	}
	return Scope(s), nil
}
