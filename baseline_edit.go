package portvigil

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// approve returns the edits that merge add into the entries of a document, and
// the entries that there will be.
func (f *baselineFile) approve(doc yamlDocument, entries, add []Entry, now time.Time) ([]splice, []Entry) {
	list, _ := doc.root.pair("entries")
	entries = slices.Clone(entries)
	var edits []splice
	var fresh []Entry
	for _, e := range add {
		i := slices.IndexFunc(entries, func(o Entry) bool { return sameTarget(o, e) })
		if i < 0 {
			fresh = append(fresh, e)
			continue
		}
		merged := entries[i].approvedAs(e, now)
		edits = append(edits, f.rewrite(list.value.items[i].value, entries[i], merged)...)
		entries[i] = merged
	}
	if len(fresh) > 0 {
		edits = append(edits, f.insert(doc.root, fresh)...)
	}
	return edits, append(entries, fresh...)
}

// rewrite returns the edits that turn one written entry into another. In a
// block only the values that change are touched.
func (f *baselineFile) rewrite(n *yamlNode, from, to Entry) []splice {
	before, after := from.fields(), to.fields()
	if slices.Equal(before, after) {
		return nil
	}
	if n.flow {
		return []splice{{n.start, n.end, flowEntry(to)}}
	}
	var edits []splice
	anchor := n.pairs[0]
	for _, key := range entryKeys {
		value, wanted := fieldValue(after, key)
		p, there := n.pair(key)
		if there && (wanted || p.start == n.start) {
			anchor = p // one that goes takes its line along
		}
		if old, was := fieldValue(before, key); was == wanted && old == value {
			continue
		}
		switch {
		case there && wanted:
			edits = append(edits, f.rewriteValue(p, value))
		case there:
			edits = append(edits, f.removePair(n, p))
		case wanted:
			edits = append(edits, splice{anchor.lineEnd, anchor.lineEnd, f.eol() + f.indent(n.start) + key + ": " + value})
		}
	}
	return edits
}

func fieldValue(fields []yamlField, key string) (string, bool) {
	i := slices.IndexFunc(fields, func(f yamlField) bool { return f.key == key })
	if i < 0 {
		return "", false
	}
	return fields[i].value, true
}

// rewriteValue replaces the value of a block's key, and leaves a comment behind
// it where it is.
func (f *baselineFile) rewriteValue(p yamlPair, value string) splice {
	if p.value.start == p.afterColon || f.spans(p.afterColon, p.value.start) {
		return splice{p.afterColon, max(p.afterColon, p.value.end), " " + value}
	}
	return splice{p.value.start, p.value.end, value}
}

// removePair takes a key out of a block; from the first one, which shares its
// line with the dash, only the value.
func (f *baselineFile) removePair(n *yamlNode, p yamlPair) splice {
	if p.start == n.start {
		return splice{p.value.start, p.value.end, ""}
	}
	return splice{f.lineStart(p.start), f.nextLine(p.lineEnd), ""}
}

// nextLine returns where the line behind a line's end begins.
func (f *yamlFile) nextLine(lineEnd int) int {
	if i := bytes.IndexByte(f.text[lineEnd:], '\n'); i >= 0 {
		return lineEnd + i + 1
	}
	return len(f.text)
}

