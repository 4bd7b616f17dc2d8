package hostile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// leastTexts is how many the corpus has at least.
const leastTexts = 500

func TestTheCorpusIsTheSameEachTimeWithoutTwins(t *testing.T) {
	t.Parallel()
	all := Corpus()
	if !slices.Equal(all, Corpus()) {
		t.Error("another corpus the second time")
	}
	if len(all) < leastTexts {
		t.Errorf("%d texts, want %d at least", len(all), leastTexts)
	}
	seen, kinds, broken := map[string]bool{}, map[Kind]int{}, 0
	for _, text := range all {
		if text.Text == "" || seen[text.Text] {
			t.Errorf("%s %q is empty, or stands there twice", text.Kind, text.Text)
		}
		seen[text.Text] = true
		kinds[text.Kind]++
		if !utf8.ValidString(text.Text) {
			broken++
		}
	}
	for kind, n := range kinds {
		if n < 10 || n != len(Texts(kind)) {
			t.Errorf("%d texts are %s, and Texts returns %d", n, kind, len(Texts(kind)))
		}
	}
	t.Logf("%d texts, %d of them no UTF-8: %v", len(all), broken, kinds)
}

// places are those where a page may show a text, and where it must be escaped.
var places = []string{"<p>%s</p>", `<p title="%s"></p>`, "<p title='%s'></p>", "<p title=%s></p>", "<title>%s</title>", "<textarea>%s</textarea>", "<!-- %s -->", "<script>%s</script>",
	"<style>%s</style>", "<noscript>%s</noscript>", "<select><option>%s</option></select>", "<svg><text>%s</text></svg>", "<math><mtext>%s</mtext></math>"}

// shape is what a page is made of, without what it says.
func shape(t *testing.T, place, text string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader("<!doctype html><html><head></head><body><main>" + strings.ReplaceAll(place, "%s", text) + "</main><footer></footer></body></html>"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type != html.TextNode {
			fmt.Fprintf(&b, "%d ", n.Type)
		}
		if n.Type == html.ElementNode {
			fmt.Fprint(&b, n.Namespace, n.Data)
			for _, a := range n.Attr {
				fmt.Fprint(&b, " ", a.Key)
			}
		}
	}
	return b.String()
}

// TestWhatIsMarkupBreaksOutWhereNothingIsEscaped: a text that harmed nobody anyway
// would pass any test.
func TestWhatIsMarkupBreaksOutWhereNothingIsEscaped(t *testing.T) {
	t.Parallel()
	calm := map[string]string{}
	for _, place := range places {
		calm[place] = shape(t, place, "words")
	}
	harms := map[string]int{}
	for _, kind := range []Kind{Element, Foreign, Attribute, Ending, Loading} {
		for _, text := range Texts(kind) {
			out := false
			for _, place := range places {
				if shape(t, place, text) != calm[place] {
					out = true
					harms[place]++
				}
			}
			if !out {
				t.Errorf("%s %q breaks out of nothing", kind, text)
			}
		}
	}
	for _, place := range slices.Sorted(maps.Keys(calm)) {
		if harms[place] == 0 {
			t.Errorf("no text breaks out of %s", place)
		}
	}
}
