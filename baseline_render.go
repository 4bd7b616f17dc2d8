package portvigil

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// yamlField is a key and its value as it is written behind the colon.
type yamlField struct{ key, value string }

// FormatBaseline writes a whole file of documents, as --init and export do.
func FormatBaseline(docs []Document) []byte {
	var b strings.Builder
	for i, d := range docs {
		if i > 0 {
			b.WriteString("---\n")
		}
		b.Write(FormatDocument(d))
	}
	return []byte(b.String())
}

// FormatDocument writes a whole document as a person would: entries as blocks,
// allow lines in braces.
func FormatDocument(d Document) []byte {
	var b strings.Builder
	b.WriteString("version: 1\n")
	if d.Group != "" {
		fmt.Fprintf(&b, "group: %s\n", quoteYAML(d.Group))
	} else {
		fmt.Fprintf(&b, "host: %s\n", quoteYAML(d.Host))
	}
	if len(d.Groups) > 0 {
		fmt.Fprintf(&b, "groups: %s\n", flowList(d.Groups))
	}
	if len(d.Entries) == 0 {
		b.WriteString("entries: []\n")
	} else {
		b.WriteString("entries:\n")
	}
	for _, e := range d.Entries {
		b.WriteString(blockEntry(e, "  ", "  ", "\n") + "\n")
	}
	if len(d.Allow) > 0 {
		b.WriteString("allow:\n")
	}
	for _, a := range d.Allow {
		fmt.Fprintf(&b, "  - {%s}\n", flowFields(a.fields()))
	}
	return []byte(b.String())
}

// FormatEntry writes one entry as it stands in a document's list, for people who
// are to paste it: the edit to make where a baseline is kept in git.
func FormatEntry(e Entry) string { return blockEntry(e, "  ", "  ", "\n") + "\n" }

// blockEntry writes an entry with its dash behind indent and its keys inner
// columns further; the last line has no line break.
func blockEntry(e Entry, indent, inner, eol string) string {
	var b strings.Builder
	for i, f := range e.fields() {
		if i == 0 {
			b.WriteString(indent + "-" + inner[1:])
		} else {
			b.WriteString(eol + indent + inner)
		}
		b.WriteString(f.key + ": " + f.value)
	}
	return b.String()
}

func flowEntry(e Entry) string { return "{" + flowFields(e.fields()) + "}" }

func flowFields(fields []yamlField) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = f.key + ": " + f.value
	}
	return strings.Join(parts, ", ")
}

func flowList(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quoteYAML(v)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// fields returns what is written of an entry, in the order of entryKeys. Why is
// always written, so that one without a reason asks for it.
func (e Entry) fields() []yamlField {
	out := make([]yamlField, 0, 8) // few have more
	add := func(key, value string, written bool) {
		if written {
			out = append(out, yamlField{key, value})
		}
	}
	add("port", e.Ports.String(), true)
	add("proto", string(e.Proto), true)
	add("address", formatAddress(e.Address), e.Address.IsValid())
	add("scope", string(e.Scope), e.Scope != "")
	add("from", flowList(e.From), len(e.From) > 0)
	add("service", quoteYAML(e.Service), e.Service != "")
	pins := e.Pin.fields()
	add("pin", "{"+flowFields(pins)+"}", len(pins) > 0)
	add("why", quoteYAML(e.Why), true)
	add("owner", quoteYAML(e.Owner), e.Owner != "")
	add("expires", e.Expires.String(), !e.Expires.IsZero())
	add("review", quoteYAML(e.Review), e.Review != "")
	return out
}

func (p Pin) fields() []yamlField {
	var out []yamlField
	for _, key := range pinKeys {
		if value := *p.field(key); value != "" || slices.Contains(p.Empty, key) {
			out = append(out, yamlField{key, quoteYAML(value)})
		}
	}
	return out
}

func (a Allow) fields() []yamlField {
	var out []yamlField
	add := func(key, value string, written bool) {
		if written {
			out = append(out, yamlField{key, value})
		}
	}
	add("ports", a.Ports.String(), a.Ports != PortRange{})
	add("proto", string(a.Proto), a.Proto != "")
	add("process", quoteYAML(a.Process), a.Process != "")
	add("hours", quoteYAML(a.Hours.String()), !a.Hours.IsZero())
	add("why", quoteYAML(a.Why), true)
	add("owner", quoteYAML(a.Owner), a.Owner != "")
	return out
}

func formatAddress(p netip.Prefix) string {
	s := p.String()
	if p.IsSingleIP() {
		s = p.Addr().String()
	}
	if p.Addr().Is6() {
		return strconv.Quote(s)
	}
	return s
}

// plainYAML reports whether every reader of YAML takes s for the same text without
// quotes: it begins with a letter or a slash, and nothing in it can end it or begin
// something else, in brackets neither.
func plainYAML(s string) bool {
	for i, r := range s {
		switch {
		case unicode.IsLetter(r) || r == '/' || r == '_':
		case i > 0 && (unicode.IsMark(r) || '0' <= r && r <= '9' || strings.ContainsRune(".+@()' -", r)):
		default:
			return false
		}
	}
	return s != "" && !strings.HasSuffix(s, " ") && !slices.Contains(notText, strings.ToLower(s))
}

// notText are the plain words that one version of YAML or another reads as
// something else than text.
var notText = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// quoteYAML writes a text so that it is read as that text: plain where that is
// safe, else in double quotes. Bytes that are no UTF-8 become U+FFFD.
func quoteYAML(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if plainYAML(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == ' ' || unicode.IsGraphic(r) && !unicode.IsSpace(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
