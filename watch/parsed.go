package watch

import (
	"slices"
	"sync"

	"github.com/portvigil/portvigil"
)

// parsed keeps what documents say, by their text: to read 500 of them takes a third
// of a second. Nothing rests on it: a text that it does not have is read. The zero
// value is ready.
type parsed struct {
	mu   sync.Mutex
	docs map[docName][]parsedText // the one that was asked for last, first; guarded by mu
}

// parsedTexts is how many texts of a document are kept: the newest, and the one of
// which a review was signed.
const parsedTexts = 2

// docName says of whom a document is.
type docName struct{ kind, name string }

// parsedText is a text with the documents in it: one, but for what older versions
// let in.
type parsedText struct {
	text string
	docs []portvigil.Document
}

// in returns the documents in the text of a version. Who gets them does not change them.
func (p *parsed) in(v portvigil.BaselineVersion) ([]portvigil.Document, error) {
	key := docName{v.Kind, v.Name}
	p.mu.Lock()
	for _, known := range p.docs[key] {
		if known.text == v.Text {
			p.mu.Unlock()
			return known.docs, nil
		}
	}
	p.mu.Unlock()
	docs, err := portvigil.ParseBaseline(nameOf(v.Kind, v.Name), []byte(v.Text))
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.docs == nil {
		p.docs = map[docName][]parsedText{}
	}
	others := slices.DeleteFunc(p.docs[key], func(known parsedText) bool { return known.text == v.Text })
	p.docs[key] = slices.Insert(others[:min(len(others), parsedTexts-1)], 0, parsedText{v.Text, docs})
	return docs, nil
}

// only returns the one document of a version; errors are those of portvigil.ReadDocument.
func (p *parsed) only(v portvigil.BaselineVersion) (portvigil.Document, error) {
	docs, err := p.in(v)
	if err != nil {
		return portvigil.Document{}, err
	}
	return portvigil.OnlyDocument(v.Kind, v.Name, docs)
}