// insert returns the edits that add entries to a document's list, whatever
// state it is in.
func (f *baselineFile) insert(root *yamlNode, fresh []Entry) []splice {
	list, found := root.pair("entries")
	switch {
	case !found && root.flow:
		return []splice{{root.end - 1, root.end - 1, ", entries: [" + flowEntries(fresh) + "]"}}
	case !found:
		anchor := f.headEnd(root)
		return []splice{{anchor, anchor, f.eol() + f.indent(root.start) + "entries:" + f.blockEntries(fresh, f.indent(root.start)+"  ", "  ")}}
	case list.value.flow && len(list.value.items) > 0:
		at := list.value.items[len(list.value.items)-1].value.end
		return []splice{{at, at, ", " + flowEntries(fresh)}}
	case list.value.kind == yamlNull && root.flow:
		return []splice{{list.afterColon, max(list.afterColon, list.value.end), " [" + flowEntries(fresh) + "]"}}
	case list.value.flow && (root.flow || f.spans(list.value.start, list.value.end)):
		at := list.value.end - 1
		return []splice{{at, at, flowEntries(fresh)}}
	case len(list.value.items) == 0: // "entries:", "entries: ~" or "entries: []"
		return []splice{
			{list.afterColon, list.value.end, ""},
			{list.lineEnd, list.lineEnd, f.blockEntries(fresh, f.indent(root.start)+"  ", "  ")},
		}
	}
	last := list.value.items[len(list.value.items)-1]
	return []splice{{last.lineEnd, last.lineEnd, f.likeLast(last, fresh)}}
}

// headEnd returns where the lines that name the document end.
func (f *baselineFile) headEnd(root *yamlNode) int {
	end := 0
	for _, p := range root.pairs {
		if slices.Contains([]string{"version", "host", "groups"}, p.key) {
			end = max(end, p.lineEnd)
		}
	}
	return end
}

// likeLast writes entries in the style of the last one of a block list.
func (f *baselineFile) likeLast(last yamlItem, fresh []Entry) string {
	indent := f.indent(last.start)
	if !last.value.flow {
		inner := "  "
		if !f.spans(last.start, last.value.start) {
			inner = strings.Repeat(" ", last.value.start-last.start)
		}
		return f.blockEntries(fresh, indent, inner)
	}
	var b strings.Builder
	for _, e := range fresh {
		b.WriteString(f.eol() + indent + "- " + flowEntry(e))
	}
	return b.String()
}

// blockEntries writes entries, each behind a line break.
func (f *baselineFile) blockEntries(fresh []Entry, indent, inner string) string {
	var b strings.Builder
	for _, e := range fresh {
		b.WriteString(f.eol() + blockEntry(e, indent, inner, f.eol()))
	}
	return b.String()
}

func flowEntries(fresh []Entry) string {
	all := make([]string, len(fresh))
	for i, e := range fresh {
		all[i] = flowEntry(e)
	}
	return strings.Join(all, ", ")
}

// remove returns the edits that take the k-th item out of a list from which
// every item that is gone goes: with its line breaks in a block, with one comma
// in brackets.
func (f *baselineFile) remove(list *yamlNode, k int, gone func(int) bool) []splice {
	item := list.items[k]
	if !list.flow {
		start, end := f.lineStart(item.start), f.nextLine(item.lineEnd)
		if end == len(f.text) && end == item.lineEnd && start > f.lines[0] {
			// The file ends without a line break, and shall go on doing so.
			start = f.lineEnd(f.lineStart(start - 1))
		}
		return []splice{{start, end, ""}}
	}
	edits := []splice{{item.value.start, item.value.end, ""}}
	if comma := f.comma(item.value.end); comma >= 0 {
		return append(edits, splice{comma, comma + 1, ""})
	}
	// The last one has no comma behind it: the one before it, which the last
	// item that stays would keep, goes instead.
	for before := k - 1; before >= 0; before-- {
		if gone(before) {
			continue
		}
		if comma := f.comma(list.items[before].value.end); comma >= 0 {
			edits = append(edits, splice{comma, comma + 1, ""})
		}
		break
	}
	return edits
}

// comma returns where a comma follows, white space and comments aside, or -1.
func (f *yamlFile) comma(offset int) int {
	for i := offset; i < len(f.text); i++ {
		switch f.text[i] {
		case ' ', '\t', '\r', '\n':
		case '#':
			i = f.lineEnd(i)
		case ',':
			return i
		default:
			return -1
		}
	}
	return -1
}
