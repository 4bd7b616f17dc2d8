package portvigil

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a baseline file. The YAML library's scanner takes time and memory
// in proportion to the text (4 MiB of dashes: some 7 s); its parser recurses as
// deep as the text nests, and takes quadratic time over the keys of one mapping
// (a hundred thousand: minutes), so that what goes beyond these is refused
// between the two. A hundred thousand entries of ten tokens fit.
const (
	maxBaselineBytes  = 4 << 20
	maxYAMLTokens     = 2_000_000
	maxYAMLDepth      = 8   // brackets within brackets, dashes in a row; we need 3
	maxYAMLPairs      = 200 // keys in a row; an entry has 11 and its pin 6
	maxBaselineErrors = 50  // told at once; what follows is counted
)

// yamlFile is a file on its way to a tree: its text as it stands, and where
// each of its lines begins.
type yamlFile struct {
	name string
	text []byte
	// lines holds the offset of each line's first byte, a byte order mark aside.
	lines []int
	// runes holds, for lines that are not plain ASCII, the offset of each rune.
	runes map[int][]int
}

// place is a position for people: line and column from 1, columns in
// characters.
type place struct{ line, column int }

// fail returns an error that begins as compilers write it.
func (f *yamlFile) fail(at place, what, hint string) *Error {
	e := Errorf(CodeInvalid, "%s:%d:%d: %s", f.name, at.line, at.column, what)
	e.Hint = hint
	return e
}

// newYAMLFile checks that the text is YAML's alphabet within our bounds, and
// finds its lines.
func newYAMLFile(name string, text []byte) (*yamlFile, error) {
	f := &yamlFile{name: name, text: text, runes: make(map[int][]int)}
	if len(text) > maxBaselineBytes {
		return nil, f.fail(place{1, 1}, fmt.Sprintf("the file is longer than %d MiB", maxBaselineBytes>>20),
			"give it one host or group a file")
	}
	start := len(text) - len(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
	f.lines = append(f.lines, start)
	ascii := true
	endLine := func(end int) {
		if n := len(f.lines); !ascii {
			f.runes[n-1] = runeOffsets(text, f.lines[n-1], end)
			ascii = true
		}
	}
	for i := start; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		here := func() place {
			return place{len(f.lines), utf8.RuneCount(text[f.lines[len(f.lines)-1]:i]) + 1}
		}
		switch {
		case r == utf8.RuneError && size == 1:
			return nil, f.fail(here(), "a byte that is not UTF-8", "save the file as UTF-8 text")
		case r == '\r' && (i+1 == len(text) || text[i+1] != '\n'):
			return nil, f.fail(here(), "a carriage return without a line feed", "save the file with Unix or Windows line ends")
		case r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0:
			return nil, f.fail(here(), fmt.Sprintf("control character %U", r), "the file is damaged, or not text")
		case r == '\n':
			endLine(i)
			f.lines = append(f.lines, i+1)
		case size > 1:
			ascii = false
		}
		i += size
	}
	endLine(len(text))
	return f, nil
}

func runeOffsets(text []byte, start, end int) []int {
	var offsets []int
	for i := range string(text[start:end]) {
		offsets = append(offsets, start+i)
	}
	return append(offsets, end)
}

// offset returns where a place is in the text; a place beyond its line is held
// at the line's end.
func (f *yamlFile) offset(at place) int {
	if at.line < 1 || at.line > len(f.lines) {
		return len(f.text)
	}
	if offsets, ok := f.runes[at.line-1]; ok {
		return offsets[max(0, min(at.column-1, len(offsets)-1))]
	}
	return min(f.lines[at.line-1]+max(at.column-1, 0), len(f.text))
}

// parse returns the documents of the file. A panic of the library is a bug of
// the library; on a person's file it still has to be a message.
func (f *yamlFile) parse() (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			file, err = nil, f.fail(place{1, 1}, "the YAML cannot be read", "check its indentation and quotes")
		}
	}()
	tokens, err := f.tokens()
	if err != nil {
		return nil, err
	}
	file, err = parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, f.syntaxError(err)
	}
	return file, nil
}

// syntaxError gives the library's message our shape. A file that was cut off
// while it was written breaks on its last line: that is said.
func (f *yamlFile) syntaxError(err error) error {
	at, what := place{1, 1}, "the YAML cannot be read"
	var syntax interface {
		error
		GetToken() *token.Token
		GetMessage() string
	}
	if errors.As(err, &syntax) {
		what = syntax.GetMessage()
		if t := syntax.GetToken(); t != nil && t.Position != nil {
			at = placeOf(t)
		}
	}
	hint := "check the indentation and quotes there and on the line above"
	if rest := f.text[f.offset(at):]; bytes.Count(bytes.TrimSpace(rest), []byte("\n")) == 0 {
		hint = "the file may have been cut off here; restore its end"
	}
	return f.fail(at, what, hint)
}

func placeOf(t *token.Token) place { return place{t.Position.Line, t.Position.Column} }

// tokens reads the tokens and refuses what a baseline has no use for. Without
// aliases a small file cannot stand for a huge one.
func (f *yamlFile) tokens() (token.Tokens, error) {
	var s scanner.Scanner
	s.Init(string(bytes.ReplaceAll(f.text[f.lines[0]:], []byte("\r\n"), []byte("\n"))))
	var tokens token.Tokens
	var bound yamlBound
	for {
		some, err := s.Scan()
		if errors.Is(err, io.EOF) {
			return tokens, nil
		}
		for _, t := range some {
			if t.Type == token.InvalidType {
				return nil, f.syntaxError(invalidToken{t})
			}
			if what, hint := bound.refuse(t); what != "" {
				return nil, f.fail(placeOf(t), what, hint)
			}
		}
		if err != nil {
			return nil, f.syntaxError(err)
		}
		tokens.Add(some...)
		if len(tokens) > maxYAMLTokens {
			return nil, f.fail(place{1, 1}, "the file holds too much", "give it one host or group a file")
		}
	}
}

// invalidToken is what the scanner could not make sense of.
type invalidToken struct{ t *token.Token }

func (e invalidToken) Error() string          { return e.t.Error }
func (e invalidToken) GetToken() *token.Token { return e.t }
func (e invalidToken) GetMessage() string     { return e.t.Error }

// yamlBound watches a stream of tokens for what would cost the parser too much.
type yamlBound struct{ depth, dashes, pairs int }

// refuse returns why the token is not taken, and what to do, or "".
func (b *yamlBound) refuse(t *token.Token) (what, hint string) {
	dashes := 0
	switch t.Type {
	case token.AnchorType, token.AliasType, token.MergeKeyType:
		return "anchors and aliases have no place in a baseline", "write the value out; a text with & or * in front needs quotes"
	case token.TagType, token.DirectiveType, token.MappingKeyType:
		return fmt.Sprintf("%q has no meaning in a baseline", t.Value), "a text that begins with ! or % or ? needs quotes"
	case token.SequenceStartType, token.MappingStartType:
		b.depth++
		b.pairs = 0
	case token.SequenceEndType, token.MappingEndType:
		b.depth--
	case token.SequenceEntryType:
		dashes = b.dashes + 1
		b.pairs = 0
	case token.DocumentHeaderType:
		b.pairs = 0
	case token.MappingValueType:
		b.pairs++
	}
	b.dashes = dashes
	switch {
	case b.depth > maxYAMLDepth || dashes > maxYAMLDepth:
		return "lists within lists", "a baseline nests no deeper than entries and their pins"
	case b.pairs > maxYAMLPairs:
		return "too many keys in a row", "entries are a list: each begins with a dash"
	}
	return "", ""
}
