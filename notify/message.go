package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// Message is one notification of one alert to one channel.
type Message struct {
	// ID is the same on every attempt: the Message-ID of the mail and the
	// webhook-id of the webhook are made of it.
	ID    string
	Event portvigil.AlertEvent
	Alert portvigil.Alert
	Time  time.Time // of the event, not of the attempt
}

// kindTest is the kind of the alert in a test message; it is in no table,
// because nothing raises it.
const kindTest portvigil.Kind = "channel-test"

// NewTest returns the message of `channels test`: it says that it is one.
func NewTest(channel string, at time.Time) Message {
	id := portvigil.NewID()
	return Message{ID: id, Event: portvigil.ChannelTest, Time: at, Alert: portvigil.Alert{
		ID: id, Kind: kindTest, Severity: portvigil.Low, Family: portvigil.FamilyHealth,
		Subject: portvigil.Subject{Kind: "channel", Name: channel},
		State:   portvigil.AlertResolved, Opened: at, Changed: at,
		Text: "This is a test of the channel " + channel + ": nothing is wrong, and nothing is to be done.",
	}}
}

// identity returns s where it can stand on the left of a Message-ID (RFC 5322
// section 3.6.4, less what needs quoting) and in a header of HTTP, else a hash
// of it, which is as stable.
func identity(s string) string {
	if s != "" && len(s) <= 100 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == "" {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

// linked returns the message with its alert's link made absolute, as far as
// base is known; a link that no browser should be sent to is dropped.
func (m Message) linked(base string) Message {
	link := m.Alert.Link
	if link != "" && base != "" && strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "//") {
		link = strings.TrimSuffix(base, "/") + link
	}
	m.Alert.Link = webLink(link)
	return m
}

// webLink returns the link if it is one for a browser, else "".
func webLink(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.String()
}
