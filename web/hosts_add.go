package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// addForm is the form that adds a host.
type addForm struct {
	Form          form
	Next          string
	Host, Address string // suggested
}

// Value is what a field of the form holds.
func (a addForm) Value(field string) string {
	switch {
	case a.Form.Name == "add":
		return a.Form.Typed("add", field)
	case field == "name":
		return a.Host
	case field == "addresses":
		return a.Address
	}
	return ""
}

func (p *pages) addHost(w http.ResponseWriter, r *http.Request) {
	p.act(w, r, "add", func() (done, error) {
		h, err := hostOf(r)
		if err != nil {
			return done{}, err
		}
		h, err = p.engine.AddHost(r.Context(), actor(r), h)
		if err != nil {
			return done{}, aboutHost(err)
		}
		d := done{said: shown(h.Name) + " is watched; its first look has begun and takes a minute or two.", next: hostPath(h.Name)}
		if local(r.PostForm.Get("next")) == startPath {
			d.next = startPath + "?step=hosts"
		}
		return d, nil
	}, func(status int, f form) {
		if local(f.Typed("add", "next")) == startPath {
			p.showStart(w, r, status, f)
			return
		}
		p.showHosts(w, r, status, f, nil)
	})
}

// hostOf reads the form, and says which field is wrong.
func hostOf(r *http.Request) (portvigil.Host, error) {
	h := portvigil.Host{Name: strings.TrimSpace(r.PostForm.Get("name"))}
	if h.Name == "" {
		return h, onField("name", portvigil.Errorf(portvigil.CodeInvalid, "give the host a name").WithHint("any that you know it by, such as web1"))
	}
	if err := portvigil.CheckHostName(h.Name); err != nil {
		return h, onField("name", err)
	}
	edit, err := editOf(r, true)
	if err != nil {
		return h, err
	}
	h.Groups, h.Targets, h.Outside, h.Inside = *edit.Groups, *edit.Targets, *edit.Outside, *edit.Inside
	return h, nil
}

// editOf reads what can be said of a host beside its name.
func editOf(r *http.Request, needsAddress bool) (portvigil.HostEdit, error) {
	targets, groups := wordsOf(r.PostForm.Get("addresses")), wordsOf(r.PostForm.Get("groups"))
	edit := portvigil.HostEdit{Targets: &targets, Groups: &groups}
	if needsAddress && len(targets) == 0 {
		return edit, onField("addresses", portvigil.Errorf(portvigil.CodeInvalid, "give at least one address or DNS name").
			WithHint("such as 192.0.2.7 or web1.example.org"))
	}
	for _, t := range targets {
		if _, err := parsePrefix(t); err != nil && !portvigil.IsDNSName(t) {
			return edit, onField("addresses", portvigil.Errorf(portvigil.CodeInvalid, "%s is neither an address nor a DNS name", portvigil.Quoted(t)).
				WithHint("write 192.0.2.7, 2001:db8::7 or web1.example.org"))
		}
	}
	for _, g := range groups {
		if err := portvigil.CheckGroupName(g); err != nil {
			return edit, onField("groups", err)
		}
	}
	outside, err := intervalOf(r, "outside", portvigil.DefaultOutsideInterval)
	if err != nil {
		return edit, err
	}
	inside, err := intervalOf(r, "inside", portvigil.DefaultInsideInterval)
	edit.Outside, edit.Inside = &outside, &inside
	return edit, err
}

// wordsOf parts what was typed at blanks, commas and semicolons.
func wordsOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;\t\r\n", r) })
}

func intervalOf(r *http.Request, field string, otherwise time.Duration) (time.Duration, error) {
	text := strings.ReplaceAll(r.PostForm.Get(field), " ", "")
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, onField(field, portvigil.Errorf(portvigil.CodeInvalid, "%s is no span of time", portvigil.Quoted(text)).WithHint("write 24h or 30m"))
	case d < time.Minute:
		return 0, onField(field, portvigil.Errorf(portvigil.CodeInvalid, "%s is too short", d).WithHint("give at least 1m"))
	}
	return d, nil
}

// aboutHost says which field of a host's form a refusal of the engine is about.
func aboutHost(err error) error {
	switch portvigil.ErrorCode(err) {
	case portvigil.CodeConflict:
		return onField("name", portvigil.Errorf(portvigil.CodeConflict, "a host of that name is watched already").WithHint("choose another name"))
	case portvigil.CodeOutOfScope:
		var e *portvigil.Error
		if errors.As(err, &e) && strings.Contains(e.Message, "denied") {
			err = e.WithHint("a denied network stays denied until the scope page allows it")
		}
		return onField("addresses", err)
	case portvigil.CodeInvalid, portvigil.CodeNotFound, portvigil.CodeUnavailable: // the fields themselves are fit
		return onField("addresses", err)
	}
	return err
}

// maxRefused bounds the refused lines that a page lists, and maxImported the hosts
// that one form adds: a browser does not wait for more.
const (
	maxRefused  = 50
	maxImported = 1000
)

// importForm is the form that takes many hosts.
type importForm struct {
	Form    form
	Refused some[refusedHost]
}

// refusedHost is a host of an import that was not added, and why.
type refusedHost struct{ Name, Why string }

func (p *pages) importHosts(w http.ResponseWriter, r *http.Request) {
	var refused []refusedHost
	p.act(w, r, "import", func() (done, error) {
		hosts, err := portvigil.ReadHosts("the list", strings.NewReader(r.PostForm.Get("csv")))
		if err != nil {
			return done{}, onField("csv", err)
		}
		if len(hosts) > maxImported {
			return done{}, onField("csv", portvigil.Errorf(portvigil.CodeInvalid, "these are %d hosts, and one form takes %d", len(hosts), maxImported).
				WithHint("send them in parts, or use: portvigil hosts import FILE"))
		}
		added, kept := 0, 0
		for _, h := range hosts {
			_, err := p.engine.AddHost(r.Context(), actor(r), h)
			switch {
			case err == nil:
				added++
			case r.Context().Err() != nil:
				return done{}, err
			case portvigil.ErrorCode(err) == portvigil.CodeConflict:
				kept++
			default:
				refused = append(refused, refusedHost{h.Name, begun(shown(Describe(aboutHost(err)).sentence()))})
			}
		}
		said := fmt.Sprintf("%s added, %d watched already.", plural(added, "host"), kept)
		if len(refused) > 0 {
			return done{}, onField("csv", portvigil.Errorf(portvigil.CodeInvalid, "%s %s not added, as said below", said, plural(len(refused), "host")).
				WithHint("mend these lines and send the list again: what is there stays"))
		}
		return done{said: said, next: "/hosts"}, nil
	}, func(status int, f form) { p.showHosts(w, r, status, f, refused) })
}
