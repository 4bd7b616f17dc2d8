package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// The kinds of channels that can be added here.
const (
	emailKind   = "email"
	slackKind   = "slack"
	webhookKind = "webhook"
)

// ChannelDraft is a channel as somebody typed it.
type ChannelDraft struct {
	Name, Kind string

	To   []string // e-mail
	From string
	// Server, Port, TLS and User are the mail server; TLS is one of starttls, tls,
	// opportunistic and none. An empty one is left to what is usual.
	Server, Port, TLS, User string
	Password                string // of that user

	URL string // of Slack or a webhook's receiver: a secret, as it may hold a token
}

// channelLine is a channel as its page shows it.
type channelLine struct {
	portvigil.ChannelRow
	Where  string // without any secret
	Queued int    // messages that are not delivered yet
	Alert  *portvigil.Alert
	Todo   string // what to do about the last error
}

// Failing reports whether its last message did not arrive.
func (c channelLine) Failing() bool { return c.LastError != "" }

// Unproven reports whether it never took a message.
func (c channelLine) Unproven() bool { return c.LastError == "" && c.LastSuccess.IsZero() }

// channelsPage is what /channels shows.
type channelsPage struct {
	Channels []channelLine // those that fail first
	Form     form
}

func (p *pages) channels(w http.ResponseWriter, r *http.Request) {
	p.showChannels(w, r, http.StatusOK, form{})
}

func (p *pages) showChannels(w http.ResponseWriter, r *http.Request, status int, f form) {
	rows, err := p.engine.Channels(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	queued, err := p.engine.Queued(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	failing, _, err := p.engine.AlertsWhere(r.Context(), portvigil.AlertFilter{Attention: true, Kinds: []portvigil.Kind{portvigil.ChannelFailing}})
	if err != nil {
		p.fail(w, r, err)
		return
	}
	body := channelsPage{Form: f}
	for _, row := range rows {
		line := channelLine{ChannelRow: row, Where: whereOf(row), Queued: queued[row.ID], Todo: channelRemedy(row)}
		for i := range failing {
			if failing[i].Subject.Name == row.Name && failing[i].Open() {
				line.Alert = &failing[i]
			}
		}
		body.Channels = append(body.Channels, line)
	}
	slices.SortStableFunc(body.Channels, func(a, b channelLine) int { return rank(b.Failing()) - rank(a.Failing()) })
	p.show(w, r, status, "channels.html", page{"Channels", body})
}

func rank(first bool) int {
	if first {
		return 1
	}
	return 0
}

// whereOf says where a channel leads, as it was stored for being shown.
func whereOf(row portvigil.ChannelRow) string {
	var s struct {
		Where string `json:"where"`
	}
	if json.Unmarshal(row.Settings, &s) != nil || s.Where == "" {
		return "not known"
	}
	return s.Where
}

// newChannelPage is what /channels/add shows.
type newChannelPage struct {
	Kind string // "" where it is still to be chosen
	Form form
}

func (p *pages) newChannel(w http.ResponseWriter, r *http.Request) {
	kind := r.URL.Query().Get("kind")
	if !slices.Contains([]string{emailKind, slackKind, webhookKind}, kind) {
		kind = ""
	}
	p.showNewChannel(w, r, http.StatusOK, kind, form{})
}

func (p *pages) showNewChannel(w http.ResponseWriter, r *http.Request, status int, kind string, f form) {
	p.show(w, r, status, "channel.html", page{"Add a channel", newChannelPage{kind, f}})
}

// draftOf reads the form. Where one address is asked for, several are parted by
// commas, spaces or lines.
func draftOf(r *http.Request) ChannelDraft {
	typed := func(field string) string { return strings.TrimSpace(r.PostForm.Get(field)) }
	return ChannelDraft{Name: typed("name"), Kind: typed("kind"), From: typed("from"), Server: typed("server"), Port: typed("port"), TLS: typed("tls"),
		To:   strings.FieldsFunc(typed("to"), func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) }),
		User: typed("user"), Password: r.PostForm.Get("password"), URL: typed("url")}
}

// check refuses what no channel can do without, with the field that it is about.
func (d ChannelDraft) check() error {
	missing := func(field, what, hint string) error {
		return onField(field, portvigil.Errorf(portvigil.CodeInvalid, "%s is missing", what).WithHint("%s", hint))
	}
	switch {
	case d.Name == "":
		return missing("name", "the name", "call it as people will know it, such as ops")
	case d.Kind == emailKind && len(d.To) == 0:
		return missing("to", "the recipient", "write an address such as ops@example.org")
	case d.Kind == emailKind && d.From == "":
		return missing("from", "the sender", "write an address such as portvigil@example.org")
	case d.Kind == emailKind && d.Server == "":
		return missing("server", "the mail server", "write its name, such as mail.example.org")
	case d.Kind != emailKind && d.URL == "":
		return missing("url", "the address", "copy it as one line that begins with https://")
	case d.Kind == emailKind && d.User != "" && d.Password == "":
		return missing("password", "the password", "type it, or leave the user empty where the server asks for none")
	case d.Kind == emailKind && d.User == "" && d.Password != "":
		return missing("user", "the user", "type whom the password is of, or leave both empty")
	}
	return nil
}

