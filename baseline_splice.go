package portvigil

import (
	"bytes"
	"cmp"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
)

// ApproveEntries writes entries into the host's document and returns the new
// text. An entry for the same ports, protocol and address as one that is there
// is merged into it: what is given replaces what is written, what is not given
// stays, but an end that is over at now goes. Others are added behind the last
// one, in the style of the list. A document that is missing is made, also in an
// empty text.
//
// Every byte outside of the entry that is edited stays as it is: comments, blank
// lines, line ends, indentation, a missing last line break. The result is read
// again before it is returned; where it does not say exactly what was there plus
// the edit, the error has CodeConflict and asks for an edit by hand. A text that
// cannot be read, or an entry that could not, has CodeInvalid.
func ApproveEntries(name string, text []byte, host string, add []Entry, now time.Time) ([]byte, error) {
	add, err := asRead(host, add)
	if err != nil {
		return nil, err
	}
	docs, file, err := readForEdit(name, text)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(docs, func(d Document) bool { return d.Host == host })
	if i < 0 {
		d := Document{Host: host, Entries: mergeTwins(add, now)}
		return file.verified(file.withDocument(d), append(docs, d))
	}
	edits, entries := file.approve(file.trees[i], docs[i].Entries, mergeTwins(add, now), now)
	docs[i].Entries = entries
	return file.spliced(edits, docs)
}

// RemoveEntry takes every entry for exactly that door out of the host's own
// document and returns the new text; all other bytes stay. An error with
// CodeNotFound names what is there instead.
func RemoveEntry(name string, text []byte, host string, door Door) ([]byte, error) {
	docs, file, err := readForEdit(name, text)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(docs, func(d Document) bool { return d.Host == host && d.Group == "" })
	if i < 0 {
		return nil, noDocument(name, host, docs)
	}
	gone := func(e Entry) bool { return e.Door() == door }
	if !slices.ContainsFunc(docs[i].Entries, gone) {
		return nil, noEntry(name, docs[i], door)
	}
	p, _ := file.trees[i].root.pair("entries")
	var edits []splice
	for k, e := range docs[i].Entries {
		if gone(e) {
			edits = append(edits, file.remove(p.value, k, func(k int) bool { return gone(docs[i].Entries[k]) })...)
		}
	}
	docs[i].Entries = slices.DeleteFunc(slices.Clone(docs[i].Entries), gone)
	return file.spliced(edits, docs)
}

// Door returns the door of an entry for a single port; of a range the zero Door.
func (e Entry) Door() Door {
	if !e.Ports.Single() {
		return Door{}
	}
	return Door{e.Proto, e.Ports.First}
}

// noDocument says that the host has none, and which there are.
func noDocument(name, host string, docs []Document) error {
	var titles []string
	for _, d := range docs {
		titles = append(titles, d.title())
	}
	e := Errorf(CodeNotFound, "%s has no document for host %s", name, host)
	if len(titles) == 0 {
		return e.WithHint("it is empty")
	}
	return e.WithHint("it has %s", strings.Join(titles, ", "))
}

func noEntry(name string, d Document, door Door) error {
	var there []string
	e := Errorf(CodeNotFound, "%s has no entry for %s on host %s", name, door, d.Host)
	for _, entry := range d.Entries {
		there = append(there, entry.Ports.String()+"/"+string(entry.Proto))
		if entry.Proto == door.Proto && entry.Ports.Contains(door.Port) {
			return e.WithHint("the range %s on line %d covers it; edit that by hand", there[len(there)-1], entry.Line)
		}
	}
	if len(there) == 0 {
		return e.WithHint("its document has no entries")
	}
	return e.WithHint("it has %s", strings.Join(there, ", "))
}

// asRead returns the entries as the reader will see them once they are written,
// so that what cannot be written is refused before anything is edited.
func asRead(host string, entries []Entry) ([]Entry, error) {
	docs, err := ParseBaseline("new entry", FormatDocument(Document{Host: host, Entries: entries}))
	if err != nil {
		return nil, err
	}
	return docs[0].Entries, nil
}

// readForEdit reads a file that may be empty yet.
func readForEdit(name string, text []byte) ([]Document, *baselineFile, error) {
	f, err := newYAMLFile(name, text)
	if err != nil {
		return nil, nil, err
	}
	return readDocuments(f)
}

// spot is what an entry is about: ports at an address.
type spot struct {
	ports   PortRange
	proto   Proto
	address netip.Prefix
}

func (e Entry) spot() spot { return spot{e.Ports, e.Proto, e.Address} }

