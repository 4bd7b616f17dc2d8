package portvigil

import (
	"bytes"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// yamlKind is what a node of the tree is.
type yamlKind int

const (
	yamlNull yamlKind = iota
	yamlScalar
	yamlMap
	yamlList
)

func (k yamlKind) String() string {
	return [...]string{"nothing", "a single value", "keys with values", "a list"}[k]
}

// yamlNode is a value with the bytes that it takes up in the file. The library's
// own tree knows where its tokens begin but not where values end.
//
//   - port: 22        # ssh
//     pin: {exe: /x}  # seen
//     │    ╰─ start  ╰─ end
//     ╰─ yamlPair.start       ╰─ yamlPair.lineEnd
type yamlNode struct {
	kind    yamlKind
	text    string // of a scalar
	flow    bool   // in brackets
	literal bool   // a scalar after | or >
	at      place
	// start and end are offsets. A null that is not written has both behind
	// the key's colon.
	start, end int
	pairs      []yamlPair
	items      []yamlItem
}

// yamlPair is a key with its value.
type yamlPair struct {
	key        string
	at         place
	start      int // of the key
	afterColon int
	lineEnd    int // end of the last line with content, its comment included; block style only
	value      *yamlNode
}

// yamlItem is one of a list. In block style start is the dash.
type yamlItem struct {
	start   int
	lineEnd int // as of yamlPair
	value   *yamlNode
}

// pair returns the value of a key.
func (n *yamlNode) pair(key string) (yamlPair, bool) {
	for _, p := range n.pairs {
		if p.key == key {
			return p, true
		}
	}
	return yamlPair{}, false
}

// yamlDocument is one document of a file. Root is nil where it holds nothing.
type yamlDocument struct {
	root *yamlNode
	end  int
}

// documents returns the trees of the file.
func (f *yamlFile) documents() ([]yamlDocument, error) {
	file, err := f.parse()
	if err != nil {
		return nil, err
	}
	var docs []yamlDocument
	for i, d := range file.Docs {
		end := len(f.text)
		if i+1 < len(file.Docs) && file.Docs[i+1].Start != nil {
			end = f.offset(placeOf(file.Docs[i+1].Start))
		}
		if d.End != nil {
			end = min(end, f.offset(placeOf(d.End)))
		}
		doc := yamlDocument{end: end}
		switch d.Body.(type) {
		case nil, *ast.NullNode, *ast.CommentGroupNode:
		default:
			if doc.root, err = f.node(d.Body, end); err != nil {
				return nil, err
			}
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// node converts a node of the library that ends before limit.
func (f *yamlFile) node(n ast.Node, limit int) (*yamlNode, error) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return f.mapping(n, limit)
	case *ast.SequenceNode:
		return f.list(n, limit)
	case *ast.LiteralNode:
		out := f.leaf(n.Start, yamlScalar)
		out.text, out.literal = n.Value.Value, true
		out.end = f.contentEnd(out.start, limit, true)
		return out, nil
	case *ast.StringNode:
		out := f.leaf(n.Token, yamlScalar)
		out.text = n.Value
		out.end = f.scalarEnd(out.start, limit)
		return out, nil
	case *ast.NullNode:
		out := f.leaf(n.Token, yamlNull)
		if n.Token.Type == token.NullType {
			out.end = f.scalarEnd(out.start, limit)
		}
		return out, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		out := f.leaf(n.GetToken(), yamlScalar)
		out.text = n.GetToken().Value
		out.end = f.scalarEnd(out.start, limit)
		return out, nil
	}
	return nil, f.fail(placeOf(n.GetToken()), "a kind of YAML that a baseline has no use for", "write it as the documentation shows")
}

func (f *yamlFile) leaf(t *token.Token, kind yamlKind) *yamlNode {
	at := placeOf(t)
	start := f.offset(at)
	return &yamlNode{kind: kind, at: at, start: start, end: start}
}

func (f *yamlFile) mapping(n *ast.MappingNode, limit int) (*yamlNode, error) {
	out := &yamlNode{kind: yamlMap, flow: n.IsFlowStyle}
	if n.IsFlowStyle {
		out.at = placeOf(n.Start)
		out.start = f.offset(out.at)
		if n.End == nil || out.start >= len(f.text) || f.text[out.start] != '{' {
			return nil, f.fail(out.at, "keys without braces around them", "write {port: 22, proto: tcp}")
		}
		out.end = f.offset(placeOf(n.End)) + 1
	} else if len(n.Values) == 0 {
		return nil, f.fail(placeOf(n.GetToken()), "no keys", "write the keys")
	}
	for i, v := range n.Values {
		next := limit
		if out.flow {
			next = 0 // see scalarEnd
		} else if i+1 < len(n.Values) {
			next = f.offset(placeOf(n.Values[i+1].Key.GetToken()))
		}
		p, err := f.mappingPair(v, next, out.flow)
		if err != nil {
			return nil, err
		}
		out.pairs = append(out.pairs, p)
	}
	if !out.flow {
		out.at, out.start = out.pairs[0].at, out.pairs[0].start
		out.end = out.pairs[len(out.pairs)-1].lineEnd
	}
	return out, nil
}

func (f *yamlFile) mappingPair(v *ast.MappingValueNode, limit int, flow bool) (yamlPair, error) {
	t := v.Key.GetToken()
	p := yamlPair{key: t.Value, at: placeOf(t)}
	p.start = f.offset(p.at)
	p.afterColon = f.offset(placeOf(v.Start)) + 1
	if p.afterColon > len(f.text) || p.afterColon <= p.start || f.text[p.afterColon-1] != ':' {
		return p, f.fail(p.at, "a key that cannot be placed", "write the key and its colon on one line")
	}
	var err error
	if p.value, err = f.node(v.Value, limit); err != nil {
		return p, err
	}
	if p.value.kind == yamlNull && p.value.start == p.value.end {
		p.value.start, p.value.end = p.afterColon, p.afterColon
	}
	if p.value.start < p.afterColon {
		return p, f.fail(p.at, "a value that cannot be placed", "write the value behind its key")
	}
	if !flow {
		p.lineEnd = f.lineEnd(p.value.end)
	}
	return p, nil
}

func (f *yamlFile) list(n *ast.SequenceNode, limit int) (*yamlNode, error) {
	out := &yamlNode{kind: yamlList, flow: n.IsFlowStyle, at: placeOf(n.Start)}
	out.start = f.offset(out.at)
	if out.flow {
		if n.End == nil {
			return nil, f.fail(out.at, "a list without its closing bracket", "close it with ]")
		}
		out.end = f.offset(placeOf(n.End)) + 1
		limit = 0 // see scalarEnd
	} else if len(n.Entries) != len(n.Values) {
		return nil, f.fail(out.at, "a list that cannot be placed", "begin every entry with a dash")
	}
	for i, v := range n.Values {
		next := limit
		if !out.flow && i+1 < len(n.Entries) {
			next = f.offset(placeOf(n.Entries[i+1].Start))
		}
		value, err := f.node(v, next)
		if err != nil {
			return nil, err
		}
		item := yamlItem{start: value.start, value: value}
		if !out.flow {
			item.start = f.offset(placeOf(n.Entries[i].Start))
			if value.kind == yamlNull && value.start == value.end {
				value.start, value.end = item.start+1, item.start+1
			}
			item.lineEnd = f.withRemarks(f.lineEnd(value.end), next, out.at.column-1)
			out.end = item.lineEnd
		}
		out.items = append(out.items, item)
	}
	return out, nil
}

// scalarEnd returns where a quoted or plain scalar ends. A plain one in
// brackets has limit 0, as nobody asks for its end: looking for it would take
// quadratic time where all stands on one line.
func (f *yamlFile) scalarEnd(start, limit int) int {
	if start >= len(f.text) {
		return len(f.text)
	}
	quote := f.text[start]
	if quote != '"' && quote != '\'' {
		return f.contentEnd(start, limit, false)
	}
	for i := start + 1; i < len(f.text); i++ {
		switch {
		case quote == '"' && f.text[i] == '\\':
			i++
		case quote == '\'' && f.text[i] == quote && i+1 < len(f.text) && f.text[i+1] == quote:
			i++
		case f.text[i] == quote:
			return i + 1
		}
	}
	return len(f.text)
}

// contentEnd returns the end of the last line before limit that holds content:
// in a literal every line that is indented as its first, else what stands
// before comments.
func (f *yamlFile) contentEnd(start, limit int, literal bool) int {
	end, indent := start, -1
	for line := start; line < limit; {
		next := limit
		if i := bytes.IndexByte(f.text[line:limit], '\n'); i >= 0 {
			next = line + i + 1
		}
		content := f.text[line:next]
		if !literal {
			content = withoutComment(content)
		}
		content = bytes.TrimRight(content, " \t\r\n")
		depth := len(content) - len(bytes.TrimLeft(content, " "))
		switch {
		case len(content) == depth: // blank
		case literal && line != start && indent < 0:
			indent = depth
			fallthrough
		case !literal, line == start, depth >= indent:
			end = line + len(content)
		}
		line = next
	}
	return end
}

// withoutComment cuts a line before a # that begins it or follows white space.
func withoutComment(line []byte) []byte {
	for i, c := range line {
		if c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

// withRemarks extends the end of a list's item over the comments right below it
// that are indented deeper than its dash: they are about that item.
func (f *yamlFile) withRemarks(end, limit, dash int) int {
	for {
		start := end + bytes.IndexByte(f.text[end:], '\n') + 1
		if start == end || start >= limit {
			return end
		}
		line := f.text[start:f.lineEnd(start)]
		remark := bytes.TrimLeft(line, " ")
		if len(remark) == 0 || remark[0] != '#' || len(line)-len(remark) <= dash {
			return end
		}
		end = start + len(line)
	}
}

// lineEnd returns the end of the line that holds the offset, its line break
// left out.
func (f *yamlFile) lineEnd(offset int) int {
	end := len(f.text)
	if i := bytes.IndexByte(f.text[offset:], '\n'); i >= 0 {
		end = offset + i
		if end > offset && f.text[end-1] == '\r' {
			end--
		}
	}
	return end
}
