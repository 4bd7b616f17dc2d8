package web

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/openapi"
)

//go:generate go run ./openapi/generate openapi.json ../docs/openapi.json

// document is what the server answers for GET /v1/openapi.json. It is made when
// the code changes, not when the server runs: it takes the comments of the sources.
//
//go:embed openapi.json
var document []byte

func (a *api) document(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if _, err := w.Write(document); err != nil {
		a.log.Debug("document not written", "err", err)
	}
}

// MakeDocument writes the OpenAPI document of the routes, with what the sources
// in the folders say of the types. The folders are those of the module's root
// and of this package.
func MakeDocument(folders ...string) ([]byte, error) {
	source, err := openapi.ReadSource(folders...)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(describe(source)); err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	return b.Bytes(), nil
}

const aboutTheAPI = "All that PortVigil's commands do on a server. The commands use it themselves, over a Unix socket in the server's data folder; " +
	"programs elsewhere use it with a token. Fields and values of enumerations may be added and are never renamed: " +
	"ignore fields and take values that you do not know. Where a list has nothing in it, null may stand in its place. Durations are in nanoseconds, " +
	"times are RFC 3339. One thing is on the socket alone, and so not described here: the backup, as whoever has that has everything."

// tags are the groups of routes, by the path's part behind /v1/.
var tags = []openapi.Tag{
	{Name: "hosts", Description: "Servers that are watched, what is open on them, and looks at them."},
	{Name: "scope", Description: "What may be scanned."},
	{Name: "alerts", Description: "What somebody has to resolve."},
	{Name: "baselines", Description: "Which doors should be open, and why."},
	{Name: "review", Description: "Going through the baselines, and signing for it."},
	{Name: "reviews", Description: "What was signed."},
	{Name: "channels", Description: "Where alerts are told."},
	{Name: "users", Description: "Who signs in on the pages."},
	{Name: "tokens", Description: "Which programs may ask what."},
	{Name: "server", Description: "The server itself."},
}

// partWords say what the named parts of a path are.
var partWords = map[string]string{
	"hosts/{name}": "The host's name.", "alerts/{id}": "The alert's id.", "channels/{name}": "The channel's name.",
	"baselines/{name}": "The host's name; for versions also a group's.", "users/{name}": "The user's name.", "tokens/{name}": "The token's name.",
	"{name}/{port}": "The door's port.", "{port}/{proto}": "The door's protocol.",
}

var timeType = reflect.TypeFor[time.Time]()

// describer puts the document together.
type describer struct {
	*openapi.Schemas
	document *openapi.Document
}

func describe(s *openapi.Source) *openapi.Document {
	d := describer{openapi.NewSchemas(s), &openapi.Document{OpenAPI: openapi.Version,
		Info: openapi.Info{Title: "PortVigil", Version: "1", Summary: "Every door that opens on your servers", Description: aboutTheAPI,
			License: openapi.License{Name: "Apache 2.0", Identifier: "Apache-2.0"}},
		Servers: []openapi.Server{{URL: "/", Description: "the server that gave this document"}}, Tags: tags, Paths: map[string]openapi.Path{}}}
	d.Words[reflect.TypeFor[portvigil.Kind]()] = kindWords()
	d.Words[reflect.TypeFor[portvigil.Reason]()] = nil // ICMP types and codes as well
	d.document.Components.Responses = d.refusals()
	for _, r := range (&api{}).routes() {
		method, path, _ := strings.Cut(r.pattern, " ")
		if d.document.Paths[path] == nil {
			d.document.Paths[path] = openapi.Path{}
		}
		d.document.Paths[path][strings.ToLower(method)] = d.operation(r, path)
	}
	d.document.Components.Schemas = d.Components()
	d.document.Components.SecuritySchemes = map[string]openapi.Security{"token": {Type: "http", Scheme: "bearer",
		Description: "A token of portvigil tokens add NAME --scope read|write|admin. Each scope holds those before it; which one an operation needs stands in its security."}}
	return d.document
}

// kindWords are all kinds that a finding or an alert can be of.
func kindWords() []string {
	var words []string
	for _, k := range portvigil.Kinds() {
		words = append(words, string(k.Kind))
	}
	return words
}

func (d describer) operation(r route, path string) *openapi.Operation {
	o := &openapi.Operation{ID: r.id, Tags: []string{tagOf(path)}, Summary: r.summary,
		Description: r.text + " Needs a token of the scope " + string(r.scope) + scopesAbove(r.scope) + ".",
		Parameters:  d.parameters(r, path), Security: []map[string][]string{{"token": {string(r.scope)}}},
		Responses: map[string]*openapi.Response{"200": {Description: "It worked.", Content: d.content(r.gives, d.Of)}}}
	for _, status := range statusesOf(r, path) {
		o.Responses[strconv.Itoa(status)] = &openapi.Response{Ref: "#/components/responses/" + strconv.Itoa(status)}
	}
	o.Responses["default"] = &openapi.Response{Ref: "#/components/responses/Error"}
	if r.takes.of != nil || r.takes.lines != nil {
		media := d.content(r.takes, func(t reflect.Type) *openapi.Schema {
			return d.Request(t, r.request.name, r.request.needs, r.request.takes)
		})
		if m, found := media["application/json"]; found {
			m.Example = r.example
			media["application/json"] = m
		}
		o.Body = &openapi.RequestBody{Required: true, Content: media}
	}
	return o
}

