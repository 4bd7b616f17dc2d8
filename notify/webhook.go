package notify

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/portvigil/portvigil"
)

// webhook posts the alert record, signed as the Standard Webhooks specification
// says: v1, HMAC-SHA256 over "id.timestamp.body".
type webhook struct {
	receiver
	signer   *standardwebhooks.Webhook
	linkBase string
}

func newWebhook(c Channel, o Options) (*webhook, error) {
	key, err := c.Secret.signingKey()
	if err != nil {
		return nil, err
	}
	signer, err := standardwebhooks.NewWebhookRaw(key)
	if err != nil {
		return nil, err
	}
	return &webhook{receiver: newReceiver(c, o), signer: signer, linkBase: o.LinkBase}, nil
}

// Send implements Sender. The id is the message's own; the timestamp is the
// attempt's, since receivers refuse an old one as a replay.
func (w *webhook) Send(ctx context.Context, m Message) error {
	body, err := json.Marshal(eventOf(m.linked(w.linkBase)))
	if err != nil {
		return &Failure{text: harmless("write the webhook's body: "+err.Error(), w.secrets...), err: err}
	}
	id, at := identity(m.ID), w.now()
	signature, err := w.signer.Sign(id, at, body)
	if err != nil {
		return &Failure{text: "sign the webhook's body", err: masked(err, w.secrets)}
	}
	header := http.Header{}
	header.Set(standardwebhooks.HeaderWebhookID, id)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return w.post(ctx, body, header, nil)
}

// event is the body of a webhook.
type event struct {
	Type portvigil.AlertEvent `json:"type"`
	Time time.Time            `json:"time"`
	Data alertRecord          `json:"data"`
}

// alertRecord is an alert as every record is written: type and time first.
type alertRecord struct {
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	portvigil.Alert
}

// eventOf returns the body's content: times in UTC, and lists that are empty
// rather than null, so that a receiver can walk them without asking.
func eventOf(m Message) event {
	a := m.Alert
	a.Opened, a.Changed = a.Opened.UTC(), a.Changed.UTC()
	a.Endpoints = append([]portvigil.AlertEndpoint{}, a.Endpoints...)
	for i := range a.Endpoints {
		a.Endpoints[i].Also = append([]portvigil.Verdict{}, a.Endpoints[i].Also...)
	}
	a.Views.Outside = append([]portvigil.Sighting{}, a.Views.Outside...)
	at := m.Time.UTC()
	return event{Type: m.Event, Time: at, Data: alertRecord{Type: "alert", Time: at, Alert: a}}
}
