package web

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/portvigil/portvigil/web/openapi"
)

// apiPage is the OpenAPI document for people.
type apiPage struct {
	About    string
	Groups   []apiGroup
	Refusals []apiRefusal
	Types    []apiType
}

// apiGroup is the operations of one tag.
type apiGroup struct {
	openapi.Tag
	Operations []apiOperation
}

// apiOperation is one method of one path.
type apiOperation struct {
	*openapi.Operation
	Method, Path string
	Takes, Gives apiBody
}

// apiBody is what is sent or answered; the zero value is nothing.
type apiBody struct {
	Format string // its media type
	Of     apiKind
	// Example is JSON; "" where there is none.
	Example string
}

// apiKind is a schema in a few words: "list of Alert, or null".
type apiKind struct {
	Before, Name, After string // the Name leads to the type; "" where Before says it all
}

// apiRefusal is an answer that is no success.
type apiRefusal struct{ Status, Text, Example string }

// apiType is a named schema.
type apiType struct {
	*openapi.Schema
	Name   string
	Fields []apiField
}

// apiField is a field of a type.
type apiField struct {
	Name, Text string
	Of         apiKind
	Always     bool // it is there, or needed
}

// readDocument returns the document as it is served. It is embedded, and a test
// reads it: what is no document does not get as far as here.
func readDocument() *openapi.Document {
	d := new(openapi.Document)
	if err := json.Unmarshal(document, d); err != nil {
		panic("the embedded OpenAPI document cannot be read: " + err.Error())
	}
	return d
}

// apiDocs shows the document as a page.
func (p *pages) apiDocs(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "apidocs.html", page{"The API", apiPageOf(readDocument())})
}

func apiPageOf(d *openapi.Document) apiPage {
	page := apiPage{About: d.Info.Description}
	for _, tag := range d.Tags {
		page.Groups = append(page.Groups, apiGroup{tag, apiOperations(d, tag.Name)})
	}
	for _, status := range slices.Sorted(maps.Keys(d.Components.Responses)) {
		if refusal := d.Components.Responses[status]; status != "Error" {
			page.Refusals = append(page.Refusals, apiRefusal{status, refusal.Description, exampleOf(refusal.Content["application/json"])})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		page.Types = append(page.Types, apiTypeOf(name, d.Components.Schemas[name]))
	}
	return page
}

// apiOperations are those of a tag, by path and method.
func apiOperations(d *openapi.Document, tag string) []apiOperation {
	var list []apiOperation
	for path, methods := range d.Paths {
		for method, o := range methods {
			if !slices.Contains(o.Tags, tag) {
				continue
			}
			operation := apiOperation{Operation: o, Method: strings.ToUpper(method), Path: path, Gives: apiBodyOf(o.Responses["200"].Content)}
			if o.Body != nil {
				operation.Takes = apiBodyOf(o.Body.Content)
			}
			list = append(list, operation)
		}
	}
	slices.SortFunc(list, func(a, b apiOperation) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), slices.Index(apiMethods, a.Method)-slices.Index(apiMethods, b.Method))
	})
	return list
}

var apiMethods = []string{http.MethodGet, http.MethodPost, http.MethodDelete}

// apiBodyOf is the body's one format.
func apiBodyOf(content map[string]openapi.Media) apiBody {
	for format, media := range content {
		b := apiBody{Format: format, Of: apiKindOf(media.Schema), Example: exampleOf(media)}
		if media.Line != nil {
			b.Of = apiKindOf(media.Line)
			b.Of.Before = "lines of " + b.Of.Before
		}
		return b
	}
	return apiBody{}
}

func exampleOf(m openapi.Media) string {
	if m.Example == nil {
		return ""
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if enc.Encode(m.Example) != nil {
		return "" // it was read as JSON
	}
	return strings.TrimSpace(b.String())
}

func apiTypeOf(name string, s *openapi.Schema) apiType {
	t := apiType{Schema: s, Name: name}
	for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[field]
		t.Fields = append(t.Fields, apiField{field, p.Description, apiKindOf(p), slices.Contains(s.Required, field)})
	}
	return t
}

func apiKindOf(s *openapi.Schema) apiKind {
	null := slices.Contains(s.Type, "null")
	types := slices.DeleteFunc(slices.Clone(s.Type), func(t string) bool { return t == "null" })
	var k apiKind
	switch {
	case s.Ref != "":
		k.Name = s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case len(s.AnyOf) > 0:
		return apiChoiceOf(s.AnyOf)
	case s.Items != nil:
		k = apiKindOf(s.Items)
		k.Before = "list of " + k.Before
	case s.Format == "date-time":
		k.Before = "time"
	case s.ContentEncoding != "":
		k.Before = s.ContentEncoding
	case len(types) == 0:
		k.Before = "anything"
	default:
		k.Before = strings.Join(types, " or ")
	}
	if null {
		k.After += ", or null"
	}
	return k
}

// apiChoiceOf is one type and what may stand in its place.
func apiChoiceOf(choice []*openapi.Schema) apiKind {
	k := apiKindOf(choice[0])
	for _, s := range choice[1:] {
		other := apiKindOf(s)
		switch {
		case slices.Contains(s.Type, "null"):
			k.After += ", or null"
		case slices.Equal(s.Enum, []string{""}):
			k.After += `, or ""`
		default:
			k.After += ", " + other.Before + other.Name + other.After
		}
	}
	return k
}
