package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// slack posts to an incoming webhook of Slack.
type slack struct {
	receiver
	linkBase string
}

// Send implements Sender. Slack knows no id of a message: an attempt whose answer
// was lost may show twice.
func (s *slack) Send(ctx context.Context, m Message) error {
	body, err := json.Marshal(slackPost(contentOf(m.linked(s.linkBase))))
	if err != nil {
		return &Failure{text: harmless("write Slack's message: "+err.Error(), s.secrets...), err: masked(err, s.secrets)}
	}
	return s.post(ctx, body, nil, explainSlack)
}

// slackWords are the answers of Slack's incoming webhooks that a person can do
// something about (Slack's documentation, "Handling errors" of incoming webhooks).
var slackWords = map[string]string{
	"invalid_payload":           "invalid_payload: Slack does not understand the message",
	"user_not_found":            "user_not_found: the webhook posts to a person who is gone; make a new one",
	"channel_not_found":         "channel_not_found: the channel of the webhook is gone; make a new one",
	"channel_is_archived":       "channel_is_archived: the channel of the webhook is archived; make a new one",
	"action_prohibited":         "action_prohibited: an administrator of Slack forbids it",
	"posting_to_channel_denied": "posting_to_channel_denied: the app may not post there",
	"no_service":                "no_service: the webhook was removed or switched off; make a new one",
	"no_service_id":             "no_service_id: the URL is not complete; copy it again",
	"no_team":                   "no_team: Slack does not know the workspace in the URL; copy it again",
	"team_disabled":             "team_disabled: the workspace is switched off",
	"invalid_token":             "invalid_token: the URL is wrong or was revoked; copy it again",
	"rollup_error":              "rollup_error: Slack has a problem of its own",
}

// explainSlack puts Slack's one word into a step; other bodies say nothing, and
// could repeat what we sent.
func explainSlack(body string) string { return slackWords[strings.TrimSpace(body)] }

// Slack's limits, in characters (reference of its blocks and text objects).
const (
	slackHeader   = 150
	slackText     = 3000
	slackField    = 2000
	slackFields   = 10 // in one section
	slackFallback = 3000
	slackURL      = 3000
)

// The parts of Slack's messages that we use.
type (
	slackMessage struct {
		Text        string       `json:"text"` // for notifications and screen readers
		Blocks      []slackBlock `json:"blocks"`
		UnfurlLinks bool         `json:"unfurl_links"` // false: Slack must not visit what a host sent
		UnfurlMedia bool         `json:"unfurl_media"`
	}
	slackBlock struct {
		Type     string         `json:"type"`
		Text     *slackString   `json:"text,omitempty"`
		Fields   []*slackString `json:"fields,omitempty"`
		Elements []any          `json:"elements,omitempty"`
	}
	slackString struct {
		Type string `json:"type"`
		Text string `json:"text"`
		// Verbatim keeps Slack from making links and mentions of plain words.
		Verbatim bool `json:"verbatim,omitempty"`
	}
	slackButton struct {
		Type string       `json:"type"`
		Text *slackString `json:"text"`
		URL  string       `json:"url"`
	}
)

// slackPost lays the content out in blocks: at most six sections, far below
// Slack's fifty.
func slackPost(c content) slackMessage {
	blocks := []slackBlock{{Type: "header", Text: &slackString{Type: "plain_text", Text: slackEscape(c.Headline, slackHeader)}}}
	section := func(text string) {
		if text != "" {
			blocks = append(blocks, slackBlock{Type: "section", Text: slackMarkup(text)})
		}
	}
	section(slackEscape(c.Text, slackText))
	for facts := c.Facts; len(facts) > 0; {
		n := min(len(facts), slackFields)
		block := slackBlock{Type: "section"}
		for _, f := range facts[:n] {
			label := "*" + slackEscape(f.Label, 60) + "*\n"
			block.Fields = append(block.Fields, slackMarkup(label+slackEscape(f.Value, slackField-len(label))))
		}
		blocks, facts = append(blocks, block), facts[n:]
	}
	section(slackDoors(c))
	section(slackAdvice(c))
	if c.Link != "" && len(c.Link) <= slackURL {
		blocks = append(blocks, slackBlock{Type: "actions", Elements: []any{
			slackButton{Type: "button", Text: &slackString{Type: "plain_text", Text: "Open the alert"}, URL: c.Link}}})
	}
	blocks = append(blocks, slackBlock{Type: "context", Elements: []any{slackMarkup("Sent by PortVigil")}})
	return slackMessage{Text: slackEscape(c.Subject, slackFallback), Blocks: blocks}
}

func slackMarkup(text string) *slackString {
	return &slackString{Type: "mrkdwn", Text: text, Verbatim: true}
}

// slackDoors lists the doors; what does not fit any more is counted.
func slackDoors(c content) string {
	var b strings.Builder
	more := c.More
	const room = slackText - 40 // for the last line
	for i, d := range c.Doors {
		line := "• " + slackEscape(d, slackText/4) + "\n"
		if b.Len()+len(line) > room {
			more += len(c.Doors) - i
			break
		}
		b.WriteString(line)
	}
	if more > 0 {
		fmt.Fprintf(&b, "and %d more", more)
	}
	return b.String()
}

// slackAdvice says why it matters and what to do, with the commands to copy.
func slackAdvice(c content) string {
	var parts []string
	if c.Why != "" {
		parts = append(parts, "*Why it matters:* "+slackEscape(c.Why, 600))
	}
	if c.Do != "" {
		parts = append(parts, "*What to do:* "+slackEscape(c.Do, 600))
	}
	for _, s := range c.Steps {
		// A backtick would end the block of code; no name that we know has one.
		command := strings.ReplaceAll(s.Command, "`", "ˋ")
		parts = append(parts, slackEscape(s.For, 60)+":\n```"+slackEscape(command, 450)+"```")
	}
	return strings.Join(parts, "\n")
}

// slackEscape is Slack's escaping (&, <, > and nothing else), cut to at most
// limit bytes without breaking an entity. Without a bare < nothing can be a
// mention, such as <!channel>, or a link.
func slackEscape(s string, limit int) string {
	const more = "…"
	var b strings.Builder
	kept := 0 // of b, to which it can be cut so that the ellipsis fits
	for _, r := range s {
		unit := string(r)
		switch r {
		case '&':
			unit = "&amp;"
		case '<':
			unit = "&lt;"
		case '>':
			unit = "&gt;"
		}
		if b.Len()+len(unit) > limit {
			return b.String()[:kept] + more
		}
		b.WriteString(unit)
		if b.Len() <= limit-len(more) {
			kept = b.Len()
		}
	}
	return b.String()
}