// sameTarget reports whether two entries are about the same ports at the same
// address.
func sameTarget(a, b Entry) bool { return a.spot() == b.spot() }

// mergeTwins merges entries for the same target; the later is the newer.
func mergeTwins(entries []Entry, now time.Time) []Entry {
	var out []Entry
	for _, e := range entries {
		if i := slices.IndexFunc(out, func(o Entry) bool { return sameTarget(o, e) }); i >= 0 {
			out[i] = out[i].approvedAs(e, now)
			continue
		}
		out = append(out, e)
	}
	return out
}

// approvedAs returns e with what the newer entry says. Pins are taken as a
// whole: one that is left of an older program would differ at once.
func (e Entry) approvedAs(newer Entry, now time.Time) Entry {
	e.Scope = cmp.Or(newer.Scope, e.Scope)
	e.Service = cmp.Or(newer.Service, e.Service)
	e.Why = cmp.Or(newer.Why, e.Why)
	e.Owner = cmp.Or(newer.Owner, e.Owner)
	e.Review = cmp.Or(newer.Review, e.Review)
	if len(newer.From) > 0 {
		e.From = newer.From
	}
	if len(newer.Pin.fields()) > 0 {
		e.Pin = newer.Pin
	}
	if !newer.Expires.IsZero() || e.Expired(now) {
		e.Expires = newer.Expires
	}
	return e
}

// splice replaces the bytes from start to end.
type splice struct {
	start, end int
	text       string
}

// spliced applies the edits and verifies the result.
func (f *baselineFile) spliced(edits []splice, want []Document) ([]byte, error) {
	slices.SortStableFunc(edits, func(a, b splice) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	var out bytes.Buffer
	at := 0
	for _, s := range edits {
		if s.text == "" {
			s.start = min(max(s.start, at), s.end) // two neighbours that both go share a line break
		}
		if s.start < at || s.end < s.start || s.end > len(f.text) {
			return nil, f.byHand(nil)
		}
		out.Write(f.text[at:s.start])
		out.WriteString(s.text)
		at = s.end
	}
	out.Write(f.text[at:])
	return f.verified(out.Bytes(), want)
}

// verified returns the text where it says what is wanted.
func (f *baselineFile) verified(text []byte, want []Document) ([]byte, error) {
	got, err := ParseBaseline(f.name, text)
	if err != nil || !reflect.DeepEqual(withoutLines(got), withoutLines(want)) {
		return nil, f.byHand(err)
	}
	return text, nil
}

func (f *baselineFile) byHand(err error) error {
	why := "its style"
	if err != nil {
		why = err.Error()
	}
	return Errorf(CodeConflict, "%s cannot be edited without touching other parts of it (%s)", f.name, why).
		WithHint("edit it by hand")
}

// withoutLines returns a copy in which nothing tells where it stood.
func withoutLines(docs []Document) []Document {
	out := slices.Clone(docs)
	for i := range out {
		out[i].Line = 0
		out[i].Entries = slices.Clone(out[i].Entries)
		for k := range out[i].Entries {
			out[i].Entries[k].Line = 0
		}
		out[i].Allow = slices.Clone(out[i].Allow)
		for k := range out[i].Allow {
			out[i].Allow[k].Line = 0
		}
		if len(out[i].Entries) == 0 {
			out[i].Entries = nil
		}
	}
	return out
}

// withDocument returns the text with another document at its end.
func (f *baselineFile) withDocument(d Document) []byte {
	eol := f.eol()
	out := bytes.Clone(f.text)
	if n := len(out); n > f.lines[0] && out[n-1] != '\n' {
		out = append(out, eol...)
	}
	onlyComments := true
	for line := range bytes.Lines(f.text[f.lines[0]:]) {
		line = bytes.TrimSpace(line)
		onlyComments = onlyComments && (len(line) == 0 || line[0] == '#')
	}
	if !onlyComments {
		out = append(out, "---"+eol...)
	}
	return append(out, strings.ReplaceAll(string(FormatDocument(d)), "\n", eol)...)
}

// eol returns the line break that the file begins with.
func (f *yamlFile) eol() string {
	if i := bytes.IndexByte(f.text, '\n'); i > 0 && f.text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// indent returns as many spaces as stand before the offset on its line.
func (f *yamlFile) indent(offset int) string {
	return strings.Repeat(" ", offset-f.lineStart(offset))
}

func (f *yamlFile) lineStart(offset int) int {
	return max(bytes.LastIndexByte(f.text[:offset], '\n')+1, f.lines[0])
}

func (f *yamlFile) spans(start, end int) bool { return bytes.IndexByte(f.text[start:end], '\n') >= 0 }
