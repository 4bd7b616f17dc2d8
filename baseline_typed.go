package portvigil

import (
	"net/netip"
	"slices"
	"strings"
)

// pinPrefix marks the keys of a pin among those of an entry: "pin.exe".
const pinPrefix = "pin."

// EntryFields are the keys of an entry in the order in which they are written,
// those of its pin as "pin.exe".
func EntryFields() []string {
	var keys []string
	for _, key := range entryKeys {
		if key != "pin" {
			keys = append(keys, key)
			continue
		}
		for _, key := range pinKeys {
			keys = append(keys, pinPrefix+key)
		}
	}
	return keys
}

// Field returns what stands behind a key of EntryFields, as a person would type
// it; "" for nothing. Several names have a comma and a space between them.
func (e Entry) Field(key string) string {
	switch key {
	case "port":
		if e.Ports == (PortRange{}) {
			return ""
		}
		return e.Ports.String()
	case "proto":
		return string(e.Proto)
	case "address":
		return addressText(e.Address)
	case "scope":
		return string(e.Scope)
	case "from":
		return strings.Join(e.From, ", ")
	case "expires":
		return e.Expires.String()
	}
	if text := e.textField(key); text != nil {
		return *text
	}
	return ""
}

// textField is a field that is read as it stands; nil where the key's is not.
func (e *Entry) textField(key string) *string {
	if pin, found := strings.CutPrefix(key, pinPrefix); found && slices.Contains(pinKeys, pin) {
		return e.Pin.field(pin)
	}
	switch key {
	case "service":
		return &e.Service
	case "why":
		return &e.Why
	case "owner":
		return &e.Owner
	case "review":
		return &e.Review
	}
	return nil
}

func addressText(p netip.Prefix) string {
	switch {
	case !p.IsValid():
		return ""
	case p.IsSingleIP():
		return p.Addr().String()
	}
	return p.String()
}

// maxTyped bounds each field of an entry that is typed, in bytes.
const maxTyped = 4000

// Typed returns the entry with its fields as typed, and what is wrong with any,
// by key. A field that says the same but for white space, as browsers change it,
// stays as it was.
func (e Entry) Typed(typed func(key string) string) (Entry, map[string]*Error) {
	wrong := map[string]*Error{}
	fail := func(key string, err error) {
		own, ok := err.(*Error)
		if !ok {
			own = Errorf(CodeInvalid, "%v", err)
		}
		wrong[key] = own
	}
	out := e
	out.Pin.Empty = nil
	for _, key := range EntryFields() {
		text := strings.TrimSpace(strings.ReplaceAll(typed(key), "\r\n", "\n"))
		if err := checkTyped(text); err != nil {
			fail(key, err)
			continue
		}
		if sameWords(text, e.Field(key)) {
			continue
		}
		if err := out.take(key, text); err != nil {
			fail(key, err)
		}
	}
	if out.Ports == (PortRange{}) && wrong["port"] == nil {
		fail("port", Errorf(CodeInvalid, "the port is missing").WithHint("write a number 1-65535 or a range like 30000-30100"))
	}
	for _, key := range e.Pin.Empty {
		if *out.Pin.field(key) == "" {
			out.Pin.Empty = append(out.Pin.Empty, key)
		}
	}
	return out, wrong
}

// take reads one field.
func (e *Entry) take(key, text string) (err error) {
	if own := e.textField(key); own != nil {
		*own = text
		return nil
	}
	switch key {
	case "port":
		e.Ports, err = parseEntryPorts(text)
	case "proto":
		e.Proto, err = ParseProto(text)
	case "address":
		e.Address = netip.Prefix{}
		if text != "" {
			e.Address, err = parseEntryAddress(text)
		}
	case "scope":
		e.Scope = ""
		if text != "" {
			e.Scope, err = parseScope(text)
		}
	case "from":
		e.From = namesIn(text)
	case "expires":
		e.Expires = Date{}
		if text != "" {
			e.Expires, err = ParseDate(text)
		}
	}
	return err
}

func checkTyped(text string) error {
	if len(text) > maxTyped {
		return Errorf(CodeInvalid, "it is longer than %d characters", maxTyped)
	}
	for i, r := range text {
		if r == '\uFFFD' || r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return Errorf(CodeInvalid, "a character that is no text, at place %d", i+1).WithHint("type it anew")
		}
	}
	return nil
}

func sameWords(a, b string) bool { return slices.Equal(strings.Fields(a), strings.Fields(b)) }

// namesIn reads names with commas or white space between them.
func namesIn(text string) []string {
	var names []string
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' }) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
