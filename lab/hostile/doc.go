// Package hostile answers: what would somebody send who wants more than to be
// read? It makes texts for tests to put wherever the product takes one from
// outside or from a person, and says for each what it tries.
//
//	a payload              x   a way out                 =  a text
//	<script>canary=1…          "> of an attribute           "><script>canary=1…
//	onfocus=canary=1           ' of another                 ' onfocus=canary=1 x='
//	Set-Cookie: …              the end of a header's line   \r\nSet-Cookie: …
//
// It promises:
//   - The same texts in the same order each time, no two alike, none empty.
//   - A text that is run where it should only be shown gives itself away: it sets
//     the global variable that Canary names, asks CanaryHost for something, opens
//     a dialog, or adds an element or an attribute.
//   - Nothing is asked of any real machine: CanaryHost is a name that never
//     resolves (RFC 2606).
//
// Most texts are UTF-8. Those that are not, and the characters that no reader
// sees, are what a scanned host may send as well.
//
// Begin reading at Corpus in corpus.go.
package hostile