// channelHints say what to do about a field of the form, where the commands say
// which flag to give.
var channelHints = map[string]string{
	"to":     "write addresses as name@example.org, with commas between them",
	"from":   "write an address as name@example.org",
	"server": "write only its name or address, such as mail.example.org",
	"port":   "give one from 1 to 65535, or leave it empty for the usual one",
	"tls":    "choose an encryption that is required: a password must not be readable on its way",
	"user":   "write it as the mail server knows it",
}

// ofField turns an error that names a setting into one about that field.
func ofField(err error) error {
	var about interface {
		error
		Field() string
	}
	if !errors.As(err, &about) {
		return err
	}
	if hint, found := channelHints[about.Field()]; found {
		err = portvigil.Errorf(portvigil.ErrorCode(err), "%s", Describe(err).Message).WithHint("%s", hint)
	}
	return onField(about.Field(), err)
}

// madeChannelPage is what a new webhook shows once.
type madeChannelPage struct{ Name, Secret string }

func (p *pages) addChannel(w http.ResponseWriter, r *http.Request) {
	p.act(w, r, "channel", func() (done, error) {
		d := draftOf(r)
		if err := d.check(); err != nil {
			return done{}, err
		}
		c, made, err := p.around.MakeChannel(d)
		if err != nil {
			return done{}, ofField(err)
		}
		_, err = p.engine.AddChannel(r.Context(), actor(r), portvigil.ChannelRow{Name: c.Name, Kind: c.Kind, Settings: c.Settings, Secret: []byte(c.Secret)})
		switch {
		case portvigil.ErrorCode(err) == portvigil.CodeConflict:
			return done{}, onField("name", portvigil.Errorf(portvigil.CodeConflict, "there is a channel of this name already").WithHint("take another name, or remove that one first"))
		case err != nil:
			return done{}, ofField(err)
		case made != "":
			return done{instead: func() {
				p.show(w, r, http.StatusOK, "made-channel.html", page{"Channel added", madeChannelPage{c.Name, made}})
			}}, nil
		}
		return done{said: "Added. Now send a test: only then it is known that it reaches somebody.", next: "/channels"}, nil
	}, func(status int, f form) { p.showNewChannel(w, r, status, r.PostForm.Get("kind"), f) })
}

// rowForm is the name of a form that stands at one of several rows.
func rowForm(what, name string) string { return what + " " + name }

func (p *pages) tryChannel(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	p.act(w, r, rowForm("channel", name), func() (done, error) {
		err := p.engine.TestChannel(r.Context(), actor(r), name)
		return done{said: shown(name) + " took the test message. Look whether it has arrived.", next: "/channels"}, err
	}, func(status int, f form) { p.showChannels(w, r, status, f) })
}

func (p *pages) removeChannel(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	p.act(w, r, rowForm("channel", name), func() (done, error) {
		return done{said: shown(name) + " is removed. Nothing is sent over it any more.", next: "/channels"}, p.engine.RemoveChannel(r.Context(), actor(r), name)
	}, func(status int, f form) { p.showChannels(w, r, status, f) })
}

// remedies are what to do about what a receiver or the way to it said, the
// particular before the general.
var remedies = []struct {
	kinds []string // none: any
	says  []string // any of these, in small letters
	todo  string
}{
	{nil, []string{"no such host"}, "The name is not known here. See whether it is spelled right, and whether this machine can resolve names."},
	{nil, []string{"connection refused"}, "Nothing answers at that address and port. See whether the port is right, and whether a firewall refuses it."},
	{nil, []string{"x509", "certificate"}, "The certificate does not verify. See whether the name is the one in the certificate, and whether it has expired."},
	{nil, []string{"no answer in time", "timeout", "i/o", "unreachable"}, "Nothing answered in time. See whether this machine may connect to it: many networks block mail servers' ports."},
	{[]string{emailKind}, []string{"535", "534", "authenticat"}, "The mail server refuses the user or the password. Remove the channel and add it again with those that it takes."},
	{[]string{emailKind}, []string{"starttls"}, "The mail server offers no encryption. Use its port for sending (587 or 465), or another server."},
	{[]string{emailKind}, []string{"550", "553", "554", "relay"}, "The mail server refuses the sender or a recipient. See whether it sends mail for this sender."},
	{[]string{slackKind}, nil, "Make a new address in Slack (Incoming webhooks), remove this channel and add it again with that."},
	{[]string{webhookKind}, []string{"401", "403"}, "The receiver refuses the message. See whether it has the signing secret, and whether its address is right."},
	{[]string{webhookKind}, []string{"404", "410"}, "There is nothing at that address any more. Add the channel again with the right one."},
}

// channelRemedy says what to do about a channel's last error, "" where there is none.
func channelRemedy(c portvigil.ChannelRow) string {
	if c.LastError == "" {
		return ""
	}
	text := strings.ToLower(c.LastError)
	for _, r := range remedies {
		fits := len(r.says) == 0 || slices.ContainsFunc(r.says, func(s string) bool { return strings.Contains(text, s) })
		if fits && (len(r.kinds) == 0 || slices.Contains(r.kinds, c.Kind)) {
			return r.todo
		}
	}
	return "See what the receiver says above. When it is mended, send a test; nothing has to be added again."
}
