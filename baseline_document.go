package portvigil

import (
	"reflect"
	"slices"
	"time"
)

// The edits of one document, as a person makes them who sees its entries one by
// one. k counts the document's own entries from 0, in the version that the person
// looked at. What ApproveEntries promises of the bytes outside of the entry holds
// for each of them.

// ReadDocument reads a text that has to be the one document of a host or of a
// group; kind is "host" or "group". Errors are those of ParseBaseline, and
// CodeInvalid where the text is about somebody else.
func ReadDocument(kind, name string, text []byte) (Document, error) {
	docs, err := ParseBaseline(kind+" "+name, text)
	if err != nil {
		return Document{}, err
	}
	return OnlyDocument(kind, name, docs)
}

// OnlyDocument returns the one of a text's documents, of which there is at least
// one; errors are those of ReadDocument.
func OnlyDocument(kind, name string, docs []Document) (Document, error) {
	if len(docs) > 1 {
		return Document{}, Errorf(CodeInvalid, "%s %s:%d:1: a second document", kind, Printable(name), docs[1].Line).
			WithHint("a server keeps one document a host or group; write %s into its own", Printable(docs[1].title()))
	}
	if !docs[0].isOf(kind, name) {
		return Document{}, Errorf(CodeInvalid, "%s %s:%d:1: it is about %s", kind, Printable(name), docs[0].Line, Printable(docs[0].title())).
			WithHint("write %s: %s", kind, quoteYAML(name))
	}
	return docs[0], nil
}

// NewDocument is the text of a document without entries.
func NewDocument(kind, name string) []byte { return FormatDocument(documentOf(kind, name)) }

func documentOf(kind, name string) Document {
	if kind == "group" {
		return Document{Group: name}
	}
	return Document{Host: name}
}

func (d Document) isOf(kind, name string) bool {
	own := documentOf(kind, name)
	return d.Host == own.Host && d.Group == own.Group
}

// ChangeEntry makes the k-th entry of the document another. A key whose value is
// not there any more goes; what does not change is not touched.
func ChangeEntry(text []byte, kind, name string, k int, to Entry) ([]byte, error) {
	e, err := openEdit(text, kind, name, to)
	if err != nil {
		return nil, err
	}
	if err := e.has(k); err != nil {
		return nil, err
	}
	entries := e.docs[e.doc].Entries
	to = e.add
	if twin := e.twin(to, k); twin >= 0 {
		return nil, twinError(entries[twin])
	}
	list, _ := e.file.trees[e.doc].root.pair("entries")
	edits := e.file.rewrite(list.value.items[k].value, entries[k], to)
	entries[k] = to
	return e.file.spliced(edits, e.docs)
}

// AppendEntry adds an entry behind the document's last one; in an empty text it
// begins the document. CodeConflict where one for the same ports, protocol and
// address is there.
func AppendEntry(text []byte, kind, name string, add Entry) ([]byte, error) {
	e, err := openEdit(text, kind, name, add)
	if err != nil {
		return nil, err
	}
	add = e.add
	if e.doc < 0 {
		d := documentOf(kind, name)
		d.Entries = []Entry{add}
		return e.file.verified(e.file.withDocument(d), append(e.docs, d))
	}
	if twin := e.twin(add, -1); twin >= 0 {
		return nil, twinError(e.docs[e.doc].Entries[twin])
	}
	edits, entries := e.file.approve(e.file.trees[e.doc], e.docs[e.doc].Entries, []Entry{add}, time.Time{})
	e.docs[e.doc].Entries = entries
	return e.file.spliced(edits, e.docs)
}

// DropEntry takes the k-th entry out of the document.
func DropEntry(text []byte, kind, name string, k int) ([]byte, error) {
	e, err := openEdit(text, kind, name, Entry{Ports: PortRange{1, 1}, Proto: TCP})
	if err != nil {
		return nil, err
	}
	if err := e.has(k); err != nil {
		return nil, err
	}
	list, _ := e.file.trees[e.doc].root.pair("entries")
	edits := e.file.remove(list.value, k, func(i int) bool { return i == k })
	e.docs[e.doc].Entries = slices.Delete(slices.Clone(e.docs[e.doc].Entries), k, k+1)
	return e.file.spliced(edits, e.docs)
}

// edit is a text that is about to be edited, and the entry that goes into it.
type edit struct {
	docs []Document
	file *baselineFile
	doc  int // which of docs it is about; -1 for none
	add  Entry
}

func openEdit(text []byte, kind, name string, add Entry) (edit, error) {
	add.Group = ""
	read, err := asRead("new", []Entry{add})
	if err != nil {
		return edit{}, err
	}
	e := edit{add: read[0]}
	if kind == "group" {
		e.add.Group = name
	}
	if e.docs, e.file, err = readForEdit(kind+" "+name, text); err != nil {
		return edit{}, err
	}
	e.doc = slices.IndexFunc(e.docs, func(d Document) bool { return d.isOf(kind, name) })
	return e, nil
}

func (e edit) has(k int) error {
	if e.doc < 0 || k < 0 || k >= len(e.docs[e.doc].Entries) {
		return Errorf(CodeNotFound, "there is no such entry").WithHint("read the baseline again")
	}
	return nil
}

// twin returns the place of another entry than the k-th that is for the same
// target, or -1.
func (e edit) twin(of Entry, k int) int {
	for i, o := range e.docs[e.doc].Entries {
		if i != k && sameTarget(o, of) {
			return i
		}
	}
	return -1
}

func twinError(e Entry) error {
	return Errorf(CodeConflict, "line %d has an entry for %s at the same address already", e.Line, e.Target()).WithHint("change that one")
}

// Target names the ports and the protocol of an entry: 443/tcp, 30000-30100/udp.
func (e Entry) Target() string { return e.Ports.String() + "/" + string(e.Proto) }

// Same reports whether two entries say the same, wherever they stand.
func (e Entry) Same(o Entry) bool {
	e.Line, o.Line = 0, 0
	return reflect.DeepEqual(e, o)
}
