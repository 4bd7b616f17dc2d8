package openapi

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type colour string

type size struct {
	Width int `json:"width"`
}

type paint struct {
	size
	Name   string    `json:"name"`
	Colour colour    `json:"colour,omitempty"`
	Mixed  []colour  `json:"mixed"`
	Made   time.Time `json:"made,omitzero"`
	Can    *size     `json:"can"`
	Lid    *size     `json:"lid,omitempty"`
	Litres *float64  `json:"litres"`
	Recipe []byte    `json:"-"`
	Notes  []string  `json:"notes,omitempty"`
	_      int       // is no field of the JSON
	Untold bool
}

// schemas know two colours.
func schemas() *Schemas {
	return NewSchemas(&Source{comments: map[string]string{"openapi.paint.Name": "what it is called"},
		constants: map[string][]constant{"openapi.colour": {{"red", "like fire"}, {"green", ""}}}})
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSchemaIsOfWhatEncodingJSONWrites(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		of   reflect.Type
		want string
	}{
		{"a text", reflect.TypeFor[string](), `{"type":"string"}`},
		{"a port", reflect.TypeFor[uint16](), `{"type":"integer","minimum":0,"maximum":65535}`},
		{"a list", reflect.TypeFor[[]int](), `{"type":"array","items":{"type":"integer"}}`},
		{"bytes", reflect.TypeFor[[]byte](), `{"type":"string","contentEncoding":"base64"}`},
		{"what may be null", reflect.TypeFor[*int](), `{"type":["integer","null"]}`},
		{"a type that may be null", reflect.TypeFor[*size](), `{"anyOf":[{"$ref":"#/components/schemas/size"},{"type":"null"}]}`},
		{"an address", reflect.TypeFor[*netip.Addr](), `{"type":["string","null"],"examples":["10.99.0.2","2001:db8::1",""]}`},
		{"JSON as it is", reflect.TypeFor[json.RawMessage](), `{}`},
		{"anything", reflect.TypeFor[any](), `{}`},
	} {
		if got := asJSON(t, schemas().Of(c.of)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestSchemaOfAnObjectTellsWhatIsAlwaysThere(t *testing.T) {
	t.Parallel()
	s := schemas()
	s.Of(reflect.TypeFor[paint]())
	want := `{"type":"object","properties":{` +
		`"Untold":{"type":"boolean"},` +
		`"can":{"anyOf":[{"$ref":"#/components/schemas/size"},{"type":"null"}]},` +
		`"colour":{"$ref":"#/components/schemas/colour"},` +
		`"lid":{"$ref":"#/components/schemas/size"},` +
		`"litres":{"type":["number","null"],"format":"double"},` +
		`"made":{"type":"string","format":"date-time","examples":["2026-05-03T12:00:00Z"]},` +
		`"mixed":{"type":["array","null"],"items":{"$ref":"#/components/schemas/colour"}},` +
		`"name":{"type":"string","description":"what it is called"},` +
		`"notes":{"type":"array","items":{"type":"string"}},` +
		`"width":{"type":"integer"}},` +
		`"required":["width","name","mixed","can","litres","Untold"]}`
	if diff := cmp.Diff(want, asJSON(t, s.Components()["paint"])); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(`{"type":"string","description":" red: like fire.","enum":["red","green"]}`, asJSON(t, s.Components()["colour"])); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSchemaOfARequestHasOnlyWhatIsTaken(t *testing.T) {
	t.Parallel()
	s := schemas()
	if got, want := asJSON(t, s.Request(reflect.TypeFor[[]paint](), "NewPaint", []string{"name"}, []string{"notes"})),
		`{"type":"array","items":{"$ref":"#/components/schemas/NewPaint"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := `{"type":"object","properties":{"name":{"type":"string","description":"what it is called"},"notes":{"type":"array","items":{"type":"string"}}},` +
		`"required":["name"],"additionalProperties":false}`
	if diff := cmp.Diff(want, asJSON(t, s.Components()["NewPaint"])); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSchemaPanicsAtWhatItCouldOnlyGuess(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*Schemas){
		"a type without a form in JSON": func(s *Schemas) { s.Of(reflect.TypeFor[chan int]()) },
		"a field that is not there":     func(s *Schemas) { s.Request(reflect.TypeFor[paint](), "", []string{"nmae"}, nil) },
		"two types of one name": func(s *Schemas) {
			s.Of(reflect.TypeFor[size]())
			s.Request(reflect.TypeFor[paint](), "size", nil, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("it was guessed at")
				}
			}()
			do(schemas())
		})
	}
}

func TestSourceTellsCommentsAndConstants(t *testing.T) {
	t.Parallel()
	s, err := ReadSource("testdata/shop")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"shop.Colour": "Colour is what paint looks like.", "shop.Paint": "Paint is sold.",
		"shop.Paint.Colour": "Colour of it, dry.", "shop.Paint.Price": "in cents"}
	if diff := cmp.Diff(want, s.comments); diff != "" {
		t.Errorf("comments (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]constant{"shop.Colour": {{"red", "like a fire engine."}, {"green", ""}}}, s.constants, cmp.AllowUnexported(constant{})); diff != "" {
		t.Errorf("constants (-want +got)\n%s", diff)
	}
	if _, err := ReadSource("testdata/nothing"); err == nil {
		t.Error("a folder without sources is read as one with nothing to say")
	}
}
