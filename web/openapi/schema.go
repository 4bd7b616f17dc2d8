package openapi

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Schemas makes schemas of Go types, as encoding/json writes them. Named types
// become components, which the rest refers to.
type Schemas struct {
	// Words gives the words of typed strings whose constants do not tell them all:
	// another list, or none where any text is possible.
	Words map[reflect.Type][]string

	source *Source
	named  map[string]*Schema
	types  map[string]reflect.Type // of which a component was made
}

// NewSchemas returns schemas that are described by the sources.
func NewSchemas(s *Source) *Schemas {
	return &Schemas{Words: map[reflect.Type][]string{}, source: s, named: map[string]*Schema{}, types: map[string]reflect.Type{}}
}

// Components returns the schemas of all named types that were met.
func (s *Schemas) Components() map[string]*Schema { return s.named }

// Of returns the schema of a value as it is written. It panics where the type
// has no form in JSON, or shares its name with another: that is a bug of who
// declared it.
func (s *Schemas) Of(t reflect.Type) *Schema {
	if t.Kind() == reflect.Pointer {
		return nullable(s.Of(t.Elem()))
	}
	if schema := known(t); schema != nil {
		return schema
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return s.list(t)
	case reflect.Map:
		return &Schema{Type: Types{"object"}}
	case reflect.Struct:
		return s.component(t, t.Name(), func(c *Schema) { s.object(c, t) })
	case reflect.String:
		if t.PkgPath() == "" {
			return &Schema{Type: Types{"string"}}
		}
		return s.component(t, t.Name(), func(c *Schema) { s.word(c, t) })
	}
	return plain(t)
}

// Request returns the schema of an object that is taken: only the named fields,
// of which some are needed. Unknown fields are refused.
func (s *Schemas) Request(t reflect.Type, name string, needs, takes []string) *Schema {
	if t.Kind() == reflect.Slice {
		return &Schema{Type: Types{"array"}, Items: s.Request(t.Elem(), name, needs, takes)}
	}
	if name == "" {
		name = t.Name()
	}
	return s.component(t, name, func(c *Schema) {
		all := new(Schema)
		s.object(all, t)
		c.Type, c.Description, c.Required, c.Additional = all.Type, all.Description, needs, new(bool)
		c.Properties = map[string]*Schema{}
		for _, field := range slices.Concat(needs, takes) {
			f, found := all.Properties[field]
			if !found {
				panic(fmt.Sprintf("%s has no field %s", t, field))
			}
			c.Properties[field] = f
		}
	})
}

func (s *Schemas) component(t reflect.Type, name string, fill func(*Schema)) *Schema {
	if of, met := s.types[name]; met && of != t {
		panic(fmt.Sprintf("both %s and %s would be the schema %s", of, t, name))
	}
	if s.named[name] == nil {
		s.types[name], s.named[name] = t, new(Schema) // before its fields, which may be of the type itself
		fill(s.named[name])
	}
	return &Schema{Ref: "#/components/schemas/" + name}
}

// object describes the fields of a struct, those of embedded ones among them.
func (s *Schemas) object(c *Schema, t reflect.Type) {
	c.Type, c.Description = Types{"object"}, s.source.comments[t.String()]
	if c.Properties == nil {
		c.Properties = map[string]*Schema{}
	}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && tag == "":
			embedded := new(Schema)
			s.object(embedded, f.Type)
			for name, p := range embedded.Properties {
				c.Properties[name] = p
			}
			c.Required = append(c.Required, embedded.Required...)
			continue
		case !f.IsExported() || tag == "-":
			continue
		case tag == "":
			tag = f.Name
		}
		optional := strings.Contains(options, "omit")
		of := f.Type
		if optional && of.Kind() == reflect.Pointer {
			of = of.Elem() // left out rather than null
		}
		p := s.Of(of)
		if !optional && (of.Kind() == reflect.Slice || of.Kind() == reflect.Map) && len(p.Type) > 0 {
			p.Type = append(p.Type, "null") // as a nil one is written
		}
		comment := s.source.comments[t.String()+"."+f.Name]
		if p.Ref != "" && of.Kind() == reflect.String && strings.Contains(comment, `""`) {
			// Of an enumeration whose comment says what "" stands for.
			p = &Schema{AnyOf: []*Schema{p, {Type: Types{"string"}, Enum: []string{""}}}}
		}
		p.Description = comment
		c.Properties[tag] = p
		if !optional {
			c.Required = append(c.Required, tag)
		}
	}
}

