package openapi

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Source is what Go sources say of their types beside what reflection knows.
// Its keys are names with their package: portvigil.Alert, portvigil.Alert.Text.
type Source struct {
	comments  map[string]string
	constants map[string][]constant // by the type's name
}

// constant is a word that a typed string can be.
type constant struct{ word, comment string }

// ReadSource reads the Go files of the folders, tests aside.
func ReadSource(folders ...string) (*Source, error) {
	s := &Source{comments: map[string]string{}, constants: map[string][]constant{}}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			return nil, fmt.Errorf("list the sources of %s: %w", folder, err)
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("there is no source in %s", folder)
		}
		slices.Sort(files)
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			if err := s.readFile(name); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func (s *Source) readFile(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read a source: %w", err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("read a source: %w", err)
	}
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				s.takeType(file.Name.Name, d, spec)
			case *ast.ValueSpec:
				if d.Tok == token.CONST {
					s.takeConstant(file.Name.Name, spec)
				}
			}
		}
	}
	return nil
}

func (s *Source) takeType(pkg string, d *ast.GenDecl, spec *ast.TypeSpec) {
	name := pkg + "." + spec.Name.Name
	s.comments[name] = sentence(spec.Doc, d.Doc)
	fields, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range fields.Fields.List {
		for _, id := range f.Names {
			s.comments[name+"."+id.Name] = sentence(f.Doc, f.Comment)
		}
	}
}

// takeConstant notes a constant of a named string type that is written as such:
// High Severity = "high".
func (s *Source) takeConstant(pkg string, spec *ast.ValueSpec) {
	of, ok := spec.Type.(*ast.Ident)
	if !ok {
		return
	}
	for _, v := range spec.Values {
		literal, ok := v.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			continue
		}
		if word, err := strconv.Unquote(literal.Value); err == nil && word != "" {
			name := pkg + "." + of.Name
			s.constants[name] = append(s.constants[name], constant{word, sentence(spec.Doc, spec.Comment)})
		}
	}
}

// sentence is the first of the comments that says something, in one line.
func sentence(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if text := strings.Join(strings.Fields(g.Text()), " "); text != "" {
			return text
		}
	}
	return ""
}
