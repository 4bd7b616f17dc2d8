package openapi

import "encoding/json"

// Version is which OpenAPI a Document follows.
const Version = "3.1.1"

// Document describes an API.
type Document struct {
	OpenAPI    string          `json:"openapi"`
	Info       Info            `json:"info"`
	Servers    []Server        `json:"servers"`
	Tags       []Tag           `json:"tags"`
	Paths      map[string]Path `json:"paths"`
	Components Components      `json:"components"`
}

// Info says which API it is.
type Info struct {
	Title       string  `json:"title"`
	Version     string  `json:"version"`
	Summary     string  `json:"summary,omitempty"`
	Description string  `json:"description,omitempty"`
	License     License `json:"license"`
}

// License is what the API may be used under, by its SPDX identifier.
type License struct {
	Name       string `json:"name"`
	Identifier string `json:"identifier"`
}

// Server is where paths begin.
type Server struct {
	URL         string `json:"url"`
	Description string `json:"description,omitempty"`
}

// Tag is a group of operations.
type Tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// Path is the operations of one path by their method, in lower case.
type Path map[string]*Operation

// Operation is one method of one path.
type Operation struct {
	ID          string                `json:"operationId"`
	Tags        []string              `json:"tags"`
	Summary     string                `json:"summary"`
	Description string                `json:"description"`
	Parameters  []Parameter           `json:"parameters,omitempty"`
	Body        *RequestBody          `json:"requestBody,omitempty"`
	Responses   map[string]*Response  `json:"responses"`
	Security    []map[string][]string `json:"security"`
}

// Parameter is a part of the address.
type Parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"` // path or query
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitempty"`
	Schema      *Schema `json:"schema"`
}

// RequestBody is what is sent along.
type RequestBody struct {
	Description string           `json:"description,omitempty"`
	Required    bool             `json:"required"`
	Content     map[string]Media `json:"content"`
}

// Response is an answer, or where it is described.
type Response struct {
	Ref         string            `json:"$ref,omitempty"`
	Description string            `json:"description,omitempty"`
	Headers     map[string]Header `json:"headers,omitempty"`
	Content     map[string]Media  `json:"content,omitempty"`
}

// Header is a line of an answer's head.
type Header struct {
	Description string  `json:"description"`
	Schema      *Schema `json:"schema"`
}

// Media is a body in one format. Of JSON Lines the schema knows only that it is
// a text: what a line is stands in Line, which OpenAPI has a name for from 3.2 on
// (itemSchema).
type Media struct {
	Schema  *Schema `json:"schema"`
	Line    *Schema `json:"x-itemSchema,omitempty"`
	Example any     `json:"example,omitempty"`
}

// Components are what the rest refers to.
type Components struct {
	Schemas         map[string]*Schema   `json:"schemas"`
	Responses       map[string]*Response `json:"responses"`
	SecuritySchemes map[string]Security  `json:"securitySchemes"`
}

// Security is how one shows who one is.
type Security struct {
	Type        string `json:"type"`
	Scheme      string `json:"scheme"`
	Description string `json:"description,omitempty"`
}

// Schema is a JSON Schema (draft 2020-12). The zero value is any value.
type Schema struct {
	Ref             string             `json:"$ref,omitempty"`
	Type            Types              `json:"type,omitempty"`
	Description     string             `json:"description,omitempty"`
	Format          string             `json:"format,omitempty"`
	ContentEncoding string             `json:"contentEncoding,omitempty"`
	Enum            []string           `json:"enum,omitempty"`
	Minimum         *int64             `json:"minimum,omitempty"`
	Maximum         *int64             `json:"maximum,omitempty"`
	Properties      map[string]*Schema `json:"properties,omitempty"`
	Required        []string           `json:"required,omitempty"`
	// Additional is whether an object may have fields that are not named; nil is yes.
	Additional *bool     `json:"additionalProperties,omitempty"`
	Items      *Schema   `json:"items,omitempty"`
	AnyOf      []*Schema `json:"anyOf,omitempty"`
	Examples   []any     `json:"examples,omitempty"`
}

// Types are the types that a value may be of; none for any.
type Types []string

// MarshalJSON writes a single type as a string.
func (t Types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Types) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*t = Types{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(t))
}