// word describes a typed string by its constants.
func (s *Schemas) word(c *Schema, t reflect.Type) {
	c.Type, c.Description = Types{"string"}, s.source.comments[t.String()]
	words, given := s.Words[t]
	var said []string
	for _, k := range s.source.constants[t.String()] {
		if !given {
			words = append(words, k.word)
		}
		if k.comment != "" {
			said = append(said, k.word+": "+strings.TrimSuffix(k.comment, "."))
		}
	}
	if c.Enum = words; len(words) == 0 {
		for _, k := range s.source.constants[t.String()] {
			c.Examples = append(c.Examples, k.word)
		}
	}
	if len(said) > 0 {
		c.Description += " " + strings.Join(said, "; ") + "."
	}
}

func (s *Schemas) list(t reflect.Type) *Schema {
	if t.Elem().Kind() == reflect.Uint8 {
		return &Schema{Type: Types{"string"}, ContentEncoding: "base64"}
	}
	return &Schema{Type: Types{"array"}, Items: s.Of(t.Elem())}
}

// nullable is what a pointer is: its value, or null.
func nullable(of *Schema) *Schema {
	if len(of.Type) > 0 {
		of.Type = append(of.Type, "null")
		return of
	}
	return &Schema{AnyOf: []*Schema{of, {Type: Types{"null"}}}}
}

var textual = reflect.TypeFor[encoding.TextMarshaler]()

// known are types that have a form of their own in JSON; nil for others.
func known(t reflect.Type) *Schema {
	switch t {
	case reflect.TypeFor[time.Time]():
		return &Schema{Type: Types{"string"}, Format: "date-time", Examples: []any{"2026-05-03T12:00:00Z"}}
	case reflect.TypeFor[time.Duration]():
		return &Schema{Type: Types{"integer"}, Format: "int64", Examples: []any{int64(time.Hour)}}
	case reflect.TypeFor[netip.Addr]():
		return &Schema{Type: Types{"string"}, Examples: []any{"10.99.0.2", "2001:db8::1", ""}}
	case reflect.TypeFor[netip.Prefix]():
		return &Schema{Type: Types{"string"}, Examples: []any{"10.99.0.0/16"}}
	case reflect.TypeFor[json.RawMessage]():
		return &Schema{}
	}
	if reflect.PointerTo(t).Implements(textual) {
		return &Schema{Type: Types{"string"}}
	}
	return nil
}

// plain are the types that Go itself has.
func plain(t reflect.Type) *Schema {
	switch t.Kind() {
	case reflect.Bool:
		return &Schema{Type: Types{"boolean"}}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return &Schema{Type: Types{"integer"}, Minimum: new(int64), Maximum: limit(t)}
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return &Schema{Type: Types{"integer"}, Format: "int64", Minimum: new(int64)}
	case reflect.Int64:
		return &Schema{Type: Types{"integer"}, Format: "int64"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32:
		return &Schema{Type: Types{"integer"}}
	case reflect.Float32, reflect.Float64:
		return &Schema{Type: Types{"number"}, Format: "double"}
	case reflect.Interface:
		return &Schema{}
	}
	panic(fmt.Sprintf("%s has no form in JSON", t))
}

func limit(t reflect.Type) *int64 {
	most := int64(math.MaxInt64)
	if bits := t.Bits(); bits < 64 {
		most = 1<<bits - 1
	}
	return &most
}
