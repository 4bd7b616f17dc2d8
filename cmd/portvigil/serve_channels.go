package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/notify"
	"github.com/portvigil/portvigil/store"
	"github.com/portvigil/portvigil/watch"
	"github.com/portvigil/portvigil/web"
)

// ground is the store as the engine declares it.
type ground struct{ *store.Store }

func (g ground) View(ctx context.Context, do func(watch.Tx) error) error {
	return g.Store.View(ctx, func(tx *store.Tx) error { return do(tx) })
}

func (g ground) Update(ctx context.Context, do func(watch.Tx) error) error {
	return g.Store.Update(ctx, func(tx *store.Tx) error { return do(tx) })
}

// post is the way to people: it makes a sender of a stored channel.
type post struct{ options notify.Options }

// Check returns an Error for settings with which the channel cannot work.
func (p post) Check(row portvigil.ChannelRow) error {
	c, err := channelOf(row)
	if err != nil {
		// What was stored once can be read: it is who asks that wrote otherwise. The
		// cause may quote the secret.
		return portvigil.Errorf(portvigil.CodeInvalid, "the settings or the secret of channel %s are not as they have to be", portvigil.Quoted(row.Name)).
			WithHint("write them as the API's description shows")
	}
	return c.Validate()
}

// Send delivers one notification.
func (p post) Send(ctx context.Context, row portvigil.ChannelRow, d portvigil.Delivery) error {
	c, err := channelOf(row)
	if err != nil {
		return &watch.GiveUp{Err: err}
	}
	sender, err := notify.New(c, p.options)
	if err != nil {
		return &watch.GiveUp{Err: err}
	}
	m := notify.Message{ID: d.ID, Event: d.Event, Time: d.Created}
	if d.Event == portvigil.ChannelTest {
		m = notify.NewTest(row.Name, d.Created)
	} else if err := json.Unmarshal(d.Body, &m.Alert); err != nil {
		return &watch.GiveUp{Err: fmt.Errorf("read delivery %s: %w", d.ID, err)}
	}
	err = sender.Send(ctx, m)
	var failure *notify.Failure
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failure) && !failure.Temporary:
		return &watch.GiveUp{Err: err}
	case errors.As(err, &failure):
		return &watch.Later{After: failure.RetryAfter, Err: err}
	}
	return &watch.Later{Err: err}
}

// channelSettings is what a channel's row shows of it.
type channelSettings struct {
	To    []string `json:"to,omitempty"`
	From  string   `json:"from,omitempty"`
	SMTP  string   `json:"smtp,omitempty"`
	Where string   `json:"where"` // where it leads, without a secret
}

// channelSecrets is what a channel's row keeps encrypted: an URL may hold a
// token, so it is one of them.
type channelSecrets struct {
	URL    string `json:"url,omitempty"`
	Secret string `json:"secret,omitempty"` // SMTP password or signing key
}

// channelOf reads a stored channel. One without a secret has none.
func channelOf(row portvigil.ChannelRow) (notify.Channel, error) {
	var settings channelSettings
	var secrets channelSecrets
	if err := json.Unmarshal(row.Settings, &settings); err != nil {
		return notify.Channel{}, fmt.Errorf("read the settings of channel %s: %w", row.Name, err)
	}
	if len(row.Secret) > 0 && json.Unmarshal(row.Secret, &secrets) != nil {
		return notify.Channel{}, fmt.Errorf("read the secrets of channel %s: they are not as they were stored", row.Name)
	}
	return notify.Channel{Name: row.Name, Kind: notify.Kind(row.Kind), To: settings.To, From: settings.From, SMTP: settings.SMTP,
		URL: notify.Secret(secrets.URL), Secret: notify.Secret(secrets.Secret)}, nil
}

// makeChannel checks a new channel and turns it into what the API takes; made is a
// signing secret that was made here, and is to be shown once.
func makeChannel(c notify.Channel) (n web.NewChannel, made notify.Secret, err error) {
	if c.Kind == notify.Webhook && c.Secret == "" {
		made = notify.NewSecret()
		c.Secret = made
	}
	if err = c.Validate(); err == nil {
		n, err = newChannel(c)
	}
	return n, made, err
}

// chosenChannel is makeChannel for what somebody typed on a page.
func chosenChannel(d web.ChannelDraft) (web.NewChannel, string, error) {
	c := notify.Channel{Name: d.Name, Kind: notify.Kind(d.Kind), To: d.To, From: d.From, URL: notify.Secret(d.URL), Secret: notify.Secret(d.Password)}
	if c.Kind == notify.Email {
		var wrong error
		if c.SMTP, wrong = notify.SMTPURL(d.Server, d.Port, d.User, notify.Encryption(d.TLS)); wrong != nil {
			// What stands above the mail server in the form is told first.
			c.SMTP = ""
			var unfit *notify.Unfit
			if err := c.Validate(); errors.As(err, &unfit) && unfit.Field() != "server" {
				wrong = err
			}
			return web.NewChannel{}, "", wrong
		}
	}
	n, made, err := makeChannel(c)
	return n, made.Reveal(), err
}

// newChannel turns a channel into what the API takes.
func newChannel(c notify.Channel) (web.NewChannel, error) {
	settings, err := json.Marshal(channelSettings{To: c.To, From: c.From, SMTP: c.SMTP, Where: c.Where()})
	if err != nil {
		return web.NewChannel{}, fmt.Errorf("write the settings of channel %s: %w", c.Name, err)
	}
	secrets, err := json.Marshal(channelSecrets{URL: c.URL.Reveal(), Secret: c.Secret.Reveal()})
	if err != nil {
		return web.NewChannel{}, fmt.Errorf("write the secrets of channel %s: %w", c.Name, err)
	}
	return web.NewChannel{Name: c.Name, Kind: string(c.Kind), Settings: settings, Secret: string(secrets)}, nil
}
