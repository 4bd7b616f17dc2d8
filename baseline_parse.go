package portvigil

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ParseBaseline reads the documents of a baseline file. Name stands in front of
// every message. Everything that is wrong is told at once, each as
//
//	baseline.yaml:7:11: entries[2].port: "54320a" is not a port; write a number …
//
// joined, with CodeInvalid; a file with an error yields no documents at all, as
// a baseline of which half was understood would accuse the other half.
func ParseBaseline(name string, text []byte) ([]Document, error) {
	docs, _, err := readBaseline(name, text)
	return docs, err
}

// readBaseline also returns the file's trees: trees[i] is that of docs[i].
func readBaseline(name string, text []byte) ([]Document, *baselineFile, error) {
	f, err := newYAMLFile(name, text)
	if err != nil {
		return nil, nil, err
	}
	if len(strings.TrimSpace(string(text[f.lines[0]:]))) == 0 {
		return nil, nil, f.fail(place{1, 1}, "the file is empty", "begin it with version: 1, host: NAME and entries:")
	}
	docs, file, err := readDocuments(f)
	if err == nil && len(docs) == 0 {
		err = f.fail(place{1, 1}, "the file holds no document", "begin it with version: 1, host: NAME and entries:")
	}
	if err != nil {
		return nil, nil, err
	}
	return docs, file, nil
}

// baselineFile is a baseline that was read, with its trees.
type baselineFile struct {
	*yamlFile
	trees []yamlDocument
}

func readDocuments(f *yamlFile) ([]Document, *baselineFile, error) {
	trees, err := f.documents()
	if err != nil {
		return nil, nil, err
	}
	r := &baselineReader{file: f}
	file := &baselineFile{yamlFile: f}
	var docs []Document
	for _, t := range trees {
		if t.root == nil {
			continue
		}
		docs = append(docs, r.document(t.root))
		file.trees = append(file.trees, t)
	}
	r.refuseTwins(docs)
	return docs, file, r.err()
}

// baselineReader turns trees into documents and gathers what is wrong.
type baselineReader struct {
	file   *yamlFile
	errs   []error
	untold int
}

func (r *baselineReader) fail(at place, what, hint string) {
	if len(r.errs) == maxBaselineErrors {
		r.untold++
		return
	}
	r.errs = append(r.errs, r.file.fail(at, what, hint))
}

func (r *baselineReader) err() error {
	if r.untold > 0 {
		r.errs = append(r.errs, Errorf(CodeInvalid, "%s: %d more errors", r.file.name, r.untold).
			WithHint("mend these first"))
	}
	return errors.Join(r.errs...)
}

// refuseTwins reports a host or group that has two documents: which of them an
// edit would go to could not be told.
func (r *baselineReader) refuseTwins(docs []Document) {
	first := make(map[string]int)
	for _, d := range docs {
		name := d.title()
		if d.Host == "" && d.Group == "" {
			continue
		}
		if line, twice := first[name]; twice {
			r.fail(place{d.Line, 1}, fmt.Sprintf("a second document for %s, the first is on line %d", name, line),
				"put their entries together")
			continue
		}
		first[name] = d.Line
	}
}

// title names the document for people: "host db1".
func (d Document) title() string {
	if d.Group != "" {
		return "group " + d.Group
	}
	return "host " + d.Host
}

var documentKeys = []string{"version", "host", "group", "groups", "entries", "allow"}

func (r *baselineReader) document(root *yamlNode) Document {
	d := Document{Line: root.at.line}
	if !r.isMap(root, "document", documentKeys) {
		return d
	}
	switch p, found := root.pair("version"); {
	case !found:
		r.fail(root.at, "version is missing", "write version: 1")
	case p.value.text != "1":
		r.fail(p.value.at, fmt.Sprintf("version: %q is not one that this program reads", p.value.text), "write version: 1")
	}
	d.Host, d.Group = r.text(root, "", "host"), r.text(root, "", "group")
	d.Groups = r.texts(root, "", "groups")
	switch {
	case d.Host == "" && d.Group == "":
		r.fail(root.at, "neither host nor group is named", "write host: NAME")
	case d.Host != "" && d.Group != "":
		r.fail(root.at, "host and group in one document", "keep one, and move the other to a document of its own")
	case d.Group != "" && len(d.Groups) > 0:
		r.fail(root.at, "a group has no groups", "name them in the documents of its hosts")
	}
	entries := r.list(root, "entries")
	d.Entries = slices.Grow(d.Entries, len(entries))
	for i, item := range entries {
		e := r.entry(item.value, fmt.Sprintf("entries[%d]", i))
		e.Group = d.Group
		d.Entries = append(d.Entries, e)
	}
	for i, item := range r.list(root, "allow") {
		a := r.allow(item.value, fmt.Sprintf("allow[%d]", i))
		a.Group = d.Group
		d.Allow = append(d.Allow, a)
	}
	return d
}

// list returns the items of a list of the document; nothing where the key is
// missing or has no value.
func (r *baselineReader) list(root *yamlNode, key string) []yamlItem {
	p, found := root.pair(key)
	if !found || p.value.kind == yamlNull {
		return nil
	}
	if p.value.kind != yamlList {
		r.fail(p.value.at, fmt.Sprintf("%s: expected a list, found %s", key, p.value.kind), "begin every entry with a dash")
		return nil
	}
	return p.value.items
}

// isMap reports whether the node holds keys with values, and complains about
// keys that are not known or written twice.
func (r *baselineReader) isMap(n *yamlNode, path string, known []string) bool {
	if n.kind != yamlMap {
		r.fail(n.at, fmt.Sprintf("%s: expected %s, found %s", path, yamlMap, n.kind), "write "+known[0]+": and the others")
		return false
	}
	seen := make(map[string]bool)
	for _, p := range n.pairs {
		switch {
		case seen[p.key]:
			r.fail(p.at, fmt.Sprintf("%s: %q stands twice", path, p.key), "keep one of them")
		case !slices.Contains(known, p.key):
			r.fail(p.at, fmt.Sprintf("%s: unknown key %q", path, p.key), suggestKey(p.key, known))
		}
		seen[p.key] = true
	}
	return true
}

// suggestKey proposes the known key that takes the fewest edits, or names all.
func suggestKey(key string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := editDistance(strings.ToLower(key), k); d < least && d < len(k) {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "it can be " + strings.Join(known, ", ")
}

// editDistance is Levenshtein's. A long a is far from everything.
func editDistance(a, b string) int {
	if len(a) > 2*len(b)+2 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