// scopesAbove names the scopes that hold the needed one.
func scopesAbove(needed portvigil.TokenScope) string {
	var text string
	for _, s := range []portvigil.TokenScope{portvigil.WriteScope, portvigil.AdminScope} {
		if s != needed && s.Covers(needed) {
			text += " or " + string(s)
		}
	}
	return text
}

func tagOf(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/")
	if slices.ContainsFunc(tags, func(t openapi.Tag) bool { return t.Name == name }) {
		return name
	}
	return "server"
}

func (d describer) parameters(r route, path string) []openapi.Parameter {
	var list []openapi.Parameter
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if !strings.HasPrefix(part, "{") {
			continue
		}
		schema := d.Of(reflect.TypeFor[string]())
		switch part {
		case "{port}":
			schema = d.Of(reflect.TypeFor[uint16]())
		case "{proto}":
			schema = d.Of(reflect.TypeFor[portvigil.Proto]())
		}
		list = append(list, openapi.Parameter{Name: strings.Trim(part, "{}"), In: "path", Required: true,
			Description: partWords[parts[i-1]+"/"+part], Schema: schema})
	}
	for _, q := range r.query {
		list = append(list, openapi.Parameter{Name: q.name, In: "query", Required: q.required, Description: q.text, Schema: d.Of(q.of)})
	}
	return list
}

// content is a body in its one format.
func (d describer) content(b body, schema func(reflect.Type) *openapi.Schema) map[string]openapi.Media {
	if b.lines == nil {
		return map[string]openapi.Media{"application/json": {Schema: schema(b.of)}}
	}
	line := d.Of(b.lines[0])
	if len(b.lines) > 1 {
		line = &openapi.Schema{}
		for _, t := range b.lines {
			line.AnyOf = append(line.AnyOf, d.Of(t))
		}
	}
	return map[string]openapi.Media{"application/jsonl": {Line: line,
		Schema: &openapi.Schema{Type: openapi.Types{"string"}, Description: "JSON Lines; what each is, says x-itemSchema."}}}
}

// statusesOf are the failures that a route is likely to answer with.
func statusesOf(r route, path string) []int {
	codes := []portvigil.Code{portvigil.CodeUnauthorized, portvigil.CodeForbidden, portvigil.CodeTooMany, portvigil.CodeInternal, portvigil.CodeUnavailable}
	if strings.Contains(path, "{") {
		codes = append(codes, portvigil.CodeNotFound)
	}
	if r.takes.of != nil || r.takes.lines != nil || len(r.query) > 0 {
		codes = append(codes, portvigil.CodeInvalid)
	}
	if r.scope != portvigil.ReadScope && !strings.HasPrefix(r.pattern, "GET ") {
		codes = append(codes, portvigil.CodeConflict)
	}
	var list []int
	for _, c := range codes {
		list = append(list, statusOf(c))
	}
	return list
}

// refusals are the answers that are no success, by their status.
func (d describer) refusals() map[string]*openapi.Response {
	schema := d.Of(reflect.TypeFor[APIError]())
	answer := func(text string, headers map[string]openapi.Header, example APIError) *openapi.Response {
		return &openapi.Response{Description: text, Headers: headers, Content: map[string]openapi.Media{"application/json": {Schema: schema, Example: example}}}
	}
	header := func(name, text string, of reflect.Type) map[string]openapi.Header {
		return map[string]openapi.Header{name: {Description: text, Schema: d.Of(of)}}
	}
	challenge := header("WWW-Authenticate", "What is asked for, as RFC 6750 has it.", reflect.TypeFor[string]())
	return map[string]*openapi.Response{
		"400": answer("The request makes no sense as it stands.", nil,
			APIError{portvigil.CodeInvalid, `"everything" is neither an address nor a network`, "write it as 10.0.0.0/8"}),
		"401": answer("It is not known who asks: there is no token, or a wrong one.", challenge,
			APIError{errNoBearer.Code, errNoBearer.Message, errNoBearer.Hint}),
		"403": answer("It is known who asks, and they may not (forbidden); or what is to be scanned is not in scope (out-of-scope).", challenge,
			APIError{portvigil.CodeForbidden, "token desk has the scope read; this needs write", "make another token on the server's machine: portvigil tokens add NAME --scope write"}),
		"404": answer("What it names is not there.", nil, APIError{portvigil.CodeNotFound, "there is no host web9", "see those there are: portvigil hosts list"}),
		"409": answer("What is there stands against it.", nil, APIError{portvigil.CodeConflict, "host web1 is there already", "see it with: portvigil hosts show web1"}),
		"429": answer("There were too many wrong tokens from that address.", header("Retry-After", "Seconds until another is looked at.", reflect.TypeFor[int]()),
			APIError{portvigil.CodeTooMany, "there were too many wrong attempts", "try again in 1s"}),
		"500":   answer("The server failed. Why is in its log.", nil, Describe(fmt.Errorf("what nobody is shown"))),
		"503":   answer("It cannot be done now; later it may.", nil, APIError{portvigil.CodeUnavailable, "the server is ending", ""}),
		"Error": answer("Any other failure.", nil, Describe(fmt.Errorf("what nobody is shown"))),
	}
}
