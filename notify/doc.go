// Package notify answers one question: how does a person learn of an alert?
//
//	portvigil.Alert ──> Message ──> content ──┬─ text, HTML ──> SMTP ───> e-mail
//	                   (stable id)  (the      ├─ blocks ──────> HTTPS ──> Slack
//	                                 facts,   └─ (the record) > HTTPS ──> webhook, signed
//	                                 once)
//	                                                    │
//	    nil: the receiver took it          Failure ─────┘
//	                                       Temporary: try again, with the same id
//	                                       else:      somebody has to mend the channel
//
// It promises:
//   - Every channel says the same: which host, which door, what is behind it,
//     since when, who opened it, whether the outside confirms it, why it matters,
//     what to do. The facts are put into words once (content.go) and only
//     laid out by each channel. What is not known is said to be unknown.
//   - One call of Send is one attempt. It ends within Options.Timeout, follows no
//     redirect, reads a bounded answer, and repeats nothing by itself; the caller,
//     who knows what was stored, decides by Failure.
//   - A message keeps its id in every attempt: it is the Message-ID of the mail
//     and the webhook-id of the webhook, so that a receiver can drop a repetition.
//   - No secret, and no more of a receiver's URL than its host, is in an error.
//   - What a scanned host sent is hostile. It passes portvigil.Printable, then
//     the escaper of the output: html/template, slackText, encoding/json, and
//     the header encoding of go-mail.
//
// It refuses to send credentials unencrypted or to an unverified server beyond
// loopback, to post over plain HTTP beyond private networks, and to run any
// program but the local sendmail, which only `portvigil check` asks for.
//
// Begin reading at message.go, then content.go; sender.go makes a channel work.
package notify
