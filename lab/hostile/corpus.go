package hostile

import (
	"slices"
	"strings"
)

// Canary is the global variable that a text sets where it is run as a script.
const Canary = "canary"

// CanaryHost is the machine that a text asks for something where it is taken for
// a link, an image, a style or a frame.
const CanaryHost = "canary.invalid"

// Kind tells what a text tries.
type Kind string

// The kinds.
const (
	Element   Kind = "element"   // to be an element
	Foreign   Kind = "foreign"   // to be one by way of SVG or MathML, which are parsed otherwise
	Attribute Kind = "attribute" // to leave an attribute's value and add another one
	Ending    Kind = "ending"    // to end what it stands in: a comment, a script, a title
	Loading   Kind = "loading"   // to have something loaded, sent or opened elsewhere
	Clobber   Kind = "clobber"   // to take the name of something that scripts use
	Address   Kind = "address"   // to be a link that runs
	Template  Kind = "template"  // to be computed by a template
	Encoded   Kind = "encoded"   // to be undone once too often
	Script    Kind = "script"    // to leave a string of JavaScript or JSON
	Style     Kind = "style"     // to be a style
	Unseen    Kind = "unseen"    // to change what is seen of the text around it
	Broken    Kind = "broken"    // to be no text at all
	Long      Kind = "long"      // to take all the room
	Terminal  Kind = "terminal"  // to steer a terminal
	Header    Kind = "header"    // to begin another header or line
	YAML      Kind = "yaml"      // to be something else than a scalar
	Formula   Kind = "formula"   // to be computed by a spreadsheet
	Path      Kind = "path"      // to lead to another file or page
	Shell     Kind = "shell"     // to be run by a shell, or taken for an option
	Query     Kind = "query"     // to be part of a question to a database, a format, a logger
)

// Text is one hostile text.
type Text struct {
	Kind Kind
	Text string
}

// Corpus returns every text.
func Corpus() []Text {
	var all []Text
	seen := map[string]bool{}
	for _, k := range []struct {
		kind  Kind
		texts []string
	}{
		{Element, elements()}, {Foreign, foreign()}, {Attribute, attributes()}, {Ending, endings()}, {Loading, loading()},
		{Clobber, clobbering()}, {Address, addresses()}, {Template, templates()}, {Encoded, encoded()}, {Script, scripts()},
		{Style, styles()}, {Unseen, unseen()}, {Broken, broken()}, {Long, long()}, {Terminal, terminals()}, {Header, headers()},
		{YAML, yamls()}, {Formula, formulas()}, {Path, paths()}, {Shell, shells()}, {Query, queries()},
	} {
		for _, text := range k.texts {
			if !seen[text] { // two kinds may come to the same
				seen[text] = true
				all = append(all, Text{k.kind, text})
			}
		}
	}
	return all
}

// Texts returns the texts of the kinds, or all of them, without their kinds.
func Texts(kinds ...Kind) []string {
	var list []string
	for _, t := range Corpus() {
		if len(kinds) == 0 || slices.Contains(kinds, t.Kind) {
			list = append(list, t.Text)
		}
	}
	return list
}

// js is what a text runs, where it can.
const js = Canary + "=1"

// elsewhere is what it asks for, where it can.
const elsewhere = "//" + CanaryHost

// image is the shortest element that runs something by itself.
const image = "<img src=x onerror=" + js + ">"

// script is the plainest one.
const script = "<script>" + js + "</script>"

// each returns the pattern with its %s filled by each of the words. It stands for
// itself in all places.
func each(pattern string, words ...string) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = strings.ReplaceAll(pattern, "%s", w)
	}
	return list
}
