package web

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pb33f/jsonschema/v6"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/errors"

	"github.com/portvigil/portvigil"
)

func TestDocumentIsThatOfTheCode(t *testing.T) {
	t.Parallel()
	made, err := MakeDocument("..", ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"openapi.json", "../docs/openapi.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(made), string(text)); diff != "" {
			t.Errorf("%s is not what make generate writes now (-made +file)\n%s", name, diff)
		}
	}
	if w := ask(t, &fakeEngine{}, "GET", "/v1/openapi.json", ""); w.Body.String() != string(made) || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("GET /v1/openapi.json answers %d and something else, of type %s", w.Code, w.Header().Get("Content-Type"))
	}
}

// newValidator reads the document as programs elsewhere do.
func newValidator(t *testing.T) validator.Validator {
	t.Helper()
	d, err := libopenapi.NewDocument(document)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(d)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return v
}

func complain(t *testing.T, what string, list []*errors.ValidationError) {
	t.Helper()
	for _, e := range list {
		t.Errorf("%s: %s: %s", what, e.Message, e.Reason)
		for _, s := range e.SchemaValidationErrors {
			t.Errorf("  %s at %s", s.Reason, s.FieldPath)
		}
	}
}

func TestDocumentIsValidOpenAPI31(t *testing.T) {
	t.Parallel()
	valid, errs := newValidator(t).ValidateDocument()
	if complain(t, "the document", errs); !valid || !bytes.Contains(document, []byte(`"openapi": "3.1.`)) {
		t.Error("the document is not valid")
	}
}

func TestDocumentHasEveryRouteAndNoOther(t *testing.T) {
	t.Parallel()
	d := readDocument()
	ids := map[string]string{}
	for _, r := range (&api{}).routes() {
		method, path, _ := strings.Cut(r.pattern, " ")
		o := d.Paths[path][strings.ToLower(method)]
		if o == nil {
			t.Errorf("%s is not in the document", r.pattern)
			continue
		}
		if o.Summary == "" || r.text == "" || o.Responses["200"] == nil || o.ID == "" || ids[o.ID] != "" {
			t.Errorf("%s has no summary, text or answer of its own, or shares its id with %s", r.pattern, ids[o.ID])
		}
		if diff := cmp.Diff([]map[string][]string{{"token": {string(r.scope)}}}, o.Security); diff != "" {
			t.Errorf("%s security (-want +got)\n%s", r.pattern, diff)
		}
		for _, p := range o.Parameters {
			if p.Description == "" {
				t.Errorf("%s does not say what %s is", r.pattern, p.Name)
			}
		}
		ids[o.ID] = r.pattern
		delete(d.Paths[path], strings.ToLower(method))
	}
	for path, left := range d.Paths {
		for method := range left {
			t.Errorf("the document has %s %s, and the API has not", method, path)
		}
	}
}

// TestDocumentHoldsForWhatIsAskedAndAnswered has each route answer its own
// example, and everything that its engine may fail with.
func TestDocumentHoldsForWhatIsAskedAndAnswered(t *testing.T) {
	t.Parallel()
	v, lines := newValidator(t), newLines(t)
	for _, r := range (&api{}).routes() {
		s := serve(t)
		w := exchange(t, v, s, r)
		if w.Code != http.StatusOK {
			t.Errorf("%s answered %d %s", r.pattern, w.Code, w.Body)
		}
		if r.gives.lines != nil {
			lines.hold(t, r, "responses/200", w.Body)
		}
		if r.takes.lines != nil {
			lines.hold(t, r, "requestBody", requestOf(t, r).Body)
		}
		for _, code := range []portvigil.Code{portvigil.CodeInvalid, portvigil.CodeNotFound, portvigil.CodeConflict, portvigil.CodeOutOfScope, portvigil.CodeUnavailable, portvigil.CodeInternal} {
			s.engine.err = portvigil.Errorf(code, "no").WithHint("do something else")
			exchange(t, v, s, r)
		}
	}
}

// exchange sends the route's request to the socket, and holds both ways against
// the document.
func exchange(t *testing.T, v validator.Validator, s *served, r route) *httptest.ResponseRecorder {
	t.Helper()
	q, w := requestOf(t, r), httptest.NewRecorder()
	body, err := io.ReadAll(q.Body)
	if err != nil {
		t.Fatal(err)
	}
	again := func() *http.Request {
		c := q.Clone(q.Context())
		c.Header.Set("Authorization", "Bearer x")
		c.Body = io.NopCloser(bytes.NewReader(body))
		return c
	}
	s.socket.ServeHTTP(w, again())
	if r.takes.lines == nil { // which the validator takes for one JSON value
		_, errs := v.ValidateHttpRequestSync(again())
		complain(t, r.pattern+" asked", errs)
	}
	holdAnswer(t, v, r, w, "")
	return w
}

// holdAnswer holds an answer against the document, a stream of lines aside.
func holdAnswer(t *testing.T, v validator.Validator, r route, w *httptest.ResponseRecorder, to string) {
	t.Helper()
	if r.gives.lines != nil && w.Code == http.StatusOK {
		return
	}
	_, errs := v.ValidateHttpResponse(requestOf(t, r), w.Result())
	complain(t, r.pattern+" answered "+to, errs)
}

func TestDocumentHoldsForRefusalsOfTheListener(t *testing.T) {
	t.Parallel()
	v := newValidator(t)
	for _, r := range (&api{}).routes() {
		for _, who := range askers {
			holdAnswer(t, v, r, who.ask(t, serve(t), r), who.name)
		}
	}
}

// TestDocumentRefusesWhatIsOtherwise shows that the two tests above can fail.
func TestDocumentRefusesWhatIsOtherwise(t *testing.T) {
	t.Parallel()
	v := newValidator(t)
	for name, body := range map[string]string{
		"a list's element of another type": `[1]`,
		"an alert without its fields":      `[{}]`,
		"one alert for a list":             `{}`,
	} {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", "application/json")
		w.WriteString(body)
		if valid, _ := v.ValidateHttpResponse(httptest.NewRequest("GET", base+"/v1/alerts", nil), w.Result()); valid {
			t.Errorf("%s is taken for alerts", name)
		}
	}
}

// linesOf holds each line of a stream against the schema of the document.
type linesOf struct{ compiler *jsonschema.Compiler }

func newLines(t *testing.T) linesOf {
	t.Helper()
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi.json", text); err != nil {
		t.Fatal(err)
	}
	return linesOf{c}
}

func (l linesOf) hold(t *testing.T, r route, of string, stream io.Reader) {
	t.Helper()
	method, path, _ := strings.Cut(r.pattern, " ")
	at := "openapi.json#/paths/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(path) + "/" + strings.ToLower(method) +
		"/" + of + "/content/application~1jsonl/x-itemSchema"
	schema, err := l.compiler.Compile(at)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for s := bufio.NewScanner(stream); s.Scan(); n++ {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s %s line %d: %v", r.pattern, of, n+1, err)
		}
	}
	if n == 0 {
		t.Errorf("%s gave no line", r.pattern)
	}
	if schema.Validate("text") == nil {
		t.Errorf("the lines of %s may be anything", r.pattern)
	}
}
